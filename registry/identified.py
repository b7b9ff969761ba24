"""By which identifiers the registered works are known elsewhere. The caller holds the transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from registry.errors import RegistryError
from registry.identifiers import BadIdentifier, split, work_identifier


def identify(conn: sqlite3.Connection, rank: int, identifiers: Iterable[str]) -> int:
    """Notes that a work has these identifiers, each in its one form; how many were new. Several works may have one."""
    rows = [(identifier, rank) for identifier in identifiers]
    return conn.executemany("insert or ignore into work_identifier (identifier, work) values (?, ?)", rows).rowcount


def checked(identifiers: Iterable[str]) -> list[str]:
    """These identifiers of works in their one form. Raises RegistryError."""
    try:
        return [work_identifier(*split(identifier)) for identifier in identifiers]
    except BadIdentifier as error:
        raise RegistryError(str(error)) from None


def identifiers_of_work(conn: sqlite3.Connection, rank: int) -> list[str]:
    """The identifiers of a work."""
    rows = conn.execute("select identifier from work_identifier where work = ? order by identifier", (rank,))
    return [row[0] for row in rows]


def works_of(conn: sqlite3.Connection, identifier: str) -> list[tuple[int, str]]:
    """Rank and id of every work with this identifier, in its one form."""
    rows = conn.execute(
        "select w.rank, w.work_id from work_identifier i join work w on w.rank = i.work where i.identifier = ? order by w.rank",
        (identifier,),
    )
    return [(int(rank), work_id) for rank, work_id in rows]
