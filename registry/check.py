"""Is a registry whole? Every finding is one sentence; none means that it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator

import numpy as np

from fingerprint.errors import BadFingerprint
from fingerprint.features import unpack
from fingerprint.hashing import mix
from registry.packing import Postings, is_sorted, joined, no_postings
from registry.pages import Damaged, Fetch, Segment
from registry.postings import fetcher, load_directory, postings_of
from registry.segments import find, unpacked
from registry.works import Schemes

AT_ONCE = 2048  # blocks
MOST_FINDINGS = 100
REBUILD = "run byline registry rebuild"
RESTORE = "restore a backup"

Sums = dict[str, tuple[int, int]]


def check(conn: sqlite3.Connection, schemes: Schemes) -> list[str]:
    """What is wrong with the registry, at most MOST_FINDINGS sentences."""
    found: list[str] = []
    for one in (_file, _counts, _works, _index):
        try:
            for finding in one(conn, schemes):
                found.append(finding)
                if len(found) >= MOST_FINDINGS:
                    return found
        except sqlite3.DatabaseError as error:
            found.append(f"the file is damaged: {error}; {RESTORE}")
    return found


def _file(conn: sqlite3.Connection, schemes: Schemes) -> Iterator[str]:
    for (line,) in conn.execute("pragma integrity_check(20)"):
        if line != "ok":
            yield f"the file is damaged: {' '.join(line.split())}; {RESTORE}"
    for table, row, parent, _ in conn.execute("pragma foreign_key_check"):
        yield f"row {row} of table {table} points to a row of table {parent} that is not there; {RESTORE}"


COUNTS: tuple[tuple[str, str], ...] = (
    (
        "the count of works is wrong",
        "select (select cast(value as integer) from meta where name = 'works') <> "
        "(select count(*) from work where state = 'live')",
    ),
    (
        "a count of fingerprints is wrong",
        "select exists (select 1 from scheme s where fingerprints <> "
        "(select count(*) from fingerprint f where f.scheme = s.name and f.posted = 1)) or exists "
        "(select 1 from fingerprint where posted = 1 and scheme not in (select name from scheme))",
    ),
    (
        "a withdrawn work is still matched",
        "select exists (select 1 from fingerprint f join work w on w.rank = f.work where w.state <> 'live' and f.posted = 1)",
    ),
    (
        "a work is matched by no fingerprint, neither its own nor a twin's",
        "select exists (select 1 from work w where w.state = 'live' and w.posted = 0 and not exists "
        "(select 1 from work o where o.digest = w.digest and o.state = 'live' and o.posted = 1))",
    ),
    (
        "a fingerprint of a matched work is left out of the index",
        "select exists (select 1 from fingerprint f join work w on w.rank = f.work "
        "where w.state = 'live' and w.posted = 1 and f.posted = 0 and f.postings > 0 and f.part >= 0)",
    ),
    (
        "a fingerprint counts as withdrawn and as matched",
        "select exists (select 1 from tombstone t join fingerprint f on f.id = t.fingerprint where f.posted = 1)",
    ),
)


def _counts(conn: sqlite3.Connection, schemes: Schemes) -> Iterator[str]:
    for sentence, statement in COUNTS:
        if conn.execute(statement).fetchone()[0]:
            yield f"{sentence}; {REBUILD}"


def _works(conn: sqlite3.Connection, schemes: Schemes) -> Iterator[str]:
    """Every stored fingerprint can be read, and is as long as its row says."""
    rows = conn.execute(
        "select f.id, w.work_id, f.scheme, f.n, f.postings, p.data from fingerprint f "
        "join work w on w.rank = f.work left join packed p on p.fingerprint = f.id"
    )
    for number, work_id, scheme, n, postings, blob in rows:
        name = f"fingerprint {number} ({scheme}) of work {work_id!r}"
        try:
            f = unpack(blob or b"", schemes)
        except BadFingerprint as error:
            yield f"{name} cannot be read: {error}"
            continue
        expected = f.keys.size if schemes[f.scheme].indexed else 0
        if (f.scheme, len(f), expected) != (scheme, n, postings):
            yield f"{name} is not what its row says; {RESTORE}"


def _index(conn: sqlite3.Connection, schemes: Schemes) -> Iterator[str]:
    """Segments are sorted and whole, and hold exactly the postings that follow from the stored fingerprints."""
    stored = _stored_sums(conn, schemes)
    for scheme in sorted(stored | dict.fromkeys(r[0] for r in conn.execute("select distinct scheme from segment"))):
        directory = load_directory(conn, scheme)
        count, total = 0, 0
        for segment in directory.segments:
            try:
                n, mixed = yield from _segment(conn, fetcher(conn), segment)
            except Damaged as error:
                yield f"segment {segment.id} of {scheme} is not whole ({error}); {REBUILD}"
                continue
            count, total = count + n, (total + mixed) % 2**64
        if (count, total) != stored.get(scheme, (0, 0)):
            yield f"the index of {scheme} does not hold what its fingerprints say; {REBUILD}"


def _stored_sums(conn: sqlite3.Connection, schemes: Schemes) -> Sums:
    """For each scheme, number and mixed sum of the postings that its segments should hold."""
    sums: Sums = {}
    rows = conn.execute(
        "select id, scheme, data from fingerprint join packed on packed.fingerprint = id where postings > 0 "
        "and (posted = 1 or id in (select fingerprint from tombstone))"
    )
    for number, scheme, blob in rows:
        try:
            postings = postings_of(number, unpack(blob, schemes))
        except BadFingerprint:
            continue  # told already
        n, total = sums.get(scheme, (0, 0))
        sums[scheme] = (n + len(postings), (total + _mixed(postings)) % 2**64)
    return sums


def _mixed(postings: Postings) -> int:
    """A sum that does not depend on order, and differs when any posting does."""
    place = (postings.ids.astype(np.int64) << np.int64(32)) | postings.positions.astype(np.int64).astype(np.uint32)
    mixed = mix(postings.keys ^ mix(place, "check.place"), "check.posting")
    return int(mixed.view(np.uint64).sum(dtype=np.uint64))


def _segment(conn: sqlite3.Connection, fetch: Fetch, segment: Segment) -> Generator[str, None, tuple[int, int]]:
    """Sentences about one segment; gives number and mixed sum of its postings."""
    count, total, last = 0, 0, no_postings()
    for start in range(0, len(segment.first_keys), AT_ONCE):
        piece = unpacked(segment, fetch, start, min(start + AT_ONCE, len(segment.first_keys)))
        count, total = count + len(piece), (total + _mixed(piece)) % 2**64
        whole = joined([last, piece])
        if not is_sorted(whole):
            yield f"segment {segment.id} is not sorted; {REBUILD}"
        last = whole.of(slice(len(whole) - 1, None))
    noted = conn.execute("select key, postings from stop_key where segment = ? order by key", (segment.id,)).fetchall()
    found = find(segment, fetch, np.array([n[0] for n in noted], np.int64))
    if noted and (found.ends - found.starts).tolist() != [n[1] for n in noted]:
        yield f"the common keys of segment {segment.id} are miscounted; {REBUILD}"
    return count, total
