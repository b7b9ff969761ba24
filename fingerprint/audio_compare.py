"""Is this placement real? The stored peaks of the work are looked for in the output, against what chance finds there."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from fingerprint.audio_judge import CELL_TICKS, SLACK_STEPS, SLACK_TICKS, SURVIVAL, WORTH, Bool, Float, judge
from fingerprint.audio_landmark import BACKWARDS, LANDMARK, LEAST, change_of
from fingerprint.audio_peaks import TICK
from fingerprint.audio_side import SIDE, SIDE_PEAK
from fingerprint.features import Alignment, Evidence, Fingerprint, Part, Scheme
from fingerprint.hashing import Int64

PEAK = Scheme("audio.peak.1", "audio", TICK, payload_width=1, indexed=False, aligner="none")
LEAST_PEAKS = 8
PIECE_TICKS = 75_000  # a longer run is looked at in pieces of ten minutes, to bound memory
AROUND_TICKS = 1250  # how far beyond its hits a placement is followed: 10 s
SAME_TICKS = 25.0  # 0.2 s: two placements that lie nearer are one
# The same where tempo or pitch are not the work's. In a sample of thirty edits 0.43 of the peaks or more were kept; between
# readings of the same words by synthetic voices, which share their rhythm at another speed, 0.42 or less (a few pairs only).
SURVIVAL_CHANGED = (0.6, 0.75, 0.9)
UNCHANGED = 0.01  # a tempo or speed this near to the work's own is the work's own
FIRST_HALF = 375.0  # half of the first window in which a placement is settled: 3 s
SEARCHED = 2.5  # log10 of how many placements of a work in an output are looked at
SEARCHED_MORE = 1.0  # the same for the tempos and pitches of a changed view


@dataclass(frozen=True)
class Placement:
    """work ticks = scale * output ticks + offset; work steps = output steps + raised."""

    scale: float
    offset: float
    raised: int


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
