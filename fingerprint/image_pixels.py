"""A small grey copy of each registered still, and how well an output laid over it agrees, window by window.

The same photograph agrees wherever it is laid right; another photograph of the same object, or a texture that happens to
have similar corners, does not. Windows are compared by normalized correlation (Lewis, "Fast Normalized
Cross-Correlation", 1995), so that light, contrast and colour do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint, Scheme, make
from fingerprint.hashing import UInt8
from fingerprint.image_views import trimmed

SMALL_NAME = "image.small.1"
SIDE = 32
WINDOW = 8
STEP = 4
OVERSAMPLE = 3
PROBE_SIDE = 320
LEAST_COVERED = 0.7  # of a window inside the output
LEAST_SPREAD = 2.0  # grey levels: an even window of the work tells nothing
MOST_WEIGHT = 20.0
STEPS = 65535

SMALL = Scheme(SMALL_NAME, "image", tick=1.0, payload_width=SIDE, indexed=False, aligner="none")

Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Overlay:
    """How an output laid over a work agrees with it.

    likeness   weighted mean correlation of the windows, -1 to 1; 0 where nothing can be said
    weight     how much structure was compared, in even windows' worth (0 to 49)
    windows    float64[7, 7]: correlation of each window, nan where the output does not reach or nothing is there
    covered    share of the work that lies under the output
    """

    likeness: float
    weight: float
    windows: Float64
    covered: float


def work_fingerprint(grey: UInt8) -> Fingerprint:
    """uint8[33, 32]: the picture stretched to 32 x 32, then one row that holds the box without its border (4 x 2 bytes)."""
    height, width = grey.shape
    box = np.array(trimmed(grey), np.float64) / np.array([width, height, width, height])
    rows = np.zeros((SIDE + 1, SIDE), np.uint8)
    rows[:SIDE] = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    rows[SIDE, :8] = np.rint(box * STEPS).astype("<u2").view(np.uint8)
    return make(SMALL, np.arange(SIDE + 1, dtype=np.int32), rows)


def inner_box(small: Fingerprint) -> Float64:
    """x0, y0, x1, y1 of the registered picture without its border, as fractions of its sides."""
    rows = np.zeros((SIDE + 1, SIDE), np.uint8) if small.payload is None else small.payload
    return np.asarray(rows[SIDE, :8].copy().view("<u2").astype(np.float64) / STEPS)


def probe_fingerprint(grey: UInt8) -> Fingerprint:
    """uint8[h, w]: the output itself, longer side at most 320. Never stored."""
    scale = min(1.0, PROBE_SIDE / max(grey.shape))
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    return make(SMALL, np.arange(len(small), dtype=np.int32), small)


def overlay(output: UInt8, work: UInt8, transform: Float64) -> Overlay:
    """`output` uint8[h, w] laid over `work` uint8[32, 32] by `transform` (unit square of the output to that of the work)."""
    laid, there = warped(output, transform)
    a, b = _windows(laid.astype(np.float64)), _windows(work.astype(np.float64))
    inside = _windows(there.astype(np.float64))
    covered = inside.mean(axis=1) >= LEAST_COVERED
    total = np.maximum(inside.sum(axis=1, keepdims=True), 1.0)
    da = (a - (a * inside).sum(axis=1, keepdims=True) / total) * inside
    db = (b - (b * inside).sum(axis=1, keepdims=True) / total) * inside
    spread_a, spread_b = (np.sqrt((d**2).sum(axis=1) / total[:, 0]) for d in (da, db))
    correlation = (da * db).sum(axis=1) / total[:, 0] / np.maximum(spread_a * spread_b, 1e-9)
    correlation = np.where(spread_a < 1.0, 0.0, correlation)
    usable = covered & (spread_b >= LEAST_SPREAD)
    weight = np.where(usable, np.minimum(spread_b, MOST_WEIGHT), 0.0)
    likeness = float((weight * correlation).sum() / weight.sum()) if usable.any() else 0.0
    count = (SIDE - WINDOW) // STEP + 1
    windows = np.where(usable, correlation, np.nan).reshape(count, count)
    return Overlay(likeness, float(weight.sum() / MOST_WEIGHT), windows, float(there.mean()))


def warped(output: UInt8, transform: Float64) -> tuple[UInt8, Bool]:
    """The output in the work's 32 x 32 frame, averaged over areas, and where it reaches."""
    height, width = output.shape
    fine = SIDE * OVERSAMPLE
    pixels = np.diag([fine, fine, 1.0]) @ transform @ np.diag([1 / width, 1 / height, 1.0])
    scale = float(np.sqrt(abs(np.linalg.det(pixels[:2, :2])))) or 1e-6
    source = cv2.GaussianBlur(output, (0, 0), 0.4 / scale) if scale < 0.6 else output
    laid = cv2.warpPerspective(source, pixels, (fine, fine), flags=cv2.INTER_LINEAR)
    there = cv2.warpPerspective(np.full(output.shape, 255, np.uint8), pixels, (fine, fine), flags=cv2.INTER_LINEAR)
    small = cv2.resize(laid, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    reach = cv2.resize(there, (SIDE, SIDE), interpolation=cv2.INTER_AREA) > 250
    return np.asarray(small, np.uint8), np.asarray(reach, bool)


def _windows(picture: Float64) -> Float64:
    """[49, 64]: all windows of a 32 x 32 picture."""
    views = np.lib.stride_tricks.sliding_window_view(picture, (WINDOW, WINDOW))[::STEP, ::STEP]
    return np.asarray(views.reshape(-1, WINDOW * WINDOW), np.float64)


def window_boxes() -> Float64:
    """[49, 4] x0, y0, x1, y1 of the windows as fractions of the work's sides."""
    start = np.arange(0, SIDE - WINDOW + 1, STEP) / SIDE
    y, x = np.meshgrid(start, start, indexing="ij")
    return np.stack([x, y, x + WINDOW / SIDE, y + WINDOW / SIDE], axis=-1).reshape(-1, 4)
