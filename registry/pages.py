"""Blocks of segments as a scan reads them: into memory that is used again and again, or that keeps them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.hashing import Int64, UInt8, UInt64
from registry.packing import Layout, distinct

SPARE = 24  # bytes that may be read behind the last record
HELD_BYTES = 128 << 20  # of blocks that are kept: those of 25 million words

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

    @property
    def block_bytes(self) -> int:
        """Of a full block."""
        return self.layout.per_block * self.layout.record


@dataclass(frozen=True)
class Pages:
    """Some fetched blocks of one segment: their numbers in rising order, and their bytes one after the other."""

    numbers: Int64
    data: UInt8

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
        words = self.words()
        low = words[places + byte] >> np.uint64(shift)
        if shift and bits + shift > 64:
            low |= words[places + (byte + 8)] << np.uint64(64 - shift)
        low &= np.uint64((1 << bits) - 1)
        return low

    def words(self) -> npt.NDArray[np.uint64]:
        """The eight bytes from each place on, as a little-endian number: a view."""
        return np.ndarray((len(self.data) - 7,), "<u8", self.data, strides=(1,))


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
    """Those blocks of the segment; numbers rising, each once. Raises Damaged."""
    size, at = _size(segment, numbers), 0
    room = len(numbers) * segment.block_bytes + SPARE
    memory = (scratch or Scratch()).take(room)
    view = memoryview(memory)
    for block in fetch(numbers + segment.first_block):
        end = at + len(block)
        if end > size:
            break
        view[at:end] = block
        at = end
    if at != size:
        raise Damaged(f"blocks of segment {segment.id} hold {at} bytes, not {size}")
    return Pages(numbers, np.frombuffer(memory, np.uint8, room))


def _size(segment: Segment, numbers: Int64) -> int:
    per_block, record = segment.layout.per_block, segment.layout.record
    short = len(segment.first_keys) * per_block - segment.n
    missing = short if len(numbers) and numbers[-1] == len(segment.first_keys) - 1 else 0
    return (len(numbers) * per_block - missing) * record


class Held:
    """The blocks of one segment, each kept in its place once it has been read: segments never change."""

    def __init__(self, segment: Segment, scratch: Scratch) -> None:
        blocks = len(segment.first_keys)
        self._segment, self._scratch = segment, scratch
        self._read = np.zeros(blocks, np.bool_)
        # Memory that is not touched is not taken: what one query reads of a large segment is a fraction.
        self._pages = Pages(np.arange(blocks), np.empty(blocks * segment.block_bytes + SPARE, np.uint8))

    def pages(self, fetch: Fetch, numbers: Int64) -> Pages:
        """Pages that hold at least these blocks. Raises Damaged."""
        missing = numbers[~self._read[numbers]]
        if len(missing):
            missing = distinct(missing)
            size = self._segment.block_bytes
            new = fetch_pages(self._segment, fetch, missing, self._scratch)
            self._pages.data[:-SPARE].reshape(-1, size)[missing] = new.data[:-SPARE].reshape(-1, size)
            self._read[missing] = True
        return self._pages


class Reader:
    """How one registry's scans read blocks: those of segments that have room are kept, the others read anew each time."""

    def __init__(self, room: int = HELD_BYTES) -> None:
        self._scratch = Scratch()
        self._room = room
        self._held: dict[int, Held] = {}
        self._sizes: dict[int, int] = {}

    def pages(self, segment: Segment, fetch: Fetch, numbers: Int64) -> Pages:
        """Pages that hold at least these blocks, until the next call. Raises Damaged."""
        if segment.id not in self._sizes:
            self._sizes[segment.id] = len(segment.first_keys) * segment.block_bytes
            if sum(self._sizes[i] for i in self._held) + self._sizes[segment.id] <= self._room:
                self._held[segment.id] = Held(segment, self._scratch)
        held = self._held.get(segment.id)
        return held.pages(fetch, numbers) if held else fetch_pages(segment, fetch, distinct(numbers), self._scratch)

    def keeps(self, segment: Segment) -> bool:
        """Whether the blocks of this segment, of which some have been asked for, are kept."""
        return segment.id in self._held

    def keep_only(self, segments: Collection[int]) -> None:
        """Lets go of the blocks of all other segments, and gives their room to whoever asks next."""
        self._held = {i: held for i, held in self._held.items() if i in segments}
        self._sizes = {i: size for i, size in self._sizes.items() if i in self._held}
