"""Landmarks: pairs of spectral peaks as exact keys (Wang, ISMIR 2003), few in the registry, many in the probe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.audio_peaks import STEPS, TICK, Peaks
from fingerprint.features import Fingerprint, Scheme, make
from fingerprint.hashing import Int32, Int64, UInt8, mix

NAME = "audio.landmark.1"
PITCH_STEP = 2.0  # steps of a 48th octave in one cell of a key
TIME_STEP = 4.0  # ticks in one cell of a key
NEAREST, FARTHEST = 10.0, 190.0  # ticks between the two peaks
WIDEST = 48.0  # steps between the two peaks
LEAST = 5  # landmarks that must agree before a placement is looked at
EDGE = 0.25  # a probe value this close to the edge of its cell (in cells) is looked up in the next cell too


def derive(payload: UInt8) -> Int64:
    """uint8[n, 3] (first pitch, interval, time between: in cells) -> keys int64[n, 1]."""
    cells = payload.astype(np.int64)
    return mix((cells[:, 0] << 16) | (cells[:, 1] << 8) | cells[:, 2], NAME).reshape(-1, 1)


@dataclass(frozen=True)
class Change:
    """What must be done to the output's peaks to meet the work's: time x tempo, pitch + raised (in steps)."""

    tempo: float = 1.0
    raised: int = 0

    @property
    def name(self) -> str:
        """As a variant: "tempo1.080 pitch-0.50", pitch in semitones; "" for no change."""
        return f"tempo{self.tempo:.3f} pitch{self.raised * 12 / STEPS:+.2f}" if self != Change() else ""


def change_of(variant: str) -> Change:
    """The Change that gives that name."""
    if not variant:
        return Change()
    tempo, pitch = variant.removeprefix("tempo").split(" pitch")
    return Change(float(tempo), round(float(pitch) * STEPS / 12))


LANDMARK = Scheme(NAME, "audio", TICK, payload_width=3, derive=derive, tolerance=6.0, reach=1250.0, least=LEAST)


def landmarks(peaks: Peaks, depth: int, fan: int) -> Fingerprint:
    """What the registry stores: each peak of rank below `depth` with the `fan` highest of those that follow it."""
    first, second = pairs(peaks.of(peaks.rank < depth), fan)
    chosen = peaks.of(peaks.rank < depth)
    cells = np.floor(values(chosen, first, second)).astype(np.int64)
    return make(LANDMARK, positions(chosen, first), cells.astype(np.uint8))


def positions(peaks: Peaks, rows: Int64) -> Int32:
    """Ticks of these peaks."""
    return np.rint(peaks.time[rows]).astype(np.int32)


def values(peaks: Peaks, first: Int64, second: Int64) -> npt.NDArray[np.float32]:
    """float32[n, 3] (first pitch, second pitch - first + WIDEST, time between), in cells."""
    columns = [
        peaks.pitch[first] / PITCH_STEP,
        (peaks.pitch[second] - peaks.pitch[first] + WIDEST) / PITCH_STEP,
        (peaks.time[second] - peaks.time[first]) / TIME_STEP,
    ]
    return np.stack(columns, axis=1)


def pairs(peaks: Peaks, fan: int) -> tuple[Int64, Int64]:
    """Rows (first, second): each peak and the `fan` of lowest rank, then nearest, within its target zone."""
    time, pitch, rank = peaks.time, peaks.pitch, peaks.rank
    firsts, seconds, costs = [], [], []
    for apart in range(1, len(time)):
        gap = time[apart:] - time[:-apart]
        if not (gap <= FARTHEST).any():
            break
        near = (gap >= NEAREST) & (gap <= FARTHEST) & (np.abs(pitch[apart:] - pitch[:-apart]) < WIDEST)
        rows = np.flatnonzero(near)
        firsts.append(rows)
        seconds.append(rows + apart)
        costs.append(rank[rows + apart] + gap[rows] / (FARTHEST + 1))
    if not firsts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    first, second, cost = (np.concatenate(c) for c in (firsts, seconds, costs))
    order = np.lexsort((cost, first))
    first, second = first[order], second[order]
    start = np.flatnonzero(np.diff(first, prepend=-1))
    place = np.arange(len(first)) - np.repeat(start, np.diff(np.append(start, len(first))))
    return first[place < fan], second[place < fan]


def probe_landmarks(peaks: Peaks, depth: int, fan: int) -> Fingerprint:
    """What is looked up: more peaks, more partners, and the neighbouring cell where a value lies near an edge."""
    chosen = peaks.of(peaks.rank < depth)
    first, second = pairs(chosen, fan)
    return make(LANDMARK, positions(chosen, first), keys=keys_of(neighbours(values(chosen, first, second))))


def changed_landmarks(peaks: Peaks, depth: int, fan: int, changes: Sequence[Change]) -> list[Fingerprint]:
    """The landmarks that would be seen were the recording not changed so: one view for each change, in the work's time."""
    chosen = peaks.of(peaks.rank < depth)
    first, second = pairs(chosen, fan)
    plain = values(chosen, first, second)
    views = []
    for change in changes:
        cells = np.floor(plain * (1, 1, change.tempo) + (change.raised / PITCH_STEP, 0, 0)).astype(np.int64)
        inside = ((cells >= 0) & (cells < 128)).all(axis=1)
        ticks = np.rint(chosen.time[first[inside]] * change.tempo).astype(np.int32)
        views.append(make(LANDMARK, ticks, keys=keys_of(cells[inside][:, None, :]), variant=change.name))
    return views


def keys_of(cells: Int64) -> Int64:
    """int64[n, b, 3] cells -> keys int64[n, b]."""
    n, b, _ = cells.shape
    inside = np.clip(cells, 0, 255).astype(np.uint8)
    return derive(inside.reshape(n * b, 3)).reshape(n, b)


def neighbours(values: npt.NDArray[np.float32]) -> Int64:
    """float32[n, 3] -> int64[n, 8, 3]: every combination of the own cell and the nearer neighbour, where near enough.

    Where it is not near, the own cell stands again: the aligner counts each row once.
    """
    own = np.floor(values)
    part = values - own
    other = own + np.where(part < EDGE, -1, np.where(part > 1 - EDGE, 1, 0))
    both = np.stack([own, other], axis=1).astype(np.int64)
    pick = np.indices((2, 2, 2)).reshape(3, 8).T
    return np.stack([both[:, pick[:, i], i] for i in range(3)], axis=2)
