"""What changes in a run, and whether it changes in the same way on both sides."""

from __future__ import annotations

import numpy as np

from fingerprint.film_line import MOVED_NORM, Line, residuals
from fingerprint.film_sight import Index, Sight, nearest
from fingerprint.film_views import Bool
from fingerprint.pictures import Float32

MOTION_ZERO, MOTION_STEP, MOTION_CAP = 0.3, 0.15, 2.0
LEAST_STEP = 0.05
# Changes of the same film agree about as well as its pictures do: restyled ones at least by the lower share of it, pictures
# that are ALIKE_FROM to ALIKE_TO alike by more, up to the upper share.
MOTION_SHARE, COPY_SHARE = 0.6, 0.78
ALIKE_FROM, ALIKE_TO = 0.65, 0.75
# Changes that tell no more than this, and agree on the line hardly better than beside it (in shares of the likeness of the
# pictures), are those of one place at two times; unless three in four of them agree, as where an output repeats itself.
STANDS, HARDLY, ELSEWHERE_PRIOR = 2.0, 0.32, -2.0
PLAIN_NORM = 1.5 * MOVED_NORM  # below this length noise takes so much of a change that its agreement tells little
# Moments of the work that are not meant: how far from the line they begin and end, and how finely they are tried.
NOT_MEANT_S, BESIDE_S, BESIDE_STEP_S = 0.8, 30.0, 0.25
MOST_BESIDE = 48  # pictures that are tried there
MOST_ELSEWHERE = 0.8
MOST_CHANGES = 60
MOST_ROWS = 200


def changes(ours: Sight, others: Sight, line: Line, typical: float) -> tuple[float, float, float]:
    """What the changes tell, each distinct one once: log10, below 0 when they disagree; and their mean agreement

    on the line and, at best, beside it. Pictures that change little agree everywhere; then the line must stand out.
    """
    at = nearest(others.times, line.at(ours.times))
    mine, other = residuals(ours.levels), residuals(others.of(at).levels)
    moved = _long(mine) | _long(other)
    rows = np.flatnonzero(moved)
    if not len(rows):
        return 0.0, 0.0, 0.0
    agreed = np.einsum("ij,ij->i", mine, other)
    elsewhere = _beside(ours, others, line)
    plain = min(_length(ours), _length(others.of(at))) > PLAIN_NORM
    above = min(elsewhere + MOTION_STEP * plain, MOST_ELSEWHERE)
    zero = max(MOTION_ZERO, _share(typical * plain) * typical, above)
    # Changes can hardly agree better than pictures that are this much alike: as well as these they are worth all that one can be.
    step = min(MOTION_STEP, max((typical - zero) / MOTION_CAP, LEAST_STEP)) if typical >= ALIKE_TO else MOTION_STEP
    worth = np.clip((agreed - zero) / np.where(agreed > zero, step, MOTION_STEP), -MOTION_CAP, MOTION_CAP)
    kept: list[int] = []
    total = distinct = 0.0
    for row in rows[:: max(1, len(rows) // MOST_ROWS)].tolist():
        known = max(_likeness(mine, kept, row), _likeness(other, kept, row))
        total += (1.0 - known) * float(worth[row])
        distinct += 1.0 - known
        if known < 0.7 and len(kept) < MOST_CHANGES:
            kept.append(row)
    # What repeats itself is no new evidence, but when it then disagrees, what it told before was chance.
    total = min(total, distinct * float(worth[rows].mean()))
    motion = float(agreed[rows].mean())
    if plain and total < STANDS and motion - elsewhere < HARDLY * typical and np.quantile(agreed[rows], 0.25) < zero:
        total += ELSEWHERE_PRIOR
    return float(np.clip(total, -8.0, 40.0)), motion, elsewhere


def _length(sight: Sight) -> float:
    """How long its changes are, on average, in grey levels."""
    return float(np.linalg.norm(sight.levels - sight.levels.mean(axis=0), axis=1).mean())


def _share(typical: float) -> float:
    """The share of the likeness of pictures that the agreement of their changes must have."""
    return float(np.interp(typical, (ALIKE_FROM, ALIKE_TO), (MOTION_SHARE, COPY_SHARE)))


def _beside(ours: Sight, others: Sight, line: Line) -> float:
    """The best mean agreement of changes at moments beside the line, 0 where the work has none."""
    few = ours.of(np.unique(np.linspace(0, len(ours.times) - 1, MOST_BESIDE).astype(np.int64)))
    passed = np.arange(NOT_MEANT_S, BESIDE_S, BESIDE_STEP_S)
    moments = line.at(few.times) + np.concatenate([-passed, passed])[:, None]
    inside = (moments >= others.times[0] - 0.3) & (moments <= others.times[-1] + 0.3)
    tried = inside.mean(axis=1) >= 0.5
    if not tried.any():
        return 0.0
    agreed, moved = _agreed(residuals(few.levels), others.levels, nearest(others.times, moments[tried]), inside[tried])
    counted = moved.sum(axis=1)
    return float(max(0.0, (np.where(moved, agreed, 0.0).sum(axis=1) / np.maximum(counted, 1)).max()))


def _agreed(mine: Float32, levels: Float32, at: Index, inside: Bool) -> tuple[Float32, Bool]:
    """How changes agree with those of the levels `at` [shifts, n], and which are more than noise: as `residuals` would give

    of each row of `at` alone, for all rows at once.
    """
    weights = np.zeros((len(at), len(levels)), np.float32)
    np.add.at(weights, (np.arange(len(at))[:, None], at), inside.astype(np.float32))
    means = (weights @ levels) / inside.sum(axis=1, keepdims=True).astype(np.float32)
    shifts, rows = np.arange(len(at))[:, None], np.arange(len(mine))[None, :]
    lengths = (levels**2).sum(axis=1)[at] - 2 * (levels @ means.T)[at, shifts] + (means**2).sum(axis=1)[:, None]
    lengths = np.sqrt(np.maximum(lengths, 0.0))
    agreed = ((mine @ levels.T)[rows, at] - (mine @ means.T)[rows, shifts]) / np.maximum(lengths, MOVED_NORM)
    return agreed, inside & (_long(mine)[None, :] | (lengths > 0.995 * MOVED_NORM))


def _long(changed: Float32) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which changes are more than noise."""
    return np.asarray((changed**2).sum(axis=1) > 0.99)


def _likeness(changed: Float32, kept: list[int], row: int) -> float:
    return float(np.clip(np.abs(changed[kept] @ changed[row]).max(), 0.0, 1.0)) if kept else 0.0
