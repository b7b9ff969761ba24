"""Convex polygons in the plane, as float64[n, 2] corners in order: cut to the unit square, measured, painted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Polygon = tuple[tuple[float, float], ...]


def cut_to_unit(corners: Float64) -> Float64:
    """What of a convex polygon lies in the unit square: float64[k, 2], k = 0 when nothing does.

    One half-plane after the other (Sutherland & Hodgman, CACM 1974).
    """
    for axis, sign, limit in ((0, 1.0, 0.0), (0, -1.0, 1.0), (1, 1.0, 0.0), (1, -1.0, 1.0)):
        if not len(corners):
            break
        inside = sign * (corners[:, axis] - limit) >= 0
        kept = []
        for i, corner in enumerate(corners):
            before = corners[i - 1]
            if inside[i] != inside[i - 1]:
                share = (limit - before[axis]) / (corner[axis] - before[axis])
                kept.append(before + share * (corner - before))
            if inside[i]:
                kept.append(corner)
        corners = np.array(kept, np.float64).reshape(-1, 2)
    return corners


def area(corners: Float64) -> float:
    """Of a polygon without crossings (shoelace formula)."""
    if len(corners) < 3:
        return 0.0
    x, y = corners.T
    return float(abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2)


def painted(corners: Float64, width: float, height: float, cells: int) -> Bool:
    """bool[cells, cells]: which cells of a grid over a picture of that size have their middle in the convex polygon."""
    middle = (np.arange(cells) + 0.5) / cells
    x, y = np.meshgrid(middle * width, middle * height)
    if len(corners) < 3:
        return np.zeros((cells, cells), bool)
    following = np.roll(corners, -1, axis=0)
    side = [(b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) for a, b in zip(corners, following, strict=True)]
    return np.asarray((np.min(side, axis=0) >= 0) | (np.max(side, axis=0) <= 0), bool)
