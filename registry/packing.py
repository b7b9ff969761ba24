"""Postings in columns, and how they are packed: fixed-width records on blocks that fill one page of SQLite each.

A record is one little-endian number of `record` bytes: key minus the block's first key, fingerprint id minus the least id
of the segment, position minus the least position, each in just as many bits as the segment needs.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.hashing import Int32, Int64, UInt64

BLOCK_BYTES = 4057  # of data in a row of table `block` that fits a 4,096-byte page: 4,061 less the record's header
LANES = 16
BLOCKS_AT_ONCE = 64  # packed together, so that what is worked on stays in the processor's cache


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
        return int(above_least(last, first).max())

    ids, positions = postings.ids, postings.positions
    return layout_for(
        len(postings), (int(ids.min()), int(ids.max())), (int(positions.min()), int(positions.max())), widest=widest
    )


def above_least(keys: Int64, least: Int64) -> UInt64:
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
    above = above_least(postings.keys, np.repeat(postings.keys[::per_block], per_block)[:n])
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
