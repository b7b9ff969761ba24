"""The chain aligner: places where different keys of the output come close together in a work, best in the same order.

For hits that agree on no offset, since what lies between them was written anew. A place counts by how unlikely so many different
keys are in a stretch of that length of that work, and by their order (fingerprint.text_order).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.features import Alignment, Fingerprint, Scheme
from fingerprint.hashing import Int64
from fingerprint.text_order import longest_chain, order_evidence
from registry.hits import Hits

MOST_HITS = 8000  # of a cell: beyond that, in a large registry, the commonest keys are passed over
LOOKED_AT = 60  # places whose order is looked at, for each cell of the output
KEPT = 20  # best of those, for each cell of the output
MOST = 40  # of a whole output
LEAST = 0.3  # log10 of the evidence of a place that is kept, before words that are no keys are looked at
DEPENDENT = 0.5  # keys of one topic come together
SHORT = 10.0  # stretches that a work is taken to have, at least, when the chance of a key is told
AT_MOST = 2.0  # evidence of one key: no registry tells that one is rarer than one in a hundred stretches

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """Hits [start, end) of `order`, all of one fingerprint and one cell of the output, and their evidence."""

    start: int
    end: int
    evidence: float


def chains(hits: Hits, probe: Fingerprint, scheme: Scheme) -> list[Alignment]:
    """The best places, best first. scheme.tolerance is the length of a stretch of the work, scheme.reach half a cell's."""
    at, to = probe.positions[hits.output_row].astype(np.int64), hits.work_position.astype(np.int64)
    found: list[Alignment] = []
    for shift in (0.0, 0.5):
        cell = np.floor(at / (2 * scheme.reach) + shift).astype(np.int64)
        for c in np.unique(cell).tolist():
            rows = np.flatnonzero(cell == c)
            found.extend(_of_cell(hits, rows, at[rows], to[rows], probe, scheme))
    found.sort(key=lambda a: (-a.support, a.fingerprint_id, a.offset))
    return _different(found)[:MOST]


def _different(found: list[Alignment]) -> list[Alignment]:
    """Without those that lie, in the work, half inside a better one that shares a key of the output with them."""
    kept: dict[int, list[Alignment]] = {}
    for alignment in found:
        better = kept.setdefault(alignment.fingerprint_id, [])
        if not any(_same(alignment, other) for other in better):
            better.append(alignment)
    return sorted((a for own in kept.values() for a in own), key=lambda a: (-a.support, a.fingerprint_id, a.offset))


def _same(one: Alignment, other: Alignment) -> bool:
    start, end = int(one.work_rows.min()), int(one.work_rows.max()) + 1
    shared = min(end, int(other.work_rows.max()) + 1) - max(start, int(other.work_rows.min()))
    return 2 * shared >= end - start and bool(np.isin(one.output_rows, other.output_rows).any())


def _of_cell(hits: Hits, rows: Int64, at: Int64, to: Int64, probe: Fingerprint, scheme: Scheme) -> Iterator[Alignment]:
    """The best places for one cell of the output: its hits are `rows`, at `at` in the output and `to` in the works."""
    if len(rows) > MOST_HITS:
        chosen = hits.rarity[rows] > np.partition(hits.rarity[rows], -MOST_HITS)[-MOST_HITS]
        rows, at, to = rows[chosen], at[chosen], to[chosen]
    if not len(rows):
        return
    owner = hits.fingerprint_id[rows].astype(np.int64)
    span = int(to.max()) + int(scheme.tolerance) + 2
    order = np.argsort(owner * span + to, kind="stable")
    at, to, owner = at[order], to[order], owner[order]
    gain = np.minimum(np.maximum(_gains(at, to, owner, scheme.tolerance), hits.rarity[rows[order]]), AT_MOST)
    places = sorted(_ordered(at, to, gain, p) for p in _fullest(at, to, owner, gain, span, scheme))
    for evidence, start, end in reversed(places[-KEPT:]):
        if evidence >= LEAST:
            own = rows[order[start:end]]
            own = own[np.argsort(hits.output_row[own], kind="stable")]
            offset = float(np.median(to[start:end] - at[start:end]))
            yield Alignment(
                int(owner[start]), scheme.name, probe.variant, 1.0, offset, evidence, hits.output_row[own],
                hits.work_position[own],
            )  # fmt: skip


def _gains(at: Int64, to: Int64, owner: Int64, stretch: float) -> Float:
    """float64[hits]: -log10 of the chance that a stretch of the hit's work holds its key; hits lie in the order of owner and to.

    Keys come together in bursts, so places of a key in a work that lie within one stretch count once.
    """
    pair = np.lexsort((to, at, owner))
    new = np.append(True, (np.diff(owner[pair]) != 0) | (np.diff(at[pair]) != 0) | (np.diff(to[pair]) > stretch))
    key = np.cumsum(np.append(True, (np.diff(owner[pair]) != 0) | (np.diff(at[pair]) != 0))) - 1
    times = np.empty(len(at))
    times[pair] = np.bincount(key, new)[key]
    return np.clip(np.log10(np.maximum(_length(to, owner) / stretch, SHORT) / times), 0.0, None)


def _length(to: Int64, owner: Int64) -> Float:
    """float64[hits]: length of each hit's work, as far as the hits show it."""
    last = np.flatnonzero(np.append(np.diff(owner) != 0, True))
    return np.repeat(to[last] + 1.0, np.diff(last, prepend=-1))


def _fullest(at: Int64, to: Int64, owner: Int64, gain: Float, span: int, scheme: Scheme) -> list[Place]:
    """Stretches that begin at a hit, with most evidence, none inside another one's start."""
    pair = np.lexsort((to, at, owner))
    repeats = (np.diff(owner[pair]) == 0) & (np.diff(at[pair]) == 0) & (np.diff(to[pair]) < scheme.tolerance)
    counted = np.ones(len(at), bool)
    counted[pair[1:][repeats]] = False
    sums = np.concatenate([[0.0], np.cumsum(np.where(counted, gain, 0.0))])
    place = owner * span + to
    end = np.searchsorted(place, place + int(scheme.tolerance))
    end = np.minimum(end, np.searchsorted(owner, owner, "right"))
    # A key that is passed over because it stood shortly before still counts at the start of a stretch.
    total = sums[end] - sums[:-1] + np.where(counted, 0.0, gain)
    evidence = DEPENDENT * total - np.log10(np.maximum(1.0, _length(to, owner) / scheme.tolerance))
    # Sorted are only those that can be among so many: most hits of a large registry are chance.
    many = min(4 * LOOKED_AT, len(at))
    best = np.flatnonzero(evidence >= np.partition(evidence, len(at) - many)[len(at) - many])
    best = best[np.argsort(-evidence[best], kind="stable")][:many]
    changes = np.append(np.flatnonzero(np.diff(at) != 0) + 1, len(at))
    several = changes[np.searchsorted(changes, np.arange(len(at)), "right")] < end  # not of one key alone
    chosen: list[Place] = []
    taken = np.zeros(len(at), bool)
    for k in best.tolist():
        if several[k] and not taken[k]:
            taken[k : end[k]] = True
            chosen.append(Place(k, int(end[k]), float(evidence[k])))
    return chosen[:LOOKED_AT]


def _ordered(at: Int64, to: Int64, gain: Float, place: Place) -> tuple[float, int, int]:
    """(evidence with that of order, start, end) of a place."""
    first: dict[int, int] = {}
    for a, t, g in zip(*(c[place.start : place.end].tolist() for c in (at, to, gain)), strict=True):
        if g > 0:
            first.setdefault(a, t)
    things = [t for _, t in sorted(first.items())]
    chain = len(longest_chain(things)) if things else 0
    evidence = place.evidence + (order_evidence(chain, len(things)) if things else 0.0)
    return evidence if math.isfinite(evidence) else LEAST, place.start, place.end
