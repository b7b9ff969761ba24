"""Do copies that have been found leave anything of an output to be looked for?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fingerprint.audio_compare import PEAK, painted
from fingerprint.audio_judge import SLACK_TICKS
from fingerprint.audio_peaks import TICK
from fingerprint.features import Evidence, Fingerprint, Part, make
from fingerprint.hashing import Int64

STRONGEST = "strongest"  # the view of an output's peaks that a registry would store of it
WINDOW_S = 2.0
ENOUGH_PEAKS = 15  # in a window, for it to have to be explained
# Of the strongest peaks: in a window, in all. Of 35 outputs of the development lineup with .7 in all 32 have .6 in every window;
# the two mixes of which one work had been found and one not had .65 and .49 in all, .45 and .34 in some window.
EXPLAINED_WINDOW, EXPLAINED = 0.6, 0.7


def explained(output: Part, found: Sequence[tuple[Part, Evidence]]) -> bool:
    """Whether the works' peaks, where this evidence places them, are the output's strongest peaks, all through it.

    Then no other work sounds in it, neither beside these nor under them; two at once explain what each of them holds.
    """
    own = output.of(PEAK.name, STRONGEST)
    if own is None or own.payload is None or not len(own) or not found:
        return False
    steps = own.payload[:, 0].astype(np.int64)
    met = np.zeros(len(own), bool)
    for work, evidence in found:
        theirs = work.of(PEAK.name)
        if theirs is None or evidence.scale <= 0:
            continue
        placed, start, end = in_output(theirs, evidence)
        rows = slice(*np.searchsorted(own.positions, [start - SLACK_TICKS, end + SLACK_TICKS]))
        field = painted(placed, start, end)
        ticks = np.clip(own.positions[rows].astype(np.int64) - start, 0, len(field) - 1)
        met[rows] |= field[ticks, steps[rows]]
    last = max(int(output.extent[0] / WINDOW_S) - 1, 0)  # a rest shorter than a window belongs to the one before
    window = np.minimum((own.positions * TICK / WINDOW_S).astype(np.int64), last)
    count, share = np.bincount(window), np.bincount(window, met) / np.maximum(np.bincount(window), 1)
    return bool(met.mean() >= EXPLAINED and (share[count >= ENOUGH_PEAKS] >= EXPLAINED_WINDOW).all())


def in_output(theirs: Fingerprint, evidence: Evidence) -> tuple[Fingerprint, int, int]:
    """A work's peaks where the evidence places them in the output, and the ticks of the output that it spans."""
    start, end = (int(round(s / TICK)) for s in evidence.output_span[:2])
    offset = (evidence.work_span[0] - evidence.scale * evidence.output_span[0]) / TICK
    ticks: Int64 = np.rint((theirs.positions - offset) / evidence.scale).astype(np.int64)
    inside = (ticks >= start) & (ticks <= end)
    payload = None if theirs.payload is None else theirs.payload[inside]
    return make(PEAK, ticks[inside].astype(np.int32), payload), start, end
