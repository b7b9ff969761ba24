"""Is this placement real? The stored peaks of the work are looked for in the output, against what chance finds there."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.audio_landmark import BACKWARDS, LANDMARK, LEAST, change_of
from fingerprint.audio_peaks import TICK
from fingerprint.audio_side import SIDE, SIDE_PEAK
from fingerprint.features import Alignment, Evidence, Fingerprint, Part, Scheme
from fingerprint.hashing import Int64

PEAK = Scheme("audio.peak.1", "audio", TICK, payload_width=1, indexed=False, aligner="none")
LEAST_PEAKS = 8
SLACK_TICKS, SLACK_STEPS = 3, 1  # how far a peak may have moved
PIECE_TICKS = 75_000  # a longer run is looked at in pieces of ten minutes, to bound memory
AROUND_TICKS = 1250  # how far beyond its hits a placement is followed: 10 s
SAME_TICKS = 25.0  # 0.2 s: two placements that lie nearer are one
CONTROLS = 96  # wrong placements that tell what chance finds
GOLDEN = 0.6180339887498949
SURVIVAL = (0.12, 0.25, 0.45, 0.7, 0.9)  # shares of peaks that a derived recording may have kept
# The same where tempo or pitch are not the work's. In a sample of thirty edits 0.43 of the peaks or more were kept; between
# readings of the same words by synthetic voices, which share their rhythm at another speed, 0.42 or less (a few pairs only).
SURVIVAL_CHANGED = (0.6, 0.75, 0.9)
UNCHANGED = 0.01  # a tempo or speed this near to the work's own is the work's own
CELL_TICKS = 16  # peaks this near in time come from one event: together they weigh CELL_CAP at most
CELL_CAP = 1.0
LOOP_ALIKE, LOOP_SELF = 0.8, 0.7  # shares found again in a digital loop: of the work's peaks, of all of the output's
LOOP_TICKS, LOOP_BLUR = 187, 12  # a loop is at least 1.5 s long; how near to its repetition peaks still meet by it
SPREAD = 1.1  # least standard deviation of the best stretch under chance
SURE, SURE_SLOPE = 12.0, 2.0  # beyond this log-likelihood even a rhythm that repeats is no excuse
FIRST_HALF = 375.0  # half of the first window in which a placement is settled: 3 s
SEARCHED = 2.5  # log10 of how many placements of a work in an output are looked at
SEARCHED_MORE = 1.0  # the same for the tempos and pitches of a changed view
WORTH = 1.0  # strengths below this are chance

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Placement:
    """work ticks = scale * output ticks + offset; work steps = output steps + raised."""

    scale: float
    offset: float
    raised: int


@dataclass(frozen=True)
class Stretch:
    """The best stretch of a placement: rows [first, last] of the work's peaks in view, and its strength."""

    first: int
    last: int
    strength: float


@dataclass(frozen=True)
class Pair:
    """The peaks of both sides and how long they are, in ticks."""

    ours: Fingerprint
    theirs: Fingerprint
    length: float
    work_length: float


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """The stretch of the work along this placement that the output holds; one for each PIECE_TICKS of a long run.

    Rows of an output that meet the difference of a work's channels are those of its plain landmarks, and told as theirs.
    """
    ours, theirs = output.of(PEAK.name), work.of(SIDE_PEAK.name if alignment.scheme == SIDE.name else PEAK.name)
    probe = output.of(alignment.scheme, alignment.variant)
    if ours is None or theirs is None or probe is None:
        return []
    length = output.extent[0] / TICK
    hits, placed = in_the_output(alignment, probe, length)
    found = []
    for start in np.arange(float(hits.min()), float(hits.max()) + 1, PIECE_TICKS):
        rows = np.flatnonzero((hits >= start) & (hits < start + PIECE_TICKS))
        if len(rows) < LEAST:
            continue
        bounds = (max(float(hits[rows].min()) - AROUND_TICKS, 0.0), min(float(hits[rows].max()) + AROUND_TICKS, length))
        run = dataclasses.replace(alignment, output_rows=alignment.output_rows[rows], work_rows=alignment.work_rows[rows])
        found.extend(_piece(Pair(ours, theirs, length, work.extent[0] / TICK), run, hits[rows], placed, bounds))
    return found


def in_the_output(alignment: Alignment, probe: Fingerprint, length: float) -> tuple[Float, Placement]:
    """Ticks of the output at which the landmarks hit, and the placement in terms of the output as it is, not of the view."""
    change = change_of(alignment.variant)
    hits: Float = probe.positions[alignment.output_rows] / abs(change.tempo)
    placed = Placement(alignment.scale * abs(change.tempo), alignment.offset, change.raised)
    if change.tempo < 0:
        placed = Placement(-placed.scale, placed.offset + placed.scale * round(length), change.raised)
        hits = round(length) - hits
    return hits, placed


def distinct(output: Part, alignments: list[Alignment]) -> list[Alignment]:
    """The alignments without those of landmarks that place what one with more support places in the same way.

    A recording as it is also agrees, a few seconds at a time, with views of the output at nearly its tempo.
    """
    views = {(f.scheme, f.variant): f for f in output.fingerprints}
    kept: dict[int, list[tuple[Float, Placement]]] = {}
    chosen = []
    for number in sorted(range(len(alignments)), key=lambda n: -alignments[n].support):
        alignment = alignments[number]
        if alignment.scheme == LANDMARK.name:
            probe = views[alignment.scheme, alignment.variant]
            hits, placed = in_the_output(alignment, probe, output.extent[0] / TICK)
            before = kept.setdefault(alignment.fingerprint_id, [])
            if any(_places(*other, hits, placed) for other in before):
                continue
            before.append((hits, placed))
        chosen.append(number)
    return [alignments[n] for n in sorted(chosen)]


def _places(hits: Float, placed: Placement, others: Float, other: Placement) -> bool:
    """Whether a run of hits places the middle of another one, within its own stretch, where that does."""
    middle = float(np.median(others))
    beside = abs((placed.scale - other.scale) * middle + placed.offset - other.offset)
    return bool(hits.min() <= middle <= hits.max()) and beside <= SAME_TICKS


def _piece(pair: Pair, run: Alignment, hits: Float, at: Placement, bounds: tuple[float, float]) -> list[Evidence]:
    field = painted(pair.ours, *bounds)
    at = settled(field, bounds[0], pair.theirs, at, float(np.median(hits)), wide=bool(run.variant))
    when, steps = seen_from(pair.theirs, at, *bounds)
    if len(when) < LEAST_PEAKS:
        return []
    changed = bool(run.variant) and run.variant != BACKWARDS.name or abs(abs(at.scale) - 1) > UNCHANGED
    aside = run.scheme == SIDE.name
    searched = SEARCHED + SEARCHED_MORE * (bool(run.variant) or aside)
    stretch = judge(field, when - bounds[0], steps, searched, SURVIVAL_CHANGED if changed else SURVIVAL)
    if stretch.strength < WORTH:
        return []
    first, last = float(when[stretch.first]), float(when[stretch.last])
    rows = np.unique(run.output_rows[(hits >= first - CELL_TICKS) & (hits <= last + CELL_TICKS)]).astype(np.int32)
    scheme = LANDMARK.name if aside else run.scheme
    span = (first * TICK, min(last, pair.length) * TICK)
    there = sorted(min(max(t * at.scale + at.offset, 0.0), pair.work_length) * TICK for t in (first, last))
    return [Evidence("copy", span, (there[0], there[1]), at.scale, stretch.strength, rows, scheme, run.variant)]


def seen_from(theirs: Fingerprint, at: Placement, start: float, end: float) -> tuple[Float, Int64]:
    """Where the work's peaks should lie in the output: ticks within [start, end), rising, and steps."""
    edges = sorted((start * at.scale + at.offset, end * at.scale + at.offset))
    low, high = np.searchsorted(theirs.positions, edges)
    way = slice(None, None, 1 if at.scale > 0 else -1)
    when: Float = ((theirs.positions[low:high].astype(np.float64) - at.offset) / at.scale)[way]
    payload = theirs.payload[low:high, 0] if theirs.payload is not None else np.zeros(0, np.uint8)
    steps = payload.astype(np.int64)[way] - at.raised
    inside = (steps >= 0) & (steps < 256) & (when >= start) & (when < end)
    return when[inside], steps[inside]


def settled(field: Bool, start: float, theirs: Fingerprint, at: Placement, middle: float, wide: bool) -> Placement:
    """The placement near `at` on which most of the work's peaks are found: from a short window around `middle` outwards.

    Tempo and offset are searched together, finer as the window grows, as a longer stretch tells the tempo better.
    """
    end = start + len(field)
    half = FIRST_HALF
    while True:
        bounds = (max(start, middle - half), min(end, middle + half))
        first = wide and half == FIRST_HALF
        at = _better(field, start, theirs, at, middle, bounds, half, first)
        if middle - half <= start and middle + half >= end:
            return at
        half *= 2


def _better(
    field: Bool, start: float, theirs: Fingerprint, at: Placement, middle: float, bounds: tuple[float, float],
    half: float, first: bool,
) -> Placement:  # fmt: skip
    bends = np.arange(-5, 6) if first else np.arange(-2, 3)
    nudges = np.arange(-9, 10) if first else np.arange(-4, 5)
    best, found = at, -1.0
    for more in range(-2, 3) if first else (0,):
        when, steps = seen_from(theirs, Placement(at.scale, at.offset, at.raised + more), *bounds)
        if not len(when):
            continue
        bend = 1 + bends * (SLACK_TICKS / half)
        ticks = (when - middle)[None, None, :] * bend[:, None, None] + (middle - start) + nudges[None, :, None]
        inside = np.clip(np.rint(ticks).astype(np.int64), 0, len(field) - 1)
        counts = field[inside, steps].sum(axis=2) - 0.3 * (np.abs(bends)[:, None] + 0.2 * np.abs(nudges)[None, :] + abs(more))
        b, n = np.unravel_index(int(counts.argmax()), counts.shape)
        if counts[b, n] > found:
            found = float(counts[b, n])
            # output = (when - middle) * bend + middle + nudge, and when = (work - offset) / scale
            scale = at.scale / float(bend[b])
            offset = at.offset + at.scale * middle - scale * (middle + float(nudges[n]))
            best = Placement(scale, offset, at.raised + more)
    return best


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
    return Stretch(int(starts[first]), int(ends[last]), strength)


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
