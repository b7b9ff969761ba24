"""Hits to Alignments: which placements of which registered fingerprints the hits agree on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fingerprint.features import Alignment, Fingerprint, Scheme
from fingerprint.hashing import Int64, hamming
from registry.hits import Hits, stable_order

MAX_FINGERPRINTS = 40  # of one lookup, that are looked at closely
MAX_PLANES = 24  # the same for hashes of stills, whose placements cost more to tell from chance
MAX_ALIKE = 24  # the same where rows are then told apart by their payload: at 10,000 works hardly a true one stands lower
LEAST_ALIKE = 2  # rows with a hit that is alike, without which a fingerprint is passed over
MAX_RUNS = 24  # placements of one registered fingerprint in one output
MOST_PLACES = 3  # of one row whose hash is alike all through a shot that does not change
MAX_REFITS = 6
COUNTED = 4 * MAX_FINGERPRINTS  # fingerprints whose bins are counted at first, by what they may weigh at most
SQUARE = 10  # tolerances that the side of a square of positions has
ROUNDING = 1.001  # sums in another order may differ in the last digits
PORTION = 1 << 14  # hits whose bins are counted at once: their columns stay in the processor's cache
ROOMY = 8  # halves of bins for each hit, for which memory is taken
GROUP_STEP = 0x9E3779B1  # odd, far apart: spreads the bins of different fingerprints over the slots

Float = npt.NDArray[np.float64]


def align(hits: Hits, probe: Fingerprint, scheme: Scheme, stored: Callable[[int], Fingerprint] | None = None) -> list[Alignment]:
    """Alignments of one probe's hits, best support first. Line schemes by Hough voting over (scale, offset).

    Hough voting on (tempo, offset) as in Six & Leman (ISMIR 2014) and Wang (ISMIR 2003), rarity-weighted.
    Plane and band schemes come back as one Alignment per fingerprint holding all its hits; the medium's compare finds the
    geometry. `stored` gives a registered fingerprint: of hashes that share a band only those that are alike are then aligned.
    """
    if not len(hits):
        return []
    if len(scheme.scales) > 1 and not probe.positions.any():
        scheme = dataclasses.replace(scheme, scales=(1.0,))  # a still has no tempo
    chosen = _best_fingerprints(hits, probe, scheme)
    runs = []
    for fingerprint_id, own in chosen:
        if stored is not None and scheme.farthest:
            own = _alike(own, probe, stored(fingerprint_id), scheme)
        if scheme.aligner in ("plane", "band"):
            if scheme.farthest and np.unique(own.output_row).size < min(LEAST_ALIKE, len(np.unique(probe.positions))):
                continue
            runs.append(_whole(fingerprint_id, own, probe, scheme))
            continue
        runs.extend(_runs(fingerprint_id, own, probe, scheme))
    return sorted(runs, key=lambda a: (-a.support, a.fingerprint_id, a.offset))


def _best_fingerprints(hits: Hits, probe: Fingerprint, scheme: Scheme) -> list[tuple[int, Hits]]:
    """The fingerprints whose best single placement has most weight, with their hits."""
    start = np.flatnonzero(np.diff(hits.fingerprint_id, prepend=-1))
    end = np.append(start[1:], len(hits))
    group = np.repeat(np.arange(len(start)), end - start)
    if scheme.aligner == "plane":
        points = scheme.derive is None  # whose keys are cells of one point, not bands of one hash
        counted = _first_of_rows(hits, group) if points else slice(None)
        most = MAX_FINGERPRINTS if points else MAX_PLANES
        best = np.argsort(-np.bincount(group[counted], hits.rarity[counted]), kind="stable")[:most]
    elif scheme.farthest:
        best = np.argsort(-_gathered(hits, group, start, probe, scheme), kind="stable")[:MAX_ALIKE]
    else:
        best = _most_agreeing(hits, group, start, probe, scheme)
    return [(int(hits.fingerprint_id[start[g]]), hits.of(slice(int(start[g]), int(end[g])))) for g in best]


def _first_of_rows(hits: Hits, group: Int64) -> npt.NDArray[np.bool_]:
    """The first hit of each row on each fingerprint: a point that looks like twenty others of a wall is still one point."""
    return np.append(True, (np.diff(group) != 0) | (np.diff(hits.output_row) != 0))


def _most_agreeing(hits: Hits, group: Int64, start: Int64, probe: Fingerprint, scheme: Scheme) -> Int64:
    """Groups of hits (one a fingerprint) by the weight of their best bin of (scale, offset).

    In a large registry most groups are chance. Bounds that cost one pass over the hits tell which are worth counting.
    """
    output, work = probe.positions[hits.output_row].astype(np.float64), hits.work_position.astype(np.float64)
    need = min(scheme.least, len(np.unique(probe.positions)))
    order, bounds = np.arange(len(start)), np.zeros(len(start))
    if len(start) > COUNTED:
        bounds, reachable = _bounds(hits, group, start, output, work, scheme, need)
        order = np.lexsort((start, -bounds))
        order = order[reachable[order]]
    take = COUNTED
    while True:
        counted = np.zeros(len(start), bool)
        counted[order[:take]] = True
        mine = np.flatnonzero(counted[group])
        votes, rows = _votes(hits.of(mine), group[mine], output[mine], work[mine], scheme, len(start))
        best = np.lexsort((start, -votes))
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
    most = _fullest(group, start, (work - output) / scheme.tolerance, hits.rarity)
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
    most = _fullest(group, start, (work - scheme.scales[0] * output) / (2 * scheme.tolerance))
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
        most = np.maximum(most, _fullest(group, start, place, weight))
    return most


def _fullest(group: Int64, start: Int64, place: Float, weight: npt.NDArray[np.floating[Any]] | None = None) -> npt.NDArray[Any]:
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


def _votes(hits: Hits, group: Int64, output: Float, work: Float, scheme: Scheme, groups: int) -> tuple[Float, Int64]:
    """The most weight and the most rows that a bin of each group has."""
    votes, rows = np.zeros(groups), np.zeros(groups, np.int64)
    for scale in scheme.scales:
        for shift in (0.0, 0.5):
            bins = np.floor((work - scale * output) / (2 * scheme.tolerance) + shift).astype(np.int64)
            owner, _, sums, counts = bin_sums(group, bins, hits)
            raise_to(votes, owner, sums)
            raise_to(rows, owner, counts)
    return votes, rows


def raise_to(most: npt.NDArray[Any], owner: Int64, values: npt.NDArray[Any]) -> None:
    """In place: each of `most` becomes the greatest of the values of its owner, which rise, where that is more."""
    if len(owner):
        start = np.flatnonzero(np.diff(owner, prepend=-1))
        most[owner[start]] = np.maximum(most[owner[start]], np.maximum.reduceat(values, start))


def bin_sums(group: Int64, bins: Int64, hits: Hits) -> tuple[Int64, Int64, Float, Int64]:
    """Group, bin, weight and rows of every occupied (group, bin), each output row counted once a bin."""
    if not len(group):
        return group, bins, np.zeros(0), np.zeros(0, np.int64)
    order = _bin_order(group, bins, hits.output_row.astype(np.int64))
    g, b, r = group[order], bins[order], hits.output_row[order]
    new_bin = np.append(True, (np.diff(g) != 0) | (np.diff(b) != 0))
    new_row = new_bin | np.append(True, np.diff(r) != 0)
    sums = np.add.reduceat(np.where(new_row, hits.rarity[order], 0.0), np.flatnonzero(new_bin))
    counts = np.add.reduceat(new_row.astype(np.int64), np.flatnonzero(new_bin))
    return g[new_bin], b[new_bin], sums, counts


def _bin_order(group: Int64, bins: Int64, row: Int64) -> Int64:
    """The stable order by (group, bin, row): one sort of a joint number where it has room, which it nearly always has."""
    low = int(bins.min())
    span, height = int(bins.max()) - low + 1, int(row.max()) + 1
    end = (int(group.max()) + 1) * span * height
    if end >= 2**63:
        return np.lexsort((row, bins, group))
    return stable_order((group * span + (bins - low)) * height + row, end)


def _alike(own: Hits, probe: Fingerprint, theirs: Fingerprint, scheme: Scheme) -> Hits:
    """The hits whose whole hashes, not only a band of them, are alike: one in thirty of those that chance gives."""
    if probe.payload is None or theirs.payload is None or not len(theirs):
        return own
    first, end = (np.searchsorted(theirs.positions, own.work_position, side) for side in ("left", "right"))
    count = end - first
    hit = np.repeat(np.arange(len(own)), count)
    rows = np.repeat(first - np.cumsum(count) + count, count) + np.arange(len(hit))
    bytes_of = slice(scheme.compared[0], scheme.compared[1] or scheme.payload_width)
    near = hamming(probe.payload[own.output_row[hit], bytes_of], theirs.payload[rows, bytes_of]) <= scheme.farthest
    return own.of(np.bincount(hit[near], minlength=len(own)) > 0)


def _whole(fingerprint_id: int, own: Hits, probe: Fingerprint, scheme: Scheme) -> Alignment:
    support = float(_once_per_row(own).rarity.sum())
    return Alignment(fingerprint_id, scheme.name, probe.variant, 1.0, 0.0, support, own.output_row, own.work_position)


def _once_per_row(own: Hits) -> Hits:
    return own.of(np.unique(own.output_row, return_index=True)[1])


def _runs(fingerprint_id: int, own: Hits, probe: Fingerprint, scheme: Scheme) -> list[Alignment]:
    """Placements of one fingerprint, greedily: the heaviest line, its hits taken away, the next."""
    found: list[Alignment] = []
    times_placed = np.zeros(len(probe), np.int64)
    # A still has one position only: there one hit is all that a place can give.
    least = min(scheme.least, len(np.unique(probe.positions)))
    while len(own) >= least and len(found) < MAX_RUNS:
        output, work = probe.positions[own.output_row].astype(np.float64), own.work_position.astype(np.float64)
        scale, offset, run = _settled(output, work, own, scheme)
        if np.unique(own.output_row[run]).size < least:
            break
        part = own.of(run)
        support = float(_once_per_row(part).rarity.sum())
        found.append(
            Alignment(fingerprint_id, scheme.name, probe.variant, scale, offset, support, part.output_row, part.work_position)
        )
        times_placed[np.unique(part.output_row)] += 1
        rest = ~run
        if scheme.farthest:
            rest &= times_placed[own.output_row] < MOST_PLACES
        own = own.of(rest)
    return found


def _settled(output: Float, work: Float, own: Hits, scheme: Scheme) -> tuple[float, float, npt.NDArray[np.bool_]]:
    """The heaviest line and its hits, refitted for as long as the better line gathers more of them."""
    scale, offset = _heaviest_line(output, work, own, scheme)
    run = _densest_stretch(np.abs(work - scale * output - offset) <= scheme.tolerance, output, own, scheme)
    for _ in range(MAX_REFITS):
        better = _refit(output[run], work[run], scale, offset, scheme)
        wider = _densest_stretch(np.abs(work - better[0] * output - better[1]) <= scheme.tolerance, output, own, scheme)
        if wider.sum() < run.sum():
            break
        grown = bool(wider.sum() > run.sum())
        (scale, offset), run = better, wider
        if not grown:
            break
    return scale, offset, run


def _heaviest_line(output: Float, work: Float, own: Hits, scheme: Scheme) -> tuple[float, float]:
    best, line = -1.0, (1.0, 0.0)
    group = np.zeros(len(own), np.int64)
    for scale in scheme.scales:
        offsets = work - scale * output
        for shift in (0.0, 0.5):
            bins = np.floor(offsets / (2 * scheme.tolerance) + shift).astype(np.int64)
            _, occupied, sums, _ = bin_sums(group, bins, own)
            top = int(sums.argmax())
            if sums[top] > best + 1e-9:
                inside = bins == occupied[top]
                best, line = float(sums[top]), (scale, float(np.median(offsets[inside])))
    return line


def _densest_stretch(near: npt.NDArray[np.bool_], output: Float, own: Hits, scheme: Scheme) -> npt.NDArray[np.bool_]:
    """Of the hits near the line, those of the heaviest stretch without a gap wider than the scheme's reach."""
    at = np.flatnonzero(near)
    if not len(at):
        return near
    at = at[np.argsort(output[at], kind="stable")]
    stretch = np.cumsum(np.diff(output[at], prepend=output[at[0]]) > scheme.reach)
    weight = np.bincount(stretch, own.rarity[at])
    chosen = np.zeros(len(near), bool)
    chosen[at[stretch == int(weight.argmax())]] = True
    return chosen


def _refit(output: Float, work: Float, scale: float, offset: float, scheme: Scheme) -> tuple[float, float]:
    """Least squares through the hits, when the scheme allows other tempos and the hits span enough to tell."""
    if len(scheme.scales) == 1 or np.ptp(output) < 8 * scheme.tolerance:
        return scale, float(np.median(work - scale * output))
    slope, intercept = np.polyfit(output, work, 1)
    if abs(slope - scale) > 0.1 * abs(scale):
        return scale, offset
    return float(slope), float(intercept)


def without_rows(alignment: Alignment, keep: npt.NDArray[np.bool_]) -> Alignment:
    """The alignment with only the hits where `keep` is true."""
    return dataclasses.replace(alignment, output_rows=alignment.output_rows[keep], work_rows=alignment.work_rows[keep])
