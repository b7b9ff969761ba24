"""The tables of a registry, as migrations in order; registry.version.SCHEMA is the last. Imported by writers only."""

from __future__ import annotations

import uuid

from sqlite_utils import Database, Migrations

from registry.version import APPLICATION_ID

MIGRATIONS = Migrations("byline.registry")

# Work.rank is the order of registration. A fingerprint is `posted` when its keys are in a segment: of several works with
# the same content only one is. Fingerprint ids start at 0 and are never used again. part is -1 - id when a newer scheme's
# has taken a fingerprint's place and only its postings are still to be forgotten.
TABLES = """
create table meta (name text primary key, value text not null) strict, without rowid;

create table work (
    rank integer primary key,
    work_id text not null unique,
    title text not null,
    medium text not null,
    licence text not null,
    source text not null,
    path text not null,
    sha256 text not null,
    digest text not null,
    extra text not null,
    state text not null check (state in ('live', 'withdrawn')),
    posted integer not null check (posted in (0, 1))
) strict;
create index work_by_sha256 on work (sha256);
create index work_by_digest on work (digest);

create table person (id integer primary key, name text not null) strict;
create table identifier (
    identifier text primary key check (identifier <> ''),
    person integer not null references person (id)
) strict, without rowid;
create table plain_name (
    name text primary key,
    person integer not null references person (id)
) strict, without rowid;

create table credit (
    work integer not null references work (rank),
    place integer not null,
    person integer not null references person (id),
    name text not null,
    role text not null,
    identifier text not null,
    share real check (share is null or share between 0 and 1),
    primary key (work, place)
) strict, without rowid;
create index credit_by_person on credit (person);

create table holder (
    work integer not null references work (rank),
    place integer not null,
    name text not null,
    primary key (work, place)
) strict, without rowid;

create table fingerprint (
    id integer primary key check (id >= 0),
    work integer not null references work (rank),
    part integer not null,
    medium text not null,
    scheme text not null,
    n integer not null check (n >= 0),
    postings integer not null check (postings >= 0),
    extent text not null,
    posted integer not null check (posted in (0, 1)),
    unique (work, part, scheme)
) strict;
-- Apart from their rows, so that a row can change without its fingerprint being written again.
create table packed (fingerprint integer primary key references fingerprint (id), data blob not null) strict;

create table scheme (
    name text primary key,
    fingerprints integer not null check (fingerprints >= 0)
) strict, without rowid;

create table segment (
    id integer primary key autoincrement,
    scheme text not null,
    live integer not null check (live in (0, 1)),
    n integer not null check (n > 0),
    first_block integer not null,
    layout text not null,
    first_keys blob not null
) strict;
create table block (id integer primary key, data blob not null) strict;
create table stop_key (
    segment integer not null references segment (id) on delete cascade,
    key integer not null,
    postings integer not null,
    primary key (segment, key)
) strict, without rowid;
create table tombstone (
    fingerprint integer primary key references fingerprint (id),
    scheme text not null,
    postings integer not null
) strict;
create index tombstone_by_scheme on tombstone (scheme);

create table twin (
    work integer not null references work (rank),
    other integer not null references work (rank),
    how text not null,
    primary key (work, other),
    check (work < other)
) strict, without rowid;
create index twin_by_other on twin (other);

create table event (
    id integer primary key,
    kind text not null,
    work_id text not null,
    detail text not null,
    at text not null
) strict;
create index event_by_work on event (work_id);
create trigger event_is_kept before delete on event begin select raise(abort, 'events are never deleted'); end;
create trigger event_is_fixed before update on event begin select raise(abort, 'events are never changed'); end;
"""


@MIGRATIONS(name="0001_tables")
def tables(db: Database) -> None:
    """The first schema."""
    for statement in _statements(TABLES):
        db.conn.execute(statement)
    fresh = {"id": uuid.uuid4().hex, "revision": "0", "works": "0", "next_block": "1"}
    db.conn.executemany("insert into meta (name, value) values (?, ?)", fresh.items())
    db.conn.execute(f"pragma application_id = {APPLICATION_ID}")
    db.conn.execute("pragma user_version = 1")


@MIGRATIONS(name="0002_people")
def people(db: Database) -> None:
    """People with keys, states and several identifiers; see registry.schema_people."""
    from registry.schema_people import upgrade

    upgrade(db.conn)


def _statements(text: str) -> list[str]:
    """The statements of `text`; each ends with a semicolon at the end of a line."""
    return [s for s in text.split(";\n") if s.strip()]


def migrate(db: Database) -> None:
    """Brings the file to the last schema; each step is one transaction, so that a stop leaves a whole older schema."""
    MIGRATIONS.apply(db)
