"""One sorted run of postings, and the pure function that searches it.

A posting is (key, fingerprint_id, position). A segment holds n of them sorted by those three, `per_block` to a block; a
block fills one 4 KiB page of SQLite exactly, so that a lookup reads one page. In memory are only the first keys of the
blocks. Blocks are searched where they lie: nothing is unpacked but what hits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.hashing import Int32, Int64, UInt64
from registry.packing import Layout, Postings, above_least, distinct

SPARE = 24  # bytes that may be read behind the last record

Fetch = Callable[[Int64], Iterable[bytes]]


class Damaged(Exception):
    """Blocks of a segment are missing or cut short."""


@dataclass(frozen=True)
class Segment:
    """One sorted run: its blocks are rows first_block, first_block + 1, ... of table `block`."""

    id: int
    n: int
    first_block: int
    layout: Layout
    first_keys: Int64


@dataclass(frozen=True)
class Pages:
    """Some fetched blocks of one segment: their numbers in rising order, and their bytes one after the other."""

    numbers: Int64
    data: npt.NDArray[np.uint8]

    def places(self, layout: Layout, blocks: Int64) -> Int64:
        """Where each of these blocks, which must have been fetched, begins in the data."""
        if not len(self.numbers):
            return np.zeros(len(blocks), np.int64)
        low, high = int(self.numbers[0]), int(self.numbers[-1])
        size = layout.per_block * layout.record
        if high - low + 1 == len(self.numbers):
            return (blocks - low) * size
        return np.searchsorted(self.numbers, blocks) * size

    def field(self, places: Int64, offset: int, bits: int) -> UInt64:
        """That field of the records that begin at these places."""
        if not bits:
            return np.zeros(len(places), np.uint64)
        byte, shift = divmod(offset, 8)
        low = self._eight(places + byte) >> np.uint64(shift)
        if shift and bits + shift > 64:
            low |= self._eight(places + byte + 8) << np.uint64(64 - shift)
        return low & np.uint64((1 << bits) - 1)

    def _eight(self, at: Int64) -> UInt64:
        """The eight bytes from each place on, as a little-endian number."""
        words = np.ndarray((len(self.data) - 7,), "<u8", self.data, strides=(1,))
        return np.asarray(words[at], np.uint64)


class Scratch:
    """Memory that blocks are read into, used again and again: fresh memory costs more than the reading itself."""

    def __init__(self) -> None:
        self._memory = bytearray()

    def take(self, size: int) -> bytearray:
        """At least `size` bytes, whatever they held before; what was taken earlier is overwritten."""
        if len(self._memory) < size:
            self._memory = bytearray(size)
        return self._memory


def fetch_pages(segment: Segment, fetch: Fetch, numbers: Int64, scratch: Scratch | None = None) -> Pages:
    """Those blocks of the segment; numbers rising, each once."""
    size, at = _size(segment, numbers), 0
    memory = (scratch or Scratch()).take(size + SPARE)
    view = memoryview(memory)
    for block in fetch(numbers + segment.first_block):
        end = at + len(block)
        if end > size:
            break
        view[at:end] = block
        at = end
    if at != size:
        raise Damaged(f"blocks of segment {segment.id} hold {at} bytes, not {size}")
    return Pages(numbers, np.frombuffer(memory, np.uint8, size + SPARE))


def _size(segment: Segment, numbers: Int64) -> int:
    per_block, record = segment.layout.per_block, segment.layout.record
    short = len(segment.first_keys) * per_block - segment.n
    missing = short if len(numbers) and numbers[-1] == len(segment.first_keys) - 1 else 0
    return (len(numbers) * per_block - missing) * record


@dataclass(frozen=True)
class Found:
    """Where probe keys stand in a segment: postings starts[i] <= number < ends[i] have key i."""

    segment: Segment
    pages: Pages
    starts: Int64
    ends: Int64


def find(segment: Segment, fetch: Fetch, keys: Int64, scratch: Scratch | None = None) -> Found:
    """Where these keys (rising, each once) stand. Reads the blocks where each key's run may begin and end, no others."""
    first, per_block = segment.first_keys, segment.layout.per_block
    before = np.maximum(_how_many_below(first, keys, including=False) - 1, 0)
    after = _how_many_below(first, keys, including=True) - 1
    starts, ends = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    inside = np.flatnonzero(after >= 0)
    before, after, keys = before[inside], after[inside], keys[inside]
    pages = fetch_pages(segment, fetch, distinct(np.concatenate([before, after])), scratch)
    starts[inside] = before * per_block + _rank(segment, pages, before, above_least(keys, first[before]), above=False)
    ends[inside] = starts[inside]
    seen = _holds(segment, pages, starts[inside], above_least(keys, first[before]), before) | (after > before)
    inside, after, keys = inside[seen], after[seen], keys[seen]
    ends[inside] = after * per_block + _rank(segment, pages, after, above_least(keys, first[after]), above=True)
    return Found(segment, pages, starts, ends)


def _how_many_below(first: Int64, keys: Int64, including: bool) -> Int64:
    """For each of the rising keys how many of the rising `first` lie below it, or are it if `including`."""
    if len(keys) < len(first):
        return np.searchsorted(first, keys, "right" if including else "left")
    # The other way round there is less to search: where in the keys each of them comes in.
    place = np.searchsorted(keys, first, "left" if including else "right")
    return np.cumsum(np.bincount(place, minlength=len(keys) + 1))[: len(keys)]


def _rank(segment: Segment, pages: Pages, blocks: Int64, targets: UInt64, above: bool) -> Int64:
    """How many records of each block have a key below its target (not above it, if `above`): binary search, all at once."""
    layout = segment.layout
    low = np.zeros(len(blocks), np.int64)
    high = np.minimum(layout.per_block, segment.n - blocks * layout.per_block)
    last, places = high - 1, pages.places(layout, blocks)
    for _ in range(layout.per_block.bit_length()):
        middle = (low + high) >> 1
        value = pages.field(places + np.minimum(middle, last) * layout.record, 0, layout.key_bits)
        right = ((value <= targets) if above else (value < targets)) & (low < high)
        low, high = np.where(right, middle + 1, low), np.where(right, high, middle)
    return low


def _holds(segment: Segment, pages: Pages, numbers: Int64, targets: UInt64, blocks: Int64) -> npt.NDArray[np.bool_]:
    """Whether posting `number` is still in its block and has the target key."""
    entries = numbers - blocks * segment.layout.per_block
    count = np.minimum(segment.layout.per_block, segment.n - blocks * segment.layout.per_block)
    places = pages.places(segment.layout, blocks) + np.minimum(entries, count - 1) * segment.layout.record
    value = pages.field(places, 0, segment.layout.key_bits)
    return np.asarray((entries < count) & (value == targets), np.bool_)


@dataclass(frozen=True)
class Run:
    """Postings of some probe keys, sorted by probe: ids int32, positions int32, probes int64 (places among the probe keys)."""

    ids: Int32
    positions: Int32
    probes: Int64


def read(found: Found, fetch: Fetch, chosen: Int64) -> Run:
    """The postings of the chosen probe keys (their places, rising)."""
    starts, counts = found.starts[chosen], found.ends[chosen] - found.starts[chosen]
    probes = np.repeat(chosen, counts)
    numbers = np.repeat(starts - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(len(probes))
    layout = found.segment.layout
    blocks, entries = np.divmod(numbers, layout.per_block)
    here = np.isin(blocks, found.pages.numbers)
    if here.all():
        return Run(*_values(found.pages, layout, blocks, entries), probes)
    # Blocks in the middle of a long run have not been read yet.
    ids, positions = np.empty(len(probes), np.int32), np.empty(len(probes), np.int32)
    rest = fetch_pages(found.segment, fetch, distinct(blocks[~here]))
    for pages, mine in ((found.pages, here), (rest, ~here)):
        ids[mine], positions[mine] = _values(pages, layout, blocks[mine], entries[mine])
    return Run(ids, positions, probes)


def _values(pages: Pages, layout: Layout, blocks: Int64, entries: Int64) -> tuple[Int32, Int32]:
    places = pages.places(layout, blocks) + entries * layout.record
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
    return Postings(keys, *_values(pages, layout, blocks, entries))
