"""An output as it would be at other tempos and pitches: the landmarks that lead, and all of them where those lead somewhere.

There are 151 such views and most of them lead nowhere. What leads is a thirtieth of a view, and told from few peaks.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from fingerprint.audio_landmark import (
    NAME,
    PITCH_STEP,
    Bool,
    Change,
    Float32,
    Leads,
    UInt64,
    keys_of,
    packed,
    triples,
    values,
)
from fingerprint.audio_peaks import Peaks
from fingerprint.features import Fingerprint


@dataclass(frozen=True)
class Told:
    """Landmarks of an output before any change is undone: time float32[n] in ticks, cells float32[n, 5] (see `values`), what they
    have in every view uint64[n] (the intervals, packed), and whether they lead bool[n].
    """

    time: Float32
    cells: Float32
    between: UInt64
    leading: Bool


def told(peaks: Peaks, depth: int, fan: int, lead: Leads) -> Told:
    """All of the peaks of rank below `depth`, each with the pairs of its `fan` best partners."""
    blocks = list(triples(peaks.of(peaks.rank < depth), fan, most=fan * fan))
    time = np.concatenate([np.zeros(0, np.float32), *(block.time[found[0]] for block, found in blocks)])
    cells = np.concatenate([np.zeros((0, 5), np.float32), *(values(block, found) for block, found in blocks)])
    leading = np.concatenate([np.zeros(0, bool), *(lead.among(block, found) for block, found in blocks)])
    between, known = packed(np.floor(cells[:, 1:3]), (1, 2))
    return Told(time[known], cells[known], between[known], leading[known])


def told_leading(peaks: Peaks, depth: int, fan: int, lead: Leads) -> Told:
    """Those that lead alone: peaks and partners that cannot lead are not even looked at."""
    some = told(peaks, min(depth, lead.rank + 1), min(fan, math.isqrt(lead.cost) + 1), lead)
    rows = some.leading
    return Told(some.time[rows], some.cells[rows], some.between[rows], rows[rows])


def changed_landmarks(own: Told, changes: Sequence[Change]) -> list[Fingerprint]:
    """The landmarks that would be seen were the recording not changed so: one view for each change, in the work's time.

    For a change backwards the peaks are those of the sound already turned round.
    """
    raises = {r: packed(np.floor(own.cells[:, :1] + np.float32(r / PITCH_STEP)), (0,)) for r in {c.raised for c in changes}}
    views = {}
    for tempo in {c.tempo for c in changes}:
        times, timely = packed(np.floor(own.cells[:, 3:] * np.float32(abs(tempo))), (3, 4))
        ticks = np.rint(own.time * abs(tempo)).astype(np.int32)
        mixed = keys_of(own.between | times)  # what is raised is not mixed, so that once for each tempo is enough
        for change in (c for c in changes if c.tempo == tempo):
            first, audible = raises[change.raised]
            inside = np.flatnonzero(timely & audible)
            keys = (mixed | first.view(np.int64)).take(inside).reshape(-1, 1)
            leads = own.leading.take(inside).reshape(-1, 1)
            views[change] = Fingerprint(NAME, keys, ticks.take(inside), None, change.name, leads)
    return [views[change] for change in changes]


@dataclass(frozen=True)
class Changed:
    """The views of one output under some changes, of the landmarks that `told` makes of its peaks."""

    peaks: Peaks
    depth: int
    fan: int
    lead: Leads
    changes: Sequence[Change]

    def views(self) -> list[Fingerprint]:
        """One for each change, of what leads; where that is not all of it, its `whole` gives the same with all landmarks."""
        leading = told_leading(self.peaks, self.depth, self.fan, self.lead)
        views = changed_landmarks(leading, self.changes)
        if self.lead.cost >= self.fan**2 and self.lead.rank >= 3 * self.depth:
            return views
        return [
            dataclasses.replace(view, whole=partial(self.whole, change))
            for view, change in zip(views, self.changes, strict=True)
        ]  # fmt: skip

    def whole(self, change: Change) -> Fingerprint:
        """The view under that change with all landmarks."""
        [view] = changed_landmarks(self._told, [change])
        return view

    @cached_property
    def _told(self) -> Told:
        return told(self.peaks, self.depth, self.fan, self.lead)
