"""Is this placement real? The stored peaks of the work are looked for in the output, against what chance finds there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.audio_peaks import TICK
from fingerprint.features import Alignment, Evidence, Fingerprint, Part, Scheme
from fingerprint.hashing import Int64

PEAK = Scheme("audio.peak.1", "audio", TICK, payload_width=1, indexed=False, aligner="none")
LEAST_HITS, LEAST_PEAKS = 3, 8
SLACK_TICKS, SLACK_STEPS = 3, 1  # how far a peak may have moved
NUDGES = range(-6, 7)  # ticks by which the aligner's offset may be wrong
AROUND_TICKS = 1250  # how far beyond its hits a placement is followed: 10 s
CONTROLS = 96  # wrong placements that tell what chance finds
GOLDEN = 0.6180339887498949
SURVIVAL = (0.12, 0.25, 0.45, 0.7, 0.9)  # shares of peaks that a derived recording may have kept
CELL_TICKS = 16  # peaks this near in time come from one event: together they weigh CELL_CAP at most
CELL_CAP = 1.0
SPREAD = 1.1  # least standard deviation of the best stretch under chance
SURE, SURE_SLOPE = 12.0, 2.0  # beyond this log-likelihood even a rhythm that repeats is no excuse
SEARCHED = 2.5  # log10 of how many placements of a work in an output are looked at
WORTH = 1.0  # strengths below this are chance

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Stretch:
    """The best stretch of a placement: rows [first, last] of the work's peaks in view, and its strength."""

    first: int
    last: int
    strength: float


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """At most one Evidence: the stretch of the work along this placement that the output holds."""
    ours, theirs = output.of(PEAK.name), work.of(PEAK.name)
    probe = output.of(alignment.scheme, alignment.variant)
    if ours is None or theirs is None or probe is None:
        return []
    if np.unique(alignment.output_rows).size < LEAST_HITS:
        return []
    hits = probe.positions[alignment.output_rows].astype(np.float64)
    start = max(float(hits.min()) - AROUND_TICKS, 0.0)
    end = min(float(hits.max()) + AROUND_TICKS, output.extent[0] / TICK)
    when = (theirs.positions - alignment.offset) / alignment.scale
    rows = np.flatnonzero((when >= start) & (when < end))
    if len(rows) < LEAST_PEAKS or theirs.payload is None:
        return []
    when = when[rows]
    stretch = judge(painted(ours, start, end), when - start, theirs.payload[rows, 0].astype(np.int64))
    if stretch.strength < WORTH:
        return []
    first, last = float(when[stretch.first]), float(when[stretch.last])
    own = np.unique(alignment.output_rows[(hits >= first - CELL_TICKS) & (hits <= last + CELL_TICKS)])
    span = (first * TICK, min(last * TICK, output.extent[0]))
    there = ((first * alignment.scale + alignment.offset) * TICK, (last * alignment.scale + alignment.offset) * TICK)
    there = (max(there[0], 0.0), min(there[1], work.extent[0]))
    return [
        Evidence(
            "copy", span, there, alignment.scale, stretch.strength, own.astype(np.int32), alignment.scheme,
            alignment.variant,
        )
    ]  # fmt: skip


def painted(ours: Fingerprint, start: float, end: float) -> Bool:
    """bool[ticks, 256]: where a peak of the output lies within the slack."""
    field = np.zeros((int(end - start) + 1, 256), bool)
    if ours.payload is None:
        return field
    a, b = np.searchsorted(ours.positions, [start, end])
    ticks = ours.positions[a:b].astype(np.int64) - int(start)
    steps = ours.payload[a:b, 0].astype(np.int64)
    for later in range(-SLACK_TICKS, SLACK_TICKS + 1):
        for higher in range(-SLACK_STEPS, SLACK_STEPS + 1):
            field[np.clip(ticks + later, 0, len(field) - 1), np.clip(steps + higher, 0, 255)] = True
    return field


def judge(field: Bool, when: Float, steps: Int64) -> Stretch:
    """The best stretch of the work's peaks (ticks float64[n] rising, steps int64[n]) in a painted field.

    Log-likelihood ratio of "this share of the peaks survived" against the chance that each peak has by its own pitch,
    best contiguous stretch; then its tail under a Gumbel law fitted to the same statistic at wrong placements, as
    sequence search does (Karlin & Altschul, PNAS 1990).
    """
    length = len(field)
    ticks = np.rint(when).astype(np.int64)
    nudge = max(NUDGES, key=lambda d: (int(field[np.clip(ticks + d, 0, length - 1), steps].sum()), -abs(d)))
    ticks = np.clip(ticks + nudge, 0, length - 1)
    shifts = (np.arange(1, CONTROLS + 1) * GOLDEN % 1.0 * max(length - 24, 1)).astype(np.int64) + 12
    wrong = field[(ticks[None, :] + shifts[:, None]) % length, steps[None, :]]
    chance = (wrong.sum(axis=0) + 0.5) / (CONTROLS + 1)
    right = field[ticks, steps][None, :]
    starts = np.flatnonzero(np.diff(np.floor((when - when[0]) / CELL_TICKS), prepend=-1))
    best, first, last = _best_stretches(right, chance, starts)
    if best[0] < WORTH:
        return Stretch(0, 0, 0.0)
    ends = np.append(starts[1:], len(when)) - 1
    strength = _tail(float(best[0]), _best_stretches(wrong, chance, starts)[0])
    return Stretch(int(starts[first]), int(ends[last]), strength)


def _best_stretches(found: Bool, chance: Float, starts: Int64) -> tuple[Float, int, int]:
    """For found bool[m, n] the best log10 likelihood ratio of each row, float64[m]; of row 0 its first and last cell."""
    best, first, last = np.full(len(found), -np.inf), 0, 0
    for share in SURVIVAL:
        derived = share + (1 - share) * chance
        gain = np.where(found, np.log10(derived / chance), np.log10((1 - derived) / (1 - chance)))
        total = np.cumsum(np.minimum(np.add.reduceat(gain, starts, axis=1), CELL_CAP), axis=1)
        total = np.concatenate([np.zeros((len(total), 1)), total], axis=1)
        rise = total[:, 1:] - np.minimum.accumulate(total, axis=1)[:, :-1]
        top = rise.max(axis=1)
        if top[0] > best[0]:
            last = int(rise[0].argmax())
            first = int(total[0, : last + 1].argmin())
        best = np.maximum(best, top)
    return best, first, last


def _tail(best: float, wrong: Float) -> float:
    """log10 of how rare `best` is under the Gumbel law of the wrong placements' bests, by moments."""
    width = max(float(wrong.std()), SPREAD) * np.sqrt(6) / np.pi
    place = float(wrong.mean()) - np.euler_gamma * width
    rare = (best - place) / width / np.log(10) - SEARCHED
    return max(min(rare, best), (best - SURE) / SURE_SLOPE)
