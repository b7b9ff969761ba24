"""Stored fingerprints of older schemes replaced by those of newer ones. The caller holds the transaction.

A fingerprint whose postings are in a segment cannot go with them: its row stays, its part is -1 - id, until a merge has
forgotten its postings. Every other query passes over such rows (`part >= 0`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from fingerprint.features import Fingerprint, Media, Part, Scheme, make, newest, unpack
from registry.works import Batch, Schemes, content_digest, count_live, post, unpost

ENDS = 1000  # works at either end of the registry that a quick look covers

# Works, from rank :first to :last, with a part that holds a fingerprint of a scheme in :older, or not all that are made of
# its medium: `made` names them as "medium scheme", `wanted` says how many each medium has.
DUE = """
with part_state as (
    select work, medium, sum(scheme in (select value from json_each(:older))) as older,
           sum(medium || ' ' || scheme in (select value from json_each(:made))) as made
    from fingerprint where part >= 0 and work between :first and :last group by work, part
)
select distinct p.work from part_state p join work w on w.rank = p.work left join json_each(:wanted) j on j.key = p.medium
where w.state = 'live' and (p.older > 0 or p.made < j.value) order by p.work limit :most
"""


@dataclass(frozen=True)
class Outdated:
    """A work whose file has to be fingerprinted again. schemes: the older ones it has, or else those that it lacks."""

    rank: int
    work_id: str
    title: str
    path: str
    sha256: str
    schemes: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    """One stored fingerprint."""

    id: int
    part: int
    medium: str
    extent: str
    scheme: str
    posted: int


def older_names(schemes: Schemes) -> list[str]:
    """Schemes that are read and no longer made."""
    return sorted(s.name for s in schemes.values() if s.successor)


def made_of(schemes: Schemes, medium: str) -> list[Scheme]:
    """Schemes that every registered part of that medium has, made by this version."""
    return [s for s in schemes.values() if s.medium == medium and s.stored and not s.successor and not s.optional]


def due(conn: sqlite3.Connection, schemes: Schemes, first: int = 0, last: int = 2**62, most: int = -1) -> list[int]:
    """Ranks, rising, of the live works there whose fingerprints are not those that this version makes."""
    media = sorted({s.medium for s in schemes.values()})
    wanted = {medium: made_of(schemes, medium) for medium in media}
    values = {
        "older": json.dumps(older_names(schemes)), "made": json.dumps([f"{m} {s.name}" for m in media for s in wanted[m]]),
        "wanted": json.dumps({m: len(wanted[m]) for m in media}), "first": first, "last": last, "most": most,
    }  # fmt: skip
    return [row[0] for row in conn.execute(DUE, values)]


def is_due(conn: sqlite3.Connection, schemes: Schemes) -> bool:
    """Whether an upgrade has something to do among the first and the last works: exact in all but large registries."""
    top = int(conn.execute("select coalesce(max(rank), 0) from work").fetchone()[0])
    return bool(due(conn, schemes, 0, ENDS, 1) or due(conn, schemes, max(0, top - ENDS), top, 1))


def counts(conn: sqlite3.Connection, schemes: Schemes) -> dict[str, int]:
    """Fingerprints of older schemes, and live works for which an upgrade is due."""
    older = conn.execute(
        "select count(*) from fingerprint where part >= 0 and scheme in (select value from json_each(?))",
        (json.dumps(older_names(schemes)),),
    ).fetchone()[0]
    return {"older_fingerprints": int(older), "outdated_works": len(due(conn, schemes))}


def outdated(conn: sqlite3.Connection, schemes: Schemes, after: int, most: int) -> list[Outdated]:
    """The next works behind rank `after` that are due."""
    return [_outdated(conn, schemes, rank) for rank in due(conn, schemes, after + 1, most=most)]


def _outdated(conn: sqlite3.Connection, schemes: Schemes, rank: int) -> Outdated:
    about = conn.execute("select work_id, title, path, sha256 from work where rank = ?", (rank,))
    work_id, title, path, sha256 = about.fetchone()
    rows = _rows(conn, rank)
    older = {r.scheme for r in rows} & set(older_names(schemes))
    have = {(r.part, r.scheme) for r in rows}
    lacking = {s.name for r in rows for s in made_of(schemes, r.medium) if (r.part, s.name) not in have}
    return Outdated(rank, work_id, title, path, sha256, tuple(sorted(older or lacking)))


def convertible(conn: sqlite3.Connection, schemes: Schemes, after: int, most: int) -> list[int]:
    """Ranks of the next works behind rank `after`, withdrawn ones too, with a fingerprint that `convert` can renew."""
    names = json.dumps([s.name for s in schemes.values() if s.convert is not None])
    rows = conn.execute(
        "select distinct work from fingerprint where part >= 0 and work > ? and scheme in (select value from json_each(?)) "
        "order by work limit ?",
        (after, names, most),
    )
    return [row[0] for row in rows]


def convert(conn: sqlite3.Connection, schemes: Schemes, ranks: Iterable[int]) -> dict[int, str]:
    """Converts what can be converted of these works; for each rank what was done, as an audit row says it."""
    batch, told, digests = Batch(conn, schemes), {}, set[str]()
    for rank in ranks:
        done = []
        rows = _rows(conn, rank)
        have = {(r.part, r.scheme) for r in rows}
        for row in rows:
            if schemes[row.scheme].convert is not None:
                new = newest(_stored(conn, row.id, schemes), schemes)
                _leave(conn, row)
                if (row.part, new.scheme) not in have:
                    batch.store(rank, (row.part, row.medium, row.extent), new, _is_posted(conn, rank))
                done.append(f"{row.scheme} to {new.scheme}")
        digests |= _digest_anew(conn, rank, schemes)
        told[rank] = ", ".join(done)
    batch.finish()
    _settle(conn, digests, schemes)
    return told


def renew(conn: sqlite3.Connection, schemes: Schemes, media: Mapping[int, Media]) -> dict[int, str]:
    """Puts what was computed from the files of these works (by rank) in the place of their older fingerprints.

    What is stored in a scheme that is still made stays as it is: the scheme's name says that it is the same.
    """
    batch, told, digests = Batch(conn, schemes), {}, set[str]()
    for rank, made in media.items():
        rows = _rows(conn, rank)
        have = {(r.part, r.scheme) for r in rows}
        parts = list(_placed(rows, made.parts))
        gone = [r for r in rows if schemes[r.scheme].successor]
        for row in gone:
            _leave(conn, row)
        new = [(n, part, f) for n, part in parts for f in _complete(part, schemes) if (n, f.scheme) not in have]
        for number, part, fingerprint in new:
            batch.store(rank, (number, part.medium, json.dumps(part.extent)), fingerprint, _is_posted(conn, rank))
        digests |= _digest_anew(conn, rank, schemes)
        came, went = (", ".join(sorted(set(names))) for names in ((f.scheme for *_, f in new), (r.scheme for r in gone)))
        told[rank] = f"fingerprinted again: {came}" + (f" for {went}" if went else "")
    batch.finish()
    _settle(conn, digests, schemes)
    return told


def _rows(conn: sqlite3.Connection, rank: int) -> list[_Row]:
    rows = conn.execute(
        "select id, part, medium, extent, scheme, posted from fingerprint where work = ? and part >= 0 order by part, id", (rank,)
    )
    return [_Row(*row) for row in rows.fetchall()]


def _stored(conn: sqlite3.Connection, number: int, schemes: Schemes) -> Fingerprint:
    return unpack(conn.execute("select data from packed where fingerprint = ?", (number,)).fetchone()[0], schemes)


def _is_posted(conn: sqlite3.Connection, rank: int) -> bool:
    return bool(conn.execute("select posted from work where rank = ?", (rank,)).fetchone()[0])


def _leave(conn: sqlite3.Connection, row: _Row) -> None:
    """Takes one fingerprint out of its work: at once, or once its postings are forgotten."""
    if row.posted:
        conn.execute(
            "insert into tombstone (fingerprint, scheme, postings) select id, scheme, postings from fingerprint where id = ?",
            (row.id,),
        )
        count_live(conn, row.scheme, -1)
    conn.execute("update fingerprint set posted = 0, part = -1 - id where id = ?", (row.id,))
    if not conn.execute("select 1 from tombstone where fingerprint = ?", (row.id,)).fetchone():
        forget(conn, [row.id])


def forget(conn: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Deletes those of these fingerprints that have been replaced; no posting and no tombstone may be left of them."""
    for number in ids:
        if conn.execute("select 1 from fingerprint where id = ? and part < 0", (number,)).fetchone():
            conn.execute("delete from packed where fingerprint = ?", (number,))
            conn.execute("delete from fingerprint where id = ?", (number,))


def _placed(rows: list[_Row], parts: tuple[Part, ...]) -> Iterator[tuple[int, Part]]:
    """Each part with the number under which the work has it: that of its medium, the first for the first, or a new number."""
    numbers = {number: next(own).medium for number, own in groupby(rows, key=lambda r: r.part)}
    fresh = max(numbers, default=-1) + 1
    for part in parts:
        number = next((n for n, medium in numbers.items() if medium == part.medium), fresh)
        numbers.pop(number, None)
        fresh += number == fresh
        yield number, part


def _complete(part: Part, schemes: Schemes) -> Iterator[Fingerprint]:
    """The fingerprints of the part; an empty one says that its file gives none of a scheme, so that nobody asks again."""
    yield from part.fingerprints
    for scheme in made_of(schemes, part.medium):
        if part.of(scheme.name) is None:
            payload = np.zeros((0, scheme.payload_width), np.uint8) if scheme.payload_width else None
            yield make(scheme, np.zeros(0, np.int32), payload)


def _digest_anew(conn: sqlite3.Connection, rank: int, schemes: Schemes) -> set[str]:
    """Brings the digest of the work's content up to date; both, the one it had and the one it has."""
    parts = []
    for _, own in groupby(_rows(conn, rank), key=lambda r: r.part):
        rows = list(own)
        extent: tuple[Any, ...] = tuple(json.loads(rows[0].extent))
        parts.append(Part(rows[0].medium, extent, tuple(_stored(conn, r.id, schemes) for r in rows)))
    (before,) = conn.execute("select digest from work where rank = ?", (rank,)).fetchone()
    digest = content_digest(Media("", "", tuple(parts)))
    conn.execute("update work set digest = ? where rank = ?", (digest, rank))
    return {before, digest} - {""}


def _settle(conn: sqlite3.Connection, digests: set[str], schemes: Schemes) -> None:
    """Of the live works of one content exactly one is posted, the first that is already; the others are linked to it."""
    for digest in sorted(digests):
        rows = conn.execute(
            "select rank, posted from work where digest = ? and state = 'live' order by posted desc, rank", (digest,)
        ).fetchall()
        for rank, posted in rows[1:]:
            if posted:
                conn.execute("update work set posted = 0 where rank = ?", (rank,))
                unpost(conn, rank)
            pair = sorted((rank, rows[0][0]))
            conn.execute("insert into twin (work, other, how) values (?, ?, 'content') on conflict do nothing", pair)
        if rows and not rows[0][1]:
            post(conn, rows[0][0], schemes)
