"""The postings of a registry: segments written, and `lookup`, the one join of a scan.

Works on a connection whose transaction the caller holds. The cap on common keys counts the live postings of a key over
all segments, so that it depends on what is registered and not on how it is laid out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint
from fingerprint.hashing import Int32, Int64, changes
from registry.hits import Hits, hit_order, no_hits
from registry.memory import ENOUGH_HITS, MAX_POSTINGS_PER_KEY, most_postings
from registry.packing import Postings, blocks_of, exact_layout, in_order, joined, layout_from, runs_of
from registry.pages import Fetch, Reader, Segment
from registry.segments import Run, find, read

SOME_BLOCKS = "select b.data from json_each(?) j cross join block b on b.id = j.value"  # one seek each, in the order given
A_STRETCH = "select id, data from block where id between ? and ? order by id"
FEW = 8
BLOCKS_AT_ONCE = 256
# Behind the last known block there may be some of a merge that was cut off: they are nobody's.
WRITE_BLOCK = "insert or replace into block (id, data) values (?, ?)"


def fetcher(conn: sqlite3.Connection) -> Fetch:
    """What reads blocks by rising id, one after the other; a piece that it gives may hold several."""

    def fetch(ids: Int64) -> Iterator[bytes]:
        wanted = ids.tolist()
        if len(wanted) < FEW or wanted[-1] - wanted[0] >= 2 * len(wanted):
            return (row[0] for row in conn.execute(SOME_BLOCKS, (str(wanted),)))
        # Where most of a stretch is wanted, one scan of it is cheaper than a seek for each.
        rows = conn.execute(A_STRETCH, (wanted[0], wanted[-1]))
        return _some_at_a_time(rows, None if len(wanted) == wanted[-1] - wanted[0] + 1 else set(wanted))

    return fetch


def _some_at_a_time(rows: sqlite3.Cursor, chosen: set[int] | None) -> Iterator[bytes]:
    """The blocks, many in one piece: handling each for itself costs more than reading it."""
    while some := rows.fetchmany(BLOCKS_AT_ONCE):
        yield b"".join([data for number, data in some if chosen is None or number in chosen])


def postings_of(fingerprint_id: int, fingerprint: Fingerprint) -> Postings:
    """The fingerprint's keys as postings, unsorted; a row with several band keys gives several."""
    bands = fingerprint.keys.shape[1]
    ids = np.full(len(fingerprint) * bands, fingerprint_id, np.int32)
    return Postings(fingerprint.keys.ravel(), ids, np.repeat(fingerprint.positions, bands))


def write_segment(conn: sqlite3.Connection, scheme: str, runs: list[Postings], live: bool = True) -> None:
    """One new segment of these postings; readers see it when it is live."""
    postings = in_order(joined(runs))
    if not len(postings):
        return
    layout = exact_layout(postings)
    first_block = next_block(conn)
    conn.executemany(WRITE_BLOCK, enumerate(blocks_of(postings, layout), first_block))
    first_keys = postings.keys[:: layout.per_block]
    segment = Segment(0, len(postings), first_block, layout, first_keys)
    note_segment(conn, scheme, segment, common(postings.keys), live)


def common(keys: Int64) -> dict[int, int]:
    """Keys of a sorted column that alone here are over the cap, and how often they stand there."""
    if len(keys) <= MAX_POSTINGS_PER_KEY:
        return {}
    different, count = runs_of(keys)
    over = count > MAX_POSTINGS_PER_KEY
    return dict(zip(different[over].tolist(), count[over].tolist(), strict=True))


def next_block(conn: sqlite3.Connection) -> int:
    """The first block id that no segment has had."""
    return int(conn.execute("select value from meta where name = 'next_block'").fetchone()[0])


def note_segment(conn: sqlite3.Connection, scheme: str, segment: Segment, stop: dict[int, int], live: bool = True) -> None:
    """Makes blocks that have been written a segment; its id is given by the database."""
    directory = segment.first_keys.astype("<i8").tobytes()
    values = (scheme, int(live), segment.n, segment.first_block, segment.layout.as_json(), directory)
    cursor = conn.execute(
        "insert into segment (scheme, live, n, first_block, layout, first_keys) values (?, ?, ?, ?, ?, ?)", values
    )
    rows = [(cursor.lastrowid, key, count) for key, count in sorted(stop.items())]
    conn.executemany("insert into stop_key (segment, key, postings) values (?, ?, ?)", rows)
    top = segment.first_block + len(segment.first_keys)
    conn.execute("update meta set value = ? where name = 'next_block'", (str(top),))


@dataclass(frozen=True)
class Directory:
    """What a scan keeps in memory of one scheme.

    dead          ids of withdrawn fingerprints whose postings are still there, rising; dead_postings is how many those are
    stop          keys that are over the cap however many of their postings are dead: not even looked up
    fingerprints  how many live ones there are
    """

    segments: tuple[Segment, ...]
    dead: Int32
    dead_postings: int
    stop: Int64
    fingerprints: int


def load_directory(conn: sqlite3.Connection, scheme: str, before: Directory | None = None) -> Directory:
    """The Directory as it is now; segments that `before` holds are not read again."""
    known = {s.id: s for s in before.segments} if before else {}
    ids = [row[0] for row in conn.execute("select id from segment where scheme = ? and live = 1 order by id", (scheme,))]
    segments = tuple(known.get(i) or load_segment(conn, i) for i in ids)
    dead = dead_of(conn, scheme)
    buried = int(conn.execute("select coalesce(sum(postings), 0) from tombstone where scheme = ?", (scheme,)).fetchone()[0])
    stop = conn.execute(
        "select k.key from stop_key k join segment s on s.id = k.segment "
        "where s.scheme = ? and s.live = 1 group by k.key having sum(k.postings) > ?",
        (scheme, MAX_POSTINGS_PER_KEY + buried),
    ).fetchall()
    count = conn.execute("select fingerprints from scheme where name = ?", (scheme,)).fetchone()
    keys = np.array([k[0] for k in stop], np.int64)
    return Directory(segments, dead, buried, keys, count[0] if count else 0)


def dead_of(conn: sqlite3.Connection, scheme: str) -> Int32:
    """Ids of withdrawn fingerprints whose postings have not been forgotten yet, rising."""
    rows = conn.execute("select fingerprint from tombstone where scheme = ? order by fingerprint", (scheme,))
    return np.array([row[0] for row in rows], np.int32)


def load_segment(conn: sqlite3.Connection, segment_id: int) -> Segment:
    """The segment of that id."""
    row = conn.execute("select n, first_block, layout, first_keys from segment where id = ?", (segment_id,)).fetchone()
    return Segment(segment_id, row[0], row[1], layout_from(row[2]), np.frombuffer(row[3], "<i8").astype(np.int64))


def lookup(directory: Directory, fetch: Fetch, keys: Int64, reader: Reader | None = None, most_hits: int = ENOUGH_HITS) -> Hits:
    """Hits of keys int64[n, b], as registry.hits.Index.lookup says; a key with too many live postings gives none."""
    probes, place, asked = _different(keys.ravel())
    if len(directory.stop):
        kept = ~np.isin(probes, directory.stop)
        place = np.where(kept, np.cumsum(kept) - 1, -1)[place]
        probes, asked = probes[kept], asked[kept]
    if not len(probes):
        return no_hits()
    reader = reader or Reader()
    runs = [_live(directory, fetch, s, probes, asked, reader, most_hits) for s in directory.segments]
    counts = sum((count for _, count in runs), np.zeros(len(probes), np.int64))
    if not counts.any():
        return no_hits()
    if len(runs) == 1 and not len(directory.dead):
        run = runs[0][0]  # what is too common is left out already
    else:
        run = _together([found for found, _ in runs], counts <= most_postings(counts, asked, most_hits))
    rarity = np.log10(directory.fingerprints / np.maximum(counts, 1) + 1).astype(np.float32)
    return _expanded(run, place, keys.shape[1], rarity)


def _different(keys: Int64) -> tuple[Int64, Int64, Int64]:
    """The different keys, rising; for each key which of them it is; how often each stands there."""
    order = np.argsort(keys)
    first = changes(keys[order])
    place = np.empty(len(keys), np.int64)
    place[order] = np.cumsum(first) - 1
    return keys[order[first]], place, np.bincount(place, minlength=1)[: np.count_nonzero(first)]


def _live(
    directory: Directory, fetch: Fetch, segment: Segment, probes: Int64, asked: Int64, reader: Reader, most_hits: int
) -> tuple[Run, Int64]:
    """The live postings of the probes in one segment, and how many each has; of those surely too common only how many.

    Segment by segment, so that the blocks of one are let go before the next is read.
    """
    found = find(segment, fetch, probes, reader)
    counts = found.ends - found.starts
    # What is too common in one segment is too common in all; but some of it may be dead.
    most = MAX_POSTINGS_PER_KEY + directory.dead_postings if len(directory.dead) else most_postings(counts, asked, most_hits)
    over = counts > most
    run = read(found, fetch, np.flatnonzero((counts > 0) & ~over), reader)
    if not len(directory.dead):
        return run, counts
    alive = ~np.isin(run.ids, directory.dead)
    run = Run(run.ids[alive], run.positions[alive], run.probes[alive])
    return run, np.where(over, counts, np.bincount(run.probes, minlength=len(probes)))


def _together(runs: list[Run], chosen: npt.NDArray[np.bool_]) -> Run:
    """The runs of several segments as one, sorted by probe; only those of chosen probes."""
    ids, positions, probes = (np.concatenate([getattr(r, c) for r in runs]) for c in ("ids", "positions", "probes"))
    order = np.argsort(probes, kind="stable")
    order = order[chosen[probes[order]]]
    return Run(ids[order], positions[order], probes[order])


def _expanded(run: Run, place: Int64, bands: int, rarity: npt.NDArray[np.float32]) -> Hits:
    """One hit for each pair of a flat probe key and a posting of it, in the order that Hits promises."""
    of_probe = np.bincount(run.probes, minlength=len(rarity))
    first = np.cumsum(of_probe) - of_probe
    flat = np.flatnonzero(place >= 0)
    low, count = first[place[flat]], of_probe[place[flat]]
    where = np.repeat(low - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(int(count.sum()))
    row = np.repeat((flat // max(bands, 1)).astype(np.int32), count)
    order = hit_order(run.ids[where], row, run.positions[where])
    where, row = where[order], row[order]
    return Hits(row, run.ids[where], run.positions[where], rarity[run.probes[where]])
