"""The line on which an output follows a work, and the run of pictures that lies on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fingerprint.film_sight import HASH_PART, LEAST_NORM, Float, Index, Sight, nearest, similarity
from fingerprint.pictures import SPEEDS, Float32

SEARCH_S = 0.75  # how far from the line the best moment is looked for
NEAR_S = 0.3  # and how far once the line is fitted
SEARCH_STEPS = 5
PLACE_STEP_S = 0.125
PLACE_PICTURES = 96  # that decide where the line lies
STANDS_ALIKE_S = 1.2  # how far from a moment its nearest thumb may be
MOST_SPEED = 3.0  # of a line that is tried
UNUSUAL, UNUSUAL_S = 0.03, 0.4  # of mean similarity a speed other than 1 must be better; more so in a short run
FREE_S = 0.15  # the same once the line is known to a fraction of a second
STANDS_S = 0.3  # how long a work's last thumb may stand
SHIFT_S, SHIFTS = 0.0625, 6  # how finely and how far the ends of a line are tried
SPREAD_S2 = 0.3  # how firmly a short run keeps to the speed it was found with
LEAST_SIMILAR = 0.22
SPENT = 1.6  # a run ends where it has lost this much similarity: about a second of foreign pictures
EDGE_FRAMES = 5  # either side of the end of a run, in which a cut is looked for
CUT_SIMILAR = 0.2  # a picture that is less like the one before is another shot: chance gives 0.14
STEP_LIMIT = 0.25
LEAST_WEIGHT = 1e-3
MOVED_NORM = 13.0  # norm of a change of the thumb that is more than noise


@dataclass(frozen=True)
class Line:
    """work seconds = scale * output seconds + offset."""

    scale: float
    offset: float

    def at(self, times: Float) -> Float:
        """Work seconds at these output seconds."""
        return np.asarray(self.scale * times + self.offset, np.float64)


def residuals(levels: Float32) -> Float32:
    """What changes: levels less their mean, as vectors of length 1 where that is more than noise."""
    change = levels - levels.mean(axis=0)
    return np.asarray(change / np.maximum(np.linalg.norm(change, axis=1, keepdims=True), MOVED_NORM), np.float32)


def placed(ours: Sight, others: Sight, line: Line) -> Line:
    """The line on which pictures and their changes agree best: hits of a picture that hardly changes say too little."""
    few = ours.of(np.unique(np.linspace(0, len(ours.times) - 1, PLACE_PICTURES).astype(np.int64)))
    best, chosen = -np.inf, line
    handicap = UNUSUAL + UNUSUAL_S / max(1.0, float(np.ptp(few.times)))
    centre = float(few.times.mean())
    shifts = np.arange(others.times[0], others.times[-1] + PLACE_STEP_S, PLACE_STEP_S)
    # Likeness at each shift, with room for the moments that a line passes before the first and after the last.
    room = int(2 * MOST_SPEED * np.ptp(few.times) / PLACE_STEP_S) + 1
    at = nearest(others.times, shifts)
    on = np.abs(others.times[at] - shifts) <= STANDS_ALIKE_S
    alike = np.zeros((len(few.times), len(shifts) + 2 * room), np.float32)
    alike[:, room:-room] = np.where(on, _alike(few, others)[:, at], 0.0)
    for scale in dict.fromkeys((line.scale, *(s if line.scale >= 0 else -s for s in SPEEDS))):
        steps = np.rint(np.clip(scale, -MOST_SPEED, MOST_SPEED) * (few.times - centre) / PLACE_STEP_S).astype(np.int64) + room
        mean = np.zeros(len(shifts), np.float32)
        for row, step in zip(alike, steps.tolist(), strict=True):
            mean += row[step : step + len(shifts)]
        mean = mean / np.float32(len(alike)) - np.float32(handicap if scale != 1.0 else 0.0)
        top = int(mean.argmax())
        if mean[top] > best:
            best, chosen = float(mean[top]), Line(scale, float(shifts[top] - scale * centre))
    return chosen


def _alike(ours: Sight, others: Sight) -> Float32:
    """float32[ours, others]: how alike pictures and their changes are."""
    alike = HASH_PART * (ours.signs @ others.signs.T) + (1 - HASH_PART) * (ours.texture @ others.texture.T)
    return np.asarray(alike + residuals(ours.levels) @ residuals(others.levels).T, np.float32)


def along(ours: Sight, others: Sight, line: Line, reach_s: float) -> tuple[Float, Index]:
    """For each of our pictures the best similarity within reach of the line, and which of theirs gives it."""
    expected = line.at(ours.times)
    middle = nearest(others.times, expected)
    best, at = np.full(len(middle), -1.0), middle.copy()
    for step in sorted(range(-SEARCH_STEPS, SEARCH_STEPS + 1), key=abs):
        other = np.clip(middle + step, 0, len(others.times) - 1)
        near = (np.abs(others.times[other] - expected) <= reach_s) | (step == 0)
        alike = similarity(ours, others, other)
        better = near & (alike > best + 1e-6)
        best[better], at[better] = alike[better], other[better]
    best[(expected < others.times[0] - 1.0) | (expected > others.times[-1] + 1.0)] = -1.0
    return best, at


def extended(alike: Float, ours: Sight, seeds: Float) -> slice:
    """The run that grows from the seeds while similarity outweighs foreignness."""
    inside = np.unique(nearest(ours.times, seeds))
    level = max(LEAST_SIMILAR, 0.5 * float(np.median(alike[inside])))
    gain = np.clip(alike - level, -STEP_LIMIT, STEP_LIMIT)
    flat = np.linalg.norm(ours.levels, axis=1) < LEAST_NORM
    gain[flat & (gain < 0)] = -0.02
    core = int(inside[int(np.argmax(alike[inside]))])
    return slice(core - _reached(gain[:core][::-1]), core + 1 + _reached(gain[core + 1 :]))


def _reached(gain: Float) -> int:
    """How many steps until the running sum is greatest, before it has fallen by SPENT."""
    if not len(gain):
        return 0
    total = np.cumsum(gain)
    fallen = np.flatnonzero(np.maximum.accumulate(np.maximum(total, 0.0)) - total > SPENT)
    total = total[: int(fallen[0])] if len(fallen) else total
    return int(np.argmax(total)) + 1 if len(total) and total.max() > 0 else 0


def drifts_apart(ours: Sight, run: slice, line: Line, end_s: float) -> bool:
    """Whether the run ends, or begins, inside both films without a cut of ours.

    A copy ends with a cut or with a film. Where two recordings of one place part, nothing is cut.
    """
    for edge, step in ((run.start, -1), (run.stop, 1)):
        around = np.clip(np.arange(edge - EDGE_FRAMES, edge + EDGE_FRAMES + 1), 0, len(ours.times) - 1)
        inside = EDGE_FRAMES < edge < len(ours.times) - EDGE_FRAMES
        beyond = float(line.at(ours.times[around[[-1 if step > 0 else 0]]])[0])
        if not inside or not 0.0 <= beyond <= end_s:
            continue
        follows = similarity(ours.of(around[:-1]), ours, around[1:])
        if follows.min() > CUT_SIMILAR:
            return True
    return False


def fitted(ours: Sight, others: Sight, line: Line) -> Line:
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
    free = _line_through(ours.times, found, weight, line)
    if line.scale == 0.0 or float(weight.sum()) < LEAST_WEIGHT:
        return free
    sign = float(np.sign(free.scale) or 1.0)
    plain = _line_through(ours.times, found, weight, Line(sign, float(np.median(found - sign * ours.times))), False)
    return plain if _agreement(ours, others, plain) >= _agreement(ours, others, free) - UNUSUAL / 2 else free


def refined(ours: Sight, others: Sight, line: Line) -> Line:
    """The line near this one on which pictures and their changes agree best; the usual speed unless another agrees better.

    Both ends of the run are tried, in steps. Between two of their moments likeness is interpolated, so that lines finer
    than these are told apart. It says where a run lies; as evidence it would count chance that was looked for.
    """
    few = ours.of(np.unique(np.linspace(0, len(ours.times) - 1, PLACE_PICTURES).astype(np.int64)))
    passed = np.sort(line.at(few.times[[0, -1]])) + [-SEARCH_S, SEARCH_S]
    others = others.of(slice(*np.searchsorted(others.times, passed).tolist()))
    if len(few.times) < 3 or len(others.times) < 3 or line.scale == 0.0:
        return line
    alike = _alike(few, others)
    shifts = SHIFT_S * np.arange(-SHIFTS, SHIFTS + 1)
    both = tuple(m.ravel() for m in np.meshgrid(shifts, shifts, indexing="ij"))
    sign, span = float(np.sign(line.scale)), float(np.ptp(few.times))
    plain = Line(sign, float((line.at(few.times) - sign * few.times).mean()))
    reach = abs(line.scale - sign) * span / 2
    wide = np.concatenate([shifts - reach, shifts, shifts + reach])
    lines = []
    for start, coarse, fine in ((line, both, both), (plain, (wide, wide), (shifts, shifts))):
        best, _ = _best_line(few.times, others.times, alike, start, *coarse)
        lines.append(_best_line(few.times, others.times, alike, best, *(m / 4 for m in fine)))
    (free, gained), (usual, kept) = lines
    return usual if kept >= gained - UNUSUAL / 2 - FREE_S / max(1.0, span) else free


def _best_line(times: Float, moments: Float, alike: Float32, line: Line, first: Float, last: Float) -> tuple[Line, float]:
    """Of the lines whose ends are moved by `first` and `last`, pair by pair, the best, and how well it agrees."""
    share = (times - times[0]) / max(float(times[-1] - times[0]), 1e-6)
    at = line.at(times) + first[:, None] * (1 - share) + last[:, None] * share
    agreed = _interpolated(alike, moments, at)
    best = int(agreed.argmax())
    scale = line.scale + float(last[best] - first[best]) / max(float(times[-1] - times[0]), 1e-6)
    return Line(scale, float(at[best, 0]) - scale * float(times[0])), float(agreed[best])


def _interpolated(alike: Float32, moments: Float, at: Float) -> Float:
    """Mean of alike[picture, moment] along each row of moments at[line, picture]; 0 before and after what the work has."""
    right = np.clip(np.searchsorted(moments, at), 1, len(moments) - 1)
    width = np.maximum(moments[right] - moments[right - 1], 1e-6)
    part = np.clip((at - moments[right - 1]) / width, 0.0, 1.0)
    pictures = np.arange(at.shape[1])[None, :]
    found = (1 - part) * alike[pictures, right - 1] + part * alike[pictures, right]
    inside = (at >= moments[0] - SHIFT_S) & (at <= moments[-1] + STANDS_S)
    return np.asarray(np.where(inside, found, 0.0).mean(axis=1), np.float64)


def _agreement(ours: Sight, others: Sight, line: Line) -> float:
    """Mean similarity of pictures and of their changes, moment by moment on the line."""
    at = nearest(others.times, line.at(ours.times))
    changed = np.einsum("ij,ij->i", residuals(ours.levels), residuals(others.of(at).levels))
    return float((similarity(ours, others, at) + changed).mean())


def _line_through(times: Float, found: Float, weight: Float, line: Line, free: bool = True) -> Line:
    scale, offset = line.scale, line.offset
    span = float(np.ptp(times))
    for _ in range(4):
        w = weight / (1.0 + ((found - scale * times - offset) / 0.2) ** 2)
        total = float(w.sum())
        if total < LEAST_WEIGHT:
            return line
        centre, middle = float((w * times).sum()) / total, float((w * found).sum()) / total
        spread = float((w * (times - centre) ** 2).sum()) / total
        if free and span > 1.5 and line.scale != 0.0:
            slope = float((w * (times - centre) * (found - middle)).sum()) / total
            slope = (slope + SPREAD_S2 * line.scale) / (spread + SPREAD_S2)
            if abs(slope - line.scale) <= 0.15 * abs(line.scale) + 0.5 / span:
                scale = slope
        offset = middle - scale * centre
    return Line(scale, offset)
