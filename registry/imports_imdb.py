"""Credits from IMDb's tables (developer.imdb.com/non-commercial-datasets), for the works that have an imdb identifier.

The tables have up to a hundred million rows: of title.principals only rows of registered works are kept, in a temporary database;
then the names they speak of are looked for in name.basics, the titles in title.basics.
"""

from __future__ import annotations

import contextlib
import io
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from registry.hits import Credit
from registry.identifiers import BadIdentifier, person_identifier, work_identifier
from registry.imports_files import Given, Item, Unmatched, opened_binary, unreadable
from registry.roles import from_vocabulary, known, ours
from registry.tables import CatalogueError, Lines, LongLine, Refusal

NAMES, TITLES, PRINCIPALS = 0, 1, 2  # places in imports_files.IMDB
WHAT = ("name.basics", "title.basics", "title.principals")
COLUMNS = (
    ("nconst", "primaryName"),
    ("tconst", "primaryTitle", "originalTitle"),
    ("tconst", "nconst", "category", "job"),
)
NOTHING = "\\N"


def read_imdb(files: Mapping[int, Path], works: frozenset[str], unmatched: Unmatched) -> Iterator[Item]:
    """The credits of registered works. With title.basics, only where the title there is the one here."""
    for place in (NAMES, PRINCIPALS):
        if place not in files:
            path = next(iter(files.values()))
            yield Refusal(str(path), 0, "", f"{path}: IMDb's credits need {WHAT[place]} too; give its file in the same import")
            return
    with contextlib.closing(sqlite3.connect("", isolation_level=None)) as desk:
        desk.execute("create table principal (line integer primary key, title, name, category, job)")
        desk.execute("create table name (id text primary key, name) without rowid")
        desk.execute("create table title (id text primary key, first, original) without rowid")
        desk.execute("begin")
        try:
            yield from _principals(desk, files[PRINCIPALS], works, unmatched)
            yield from _names(desk, files[NAMES])
            if TITLES in files:
                yield from _titles(desk, files[TITLES])
        except CatalogueError as error:
            yield Refusal(str(files[PRINCIPALS]), 0, "", str(error))
            return
        yield from _credits(desk, files[PRINCIPALS])


def _table(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]] | Refusal]:
    """Line and values of a table without quotes. Raises CatalogueError."""
    try:
        with opened_binary(path) as binary, io.TextIOWrapper(binary, encoding="utf-8-sig", newline="\n") as file:
            lines = Lines(file)
            header = next(lines, "").rstrip("\n").split("\t")
            if missing := [c for c in columns if c not in header]:
                raise CatalogueError(f"{path}: the column {missing[0]} is missing; the first line must name the columns")
            yield from _values(path, lines, header, [header.index(c) for c in columns])
    except UnicodeDecodeError:
        raise CatalogueError(f"{path}, line {lines.number + 1:,} or a little later: is not UTF-8 text; get it again") from None
    except (OSError, EOFError, zlib.error, LongLine) as error:
        raise unreadable(path, error) from None


def _values(path: Path, lines: Lines, header: list[str], places: list[int]) -> Iterator[tuple[int, tuple[str, ...]] | Refusal]:
    while True:
        try:
            fields = next(lines).rstrip("\r\n").split("\t")
        except StopIteration:
            return
        except LongLine as error:
            yield Refusal(str(path), lines.number, "", str(error))
            continue
        if len(fields) != len(header):
            if fields != [""]:
                yield Refusal(str(path), lines.number, "", f"the row has {len(fields)} fields, the header {len(header)}")
            continue
        yield lines.number, tuple("" if fields[i] == NOTHING else fields[i] for i in places)


def _principals(desk: sqlite3.Connection, path: Path, works: frozenset[str], unmatched: Unmatched) -> Iterator[Item]:
    title, wanted = "", False
    for row in _table(path, COLUMNS[PRINCIPALS]):
        if isinstance(row, Refusal):
            yield row
            continue
        line, (tconst, nconst, category, job) = row
        if tconst != title:
            title, wanted = tconst, f"imdb:{tconst}" in works
            unmatched.works += not wanted
        if wanted:
            desk.execute("insert into principal values (?, ?, ?, ?, ?)", (line, tconst, nconst, category, job))
            desk.execute("insert or ignore into name values (?, null)", (nconst,))
            desk.execute("insert or ignore into title values (?, null, null)", (tconst,))


def _names(desk: sqlite3.Connection, path: Path) -> Iterator[Item]:
    for row in _table(path, COLUMNS[NAMES]):
        if isinstance(row, Refusal):
            yield row
        else:
            desk.execute("update name set name = ? where id = ?", (row[1][1], row[1][0]))


def _titles(desk: sqlite3.Connection, path: Path) -> Iterator[Item]:
    for row in _table(path, COLUMNS[TITLES]):
        if isinstance(row, Refusal):
            yield row
        else:
            tconst, first, original = row[1]
            desk.execute("update title set first = ?, original = ? where id = ?", (first, original, tconst))


def _credits(desk: sqlite3.Connection, path: Path) -> Iterator[Item]:
    rows = desk.execute(
        "select p.line, p.title, p.name, p.category, p.job, n.name, t.first, t.original from principal p "
        "join name n on n.id = p.name join title t on t.id = p.title order by p.line"
    )
    for line, title, nconst, category, job, name, first, original in rows:
        try:
            work, person = work_identifier("imdb", title), person_identifier("imdb", nconst)
        except BadIdentifier as error:
            yield Refusal(str(path), line, title, str(error))
            continue
        if not name:
            yield Refusal(str(path), line, work, f"{nconst} is not in name.basics; get both tables from the same day")
            continue
        role = ours(job) if job and known(job) else from_vocabulary("imdb", category)
        titles = tuple(dict.fromkeys(t for t in (first, original) if t))
        yield Given(str(path), line, work, Credit(name, role, person), titles=titles)
