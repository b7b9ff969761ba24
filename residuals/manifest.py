"""Training manifests: the registered works that a vendor declares to have trained on, as a CSV file with a column work_id."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from registry.tables import Refusal, read_table
from registry.text import storable
from residuals.people import People


def registered_in(conn: sqlite3.Connection, registry: People, path: Path, refused: list[Refusal]) -> int:
    """How many different registered works a manifest names; they are kept for `works_in`. Unknown ones are refused by line.

    Raises CatalogueError when the file is of no use.
    """
    conn.execute("create temp table if not exists manifest (work text primary key) without rowid")
    conn.execute("delete from manifest")
    for row in read_table(path, ("work_id",)):
        if isinstance(row, Refusal):
            refused.append(row)
        elif not registry.has_work(storable(row.values["work_id"])):
            work = row.values["work_id"]
            refused.append(Refusal(str(path), row.line, work, f'no work "{work}" is registered; it gets no part of the pool'))
        else:
            conn.execute("insert or ignore into manifest values (?)", (storable(row.values["work_id"]),))
    return int(conn.execute("select count(*) from manifest").fetchone()[0])


def works_in(conn: sqlite3.Connection) -> Iterator[str]:
    """The works of the manifest by id."""
    return (row[0] for row in conn.execute("select work from manifest order by work"))
