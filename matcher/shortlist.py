"""Which registered fingerprints of a lookup are looked at closely: those on whose best single placement most weight agrees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint, Scheme
from fingerprint.hashing import Int64, changes
from matcher.bins import GROUP_STEP, Float, bin_sums, fullest, raise_to, slots
from registry.hits import Hits

MAX_FINGERPRINTS = 40  # of one lookup
MAX_POINTS = 16  # the same for points of stills: of 193 true works among 100,000 none that was told stood lower than the fifth
MAX_PLANES = 20  # and for hashes of stills
MAX_ALIKE = 24  # the same where rows are then told apart by their payload: at 10,000 works hardly a true one stands lower
COUNTED = 4 * MAX_FINGERPRINTS  # fingerprints whose bins are counted at first, by what they may weigh at most
SQUARE = 10  # tolerances that the side of a square of positions has
ROUNDING = 1.001  # sums in another order may differ in the last digits
PORTION = 1 << 14  # hits whose bins are counted at once: their columns stay in the processor's cache
AT_ONCE = 1 << 13  # hits, times the placements tried, whose bins are counted in one go: what costs there is the going about it


def best_fingerprints(hits: Hits, probe: Fingerprint, scheme: Scheme) -> tuple[Hits, list[tuple[int, int]]]:
    """Hits, and where in them begin and end those on each fingerprint whose best single placement has most weight, best first."""
    voting = scheme.aligner != "plane" and not scheme.farthest
    need = min(scheme.least, different(probe.positions)) if voting else 0
    hits, start = _enough(hits, need)
    end = np.append(start[1:], len(hits))
    group = np.repeat(np.arange(len(start)), end - start)
    if voting:
        best = _most_agreeing(hits, group, start, probe, scheme, need)
    elif scheme.aligner == "plane":
        points = scheme.derive is None  # whose keys are cells of one point, not bands of one hash
        counted = _first_of_rows(hits, group) if points else slice(None)
        most = MAX_POINTS if points else MAX_PLANES
        best = np.argsort(-np.bincount(group[counted], hits.rarity[counted]), kind="stable")[:most]
    else:
        best = np.argsort(-_gathered(hits, group, start, probe, scheme), kind="stable")[:MAX_ALIKE]
    return hits, list(zip(start[best].tolist(), end[best].tolist(), strict=True))


def _enough(hits: Hits, need: int) -> tuple[Hits, Int64]:
    """Hits of the fingerprints that have enough of them for a run of `need` rows to lie across two bins, and where those of
    each begin. In a large registry most have but one.
    """
    start = np.flatnonzero(changes(hits.fingerprint_id))
    count = np.diff(np.append(start, len(hits)))
    enough = 2 * count >= need
    if enough.all():
        return hits, start
    return hits.of(np.repeat(enough, count)), (np.cumsum(count[enough]) - count[enough])


def different(rising: npt.NDArray[Any]) -> int:
    """How many different values a rising column has."""
    return int(np.count_nonzero(changes(rising)))


def _first_of_rows(hits: Hits, group: Int64) -> npt.NDArray[np.bool_]:
    """The first hit of each row on each fingerprint: a point that looks like twenty others of a wall is still one point."""
    return changes(group) | changes(hits.output_row)


def _most_agreeing(hits: Hits, group: Int64, start: Int64, probe: Fingerprint, scheme: Scheme, need: int) -> Int64:
    """Groups of hits (one a fingerprint) by the weight of their best bin of (scale, offset).

    In a large registry most groups are chance. Bounds that cost one pass over the hits tell which are worth counting.
    """
    if not len(hits):
        return start
    output, work = probe.positions[hits.output_row].astype(np.float64), hits.work_position.astype(np.float64)
    order, bounds, take = np.arange(len(start)), np.zeros(len(start)), COUNTED
    if scheme.aligner == "band" and len(hits) <= AT_ONCE:
        take = len(start)  # counting all costs less than telling which
    elif len(start) > COUNTED:
        bounds, reachable = _bounds(hits, group, start, output, work, scheme, need)
        order = np.lexsort((start, -bounds))
        order = order[reachable[order]]
    while True:
        counted = np.zeros(len(start), bool)
        counted[order[:take]] = True
        mine = slice(None) if take >= len(start) else np.flatnonzero(counted[group])
        votes, rows = _votes(hits.of(mine), group[mine], output[mine], work[mine], scheme, len(start))
        best = np.argsort(-votes, kind="stable")
        # A bin is as wide as a run's tolerance on both sides, but a run may lie across two bins of each shift.
        best = best[counted[best] & (2 * rows[best] >= need)][:MAX_FINGERPRINTS]
        if take >= len(order) or (len(best) == MAX_FINGERPRINTS and votes[best[-1]] > bounds[order[take]]):
            return best
        take *= 4


def _gathered(hits: Hits, group: Int64, start: Int64, probe: Fingerprint, scheme: Scheme) -> Float:
    """For each group how much its hits gather: the most weight in a bin of offset at the usual speed, or in a square of

    output and work positions, which holds lines of any speed. Each row counts as often as it hits: what only repeats itself
    is not alike, and cheaper to tell from whole hashes than here.
    """
    output, work = probe.positions[hits.output_row].astype(np.float64), hits.work_position.astype(np.float64)
    side = SQUARE * scheme.tolerance
    most = fullest(group, start, (work - output) / scheme.tolerance, hits.rarity)
    for shift in (0.0, 0.5):
        square = np.floor(output / side + shift) * GROUP_STEP + np.floor(work / side + shift)
        slot = slots(group, square.astype(np.int64), len(hits))
        most = np.maximum(most, np.maximum.reduceat(np.bincount(slot, hits.rarity)[slot], start))
    return most


def _bounds(
    hits: Hits, group: Int64, start: Int64, output: Float, work: Float, scheme: Scheme, need: int
) -> tuple[Float, npt.NDArray[np.bool_]]:
    """For each group a weight that no bin of it exceeds, and whether some placement may have as many rows as are needed.

    Hits are counted where `_votes` counts rows, and bins may share a slot: both only make the bounds wider.
    """
    bounds = np.concatenate(
        [
            _most_at_any_scale(
                group[rows] - first, start[first:last] - start[first], output[rows], work[rows], hits.rarity[rows], scheme
            )
            for first, last, rows in _portions(start, len(hits))
        ]
    )
    if len(scheme.scales) > 1 or scheme.aligner != "line":
        return bounds * ROUNDING, np.ones(len(start), bool)  # two rows in a bin are no rare thing: not worth a look
    # Without other scales a run keeps to one offset, so one of two rows of bins of twice its width holds all of it.
    most = fullest(group, start, (work - scheme.scales[0] * output) / (2 * scheme.tolerance))
    return bounds * ROUNDING, np.asarray(most >= need)


def _portions(start: Int64, hits: int) -> Iterator[tuple[int, int, slice]]:
    """First and last group and the hits of portions of whole groups, each small enough to stay in the processor's cache."""
    edges, first = np.append(start, hits), 0
    while first < len(start):
        last = max(first + 1, int(np.searchsorted(edges, edges[first] + PORTION, "right")) - 1)
        yield first, last, slice(int(edges[first]), int(edges[last]))
        first = last


def _most_at_any_scale(
    group: Int64, start: Int64, output: Float, work: Float, rarity: npt.NDArray[np.float32], scheme: Scheme
) -> Float:
    most, weight = np.zeros(len(start)), rarity.astype(np.float64)
    for scale in scheme.scales:
        place = work - scale * output
        place /= scheme.tolerance
        most = np.maximum(most, fullest(group, start, place, weight))
    return most


def _votes(hits: Hits, group: Int64, output: Float, work: Float, scheme: Scheme, groups: int) -> tuple[Float, Int64]:
    """The most weight and the most rows that a bin of each group has."""
    votes, rows = np.zeros(groups), np.zeros(groups, np.int64)
    placements = np.array([(scale, shift) for scale in scheme.scales for shift in (0.0, 0.5)])
    step = max(1, AT_ONCE // max(1, len(hits)))
    for some in (placements[k : k + step] for k in range(0, len(placements), step)):
        scale, shift, number = some[:, :1], some[:, 1:], np.arange(len(some))
        bins = np.floor((work - scale * output) / (2 * scheme.tolerance) + shift).astype(np.int64)
        each = (group * len(some) + number[:, None]).ravel()
        again = hits if len(some) == 1 else hits.of(np.tile(np.arange(len(hits)), len(some)))
        owner, _, sums, counts = bin_sums(each, bins.ravel(), again)
        raise_to(votes, owner // len(some), sums)
        raise_to(rows, owner // len(some), counts)
    return votes, rows
