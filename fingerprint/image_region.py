"""Which part of a registered still is seen where it was laid over an output, and where that lies on both sides.

The output, laid over the work, is compared with it place by place. What is seen is a rectangle of the work, because that is how
pictures are cut: the one with the most agreement less disagreement (Kadane's maximum sum, in two dimensions: Bentley, CACM 1984).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.hashing import UInt8
from fingerprint.image_layout import SIDE
from fingerprint.image_pixels import Laid
from fingerprint.image_plane import project
from fingerprint.polygons import Polygon, area, cut_to_unit

AROUND = 1.3  # sigma, in cells of the work's small copy, of what is compared at a place
LEAST_SPREAD = 2.0  # grey levels: less is even
AGREEING = 0.5  # of how well the best places agree: half way to what foreign places have, that is nothing
LEAST_AGREEING, MOST_AGREEING = 0.15, 0.45
TYPICAL = 0.75  # quantile of the places that stands for the best ones
EVEN = 0.02  # worth of a place that is even on both sides: it belongs to what surrounds it
SNAP = 1.5  # cells from the work's border within which a region ends at the border

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
UNIT_BOX = np.array([0.0, 0.0, 1.0, 1.0])


@dataclass(frozen=True)
class Region:
    """Corners float64[n, 2] of the matched region, convex, as fractions of the sides of the output and of the work."""

    output: Float64
    work: Float64


def region(own: Laid, work: UInt8, unit: Float64, points: Float64 | None = None) -> Region:
    """Of an output laid over `work` uint8[2, 32, 32] by `unit` float64[3, 3], from the output's unit square to the work's.

    points: x0, y0, x1, y1 of the work, what the agreeing local features span, or None.
    """
    return outlined(unit, seen_box(own, work, points))


def outlined(unit: Float64, box: Float64) -> Region:
    """The region of a box (x0, y0, x1, y1) of the work's unit square, cut to what lies inside the output."""
    x0, y0, x1, y1 = box
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)
    inside = cut_to_unit(project(np.linalg.inv(unit).astype(np.float64), corners[:, 0], corners[:, 1]))
    if area(inside) <= 0:
        inside = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    back = project(unit, inside[:, 0], inside[:, 1])
    return Region(inside, np.clip(back, 0.0, 1.0))


def seen_box(own: Laid, work: UInt8, points: Float64 | None = None) -> Float64:
    """x0, y0, x1, y1 in the work's unit square: what of the work is seen in the output."""
    worth = _worth(own.maps[0], work[0], own.there, points)
    y0, y1, x0, x1 = _best_rectangle(worth)
    box = np.array([x0, y0, x1, y1], np.float64)
    box = np.where(np.abs(box - SIDE * UNIT_BOX) <= SNAP, SIDE * UNIT_BOX, box)
    return np.asarray(box / SIDE, np.float64)


def _worth(laid: UInt8, work: UInt8, there: Bool, points: Float64 | None) -> Float64:
    """float64[32, 32]: how much the two agree at each place, above what foreign places have; where nothing can be said 0."""
    mask = there.astype(np.float32)
    alike, spread, other = _local_correlation(laid.astype(np.float32), work.astype(np.float32), mask)
    uneven = there & (other >= LEAST_SPREAD)
    known = uneven if points is None else uneven & _inside(points)
    known = known if known.any() else uneven
    alike = np.where(spread >= LEAST_SPREAD, alike, 0.0)
    sign = -1.0 if known.any() and np.median(alike[known]) < 0 else 1.0  # a negative of the work agrees as well
    best = float(np.quantile(sign * alike[known], TYPICAL)) if known.any() else 1.0
    least = float(np.clip(AGREEING * best, LEAST_AGREEING, MOST_AGREEING))
    even = (spread < LEAST_SPREAD) & (other < LEAST_SPREAD)
    busy = (spread >= LEAST_SPREAD) & (other < LEAST_SPREAD)
    worth = np.where(uneven, sign * alike - least, 0.0) + np.where(even & there, EVEN, 0.0)
    return np.asarray(worth - np.where(busy & there, least / 2, 0.0), np.float64)


def _inside(box: Float64) -> Bool:
    """bool[32, 32]: the cells that a box touches."""
    inside = np.zeros((SIDE, SIDE), bool)
    x0, y0, x1, y1 = np.clip(np.floor(box * SIDE), 0, SIDE - 1).astype(int).tolist()
    inside[y0 : y1 + 1, x0 : x1 + 1] = True
    return inside


def _local_correlation(a: Float32, b: Float32, mask: Float32) -> tuple[Float64, Float64, Float64]:
    """Normalized correlation around each place, and the standard deviation of each side there; what is masked counts nothing."""
    total = np.maximum(cv2.GaussianBlur(mask, (0, 0), AROUND), 1e-3)
    mean_a, mean_b = (cv2.GaussianBlur(x * mask, (0, 0), AROUND) / total for x in (a, b))
    aa, bb, ab = (cv2.GaussianBlur(x * mask, (0, 0), AROUND) / total for x in (a * a, b * b, a * b))
    spread_a, spread_b = (np.sqrt(np.maximum(s - m * m, 0.0)) for s, m in ((aa, mean_a), (bb, mean_b)))
    alike = (ab - mean_a * mean_b) / np.maximum(spread_a * spread_b, 1e-6)
    return tuple(
        np.asarray(np.clip(x, lo, hi), np.float64) for x, lo, hi in ((alike, -1, 1), (spread_a, 0, 255), (spread_b, 0, 255))
    )  # type: ignore[return-value]


def _best_rectangle(worth: Float64) -> tuple[int, int, int, int]:
    """y0, y1, x0, x1 of the rectangle of cells whose sum is greatest: all pairs of rows at once, one column after the other."""
    sums = np.vstack([np.zeros((1, SIDE)), worth.cumsum(axis=0)])
    top, bottom = np.triu_indices(SIDE + 1, 1)
    strips = np.cumsum(np.hstack([np.zeros((len(top), 1)), sums[bottom] - sums[top]]), axis=1)
    lowest = np.minimum.accumulate(strips, axis=1)
    gain = strips[:, 1:] - lowest[:, :-1]
    strip, right = np.unravel_index(int(gain.argmax()), gain.shape)
    left = int(strips[strip, : right + 1].argmin())
    return int(top[strip]), int(bottom[strip]), left, int(right) + 1


def in_pixels(corners: Float64, extent: tuple[float, ...]) -> Polygon:
    """The same corners in pixels of a picture of that extent."""
    return tuple((float(x), float(y)) for x, y in corners * np.array(extent[:2]))


def bounds(polygon: Polygon) -> tuple[float, float, float, float]:
    """[x, y, w, h] of a polygon in pixels, at least a pixel a side."""
    low, high = np.min(polygon, axis=0), np.max(polygon, axis=0)
    return (float(low[0]), float(low[1]), float(max(high[0] - low[0], 1.0)), float(max(high[1] - low[1], 1.0)))
