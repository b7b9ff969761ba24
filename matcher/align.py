"""Hits to Alignments: which placements of which registered fingerprints the hits agree on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from fingerprint.features import Alignment, Fingerprint, Scheme
from fingerprint.hashing import changes, hamming
from matcher.bins import Float, bin_sums
from matcher.shortlist import best_fingerprints, different
from registry.hits import Hits

LEAST_ALIKE = 2  # rows with a hit that is alike, without which a fingerprint is passed over
MAX_RUNS = 24  # placements of one registered fingerprint in one output
MOST_PLACES = 3  # of one row whose hash is alike all through a shot that does not change
MAX_REFITS = 6

Stored = Callable[[int], Fingerprint]


def align(hits: Hits, probe: Fingerprint, scheme: Scheme, stored: Stored | None = None) -> list[Alignment]:
    """Alignments of one probe's hits, best support first. Line schemes by Hough voting over (scale, offset).

    Hough voting on (tempo, offset) as in Six & Leman (ISMIR 2014) and Wang (ISMIR 2003), rarity-weighted.
    Plane and band schemes come back as one Alignment per fingerprint holding all its hits; the medium's compare finds the
    geometry. `stored` gives a registered fingerprint: of hashes that share a band only those that are alike are then aligned.
    """
    if not len(hits):
        return []
    if len(scheme.scales) > 1 and not probe.positions.any():
        scheme = dataclasses.replace(scheme, scales=(1.0,))  # a still has no tempo
    hits, chosen = best_fingerprints(hits, probe, scheme)
    alike = stored is not None and scheme.farthest
    if scheme.aligner == "band" and not alike:
        runs = _wholes(hits, chosen, probe, scheme)
    else:
        each = [(int(hits.fingerprint_id[start]), hits.of(slice(start, end))) for start, end in chosen]
        runs = [run for number, own in each for run in _placed(number, own, probe, scheme, stored if alike else None)]
    return sorted(runs, key=lambda a: (-a.support, a.fingerprint_id, a.offset))


def _placed(number: int, own: Hits, probe: Fingerprint, scheme: Scheme, stored: Stored | None) -> list[Alignment]:
    """Placements of one fingerprint. `stored`: to leave out hits that are not alike."""
    if stored is not None:
        own = _alike(own, probe, stored(number), scheme)
    if scheme.aligner not in ("plane", "band"):
        return _runs(number, own, probe, scheme)
    if scheme.farthest and different(own.output_row) < min(LEAST_ALIKE, different(probe.positions)):
        return []
    return _wholes(own, [(0, len(own))], probe, scheme)


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


def _wholes(hits: Hits, chosen: Sequence[tuple[int, int]], probe: Fingerprint, scheme: Scheme) -> list[Alignment]:
    """One Alignment of all hits from one place to another of these, for each such pair."""
    if not chosen:
        return []
    new = changes(hits.fingerprint_id)
    group = np.cumsum(new) - 1
    support = np.bincount(group, np.where(new | changes(hits.output_row), hits.rarity, 0.0))
    begin = np.array([a for a, _ in chosen])
    each = zip(chosen, hits.fingerprint_id[begin].tolist(), support[group[begin]].tolist(), strict=True)
    rows, work = hits.output_row, hits.work_position
    return [
        Alignment(number, scheme.name, probe.variant, 1.0, 0.0, weight, rows[a:b], work[a:b]) for (a, b), number, weight in each
    ]


def _once_per_row(own: Hits) -> Hits:
    return own.of(changes(own.output_row))


def _runs(fingerprint_id: int, own: Hits, probe: Fingerprint, scheme: Scheme) -> list[Alignment]:
    """Placements of one fingerprint, greedily: the heaviest line, its hits taken away, the next."""
    found: list[Alignment] = []
    times_placed = np.zeros(len(probe), np.int64)
    # A still has one position only: there one hit is all that a place can give.
    least = min(scheme.least, different(probe.positions))
    if len(own) and not probe.positions.any() and (own.work_position == own.work_position[0]).all():
        place, support = float(own.work_position[0]), float(_once_per_row(own).rarity.sum())  # of two stills: there is no other
        return [Alignment(fingerprint_id, scheme.name, probe.variant, 1.0, place, support, own.output_row, own.work_position)]
    while len(own) >= least and len(found) < MAX_RUNS:
        output, work = probe.positions[own.output_row].astype(np.float64), own.work_position.astype(np.float64)
        scale, offset, run = _settled(output, work, own, scheme)
        if different(own.output_row[run]) < least:
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
