"""Works, their people, credits and fingerprints: put in by batches, withdrawn, restored. The caller holds the transaction."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fingerprint.features import Fingerprint, Media, Scheme, pack, unpack
from registry.errors import UnknownWork
from registry.hits import Credit, Registered, Work
from registry.identified import identify
from registry.identifiers import work_identifiers_in
from registry.packing import Postings
from registry.people import credits_of, write_credits
from registry.postings import postings_of, write_segment
from registry.text import storable, year_of

Schemes = Mapping[str, Scheme]


@dataclass(frozen=True)
class Entry:
    """A work to be registered. extra holds further columns of a catalogue; media is what was computed from the file."""

    work_id: str
    title: str
    medium: str
    media: Media
    licence: str = ""
    source: str = ""
    path: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    credits: tuple[Credit, ...] = ()
    holders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of an Entry.

    status  "accepted"; "known": registered before with the same file, nothing to do; "conflict": the work_id stands for
            another file or for a withdrawn work, nothing was stored, `reason` says which
    twins   registered works with the same content
    conflicts  of an accepted work: credits that were left out, a sentence each, because they contradict what is registered
    """

    work_id: str
    status: str
    twins: tuple[str, ...] = ()
    reason: str = ""
    conflicts: tuple[str, ...] = ()


class Batch:
    """The entries of one transaction: rows are written as they come, postings are kept for one segment a scheme."""

    def __init__(self, conn: sqlite3.Connection, schemes: Schemes) -> None:
        self._conn = conn
        self._schemes = schemes
        self._rank = _next(conn, "select max(rank) from work", 1)
        self._fingerprint = _next(conn, "select max(id) from fingerprint", 0)
        self._runs: dict[str, list[Postings]] = defaultdict(list)

    def add(self, entry: Entry) -> Outcome:
        """Stores one work. Its keys are posted unless a registered work has the very same fingerprints."""
        known = _known(self._conn, entry)
        if known is not None:
            return known
        rank, self._rank = self._rank, self._rank + 1
        digest = content_digest(entry.media)
        twin, same_content = _twin(self._conn, entry.media.sha256, digest)
        posted = not same_content
        self._conn.execute(
            "insert into work (rank, work_id, title, medium, licence, source, path, sha256, digest, extra, state, posted) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'live', ?)",
            (rank, *_about(entry), entry.media.sha256, digest, _json(entry.extra), int(posted)),
        )
        conflicts = write_credits(self._conn, rank, storable(entry.work_id), entry.credits, entry.holders)
        identify(self._conn, rank, work_identifiers_in(entry.extra, strict=False))
        self._store_fingerprints(rank, entry.media, posted)
        if twin:
            how = "content" if same_content else "file"
            self._conn.execute("insert into twin (work, other, how) values (?, ?, ?)", (twin, rank, how))
        return Outcome(entry.work_id, "accepted", twins(self._conn, rank) if twin else (), conflicts=conflicts)

    def _store_fingerprints(self, rank: int, media: Media, posted: bool) -> None:
        for number, part in enumerate(media.parts):
            for fingerprint in part.fingerprints:
                if fingerprint.variant:
                    raise ValueError(f"variant {fingerprint.variant!r} of {fingerprint.scheme} is a probe; register features")
                self.store(rank, (number, part.medium, json.dumps(part.extent)), fingerprint, posted)

    def store(self, rank: int, part: tuple[int, str, str], fingerprint: Fingerprint, posted: bool) -> None:
        """One fingerprint of a work. part: number, medium and, as JSON, extent. posted: the work's keys are posted."""
        scheme = self._schemes[fingerprint.scheme]
        count = fingerprint.keys.size if scheme.indexed else 0
        here = posted and count > 0
        number, medium, extent = part
        self._conn.execute(
            "insert into fingerprint (id, work, part, medium, scheme, n, postings, extent, posted) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (self._fingerprint, rank, number, medium, scheme.name, len(fingerprint), count, extent, int(here)),
        )
        packed = pack(fingerprint, scheme, brief=True)
        self._conn.execute("insert into packed (fingerprint, data) values (?, ?)", (self._fingerprint, packed))
        if here:
            self._runs[scheme.name].append(postings_of(self._fingerprint, fingerprint))
        self._fingerprint += 1

    def finish(self) -> None:
        """Writes the postings of the batch."""
        for scheme, runs in sorted(self._runs.items()):
            write_segment(self._conn, scheme, runs)
            count_live(self._conn, scheme, len(runs))


def _about(entry: Entry) -> tuple[str, ...]:
    texts = (entry.work_id, entry.title, entry.medium, entry.licence, entry.source, entry.path)
    return tuple(storable(text) for text in texts)


def _json(extra: Mapping[str, Any]) -> str:
    return json.dumps(dict(extra), sort_keys=True, separators=(",", ":"))


def _next(conn: sqlite3.Connection, statement: str, first: int) -> int:
    top = conn.execute(statement).fetchone()[0]
    return first if top is None else int(top) + 1


def _known(conn: sqlite3.Connection, entry: Entry) -> Outcome | None:
    row = conn.execute("select sha256, state from work where work_id = ?", (storable(entry.work_id),)).fetchone()
    if row is None:
        return None
    if row[1] != "live":
        return Outcome(entry.work_id, "conflict", reason="a work of this id was withdrawn; restore it or use another id")
    if row[0] != entry.media.sha256:
        return Outcome(entry.work_id, "conflict", reason="this id is registered for another file; use another id")
    return Outcome(entry.work_id, "known")


def content_digest(media: Media) -> str:
    """Digest of everything that was computed from the file, or "" when nothing was: two silences are no twins."""
    digest = hashlib.sha256()
    features = 0
    for part in media.parts:
        digest.update(repr((part.medium, tuple(round(x, 3) for x in part.extent), len(part.fingerprints))).encode())
        for f in part.fingerprints:
            features += len(f)
            payload = b"" if f.payload is None else np.ascontiguousarray(f.payload).tobytes()
            digest.update(repr((f.scheme, len(f), f.keys.shape, len(payload))).encode())
            digest.update(f.positions.astype("<i4").tobytes() + f.keys.astype("<i8").tobytes() + payload)
    return digest.hexdigest() if features else ""


def _twin(conn: sqlite3.Connection, sha256: str, digest: str) -> tuple[int, bool]:
    """A registered work with the same content (rank; 0 for none), and whether its posted fingerprints are the very same.

    The same sha256 alone is no proof: it may come from a portable fingerprint that was made up. Such a work is linked,
    but posted all the same, so that nobody can hide a work from matching by claiming its file first.
    """
    if digest:
        row = conn.execute("select rank from work where digest = ? and state = 'live' and posted = 1", (digest,)).fetchone()
        if row:
            return int(row[0]), True
    row = conn.execute("select rank from work where sha256 = ? and sha256 <> '' and state = 'live' order by rank", (sha256,))
    first = row.fetchone()
    return (int(first[0]), False) if first else (0, False)


def twins(conn: sqlite3.Connection, rank: int) -> tuple[str, ...]:
    """The other live works that are linked to this one, directly or through works of the same content; by registration."""
    rows = conn.execute(
        "with recursive same (rank) as (values (?) union "
        "select case t.work when s.rank then t.other else t.work end from same s join twin t "
        "on (t.work = s.rank or t.other = s.rank) and t.how in ('content', 'file')), "
        "near (rank) as (select rank from same union select other from twin where work = ?1 union "
        "select work from twin where other = ?1) "
        "select w.work_id from near n join work w on w.rank = n.rank where w.rank <> ?1 and w.state = 'live' order by w.rank",
        (rank,),
    )
    return tuple(row[0] for row in rows)


def count_live(conn: sqlite3.Connection, scheme: str, change: int) -> None:
    """Counts live posted fingerprints of a scheme up or down; rarity rests on it."""
    conn.execute("insert into scheme (name, fingerprints) values (?, 0) on conflict do nothing", (scheme,))
    conn.execute("update scheme set fingerprints = fingerprints + ? where name = ?", (change, scheme))


def id_of(conn: sqlite3.Connection, rank: int) -> str:
    """The id of the work of that rank."""
    return str(conn.execute("select work_id from work where rank = ?", (rank,)).fetchone()[0])


def rank_of(conn: sqlite3.Connection, work_id: str) -> int:
    """The rank of a work. Raises UnknownWork."""
    row = conn.execute("select rank from work where work_id = ?", (storable(work_id),)).fetchone()
    if row is None:
        raise UnknownWork(f"{work_id}: no work of this id is registered; see byline works list")
    return int(row[0])


def has(conn: sqlite3.Connection, work_id: str) -> bool:
    """Whether there is a work of this id."""
    return bool(conn.execute("select 1 from work where work_id = ?", (storable(work_id),)).fetchone())


def withdraw(conn: sqlite3.Connection, work_id: str, schemes: Schemes) -> bool:
    """Takes a work out of matching; False when it already was. A twin that waited behind it is posted in its place."""
    rank = rank_of(conn, work_id)
    digest, state, posted = conn.execute("select digest, state, posted from work where rank = ?", (rank,)).fetchone()
    if state != "live":
        return False
    conn.execute("update work set state = 'withdrawn', posted = 0 where rank = ?", (rank,))
    unpost(conn, rank)
    if posted and digest:
        heir = conn.execute(
            "select rank from work where digest = ? and state = 'live' order by posted desc, rank limit 1", (digest,)
        ).fetchone()
        if heir:
            post(conn, int(heir[0]), schemes)
    return True


def unpost(conn: sqlite3.Connection, rank: int) -> None:
    """Makes the postings of a work count for nothing; the next merge forgets them."""
    rows = conn.execute("select id, scheme, postings from fingerprint where work = ? and posted = 1", (rank,)).fetchall()
    conn.executemany("insert into tombstone (fingerprint, scheme, postings) values (?, ?, ?)", rows)
    conn.execute("update fingerprint set posted = 0 where work = ? and posted = 1", (rank,))
    for _, scheme, _ in rows:
        count_live(conn, scheme, -1)


def post(conn: sqlite3.Connection, rank: int, schemes: Schemes) -> None:
    """Puts the stored fingerprints of a work into the postings, or digs up those that no merge has forgotten yet."""
    rows = conn.execute(
        "select id, scheme from fingerprint where work = ? and posted = 0 and postings > 0 and part >= 0", (rank,)
    )
    runs: dict[str, list[Postings]] = defaultdict(list)
    for number, scheme in rows.fetchall():
        if not conn.execute("delete from tombstone where fingerprint = ?", (number,)).rowcount:
            runs[scheme].append(postings_of(number, unpack(blob(conn, number), schemes)))
        conn.execute("update fingerprint set posted = 1 where id = ?", (number,))
        count_live(conn, scheme, 1)
    for scheme, run in sorted(runs.items()):
        write_segment(conn, scheme, run)
    conn.execute("update work set posted = 1 where rank = ?", (rank,))


def restore(conn: sqlite3.Connection, work_id: str, schemes: Schemes) -> bool:
    """Puts a withdrawn work back; False when it is not withdrawn. Behind a live work of the same content it only waits."""
    rank = rank_of(conn, work_id)
    state, sha256, digest = conn.execute("select state, sha256, digest from work where rank = ?", (rank,)).fetchone()
    if state == "live":
        return False
    _, same_content = _twin(conn, sha256, digest)
    conn.execute("update work set state = 'live' where rank = ?", (rank,))
    if same_content:
        return True
    post(conn, rank, schemes)
    return True


def link_twins(conn: sqlite3.Connection, work_id: str, other: str, how: str) -> bool:
    """Links two works; False when they were linked, or are one."""
    a, b = sorted((rank_of(conn, work_id), rank_of(conn, other)))
    if a == b:
        return False
    return bool(conn.execute("insert into twin (work, other, how) values (?, ?, ?) on conflict do nothing", (a, b, how)).rowcount)


def work(conn: sqlite3.Connection, work_id: str) -> Work:
    """The work as a report names it. Raises UnknownWork."""
    rank = rank_of(conn, work_id)
    title, medium, extra = conn.execute("select title, medium, extra from work where rank = ?", (rank,)).fetchone()
    return Work(work_id, title, medium, credits_of(conn, rank), twins(conn, rank), year_of(json.loads(extra), title))


def registered(conn: sqlite3.Connection, fingerprint_id: int) -> Registered:
    """To what a fingerprint belongs. Raises UnknownWork."""
    row = conn.execute(
        "select w.work_id, f.medium, f.extent, f.work, f.part from fingerprint f join work w on w.rank = f.work where f.id = ?",
        (fingerprint_id,),
    ).fetchone()
    if row is None:
        raise UnknownWork(f"{fingerprint_id}: there is no fingerprint of this number")
    siblings = conn.execute("select scheme, id from fingerprint where work = ? and part = ? order by id", row[3:]).fetchall()
    return Registered(fingerprint_id, row[0], row[1], tuple(json.loads(row[2])), dict(siblings))


def blob(conn: sqlite3.Connection, fingerprint_id: int) -> bytes:
    """The packed fingerprint. Raises UnknownWork."""
    row = conn.execute("select data from packed where fingerprint = ?", (fingerprint_id,)).fetchone()
    if row is None:
        raise UnknownWork(f"{fingerprint_id}: there is no fingerprint of this number")
    return bytes(row[0])


def sha256_of(conn: sqlite3.Connection, work_id: str) -> str | None:
    """sha256 of a live work's file, or None."""
    row = conn.execute("select sha256 from work where work_id = ? and state = 'live'", (storable(work_id),)).fetchone()
    return str(row[0]) if row else None
