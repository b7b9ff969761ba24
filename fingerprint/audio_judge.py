"""How likely is it by chance that a work's peaks are found in an output where a placement says that they are?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.hashing import Int64

SLACK_TICKS, SLACK_STEPS = 3, 1  # how far a peak may have moved
CONTROLS = 96  # wrong placements that tell what chance finds
GOLDEN = 0.6180339887498949
SURVIVAL = (0.12, 0.25, 0.45, 0.7, 0.9)  # shares of peaks that a derived recording may have kept
CELL_TICKS = 16  # peaks this near in time come from one event: together they weigh CELL_CAP at most
CELL_CAP = 1.0
LOOP_ALIKE, LOOP_SELF = 0.8, 0.7  # shares found again in a digital loop: of the work's peaks, of all of the output's
LOOP_TICKS, LOOP_BLUR = 187, 12  # a loop is at least 1.5 s long; how near to its repetition peaks still meet by it
SPREAD = 1.1  # least standard deviation of the best stretch under chance
# The same moments at other pitches, in steps that no peak moves: readings of one text by one synthesizer share their rhythm and
# the colours of their sounds, not the voice's pitch. Chosen on these: of 48 copies the other pitches reached .41 of what the
# right one did at most, mostly a tenth; of six readings at another pitch .91 to 1.37, of eight by a voice of another timbre .27
# to 1.96, of twelve at the same pitch, faster or in another accent, .21 at most: those this does not tell. Two pitches of one
# recording mixed are right at both: then most peaks are there. Not a third, a fourth or a fifth: overtones meet there.
OTHER_PITCHES = tuple(way * step for step in (3, 5, 7, 9, 11, 14) for way in (-1, 1))
BY_CHANCE = 4.0  # of the evidence that the best of them reaches: one of so many does in any music
COLOUR, COLOUR_ALONE = 0.45, 0.75  # shares of the right pitch's evidence from which it counts less, and nothing
MOST_THERE = 0.6  # share of the work's peaks from which it counts in full all the same
SURE, SURE_SLOPE = 12.0, 2.0  # beyond this log-likelihood even a rhythm that repeats is no excuse
WORTH = 1.0  # strengths below this are chance

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Stretch:
    """The best stretch of a placement: rows [first, last] of the work's peaks in view, and its strength."""

    first: int
    last: int
    strength: float


def judge(field: Bool, when: Float, steps: Int64, searched: float, kept: tuple[float, ...] = SURVIVAL) -> Stretch:
    """The best stretch of the work's peaks (ticks float64[n] rising, steps int64[n]) in a painted field.

    Log-likelihood ratio of "one of the shares `kept` of the peaks survived" against the chance that each peak has by its
    own pitch, best contiguous stretch; then its tail under a Gumbel law fitted to the same statistic at wrong placements, as
    sequence search does (Karlin & Altschul, PNAS 1990).
    """
    length = len(field)
    ticks = np.clip(np.rint(when).astype(np.int64), 0, length - 1)
    starts = np.flatnonzero(np.diff(np.floor((when - when[0]) / CELL_TICKS), prepend=-1))
    right = field[ticks, steps][None, :]
    least = WORTH + searched + SPREAD  # below this no tail could make it worth more
    anywhere = (np.arange(1, CONTROLS + 1) * GOLDEN % 1.0 * max(length - 24, 1)).astype(np.int64) + 12
    wrong = field[(ticks[None, :] + anywhere[:, None]) % length, steps[None, :]]
    ends = np.append(starts[1:], len(when)) - 1
    best, first, last = _best_stretches(right, _chance(wrong), starts, kept)
    if best[0] < least:
        return Stretch(0, 0, 0.0)
    # The same rhythm puts peaks on the same moments: half of the wrong placements are those where most moments meet.
    shifts = np.concatenate([anywhere[: CONTROLS // 2], _in_step(field, ticks)])
    wrong = field[(ticks[None, :] + shifts[:, None]) % length, steps[None, :]]
    stretch = slice(int(starts[first]), int(ends[last]) + 1)
    wrong = wrong[_no_loops(field, ticks[stretch], shifts, right[0, stretch], wrong[:, stretch])]
    chance = _chance(wrong)
    best, first, last = _best_stretches(right, chance, starts, kept)
    if best[0] < least:
        return Stretch(0, 0, 0.0)
    strength = _tail(float(best[0]), _best_stretches(wrong, chance, starts, kept)[0], searched)
    if strength >= WORTH and right[0, stretch].mean() < MOST_THERE:
        elsewhere = _best_stretches(_at_other_pitches(field, ticks, steps), chance, starts, kept)[0].max() - BY_CHANCE
        strength *= float(np.clip((COLOUR_ALONE - elsewhere / best[0]) / (COLOUR_ALONE - COLOUR), 0, 1))
    return Stretch(int(starts[first]), int(ends[last]), strength)


def _at_other_pitches(field: Bool, ticks: Int64, steps: Int64) -> Bool:
    """bool[m, n]: whether each peak would be found at its own moment at each of OTHER_PITCHES."""
    other = steps[None, :] + np.array(OTHER_PITCHES)[:, None]
    found: Bool = field[ticks[None, :], np.clip(other, 0, 255)] & (other >= 0) & (other < 256)
    return found


def _chance(wrong: Bool) -> Float:
    """How often each peak is found at wrong placements bool[m, n], never 0 or 1."""
    return np.asarray((wrong.sum(axis=0) + 0.5) / (len(wrong) + 1), np.float64)


def _no_loops(field: Bool, ticks: Int64, shifts: Int64, right: Bool, wrong: Bool) -> Bool:
    """bool[m]: the wrong placements that are wrong. Where the output itself plays the same stretch again they are right, too.

    A beat repeats within LOOP_TICKS; then every placement stays, as what is common to many pieces is no evidence.
    """
    alike = wrong[:, right].mean(axis=1) >= LOOP_ALIKE if right.mean() >= LOOP_ALIKE / 2 else np.zeros(len(shifts), bool)
    near = np.minimum(shifts, len(field) - shifts) < LOOP_TICKS
    keep = np.ones(len(shifts), bool)
    if not alike.any() or (alike & near).any():
        return keep
    moments = np.arange(ticks[right].min(), ticks[right].max() + 1)
    heard = field[moments]
    for shift in shifts[alike].tolist():
        again = (field[(moments + shift + n) % len(field)] for n in range(-2 * SLACK_TICKS, 2 * SLACK_TICKS + 1))
        if max(float((heard & other).sum()) for other in again) >= LOOP_SELF * float(heard.sum()):
            keep &= np.abs(shifts - shift) > LOOP_BLUR
    return keep if keep.sum() >= CONTROLS // 2 else np.ones(len(shifts), bool)


def _in_step(field: Bool, ticks: Int64) -> Int64:
    """Shifts, half of CONTROLS, at which most of the peaks meet moments when the output has peaks of any pitch."""
    import scipy.fft

    busy = field.sum(axis=1).astype(np.float64)
    ours, theirs = scipy.fft.rfft(busy), scipy.fft.rfft(np.bincount(ticks, minlength=len(busy)).astype(np.float64))
    meeting = scipy.fft.irfft(ours * np.conj(theirs), len(busy))[12 : max(len(busy) - 12, 13)]
    blocks = meeting[: len(meeting) // CELL_TICKS * CELL_TICKS].reshape(-1, CELL_TICKS)
    top = np.argsort(-blocks.max(axis=1), kind="stable")[: CONTROLS // 2] if len(blocks) else np.zeros(0, np.int64)
    return np.asarray(top * CELL_TICKS + blocks[top].argmax(axis=1) + 12, np.int64)


def _best_stretches(found: Bool, chance: Float, starts: Int64, kept: tuple[float, ...]) -> tuple[Float, int, int]:
    """For found bool[m, n] the best log10 likelihood ratio of each row, float64[m]; of row 0 its first and last cell."""
    best, first, last = np.full(len(found), -np.inf), 0, 0
    for share in kept:
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


def _tail(best: float, wrong: Float, searched: float) -> float:
    """log10 of how rare `best` is under the Gumbel law of the wrong placements' bests, by moments."""
    width = max(float(wrong.std()), SPREAD) * np.sqrt(6) / np.pi
    place = float(wrong.mean()) - np.euler_gamma * width
    rare = float((best - place) / width / np.log(10)) - searched
    return max(min(rare, best), (best - SURE) / SURE_SLOPE)
