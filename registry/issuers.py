"""Whom the registry trusts to vouch for people, and which of their credentials it has accepted. The caller holds the transaction.

Trust and its end are rows that are only added; the last one about an issuer's key counts.
"""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import datetime
from typing import Any

from registry.attestations import BadCredential, Claims, address_of, issuer_of, opened
from registry.errors import UnknownWork
from registry.linking import current, identifiers_of
from registry.people import by_key
from registry.text import storable
from registry.verification import MOVES, Moved, Refused, Vouching, bears, record

AT = "%Y-%m-%dT%H:%M:%S+00:00"


def trust(conn: sqlite3.Connection, name: str, public: str, who: str, because: str, at: str) -> str:
    """Puts an issuer's key on the list; its address. Raises Refused when the key is on the list under another name."""
    address = address_of(public)
    row = _last(conn, address)
    if row and row[2] and row[0] != storable(name):
        raise Refused(f"this key is trusted already, as that of {row[0]}; distrust that first")
    _add(conn, name, address, public, 1, who, because, at)
    return address


def distrust(conn: sqlite3.Connection, name: str, who: str, because: str, at: str) -> list[str]:
    """Takes all keys of an issuer off the list; the keys of people whom their credentials have verified. Raises Refused."""
    rows = [row for row in trusted(conn) if row["name"] == storable(name)]
    if not rows:
        raise Refused(f"{name}: is not on the list of trusted issuers; see byline people issuer list")
    found = set[str]()
    for row in rows:
        _add(conn, name, row["address"], row["public_key"], 0, who, because, at)
        people = conn.execute("select distinct person from credential where issuer = ?", (row["address"],)).fetchall()
        numbers = {current(conn, number) for (number,) in people}
        found |= {conn.execute("select key from person where id = ?", (number,)).fetchone()[0] for number in numbers}
    return sorted(found)


def trusted(conn: sqlite3.Connection) -> list[dict[str, Any]]:
    """The issuers on the list, in the order in which they came onto it."""
    rows = conn.execute(
        "select name, address, public_key, who, because, at from issuer "
        "where id in (select max(id) from issuer group by address) and trusted = 1 order by id"
    )
    return [dict(zip(("name", "address", "public_key", "by", "because", "at"), row, strict=True)) for row in rows]


def _add(
    conn: sqlite3.Connection, name: str, address: str, public: str, is_trusted: int, who: str, because: str, at: str
) -> None:
    conn.execute(
        "insert into issuer (name, address, public_key, trusted, who, because, at) values (?, ?, ?, ?, ?, ?, ?)",
        (storable(name), address, public, is_trusted, storable(who), storable(because), at),
    )


def _last(conn: sqlite3.Connection, address: str) -> tuple[str, str, int] | None:
    """Name, public key and whether it is trusted, of the last row about that address."""
    row = conn.execute(
        "select name, public_key, trusted from issuer where address = ? order by id desc limit 1", (storable(address),)
    ).fetchone()
    return (row[0], row[1], row[2]) if row else None


def accept(conn: sqlite3.Connection, token: str, now: datetime) -> Moved:
    """Verifies the person whom a credential vouches for, once. Raises BadCredential with the reason, and then changes nothing."""
    name, public = _trusted_issuer(conn, issuer_of(token))
    claims = opened(token, public, now)
    sha256 = hashlib.sha256(token.encode()).hexdigest()
    person = _subject(conn, claims)
    _check_replay(conn, claims, sha256)
    state = conn.execute("select state from person where id = ?", (person,)).fetchone()[0]
    if "verified" not in MOVES[state] or state == "disputed":
        raise BadCredential(f"{claims.name} is {state}; a human has to settle that first, with byline people move")
    at = now.strftime(AT)
    conn.execute(
        "insert into credential (sha256, issuer, credential_id, person, valid_until, at) values (?, ?, ?, ?, ?, ?)",
        (sha256, claims.issuer, storable(claims.id), person, claims.valid_until.strftime(AT), at),
    )
    return record(conn, person, "verified", Vouching(name, f"credential {claims.id}", sha256, at))


def _trusted_issuer(conn: sqlite3.Connection, address: str) -> tuple[str, str]:
    row = _last(conn, address)
    if row is None:
        raise BadCredential(
            f"its issuer ({address or 'none'}) is not on the list of trusted ones; byline people issuer trust adds one"
        )
    if not row[2]:
        raise BadCredential(f"its issuer, {row[0]}, is no longer trusted")
    return row[0], row[1]


def _subject(conn: sqlite3.Connection, claims: Claims) -> int:
    """The registered person whom the credential is about. Raises BadCredential."""
    found: dict[int, str] = {}
    for identifier in claims.identifiers:
        person = _bearer(conn, identifier)
        if person:
            found.setdefault(person, identifier)
    if not found:
        told = ", ".join(claims.identifiers) or "no identifier"
        raise BadCredential(f"nobody in the registry is whom it is about ({claims.name}, {told})")
    if len(found) > 1:
        raise BadCredential(f"its identifiers belong to different people here: {', '.join(found.values())}")
    ((person, by),) = found.items()
    if not bears(conn, person, claims.name):
        raise BadCredential(f'it is about "{claims.name}", and {by} is not known by that name here')
    known = {i.partition(":")[0]: i for i in identifiers_of(conn, person)}
    for identifier in claims.identifiers:
        other = known.get(identifier.partition(":")[0], identifier)
        if not _bearer(conn, identifier) and other != identifier:
            raise BadCredential(f"it says {identifier} of {claims.name}, the registry says {other}")
    return person


def _bearer(conn: sqlite3.Connection, identifier: str) -> int:
    row = conn.execute("select person from identifier where identifier = ?", (storable(identifier),)).fetchone()
    if row:
        return int(row[0])
    try:
        return by_key(conn, identifier)
    except UnknownWork:
        return 0


def _check_replay(conn: sqlite3.Connection, claims: Claims, sha256: str) -> None:
    row = conn.execute(
        "select at from credential where sha256 = ? or (issuer = ? and credential_id = ?)",
        (sha256, claims.issuer, storable(claims.id)),
    ).fetchone()
    if row:
        raise BadCredential(f"it has been used already, on {row[0]}; a credential counts once")
