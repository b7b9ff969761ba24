"""People and what they are credited with. The same person: the same identifier, or the same name without any identifier."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from registry.errors import UnknownWork
from registry.hits import Credit
from registry.text import storable


def write_credits(conn: sqlite3.Connection, rank: int, credits: Iterable[Credit], holders: Iterable[str]) -> None:
    """Stores the credits and rights holders of a work, in their order."""
    for place, credit in enumerate(credits):
        name, identifier = storable(credit.name), storable(credit.identifier)
        person = _person(conn, name, identifier)
        conn.execute(
            "insert into credit (work, place, person, name, role, identifier, share) values (?, ?, ?, ?, ?, ?, ?)",
            (rank, place, person, name, storable(credit.role), identifier, credit.share),
        )
    rows = [(rank, place, storable(name)) for place, name in enumerate(holders)]
    conn.executemany("insert into holder (work, place, name) values (?, ?, ?)", rows)


def _person(conn: sqlite3.Connection, name: str, identifier: str) -> int:
    if identifier:
        row = conn.execute("select person from identifier where identifier = ?", (identifier,)).fetchone()
    else:
        row = conn.execute("select person from plain_name where name = ?", (name,)).fetchone()
    if row:
        return int(row[0])
    person = conn.execute("insert into person (name) values (?)", (name,)).lastrowid or 0
    if identifier:
        conn.execute("insert into identifier (identifier, person) values (?, ?)", (identifier, person))
    else:
        conn.execute("insert into plain_name (name, person) values (?, ?)", (name, person))
    return person


def credits_of(conn: sqlite3.Connection, rank: int) -> tuple[Credit, ...]:
    """The credits of a work, in the order they were given."""
    rows = conn.execute("select name, role, identifier, share from credit where work = ? order by place", (rank,))
    return tuple(Credit(*row) for row in rows)


def holders_of(conn: sqlite3.Connection, rank: int) -> tuple[str, ...]:
    """The rights holders of a work."""
    return tuple(row[0] for row in conn.execute("select name from holder where work = ? order by place", (rank,)))


def people(conn: sqlite3.Connection, like: str = "") -> Iterator[dict[str, Any]]:
    """Everybody by name: id, name, identifiers, how many live works and credits. `like` is part of a name."""
    rows = conn.execute(
        "select p.id, p.name, count(distinct c.work), count(c.work) from person p "
        "left join credit c on c.person = p.id and c.work in (select rank from work where state = 'live') "
        "where instr(lower(p.name), lower(?)) > 0 group by p.id order by p.name, p.id",
        (storable(like),),
    )
    for number, name, works, credits in rows.fetchall():
        yield {"person": number, "name": name, "identifiers": identifiers_of(conn, number), "works": works, "credits": credits}


def identifiers_of(conn: sqlite3.Connection, person: int) -> list[str]:
    """The identifiers of a person."""
    rows = conn.execute("select identifier from identifier where person = ? order by identifier", (person,))
    return [row[0] for row in rows]


def person(conn: sqlite3.Connection, who: str) -> list[dict[str, Any]]:
    """Everybody of that name, identifier or number, each with credits. Raises UnknownWork when there is nobody."""
    who = storable(who)
    rows = conn.execute(
        "select id, name from person where name = ?1 or cast(id as text) = ?1 "
        "or id in (select person from identifier where identifier = ?1) "
        "or id in (select person from credit where name = ?1) order by id",
        (who,),
    ).fetchall()
    if not rows:
        raise UnknownWork(f"{who}: nobody of this name is credited; see byline people list")
    return [
        {"person": number, "name": name, "identifiers": identifiers_of(conn, number), "credits": _credits_to(conn, number)}
        for number, name in rows
    ]


def _credits_to(conn: sqlite3.Connection, number: int) -> list[dict[str, Any]]:
    names = ("work", "title", "medium", "state", "name", "role", "share")
    rows = conn.execute(
        "select w.work_id, w.title, w.medium, w.state, c.name, c.role, c.share from credit c join work w on w.rank = c.work "
        "where c.person = ? order by w.rank, c.place",
        (number,),
    )
    return [dict(zip(names, row, strict=True)) for row in rows]
