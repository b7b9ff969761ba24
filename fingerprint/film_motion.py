"""What changes in a run, and whether it changes in the same way on both sides."""

from __future__ import annotations

import numpy as np

from fingerprint.film_line import Line, residuals
from fingerprint.film_sight import Sight, nearest
from fingerprint.pictures import Float32

MOTION_ZERO, MOTION_STEP, MOTION_CAP = 0.3, 0.15, 2.0
MOTION_SHARE = 0.65  # changes of the same film agree about as well as its pictures do
SHIFTS_S = (-4.0, -2.5, -1.5, -0.8, 0.8, 1.5, 2.5, 4.0)  # moments of the work that are not meant
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
    zero = max(MOTION_ZERO, MOTION_SHARE * typical, min(elsewhere + MOTION_STEP, MOST_ELSEWHERE))
    worth = np.clip((agreed - zero) / MOTION_STEP, -MOTION_CAP, MOTION_CAP)
    kept: list[int] = []
    total = 0.0
    for row in rows[:: max(1, len(rows) // MOST_ROWS)].tolist():
        known = max(_likeness(mine, kept, row), _likeness(other, kept, row))
        total += (1.0 - known) * float(worth[row])
        if known < 0.7 and len(kept) < MOST_CHANGES:
            kept.append(row)
    return float(np.clip(total, -8.0, 40.0)), float(agreed[rows].mean()), elsewhere


def _beside(ours: Sight, others: Sight, line: Line) -> float:
    """The best mean agreement of changes at moments beside the line, 0 where the work has none."""
    mine = residuals(ours.levels)
    best = 0.0
    for shift in SHIFTS_S:
        expected = line.at(ours.times) + shift
        inside = (expected >= others.times[0] - 0.3) & (expected <= others.times[-1] + 0.3)
        if inside.mean() < 0.5:
            continue
        other = residuals(others.of(nearest(others.times, expected)).levels)
        rows = inside & (_long(mine) | _long(other))
        if rows.any():
            best = max(best, float(np.einsum("ij,ij->i", mine, other)[rows].mean()))
    return best


def _long(changed: Float32) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which changes are more than noise."""
    return np.asarray((changed**2).sum(axis=1) > 0.99)


def _likeness(changed: Float32, kept: list[int], row: int) -> float:
    return float(np.clip(np.abs(changed[kept] @ changed[row]).max(), 0.0, 1.0)) if kept else 0.0
