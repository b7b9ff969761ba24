"""Which human a credit means, and the credit put into its work. The caller holds the transaction.

Humans are one by identifier. By name alone they are one only inside one work: nobody is ever taken for somebody of the same
name on another work.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from decimal import Decimal

from registry.hits import Credit
from registry.identifiers import ONE_EACH, canonical
from registry.text import folded, storable

OPEN = ("claimed", "documented", "corroborated")  # states in which a human may still be given an identifier by an import


class Conflict(ValueError):
    """A credit that contradicts what is registered; the sentence says how. Nothing of it is stored."""


def put(conn: sqlite3.Connection, rank: int, work_id: str, credit: Credit, other_names: Iterable[str] = ()) -> str:
    """Puts a credit behind those of its work: "accepted", "known" or, with a share or a guild it lacked, "completed".

    A human stands once in one role on one work. Raises Conflict.
    """
    person = person_of(conn, rank, work_id, credit)
    role, name, guild = storable(credit.role), storable(credit.name), storable(credit.guild)
    share = None if credit.share is None else format(credit.share, "f")
    for other in (name, *other_names):
        _call(conn, person, other)
    row = conn.execute(
        "select place, share, guild from credit where person = ? and work = ? and role = ? order by state = 'rejected', place",
        (person, rank, role),
    ).fetchone()
    if row:
        return _complete(conn, rank, row, share, guild)
    place = conn.execute("select coalesce(max(place) + 1, 0) from credit where work = ?", (rank,)).fetchone()[0]
    conn.execute(
        "insert into credit (work, place, person, name, folded, role, identifier, share, guild, state) "
        "values (?, ?, ?, ?, ?, ?, ?, ?, ?, 'claimed')",
        (rank, place, person, name, folded(name), role, storable(credit.identifier), share, guild),
    )
    return "accepted"


def _complete(conn: sqlite3.Connection, rank: int, row: tuple[int, str | None, str], share: str | None, guild: str) -> str:
    place, old_share, old_guild = row
    if share is not None and old_share is not None and Decimal(share) != Decimal(old_share):
        raise Conflict(f"this credit is registered with the share {old_share}, here it is {share}; ask which is right")
    if guild and old_guild and guild != old_guild:
        raise Conflict(f'this credit is registered under the guild "{old_guild}", here it is "{guild}"; ask which is right')
    if (share is None or old_share is not None) and (not guild or old_guild):
        return "known"
    values = (old_share if share is None else share, guild or old_guild, rank, place)
    conn.execute("update credit set share = ?, guild = ? where work = ? and place = ?", values)
    return "completed"


def person_of(conn: sqlite3.Connection, rank: int, work_id: str, credit: Credit) -> int:
    """The human a credit of this work means; made when there is none yet. Raises Conflict."""
    name = storable(credit.name)
    identifiers = list(dict.fromkeys(canonical(storable(i)) for i in credit.identifiers))
    if not identifiers:
        return _by_name(conn, rank, work_id, name)
    found = holders_of(conn, identifiers)
    if len(found) > 1:
        held = " and ".join(f"{identifier} belongs to {_called(conn, person)}" for person, identifier in found.items())
        raise Conflict(f"two people are meant: {held}; if they are one, byline people merge says so")
    _one_each(identifiers)
    if found:
        (person,) = found
        agree(conn, person, identifiers)
        _absorb_namesakes(conn, rank, work_id, name, person)
    else:
        person = _namesake(conn, rank, work_id, name, identifiers) or made(conn, name, identifiers[0])
    rows = [(identifier, person) for identifier in identifiers]
    conn.executemany("insert or ignore into identifier (identifier, person) values (?, ?)", rows)
    return person


def holders_of(conn: sqlite3.Connection, identifiers: Iterable[str]) -> dict[int, str]:
    """The people who have these identifiers, each with the first that leads to them."""
    found: dict[int, str] = {}
    for identifier in identifiers:
        row = conn.execute("select person from identifier where identifier = ?", (identifier,)).fetchone()
        if row:
            found.setdefault(int(row[0]), identifier)
    return found


def _one_each(identifiers: Iterable[str]) -> None:
    """Raises Conflict when two identifiers cannot belong to one human."""
    first: dict[str, str] = {}
    for identifier in identifiers:
        scheme = identifier.partition(":")[0]
        if scheme in ONE_EACH and first.setdefault(scheme, identifier) != identifier:
            raise Conflict(f"{first[scheme]} and {identifier} cannot belong to one person; check the row")


def agree(conn: sqlite3.Connection, person: int, identifiers: Iterable[str]) -> None:
    """Raises Conflict when the person has another identifier of a scheme in which people have one each."""
    known = identifiers_of(conn, person)
    for identifier in identifiers:
        scheme = identifier.partition(":")[0]
        other = next((k for k in known if k.partition(":")[0] == scheme), identifier)
        if scheme in ONE_EACH and identifier not in known and other != identifier:
            raise Conflict(f"{_called(conn, person)} is registered as {other}, here as {identifier}; ask which is right")


def identifiers_of(conn: sqlite3.Connection, person: int) -> list[str]:
    """The identifiers of a person."""
    rows = conn.execute("select identifier from identifier where person = ? order by identifier", (person,))
    return [row[0] for row in rows]


def _called(conn: sqlite3.Connection, person: int) -> str:
    return str(conn.execute("select name from person where id = ?", (person,)).fetchone()[0])


def _call(conn: sqlite3.Connection, person: int, name: str) -> None:
    values = (folded(name), person, storable(name))
    conn.execute("insert or ignore into person_name (folded, person, name) values (?, ?, ?)", values)


def made(conn: sqlite3.Connection, name: str, key: str) -> int:
    """A new person. Raises Conflict when the key is somebody's."""
    if conn.execute("select 1 from person where key = ?", (key,)).fetchone():
        raise Conflict(f"{key} has been the key of somebody else before; use another identifier")
    return conn.execute("insert into person (name, key, state) values (?, ?, 'claimed')", (name, key)).lastrowid or 0


def current(conn: sqlite3.Connection, person: int) -> int:
    """The person that this one has been merged into, in the end; else the same."""
    while (into := conn.execute("select merged_into from person where id = ?", (person,)).fetchone()[0]) is not None:
        person = int(into)
    return person


def _by_name(conn: sqlite3.Connection, rank: int, work_id: str, name: str) -> int:
    key = f"work:{work_id}:{name}"
    row = conn.execute("select id from person where key = ?", (key,)).fetchone()
    if row:
        return current(conn, int(row[0]))
    namesakes = _on_work(conn, rank, name)
    exactly = [person for person, spelt in namesakes.items() if name in spelt]
    alike = exactly or list(namesakes)
    return alike[0] if len(alike) == 1 else made(conn, name, key)


def _on_work(conn: sqlite3.Connection, rank: int, name: str) -> dict[int, set[str]]:
    """Who stands on the work under this name, and how it is spelt there."""
    found: dict[int, set[str]] = {}
    rows = conn.execute("select person, name from credit where work = ? and folded = ? order by place", (rank, folded(name)))
    for person, spelt in rows:
        found.setdefault(int(person), set()).add(spelt)
    return found


def _namesake(conn: sqlite3.Connection, rank: int, work_id: str, name: str, identifiers: list[str]) -> int:
    """The one person of this name on the work whom new identifiers can belong to; 0 for none. Raises Conflict.

    Somebody known by name alone on several works (as schema 1 had them) may be several humans: their credits on this work
    go to a new person, the others stay.
    """
    schemes = {identifier.partition(":")[0] for identifier in identifiers}
    fitting = [p for p in _on_work(conn, rank, name) if not schemes & {i.partition(":")[0] for i in identifiers_of(conn, p)}]
    if len(fitting) != 1:
        return 0
    (person,) = fitting
    state = conn.execute("select state from person where id = ?", (person,)).fetchone()[0]
    if state not in OPEN:
        raise Conflict(
            f"{name} on this work is {state} without {identifiers[0]}; if they are one, byline people identify says so"
        )
    if not identifiers_of(conn, person) and _is_elsewhere(conn, person, rank):
        stranger = made(conn, name, identifiers[0])
        _move_credits(conn, rank, work_id, name, person, stranger)
        return stranger
    return person


def _is_elsewhere(conn: sqlite3.Connection, person: int, rank: int) -> bool:
    return bool(conn.execute("select 1 from credit where person = ? and work <> ? limit 1", (person, rank)).fetchone())


def _absorb_namesakes(conn: sqlite3.Connection, rank: int, work_id: str, name: str, person: int) -> None:
    """Who stood on the work by that name alone is this person. Raises Conflict when somebody has vouched for them already."""
    for other in _on_work(conn, rank, name):
        if other == person or identifiers_of(conn, other):
            continue
        state = conn.execute("select state from person where id = ?", (other,)).fetchone()[0]
        if state != "claimed":
            raise Conflict(f"{name} on this work is {state} without an identifier; if they are one, byline people merge says so")
        _move_credits(conn, rank, work_id, name, other, person)


def _move_credits(conn: sqlite3.Connection, rank: int, work_id: str, name: str, gone: int, kept: int) -> None:
    """The credits of one person on the work go to another; who then has none left is merged, and that is recorded."""
    conn.execute(
        "update credit set person = ?1 where work = ?2 and person = ?3 and folded = ?4 "
        "and role not in (select role from credit where work = ?2 and person = ?1)",
        (kept, rank, gone, folded(name)),
    )
    if not conn.execute("select 1 from credit where person = ? limit 1", (gone,)).fetchone():
        conn.execute("update person set merged_into = ? where id = ?", (kept, gone))
        conn.execute(
            "insert into person_merge (gone, kept, because, who, detail, at) values (?, ?, ?, '', '', '')",
            (gone, kept, f"the same name on one work, {work_id}"),
        )
