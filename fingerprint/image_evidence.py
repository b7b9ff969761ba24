"""Placements of a registered still in an output to Evidence: points, pixels and hashes weighed together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from fingerprint.features import Alignment, Evidence, Fingerprint, Part
from fingerprint.hashing import Int64, UInt8, hamming
from fingerprint.image_layout import HASH_BYTES, KIND_COLUMN, LAYOUT_NAME, PROBE_BYTES
from fingerprint.image_local import LOCAL_NAME, PAYLOAD_BYTES, SIGNATURE_BYTES, Points, places
from fingerprint.image_open import WORKING_SIDE
from fingerprint.image_pixels import SMALL_NAME, Overlay, inner_box, overlay, window_boxes, work_maps
from fingerprint.image_plane import SEED_DISTANCE, SEEDS, Float64, Placement, agreement, distances, place, project, worth_placing
from fingerprint.image_views import TURNS, unpacked_boxes, views
from fingerprint.image_weight import Cues, relation, strength
from fingerprint.pictures import WHOLE_NAME

WHOLE_FARTHEST = 92  # bits of 256 at which a view is laid over the work
LAYOUT_FARTHEST = 236  # bits of both layouts together, of 512
EDGES_FARTHEST = 94  # or of the layouts of edges alone, of 256
VIEWS_TRIED = 3
LEAST_SEEDS = 3
LEAST_Z = 4.0  # of light and edges together, below which the points need not be asked
SUPPORTED = 0.35  # correlation of a window that belongs to the matched region, at least
SUPPORTED_SHARE = 0.7  # and of what the light has in all
EXACT, EXACT_SURPRISE, EXACT_SHARE = 0.9, 10.0, 0.08
UNIT_BOX = np.array([0.0, 0.0, 1.0, 1.0])


@dataclass
class Pair:
    """An output part and a work part of stills, unpacked once. Sizes are those of the working pictures."""

    output: Part
    work: Part
    size: tuple[float, float] = field(init=False)
    work_size: tuple[float, float] = field(init=False)
    picture: UInt8 = field(init=False)
    maps: UInt8 | None = field(init=False)
    inner: Float64 = field(init=False)

    def __post_init__(self) -> None:
        self.size, self.work_size = working_size(self.output.extent), working_size(self.work.extent)
        self.picture = payload_of(self.output.of(SMALL_NAME), 1)
        small = self.work.of(SMALL_NAME)
        self.maps, self.inner = work_maps(small), inner_box(small)

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


@dataclass(frozen=True)
class Guess:
    """A placement to be judged: unit square of the output to that of the work, and the rows of the probe that led to it."""

    unit: Float64
    rows: Int64
    bits: float
    placement: Placement | None = None
    inliers: Float64 | None = None


def working_size(extent: tuple[float, ...]) -> tuple[float, float]:
    """The size at which a picture of that extent was looked at."""
    width, height = extent[:2]
    scale = min(1.0, WORKING_SIDE / max(width, height, 1.0))
    return max(1.0, round(width * scale)), max(1.0, round(height * scale))


def payload_of(fingerprint: Fingerprint | None, width: int) -> UInt8:
    """Its payload, or one of no rows."""
    if fingerprint is None or fingerprint.payload is None:
        return np.zeros((0, width), np.uint8)
    return fingerprint.payload


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """Evidence that the registered still `work` is in `output`, or none."""
    found = [e for e in judged(output, work, alignment) if e.strength > 0]
    return sorted(found, key=lambda e: -e.strength)[:1]


def judged(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """The same without a least strength."""
    guess = {LOCAL_NAME: _by_points, WHOLE_NAME: _by_hash, LAYOUT_NAME: _by_layout}[alignment.scheme]
    pair = Pair(output, work)
    maps = pair.maps
    if maps is None or not pair.picture.size:
        return []
    found = []
    for first in guess(pair, alignment):
        seen = overlay(pair.picture, maps, first.unit)
        if first.placement is None and seen.light_z + seen.edges_z >= LEAST_Z:
            first = _supported(pair, first)
        found.append(_evidence(pair, alignment, first, _exact(pair.picture, maps, first, seen)))
    return found


def _exact(picture: UInt8, maps: UInt8, guess: Guess, seen: Overlay) -> Overlay:
    """What agrees inside the region of the points alone, when it does so as only the same pixels do; else `seen`.

    A part of a work beside foreign pictures is found so. Another photograph of the same object agrees there too, but
    less exactly.
    """
    placement = guess.placement
    if guess.inliers is None or placement is None or placement.surprise < EXACT_SURPRISE or min(seen.light, seen.edges) >= EXACT:
        return seen
    part = overlay(picture, maps, guess.unit, guess.inliers)
    exact = min(part.light, part.edges) >= EXACT and part.covered >= EXACT_SHARE
    return part if exact else seen


def _points(pair: Pair, variant: str) -> tuple[UInt8, UInt8]:
    ours = payload_of(pair.output.of(LOCAL_NAME, variant), PAYLOAD_BYTES)
    return ours, payload_of(pair.work.of(LOCAL_NAME), PAYLOAD_BYTES)


def _by_points(pair: Pair, alignment: Alignment) -> Iterator[Guess]:
    """From local features: seeds that agree on a place, then everything that agrees with it."""
    ours, theirs = _points(pair, alignment.variant)
    bits = hamming(ours[alignment.output_rows, :SIGNATURE_BYTES], theirs[alignment.work_rows, :SIGNATURE_BYTES])
    near = np.stack([alignment.output_rows, alignment.work_rows], axis=1)[bits <= SEED_DISTANCE].astype(np.int64)
    if len(np.unique(near[:, 0])) < LEAST_SEEDS:
        return
    points, others = places(ours, *pair.size), places(theirs, *pair.work_size)
    if not worth_placing(points, others, np.unique(near, axis=0)[:SEEDS], pair.diagonal):
        return
    far = distances(ours[:, :SIGNATURE_BYTES], theirs[:, :SIGNATURE_BYTES])
    placement = place(points, others, far, pair.diagonal)
    if placement is None or placement.surprise <= 0:
        return
    unit = pair.unit(placement.transform @ _mirror(alignment.variant, pair.size[0]))
    yield Guess(unit, placement.rows, 0.0, placement, _spanned(others, placement.work_rows, pair.work_size))


def _mirror(variant: str, width: float) -> Float64:
    """Output pixels to those of its variant."""
    return np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]]) if variant == "mirror" else np.eye(3)


def _spanned(points: Points, rows: Int64, size: tuple[float, float]) -> Float64 | None:
    """The box of these points, as fractions of the sides."""
    if not len(rows):
        return None
    x, y = points.x[rows] / size[0], points.y[rows] / size[1]
    return np.array([x.min(), y.min(), x.max(), y.max()], np.float64)


def _by_hash(pair: Pair, alignment: Alignment) -> Iterator[Guess]:
    """From whole hashes: the nearest views."""
    ours = payload_of(pair.output.of(WHOLE_NAME, alignment.variant), 41)
    theirs = payload_of(pair.work.of(WHOLE_NAME), HASH_BYTES)
    if not len(theirs):
        return
    rows = np.unique(alignment.output_rows).astype(np.int64)
    bits = hamming(ours[rows, None, :HASH_BYTES], theirs[None, :, :HASH_BYTES])
    best = bits.min(axis=1)
    order = np.argsort(best, kind="stable")[:VIEWS_TRIED]
    for at in order[best[order] <= WHOLE_FARTHEST].tolist():
        view = views(ours[rows[at]][None])
        inner = pair.inner if int(bits[at].argmin()) > 0 else UNIT_BOX
        yield Guess(view_transform(view.box[0], int(view.turn[0]), inner), rows[at : at + 1], float(best[at]))


def _by_layout(pair: Pair, alignment: Alignment) -> Iterator[Guess]:
    """From the layouts of light and edges: the nearest view, both kinds together. Rows come in pairs of light and edges."""
    ours = payload_of(pair.output.of(LAYOUT_NAME, alignment.variant), PROBE_BYTES + 1)
    theirs = payload_of(pair.work.of(LAYOUT_NAME), KIND_COLUMN + 1)
    if len(ours) < 2 or len(theirs) < 2:
        return
    bits = hamming(ours[:, None, :HASH_BYTES], theirs[None, :, :HASH_BYTES])
    edges = bits[1::2, 1::2]
    # Sketches and negatives share the edges only.
    both = np.where(edges <= EDGES_FARTHEST, np.minimum(bits[::2, ::2] + edges, LAYOUT_FARTHEST), bits[::2, ::2] + edges)
    row, column = np.unravel_index(int((both + edges / 512).argmin()), both.shape)
    if both[row, column] > LAYOUT_FARTHEST:
        return
    first = ours[2 * int(row)]
    inner = pair.inner if column > 0 else UNIT_BOX
    unit = view_transform(unpacked_boxes(first[None])[0], int(first[PROBE_BYTES]), inner)
    rows = np.array([2 * row, 2 * row + 1], np.int64)
    yield Guess(unit, rows, float(both[row, column]))


def view_transform(box: Float64, turn: int, inner: Float64) -> Float64:
    """float64[3, 3]: the output's unit square to the work's, for a box of the output, its turn, and the work's box."""
    wide, high = max(box[2] - box[0], 1e-6), max(box[3] - box[1], 1e-6)
    into = np.array([[1 / wide, 0, -box[0] / wide], [0, 1 / high, -box[1] / high], [0, 0, 1]])
    out = np.array([[inner[2] - inner[0], 0, inner[0]], [0, inner[3] - inner[1], inner[1]], [0, 0, 1]])
    turned = np.vstack([TURNS[turn], [[0.0, 0.0, 1.0]]])
    return np.asarray(out @ turned @ into, np.float64)


def _supported(pair: Pair, guess: Guess) -> Guess:
    """The guess with the local features that agree with it."""
    transform = pair.pixels(guess.unit)
    variant = "mirror" if np.linalg.det(transform[:2, :2]) < 0 else ""
    ours, theirs = _points(pair, variant)
    if not len(ours) or not len(theirs):
        return guess
    far = distances(ours[:, :SIGNATURE_BYTES], theirs[:, :SIGNATURE_BYTES])
    points, others = places(ours, *pair.size), places(theirs, *pair.work_size)
    found = agreement(points, others, far, transform @ _mirror(variant, pair.size[0]), pair.diagonal)
    return Guess(guess.unit, guess.rows, guess.bits, found)


def _evidence(pair: Pair, alignment: Alignment, guess: Guess, seen: Overlay) -> Evidence:
    placement = guess.placement
    surprise, agreeing = (placement.surprise, placement.agreeing) if placement else (0.0, 0)
    cues = Cues(surprise, seen.light, seen.edges, seen.light_z, seen.edges_z)
    output_span, work_span = _spans(pair, guess.unit, _region(seen, guess.inliers))
    detail = {
        "light": seen.light,
        "edges": seen.edges,
        "light_z": seen.light_z,
        "edges_z": seen.edges_z,
        "covered": seen.covered,
        "likeness": seen.likeness,
    }
    detail |= {"surprise": surprise, "agreeing": float(agreeing), "bits": guess.bits}
    detail |= {"expected": placement.expected, "radius": placement.radius} if placement else {}
    scale = float(np.sqrt(abs(np.linalg.det(pair.pixels(guess.unit)[:2, :2]))))
    rows = np.asarray(guess.rows, np.int32)
    return Evidence(
        relation(cues), output_span, work_span, scale, strength(cues), rows, alignment.scheme, alignment.variant, detail
    )


def _region(seen: Overlay, inliers: Float64 | None) -> Float64:
    """x0, y0, x1, y1 in the work's unit square: what the agreeing windows and points span."""
    least = max(SUPPORTED, SUPPORTED_SHARE * seen.light)
    boxes = window_boxes()[np.nan_to_num(seen.windows.ravel(), nan=-1.0) >= least]
    boxes = boxes if inliers is None else np.vstack([boxes, inliers[None]])
    if not len(boxes):
        return UNIT_BOX
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return np.concatenate([low, high]) if bool((high > low).all()) else UNIT_BOX


def _spans(pair: Pair, unit: Float64, region: Float64) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The region as [x, y, w, h] in pixels of the originals, cut to what lies inside the output."""
    corners = np.array([[x, y] for x in region[[0, 2]] for y in region[[1, 3]]], np.float64)
    out = np.clip(project(np.linalg.inv(unit).astype(np.float64), corners[:, 0], corners[:, 1]), 0.0, 1.0)
    back = np.clip(project(unit, out[:, 0], out[:, 1]), 0.0, 1.0)
    return _pixels(out, pair.output.extent), _pixels(back, pair.work.extent)


def _pixels(corners: Float64, extent: tuple[float, ...]) -> tuple[float, ...]:
    low, high = corners.min(axis=0) * extent[:2], corners.max(axis=0) * extent[:2]
    return (float(low[0]), float(low[1]), float(max(high[0] - low[0], 1.0)), float(max(high[1] - low[1], 1.0)))
