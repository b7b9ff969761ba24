"""The music apart from its sound: pitch classes over time, to find another recording of the same piece.

Chroma from spectral peaks, smoothed as CENS (Mueller, Kurth, Clausen, ISMIR 2005); local alignment in all transpositions
as in cover-song search (Serra, Gomez, Herrera, Serra, IEEE TASLP 2008), against its own chance: the same music in wrong
transpositions and backwards. Slow harmonies align far by chance, and over any distance: so the lead counts by what chance
reaches there, and of the alignment only what keeps its tempo.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.audio_peaks import STEPS, TICK, Peaks
from fingerprint.features import Alignment, Evidence, Fingerprint, Part, Scheme, make
from fingerprint.hashing import Int64, mix

CHROMA = Scheme("audio.chroma.1", "audio", 0.5, payload_width=6, indexed=False, aligner="none")
TURN = Scheme(
    "audio.turn.1", "audio", 0.5, aligner="band", scales=(0.75, 0.87, 1.0, 1.15, 1.33), tolerance=3.0, least=4
)  # fmt: skip
CELL_S = 0.25  # of the chroma before smoothing
LOUDNESS = 0.35  # weight of a peak: power to this
SHARP = 1.2  # how fast a peak between two semitones loses weight
TOP_STEP = 220.0  # peaks above 2.4 kHz are overtones
SMOOTH = np.hanning(7)[1:-1]
LAG = 4  # ticks between the three moments of a turn
LAGS = (3, 4, 5)  # the same in a probe, whose tempo may differ
LEAST_TICKS = 16
MOST_TICKS = 600  # of either side that are aligned at once: five minutes
TASTE = 0.6  # how much better than usual (in standard deviations) two moments must match to count for the alignment
TURNED = (np.arange(12) - np.arange(12)[:, None]) % 12  # row s: the pitch classes raised by s
NOBODY = 2  # places before a line, as far as a step reaches
SEARCHED = 1.5  # log10 of how many candidates are looked at
USUAL = 17.0  # what chance aligns of some thirty seconds; where it aligns more, leads are larger in proportion
STEADY = 1.0  # ticks by which an alignment of one tempo may leave its line
PACE_TICKS = 60  # over which the tempo may change
OFF_LINE = np.float32(-9.0)  # likeness of moments that lie off it
# How much the pitch classes change along an alignment (see _happening) for it to count in full: two chords, each held for
# seconds, follow each other in much music. In the remakes of the development lineup that are named it is 5 or more; ten seconds
# of two chords in a piece for a game (1.2) were named as those of another.
EVENTFUL = 2.0
WORTH = 1.0


@dataclass(frozen=True)
class Tones:
    """One way to tell the pitch classes: its scheme, that of the keys it is found by, and what chance reaches.

    The lead over chance, as _lead has it, grows by `decade` for each tenth of the false pairs, from `start`.
    """

    scheme: Scheme
    turn: Scheme
    decade: float
    start: float


PEAK_TONES = Tones(CHROMA, TURN, 1.5, -0.5)

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]


def chroma(peaks: Peaks, seconds: float) -> Fingerprint:
    """Every half second the strength of the twelve pitch classes, 4 bits each, tuned to the recording. Silence: no rows."""
    own = peaks.of(peaks.pitch < TOP_STEP)
    if not len(own):
        return make(CHROMA, np.zeros(0, np.int32), np.zeros((0, 6), np.uint8))
    weight = 10.0 ** (LOUDNESS * own.height.astype(np.float64))
    semitone = STEPS / 12
    tuning = np.angle((weight * np.exp(2j * np.pi * own.pitch / semitone)).sum()) / (2 * np.pi)
    place = own.pitch / semitone - tuning
    nearest = np.rint(place)
    weight *= np.clip(1 - SHARP * np.abs(place - nearest), 0, 1)
    count = int(seconds / CELL_S) + 1
    cells = np.zeros((count, 12))
    when = np.clip((own.time * TICK / CELL_S).astype(np.int64), 0, count - 1)
    np.add.at(cells, (when, nearest.astype(np.int64) % 12), weight)
    return smoothed(cells, CHROMA)


def smoothed(cells: npt.NDArray[np.float64], scheme: Scheme) -> Fingerprint:
    """The shares float64[n, 12] of the pitch classes in cells of CELL_S, smoothed to half of them and cut to 4 bits."""
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1e-9)
    smooth = np.stack([np.convolve(shares[:, i], SMOOTH, "full")[2 : 2 + len(cells)] for i in range(12)], axis=1)[::2]
    level = np.rint(15 * smooth / np.maximum(smooth.max(axis=1, keepdims=True), 1e-9)).astype(np.uint8)
    ticks = np.arange(len(level), dtype=np.int32)
    return make(scheme, ticks, level[:, ::2] | (level[:, 1::2] << 4))


def levels(fingerprint: Fingerprint) -> Float32:
    """float32[n, 12] of length 1 (or 0) each."""
    payload = fingerprint.payload if fingerprint.payload is not None else np.zeros((0, 6), np.uint8)
    level = np.stack([payload & 15, payload >> 4], axis=2).reshape(len(payload), 12).astype(np.float32)
    unit: Float32 = level / np.maximum(np.linalg.norm(level, axis=1, keepdims=True), np.float32(1e-9))
    return unit


def turns(own: Fingerprint, scheme: Scheme = TURN) -> Fingerprint:
    """Keys of how the leading pitch classes move over three moments LAG apart, whatever the transposition."""
    leading = np.argsort(-levels(own), axis=1, kind="stable")[:, :2]
    rows = _sounding(own, LAG)
    keys = _turn_keys(leading[rows], leading[rows + LAG], leading[rows + 2 * LAG], scheme)
    return make(scheme, own.positions[rows], keys=keys)


def probe_turns(own: Fingerprint, scheme: Scheme = TURN) -> Fingerprint:
    """The same at several tempos and with the runners-up in the lead: int64[n, b] keys."""
    leading = np.argsort(-levels(own), axis=1, kind="stable")[:, :3]
    positions, keys = [np.zeros(0, np.int32)], []
    pairs = (np.array([0, 1]), np.array([1, 0]), np.array([0, 2]))
    for lag in LAGS:
        rows = _sounding(own, lag)
        first, second, third = leading[rows], leading[rows + lag], leading[rows + 2 * lag]
        options = [
            _turn_keys(first[:, a], second[:, b], third[:, c:], scheme) for a in pairs for b in pairs for c in (0, 1)
        ]  # fmt: skip
        positions.append(own.positions[rows])
        keys.append(np.stack(options, axis=1))
    order = np.argsort(np.concatenate(positions), kind="stable")
    return make(scheme, np.concatenate(positions)[order], keys=np.concatenate(keys)[order])


def _sounding(own: Fingerprint, lag: int) -> Int64:
    """Rows whose three moments all have sound."""
    loud: npt.NDArray[np.bool_] = np.zeros(len(own), bool) if own.payload is None else np.max(own.payload, axis=1) > 0
    count = max(len(own) - 2 * lag, 0)
    return np.flatnonzero(loud[:count] & loud[lag : lag + count] & loud[2 * lag : 2 * lag + count])


def _turn_keys(first: Int64, second: Int64, third: Int64, scheme: Scheme) -> Int64:
    root = first[:, 0]
    code = np.zeros(len(root), np.int64)
    for number in (first[:, 1], second[:, 0], second[:, 1], third[:, 0]):
        code = code * 12 + (number - root) % 12
    return mix(code, scheme.name)


def compare(output: Part, work: Part, alignment: Alignment, tones: Tones = PEAK_TONES) -> list[Evidence]:
    """The best local alignment of the two chromas, when it leads far enough over what chance aligns."""
    ours, theirs, probe = output.of(tones.scheme.name), work.of(tones.scheme.name), output.of(tones.turn.name)
    if ours is None or theirs is None or probe is None:
        return []
    a0 = _window(probe.positions[alignment.output_rows], len(ours))
    b0 = _window(alignment.work_rows, len(theirs))
    a, b = levels(ours)[a0 : a0 + MOST_TICKS], levels(theirs)[b0 : b0 + MOST_TICKS]
    if min(len(a), len(b)) < LEAST_TICKS:
        return []
    likeness = _likeness(a, b)
    ahead = _local(likeness)
    top = int(ahead.argmax())
    # Most candidates are chance: no transposition leads over the others, and backwards need not be looked at.
    second = float(np.delete(ahead, top).max())
    if _strength(_lead(float(ahead[top]), second), tones) < WORTH:
        return []
    chance = max(second, float(_local(likeness[::-1]).max()))
    if _strength(_lead(float(ahead[top]), chance), tones) < WORTH:
        return []
    reached, path = _steady(likeness[:, top, NOBODY:])
    happening = min(_happening(side, at) for side, at in zip((a, b), zip(*path, strict=True), strict=True))
    strength = _strength(_lead(reached, chance), tones) * min(1.0, happening / EVENTFUL)
    if strength < WORTH:
        return []
    (i0, j0), (i1, j1) = path[0], path[-1]
    span = ((a0 + i0) * CHROMA.tick, min((a0 + i1 + 1) * CHROMA.tick, output.extent[0]))
    there = ((b0 + j0) * CHROMA.tick, min((b0 + j1 + 1) * CHROMA.tick, work.extent[0]))
    positions = probe.positions[alignment.output_rows]
    rows = np.unique(alignment.output_rows[(positions >= a0 + i0) & (positions <= a0 + i1)]).astype(np.int32)
    tempo = (j1 - j0 + 1) / (i1 - i0 + 1)
    detail = {"semitones": float((top + 6) % 12 - 6)}
    return [Evidence("remake", span, there, tempo, strength, rows, tones.turn.name, alignment.variant, detail)]


def _happening(own: Float32, at: Sequence[int]) -> float:
    """How much the pitch classes float32[n, 12] change from one of these moments to the next: each time 0 if they stay, 1 if they
    are others altogether.
    """
    moments = own[list(at)]
    return float((1 - (moments[1:] * moments[:-1]).sum(axis=1)).sum())


def _lead(reached: float, chance: float) -> float:
    """How far an alignment leads over the other transpositions and all of them backwards; less where those reach far, too."""
    return (reached - chance) / max(1.0, chance / USUAL)


def _strength(lead: float, tones: Tones) -> float:
    """What it says that the best alignment leads so far."""
    return float((lead - tones.start) / tones.decade - SEARCHED)


def _window(positions: npt.NDArray[np.int32], length: int) -> int:
    """First tick of the MOST_TICKS around the middle of the hits."""
    middle = int(np.median(positions))
    return max(0, min(middle - MOST_TICKS // 2, length - MOST_TICKS))


def _likeness(a: Float32, b: Float32) -> Float32:
    """float32[n, 12, NOBODY + m]: moments of a in twelve transpositions, moments of b behind NOBODY that no alignment reaches;
    above 0 where the moments match well, in standard deviations.

    Mean and deviation of all pairs follow from those of either side, without a look at the pairs.
    """
    turned = a[:, TURNED].reshape(-1, 12).astype(np.float64)
    mean = turned.reshape(-1, 144).mean(axis=0).reshape(12, 12) @ b.mean(axis=0)
    squares = ((turned @ (b.T.astype(np.float64) @ b / len(b))) * turned).sum(axis=1).reshape(-1, 12).mean(axis=0)
    spread = np.sqrt(np.maximum(squares - mean**2, 0.0)) + 1e-6
    scaled = (turned.reshape(-1, 12, 12) / spread[:, None]).astype(np.float32).reshape(-1, 12)
    behind = np.zeros((12, NOBODY + len(b)), np.float32)
    behind[:, NOBODY:] = b.T
    likeness: Float32 = (scaled @ behind).reshape(len(a), 12, -1)
    likeness -= (mean / spread + TASTE)[:, None].astype(np.float32)
    likeness[:, :, :NOBODY] = -np.inf
    return likeness


def _local(likeness: Float32) -> Float32:
    """Best local alignment in each transposition, float32[12], with steps (1, 1), (2, 1) and (1, 2), of `_likeness`.

    All transpositions of a moment lie in one line: one pass over it is cheaper than one over each.
    """
    own = likeness.reshape(len(likeness), -1)
    return np.asarray(best_reached(own, own.shape[1]).reshape(12, -1).max(axis=1), np.float32)


def best_reached(moments: Iterable[Float32], width: int) -> Float32:
    """float32[width]: for each column the most that a local alignment reaches there, of moments float32[width] one by one."""
    lines = np.zeros((3, 2 + width), np.float32)
    best, reached = np.zeros(width, np.float32), np.empty(width, np.float32)
    for i, line in enumerate(moments):
        now, before, earlier = (lines[(i - back) % 3] for back in range(3))
        np.maximum(before[1:-1], earlier[1:-1], out=reached)
        np.maximum(reached, before[:-2], out=reached)
        reached += line
        np.maximum(reached, 0, out=now[2:])
        np.maximum(best, now[2:], out=best)
    return best


def _steady(likeness: Float32) -> tuple[float, list[tuple[int, int]]]:
    """What the best local alignment of float32[n, m] reaches at its own tempo, and its (row, column) there.

    What wanders to where it fits, faster and slower, is chance: a performance changes its tempo over PACE_TICKS.
    """
    rows, columns = np.array(_path(likeness)[1], np.float64).T
    if len(rows) < LEAST_TICKS // 2:
        return _path(likeness)
    slope, start = np.polyfit(rows, columns, 1)
    off = columns - slope * rows - start
    if len(off) > PACE_TICKS:
        around = np.pad(off, PACE_TICKS // 2, mode="edge")
        off = np.convolve(around, np.full(PACE_TICKS + 1, 1 / (PACE_TICKS + 1)), "valid")
    else:
        off = np.zeros(len(off))
    line = slope * np.arange(len(likeness)) + start + np.interp(np.arange(len(likeness)), rows, off)
    beside = np.abs(np.arange(likeness.shape[1]) - line[:, None]) > STEADY
    return _path(np.where(beside, OFF_LINE, likeness))


def _path(likeness: Float32) -> tuple[float, list[tuple[int, int]]]:
    """What the best local alignment of float32[n, m] reaches, and its (row, column) from first to last."""
    n, m = likeness.shape
    score = np.zeros((n + 2, m + 2), np.float32)
    for i in range(n):
        reached = np.maximum(np.maximum(score[i + 1, 1:-1], score[i, 1:-1]), score[i + 1, :-2])
        np.maximum(likeness[i] + reached, 0, out=score[i + 2, 2:])
    i, j = (int(x) for x in np.unravel_index(int(score.argmax()), score.shape))
    most, path = float(score[i, j]), [(i - 2, j - 2)]
    while True:
        options = ((i - 1, j - 1), (i - 2, j - 1), (i - 1, j - 2))
        nearest = max(options, key=lambda at: float(score[at]))
        if score[nearest] <= 0:
            return most, path[::-1]
        i, j = nearest
        path.append((i - 2, j - 2))
