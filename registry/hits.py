"""Hits, and what the matcher may ask of any index of fingerprints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint
from fingerprint.hashing import Int32, Int64, UInt8


@dataclass(frozen=True)
class Hits:
    """Where keys of an output were seen before: columns of one length, sorted by (fingerprint_id, output_row, work_row).

    output_row       int32: row of the probe whose key hit
    fingerprint_id   int32: which registered fingerprint
    work_position    int32: position there, in ticks (stills: row number of the feature)
    rarity           float32: log10(fingerprints of the scheme / postings of this key + 1), at least 0
    A pair (output_row, work_position) that shares several band keys stands several times.
    """

    output_row: Int32
    fingerprint_id: Int32
    work_position: Int32
    rarity: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.output_row)

    def of(self, rows: npt.NDArray[np.bool_] | Int64 | slice) -> Hits:
        """The chosen rows."""
        return Hits(self.output_row[rows], self.fingerprint_id[rows], self.work_position[rows], self.rarity[rows])


def no_hits() -> Hits:
    """Hits of length 0."""
    empty = np.zeros(0, np.int32)
    return Hits(empty, empty, empty, np.zeros(0, np.float32))


def hit_order(ids: Int32, rows: Int32, positions: Int32) -> Int64:
    """The stable order by (id, row, position): one sort of a joint number where it has room, which it nearly always has."""
    if not len(ids):
        return np.zeros(0, np.int64)
    low = int(positions.min())
    span, height = int(positions.max()) - low + 1, int(rows.max()) + 1
    if (int(ids.max()) + 1) * height * span >= 2**63:
        return np.lexsort((positions, rows, ids))
    joint = (ids.astype(np.int64) * height + rows) * span + (positions.astype(np.int64) - low)
    return stable_order(joint, (int(ids.max()) + 1) * height * span)


def stable_order(numbers: Int64, end: int) -> Int64:
    """The stable order of numbers of [0, end). Where their places fit behind them plain numbers are sorted: four times faster."""
    bits = len(numbers).bit_length()
    if end << bits >= 2**63:
        return np.argsort(numbers, kind="stable")
    behind = numbers << bits
    behind |= np.arange(len(numbers))
    behind.sort()
    behind &= (1 << bits) - 1
    return behind


@dataclass(frozen=True)
class Rows:
    """Fingerprints of one row each: ids int32[n], rising, and their payloads uint8[n, k]."""

    fingerprint_id: Int32
    payload: UInt8

    def __len__(self) -> int:
        return len(self.fingerprint_id)


@dataclass(frozen=True)
class Registered:
    """To what a fingerprint_id belongs. extent is the part's, as in Part; schemes lists its sibling fingerprints' ids."""

    fingerprint_id: int
    work_id: str
    medium: str
    extent: tuple[float, ...]
    siblings: Mapping[str, int]


@dataclass(frozen=True)
class Credit:
    """One human on one work.

    identifier  "scheme:value" or empty; further ones of the same human are in `also`
    share       the human's declared part of the work, exact, or None
    guild       whose role weights apply to this credit, or empty
    where       file and line it comes from, for messages
    """

    name: str
    role: str
    identifier: str = ""
    share: Decimal | None = None
    guild: str = ""
    also: tuple[str, ...] = ()
    where: str = field(default="", compare=False)

    @property
    def identifiers(self) -> tuple[str, ...]:
        """All that are given."""
        return ((self.identifier,) if self.identifier else ()) + self.also


@dataclass(frozen=True)
class Credited:
    """One credit as money sees it. person: the key of the human; the states are those of registry.verification.STATES."""

    person: str
    name: str
    role: str
    share: Decimal | None
    guild: str
    person_state: str
    credit_state: str


@dataclass(frozen=True)
class Work:
    """A registered work as a report names it. twins are other registered works with the same content; year is when it was made,
    or None.
    """

    work_id: str
    title: str
    medium: str
    credits: tuple[Credit, ...] = ()
    twins: tuple[str, ...] = ()
    year: int | None = None


class Index(Protocol):
    """A registry as the matcher sees it."""

    def work(self, work_id: str) -> Work:
        """The work with its credits."""

    def revision(self) -> dict[str, str | int]:
        """What identifies the state of the registry in a report; equal when nothing that matters has changed."""

    def lookup(self, scheme: str, keys: Int64) -> Hits:
        """Hits of keys int64[n, b] of that scheme; output_row is the row of `keys`. The commonest keys may give none."""

    def registered(self, fingerprint_id: int) -> Registered:
        """What that fingerprint belongs to."""

    def fingerprint(self, fingerprint_id: int) -> Fingerprint:
        """The stored fingerprint, unpacked; keys that follow from its payload may be left out."""

    def rows(self, scheme: str) -> Rows:
        """All fingerprints of a scheme that has one row each and no keys; a work without a row is left out."""

    def holds(self, scheme: str) -> bool:
        """Whether a key of that scheme can be met at all."""

    def works_count(self) -> int:
        """How many works can be matched."""
