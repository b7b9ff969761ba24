"""Which human a credit means, and the credit put into its work. The caller holds the transaction.

Humans are one by identifier. By name alone they are one only inside one work: nobody is ever taken for somebody of the same
name on another work.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from registry.hits import Credit
from registry.identifiers import ONE_EACH, canonical
from registry.text import folded, storable

OPEN = ("claimed", "documented", "corroborated")  # states in which a human may still be given an identifier by an import


class Conflict(ValueError):
    """A credit that contradicts what is registered; the sentence says how. Nothing of it is stored."""


@dataclass
class _Meant:
    """Whom a credit means, before anything is written. person: 0 for somebody new, who then gets `key`. identifiers: still to be
    noted. absorbed: who stood on the work by the name alone, and is the same.
    """

    person: int
    key: str = ""
    identifiers: Sequence[str] = ()
    absorbed: Sequence[int] = ()


def put(conn: sqlite3.Connection, rank: int, work_id: str, credit: Credit, other_names: Iterable[str] = ()) -> str:
    """Puts a credit behind those of its work: "accepted", "known" or, with a share or a guild it lacked, "completed".

    A human stands once in one role on one work. Raises Conflict, and then has changed nothing.
    """
    role, name, guild = storable(credit.role), storable(credit.name), storable(credit.guild)
    share = None if credit.share is None else format(credit.share, "f")
    meant = _meant(conn, rank, work_id, credit)
    row = _standing(conn, rank, role, (meant.person,))
    if row:
        meant.absorbed = ()  # a credit that is known changes nobody
    else:
        row = _standing(conn, rank, role, meant.absorbed)
    status = _compared(row, share, guild) if row else "accepted"
    person = _settled(conn, rank, work_id, name, meant)
    for other in (name, *other_names) if status == "accepted" else other_names:
        _call(conn, person, other)
    if not row:
        conn.execute(
            "insert into credit (work, place, person, name, folded, role, identifier, share, guild, state) "
            "select ?1, coalesce(max(place) + 1, 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'claimed' from credit where work = ?1",
            (rank, person, name, folded(name), role, storable(credit.identifier), share, guild),
        )
    elif status == "completed":
        values = (row[1] if share is None else share, guild or row[2], rank, row[0])
        conn.execute("update credit set share = ?, guild = ? where work = ? and place = ?", values)
    return status


def _standing(conn: sqlite3.Connection, rank: int, role: str, people: Sequence[int]) -> tuple[int, str | None, str] | None:
    """Place, share and guild of the credit of one of these people in that role."""
    for person in filter(None, people):
        row = conn.execute(
            "select place, share, guild from credit where person = ? and work = ? and role = ? "
            "order by state = 'rejected', place",
            (person, rank, role),
        ).fetchone()
        if row:
            return (row[0], row[1], row[2])
    return None


def _compared(row: tuple[int, str | None, str], share: str | None, guild: str) -> str:
    """ "known" or "completed". Raises Conflict."""
    _, old_share, old_guild = row
    if share is not None and old_share is not None and Decimal(share) != Decimal(old_share):
        raise Conflict(f"this credit is registered with the share {old_share}, here it is {share}; ask which is right")
    if guild and old_guild and guild != old_guild:
        raise Conflict(f'this credit is registered under the guild "{old_guild}", here it is "{guild}"; ask which is right')
    return "known" if (share is None or old_share is not None) and (not guild or old_guild) else "completed"


def introduce(conn: sqlite3.Connection, rank: int, work_id: str, credit: Credit) -> None:
    """Makes sure that the human of a credit is registered, before any credit of theirs is. Raises Conflict."""
    _settled(conn, rank, work_id, storable(credit.name), _meant(conn, rank, work_id, credit))


def _settled(conn: sqlite3.Connection, rank: int, work_id: str, name: str, meant: _Meant) -> int:
    """Writes down whom a credit means; the person."""
    person = meant.person or made(conn, name, meant.key)
    if not meant.person:
        _call(conn, person, name)
    for other in meant.absorbed:
        _move_credits(conn, rank, work_id, name, other, person)
    for identifier in meant.identifiers:
        conn.execute("insert or ignore into identifier (identifier, person) values (?, ?)", (identifier, person))
    return person


def _meant(conn: sqlite3.Connection, rank: int, work_id: str, credit: Credit) -> _Meant:
    """Whom a credit of this work means. Raises Conflict; writes nothing."""
    name = storable(credit.name)
    identifiers = list(dict.fromkeys(canonical(storable(i)) for i in credit.identifiers))
    if not identifiers:
        return _by_name(conn, rank, work_id, name, storable(credit.role))
    found = {i: person for i in identifiers for person in holders_of(conn, [i])}
    if len(set(found.values())) > 1:
        held = " and ".join(f"{identifier} belongs to {_called(conn, person)}" for identifier, person in found.items())
        raise Conflict(f"two people are meant: {held}; if they are one, byline people merge says so")
    new = [i for i in identifiers if i not in found]
    if len(identifiers) > 1:
        _one_each(identifiers)
    if not found:
        return _by_namesake(conn, rank, name, identifiers)
    person = next(iter(found.values()))
    if new:
        agree(conn, person, new)
    return _Meant(person, "", new, _namesakes(conn, rank, name, person))


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
    done = conn.execute("insert or ignore into person (name, key, state) values (?, ?, 'claimed')", (name, key))
    if not done.rowcount:
        raise Conflict(f"{key} has been the key of somebody else before; use another identifier")
    return done.lastrowid or 0


def current(conn: sqlite3.Connection, person: int) -> int:
    """The person that this one has been merged into, in the end; else the same."""
    while (into := conn.execute("select merged_into from person where id = ?", (person,)).fetchone()[0]) is not None:
        person = int(into)
    return person


def _by_name(conn: sqlite3.Connection, rank: int, work_id: str, name: str, role: str) -> _Meant:
    """Who stands in this role under this name already, who was made for the name, the one of the name, or somebody new."""
    standing = _on_work(conn, rank, name)
    exactly = [row for row in standing if row[1] == name] or standing
    in_role = [person for person, _, known in (*exactly, *standing) if known == role]
    if in_role:
        return _Meant(in_role[0])
    key = f"work:{work_id}:{name}"
    row = conn.execute("select id from person where key = ?", (key,)).fetchone()
    if row:
        return _Meant(current(conn, int(row[0])))
    alike = {person for person, _, _ in exactly}
    return _Meant(alike.pop()) if len(alike) == 1 else _Meant(0, key)


def _on_work(conn: sqlite3.Connection, rank: int, name: str) -> list[tuple[int, str, str]]:
    """Who stands on the work under this name, how it is spelt there, and in which role."""
    rows = conn.execute(
        "select person, name, role from credit where work = ? and folded = ? order by place", (rank, folded(name))
    )
    return rows.fetchall()


def _by_namesake(conn: sqlite3.Connection, rank: int, name: str, identifiers: list[str]) -> _Meant:
    """The one person of this name on the work whom new identifiers can belong to, or somebody new. Raises Conflict.

    Somebody known by name alone on several works (as schema 1 had them) may be several humans: their credits on this work
    go to a new person, the others stay.
    """
    schemes = {identifier.partition(":")[0] for identifier in identifiers}
    alike = {person for person, _, _ in _on_work(conn, rank, name)}
    person = alike.pop() if len(alike) == 1 else 0
    if not person or schemes & {i.partition(":")[0] for i in identifiers_of(conn, person)}:
        return _Meant(0, identifiers[0], identifiers)
    state = conn.execute("select state from person where id = ?", (person,)).fetchone()[0]
    if state not in OPEN:
        raise Conflict(
            f"{name} on this work is {state} without {identifiers[0]}; if they are one, byline people identify says so"
        )
    if not identifiers_of(conn, person) and _is_elsewhere(conn, person, rank):
        return _Meant(0, identifiers[0], identifiers, [person])
    return _Meant(person, "", identifiers)


def _is_elsewhere(conn: sqlite3.Connection, person: int, rank: int) -> bool:
    return bool(conn.execute("select 1 from credit where person = ? and work <> ? limit 1", (person, rank)).fetchone())


def _namesakes(conn: sqlite3.Connection, rank: int, name: str, person: int) -> list[int]:
    """Who stands on the work by that name alone, and so is this person. Raises Conflict when somebody vouches for them."""
    found = list(dict.fromkeys(other for other, _, _ in _on_work(conn, rank, name) if other != person))
    if any(identifiers_of(conn, other) for other in found):
        return []  # several of one name are on the work: which of them stands there without an identifier is not known
    for other in found:
        state = conn.execute("select state from person where id = ?", (other,)).fetchone()[0]
        if state != "claimed":
            raise Conflict(f"{name} on this work is {state} without an identifier; if they are one, byline people merge says so")
    return found


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
