"""The chain aligner: places where different keys of the output come close together in a work, best in the same order.

For hits that agree on no offset, since what lies between them was written anew. A place counts by how unlikely so many different
keys are in a stretch of that length of that work, and by their order (fingerprint.text_order).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fingerprint.features import Alignment, Fingerprint, Scheme
from fingerprint.hashing import Int64, changes
from fingerprint.text_order import longest_chain, order_evidence
from matcher.bins import slots
from matcher.leads import VIEW_STEP
from matcher.shortlist import different
from registry.hits import Hits

# Hits of half a cell that are looked at, by the square of how many there are, but so many: those where most comes together.
CROWD, CROWD_OF_EACH = 8000, (200, 2000)
LOOKED_AT = 40  # places whose order is looked at, for each cell of the output; of an output of several cells fewer of each
FEWEST = 12
SEVERAL = 4  # times as many where words are looked up in all that they may mean, some twice and more, and chance meets more
AMBIGUOUS = 1.5  # keys for each place of the output, from which that is so
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
Bool = npt.NDArray[np.bool_]


class Place(NamedTuple):
    """Hits [start, end) of one work and one cell of the output, in order of their places in the work, and their evidence."""

    evidence: float
    start: int
    end: int


@dataclass(frozen=True, eq=False)
class Near:
    """Hits that may be of some place, as columns in the order of work, place in the output, place in the work.

    rows     which of the hits that were looked up they are
    owner    number of the work's fingerprint
    at, to   places in the output and in the work, half: half cell of the output
    length   stretches that the work has
    gain     evidence of the key, counted: whether it does not stand shortly before as well
    """

    rows: Int64
    owner: Int64
    at: Int64
    to: Int64
    half: Int64
    length: Float
    gain: Float
    counted: Bool


class Candidate(NamedTuple):
    """A place of which an Alignment may be made: `rows` of the looked-up hits, from `start` up to `end` in the work."""

    evidence: float
    owner: int
    offset: float
    start: int
    end: int
    rows: Int64


def chains(hits: Hits, probe: Fingerprint, scheme: Scheme, works: int = 0) -> list[Alignment]:
    """The best places in a registry of so many works, best first. scheme.tolerance is the length of a stretch of the work,
    scheme.reach half a cell's.
    """
    if not len(hits):
        return []
    tenfolds = math.log10(max(works, FEW_WORKS) / FEW_WORKS)
    least = LEAST + EACH_TENFOLD * tenfolds
    near = _near(hits, probe, scheme, least)
    if not len(near.rows):
        return []
    most = LOOKED_AT * (SEVERAL if ambiguous(probe) else 1)
    found = [c for shift in (0, 1) for c in _of_cells(near, (near.half + shift) // 2, scheme, least, most)]
    found.sort(key=lambda c: (-c.evidence, c.owner, c.offset))
    most = min(max(2 * MOST_SHORT // int(np.count_nonzero(np.bincount(near.half))), MOST), MOST_SHORT)
    kept = _different(found, hits, round(most / (1 + FEWER * tenfolds)))
    return [
        Alignment(
            c.owner, scheme.name, probe.variant, 1.0, c.offset, c.evidence, hits.output_row[c.rows], hits.work_position[c.rows]
        )
        for c in kept
    ]


def ambiguous(probe: Fingerprint) -> bool:
    """Whether the output's words are looked up in all that they may mean."""
    return bool(probe.variant) and len(probe) >= AMBIGUOUS * different(probe.positions)


def _different(found: list[Candidate], hits: Hits, most: int) -> list[Candidate]:
    """The first so many without those that lie, in the work, half inside a better one that shares a key of the output with
    them.
    """
    kept: list[Candidate] = []
    better: dict[int, list[tuple[int, int, set[int]]]] = {}
    for candidate in found:
        if len(kept) == most:
            break
        start, end = candidate.start, candidate.end
        keys, others = set(hits.output_row[candidate.rows].tolist()), better.setdefault(candidate.owner, [])
        if not any(2 * (min(end, b) - max(start, a)) >= end - start and keys & theirs for a, b, theirs in others):
            others.append((start, end, keys))
            kept.append(candidate)
    return kept


def _near(hits: Hits, probe: Fingerprint, scheme: Scheme, least: float) -> Near:
    """The hits that may be of a place with enough evidence."""
    at, to = probe.positions[hits.output_row].astype(np.int64), hits.work_position.astype(np.int64)
    half = np.floor(at / scheme.reach).astype(np.int64)
    start = np.flatnonzero(changes(hits.fingerprint_id))
    count = np.diff(np.append(start, len(hits)))
    # Length of each hit's work, as far as the hits show it.
    length = np.repeat((np.maximum.reduceat(to, start) + 1.0) / scheme.tolerance, count)
    rows = _in_company(hits, (start, count), half, to, length, scheme.tolerance, least)
    rows = rows[np.lexsort((to[rows], at[rows], hits.fingerprint_id[rows]))]
    owner, at, to, length = hits.fingerprint_id[rows].astype(np.int64), at[rows], to[rows], length[rows]
    first = changes(owner) | changes(at)
    gap = np.diff(to)
    gain = np.maximum(_gains(first, gap, length, scheme.tolerance), hits.rarity[rows])
    counted = first
    counted[1:] |= gap >= scheme.tolerance
    return Near(rows, owner, at, to, half[rows], length, np.minimum(gain, AT_MOST), counted)


def _of_cells(near: Near, cell: Int64, scheme: Scheme, least: float, most: int) -> list[Candidate]:
    """The best places for each cell of the output, of so many that are looked at."""
    cells, span = int(cell.max()) + 1, int(near.to.max()) + int(scheme.tolerance) + 2
    place = (near.owner * cells + cell) * span + near.to
    order = np.argsort(place, kind="stable")
    at, to, gain, here = (column[order].tolist() for column in (near.at, near.to, near.gain, cell))
    share = max(1, int(np.count_nonzero(np.bincount(cell))))
    likely = _fullest(near, order, place[order], here, scheme, least, max(FEWEST, most // share))
    best = [0] * cells
    found: list[Candidate] = []
    for evidence, start, end in sorted((_ordered(at, to, gain, p) for p in likely), reverse=True):
        best[here[start]] += 1
        if evidence >= least and best[here[start]] <= max(FEWEST // 2, KEPT // share):
            rows = np.sort(near.rows[order[start:end]])
            offset = sorted(t - a for t, a in zip(to[start:end], at[start:end], strict=True))[(end - start) // 2]
            owner = int(near.owner[order[start]])
            found.append(Candidate(evidence, owner, float(offset), to[start], to[end - 1] + 1, rows))
    return found


def _in_company(
    hits: Hits, by_work: tuple[Int64, Int64], half: Int64, to: Int64, length: Float, stretch: float, least: float
) -> Int64:
    """Rows of the hits in places of works where enough may come together, at most CROWD for each half of a cell: the fullest.
    `by_work`: where the hits on each work begin, and how many they are.

    Costs a few passes and no sort: most hits of a large registry are alone. What keys weigh there is taken at its most, and their
    order at its best; a place is two stretches, and both halves of a cell.
    """
    weight = np.minimum(np.maximum(hits.rarity, np.log10(np.maximum(length, SHORT))), AT_MOST)
    rows = _enough(*by_work, weight, least)
    if not len(rows):
        return rows
    hits, half, to, length, weight = hits.of(rows), half[rows], to[rows], length[rows], weight[rows]
    bins = to // int(stretch)
    counted = changes(hits.fingerprint_id) | changes(hits.output_row) | changes(bins)
    slot = slots(hits.fingerprint_id * np.int64(VIEW_STEP), bins + half * HALF_STEP, ROOM * len(to))
    last = (1 << int(slot.max()).bit_length()) - 1
    # How many and what they weigh in one number: reading a table at many places is cheap, large new arrays are not.
    table = np.bincount(slot, np.where(counted, weight + EACH, 0.0), last + 1)
    table += np.roll(table, -1)  # a stretch and the next
    around = [[table[(slot + (i + j * HALF_STEP)) & last] for i in (-1, 0)] for j in (-1, 0, 1)]
    most = np.full(len(to), -np.inf)
    for j, i in ((0, 0), (0, 1), (1, 0), (1, 1)):
        both = around[j][i] + around[j + 1][i]
        count = np.floor(both / EACH)
        most = np.maximum(most, DEPENDENT * (both - EACH * count) + _log_factorial(count))
    here = most - np.log10(np.maximum(1.0, length))
    full = np.flatnonzero(here >= least)
    full = full[np.lexsort((-here[full], half[full]))]
    start = np.flatnonzero(changes(half[full]))
    crowd = max(CROWD_OF_EACH[0], min(CROWD // max(1, len(start)) ** 2, CROWD_OF_EACH[1]))
    full = full[np.arange(len(full)) - np.repeat(start, np.diff(np.append(start, len(full)))) < crowd]
    return rows[np.sort(full)]


def _enough(start: Int64, count: Int64, weight: Float, least: float) -> Int64:
    """Rows of the hits on works that have enough of them, wherever they lie: of a large registry the fewest."""
    enough = DEPENDENT * np.add.reduceat(weight, start) + _log_factorial(count) >= least
    return np.flatnonzero(np.repeat(enough, count))


def _log_factorial(count: npt.NDArray[Any]) -> Float:
    """log10 of the factorial of each, of MOST_THINGS at most."""
    return np.asarray(_log_factorials()[np.minimum(count, MOST_THINGS).astype(np.int64)])


@lru_cache(maxsize=1)
def _log_factorials() -> Float:
    return np.array([math.lgamma(n + 1) / math.log(10) for n in range(MOST_THINGS + 1)])


def _gains(first: Bool, gap: Int64, length: Float, stretch: float) -> Float:
    """float64[hits]: -log10 of the chance that a stretch of the hit's work, which has `length` of them, holds its key. `first`:
    the first hits of each key on a work, `gap`: from the place in the work of each hit to that of the next.

    Keys come together in bursts, so places of a key in a work that lie within one stretch count once.
    """
    new = first.copy()
    new[1:] |= gap > stretch
    key = np.cumsum(first) - 1
    times = np.bincount(key, new)[key]
    return np.asarray(np.maximum(np.log10(np.maximum(length, SHORT) / times), 0.0))


def _fullest(
    near: Near, order: Int64, place: Int64, cell: list[int], scheme: Scheme, least: float, most: int
) -> list[Place]:  # fmt: skip
    """Stretches that begin at a hit, with most evidence, none inside another one's start; so many for each cell. `order` is that
    of `place`, which tells work, cell of the output and place in the work.
    """
    gain, counted, length, at = near.gain[order], near.counted[order], near.length[order], near.at[order]
    own = np.where(counted, gain, 0.0)
    sums = np.concatenate([[0.0], np.cumsum(own)])
    end = np.searchsorted(place, place + int(scheme.tolerance))
    # A key that is passed over because it stood shortly before still counts at the start of a stretch.
    total = sums[end] - sums[:-1] + (gain - own)
    evidence = DEPENDENT * total - np.log10(np.maximum(1.0, length))
    number = np.cumsum(changes(at))
    several = number[end - 1] > number  # not of one key alone
    best = np.flatnonzero(several & (evidence + _log_factorial(end - np.arange(len(at))) >= least))
    best = best[np.argsort(-evidence[best], kind="stable")]
    chosen: list[Place] = []
    taken, times = bytearray(len(at)), [0] * (max(cell) + 1)
    for k, last, much in zip(best.tolist(), end[best].tolist(), evidence[best].tolist(), strict=True):
        if not taken[k] and times[cell[k]] < most:
            taken[k:last] = bytes([1]) * (last - k)
            times[cell[k]] += 1
            chosen.append(Place(much, k, last))
    return chosen


def _ordered(at: list[int], to: list[int], gain: list[float], place: Place) -> Place:
    """The place with the evidence of order added. Its hits lie in [start, end) of these."""
    start, end = place.start, place.end
    first: dict[int, int] = {}
    for a, t, g in zip(at[start:end], to[start:end], gain[start:end], strict=True):
        if g > 0 and a not in first:
            first[a] = t
    things = [first[a] for a in sorted(first)]
    evidence = place.evidence + (order_evidence(len(longest_chain(things)), len(things)) if things else 0.0)
    return Place(evidence if math.isfinite(evidence) else LEAST, start, end)
