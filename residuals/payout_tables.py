"""The tables of payees and payments, in the ledger's file. Payments are never changed; payees and their accounts may be."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

TABLES = """
-- An account number, as a token that only the key outside of this file opens. Written anew when the key is changed.
create table if not exists sealed (
    id integer primary key, owner text not null, token blob not null, shown text not null
) strict;
create table if not exists payee (
    person text primary key, name text not null check (name <> ''), town text not null check (town <> ''),
    country text not null check (length(country) = 2), lines text not null, currency text not null,
    account integer references sealed (id), bic text not null, wise_id text not null, wise_email text not null,
    tax_form text not null, tax_country text not null
) strict;
create table if not exists payee_change (
    id integer primary key, person text not null, date text not null, changed text not null
) strict;
-- A payout as it was sent: with its payments it makes the same file again, byte for byte. account: the sender's.
create table if not exists payout (
    run text primary key references run (run) deferrable initially deferred, format text not null, currency text not null,
    date text not null, created text not null, remittance text not null, name text not null, town text not null,
    country text not null, account integer references sealed (id), bic text not null, street text not null, postcode text not null
) strict;
-- gross = withheld + net, in the smallest units of the currency. rate: withheld part of gross, as text.
create table if not exists payment (
    id text primary key, run text not null references payout (run) deferrable initially deferred, number integer not null,
    person text not null, name text not null, town text not null, country text not null, lines text not null,
    gross integer not null check (gross > 0), withheld integer not null check (withheld >= 0),
    net integer not null check (net > 0 and net + withheld = gross), rate text not null, tax_country text not null,
    account integer references sealed (id), bic text not null, wise_id text not null, wise_email text not null,
    wise_currency text not null, unique (run, number)
) strict;
create index if not exists payment_by_person on payment (person);
create index if not exists payment_by_account on payment (account);
create table if not exists payment_return (
    payment text primary key references payment (id), run text not null references run (run) deferrable initially deferred,
    date text not null, reason text not null
) strict;
"""
KEPT = ("payee_change", "payout", "payment", "payment_return")
NEVER = """create trigger if not exists {table}_no_{what} before {what} on {table}
begin select raise(abort, 'rows of {table} are never changed or deleted'); end;
"""


def prepare(conn: sqlite3.Connection) -> None:
    """Makes the tables where they are missing; what is deleted is overwritten."""
    conn.execute("pragma secure_delete = on")
    if has_tables(conn):
        return
    with transaction(conn):
        for statement in TABLES.split(";\n"):
            conn.execute(statement)
        for table in KEPT:
            for what in ("update", "delete"):
                conn.execute(NEVER.format(table=table, what=what))


def has_tables(conn: sqlite3.Connection) -> bool:
    """Whether they are there: a ledger that is only read, and has paid nobody, may lack them."""
    return conn.execute("select 1 from sqlite_master where name = 'payment_return'").fetchone() is not None


@contextlib.contextmanager
def transaction(conn: sqlite3.Connection) -> Iterator[None]:
    """All of the block or nothing."""
    conn.execute("begin immediate")
    try:
        yield
        conn.execute("commit")
    except BaseException:
        conn.execute("rollback")
        raise
