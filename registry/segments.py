"""One sorted run of postings, and the pure function that searches it.

A posting is (key, fingerprint_id, position). A segment holds n of them sorted by those three, `per_block` to a block; a
block fills one 4 KiB page of SQLite exactly, so that a lookup reads one page. In memory are the first keys of the blocks, and
of a registry that is not large the blocks that have been read. They are searched where they lie: nothing is unpacked but what
hits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fingerprint.hashing import Int32, Int64
from registry.packing import Layout, Postings, above_least, distinct
from registry.pages import Fetch, Pages, Reader, Segment, fetch_pages


@dataclass(frozen=True)
class Found:
    """Where probe keys stand in a segment: postings starts[i] <= number < ends[i] have key i."""

    segment: Segment
    pages: Pages
    starts: Int64
    ends: Int64


def find(segment: Segment, fetch: Fetch, keys: Int64, reader: Reader | None = None) -> Found:
    """Where these keys (rising, each once) stand. Reads the blocks where each key's run may begin and end, no others."""
    first, per_block = segment.first_keys, segment.layout.per_block
    after = _how_many_up_to(first, keys) - 1
    inside = np.flatnonzero(after >= 0)
    after, keys_inside = after[inside], keys[inside]
    before = after.copy()
    # A run that a block begins with may have begun before it.
    early = np.flatnonzero(first[after] == keys_inside)
    before[early] = np.maximum(np.searchsorted(first, keys_inside[early]) - 1, 0)
    pages = (reader or Reader(0)).pages(segment, fetch, np.concatenate([before, after]))
    starts, ends = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    low, high = _ranks(segment, pages, before, after, keys_inside)
    starts[inside], ends[inside] = before * per_block + low, after * per_block + high
    return Found(segment, pages, starts, ends)


def _how_many_up_to(first: Int64, keys: Int64) -> Int64:
    """For each of the rising keys how many of the rising `first` lie below it, or are it."""
    if len(keys) < len(first):
        return np.searchsorted(first, keys, "right")
    # The other way round there is less to search: where in the keys each of them comes in.
    place = np.searchsorted(keys, first, "left")
    return np.cumsum(np.bincount(place, minlength=len(keys) + 1))[: len(keys)]


def _ranks(segment: Segment, pages: Pages, before: Int64, after: Int64, keys: Int64) -> tuple[Int64, Int64]:
    """For each key how many records of the block `before` lie below it, and how many of the block `after` do not lie above it.

    Binary search, all at once and without branches (Khuong and Morin, ACM Journal of Experimental Algorithmics 2017).
    """
    layout, left, n = segment.layout, segment.layout.per_block, len(keys)
    words, mask = pages.words(), np.uint64((1 << layout.key_bits) - 1)
    blocks = np.concatenate([before, after])
    targets = above_least(np.concatenate([keys, keys]), segment.first_keys[blocks])
    places = pages.places(layout, blocks)
    count = np.minimum(layout.per_block, segment.n - blocks * layout.per_block)
    last, at, below = places + (count - 1) * layout.record, places.copy(), np.empty(2 * n, np.bool_)
    while left:
        half = max(1, left >> 1)
        # Behind the end of a short block its last record stands for all that are not there.
        value = words[np.minimum(at + (half - 1) * layout.record, last)]
        value &= mask
        np.less(value[:n], targets[:n], out=below[:n])
        np.less_equal(value[n:], targets[n:], out=below[n:])
        at += below * (half * layout.record)
        left = left - half if left > 1 else 0
    ranks = np.minimum((at - places) // layout.record, count)
    return ranks[:n], ranks[n:]


@dataclass(frozen=True)
class Run:
    """Postings of some probe keys, sorted by probe: ids int32, positions int32, probes int64 (places among the probe keys)."""

    ids: Int32
    positions: Int32
    probes: Int64


def read(found: Found, fetch: Fetch, chosen: Int64, reader: Reader | None = None) -> Run:
    """The postings of the chosen probe keys (their places, rising). reader: the one with which they were found."""
    starts, counts = found.starts[chosen], found.ends[chosen] - found.starts[chosen]
    probes = np.repeat(chosen, counts)
    numbers = np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(len(probes))
    layout = found.segment.layout
    blocks = numbers // layout.per_block
    if reader is not None and reader.keeps(found.segment):
        pages = reader.pages(found.segment, fetch, blocks)
        return Run(*_values(pages, layout, numbers * layout.record), probes)
    within = (numbers - blocks * layout.per_block) * layout.record
    here = np.isin(blocks, found.pages.numbers)
    if here.all():
        return Run(*_values(found.pages, layout, found.pages.places(layout, blocks) + within), probes)
    # Blocks in the middle of a long run have not been read yet.
    ids, positions = np.empty(len(probes), np.int32), np.empty(len(probes), np.int32)
    rest = fetch_pages(found.segment, fetch, distinct(blocks[~here]))
    for pages, mine in ((found.pages, here), (rest, ~here)):
        ids[mine], positions[mine] = _values(pages, layout, pages.places(layout, blocks[mine]) + within[mine])
    return Run(ids, positions, probes)


def _values(pages: Pages, layout: Layout, places: Int64) -> tuple[Int32, Int32]:
    """Ids and positions of the records that begin at these places."""
    ids = pages.field(places, layout.key_bits, layout.id_bits).astype(np.int64) + layout.ids[0]
    positions = pages.field(places, layout.key_bits + layout.id_bits, layout.position_bits).astype(np.int64) + layout.positions[0]
    return ids.astype(np.int32), positions.astype(np.int32)


def unpacked(segment: Segment, fetch: Fetch, first: int, last: int) -> Postings:
    """All postings of blocks first <= number < last."""
    layout = segment.layout
    pages = fetch_pages(segment, fetch, np.arange(first, last))
    numbers = np.arange(first * layout.per_block, min(last * layout.per_block, segment.n))
    blocks, entries = np.divmod(numbers, layout.per_block)
    above = pages.field(pages.places(layout, blocks) + entries * layout.record, 0, layout.key_bits)
    keys = (above + segment.first_keys[blocks].view(np.uint64)).view(np.int64)
    return Postings(keys, *_values(pages, layout, pages.places(layout, blocks) + entries * layout.record))
