"""How sure it is that a person is who they are, and that a credit is theirs: states, the moves between them, and merges.

Every move and merge is a row that is only added: who, when, how, the SHA-256 of the evidence. The caller holds the transaction.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from registry.errors import RegistryError
from registry.identifiers import BadIdentifier, person_identifier, split
from registry.linking import Conflict, agree, current, holders_of, identifiers_of
from registry.people import about, key_of, meant
from registry.text import folded, storable

STATES = ("claimed", "documented", "corroborated", "verified", "disputed", "rejected", "estate")
RISING = STATES[:4]
MOVES = {
    "claimed": ("documented", "verified", "disputed", "rejected", "estate"),
    "documented": ("corroborated", "verified", "disputed", "rejected", "estate"),
    "corroborated": ("verified", "disputed", "rejected", "estate"),
    "verified": ("verified", "disputed", "estate"),  # verified again: by a newer credential
    "disputed": ("claimed", "documented", "corroborated", "verified", "rejected", "estate"),
    "rejected": ("disputed",),
    "estate": ("disputed",),
}
"""To which states each may move. Corroborated needs a second source after the first; whoever is verified or stands for an estate
is rejected only after a dispute, and a rejection is only undone through one."""
SHA256 = re.compile(r"[0-9a-f]{64}")

Place = tuple[int, int]  # rank of the work, place of the credit


class Refused(RegistryError):
    """A move, a merge or an identifier that is not allowed."""

    code = "refused"


@dataclass(frozen=True)
class Moved:
    """One move, as it was recorded."""

    person: str
    name: str
    was: str
    state: str


@dataclass(frozen=True)
class Vouching:
    """Who says so, how they know, the SHA-256 of the evidence, and when."""

    who: str
    how: str
    evidence: str
    at: str


def one(conn: sqlite3.Connection, who: str) -> int:
    """The one person of that key, identifier, number or name. Raises UnknownWork, and Refused when several bear the name."""
    found = meant(conn, who)
    if len(found) > 1:
        some = ", ".join(f"{number} ({key_of(conn, number)})" for number in found[:5])
        raise Refused(f"{who}: {len(found)} people are called that: {some}; give the number or the identifier of one")
    return found[0]


def move(conn: sqlite3.Connection, person: int, state: str, by: Vouching, credit: Place | None = None) -> Moved:
    """Moves a person, or one credit of theirs, to a state. Raises Refused."""
    if not (by.who.strip() and by.how.strip() and SHA256.fullmatch(by.evidence)):
        raise Refused("a move needs somebody who says so, how they know, and a file as evidence")
    was = _state(conn, person, credit)
    if state not in STATES:
        raise Refused(f'there is no state "{state}"; use one of {", ".join(STATES)}')
    if state not in MOVES[was]:
        raise Refused(f"{_name(conn, person)} is {was}; from there one gets to {', '.join(MOVES[was])}, not to {state}")
    if state == "corroborated" and by.evidence in _evidence(conn, person, credit):
        raise Refused("corroborated means by a second source; this evidence was given before")
    return record(conn, person, state, by, credit)


def record(conn: sqlite3.Connection, person: int, state: str, by: Vouching, credit: Place | None = None) -> Moved:
    """Moves without asking whether that is allowed."""
    was = _state(conn, person, credit)
    values = (person, *(credit or (None, None)), was, state, storable(by.who), storable(by.how), by.evidence, by.at)
    conn.execute(
        "insert into person_move (person, work, place, was, state, who, how, evidence, at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )
    if credit:
        conn.execute("update credit set state = ? where work = ? and place = ?", (state, *credit))
    else:
        conn.execute("update person set state = ? where id = ?", (state, person))
    return Moved(key_of(conn, person), _name(conn, person), was, state)


def _name(conn: sqlite3.Connection, person: int) -> str:
    return str(conn.execute("select name from person where id = ?", (person,)).fetchone()[0])


def _state(conn: sqlite3.Connection, person: int, credit: Place | None = None) -> str:
    if credit:
        return str(conn.execute("select state from credit where work = ? and place = ?", credit).fetchone()[0])
    return str(conn.execute("select state from person where id = ?", (person,)).fetchone()[0])


def _evidence(conn: sqlite3.Connection, person: int, credit: Place | None) -> set[str]:
    rows = conn.execute(
        "select evidence from person_move where person = ? and work is ? and place is ?", (person, *(credit or (None, None)))
    )
    return {row[0] for row in rows}


def credit_of(conn: sqlite3.Connection, person: int, text: str) -> Place:
    """The credit of a person that "WORK:ROLE" means. Raises Refused."""
    rows = conn.execute(
        "select w.work_id || ':' || c.role, c.work, c.place from credit c join work w on w.rank = c.work where c.person = ? "
        "order by c.state = 'rejected', c.work, c.place",
        (person,),
    ).fetchall()
    found = next(((work, place) for name, work, place in rows if name == storable(text)), None)
    if found is None:
        some = ", ".join(row[0] for row in rows[:5]) or "none"
        raise Refused(f"{_name(conn, person)} has no credit {text}; their credits are {some}")
    return found


def moves(conn: sqlite3.Connection, person: int) -> list[dict[str, Any]]:
    """The moves of a person and of their credits, oldest first."""
    names = ("at", "credit", "was", "state", "by", "how", "evidence")
    rows = conn.execute(
        "select m.at, coalesce(w.work_id || ':' || c.role, ''), m.was, m.state, m.who, m.how, m.evidence from person_move m "
        "left join work w on w.rank = m.work left join credit c on c.work = m.work and c.place = m.place "
        "where m.person = ? order by m.id",
        (person,),
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


# Who is one


def twins(conn: sqlite3.Connection, first: int = -1) -> Iterator[dict[str, Any]]:
    """People of one name without a common identifier, by name; nobody is one because of that. first: how many names."""
    names = conn.execute(
        "select n.folded from person_name n join person p on p.id = n.person where p.merged_into is null "
        "group by n.folded having count(*) > 1 order by n.folded limit ?",
        (first,),
    ).fetchall()
    for (name,) in names:
        rows = conn.execute(
            "select p.id from person_name n join person p on p.id = n.person "
            "where n.folded = ? and p.merged_into is null order by p.id",
            (name,),
        )
        people = [_twin(conn, number) for (number,) in rows.fetchall()]
        yield {"name": people[0]["name"], "people": people}


def _twin(conn: sqlite3.Connection, number: int) -> dict[str, Any]:
    row = about(conn, number)
    works = list(dict.fromkeys(c["work"] for c in row["credits"]))
    return {name: row[name] for name in ("person", "key", "name", "state", "identifiers")} | {"works": works}


def count_twins(conn: sqlite3.Connection) -> int:
    """How many names several people bear."""
    rows = conn.execute(
        "select count(*) from (select 1 from person_name n join person p on p.id = n.person where p.merged_into is null "
        "group by n.folded having count(*) > 1)"
    )
    return int(rows.fetchone()[0])


def identify(conn: sqlite3.Connection, person: int, identifiers: tuple[str, ...]) -> list[str]:
    """Notes further identifiers of a person; those that are new, in their one form. Raises Refused."""
    try:
        wanted = [person_identifier(*split(text)) for text in identifiers]
        agree(conn, person, wanted)
    except (BadIdentifier, Conflict) as error:
        raise Refused(str(error)) from None
    for other, identifier in holders_of(conn, wanted).items():
        if other != person:
            raise Refused(f"{identifier} belongs to {_name(conn, other)}; if they are one, byline people merge says so")
    new = [i for i in dict.fromkeys(wanted) if i not in identifiers_of(conn, person)]
    conn.executemany("insert into identifier (identifier, person) values (?, ?)", [(i, person) for i in new])
    return new


def merge(conn: sqlite3.Connection, gone: int, kept: int, because: str, who: str, at: str) -> Moved:
    """Makes two people one: credits, names and identifiers go to the second, the key of the first leads to them. Raises Refused.

    The state is the higher of the two. A credit that both have is kept once, the other one is rejected.
    """
    gone, kept = current(conn, gone), current(conn, kept)
    if gone == kept:
        raise Refused("that is one person already")
    if not because.strip():
        raise Refused("a merge needs a reason; say it with --because")
    was, state = _state(conn, kept), _joint_state(conn, gone, kept)
    theirs = identifiers_of(conn, gone)
    try:
        agree(conn, kept, theirs)
    except Conflict as conflict:
        raise Refused(f"they cannot be one: {conflict}") from None
    moved = _hand_over(conn, gone, kept, at)
    detail = json.dumps({"identifiers": theirs, "credits": moved, "state": state}, separators=(",", ":"))
    conn.execute("update person set merged_into = ? where id = ?", (kept, gone))
    conn.execute(
        "insert into person_merge (gone, kept, because, who, detail, at) values (?, ?, ?, ?, ?, ?)",
        (gone, kept, storable(because), storable(who), detail, at),
    )
    if state != was:
        row = conn.execute("select evidence from person_move where person = ? and state = ? order by id desc", (gone, state))
        record(conn, kept, state, Vouching(who, f"merged: {because}", (row.fetchone() or ("",))[0], at))
    return Moved(key_of(conn, kept), _name(conn, kept), was, state)


def _joint_state(conn: sqlite3.Connection, gone: int, kept: int) -> str:
    states = _state(conn, gone), _state(conn, kept)
    if states[0] == states[1]:
        return states[0]
    for person, state in zip((gone, kept), states, strict=True):
        if state not in RISING:
            raise Refused(f"{_name(conn, person)} ({key_of(conn, person)}) is {state}; settle that before merging")
    return max(states, key=RISING.index)


def _hand_over(conn: sqlite3.Connection, gone: int, kept: int, at: str) -> list[list[Any]]:
    """Credits, identifiers and names of one go to the other; the credits, as work and place."""
    rows = conn.execute(
        "select c.work, c.place, w.work_id, c.role, c.share from credit c join work w on w.rank = c.work where c.person = ? "
        "order by c.work, c.place",
        (gone,),
    ).fetchall()
    for work, place, work_id, role, share in rows:
        double = conn.execute(
            "select share from credit where person = ? and work = ? and role = ? and state <> 'rejected'", (kept, work, role)
        ).fetchone()
        if double and share is not None and share != double[0]:
            raise Refused(f"both have the credit {work_id}:{role}, with different shares; put that right before merging")
        if double:
            record(
                conn, gone, "rejected", Vouching("byline", "merged: this person has the credit already", "", at), (work, place)
            )
    conn.execute("update credit set person = ? where person = ?", (kept, gone))
    conn.execute("update identifier set person = ? where person = ?", (kept, gone))
    conn.execute(
        "insert or ignore into person_name (folded, person, name) select folded, ?, name from person_name where person = ?",
        (kept, gone),
    )
    return [[work_id, place] for _, place, work_id, _, _ in rows]


def bears(conn: sqlite3.Connection, person: int, name: str) -> bool:
    """Whether this is one of their names."""
    row = conn.execute("select 1 from person_name where folded = ? and person = ?", (folded(name), person)).fetchone()
    return row is not None
