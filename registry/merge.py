"""Segments merged into fewer and larger ones, in pieces that need little memory; the postings of the dead are forgotten.

A new segment's blocks are written in many small transactions behind the last known block, where nobody looks; one last
transaction puts it in the place of the old ones. Whoever is killed before leaves blocks that `sweep` takes away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fingerprint.hashing import Int32, Int64
from registry.packing import Layout, Postings, TooWide, blocks_of, joined, layout_for, no_postings, ordered
from registry.pages import Fetch, Segment
from registry.postings import WRITE_BLOCK, common, dead_of, fetcher, load_segment, next_block, note_segment
from registry.segments import unpacked
from registry.upgrade import forget

if TYPE_CHECKING:
    from sqlite_utils import Database

FAN_OUT = 8
MOST_SEGMENTS = 8
AT_ONCE = 1 << 20  # postings in memory at a time
DELETED_AT_ONCE = 4096  # blocks

Size = tuple[int, int]  # postings and id of a segment
Due = Callable[[list[Size]], list[Size]]


def crowded(sizes: list[Size]) -> list[Size]:
    """FAN_OUT or more segments of one size class, or none: during an import these are merged."""
    tiers: dict[int, list[Size]] = {}
    for size in sizes:
        tiers.setdefault(size[0].bit_length() // 3, []).append(size)
    return next((tiers[t] for t in sorted(tiers) if len(tiers[t]) >= FAN_OUT), [])


def smallest(sizes: list[Size]) -> list[Size]:
    """The small segments to merge when there are more than MOST_SEGMENTS: so many that the next one is no smaller."""
    if len(sizes) <= MOST_SEGMENTS:
        return []
    rising = sorted(sizes)
    total = rising[0][0]
    for count in range(1, len(rising)):
        if count > 1 and total <= rising[count][0]:
            return rising[:count]
        total += rising[count][0]
    return rising


def everything(sizes: list[Size]) -> list[Size]:
    """All segments, unless there is only one."""
    return sizes if len(sizes) > 1 else []


def tidy(db: Database, due: Due) -> None:
    """Merges the segments that `due` names, of every scheme, until it names none."""
    for (scheme,) in db.conn.execute("select distinct scheme from segment order by scheme").fetchall():
        while chosen := due(sizes_of(db.conn, scheme)):
            merge(db, scheme, [number for _, number in chosen])


def sizes_of(conn: sqlite3.Connection, scheme: str) -> list[Size]:
    """Postings and id of every live segment of the scheme."""
    return conn.execute("select n, id from segment where scheme = ? and live = 1 order by id", (scheme,)).fetchall()


def merge(db: Database, scheme: str, numbers: list[int]) -> None:
    """Puts one segment in the place of those with these ids."""
    chosen = [load_segment(db.conn, number) for number in numbers]
    dead = dead_of(db.conn, scheme)
    for wider in range(16):
        try:
            buried = set[int]()
            segment, stop = write_blocks(db, _layout(chosen, wider), _without_dead(_pieces(db.conn, chosen), dead, buried))
            break
        except TooWide:
            sweep(db)
    with db.atomic():
        # All postings of a fingerprint lie in one segment, so what was left out here is nowhere else.
        db.conn.executemany("delete from tombstone where fingerprint = ?", [(i,) for i in sorted(buried)])
        forget(db.conn, sorted(buried))
        db.conn.executemany("delete from segment where id = ?", [(s.id,) for s in chosen])
        if segment.n:
            note_segment(db.conn, scheme, segment, stop)
    sweep(db)


def _layout(chosen: list[Segment], wider: int) -> Layout:
    ids = min(s.layout.ids[0] for s in chosen), max(s.layout.ids[1] for s in chosen)
    positions = min(s.layout.positions[0] for s in chosen), max(s.layout.positions[1] for s in chosen)
    return layout_for(sum(s.n for s in chosen), ids, positions, wider)


def _without_dead(pieces: Iterable[Postings], dead: Int32, buried: set[int]) -> Iterator[Postings]:
    """The pieces without the dead; ids of those left out are put into `buried`."""
    for piece in pieces:
        if len(dead):
            gone = np.isin(piece.ids, dead)
            buried.update(np.unique(piece.ids[gone]).tolist())
            piece = piece.of(~gone)
        yield piece


def write_blocks(db: Database, layout: Layout, pieces: Iterable[Postings]) -> tuple[Segment, dict[int, int]]:
    """Writes the blocks of a new segment behind the last known block, where nobody looks yet; also gives its stop keys.

    The pieces follow each other in order, no key in two of them; each is a transaction of its own. Raises TooWide.
    """
    first_block = at = next_block(db.conn)
    rest, n, firsts, stop = no_postings(), 0, list[Int64](), dict[int, int]()
    for piece in pieces:
        stop |= common(piece.keys)
        n += len(piece)
        rest = joined([rest, piece]) if len(rest) else piece
        whole = len(rest) - len(rest) % layout.per_block
        at = _append(db, rest.of(slice(0, whole)), layout, at)
        firsts.append(rest.keys[: whole : layout.per_block])
        rest = rest.of(slice(whole, None))
    _append(db, rest, layout, at)
    firsts.append(rest.keys[:: layout.per_block])
    return Segment(0, n, first_block, layout, np.concatenate(firsts)), stop


def _append(db: Database, postings: Postings, layout: Layout, at: int) -> int:
    with db.atomic():
        db.conn.executemany(WRITE_BLOCK, enumerate(blocks_of(postings, layout), at))
    return at + -(-len(postings) // layout.per_block)


@dataclass
class _Cursor:
    """How far a segment has been read: its blocks from `block` on are still to come, `held` waits to be taken."""

    segment: Segment
    block: int
    held: Postings

    def more(self, fetch: Fetch, blocks: int) -> None:
        end = min(self.block + blocks, len(self.segment.first_keys))
        self.held = joined([self.held, unpacked(self.segment, fetch, self.block, end)])
        self.block = end

    @property
    def ended(self) -> bool:
        return self.block == len(self.segment.first_keys)


def _pieces(conn: sqlite3.Connection, chosen: list[Segment]) -> Iterator[Postings]:
    """All postings of the segments in order; a key's postings are never divided between two pieces."""
    chosen = sorted(chosen, key=lambda s: s.layout.ids)
    apart = all(a.layout.ids[1] < b.layout.ids[0] for a, b in zip(chosen, chosen[1:], strict=False))
    fetch = fetcher(conn)
    cursors = [_Cursor(s, 0, no_postings()) for s in chosen]
    while cursors:
        _fill(cursors, fetch)
        taken = _taken(cursors)
        cursors = [c for c in cursors if len(c.held) or not c.ended]
        yield ordered(joined(taken), apart)


def _fill(cursors: list[_Cursor], fetch: Fetch) -> None:
    """Reads on where nothing is held, and where the last key held is the least of all: more of it may come."""
    for cursor in cursors:
        if not len(cursor.held):
            cursor.more(fetch, _share(cursor, len(cursors)))
    open_ends = [c for c in cursors if not c.ended]
    if not open_ends:
        return
    cut = min(int(c.held.keys[-1]) for c in open_ends)
    if all(int(c.held.keys[0]) >= cut for c in cursors):
        for cursor in open_ends:
            if int(cursor.held.keys[-1]) == cut:
                cursor.more(fetch, _share(cursor, len(cursors)))


def _share(cursor: _Cursor, cursors: int) -> int:
    return max(1, AT_ONCE // (cursors * cursor.segment.layout.per_block))


def _taken(cursors: list[_Cursor]) -> list[Postings]:
    """Of each cursor the postings that lie before every key of which more may come."""
    cut = min((int(c.held.keys[-1]) for c in cursors if not c.ended), default=None)
    taken = []
    for cursor in cursors:
        end = len(cursor.held) if cut is None else int(np.searchsorted(cursor.held.keys, cut, "left"))
        taken.append(cursor.held.of(slice(0, end)))
        cursor.held = cursor.held.of(slice(end, None))
    return taken


def sweep(db: Database) -> None:
    """Deletes segments that were never finished, and all blocks that belong to none."""
    db.conn.execute("delete from segment where live = 0")
    rows = db.conn.execute("select first_block, length(first_keys) / 8 from segment order by first_block").fetchall()
    start = 0
    for first, blocks in [*rows, (1 << 62, 0)]:
        _delete(db, start, first)
        start = first + blocks


def _delete(db: Database, start: int, end: int) -> None:
    """Deletes the blocks start <= id < end, some at a time."""
    while True:
        row = db.conn.execute(
            "select max(id) from (select id from block where id >= ? and id < ? order by id limit ?)",
            (start, end, DELETED_AT_ONCE),
        ).fetchone()
        if row[0] is None:
            return
        db.conn.execute("delete from block where id >= ? and id <= ?", (start, row[0]))
        start = row[0] + 1


def give_back(db: Database) -> None:
    """Shrinks the file when a good part of it is free."""
    pages, free = (int(db.conn.execute(f"pragma {name}").fetchone()[0]) for name in ("page_count", "freelist_count"))
    if free > pages // 4:
        db.conn.execute("vacuum")
