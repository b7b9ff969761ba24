"""The chain aligner: places where different keys of the output come close together in a work, best in the same order.

For hits that agree on no offset, since what lies between them was written anew. A place counts by how unlikely so many different
keys are in a stretch of that length of that work, and by their order (fingerprint.text_order).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from fingerprint.features import Alignment, Fingerprint, Scheme
from fingerprint.hashing import Int32, Int64
from fingerprint.text_order import longest_chain, order_evidence
from matcher.bins import slots
from matcher.leads import VIEW_STEP
from registry.hits import Hits

# Hits of half a cell that are looked at, by the square of how many there are, but so many: those where most comes together.
CROWD, CROWD_OF_EACH = 8000, (200, 2000)
LOOKED_AT = 40  # places whose order is looked at, for each cell of the output; of an output of several cells fewer of each
FEWEST = 12
KEPT = 40  # best of those, the same
# Of a whole output, most of a short one, which has fewer words to be found by. For each tenfold of works fewer: the true one
# stands higher than what chance gives.
MOST, MOST_SHORT, FEWER = 12, 80, 2.0
HALF_STEP = 0x3C6EF35F  # odd: spreads halves of cells over the slots
ROOM = 4  # times as many slots as places are told by usually: here four slots are one place
EACH = 4096.0  # more than all hits of a place weigh
MOST_THINGS = 500
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


def chains(hits: Hits, probe: Fingerprint, scheme: Scheme, works: int = 0) -> list[Alignment]:
    """The best places in a registry of so many works, best first. scheme.tolerance is the length of a stretch of the work,
    scheme.reach half a cell's.
    """
    if not len(hits):
        return []
    tenfolds = math.log10(max(works, FEW_WORKS) / FEW_WORKS)
    least = LEAST + EACH_TENFOLD * tenfolds
    at, to = probe.positions[hits.output_row].astype(np.int64), hits.work_position.astype(np.int64)
    length = _lengths(hits.fingerprint_id, to) / scheme.tolerance
    half = np.floor(at / scheme.reach).astype(np.int64)
    rows = _in_company(hits, half, to, length, scheme.tolerance, least)
    if not len(rows):
        return []
    near, at, to, length, half = hits.of(rows), at[rows], to[rows], length[rows], half[rows]
    found: list[Alignment] = []
    for shift in (0, 1):
        found.extend(_of_cells(near, at, to, length, (half + shift) // 2, probe, scheme, least))
    found.sort(key=lambda a: (-a.support, a.fingerprint_id, a.offset))
    most = min(max(2 * MOST_SHORT // len(np.unique(half)), MOST), MOST_SHORT)
    return _different(found, round(most / (1 + FEWER * tenfolds)))


def _different(found: list[Alignment], most: int) -> list[Alignment]:
    """The first so many without those that lie, in the work, half inside a better one that shares a key of the output with
    them.
    """
    kept: list[Alignment] = []
    better: dict[int, list[tuple[int, int, set[int]]]] = {}
    for alignment in found:
        if len(kept) == most:
            break
        start, end = int(alignment.work_rows.min()), int(alignment.work_rows.max()) + 1
        rows, others = set(alignment.output_rows.tolist()), better.setdefault(alignment.fingerprint_id, [])
        if not any(2 * (min(end, b) - max(start, a)) >= end - start and rows & theirs for a, b, theirs in others):
            others.append((start, end, rows))
            kept.append(alignment)
    return kept


def _of_cells(
    hits: Hits, at: Int64, to: Int64, length: Float, cell: Int64, probe: Fingerprint, scheme: Scheme, least: float
) -> list[Alignment]:
    """The best places for each cell of the output."""
    cells, span = int(cell.max()) + 1, int(to.max()) + int(scheme.tolerance) + 2
    group = hits.fingerprint_id * np.int64(cells) + cell
    order = np.argsort(group * span + to, kind="stable")
    group, cell, at, to, length = group[order], cell[order], at[order], to[order], length[order]
    pair = np.lexsort((to, at, group))
    gain = np.minimum(np.maximum(_gains(at, to, group, pair, length, scheme.tolerance), hits.rarity[order]), AT_MOST)
    share = max(1, int(np.count_nonzero(np.bincount(cell))))
    likely = _fullest(at, to, group, pair, gain, length, span, scheme, cell, least, max(FEWEST, LOOKED_AT // share))
    best: dict[int, int] = {}
    found: list[Alignment] = []
    for evidence, start, end in sorted((_ordered(at, to, gain, p) for p in likely), reverse=True):
        here = int(cell[start])
        best[here] = best.get(here, 0) + 1
        if evidence >= least and best[here] <= max(FEWEST // 2, KEPT // share):
            own = hits.of(np.sort(order[start:end]))
            offset = float(np.sort(to[start:end] - at[start:end])[(end - start) // 2])
            found.append(
                Alignment(
                    int(own.fingerprint_id[0]), scheme.name, probe.variant, 1.0, offset, evidence, own.output_row,
                    own.work_position,
                )
            )  # fmt: skip
    return found


def _lengths(owner: Int32, to: Int64) -> Float:
    """float64[hits]: length of each hit's work, as far as the hits show it. Hits lie in the order of owner."""
    start = np.flatnonzero(np.append(True, np.diff(owner) != 0))
    return np.repeat(np.maximum.reduceat(to, start) + 1.0, np.diff(np.append(start, len(owner))))


def _in_company(hits: Hits, half: Int64, to: Int64, length: Float, stretch: float, least: float) -> Int64:
    """Rows of the hits in places of works where enough may come together, at most CROWD for each half of a cell: the fullest.

    Costs a few passes and no sort: most hits of a large registry are alone. What keys weigh there is taken at its most, and their
    order at its best; a place is two stretches, and both halves of a cell.
    """
    weight = np.minimum(np.maximum(hits.rarity, np.log10(np.maximum(length, SHORT))), AT_MOST)
    rows = _enough(hits, weight, least)
    if not len(rows):
        return rows
    hits, half, to, length, weight = hits.of(rows), half[rows], to[rows], length[rows], weight[rows]
    bins = to // int(stretch)
    again = (np.diff(hits.fingerprint_id) == 0) & (np.diff(hits.output_row) == 0) & (np.diff(bins) == 0)
    counted = ~np.append(False, again)
    slot = slots(hits.fingerprint_id * np.int64(VIEW_STEP), bins + half * HALF_STEP, ROOM * len(to))
    size = 1 << int(slot.max()).bit_length()
    # How many and what they weigh in one number: reading a table at many places is cheap, large new arrays are not.
    table = np.bincount(slot, np.where(counted, weight + EACH, 0.0), size)
    around = [[table[(slot + i + j * HALF_STEP) & (size - 1)] for i in (-1, 0, 1)] for j in (-1, 0, 1)]
    most = np.full(len(to), -np.inf)
    for j, i in ((0, 0), (0, 1), (1, 0), (1, 1)):
        both = around[j][i] + around[j][i + 1] + around[j + 1][i] + around[j + 1][i + 1]
        count = np.floor(both / EACH)
        most = np.maximum(most, DEPENDENT * (both - EACH * count) + _log_factorial(count))
    here = most - np.log10(np.maximum(1.0, length))
    full = np.flatnonzero(here >= least)
    full = full[np.lexsort((-here[full], half[full]))]
    start = np.flatnonzero(np.diff(half[full], prepend=-1))
    crowd = np.clip(CROWD // max(1, len(start)) ** 2, *CROWD_OF_EACH)
    full = np.sort(full[np.arange(len(full)) - np.repeat(start, np.diff(np.append(start, len(full)))) < crowd])
    return rows[full]


def _enough(hits: Hits, weight: Float, least: float) -> Int64:
    """Rows of the hits on works that have enough of them, wherever they lie: of a large registry the fewest."""
    start = np.flatnonzero(np.append(True, np.diff(hits.fingerprint_id) != 0))
    count = np.diff(np.append(start, len(hits)))
    enough = DEPENDENT * np.add.reduceat(weight, start) + _log_factorial(count) >= least
    return np.flatnonzero(np.repeat(enough, count))


def _log_factorial(count: npt.NDArray[Any]) -> Float:
    """log10 of the factorial of each, of MOST_THINGS at most."""
    return np.asarray(_log_factorials()[np.minimum(count, MOST_THINGS).astype(np.int64)])


@lru_cache(maxsize=1)
def _log_factorials() -> Float:
    return np.array([math.lgamma(n + 1) / math.log(10) for n in range(MOST_THINGS + 1)])


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
    at: Int64, to: Int64, owner: Int64, pair: Int64, gain: Float, length: Float, span: int, scheme: Scheme,
    cell: Int64, least: float, most: int,
) -> list[Place]:  # fmt: skip
    """Stretches that begin at a hit, with most evidence, none inside another one's start; so many for each cell."""
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
    changes = np.append(np.flatnonzero(np.diff(at) != 0) + 1, len(at))
    several = changes[np.searchsorted(changes, np.arange(len(at)), "right")] < end  # not of one key alone
    best = np.flatnonzero(several & (evidence + _log_factorial(end - np.arange(len(at))) >= least))
    best = best[np.argsort(-evidence[best], kind="stable")]
    chosen: list[Place] = []
    taken = np.zeros(len(at), bool)
    times: dict[int, int] = {}
    for k, here in zip(best.tolist(), cell[best].tolist(), strict=True):
        if not taken[k] and times.get(here, 0) < most:
            taken[k : end[k]] = True
            times[here] = times.get(here, 0) + 1
            chosen.append(Place(k, int(end[k]), float(evidence[k])))
    return chosen


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
