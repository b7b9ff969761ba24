"""The plain way: one row a posting, looked up by a prepared statement in a loop. What ours is compared with."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.postings_data import Data
from fingerprint.hashing import Int64
from registry.hits import Hits, no_hits
from registry.memory import MAX_POSTINGS_PER_KEY
from registry.packing import Postings

AT_ONCE = 1 << 18
SELECT = f"select id, position from posting where key = ? limit {MAX_POSTINGS_PER_KEY + 1}"  # noqa: S608


def _connect(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("pragma journal_mode = wal")
    conn.execute("pragma cache_size = -256000")
    return conn


def load(path: Path, data: Data) -> float:
    """Loads everything presorted; gives CPU seconds without the making of Python's numbers."""
    spent = 0.0
    conn = _connect(path)
    conn.execute(
        "create table posting (key integer, id integer, position integer, primary key (key, id, position)) strict, without rowid"
    )
    conn.execute("begin")
    for run in data.pieces(1):
        for start in range(0, len(run), AT_ONCE):
            rows = _rows(run.of(slice(start, start + AT_ONCE)))
            begun = time.process_time()
            conn.executemany("insert or ignore into posting values (?, ?, ?)", rows)
            spent += time.process_time() - begun
    begun = time.process_time()
    conn.execute("commit")
    conn.execute("pragma wal_checkpoint(truncate)")
    spent += time.process_time() - begun
    conn.close()
    return spent


def _rows(run: Postings) -> list[tuple[int, int, int]]:
    return list(zip(run.keys.tolist(), run.ids.tolist(), run.positions.tolist(), strict=True))


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to search with."""
    with contextlib.closing(_connect(path)) as conn:
        yield conn


writing = reading


def lookup(conn: sqlite3.Connection, keys: Int64, fingerprints: int) -> Hits:
    """The same Hits: a statement for each key, then columns, in order."""
    rows: list[tuple[int, int]] = []
    counts = []
    for key in keys.ravel().tolist():
        found = conn.execute(SELECT, (key,)).fetchall()
        if len(found) > MAX_POSTINGS_PER_KEY:
            found = []
        rows += found
        counts.append(len(found))
    if not rows:
        return no_hits()
    count = np.array(counts)
    columns = np.array(rows, np.int32)
    row = np.repeat(np.arange(len(counts), dtype=np.int32), count)
    rarity = np.repeat(np.log10(fingerprints / np.maximum(count, 1) + 1).astype(np.float32), count)
    order = np.lexsort((columns[:, 1], row, columns[:, 0]))
    return Hits(row[order], columns[order, 0], columns[order, 1], rarity[order])


def add(conn: sqlite3.Connection, run: Postings) -> None:
    """Registers one work, committed and folded into the file."""
    conn.execute("begin")
    conn.executemany("insert or ignore into posting values (?, ?, ?)", sorted(_rows(run)))
    conn.execute("commit")
    conn.execute("pragma wal_checkpoint(truncate)").fetchone()


def remove(conn: sqlite3.Connection, run: Postings) -> None:
    """Withdraws one work whose postings are known."""
    conn.execute("begin")
    conn.executemany("delete from posting where key = ? and id = ? and position = ?", sorted(_rows(run)))
    conn.execute("commit")
    conn.execute("pragma wal_checkpoint(truncate)").fetchone()
