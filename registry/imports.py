"""Credits from elsewhere put to the works that are registered, in transactions of so many rows.

A credit is known by its work, its human and its role, so that an import can be stopped at any moment and run again: what is in
is found again, what is missing is put in.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice

from registry.audit import changed
from registry.identified import works_of
from registry.identifiers import BadIdentifier, split, work_identifier
from registry.imports_files import Given, Item
from registry.linking import Conflict, put
from registry.tables import Refusal
from registry.text import folded, storable

BATCH_ROWS = 10_000
KEPT_WORKS = 100_000  # answers to "which work is that" kept in memory

Connection = Callable[[], AbstractContextManager[sqlite3.Connection]]
Works = dict[str, list[tuple[int, str]]]


@dataclass(frozen=True)
class Taken:
    """What became of so many rows that were committed together."""

    accepted: int = 0
    completed: int = 0
    known: int = 0
    quarantined: tuple[Refusal, ...] = ()


def take(items: Iterable[Item], writing: Connection, batch_rows: int = BATCH_ROWS) -> Iterator[Taken]:
    """Puts credits in, batch by batch; each batch is told when it is safe."""
    rest, works = iter(items), Works()
    while batch := list(islice(rest, batch_rows)):
        with writing() as conn:
            taken = _take(conn, batch, works)
        yield taken


def _take(conn: sqlite3.Connection, batch: list[Item], works: Works) -> Taken:
    counts = {"accepted": 0, "completed": 0, "known": 0}
    quarantined = []
    for item in batch:
        try:
            if isinstance(item, Refusal):
                quarantined.append(item)
            else:
                for status in _put(conn, item, works):
                    counts[status] += 1
        except Conflict as error:
            quarantined.append(Refusal(item.file, item.line, item.work, str(error)))  # type: ignore[union-attr]
    if counts["accepted"] or counts["completed"]:
        changed(conn, 0)
    return Taken(counts["accepted"], counts["completed"], counts["known"], tuple(quarantined))


def _put(conn: sqlite3.Connection, item: Given, works: Works) -> list[str]:
    """What became of the credit, for each work that is meant. Raises Conflict."""
    key = storable(item.work)
    if key not in works:
        if len(works) >= KEPT_WORKS:
            works.clear()
        works[key] = _works(conn, key)
    found = works[key]
    if not found:
        raise Conflict(f'no work "{item.work}" is registered; check the work_id, or say with byline works identify which it is')
    for rank, work_id in found:
        _check_title(conn, rank, work_id, item)
    return [put(conn, rank, work_id, item.credit, item.other_names) for rank, work_id in found]


def _works(conn: sqlite3.Connection, work: str) -> list[tuple[int, str]]:
    """Rank and id of the works meant by an id, or else by an identifier."""
    row = conn.execute("select rank, work_id from work where work_id = ?", (work,)).fetchone()
    if row:
        return [(int(row[0]), row[1])]
    try:
        return works_of(conn, work_identifier(*split(work)))
    except BadIdentifier:
        return []


def _check_title(conn: sqlite3.Connection, rank: int, work_id: str, item: Given) -> None:
    """Raises Conflict when the file calls the work by another title: then a wrong identifier would name the wrong people."""
    if not item.titles:
        return
    title = conn.execute("select title from work where rank = ?", (rank,)).fetchone()[0]
    if not any(_bare(title).startswith(_bare(t)) for t in item.titles):
        told = " or ".join(f'"{t}"' for t in item.titles)
        raise Conflict(
            f'{item.work} is {told} there, and "{title}" here (work {work_id}); if it is that work, import without title.basics'
        )


def _bare(title: str) -> str:
    return "".join(c for c in folded(title) if c.isalnum())


def known_identifiers(conn: sqlite3.Connection) -> frozenset[str]:
    """The identifiers of registered works by which large files are searched."""
    rows = conn.execute(
        "select identifier from work_identifier where substr(identifier, 1, instr(identifier, ':') - 1) "
        "in (select value from json_each(?))",
        (json.dumps(["imdb", "isrc", "musicbrainz"]),),
    )
    return frozenset(row[0] for row in rows)
