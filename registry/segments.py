"""One sorted run of postings in fixed-width records on blocks: how it is packed, and the pure function that searches it.

A posting is (key, fingerprint_id, position). A segment holds n of them sorted by those three, `per_block` to a block; a
block fills one 4 KiB page of SQLite exactly, so that a lookup reads one page. In memory are only the first keys of the
blocks. A record is one little-endian number of `record` bytes: key minus the block's first key, fingerprint id minus the
least id of the segment, position minus the least position, each in just as many bits as the segment needs. It is
searched where it lies: nothing is unpacked but what hits.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.hashing import Int32, Int64, UInt64

BLOCK_BYTES = 4057  # of data in a row of table `block` that fits a 4,096-byte page: 4,061 less the record's header
LANES = 16
BLOCKS_AT_ONCE = 64  # packed together, so that what is worked on stays in the processor's cache

SPARE = 24  # bytes that may be read behind the last record

Fetch = Callable[[Int64], Iterable[bytes]]


class Damaged(Exception):
    """Blocks of a segment are missing or cut short."""


class TooWide(Exception):
    """The keys of some block lie further apart than the layout has bits for; a wider record is needed."""


@dataclass(frozen=True)
class Postings:
    """Columns of one length: keys int64, ids int32, positions int32."""

    keys: Int64
    ids: Int32
    positions: Int32

    def __len__(self) -> int:
        return len(self.keys)

    def of(self, rows: npt.NDArray[np.bool_] | Int64 | slice) -> Postings:
        """The chosen rows."""
        return Postings(self.keys[rows], self.ids[rows], self.positions[rows])


def no_postings() -> Postings:
    """Postings of length 0."""
    return Postings(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32))


def joined(runs: list[Postings]) -> Postings:
    """The runs one after the other, unsorted."""
    if not runs:
        return no_postings()
    return Postings(
        np.concatenate([r.keys for r in runs]), np.concatenate([r.ids for r in runs]), np.concatenate([r.positions for r in runs])
    )


def in_order(postings: Postings) -> Postings:
    """Sorted by (key, id, position). One stable sort by key when ids and positions already rise, as they do in a batch."""
    step = np.diff(postings.ids)
    return ordered(postings, bool(np.all((step > 0) | ((step == 0) & (np.diff(postings.positions) >= 0)))))


def ordered(postings: Postings, equal_keys_rise: bool) -> Postings:
    """The same; equal_keys_rise says that postings of one key already stand in the right order."""
    if equal_keys_rise:
        return postings.of(np.argsort(postings.keys, kind="stable"))
    return postings.of(np.lexsort((postings.positions, postings.ids, postings.keys)))


def is_sorted(postings: Postings) -> bool:
    """Whether they rise by (key, id, position)."""
    k, i, p = (column[1:] > column[:-1] for column in (postings.keys, postings.ids, postings.positions))
    same_key, same_id = postings.keys[1:] == postings.keys[:-1], postings.ids[1:] == postings.ids[:-1]
    same_position = postings.positions[1:] == postings.positions[:-1]
    return bool(np.all(k | same_key & (i | same_id & (p | same_position))))


def runs_of(keys: Int64) -> tuple[Int64, Int64]:
    """Each different key of a sorted column, and how often it stands there."""
    start = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.zeros(0, np.int64)
    return keys[start], np.diff(np.append(start, len(keys)))


def distinct(values: Int64) -> Int64:
    """The different values, rising."""
    values = np.sort(values)
    return values[np.append(True, values[1:] != values[:-1])] if len(values) else values


@dataclass(frozen=True)
class Layout:
    """How a segment's records are cut into bits. ids and positions: the closed ranges that theirs lie in."""

    record: int
    key_bits: int
    ids: tuple[int, int]
    positions: tuple[int, int]

    @property
    def per_block(self) -> int:
        """Postings in a full block."""
        return BLOCK_BYTES // self.record

    @property
    def id_bits(self) -> int:
        """Bits of an id above the least."""
        return (self.ids[1] - self.ids[0]).bit_length()

    @property
    def position_bits(self) -> int:
        """Bits of a position above the least."""
        return (self.positions[1] - self.positions[0]).bit_length()

    def as_json(self) -> str:
        """What `layout_from` reads."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, separators=(",", ":"))


def layout_from(text: str) -> Layout:
    """The Layout that `as_json` wrote."""
    values = json.loads(text)
    return Layout(values["record"], values["key_bits"], tuple(values["ids"]), tuple(values["positions"]))


@dataclass(frozen=True)
class Segment:
    """One sorted run: its blocks are rows first_block, first_block + 1, ... of table `block`."""

    id: int
    n: int
    first_block: int
    layout: Layout
    first_keys: Int64


def layout_for(
    n: int, ids: tuple[int, int], positions: tuple[int, int], wider: int = 0, widest: Callable[[int], int] | None = None
) -> Layout:
    """The narrowest Layout for n postings whose ids and positions lie in these closed ranges.

    widest(per_block) gives the widest range of keys in a block; without it, keys are taken to be spread evenly, as mixed
    keys are, and the writer raises TooWide when they are not: then ask again with `wider` raised.
    """
    for record in range(1, LANES + 1):
        layout = _with_record(record, ids, positions)
        per_block = layout.per_block
        expected = widest(per_block) if widest else min(2**64 - 1, int(1.5 * per_block * (2**64 / max(n, 1))))
        if expected.bit_length() <= layout.key_bits:
            break
    return _with_record(min(record + wider, LANES), ids, positions)


def _with_record(record: int, ids: tuple[int, int], positions: tuple[int, int]) -> Layout:
    bare = Layout(record, 0, ids, positions)
    return Layout(record, min(64, 8 * record - bare.id_bits - bare.position_bits), ids, positions)


def exact_layout(postings: Postings) -> Layout:
    """The narrowest Layout for these sorted postings."""
    keys = postings.keys

    def widest(per_block: int) -> int:
        first = keys[::per_block]
        last = np.append(keys[per_block - 1 :: per_block], keys[-1])[: len(first)]
        return int(_above(last, first).max())

    ids, positions = postings.ids, postings.positions
    return layout_for(
        len(postings), (int(ids.min()), int(ids.max())), (int(positions.min()), int(positions.max())), widest=widest
    )


def _above(keys: Int64, least: Int64) -> UInt64:
    """keys - least as uint64: keys never lie below, and the difference of two int64 may need 64 bits."""
    return keys.view(np.uint64) - least.view(np.uint64)


def blocks_of(postings: Postings, layout: Layout) -> Iterator[bytes]:
    """The blocks of these sorted postings, of which only the last may be short. Raises TooWide."""
    size = layout.per_block * layout.record
    step = layout.per_block * BLOCKS_AT_ONCE
    for start in range(0, len(postings), step):
        data = _records(postings.of(slice(start, start + step)), layout)
        for at in range(0, len(data), size):
            yield data[at : at + size]


def _records(postings: Postings, layout: Layout) -> bytes:
    """The records of some whole blocks, one after the other."""
    n, per_block = len(postings), layout.per_block
    above = _above(postings.keys, np.repeat(postings.keys[::per_block], per_block)[:n])
    if int(above.max()).bit_length() > layout.key_bits:
        raise TooWide
    lanes = np.empty((n, 2), "<u8")
    lanes[:, 0], lanes[:, 1] = above, 0
    _put(lanes, (postings.ids.astype(np.int64) - layout.ids[0]).view(np.uint64), layout.key_bits)
    positions = (postings.positions.astype(np.int64) - layout.positions[0]).view(np.uint64)
    _put(lanes, positions, layout.key_bits + layout.id_bits)
    return np.ascontiguousarray(lanes.view(np.uint8)[:, : layout.record]).tobytes()


def _put(lanes: UInt64, values: UInt64, offset: int) -> None:
    if offset < 64:
        lanes[:, 0] |= values << np.uint64(offset)
        if offset:
            lanes[:, 1] |= values >> np.uint64(64 - offset)
    else:
        lanes[:, 1] |= values << np.uint64(offset - 64)


@dataclass(frozen=True)
class Pages:
    """Some fetched blocks of one segment: their numbers in rising order, and their bytes one after the other."""

    numbers: Int64
    data: npt.NDArray[np.uint8]

    def places(self, layout: Layout, blocks: Int64) -> Int64:
        """Where each of these blocks, which must have been fetched, begins in the data."""
        return np.searchsorted(self.numbers, blocks) * (layout.per_block * layout.record)

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
    before = np.maximum(np.searchsorted(first, keys, "left") - 1, 0)
    after = np.searchsorted(first, keys, "right") - 1
    starts, ends = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    inside = np.flatnonzero(after >= 0)
    before, after, keys = before[inside], after[inside], keys[inside]
    pages = fetch_pages(segment, fetch, distinct(np.concatenate([before, after])), scratch)
    starts[inside] = before * per_block + _rank(segment, pages, before, _above(keys, first[before]), above=False)
    ends[inside] = starts[inside]
    seen = _holds(segment, pages, starts[inside], _above(keys, first[before]), before) | (after > before)
    inside, after, keys = inside[seen], after[seen], keys[seen]
    ends[inside] = after * per_block + _rank(segment, pages, after, _above(keys, first[after]), above=True)
    return Found(segment, pages, starts, ends)


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
