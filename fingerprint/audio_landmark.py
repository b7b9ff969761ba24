"""Landmarks: triples of spectral peaks as exact keys, few in the registry, many in the probe.

Peak constellations after Wang (ISMIR 2003), three peaks instead of two so that a key stays rare in a large registry
(as in Panako, Six & Leman, ISMIR 2014), but with absolute pitch and time: a changed tempo or pitch is looked for by
changing the probe, where it is known what to change.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fingerprint.audio_peaks import STEPS, TICK, Peaks
from fingerprint.features import Fingerprint, Scheme, make
from fingerprint.hashing import Int32, Int64, UInt8, mix

NAME = "audio.landmark.2"
OLD_NAME = "audio.landmark.1"
PITCH_STEP = 3.0  # steps of a 48th octave in one cell of a key
TIME_STEP = 6.0  # ticks in one cell of a key
NEAREST, FARTHEST = 8.0, 190.0  # ticks from the first peak to the others
APART = 8.0  # ticks below which the second peak and the third sound together: the lower then comes first
WIDEST = 48.0  # steps from the first peak to the others
BLOCK = 20_000  # peaks worked on at a time
COST_BITS = 28
LOWEST = int(np.float32(NEAREST / (FARTHEST + 1) / 2).view(np.int32))  # bits of a float32 below every cost of a partner
LEAST = 3  # landmarks that must agree before a placement is looked at
BITS = np.array([7, 5, 5, 5, 5])  # of a cell: first pitch, two intervals, two times; they fill four bytes but for five bits
SHIFTS = np.concatenate([[0], np.cumsum(BITS)[:-1]])

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
UInt64 = npt.NDArray[np.uint64]
Triples = tuple[Int64, Int64, Int64, Int64]


def derive(payload: UInt8) -> Int64:
    """uint8[n, 4] (packed cells, low byte first) -> keys int64[n, 1]."""
    return keys_of(np.ascontiguousarray(payload).view("<u4").astype(np.uint64))


def keys_of(codes: UInt64) -> Int64:
    """Keys of packed cells: the pitch as it is below the rest, mixed, so that the same landmark at every pitch that is asked
    for stands in one place of a registry's index.
    """
    pitch = codes & np.uint64((1 << BITS[0]) - 1)
    return ((mix(codes >> np.uint64(BITS[0]), NAME).view(np.uint64) << np.uint64(BITS[0])) | pitch).view(np.int64)


def old_keys(payload: UInt8) -> Int64:
    """The same as the first version derived them: all cells mixed."""
    return mix(np.ascontiguousarray(payload).view("<u4"), OLD_NAME)


def placed_together(old: Fingerprint) -> Fingerprint:
    """A fingerprint of the first version in the second: the same cells, other keys."""
    return make(LANDMARK, old.positions, old.payload)


@dataclass(frozen=True)
class Change:
    """What must be done to the output's peaks to meet the work's: time x tempo (below 0: backwards), pitch + raised steps."""

    tempo: float = 1.0
    raised: int = 0

    @property
    def name(self) -> str:
        """As a variant: "tempo+1.080 pitch-0.50", pitch in semitones; "" for no change."""
        return f"tempo{self.tempo:+.3f} pitch{self.raised * 12 / STEPS:+.2f}" if self != Change() else ""


BACKWARDS = Change(-1.0)


def played(speed: float) -> Change:
    """What undoes playing a recording `speed` times as fast, the pitch rising with it."""
    return Change(speed, -round(STEPS * math.log2(speed)))


def change_of(variant: str) -> Change:
    """The Change that gives that name."""
    if not variant:
        return Change()
    tempo, pitch = variant.removeprefix("tempo").split(" pitch")
    return Change(float(tempo), round(float(pitch) * STEPS / 12))


def backwards(peaks: Peaks, ticks: int) -> Peaks:
    """The peaks of the same sound, `ticks` long, played from its end."""
    return Peaks((ticks - peaks.time)[::-1], peaks.pitch[::-1], peaks.rank[::-1], peaks.height[::-1])


LANDMARK = Scheme(NAME, "audio", TICK, payload_width=4, derive=derive, tolerance=6.0, reach=1250.0, least=LEAST)
OLD_LANDMARK = dataclasses.replace(
    LANDMARK, name=OLD_NAME, derive=old_keys, successor=NAME, convert=placed_together
)  # fmt: skip


def landmarks(peaks: Peaks, depth: int, firsts: int = 99) -> Fingerprint:
    """What the registry stores: of the peaks of rank below `depth` those below `firsts`, each with the best two that follow."""
    ticks, payloads = [np.zeros(0, np.int32)], [np.zeros((0, 4), np.uint8)]
    for block, found in triples(peaks.of(peaks.rank < depth), fan=3, most=1):
        cells, inside = packed(np.floor(values(block, found)))
        inside &= block.rank[found[0]] < firsts
        ticks.append(positions(block, found[0][inside]))
        payloads.append(cells[inside].astype("<u4").view(np.uint8).reshape(-1, 4))
    return make(LANDMARK, np.concatenate(ticks), np.concatenate(payloads))


@dataclass(frozen=True)
class Leads:
    """Which landmarks of a probe lead: those likeliest to be stored, whose peaks are strong and whose partners come first.

    cost and rank are the most that the pair of partners may cost (see _triples_of) and the ranks of the three peaks may
    add up to; cells is how many of the cells next door lead, too, beside the own one.
    """

    cost: int
    rank: int
    cells: int = 0

    def among(self, peaks: Peaks, found: Triples) -> Bool:
        """bool[n] for these triples."""
        first, second, third, cost = found
        ranks = peaks.rank.take(first) + peaks.rank.take(second) + peaks.rank.take(third)
        return np.asarray((cost <= self.cost) & (ranks <= self.rank))


def probe_landmarks(peaks: Peaks, depth: int, fan: int, lead: Leads, change: Change = Change()) -> Fingerprint:
    """What is looked up: more peaks, more partners, and the cells next door where a value lies nearest to an edge."""
    return led(peaks, depth, fan, (lead,), change)[0]


def led(peaks: Peaks, depth: int, fan: int, leads: Sequence[Leads], change: Change = Change()) -> list[Fingerprint]:
    """The same once for each of the `leads`: the columns are one and the same but for what leads."""
    ticks, keys = [np.zeros(0, np.int32)], [np.zeros((0, 4), np.int64)]
    leading = [[np.zeros((0, 4), bool)] for _ in leads]
    for block, found in triples(peaks.of(peaks.rank < depth), fan, most=fan * fan):
        cells, inside = neighbours(values(block, found))
        ticks.append(positions(block, found[0][inside]))
        keys.append(keys_of(cells[inside]))
        for own, lead in zip(leading, leads, strict=True):
            own.append(lead.among(block, found)[inside, None] & (np.arange(4) <= lead.cells))
    view = make(LANDMARK, np.concatenate(ticks), keys=np.concatenate(keys), variant=change.name)
    return [dataclasses.replace(view, leads=np.concatenate(own)) for own in leading]


def positions(peaks: Peaks, rows: Int64) -> Int32:
    """Ticks of these peaks."""
    return np.rint(peaks.time[rows]).astype(np.int32)


def values(peaks: Peaks, found: Triples) -> Float32:
    """float32[n, 5] in cells: first pitch, the two intervals from it (shifted to be positive), the two times from it."""
    first, second, third, _ = found
    columns = [
        peaks.pitch[first] / PITCH_STEP,
        (peaks.pitch[second] - peaks.pitch[first] + WIDEST) / PITCH_STEP,
        (peaks.pitch[third] - peaks.pitch[first] + WIDEST) / PITCH_STEP,
        (peaks.time[second] - peaks.time[first]) / TIME_STEP,
        (peaks.time[third] - peaks.time[first]) / TIME_STEP,
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def packed(cells: Float32, columns: Sequence[int] = range(5)) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """float32[..., k] cells of these columns of `values` -> (uint64[...], of 27 bits in all; bool[...]: all are in range)."""
    codes, inside = np.zeros(cells.shape[:-1], np.int32), np.ones(cells.shape[:-1], bool)
    for place, column in enumerate(columns):
        whole = cells[..., place].astype(np.int32)
        held = np.minimum(np.maximum(whole, np.int32(0)), np.int32((1 << BITS[column]) - 1))
        inside &= held == whole
        codes |= held << np.int32(SHIFTS[column])
    return codes.astype(np.uint64), inside


def neighbours(values: Float32) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """float32[n, 5] -> (uint64[n, 4]: the own cells packed, then with the next cell in the two values nearest to an edge,
    each and both; bool[n]: the own cells are in range). Where there is no next cell, the own code stands again."""
    own = np.floor(values)
    codes, inside = packed(own)
    part = values - own
    nearness = np.minimum(part, 1 - part)
    rows = np.arange(len(values))
    moves = np.zeros((2, len(values)), np.int64)
    for place in (0, 1):
        nearest = nearness.argmin(axis=1)
        nearness[rows, nearest] = 1
        step = np.where(part[rows, nearest] < 0.5, -1, 1)
        cell = own[rows, nearest].astype(np.int64) + step
        moves[place] = np.where((cell >= 0) & (cell < 1 << BITS[nearest]), step << SHIFTS[nearest], 0)
    moved = np.stack([np.zeros_like(moves[0]), moves[0], moves[1], moves[0] + moves[1]], axis=1)
    return (codes.astype(np.int64)[:, None] + moved).astype(np.uint64), inside


def triples(peaks: Peaks, fan: int, most: int) -> Iterator[tuple[Peaks, Triples]]:
    """Blocks of peaks, and rows there (first, second, third) with what the pair of partners costs: each peak with `most` pairs
    of its `fan` best partners.
    """
    for start in range(0, len(peaks), BLOCK):
        end = min(start + BLOCK, len(peaks))
        last = int(np.searchsorted(peaks.time, peaks.time[end - 1] + FARTHEST, "right"))
        block = peaks.of(slice(start, last))
        yield block, _triples_of(block, _partners(block, end - start, fan), most)


def _triples_of(peaks: Peaks, partners: Int64, most: int) -> Triples:
    firsts, seconds, thirds, costs = [], [], [], []
    fan = partners.shape[1]
    for i, j in itertools.combinations(range(fan), 2):
        rows = np.flatnonzero((partners[:, i] >= 0) & (partners[:, j] >= 0))
        a, b = partners[rows, i], partners[rows, j]
        gap = peaks.time[b] - peaks.time[a]
        swap = np.where(np.abs(gap) < APART, peaks.pitch[b] < peaks.pitch[a], gap < 0)
        firsts.append(rows)
        seconds.append(np.where(swap, b, a))
        thirds.append(np.where(swap, a, b))
        costs.append(np.full(len(rows), i + j * j))
    first, second, third, cost = (np.concatenate(c).astype(np.int64) for c in (firsts, seconds, thirds, costs))
    order = _by_first(first, cost)
    order = order[_places(first[order]) < most]
    return first[order], second[order], third[order], cost[order]


def _partners(peaks: Peaks, count: int, fan: int) -> Int64:
    """int64[count, fan]: for each of the first peaks the rows in its zone of lowest rank, then nearest, then -1."""
    time, pitch, rank = peaks.time, peaks.pitch, peaks.rank
    firsts, seconds, costs = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for apart in range(1, len(time)):
        gap = time[apart:][:count] - time[:-apart][:count]
        if not (gap <= FARTHEST).any():
            break
        interval = pitch[apart:][:count] - pitch[:-apart][:count]
        rows = np.flatnonzero((gap >= NEAREST) & (gap <= FARTHEST) & (np.abs(interval) < WIDEST))
        firsts.append(rows)
        seconds.append(rows + apart)
        costs.append((rank[rows + apart] + gap[rows] / (FARTHEST + 1)).astype(np.float32))
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    # Floats above 0 are in the order of their bits; a cost is more than LOWEST and less than 2^8 times as much.
    order = _by_first(first, np.concatenate(costs).view(np.int32) - LOWEST)
    first, second = first[order], second[order]
    place = _places(first)
    partners = np.full((count, fan), -1, np.int64)
    kept = place < fan
    partners[first[kept], place[kept]] = second[kept]
    return partners


def _by_first(first: Int64, cost: npt.NDArray[np.integer[Any]]) -> Int64:
    """The stable order by (first, cost), which are a row within a block and below 2^28: a sort of plain numbers."""
    bits = len(first).bit_length()
    if bits > 63 - BLOCK.bit_length() - COST_BITS:
        return np.lexsort((cost, first))
    joint = ((first << COST_BITS) | cost) << bits | np.arange(len(first))
    joint.sort()
    return joint & ((1 << bits) - 1)


def _places(groups: Int64) -> Int64:
    """0, 1, 2 ... within each run of equal numbers."""
    start = np.flatnonzero(np.diff(groups, prepend=-1))
    return np.arange(len(groups)) - np.repeat(start, np.diff(np.append(start, len(groups))))
