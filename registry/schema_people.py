"""Schema 2: people with keys, several names and identifiers, states, merges; exact shares; identifiers of works."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from decimal import Decimal

from registry.identifiers import canonical, work_identifiers_in
from registry.text import folded

# person.key never changes; of a person merged into another it leads to the other. A person is only ever marked as merged, so
# that what was recorded of them stays. credit.folded is the name in the form in which names are compared.
PEOPLE = """
alter table person add column key text not null default '';
alter table person add column state text not null default 'claimed'
    check (state in ('claimed', 'documented', 'corroborated', 'verified', 'disputed', 'rejected', 'estate'));
alter table person add column merged_into integer references person (id);
create index identifier_by_person on identifier (person);

create table person_name (
    folded text not null,
    person integer not null references person (id),
    name text not null,
    primary key (folded, person)
) strict, without rowid;
create index person_name_by_person on person_name (person);

create table credit_2 (
    work integer not null references work (rank),
    place integer not null,
    person integer not null references person (id),
    name text not null,
    folded text not null,
    role text not null,
    identifier text not null,
    share text check (share is null or share glob '[0-9]*'),
    guild text not null,
    state text not null check (state in ('claimed', 'documented', 'corroborated', 'verified', 'disputed', 'rejected', 'estate')),
    primary key (work, place)
) strict, without rowid;
insert into credit_2 (work, place, person, name, folded, role, identifier, share, guild, state)
    select work, place, person, name, folded(name), role, identifier, exact(share), '', 'claimed' from credit;
drop table credit;
alter table credit_2 rename to credit;
create index credit_by_person on credit (person, work);
create index credit_by_name on credit (work, folded);

create table work_identifier (
    identifier text not null check (identifier <> ''),
    work integer not null references work (rank),
    primary key (identifier, work)
) strict, without rowid;
create index work_identifier_by_work on work_identifier (work);

create table person_move (
    id integer primary key,
    person integer not null references person (id),
    work integer,
    place integer,
    was text not null,
    state text not null,
    who text not null,
    how text not null,
    evidence text not null,
    at text not null,
    foreign key (work, place) references credit (work, place)
) strict;
create index person_move_by_person on person_move (person);

create table person_merge (
    id integer primary key,
    gone integer not null references person (id),
    kept integer not null references person (id),
    because text not null,
    who text not null,
    detail text not null,
    at text not null,
    check (gone <> kept)
) strict;
create index person_merge_by_kept on person_merge (kept);

create table issuer (
    id integer primary key,
    name text not null,
    address text not null,
    public_key text not null,
    trusted integer not null check (trusted in (0, 1)),
    who text not null,
    because text not null,
    at text not null
) strict;
create index issuer_by_address on issuer (address);
create index issuer_by_name on issuer (name);

create table credential (
    id integer primary key,
    sha256 text not null unique,
    issuer text not null,
    credential_id text not null,
    person integer not null references person (id),
    valid_until text not null,
    at text not null,
    unique (issuer, credential_id)
) strict;
create index credential_by_person on credential (person);
"""

APPEND_ONLY = ("person_move", "person_merge", "issuer", "credential")


def statements() -> Iterator[str]:
    """What makes schema 2 of schema 1, in order; `fill` follows."""
    yield from (s for s in PEOPLE.split(";\n") if s.strip())
    for table in APPEND_ONLY:
        for kind in ("update", "delete"):
            refuse = f"select raise(abort, '{table} is only added to')"
            yield f"create trigger {table}_no_{kind} before {kind} on {table} begin {refuse}; end"


def upgrade(conn: sqlite3.Connection) -> None:
    """Schema 2, filled from what schema 1 holds; nothing is lost, and nobody merged or parted."""
    conn.create_function("folded", 1, folded, deterministic=True)
    conn.create_function("exact", 1, exact, deterministic=True)
    for statement in statements():
        conn.execute(statement)
    conn.execute("insert into person_name (folded, person, name) select folded(name), id, name from person where true")
    conn.execute(
        "insert or ignore into person_name (folded, person, name) select folded, person, name from credit order by work, place"
    )
    _tidy_identifiers(conn)
    conn.execute(
        "update person set key = coalesce("
        "(select identifier from identifier where person = id order by identifier limit 1), "
        "(select 'work:' || w.work_id || ':' || person.name from credit c join work w on w.rank = c.work "
        "where c.person = person.id order by c.work limit 1), 'name:' || name)"
    )
    conn.execute("create unique index person_by_key on person (key)")
    for rank, extra in conn.execute("select rank, extra from work where extra <> '{}'").fetchall():
        conn.executemany(
            "insert or ignore into work_identifier (identifier, work) values (?, ?)",
            [(identifier, rank) for identifier in work_identifiers_in(json.loads(extra), strict=False)],
        )
    conn.execute("pragma user_version = 2")


def exact(share: float | None) -> str | None:
    """The shortest decimal number that is this one."""
    return None if share is None else format(Decimal(repr(share)), "f")


def _tidy_identifiers(conn: sqlite3.Connection) -> None:
    """Identifiers in their one form, as far as that makes nobody one with somebody else."""
    for old in [row[0] for row in conn.execute("select identifier from identifier")]:
        if (new := canonical(old)) != old:
            conn.execute("update or ignore identifier set identifier = ? where identifier = ?", (new, old))
