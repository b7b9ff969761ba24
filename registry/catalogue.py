"""A catalogue of works and credits in two CSV files, joined row by row; what cannot be used is told with file and line.

    works.csv    work_id, title, medium, path; licence, source, holders (with ";" between) and any further columns;
                 isrc, iswc, isan, eidr, isbn, doi, imdb and musicbrainz are checked and identify the work
    credits.csv  work_id, name, role; person_scheme and person_value, identifier (scheme:value, several with ";" between), isni,
                 orcid, ipi, imdb, musicbrainz, wikidata; share (0.25 or 25%), guild

Both are streamed through a temporary database, so that two million works need no memory.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from registry.hits import Credit
from registry.identifiers import MOST_CHARACTERS, PEOPLE, BadIdentifier, person_identifier, split, work_identifiers_in
from registry.tables import CatalogueError, Refusal, Row, read_table
from registry.text import storable

__all__ = ["CatalogueError", "CatalogueWork", "Refusal", "read_catalogue"]

MEDIA = ("film", "audio", "text", "image")
WORK_COLUMNS = ("work_id", "title", "medium", "path")
CREDIT_COLUMNS = ("work_id", "name", "role")
KEPT_APART = {*WORK_COLUMNS, "licence", "source", "holders"}

Refuse = Callable[[Refusal], None]


@dataclass(frozen=True)
class CatalogueWork:
    """One usable row of works.csv with its credits; path is absolute or from the working directory, like `works`."""

    file: str
    line: int
    work_id: str
    title: str
    medium: str
    path: Path
    licence: str = ""
    source: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    credits: tuple[Credit, ...] = ()
    holders: tuple[str, ...] = ()


def read_catalogue(
    works: Path, credits: Path | None, refuse: Refuse, works_encoding: str = "", credits_encoding: str = ""
) -> Iterator[CatalogueWork]:
    """The works of a catalogue in its order; `refuse` is told of every row that cannot be used. Raises CatalogueError.

    Both tables are checked before the first work is given: credits of unknown works are refused first.
    """
    with contextlib.closing(sqlite3.connect("", isolation_level=None)) as desk:
        desk.execute("create table work (work_id text primary key) without rowid")
        desk.execute("create table credit (work_id, line, name, role, identifier, share, guild, also)")
        desk.execute("begin")
        _note_works(desk, works, works_encoding)
        if credits is not None:
            _load_credits(desk, credits, refuse, credits_encoding)
        desk.execute("create index credit_by_work on credit (work_id)")
        yield from _works(desk, works, credits, refuse, works_encoding)


def count_works(works: Path, encoding: str = "") -> int:
    """How many usable-looking rows there are, for a progress bar."""
    return sum(isinstance(row, Row) for row in read_table(works, WORK_COLUMNS, encoding))


def _note_works(desk: sqlite3.Connection, works: Path, encoding: str) -> None:
    rows = read_table(works, WORK_COLUMNS, encoding)
    ids = ((storable(row.values["work_id"] if isinstance(row, Row) else row.work_id),) for row in rows)
    desk.executemany("insert or ignore into work values (?)", ids)


def _works(desk: sqlite3.Connection, works: Path, credits: Path | None, refuse: Refuse, encoding: str) -> Iterator[CatalogueWork]:
    seen = set[str]()
    for row in read_table(works, WORK_COLUMNS, encoding):
        if isinstance(row, Refusal):
            refuse(row)
            continue
        reason = _reason_against(row.values, seen)
        if reason:
            refuse(Refusal(str(works), row.line, row.values["work_id"], reason))
            continue
        seen.add(row.values["work_id"])
        yield _work(desk, works, credits, row)


def _reason_against(values: Mapping[str, str], seen: set[str]) -> str:
    """Why this work cannot be used, or ""."""
    if not values["work_id"]:
        return "the work_id is empty; give every work one of its own"
    if values["work_id"] in seen:
        return "this work_id stands in the file before; give every work one of its own"
    if values["medium"].lower() not in MEDIA:
        return f'the medium "{values["medium"]}" is unknown; write one of {", ".join(MEDIA)}'
    if not values["path"] or "\0" in values["path"]:
        return "the path is empty or impossible; say where the file is"
    try:
        work_identifiers_in(values)
    except BadIdentifier as error:
        return str(error)
    return ""


def _credit(row: tuple[Any, ...], credits: Path | None) -> Credit:
    name, role, identifier, share, guild, also, line = row
    exact = None if share is None else Decimal(share)
    return Credit(name, role, identifier, exact, guild, tuple(json.loads(also)), f"{credits}, line {line}")


def _work(desk: sqlite3.Connection, works: Path, credits: Path | None, row: Row) -> CatalogueWork:
    v = row.values
    found = desk.execute(
        "select name, role, identifier, share, guild, also, line from credit where work_id = ? order by line",
        (storable(v["work_id"]),),
    )
    return CatalogueWork(
        str(works), row.line, v["work_id"], v["title"], v["medium"].lower(), works.parent / v["path"],
        v.get("licence", ""), v.get("source", ""), {k: x for k, x in v.items() if k and k not in KEPT_APART},
        tuple(_credit(desk_row, credits) for desk_row in found),
        tuple(h.strip() for h in v.get("holders", "").split(";") if h.strip()),
    )  # fmt: skip


def _load_credits(desk: sqlite3.Connection, credits: Path, refuse: Refuse, encoding: str) -> None:
    for row in read_table(credits, CREDIT_COLUMNS, encoding):
        if isinstance(row, Refusal):
            refuse(row)
            continue
        work_id = row.values["work_id"]
        try:
            credit = credit_of(row.values)
        except ValueError as error:
            refuse(Refusal(str(credits), row.line, work_id, str(error)))
            continue
        if not desk.execute("select 1 from work where work_id = ?", (storable(work_id),)).fetchone():
            refuse(Refusal(str(credits), row.line, work_id, f'no work "{work_id}" is in the catalogue; check the work_id'))
            continue
        share = None if credit.share is None else format(credit.share, "f")
        texts = (storable(text) for text in (credit.name, credit.role, credit.identifier))
        values = (storable(work_id), row.line, *texts, share, storable(credit.guild), json.dumps(credit.also))
        desk.execute("insert into credit values (?, ?, ?, ?, ?, ?, ?, ?)", values)


def credit_of(values: Mapping[str, str]) -> Credit:
    """The Credit in a row of credits.csv. Raises ValueError with the reason."""
    if not values["name"]:
        raise ValueError("the name is empty; a credit needs a person")
    if max(len(values["name"]), len(values["role"])) > MOST_CHARACTERS:
        raise ValueError(f"the name or the role is longer than {MOST_CHARACTERS} characters; check the row")
    identifiers = list(dict.fromkeys(_identifiers(values))) or [""]
    share = share_of(values.get("share", ""))
    return Credit(values["name"], values["role"], identifiers[0], share, values.get("guild", ""), tuple(identifiers[1:]))


def _identifiers(values: Mapping[str, str]) -> Iterator[str]:
    scheme, value = values.get("person_scheme", ""), values.get("person_value", "")
    if bool(scheme) != bool(value):
        raise ValueError("only one of person_scheme and person_value is given; an identifier needs both")
    if scheme:
        yield person_identifier(scheme, value)
    for text in values.get("identifier", "").split(";"):
        if text.strip():
            yield person_identifier(*split(text))
    for scheme in PEOPLE:
        if values.get(scheme):
            yield person_identifier(scheme, values[scheme])


def share_of(text: str) -> Decimal | None:
    """The part of the work that a text like "0.25", "0,25" or "25 %" says, exactly; None for no text. Raises ValueError."""
    if not text:
        return None
    number = re.fullmatch(r"([0-9]{0,12}(?:[.,][0-9]{1,12})?)\s*(%?)", text)
    if not number or not number[1]:
        raise ValueError(f'the share "{text}" is no part of a work; write it like 0.25 or 25%')
    sign, digits, exponent = Decimal(number[1].replace(",", ".")).as_tuple()
    share = Decimal((sign, digits, int(exponent) - (2 if number[2] else 0)))
    if share > 1:
        raise ValueError(f'the share "{text}" is no part of a work; write it like 0.25 or 25%')
    return share
