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
from fingerprint.hashing import Int32, Int64
from fingerprint.text_order import longest_chain, order_evidence
from matcher.align import slots
from registry.hits import Hits

# Of a cell with more hits than MANY, as in a large registry, CROWD are looked at: those that lie where most comes together.
MANY, CROWD = 4000, 1500
LOOKED_AT = 40  # places whose order is looked at, for each cell of the output
KEPT = 20  # best of those, for each cell of the output
MOST = 40  # of a whole output
LEAST = 0.3  # log10 of the evidence of a place that is kept, before words that are no keys are looked at
# The more works, the more evidence chance gives: the twentieth best place of chance has 1.2 more among ten times the works. And
# the more evidence must a place have in the end: what is named among 10,000 works stood first or second of all places.
FEW_WORKS, EACH_TENFOLD = 200, 1.5
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

    @property
    def at_most(self) -> float:
        """Its evidence if all that is there comes in order."""
        return self.evidence + math.lgamma(self.end - self.start + 1) / math.log(10)


def chains(hits: Hits, probe: Fingerprint, scheme: Scheme, works: int = 0) -> list[Alignment]:
    """The best places in a registry of so many works, best first. scheme.tolerance is the length of a stretch of the work,
    scheme.reach half a cell's.
    """
    tenfolds = math.log10(max(works, FEW_WORKS) / FEW_WORKS)
    at, to = probe.positions[hits.output_row].astype(np.int64), hits.work_position.astype(np.int64)
    found: list[Alignment] = []
    for shift in (0.0, 0.5):
        cell = np.floor(at / (2 * scheme.reach) + shift).astype(np.int64)
        for c in np.unique(cell).tolist():
            rows = np.flatnonzero(cell == c)
            found.extend(_of_cell(hits, rows, at[rows], to[rows], probe, scheme, LEAST + EACH_TENFOLD * tenfolds))
    found.sort(key=lambda a: (-a.support, a.fingerprint_id, a.offset))
    return _different(found)[: round(MOST / (1 + tenfolds))]


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


def _of_cell(
    hits: Hits, rows: Int64, at: Int64, to: Int64, probe: Fingerprint, scheme: Scheme, least: float
) -> Iterator[Alignment]:
    """The best places for one cell of the output: its hits are `rows`, at `at` in the output and `to` in the works."""
    if not len(rows):
        return
    length = _lengths(hits.fingerprint_id[rows], to)
    if len(rows) > MANY:
        chosen = _in_company(hits.fingerprint_id[rows], hits.output_row[rows], to, hits.rarity[rows], scheme.tolerance)
        rows, at, to, length = rows[chosen], at[chosen], to[chosen], length[chosen]
    owner = hits.fingerprint_id[rows].astype(np.int64)
    span = int(to.max()) + int(scheme.tolerance) + 2
    order = np.argsort(owner * span + to, kind="stable")
    at, to, owner, length = at[order], to[order], owner[order], length[order] / scheme.tolerance
    pair = np.lexsort((to, at, owner))
    gain = np.minimum(np.maximum(_gains(at, to, owner, pair, length, scheme.tolerance), hits.rarity[rows[order]]), AT_MOST)
    likely = (p for p in _fullest(at, to, owner, pair, gain, length, span, scheme) if p.at_most >= least)
    places = sorted(_ordered(at, to, gain, p) for p in likely)
    for evidence, start, end in reversed(places[-KEPT:]):
        if evidence >= least:
            own = rows[order[start:end]]
            own = own[np.argsort(hits.output_row[own], kind="stable")]
            offset = float(np.sort(to[start:end] - at[start:end])[(end - start) // 2])
            yield Alignment(
                int(owner[start]), scheme.name, probe.variant, 1.0, offset, evidence, hits.output_row[own],
                hits.work_position[own],
            )  # fmt: skip


def _lengths(owner: Int32, to: Int64) -> Float:
    """float64[hits]: length of each hit's work, as far as the hits show it. Hits lie in the order of owner."""
    start = np.flatnonzero(np.append(True, np.diff(owner) != 0))
    return np.repeat(np.maximum.reduceat(to, start) + 1.0, np.diff(np.append(start, len(owner))))


def _in_company(owner: Int32, row: Int32, to: Int64, rarity: npt.NDArray[np.float32], stretch: float) -> npt.NDArray[np.bool_]:
    """bool[hits]: some CROWD hits in the fullest stretches of works, by the rarity of the different rows that meet there.

    Costs a few passes and no sort: most hits of a large registry are alone. Hits lie in the order of owner, row and place.
    """
    fullest = np.zeros(len(to))
    weight = np.minimum(rarity, AT_MOST).astype(np.float64)
    same = (np.diff(owner) == 0) & (np.diff(row) == 0)
    wide = owner.astype(np.int64)
    for shift in (0, 1):
        bins = (to + shift * int(stretch)) // int(2 * stretch)
        again = np.append(False, same & (np.diff(bins) == 0))
        slot = slots(wide, bins, len(to))
        fullest = np.maximum(fullest, np.bincount(slot, np.where(again, 0.0, weight))[slot])
    return np.asarray(fullest >= np.partition(fullest, len(to) - CROWD)[len(to) - CROWD])


def _gains(at: Int64, to: Int64, owner: Int64, pair: Int64, length: Float, stretch: float) -> Float:
    """float64[hits]: -log10 of the chance that a stretch of the hit's work, which has `length` of them, holds its key; hits lie
    in the order of owner and to, `pair` is that of owner, at and to.

    Keys come together in bursts, so places of a key in a work that lie within one stretch count once.
    """
    new = np.append(True, (np.diff(owner[pair]) != 0) | (np.diff(at[pair]) != 0) | (np.diff(to[pair]) > stretch))
    key = np.cumsum(np.append(True, (np.diff(owner[pair]) != 0) | (np.diff(at[pair]) != 0))) - 1
    times = np.empty(len(at))
    times[pair] = np.bincount(key, new)[key]
    return np.clip(np.log10(np.maximum(length, SHORT) / times), 0.0, None)


def _fullest(
    at: Int64, to: Int64, owner: Int64, pair: Int64, gain: Float, length: Float, span: int, scheme: Scheme
) -> list[Place]:
    """Stretches that begin at a hit, with most evidence, none inside another one's start."""
    repeats = (np.diff(owner[pair]) == 0) & (np.diff(at[pair]) == 0) & (np.diff(to[pair]) < scheme.tolerance)
    counted = np.ones(len(at), bool)
    counted[pair[1:][repeats]] = False
    sums = np.concatenate([[0.0], np.cumsum(np.where(counted, gain, 0.0))])
    place = owner * span + to
    end = np.searchsorted(place, place + int(scheme.tolerance))
    end = np.minimum(end, np.searchsorted(owner, owner, "right"))
    # A key that is passed over because it stood shortly before still counts at the start of a stretch.
    total = sums[end] - sums[:-1] + np.where(counted, 0.0, gain)
    evidence = DEPENDENT * total - np.log10(np.maximum(1.0, length))
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
