"""Placements of a registered still in an output to Evidence: points, pixels and whole hashes weighed together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fingerprint.features import Alignment, Evidence, Fingerprint, Part
from fingerprint.hashing import Int64, UInt8, hamming
from fingerprint.image_local import LOCAL_NAME, PAYLOAD_BYTES, SIGNATURE_BYTES, Points, places
from fingerprint.image_open import WORKING_SIDE
from fingerprint.image_pixels import SIDE as SMALL_SIDE
from fingerprint.image_pixels import SMALL_NAME, Overlay, inner_box, overlay, window_boxes
from fingerprint.image_plane import SEED_DISTANCE, Float64, Placement, distances, place, project
from fingerprint.image_views import TURNS, views
from fingerprint.pictures import WHOLE_NAME

# Whole hashes: of unrelated pictures one pair in 100 is as near as CHANCE_DISTANCE over all views, and ten times fewer
# with every STEP bits less.
CHANCE_DISTANCE, CHANCE_STEP, CHANCE_BASE = 96.0, 5.0, 2.0
WORTH_A_LOOK = 92
VIEWS_TRIED = 3
LEAST_SEEDS = 3
SURPRISE_CAP = 14.0
SURPRISE_WEIGHT = 0.4
LIKENESS_ZERO, LIKENESS_WEIGHT = 0.33, 9.0
LIKENESS_FLOOR = -0.1
COPY_LIKENESS = 0.72
SUPPORTED = 0.35  # correlation of a window that belongs to the matched region
LEAST_WEIGHT = 1.5  # windows' worth of structure below which likeness says little


@dataclass
class Pair:
    """An output part and a work part of stills, unpacked once. Sizes are those of the working pictures."""

    output: Part
    work: Part
    size: tuple[float, float] = field(init=False)
    work_size: tuple[float, float] = field(init=False)
    picture: UInt8 = field(init=False)
    small: UInt8 = field(init=False)
    inner: Float64 = field(init=False)

    def __post_init__(self) -> None:
        self.size, self.work_size = working_size(self.output.extent), working_size(self.work.extent)
        self.picture = _payload(self.output.of(SMALL_NAME), 1)
        registered = self.work.of(SMALL_NAME)
        self.small = _payload(registered, SMALL_SIDE)[:SMALL_SIDE]
        self.inner = np.array([0.0, 0.0, 1.0, 1.0]) if registered is None or not len(registered) else inner_box(registered)

    @property
    def diagonal(self) -> float:
        """Of the output's working picture."""
        return float(np.hypot(*self.size))

    def unit(self, transform: Float64) -> Float64:
        """A transform between working pixels as one between unit squares."""
        return np.asarray(np.diag([1 / self.work_size[0], 1 / self.work_size[1], 1.0]) @ transform @ np.diag([*self.size, 1.0]))

    def pixels(self, unit: Float64) -> Float64:
        """A transform between unit squares as one between working pixels."""
        return np.asarray(np.diag([*self.work_size, 1.0]) @ unit @ np.diag([1 / self.size[0], 1 / self.size[1], 1.0]))


def working_size(extent: tuple[float, ...]) -> tuple[float, float]:
    """The size at which a picture of that extent was looked at."""
    width, height = extent[:2]
    scale = min(1.0, WORKING_SIDE / max(width, height, 1.0))
    return max(1.0, round(width * scale)), max(1.0, round(height * scale))


def _payload(fingerprint: Fingerprint | None, width: int) -> UInt8:
    if fingerprint is None or fingerprint.payload is None:
        return np.zeros((0, width), np.uint8)
    return fingerprint.payload


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """Evidence that the registered still `work` is in `output`, or none."""
    pair = Pair(output, work)
    if len(pair.small) < SMALL_SIDE or not pair.picture.size:
        return []
    found = _by_points(pair, alignment) if alignment.scheme == LOCAL_NAME else _by_hash(pair, alignment)
    return [e for e in found if e.strength > 0]


def _by_points(pair: Pair, alignment: Alignment) -> list[Evidence]:
    """Evidence from local features: seeds that agree on a place, then everything that agrees with it."""
    ours = _payload(pair.output.of(LOCAL_NAME, alignment.variant), PAYLOAD_BYTES)
    theirs = _payload(pair.work.of(LOCAL_NAME), PAYLOAD_BYTES)
    bits = hamming(ours[alignment.output_rows, :SIGNATURE_BYTES], theirs[alignment.work_rows, :SIGNATURE_BYTES])
    if len(np.unique(alignment.output_rows[bits <= SEED_DISTANCE])) < LEAST_SEEDS:
        return []
    points, others = places(ours, *pair.size), places(theirs, *pair.work_size)
    far = distances(ours[:, :SIGNATURE_BYTES], theirs[:, :SIGNATURE_BYTES])
    placement = place(points, others, far, pair.diagonal)
    if placement is None or placement.surprise <= 0:
        return []
    unit = pair.unit(placement.transform @ _mirror(alignment.variant, pair.size[0]))
    seen = overlay(pair.picture, pair.small, unit)
    strength = points_strength(placement.surprise, seen)
    return [_evidence(pair, alignment, unit, seen, strength, placement, (points, others), 0.0)]


def _mirror(variant: str, width: float) -> Float64:
    """Output pixels to those of its variant."""
    return np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]]) if variant == "mirror" else np.eye(3)


def _by_hash(pair: Pair, alignment: Alignment) -> list[Evidence]:
    """Evidence from whole hashes: the nearest views, each laid over the work."""
    ours = _payload(pair.output.of(WHOLE_NAME, alignment.variant), 41)
    theirs = _payload(pair.work.of(WHOLE_NAME), 32)
    rows = np.unique(alignment.output_rows)
    if not len(theirs):
        return []
    bits = hamming(ours[rows, None, :32], theirs[None, :, :32])
    best = bits.min(axis=1)
    order = np.argsort(best, kind="stable")[:VIEWS_TRIED]
    found = []
    for at in order[best[order] <= WORTH_A_LOOK].tolist():
        inner = int(bits[at].argmin()) > 0
        unit = view_transform(ours[rows[at]], pair.inner if inner else np.array([0.0, 0.0, 1.0, 1.0]))
        found.append(_judged_view(pair, alignment, int(rows[at]), float(best[at]), unit))
    return sorted(found, key=lambda e: -e.strength)[:1]


def view_transform(payload: UInt8, inner: Float64) -> Float64:
    """float64[3, 3]: the output's unit square to the work's, for one probe row and the work's box that it matched."""
    view = views(payload[None])
    x0, y0, x1, y1 = view.box[0]
    into = np.array(
        [[1 / max(x1 - x0, 1e-6), 0, -x0 / max(x1 - x0, 1e-6)], [0, 1 / max(y1 - y0, 1e-6), -y0 / max(y1 - y0, 1e-6)]]
    )
    out = np.array([[inner[2] - inner[0], 0, inner[0]], [0, inner[3] - inner[1], inner[1]]])
    last = np.array([[0.0, 0.0, 1.0]])
    turned = np.vstack([TURNS[view.turn[0]], last])
    return np.asarray(np.vstack([out, last]) @ turned @ np.vstack([into, last]), np.float64)


def _judged_view(pair: Pair, alignment: Alignment, row: int, bits: float, unit: Float64) -> Evidence:
    seen = overlay(pair.picture, pair.small, unit)
    strength = hash_strength(bits, seen)
    placement = Placement(pair.pixels(unit), np.array([row], np.int64), np.zeros(0, np.int64), 0.0, 0, 0.0, 0.0)
    return _evidence(pair, alignment, unit, seen, strength, placement, None, bits)


def likeness_strength(seen: Overlay) -> float:
    """log10 that the pixels tell: below LIKENESS_ZERO they speak against."""
    sure = min(1.0, seen.weight / (3 * LEAST_WEIGHT))
    return LIKENESS_WEIGHT * sure * (max(seen.likeness, LIKENESS_FLOOR) - LIKENESS_ZERO)


def points_strength(surprise: float, seen: Overlay) -> float:
    """log10 likelihood ratio of points and pixels together."""
    return SURPRISE_WEIGHT * min(surprise, SURPRISE_CAP) + likeness_strength(seen)


def hash_strength(bits: float, seen: Overlay) -> float:
    """log10 likelihood ratio of a whole hash at that distance and the pixels together: they are not independent."""
    chance = max(0.0, CHANCE_BASE + (CHANCE_DISTANCE - bits) / CHANCE_STEP)
    return 0.5 * min(chance, 14.0) + 0.6 * likeness_strength(seen)


def _evidence(
    pair: Pair,
    alignment: Alignment,
    unit: Float64,
    seen: Overlay,
    strength: float,
    placement: Placement,
    points: tuple[Points, Points] | None,
    bits: float,
) -> Evidence:
    region = _region(seen, None if points is None else _inlier_box(points[1], placement.work_rows, pair.work_size))
    output_span, work_span = _spans(pair, unit, region)
    relation = "copy" if seen.likeness >= COPY_LIKENESS else "remake"
    detail = {
        "likeness": seen.likeness,
        "weight": seen.weight,
        "surprise": placement.surprise,
        "agreeing": float(placement.agreeing),
    }
    detail |= {"expected": placement.expected, "bits": bits, "covered": seen.covered, "radius": placement.radius}
    scale = float(np.sqrt(abs(np.linalg.det(unit[:2, :2]))))
    rows = np.asarray(placement.rows, np.int32)
    return Evidence(relation, output_span, work_span, scale, strength, rows, alignment.scheme, alignment.variant, detail)


def _inlier_box(points: Points, rows: Int64, size: tuple[float, float]) -> Float64:
    x, y = points.x[rows] / size[0], points.y[rows] / size[1]
    return np.array([x.min(), y.min(), x.max(), y.max()]) if len(rows) else np.array([1.0, 1.0, 0.0, 0.0])


def _region(seen: Overlay, inliers: Float64 | None) -> Float64:
    """x0, y0, x1, y1 in the work's unit square: what the agreeing windows and points span."""
    boxes = window_boxes()[np.nan_to_num(seen.windows.ravel(), nan=-1.0) >= SUPPORTED]
    boxes = boxes if inliers is None else np.vstack([boxes, inliers[None]])
    if not len(boxes):
        return np.array([0.0, 0.0, 1.0, 1.0])
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return np.concatenate([low, high]) if (high > low).all() else np.array([0.0, 0.0, 1.0, 1.0])


def _spans(pair: Pair, unit: Float64, region: Float64) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The region as [x, y, w, h] in pixels of the originals, cut to what lies inside the output."""
    corners = np.array([[x, y] for x in region[[0, 2]] for y in region[[1, 3]]])
    out = np.clip(project(np.linalg.inv(unit), corners[:, 0], corners[:, 1]), 0.0, 1.0)
    back = np.clip(project(unit, out[:, 0], out[:, 1]), 0.0, 1.0)
    return _pixels(out, pair.output.extent), _pixels(back, pair.work.extent)


def _pixels(corners: Float64, extent: tuple[float, ...]) -> tuple[float, ...]:
    low, high = corners.min(axis=0) * extent[:2], corners.max(axis=0) * extent[:2]
    return (float(low[0]), float(low[1]), float(max(high[0] - low[0], 1.0)), float(max(high[1] - low[1], 1.0)))
