"""What a registry says of its own state: the values in `meta`, the revision counted up, the audit rows."""

from __future__ import annotations

import sqlite3

from registry.text import storable


def meta(conn: sqlite3.Connection, name: str) -> str:
    """The value of that name."""
    return str(conn.execute("select value from meta where name = ?", (name,)).fetchone()[0])


def changed(conn: sqlite3.Connection, works_more: int) -> None:
    """Counts the revision up, and the works up or down."""
    conn.execute("update meta set value = cast(value as integer) + 1 where name = 'revision'")
    conn.execute("update meta set value = cast(value as integer) + ? where name = 'works'", (works_more,))


def note(conn: sqlite3.Connection, kind: str, work_id: str, detail: str, at: str) -> None:
    """One audit row."""
    values = (kind, storable(work_id), storable(detail), at)
    conn.execute("insert into event (kind, work_id, detail, at) values (?, ?, ?, ?)", values)
