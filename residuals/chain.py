"""Hashes over a ledger: each transfer's covers the one before it, each run's its basis and the run before it (SHA-256).

transfer  SHA-256(hash of the transfer before | id run debit credit microcents pool place and the length of work as signed
          64-bit little-endian, -1 for none | work and reason in UTF-8)
run       SHA-256(hash of the run before | hash of its last transfer | content | its other columns as JSON)
content   SHA-256 over the run's new accounts, pools, outputs, attributions, splits, settled rows and reversals, each as JSON
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from struct import Struct

NONE = -1
START = bytes(32)
NUMBERS = Struct("<8q")
BATCH = 10_000
TOGETHER = 1_000
BASIS = (
    ("pool", "select id, vendor, pool, period, currency, microcents, basis from pool where run = ? order by id"),
    ("output", "select id, pool, output, sha256, revenue, microcents, unexplained from output where run = ? order by id"),
    (
        "attribution",
        "select id, pool, output, work, title, relation, degree, rate, microcents, spans from attribution "
        "where run = ? order by id",
    ),
    ("split", "select work, place, kind, who, name, role, weight, why from split where run = ? order by work, place"),
    ("settled", "select kind, row from settled where run = ? order by kind, row"),
    ("reversed", "select run from reversed where by = ? order by run"),
)

as_json = json.JSONEncoder(separators=(",", ":")).encode

TransferRow = tuple[int, int, int, int, int, int | None, int | None, str, str]


def transfer_hash(before: bytes, row: TransferRow) -> bytes:
    """The hash of a transfer (id, run, debit, credit, microcents, pool, place, work, reason)."""
    number, run, debit, credit, microcents, pool, place, work, reason = row
    text = work.encode()
    pool, place = (NONE if pool is None else pool), (NONE if place is None else place)
    numbers = NUMBERS.pack(number, run, debit, credit, microcents, pool, place, len(text))
    return hashlib.sha256(before + numbers + text + reason.encode()).digest()


def content_hash(conn: sqlite3.Connection, run: int, accounts: tuple[int, int]) -> bytes:
    """The hash over what a run is based on; accounts: ids [first, last] of those it made."""
    digest = hashlib.sha256()
    made = conn.execute("select id, kind, who, work, currency from account where id between ? and ? order by id", accounts)
    _add(digest, "account", made)
    for name, query in BASIS:
        _add(digest, name, conn.execute(query, (run,)))
    return digest.digest()


def _add(digest: hashlib._Hash, name: str, cursor: sqlite3.Cursor) -> None:
    while rows := cursor.fetchmany(TOGETHER):
        digest.update(as_json([name, rows]).encode())


def run_hash(before: bytes, last_transfer: bytes, content: bytes, columns: tuple[object, ...]) -> bytes:
    """The hash of a run; columns: id, run, kind, period, date, detail, first_transfer, transfers."""
    return hashlib.sha256(before + last_transfer + content + as_json(columns).encode()).digest()


def first_fault(conn: sqlite3.Connection, head: str) -> str:
    """What was changed behind the ledger's back, naming the first bad row; "" when nothing was."""
    before, last, transfers, heads = START, START, _transfers(conn), {""}
    balances: dict[int, int] = defaultdict(int)
    expected = 1
    for run in conn.execute(
        "select id, r.run, kind, period, date, detail, first_transfer, transfers, content, hash from run r "
        "left join seal s on s.run = r.id order by id"
    ).fetchall():
        columns, content, stored = run[:8], run[8], run[9]
        if columns[0] != len(heads):
            return f"run {len(heads)} is missing"
        if stored is None:
            return f'run "{columns[1]}" has no seal: it was not booked by a ledger, or its seal was removed'
        fault, last = _fault_in_transfers(transfers, columns, expected, last, balances)
        if fault:
            return fault
        expected += columns[7]
        detail = json.loads(columns[5])
        if content != content_hash(conn, columns[0], tuple(detail["accounts"])):
            return f'what run "{columns[1]}" is based on was changed: its outputs, attributions, splits or accounts'
        if stored != run_hash(before, last, content, columns):
            return f'run "{columns[1]}" was changed, or a run before it'
        before = stored
        heads.add(stored.hex())
    return _fault_at_the_end(conn, transfers, heads, head, balances)


def _fault_in_transfers(
    transfers: Iterator[tuple[TransferRow, bytes]], run: tuple[object, ...], expected: int, last: bytes, balances: dict[int, int]
) -> tuple[str, bytes]:
    number, name, count = run[0], run[1], run[7]
    assert isinstance(count, int)
    for place in range(count):
        row, stored = next(transfers, (None, b""))
        if row is None or row[0] != expected + place:
            return f'transfer {expected + place} of run "{name}" is missing', last
        if row[1] != number or stored != transfer_hash(last, row):
            return f'transfer {row[0]} of run "{name}" was changed', last
        balances[row[2]] -= row[4]
        balances[row[3]] += row[4]
        last = stored
    return "", last


def _fault_at_the_end(
    conn: sqlite3.Connection, transfers: Iterator[tuple[TransferRow, bytes]], heads: set[str], head: str, balances: dict[int, int]
) -> str:
    extra = next(transfers, None)
    if extra:
        return f"transfer {extra[0][0]} belongs to no run"
    if head.lower() not in heads:
        return "the head that was noted does not stand in the ledger: runs were cut off or written anew"
    for account, microcents in conn.execute("select account, microcents from balance order by account"):
        if int(microcents) != balances.pop(account, 0):
            return f"the balance of account {account} is not the sum of its transfers"
    missing = next((account for account, microcents in sorted(balances.items()) if microcents), None)
    return f"the balance of account {missing} is missing" if missing is not None else ""


def _transfers(conn: sqlite3.Connection) -> Iterator[tuple[TransferRow, bytes]]:
    cursor = conn.execute("select id, run, debit, credit, microcents, pool, place, work, reason, hash from transfer order by id")
    while rows := cursor.fetchmany(BATCH):
        for row in rows:
            yield row[:9], row[9]
