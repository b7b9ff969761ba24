"""Spectral peaks: the points of the spectrogram that survive noise, codecs and mixing (Wang, ISMIR 2003)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.audio_decode import RATE, Float32
from fingerprint.hashing import Int32, Int64

WINDOW = 1024  # 128 ms
HOP = 256  # 32 ms
TICKS_PER_HOP = 4
TICK = HOP / RATE / TICKS_PER_HOP  # 8 ms
LOWEST_HZ = 100.0
STEPS = 48  # steps of log frequency per octave
FIRST, LAST = 12, 488  # bins looked at: 94 to 3812 Hz
MARGIN = 3  # a peak is the highest of its neighbourhood, this many frames and bins to each side
FLOOR = -3.0  # log10 of power below which there is only silence (a full-scale sine gives about 4.8)
CHUNK = 512  # frames worked on at a time
BANDS = (76.0, 131.0, 175.0, 214.0)  # in steps: edges at 300, 663, 1252, 2198 Hz
AROUND = 62.5  # ticks to each side within which peaks of one band are ranked

HANN: Float32 = np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@dataclass(frozen=True)
class Peaks:
    """Columns of one length, in order of time.

    time    float32, in ticks: centre of the window, between frames by a parabola
    pitch   float32, in steps above LOWEST_HZ
    rank    int32: how many peaks of the same band within AROUND are stronger
    height  float32: log10 of power
    """

    time: Float32
    pitch: Float32
    rank: Int32
    height: Float32

    def __len__(self) -> int:
        return len(self.time)

    def of(self, rows: npt.NDArray[np.bool_] | Int64 | slice) -> Peaks:
        """The chosen rows."""
        return Peaks(self.time[rows], self.pitch[rows], self.rank[rows], self.height[rows])


def find_peaks(blocks: Iterable[Float32], depth: int) -> Peaks:
    """The peaks of rank below `depth` in blocks float32[c, n] at RATE; the power of several channels adds up."""
    return ranked(list(local_peaks(blocks)), depth)


def local_peaks(blocks: Iterable[Float32]) -> Iterator[Float32]:
    """The local maxima of one chunk of frames after the other, as `_local` gives them; silence has none."""
    for first, samples in _chunks(blocks):
        yield _local(first, log_power(samples)) if samples.any() else np.zeros((3, 0), np.float32)


def ranked(pieces: list[Float32], depth: int) -> Peaks:
    """The Peaks of rank below `depth` among those that were found."""
    time, pitch, height = np.concatenate([np.zeros((3, 0), np.float32), *pieces], axis=1)
    return _ranked(time, pitch, height, depth)


def _chunks(blocks: Iterable[Float32]) -> Iterator[tuple[int, Float32]]:
    """(first frame, samples float32[c, n] of CHUNK + 2 * MARGIN frames): chunks overlap by 2 * MARGIN frames."""
    held = np.zeros((1, MARGIN * HOP), np.float32)
    first = 0
    for block in blocks:
        held = _joined(held, block)
        while held.shape[1] >= (CHUNK + 2 * MARGIN - 1) * HOP + WINDOW:
            yield first, held[:, : (CHUNK + 2 * MARGIN - 1) * HOP + WINDOW]
            held, first = held[:, CHUNK * HOP :], first + CHUNK
    if held.shape[1] > MARGIN * HOP:
        yield first, _joined(held, np.zeros((1, WINDOW + MARGIN * HOP), np.float32))


def _joined(before: Float32, after: Float32) -> Float32:
    """One after the other; the one with fewer channels is silent in the others."""
    joined = np.zeros((max(len(before), len(after)), before.shape[1] + after.shape[1]), np.float32)
    joined[: len(before), : before.shape[1]] = before
    joined[: len(after), before.shape[1] :] = after
    return joined


def log_power(samples: Float32) -> Float32:
    """log10 of the power float32[frames, LAST - FIRST] of float32[c, n] in frames every HOP samples."""
    import scipy.fft

    power = np.float32(0)
    for channel in samples:
        frames = np.lib.stride_tricks.sliding_window_view(channel, WINDOW)[::HOP]
        spectrum = scipy.fft.rfft(frames * HANN, axis=1)[:, FIRST:LAST]
        power = power + spectrum.real**2 + spectrum.imag**2
    logs: Float32 = np.log10(power + np.float32(1e-12))
    return logs


def _local(first: int, power: Float32) -> Float32:
    """float32[3, n] (ticks, steps, log10 power) of the local maxima of one chunk, margins left out."""
    n, bins = power.shape
    if n <= 2 * MARGIN:
        return np.zeros((3, 0), np.float32)
    high = _highest(_highest(power.T).T)
    core = power[MARGIN : n - MARGIN, MARGIN : bins - MARGIN]
    frame, bin_ = np.nonzero((core == high) & (core > FLOOR))
    t, f = frame + MARGIN, bin_ + MARGIN
    top = power[t, f]
    time = first + frame + _vertex(power[t - 1, f], top, power[t + 1, f])
    hertz = (FIRST + f + _vertex(power[t, f - 1], top, power[t, f + 1])) * (RATE / WINDOW)
    ticks = time * TICKS_PER_HOP + WINDOW // 2 * TICKS_PER_HOP // HOP
    return np.stack([ticks, STEPS * np.log2(hertz / LOWEST_HZ), top]).astype(np.float32)


def _highest(rows: Float32) -> Float32:
    """The highest of each 2 * MARGIN + 1 = 7 rows that follow each other, by doubling."""
    two = np.maximum(rows[:-1], rows[1:])
    four = np.maximum(two[:-2], two[2:])
    return np.maximum(four[:-3], four[3:])


def _vertex(before: Float32, top: Float32, after: Float32) -> Float32:
    """Where the parabola through three points has its top, from the middle one: within [-0.5, 0.5]."""
    bend = before - 2 * top + after
    at: Float32 = np.clip(np.where(bend < 0, (before - after) / np.minimum(2 * bend, -1e-9), 0), -0.5, 0.5)
    return at


def _ranked(time: Float32, pitch: Float32, height: Float32, depth: int) -> Peaks:
    keep = (pitch >= 0) & (pitch < 256)
    time, pitch, height = time[keep], pitch[keep], height[keep]
    band = np.digitize(pitch, BANDS)
    rank = np.zeros(len(time), np.int32)
    for number in range(len(BANDS) + 1):
        rows = np.flatnonzero(band == number)
        rows = rows[np.argsort(time[rows], kind="stable")]
        rank[rows] = _rank(time[rows], height[rows])
    chosen = np.flatnonzero(rank < depth)
    chosen = chosen[np.lexsort((pitch[chosen], time[chosen]))]
    return Peaks(time[chosen], pitch[chosen], rank[chosen], height[chosen])


def _rank(time: Float32, height: Float32) -> Int32:
    """How many of the peaks within AROUND of each are higher; `time` rises."""
    rank = np.zeros(len(time), np.int32)
    for apart in range(1, len(time)):
        near = time[apart:] - time[:-apart] <= AROUND
        if not near.any():
            break
        later_higher = height[apart:] > height[:-apart]
        rank[:-apart] += near & later_higher
        rank[apart:] += near & ~later_higher
    return rank
