"""Checking an alignment of films: picture by picture along the line, from edge to edge, against chance.

What stays the same all through a run counts once; only what changes in the same way on both sides adds evidence, so that
another hour of the same fixed camera is not named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fingerprint.features import Alignment, Evidence, Fingerprint, Part
from fingerprint.film_sight import (
    FRAMES,
    HASH_BYTES,
    LEAST_NORM,
    THUMBS,
    Float,
    Index,
    Sight,
    box_matrix,
    nearest,
    registered,
    seen,
    similarity,
)
from fingerprint.pictures import WHOLE, WHOLE_NAME, Float32

BOX_UNIT = 250.0  # of a box edge in a probe's payload
# Similarity of unrelated pictures: each step above zero is ten times rarer.
CHANCE_ZERO, CHANCE_STEP = 0.14, 0.056
PICTURE_CAP = 4.0  # log10 that a picture can give
REACH_S = 60.0  # how far beyond its hits a run may go
SEARCH_S = 0.75  # how far from the line the best moment is looked for
NEAR_S = 0.3  # and how far once the line is fitted
SEARCH_STEPS = 5
LEAST_SIMILAR = 0.22
SPENT = 1.6  # a run ends where it has lost this much similarity: about a second of foreign pictures
STEP_LIMIT = 0.25
COPY_SIMILAR = 0.6
MOVED_NORM = 13.0  # norm of a change of the thumb that is more than noise
MOTION_ZERO, MOTION_STEP, MOTION_CAP = 0.3, 0.15, 2.5
MOST_DISTINCT = 60


@dataclass(frozen=True)
class Line:
    """work seconds = scale * output seconds + offset."""

    scale: float
    offset: float

    def at(self, times: Float) -> Float:
        """Work seconds at these output seconds."""
        return np.asarray(self.scale * times + self.offset, np.float64)


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """Evidence of one run of pictures, or none. The output's frames are seen as the alignment's variant saw them."""
    whole, frames = output.of(WHOLE_NAME, alignment.variant), output.of(FRAMES.name)
    theirs, thumbs = work.of(WHOLE_NAME), work.of(THUMBS.name)
    if whole is None or frames is None or theirs is None or thumbs is None or not len(thumbs):
        return []
    seeds = whole.positions[alignment.output_rows] * WHOLE.tick
    line = Line(alignment.scale, alignment.offset * WHOLE.tick)
    window = _window(frames, seeds)
    ours = seen(window, _matrix(whole, alignment), alignment.variant)
    others = registered(theirs, thumbs, _work_window(thumbs, line, ours.times))
    if not len(ours.times) or not len(others.times):
        return []
    return _judged(ours, others, line, seeds, (output, work, alignment, whole))


def _window(frames: Fingerprint, seeds: Float) -> Fingerprint:
    """The frames that the run can reach."""
    a, b = np.searchsorted(frames.positions * FRAMES.tick, [seeds.min() - REACH_S, seeds.max() + REACH_S])
    payload = None if frames.payload is None else frames.payload[a:b]
    return Fingerprint(frames.scheme, frames.keys[a:b], frames.positions[a:b], payload)


def _work_window(thumbs: Fingerprint, line: Line, times: Float) -> slice:
    """The work's thumbs that the line can pass, also when its slope is a fifth off."""
    if not len(times):
        return slice(0, 0)
    ends = line.at(times[[0, -1]])
    slack = 2.0 + 0.2 * abs(ends[1] - ends[0])
    a, b = np.searchsorted(thumbs.positions * THUMBS.tick, [ends.min() - slack, ends.max() + slack])
    return slice(int(a), int(b))


def _matrix(whole: Fingerprint, alignment: Alignment) -> Float:
    if whole.payload is None or whole.payload.shape[1] < HASH_BYTES + 4:
        return box_matrix(np.array([0.0, 1.0, 0.0, 1.0]))
    boxes = whole.payload[np.unique(alignment.output_rows), HASH_BYTES:]
    return box_matrix(np.median(boxes, axis=0) / BOX_UNIT)


Context = tuple[Part, Part, Alignment, Fingerprint]


def _judged(ours: Sight, others: Sight, line: Line, seeds: Float, context: Context) -> list[Evidence]:
    first, last = _extended(*_along(ours, others, line, SEARCH_S)[:1], ours, seeds)
    for _ in range(2):
        line = _fitted(ours.of(slice(first, last)), others, line)
        alike, at = _along(ours, others, line, NEAR_S)
        first, last = _extended(alike, ours, seeds)
    if last - first < 2:
        return []
    run = slice(first, last)
    still = _static(alike[run])
    moving, motion = _dynamic(ours.levels[run], others.levels[at[run]])
    strength = still + moving
    if strength <= 0:
        return []
    detail = {"similarity": float(np.median(alike[run])), "still": still, "moving": moving, "motion": motion}
    return [_evidence(ours, first, last, line, strength, detail, context)]


def _along(ours: Sight, others: Sight, line: Line, reach_s: float) -> tuple[Float, Index]:
    """For each of our pictures the best similarity within reach of the line, and which of theirs gives it."""
    middle = nearest(others.times, line.at(ours.times))
    expected = line.at(ours.times)
    best, at = np.full(len(middle), -1.0), middle.copy()
    for step in sorted(range(-SEARCH_STEPS, SEARCH_STEPS + 1), key=abs):
        other = np.clip(middle + step, 0, len(others.times) - 1)
        alike = similarity(ours, others, other)
        better = (np.abs(others.times[other] - expected) <= reach_s) | (step == 0)
        better &= alike > best + 1e-6
        best[better], at[better] = alike[better], other[better]
    outside = (expected < others.times[0] - 1.0) | (expected > others.times[-1] + 1.0)
    best[outside] = -1.0
    return best, at


def _extended(alike: Float, ours: Sight, seeds: Float) -> tuple[int, int]:
    """First and past-the-last picture of the run that grows from the seeds while similarity outweighs foreignness."""
    inside = np.unique(nearest(ours.times, seeds))
    level = max(LEAST_SIMILAR, 0.5 * float(np.median(alike[inside])))
    gain = np.clip(alike - level, -STEP_LIMIT, STEP_LIMIT)
    flat = np.linalg.norm(ours.texture, axis=1) < 0.5 * LEAST_NORM / max(LEAST_NORM, 1.0)
    gain[flat & (gain < 0)] = -0.02
    core = inside[int(np.argmax(alike[inside]))]
    last = core + 1 + _reached(gain[core + 1 :])
    first = core - _reached(gain[:core][::-1])
    return int(first), int(last)


def _reached(gain: Float) -> int:
    """How many steps until the running sum is greatest, before it has fallen by SPENT."""
    if not len(gain):
        return 0
    total = np.cumsum(gain)
    fallen = np.flatnonzero(np.maximum.accumulate(np.maximum(total, 0.0)) - total > SPENT)
    total = total[: int(fallen[0])] if len(fallen) else total
    return int(np.argmax(total)) + 1 if len(total) and total.max() > 0 else 0


def _fitted(ours: Sight, others: Sight, line: Line) -> Line:
    """The line through the most similar moments, weighted by how sharply each stands out from its neighbours."""
    if len(ours.times) < 3:
        return line
    expected = line.at(ours.times)
    middle = nearest(others.times, expected)
    steps = [np.clip(middle + s, 0, len(others.times) - 1) for s in range(-SEARCH_STEPS, SEARCH_STEPS + 1)]
    alike = np.stack([similarity(ours, others, s) for s in steps])
    moments = np.stack([others.times[s] for s in steps])
    near = np.abs(moments - expected) <= SEARCH_S
    alike = np.where(near, alike, -1.0)
    best = alike.argmax(axis=0)
    columns = np.arange(len(best))
    found, peak = moments[best, columns], alike[best, columns]
    mean = np.where(near, alike, 0.0).sum(axis=0) / np.maximum(near.sum(axis=0), 1)
    weight = np.maximum(peak - LEAST_SIMILAR, 0.0) * np.maximum(peak - mean, 0.0)
    return _line_through(ours.times, found, weight, line)


def _line_through(times: Float, found: Float, weight: Float, line: Line) -> Line:
    scale, offset = line.scale, line.offset
    span = float(np.ptp(times))
    for _ in range(4):
        rest = found - (scale * times + offset)
        w = weight / (1.0 + (rest / 0.2) ** 2)
        total = w.sum()
        if total < 1e-3:
            return line
        centre, middle = (w * times).sum() / total, (w * found).sum() / total
        spread = (w * (times - centre) ** 2).sum() / total
        if span > 1.5 and spread > 0.15 and line.scale != 0.0:
            slope = (w * (times - centre) * (found - middle)).sum() / total / spread
            if abs(slope - line.scale) <= 0.2 * abs(line.scale) + 0.5 / span:
                scale = float(slope)
        offset = float(middle - scale * centre)
    return Line(scale, offset)


def _static(alike: Float) -> float:
    """What the run's typical picture tells: log10 against chance, capped, for however long it stands."""
    return float(np.clip((np.median(alike) - CHANCE_ZERO) / CHANCE_STEP, -PICTURE_CAP, PICTURE_CAP))


def _dynamic(ours: Float32, theirs: Float32) -> tuple[float, float]:
    """What the changes tell, each distinct one once: log10, below 0 when they disagree; and their mean agreement."""
    mine, other = ours - ours.mean(axis=0), theirs - theirs.mean(axis=0)
    norms = np.stack([np.linalg.norm(mine, axis=1), np.linalg.norm(other, axis=1)])
    rows = np.flatnonzero(norms.max(axis=0) > MOVED_NORM)
    if not len(rows):
        return 0.0, 0.0
    agreed = np.einsum("ij,ij->i", mine, other) / np.maximum(norms, MOVED_NORM).prod(axis=0)
    units = mine / np.maximum(norms[0], MOVED_NORM)[:, None]
    worth = np.clip((agreed - MOTION_ZERO) / MOTION_STEP, -1.0, MOTION_CAP)
    kept: list[int] = []
    total = 0.0
    for row in rows[:: max(1, len(rows) // 200)].tolist():
        fresh = 1.0 - float(np.clip(units[kept] @ units[row], 0.0, 1.0).max()) if kept else 1.0
        total += fresh * float(worth[row])
        if fresh > 0.3 and len(kept) < MOST_DISTINCT:
            kept.append(row)
    return float(np.clip(total, -8.0, 40.0)), float(agreed[rows].mean())


def _evidence(
    ours: Sight, first: int, last: int, line: Line, strength: float, detail: dict[str, float], context: Context
) -> Evidence:
    output, work, alignment, whole = context
    start = float(ours.times[first])
    end = float(ours.times[last]) if last < len(ours.times) else output.extent[0]
    edges = sorted(np.clip(line.at(np.array([start, end])), 0.0, max(work.extent[0], 0.0)).tolist())
    times = whole.positions * WHOLE.tick
    rows = np.flatnonzero((times >= start) & (times < end)).astype(np.int32)
    relation = "copy" if detail["similarity"] >= COPY_SIMILAR else "remake"
    return Evidence(
        relation, (start, end), (edges[0], edges[1]), line.scale, strength, rows, alignment.scheme, alignment.variant, detail
    )
