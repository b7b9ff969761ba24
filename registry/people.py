"""The people of a registry and what they are credited with, as plain values."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from registry.errors import UnknownWork
from registry.hits import Credit, Credited
from registry.identifiers import canonical
from registry.linking import Conflict, current, identifiers_of, introduce, put
from registry.text import folded, storable


def write_credits(
    conn: sqlite3.Connection, rank: int, work_id: str, credits: Iterable[Credit], holders: Iterable[str]
) -> tuple[str, ...]:
    """Stores the credits and rights holders of a new work, in their order; what contradicts what is registered is left out
    and told, a sentence each.
    """
    credits, conflicts = tuple(credits), []
    for credit in credits:
        if credit.identifiers:  # first, so that a row with the name alone finds them
            with contextlib.suppress(Conflict):
                introduce(conn, rank, work_id, credit)
    for credit in credits:
        try:
            put(conn, rank, work_id, credit)
        except Conflict as conflict:
            where = f"{credit.where}: " if credit.where else ""
            conflicts.append(f"{where}{credit.name} ({credit.role}): {conflict}")
    rows = [(rank, place, storable(name)) for place, name in enumerate(holders)]
    conn.executemany("insert into holder (work, place, name) values (?, ?, ?)", rows)
    return tuple(conflicts)


def credits_of(conn: sqlite3.Connection, rank: int) -> tuple[Credit, ...]:
    """The credits of a work, in the order they were given."""
    rows = conn.execute("select name, role, identifier, share, guild from credit where work = ? order by place", (rank,))
    return tuple(Credit(name, role, identifier, _decimal(share), guild) for name, role, identifier, share, guild in rows)


def credited(conn: sqlite3.Connection, rank: int) -> tuple[Credited, ...]:
    """The credits of a work as money sees them, in the order they were given."""
    rows = conn.execute(
        "select p.key, c.name, c.role, c.share, c.guild, p.state, c.state from credit c join person p on p.id = c.person "
        "where c.work = ? order by c.place",
        (rank,),
    )
    return tuple(Credited(key, name, role, _decimal(share), *rest) for key, name, role, share, *rest in rows)


def _decimal(share: str | None) -> Decimal | None:
    return None if share is None else Decimal(share)


def by_key(conn: sqlite3.Connection, key: str) -> int:
    """The person of that key, or the one they have been merged into. Raises UnknownWork."""
    row = conn.execute("select id from person where key = ?", (storable(key),)).fetchone()
    if row is None:
        raise UnknownWork(f"{key}: nobody in the registry has this key; see byline people list")
    return current(conn, int(row[0]))


def key_of(conn: sqlite3.Connection, number: int) -> str:
    """The key of a person."""
    return str(conn.execute("select key from person where id = ?", (number,)).fetchone()[0])


def payee(conn: sqlite3.Connection, key: str) -> tuple[str, str]:
    """Name and state of whoever this key leads to. Raises UnknownWork."""
    name, state = conn.execute("select name, state from person where id = ?", (by_key(conn, key),)).fetchone()
    return name, state


def holders_of(conn: sqlite3.Connection, rank: int) -> tuple[str, ...]:
    """The rights holders of a work."""
    return tuple(row[0] for row in conn.execute("select name from holder where work = ? order by place", (rank,)))


def people(conn: sqlite3.Connection, like: str = "") -> Iterator[dict[str, Any]]:
    """Everybody by name: id, key, name, state, identifiers, how many live works and credits. `like` is part of a name."""
    rows = conn.execute(
        "select p.id, p.key, p.name, p.state, count(distinct c.work), count(c.work) from person p "
        "left join credit c on c.person = p.id and c.work in (select rank from work where state = 'live') "
        "where p.merged_into is null and instr(lower(p.name), lower(?)) > 0 group by p.id order by p.name, p.id",
        (storable(like),),
    )
    names = ("person", "key", "name", "state")
    for *about, works, credits in rows.fetchall():
        row = dict(zip(names, about, strict=True)) | {"identifiers": identifiers_of(conn, about[0])}
        yield row | {"works": works, "credits": credits}


def meant(conn: sqlite3.Connection, who: str) -> list[int]:
    """Everybody of that key, identifier, name (in whatever case) or number. Raises UnknownWork when there is nobody."""
    who = storable(who)
    rows = conn.execute(
        "select id from person where key = ?1 union select id from person where id = ?3 "
        "union select person from identifier where identifier in (?1, ?2) "
        "union select person from person_name where folded = ?4",
        (who, canonical(who), int(who) if who.isascii() and who.isdigit() and len(who) < 19 else None, folded(who)),
    ).fetchall()
    if not rows:
        raise UnknownWork(f"{who}: nobody of this name is credited; see byline people list")
    return sorted({current(conn, row[0]) for row in rows})


def person(conn: sqlite3.Connection, who: str) -> list[dict[str, Any]]:
    """Everybody of that key, identifier, name or number, each with names, state and credits. Raises UnknownWork."""
    return [about(conn, number) for number in meant(conn, who)]


def about(conn: sqlite3.Connection, number: int) -> dict[str, Any]:
    """All that is known of one person."""
    key, name, state = conn.execute("select key, name, state from person where id = ?", (number,)).fetchone()
    others = conn.execute("select name from person_name where person = ? and name <> ? order by name", (number, name))
    return {
        "person": number, "key": key, "name": name, "state": state, "other_names": [row[0] for row in others],
        "identifiers": identifiers_of(conn, number), "credits": _credits_to(conn, number),
    }  # fmt: skip


def _credits_to(conn: sqlite3.Connection, number: int) -> list[dict[str, Any]]:
    names = ("work", "title", "medium", "state", "name", "role", "share", "guild", "credit_state")
    rows = conn.execute(
        "select w.work_id, w.title, w.medium, w.state, c.name, c.role, c.share, c.guild, c.state "
        "from credit c join work w on w.rank = c.work where c.person = ? order by w.rank, c.place",
        (number,),
    )
    return [dict(zip(names, row, strict=True)) for row in rows]
