"""Payloads of one scheme of all live works as one matrix: what has no keys is compared with everything at once.

Read once by a process and kept; when the registry has changed only fingerprints that are new are read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from fingerprint.features import Scheme, unpack
from fingerprint.hashing import Int64, UInt8
from registry.hits import Rows

AT_ONCE = 4096  # rows of the table that are unpacked at a time

# Of works with the same content one is enough: the others are its twins.
LIVE = """
select f.id from fingerprint f join work w on w.rank = f.work
where f.scheme = ? and f.part >= 0 and f.n = 1 and w.state = 'live' and w.posted = 1 order by f.id
"""
PACKED = "select data from packed where fingerprint in (select value from json_each(?)) order by fingerprint"


@dataclass(frozen=True)
class Held:
    """The registry's revision when it was read, fingerprint ids int64[n], rising, and their payloads uint8[n, k]."""

    revision: str
    ids: Int64
    payloads: UInt8


def read(conn: sqlite3.Connection, scheme: Scheme, revision: str, schemes: Mapping[str, Scheme], held: Held | None) -> Held:
    """The matrix as of this revision; of what is `held` already nothing is read again."""
    if held is not None and held.revision == revision:
        return held
    if held is None:
        held = Held("", np.zeros(0, np.int64), np.zeros((0, scheme.payload_width), np.uint8))
    ids = np.fromiter((row[0] for row in conn.execute(LIVE, (scheme.name,))), np.int64)
    fresh = np.setdiff1d(ids, held.ids, assume_unique=True)
    known = np.concatenate([held.ids, fresh])
    payloads = np.concatenate([held.payloads, *_unpacked(conn, fresh, scheme, schemes)])
    order = np.argsort(known, kind="stable")
    wanted = order[np.searchsorted(known, ids, sorter=order)]
    return Held(revision, ids, payloads[wanted])


def as_rows(held: Held) -> Rows:
    """What the matcher takes."""
    return Rows(held.ids.astype(np.int32), held.payloads)


def _unpacked(conn: sqlite3.Connection, ids: Int64, scheme: Scheme, schemes: Mapping[str, Scheme]) -> Iterator[UInt8]:
    for start in range(0, len(ids), AT_ONCE):
        own = ids[start : start + AT_ONCE]
        rows = [unpack(row[0], schemes).payload for row in conn.execute(PACKED, (json.dumps(own.tolist()),))]
        yield np.concatenate([row for row in rows if row is not None]).reshape(len(own), scheme.payload_width)
