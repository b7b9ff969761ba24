"""The tables of a ledger, as migrations in order; SCHEMA is the last."""

from __future__ import annotations

import re
import sqlite3

SCHEMA = 1
APPLICATION_ID = 0x42594C4C  # "BYLL"

KEPT = (
    "account",
    "run",
    "seal",
    "transfer",
    "pool",
    "output",
    "attribution",
    "split",
    "usage_file",
    "usage",
    "usage_pool",
    "settled",
)
"""Tables whose rows are never changed and never deleted."""

USAGE_IS_SETTLED = (
    "exists (select 1 from settled s where s.kind = 'usage' and s.row = u.id and s.run not in (select run from reversed))"
)
POOL_IS_SETTLED = (
    "exists (select 1 from settled s where s.kind = 'pool' and s.row = p.id and s.run not in (select run from reversed))"
)
"""Of a row of usage u, or a declared pool p: a run that was not reversed has settled it."""

TABLES = """
create table account (
    id integer primary key,
    kind text not null check (kind in ('vendor', 'pool', 'payable', 'escrow', 'dispute', 'unplaced', 'unexplained',
        'owner', 'tax', 'bank')),
    who text not null,
    work text not null,
    currency text not null check (length(currency) = 3),
    unique (kind, who, work, currency)
) strict;

create table run (
    id integer primary key,
    run text not null unique check (run <> ''),
    kind text not null,
    period text not null,
    date text not null
) strict;

-- Written last: the hashes over all that belongs to a run. A run without one was not booked by a ledger.
create table seal (
    run integer primary key references run (id),
    detail text not null,
    first_transfer integer not null,
    transfers integer not null check (transfers >= 0),
    content blob not null check (length(content) = 32),
    hash blob not null check (length(hash) = 32)
) strict;

-- work and place say to which split a transfer belongs: it is the sum of that place's parts over the work's attributions of
-- that pool in that run.
create table transfer (
    id integer primary key,
    run integer not null references run (id),
    debit integer not null references account (id),
    credit integer not null references account (id),
    microcents integer not null check (microcents > 0),
    pool integer references pool (id),
    place integer,
    work text not null,
    reason text not null,
    hash blob not null check (length(hash) = 32),
    check (debit <> credit)
) strict;

-- Money that a run shares out: a vendor's for a period.
create table pool (
    id integer primary key,
    run integer not null references run (id),
    vendor text not null,
    pool text not null,
    period text not null,
    currency text not null,
    microcents integer not null check (microcents >= 0),
    basis text not null
) strict;

-- One output's money. revenue is what the vendor reported; of all outputs of the pool it decides the output's part.
create table output (
    id integer primary key,
    run integer not null references run (id),
    pool integer not null references pool (id),
    output text not null,
    sha256 text not null,
    revenue integer not null check (revenue >= 0),
    microcents integer not null check (microcents >= 0),
    unexplained integer not null check (unexplained >= 0)
) strict;

-- What a work got, of an output (degree x rate) or of a pool that is shared equally (output is null).
create table attribution (
    id integer primary key,
    run integer not null references run (id),
    pool integer not null references pool (id),
    output integer references output (id),
    work text not null,
    title text not null,
    relation text not null,
    degree text not null,
    rate text not null,
    microcents integer not null check (microcents >= 0),
    spans text not null
) strict;
create index attribution_by_work on attribution (run, work, pool);

-- By which weights a run split the money of a work. Weights are whole numbers as text: they may be beyond 64 bits.
create table split (
    run integer not null references run (id),
    work text not null,
    place integer not null,
    kind text not null,
    who text not null,
    name text not null,
    role text not null,
    weight text not null,
    why text not null,
    primary key (run, work, place)
) strict, without rowid;
create index split_by_who on split (who, run);

create table usage_file (
    id integer primary key,
    sha256 text not null unique check (length(sha256) = 64),
    name text not null,
    vendor text not null,
    date text not null
) strict;
create table usage (
    id integer primary key,
    file integer not null references usage_file (id),
    line integer not null,
    vendor text not null,
    output text not null check (output <> ''),
    currency text not null,
    period text not null,
    revenue integer not null check (revenue >= 0),
    unique (vendor, period, output, currency)
) strict;
create index usage_by_output on usage (period, output);
create table usage_pool (
    id integer primary key,
    file integer not null references usage_file (id),
    line integer not null,
    vendor text not null,
    pool text not null check (pool in ('output', 'training')),
    currency text not null,
    period text not null,
    microcents integer not null check (microcents >= 0),
    unique (vendor, period, pool, currency)
) strict;
-- The output's part of a declared pool, fixed when the pool is first shared.
create table allotted (
    usage integer primary key references usage (id),
    microcents integer not null check (microcents >= 0)
) strict;
create table reversed (
    run integer primary key references run (id),
    by integer not null references run (id)
) strict;
-- A row of usage, or a pool, is settled once, unless the run that did it was reversed.
create table settled (
    kind text not null check (kind in ('usage', 'pool')),
    row integer not null,
    run integer not null references run (id),
    primary key (kind, row, run)
) strict, without rowid;
create trigger settled_once before insert on settled
when exists (select 1 from settled s where s.kind = new.kind and s.row = new.row and s.run not in (select run from reversed))
begin select raise(abort, 'this was settled before'); end;

-- Follows from the transfers, and is checked against them by verify; text, because sums may be beyond 64 bits.
create table balance (account integer primary key references account (id), microcents text not null) strict;
"""


def migrate(conn: sqlite3.Connection) -> None:
    """Makes the tables in a new file, in one transaction."""
    if int(conn.execute("pragma user_version").fetchone()[0]) >= SCHEMA:
        return
    conn.execute("begin immediate")
    try:
        if int(conn.execute("pragma user_version").fetchone()[0]) < 1:
            for statement in (s for s in re.split(r";\n(?=\n|create|--)", TABLES) if s.strip()):
                conn.execute(statement)
            for table in KEPT:
                conn.execute(_never("update", table, "changed"))
                conn.execute(_never("delete", table, "deleted"))
            conn.execute(f"pragma application_id = {APPLICATION_ID}")
            conn.execute(f"pragma user_version = {SCHEMA}")
        conn.execute("commit")
    except BaseException:
        conn.execute("rollback")
        raise


def _never(what: str, table: str, done: str) -> str:
    return (
        f"create trigger {table}_no_{what} before {what} on {table} "
        f"begin select raise(abort, 'rows of {table} are never {done}; book a reversal'); end"
    )
