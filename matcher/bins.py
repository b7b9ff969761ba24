"""Hits counted in bins: how much of each group of them, usually those on one fingerprint, agrees with one placement."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fingerprint.hashing import Int64, changes
from registry.hits import Hits, stable_order

ROOMY = 8  # halves of bins for each hit, for which memory is taken
GROUP_STEP = 0x9E3779B1  # odd, far apart: spreads the bins of different fingerprints over the slots

Float = npt.NDArray[np.float64]


def fullest(group: Int64, start: Int64, place: Float, weight: npt.NDArray[np.floating[Any]] | None = None) -> npt.NDArray[Any]:
    """For each group (rising; group g begins at start[g]) the most weight, or without weights the most hits, in two of the whole
    numbers of `place` that follow each other: a bin, wherever it begins. It may be more where bins share a slot.
    """
    halves = np.floor(place).astype(np.int64)
    low = int(halves.min())
    span = int(halves.max()) - low + 2  # one more, so that two groups have no bin together
    if len(start) * span <= ROOMY * len(place):
        # With room for every half the halves of a group lie together, which is several times faster; two halves make a bin.
        halves += (np.arange(len(start)) * span - low)[group]
        own = np.bincount(halves, weight, len(start) * span)
        own[:-1] += own[1:]
        return np.asarray(own.reshape(len(start), span).max(axis=1))
    most = np.zeros(len(start))
    for shift in (0, 1):
        slot = slots(group, (halves + shift) >> 1, len(place))
        most = np.maximum(most, np.maximum.reduceat(np.bincount(slot, weight)[slot], start))
    return most


def slots(group: Int64, bins: Int64, hits: int) -> Int64:
    """A small number for each (group, bin): equal bins have equal ones, different bins of so many hits nearly always others."""
    mixed = group * GROUP_STEP + bins
    mixed &= max(1 << 12, 1 << (2 * hits).bit_length()) - 1
    return mixed


def raise_to(most: npt.NDArray[Any], owner: Int64, values: npt.NDArray[Any]) -> None:
    """In place: each of `most` becomes the greatest of the values of its owner, which rise, where that is more."""
    if len(owner):
        start = np.flatnonzero(changes(owner))
        most[owner[start]] = np.maximum(most[owner[start]], np.maximum.reduceat(values, start))


def bin_sums(group: Int64, bins: Int64, hits: Hits) -> tuple[Int64, Int64, Float, Int64]:
    """Group, bin, weight and rows of every occupied (group, bin), each output row counted once a bin."""
    if not len(group):
        return group, bins, np.zeros(0), np.zeros(0, np.int64)
    order = _bin_order(group, bins, hits.output_row.astype(np.int64))
    g, b, r = group[order], bins[order], hits.output_row[order]
    new_bin = changes(g) | changes(b)
    new_row = new_bin | changes(r)
    start = np.flatnonzero(new_bin)
    sums = np.add.reduceat(np.where(new_row, hits.rarity[order], 0.0), start)
    counts = np.add.reduceat(new_row.astype(np.int64), start)
    return g[start], b[start], sums, counts


def _bin_order(group: Int64, bins: Int64, row: Int64) -> Int64:
    """The stable order by (group, bin, row): one sort of a joint number where it has room, which it nearly always has."""
    low = int(bins.min())
    span, height = int(bins.max()) - low + 1, int(row.max()) + 1
    end = (int(group.max()) + 1) * span * height
    if end >= 2**63:
        return np.lexsort((row, bins, group))
    return stable_order((group * span + (bins - low)) * height + row, end)
