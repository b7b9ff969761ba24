"""Placements of a registered still in an output to Evidence: points, pixels and hashes weighed together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from fingerprint.features import Alignment, Evidence, Fingerprint, Part
from fingerprint.hashing import Int64, UInt8, hamming
from fingerprint.image_layout import FARTHEST, HASH_BYTES, KIND_COLUMN, LAYOUT_NAME, PROBE_BYTES, apart
from fingerprint.image_local import LOCAL_NAME, PAYLOAD_BYTES, SIGNATURE_BYTES, Points, places
from fingerprint.image_open import WORKING_SIDE
from fingerprint.image_pixels import SMALL_NAME, Laid, Overlay, inner_box, laid, overlay, work_maps
from fingerprint.image_plane import SEED_DISTANCE, SEEDS, Float64, Placement, agreement, distances, distinct, place, worth_placing
from fingerprint.image_region import UNIT_BOX, bounds, in_pixels, region
from fingerprint.image_views import TURNS, unpacked_boxes, views
from fingerprint.image_weight import Cues, mark, relation, strength, told
from fingerprint.pictures import WHOLE_NAME
from fingerprint.polygons import area

WHOLE_FARTHEST = 92  # bits of 256 at which a view is laid over the work
VIEWS_TRIED = 3
MOST_LAID = 64  # placements of one output that are remembered
MIRROR = "mirror"
VARIANTS = ("", MIRROR)
LEAST_SEEDS = 3
LEAST_Z = 4.0  # of light and edges together, below which the points need not be asked
EXACT, EXACT_SURPRISE, EXACT_SHARE = 0.9, 10.0, 0.08


class Output:
    """An output part of a still, unpacked once for all works that it is compared with."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.size = working_size(part.extent)
        self.picture = payload_of(part.of(SMALL_NAME), 1)
        self.points = {v: self._points(v) for v in VARIANTS}
        self._laid: dict[bytes, Laid] = {}

    def _points(self, variant: str) -> tuple[UInt8, Points]:
        packed = payload_of(self.part.of(LOCAL_NAME, variant), PAYLOAD_BYTES)
        return np.ascontiguousarray(packed[:, :SIGNATURE_BYTES]), places(packed, *self.size)

    def laid(self, unit: Float64) -> Laid:
        """The picture in a work's frame; hashes of many works lead to the same few placements."""
        key = unit.tobytes()
        if key not in self._laid:
            if len(self._laid) >= MOST_LAID:
                self._laid.clear()
            self._laid[key] = laid(self.picture, unit)
        return self._laid[key]

    @property
    def diagonal(self) -> float:
        """Of the working picture."""
        return float(np.hypot(*self.size))


@lru_cache(maxsize=2)
def unpacked(part: Part) -> Output:
    """The Output of a part; parts are told apart by which fingerprints they hold."""
    return Output(part)


class Pair:
    """An output and a work part of stills. Of the work, what is asked for is unpacked; sizes are those of working pictures."""

    def __init__(self, output: Output, work: Part) -> None:
        self.output, self.work = output, work
        self.size, self.work_size = output.size, working_size(work.extent)

    @cached_property
    def maps(self) -> UInt8 | None:
        """uint8[2, 32, 32] of the work, None when it has none."""
        return work_maps(self.work.of(SMALL_NAME))

    @cached_property
    def inner(self) -> Float64:
        """Box of the work without its border."""
        return inner_box(self.work.of(SMALL_NAME))

    @cached_property
    def local(self) -> UInt8:
        """Payload of the work's local features."""
        return payload_of(self.work.of(LOCAL_NAME), PAYLOAD_BYTES)

    def unit(self, transform: Float64) -> Float64:
        """A transform between working pixels as one between unit squares."""
        return np.asarray(np.diag([1 / self.work_size[0], 1 / self.work_size[1], 1.0]) @ transform @ np.diag([*self.size, 1.0]))

    def pixels(self, unit: Float64) -> Float64:
        """A transform between unit squares as one between working pixels."""
        return np.asarray(np.diag([*self.work_size, 1.0]) @ unit @ np.diag([1 / self.size[0], 1 / self.size[1], 1.0]))


@dataclass(frozen=True)
class Guess:
    """A placement to be judged: unit square of the output to that of the work, and the rows of the probe that led to it.

    distinct: how far the agreeing points are the only ones of their kind, 0 to 1 (see image_plane.distinct).
    """

    unit: Float64
    rows: Int64
    bits: float
    placement: Placement | None = None
    inliers: Float64 | None = None
    distinct: float = 1.0

    @property
    def surprise(self) -> float:
        """Of the agreeing points, those that look alike counted less."""
        return 0.0 if self.placement is None else told(self.placement.surprise, self.distinct)


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
    pair = Pair(unpacked(output), work)
    found = [(guess, e) for guess, e in judged(pair, alignment) if e.strength > 0]
    placed = [_placed(pair, guess, e) for guess, e in sorted(found, key=lambda f: -f[1].strength)[:1]]
    return [e for e in placed if e.strength > 0]


def judged(pair: Pair, alignment: Alignment) -> list[tuple[Guess, Evidence]]:
    """Every placement worth a look, and its evidence, of any strength; where it is comes later."""
    guess = {LOCAL_NAME: _by_points, WHOLE_NAME: _by_hash, LAYOUT_NAME: _by_layout}[alignment.scheme]
    found = []
    for first in guess(pair, alignment):
        maps = pair.maps
        if maps is None or not pair.output.picture.size:
            break
        seen = overlay(pair.output.laid(first.unit), maps)
        if first.placement is None and seen.light_z + seen.edges_z >= LEAST_Z:
            first = _supported(pair, first)
        found.append((first, _evidence(pair, alignment, first, _exact(pair.output.picture, maps, first, seen))))
    return found


def _exact(picture: UInt8, maps: UInt8, guess: Guess, seen: Overlay) -> Overlay:
    """What agrees inside the region of the points alone, when it does so as only the same pixels do; else `seen`.

    A part of a work beside foreign pictures is found so. Another photograph of the same object agrees there too, but
    less exactly.
    """
    if guess.inliers is None or guess.surprise < EXACT_SURPRISE or min(seen.light, seen.edges) >= EXACT:
        return seen
    part = overlay(laid(picture, guess.unit, guess.inliers), maps)
    exact = min(part.light, part.edges) >= EXACT and part.covered >= EXACT_SHARE
    return part if exact else seen


def _by_points(pair: Pair, alignment: Alignment) -> Iterator[Guess]:
    """From local features: seeds that agree on a place, then everything that agrees with it."""
    ours, points = pair.output.points[alignment.variant]
    theirs = pair.local[:, :SIGNATURE_BYTES]
    bits = hamming(ours[alignment.output_rows], theirs[alignment.work_rows])
    near = np.stack([alignment.output_rows, alignment.work_rows], axis=1)[bits <= SEED_DISTANCE].astype(np.int64)
    if len(near) < LEAST_SEEDS or len(np.unique(near[:, 0])) < LEAST_SEEDS:
        return
    diagonal, others = pair.output.diagonal, places(pair.local, *pair.work_size)
    if not worth_placing(points, others, np.unique(near, axis=0)[:SEEDS], diagonal):
        return
    placement = place(points, others, distances(ours, theirs), diagonal)
    if placement is None or placement.surprise <= 0:
        return
    unit = pair.unit(placement.transform @ _mirror(alignment.variant, pair.size[0]))
    alike = _distinct(pair, alignment.variant, placement)
    yield Guess(unit, placement.rows, 0.0, placement, _spanned(others, placement.work_rows, pair.work_size), alike)


def _distinct(pair: Pair, variant: str, placement: Placement) -> float:
    """Of the agreeing points, on the side on which more of them look alike."""
    (ours, points), theirs = pair.output.points[variant], np.ascontiguousarray(pair.local[:, :SIGNATURE_BYTES])
    others = places(pair.local, *pair.work_size)
    return min(distinct(ours, points, placement.rows), distinct(theirs, others, placement.work_rows))


def _mirror(variant: str, width: float) -> Float64:
    """Output pixels to those of its variant."""
    return np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]]) if variant == MIRROR else np.eye(3)


def _spanned(points: Points, rows: Int64, size: tuple[float, float]) -> Float64 | None:
    """The box of these points, as fractions of the sides."""
    if not len(rows):
        return None
    x, y = points.x[rows] / size[0], points.y[rows] / size[1]
    return np.array([x.min(), y.min(), x.max(), y.max()], np.float64)


def _by_hash(pair: Pair, alignment: Alignment) -> Iterator[Guess]:
    """From whole hashes: the nearest views."""
    ours = payload_of(pair.output.part.of(WHOLE_NAME, alignment.variant), 41)
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
    ours = payload_of(pair.output.part.of(LAYOUT_NAME, alignment.variant), PROBE_BYTES + 1)
    theirs = payload_of(pair.work.of(LAYOUT_NAME), KIND_COLUMN + 1)
    if len(ours) < 2 or len(theirs) < 2:
        return
    both, edges = apart(ours, theirs)
    row, column = np.unravel_index(int((both + edges / 512).argmin()), both.shape)
    if both[row, column] > FARTHEST:
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
    variant = MIRROR if np.linalg.det(transform[:2, :2]) < 0 else ""
    (ours, points), theirs = pair.output.points[variant], pair.local
    if not len(ours) or not len(theirs):
        return guess
    far, others = distances(ours, theirs[:, :SIGNATURE_BYTES]), places(theirs, *pair.work_size)
    found = agreement(points, others, far, transform @ _mirror(variant, pair.size[0]), pair.output.diagonal)
    return Guess(guess.unit, guess.rows, guess.bits, found, distinct=_distinct(pair, variant, found))


def _evidence(pair: Pair, alignment: Alignment, guess: Guess, seen: Overlay) -> Evidence:
    placement = guess.placement
    agreeing = placement.agreeing if placement else 0
    cues = Cues(guess.surprise, seen.light, seen.edges, seen.light_z, seen.edges_z)
    detail = {
        "light": seen.light,
        "edges": seen.edges,
        "light_z": seen.light_z,
        "edges_z": seen.edges_z,
        "covered": seen.covered,
    }
    detail |= {"surprise": guess.surprise, "agreeing": float(agreeing), "distinct": guess.distinct, "bits": guess.bits}
    detail |= {"expected": placement.expected, "radius": placement.radius} if placement else {}
    scale = float(np.sqrt(abs(np.linalg.det(pair.pixels(guess.unit)[:2, :2]))))
    rows = np.asarray(guess.rows, np.int32)
    return Evidence(relation(cues), (), (), scale, strength(cues), rows, alignment.scheme, alignment.variant, detail)


def _placed(pair: Pair, guess: Guess, evidence: Evidence) -> Evidence:
    """The evidence with the regions that match, in pixels of the originals; weaker where that may be a mark that both bear."""
    assert pair.maps is not None
    seen = region(pair.output.laid(guess.unit), pair.maps, guess.unit, guess.inliers)
    output, work = in_pixels(seen.output, pair.output.part.extent), in_pixels(seen.work, pair.work.extent)
    worth = evidence.strength
    if evidence.scheme == LOCAL_NAME:
        worth -= mark(max(area(seen.output), area(seen.work)), guess.distinct)
    return dataclasses.replace(
        evidence, output_span=bounds(output), work_span=bounds(work), output_polygon=output, work_polygon=work, strength=worth
    )
