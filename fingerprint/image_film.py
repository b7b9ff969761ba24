"""A still against a registered film: which second it shows.

Whole hashes find the whole picture and regular parts of it; local features find any part, and the film's thumbs at that
moment must agree with what the points say.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint import film_local, image_local
from fingerprint.features import Alignment, Evidence, Fingerprint, Part, make
from fingerprint.film_geometry import Placement, pairs_of, placement
from fingerprint.film_local import LOCAL, Found, joined_points
from fingerprint.film_sight import FRAMES, LEAST_NORM, THUMBS, View, box_view, hashes_of, masked, placed_view, registered, seen
from fingerprint.film_views import FRAME, THUMB
from fingerprint.hashing import Int32, UInt8, hamming
from fingerprint.image_views import views
from fingerprint.pictures import LOW, WHOLE, WHOLE_NAME, Float32, dihedral

# One unrelated picture of a film in 1,000 is as near as this over all views of a still; ten times fewer with every STEP bits.
CHANCE_DISTANCE, CHANCE_STEP, CHANCE_BASE = 92.0, 5.0, 3.0
FARTHEST = 80
LENGTH_S = 1.0
COPY_BITS = 48
CAP = 10.0
POINTS_SIDE = 360  # long side in pixels at which points are looked for, as in the frames of an output film
MOST_MOMENTS = 6  # key pictures of a film that are looked at closely
AROUND_S = 2.0  # how far from the points' moment the thumb that is most alike may be
POINT_ZERO, POINT_WORTH, POINT_CAP = 4, 0.9, 9.0  # log10 for each place that agrees on the placement
# Similarity of the thumb: what unrelated pictures have, what stands for ten times more, the most it can tell.
ALIKE_ZERO, ALIKE_STEP, ALIKE_CAP = 0.35, 0.1, 5.0
# The same beside a whole hash, which says much of it already: what is less alike speaks against it, and no more.
HASH_ALIKE_ZERO, HASH_ALIKE_STEP = 0.45, 0.05
TURNED_CAP = 60.0  # what a hash can tell of a picture is less the more the picture is like itself when it is turned
REMAKE_AGAINST = 1.4  # how much more what is less alike counts where the hashes differ as well
CHANCE_SHARE = 0.7  # of what wrongly turned pictures share
PART_PRIOR, MIRROR_PRIOR = -1.0, -0.7  # log10 of how rare it is to show a part of a picture, or to mirror it

TURN_NAMES = [name for name, _ in dihedral(np.zeros((0, LOW, LOW), np.float32))]


def frame(grey: UInt8) -> Fingerprint:
    """The picture that is compared with those of films."""
    small = np.asarray(cv2.resize(grey, (FRAME, FRAME), interpolation=cv2.INTER_AREA), np.uint8)
    return make(FRAMES, np.zeros(1, np.int32), small.reshape(1, -1))


def probe_fingerprints(grey: UInt8, both: tuple[image_local.Seen, image_local.Seen]) -> tuple[Fingerprint, Fingerprint]:
    """What is looked up in films beside whole hashes: local features, as it is and mirrored.

    The points, as image_local finds them, are told as of a picture of POINTS_SIDE.
    """
    scale = min(1.0, POINTS_SIDE / max(grey.shape))
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    plain, mirror = (
        joined_points([_found(own, size, grey)], own.cells.shape[1], v) for own, v in zip(both, ("", "mirror"), strict=True)
    )
    return plain, mirror


def _found(own: image_local.Seen, size: tuple[int, int], grey: UInt8) -> Found:
    """The strongest points as those of a picture of that size, in the form of film points."""
    height, width = grey.shape
    most = film_local.PROBE_POINTS
    smaller = dataclasses.replace(own.points, size=own.points.size * np.float32(size[0] / width))
    whole = image_local.payload(smaller, width, height, own.signatures)[:most]
    payload = np.zeros((len(whole), LOCAL.payload_width), np.uint8)
    cells = own.cells[:most, 0].astype("<u4")
    payload[:, : film_local.CELL_BYTES] = cells.view(np.uint8).reshape(-1, 4)[:, : film_local.CELL_BYTES]
    payload[:, film_local.SIGNATURE] = whole[:, : film_local.SIGNATURE_BYTES]
    for column, share in ((film_local.X, own.points.x / width), (film_local.Y, own.points.y / height)):
        payload[:, column] = np.clip(np.rint(share[:most] * film_local.PLACE_STEPS), 0, film_local.PLACE_STEPS)
    payload[:, film_local.SIZE : film_local.ANGLE + 1] = whole[:, -2:]
    payload[:, film_local.SHAPE] = np.minimum([-(-side // film_local.SHAPE_UNIT) for side in size], 255)
    return Found(0, image_local.words(own.cells, own.signatures, LOCAL.name)[:most], payload)


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """Evidence that the output, or a region of it, shows the film at one moment. work_span is in seconds."""
    return (_by_points if alignment.scheme == LOCAL.name else _by_hash)(output, work, alignment)


def _by_points(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """The key picture with the placement that most points agree on, and how much its thumb is like the still."""
    found = _placed(output.of(LOCAL.name, alignment.variant), work.of(LOCAL.name), alignment)
    if found is None:
        return []
    place, rows, near_s = found
    mirror = alignment.variant == "mirror"
    seen = _moment(output, work, placed_view(place.matrix, mirror), near_s)
    if seen is None:
        return []
    points = min(POINT_WORTH * (place.distinct - POINT_ZERO), POINT_CAP)
    strength = points + _told(seen, ALIKE_ZERO, ALIKE_STEP) + PART_PRIOR + (MIRROR_PRIOR if mirror else 0.0)
    if strength <= 0:
        return []
    span = (seen.second, min(seen.second + LENGTH_S, max(work.extent[0], seen.second)))
    detail = {"points": float(place.distinct), "similarity": seen.alike, "chance": seen.chance}
    region = _region(place, mirror, output.extent)
    return [Evidence("copy", region, span, 1.0, strength, rows, LOCAL.name, alignment.variant, detail)]


def _placed(probe: Fingerprint | None, theirs: Fingerprint | None, alignment: Alignment) -> tuple[Placement, Int32, float] | None:
    """The best placement, the rows of the probe that agree on it, and the second of its key picture.

    The hits tell which key pictures may be meant; with these all points of the still are compared.
    """
    if probe is None or theirs is None:
        return None
    best: tuple[Placement, Int32, float] | None = None
    moments, hits = np.unique(alignment.work_rows, return_counts=True)
    every = np.arange(len(probe), dtype=np.int32)
    for moment in moments[np.argsort(-hits, kind="stable")][:MOST_MOMENTS].tolist():
        dense = dataclasses.replace(alignment, output_rows=every, work_rows=np.full_like(every, moment))
        pairs = pairs_of(probe, theirs, dense)
        place = None if pairs is None else placement(pairs)
        if pairs is not None and place is not None and place.distinct > (POINT_ZERO if best is None else best[0].distinct):
            best = place, np.unique(pairs.rows[place.pairs]).astype(np.int32), moment * LOCAL.tick
    return best


class Seen(NamedTuple):
    """The second whose thumb is most like what the still shows of it, the correlation of both, and what chance gives."""

    second: float
    alike: float
    chance: float


def _moment(output: Part, work: Part, view: View, near_s: float) -> Seen | None:
    """The work's thumb near that second that is most like the still, looked at through the view."""
    frames, whole, thumbs = output.of(FRAMES.name), work.of(WHOLE_NAME), work.of(THUMBS.name)
    if frames is None or whole is None or thumbs is None:
        return None
    a, b = np.searchsorted(thumbs.positions * THUMBS.tick, [near_s - AROUND_S, near_s + AROUND_S])
    if a == b:
        return None
    others = registered(whole, thumbs, slice(int(a), int(b)))
    others = others if view.cells is None else masked(others, view.cells)
    mine, theirs = _unit(seen(frames, view).levels)[0], _unit(others.levels)
    alike = theirs @ mine
    best = int(alike.argmax())
    square = mine.reshape(THUMB, THUMB)
    wrong = (square[::-1], square[:, ::-1], square[::-1, ::-1], square.T)
    chance = max(0.0, *(float(theirs[best] @ w.ravel()) for w in wrong))
    return Seen(float(others.times[best]), float(alike[best]), chance)


def _unit(levels: Float32) -> Float32:
    """As vectors of length 1, shorter where they are flat."""
    return np.asarray(levels / np.maximum(np.linalg.norm(levels, axis=1, keepdims=True), LEAST_NORM), np.float32)


def _region(place: Placement, mirror: bool, extent: tuple[float, ...]) -> tuple[float, ...]:
    """[x, y, w, h] in pixels of the output: what of it shows the work's picture."""
    corners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], np.float64) @ place.matrix.T
    if mirror:
        corners[:, 0] = 1.0 - corners[:, 0]
    low, high = np.clip(corners.min(axis=0), 0, 1) * extent[:2], np.clip(corners.max(axis=0), 0, 1) * extent[:2]
    return (*low.tolist(), *(high - low).tolist())


def _by_hash(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """The nearest of the film's hashes to the views that hit."""
    ours, (ticks, theirs) = output.of(WHOLE_NAME, alignment.variant), hashes_of(work)
    if ours is None or ours.payload is None or not len(ours) or not len(theirs):
        return []
    # The hits lead to the film; the moment is the nearest of all its pictures, to the views that hit or to the whole.
    rows = np.unique(np.append(alignment.output_rows, 0))
    bits = np.stack([hamming(ours.payload[row, :32], theirs) for row in rows.tolist()])
    row, column = np.unravel_index(int(bits.argmin()), bits.shape)
    nearest, shown = float(bits[row, column]), ours.payload[rows[row]]
    second = float(ticks[column] * WHOLE.tick)
    seen = _moment(output, work, _region_view(shown), second)
    against, chance = _against(seen, nearest), 0.0 if seen is None else seen.chance
    told = CHANCE_BASE + (CHANCE_DISTANCE - nearest) / CHANCE_STEP - np.log10(len(theirs))
    strength = min(min(CAP, told) + against, TURNED_CAP * (1.0 - chance))
    if nearest > FARTHEST or strength <= 0:
        return []
    span = (second, min(second + LENGTH_S, max(work.extent[0], second)))
    relation = "copy" if nearest <= COPY_BITS else "remake"
    claimed = np.array([rows[row]], np.int32)
    detail = {"bits": nearest, "against": against, "chance": chance}
    region = _pixels(shown, output.extent)
    return [Evidence(relation, region, span, 1.0, float(strength), claimed, WHOLE_NAME, alignment.variant, detail)]


def _against(seen: Seen | None, bits: float) -> float:
    """log10 that a thumb which is less alike than that of the same picture tells, at most 0."""
    told = 0.0 if seen is None else min(0.0, _told(seen, HASH_ALIKE_ZERO, HASH_ALIKE_STEP))
    return told if bits <= COPY_BITS else REMAKE_AGAINST * told


def _told(seen: Seen, zero: float, step: float) -> float:
    """log10 that a likeness tells, of at most ALIKE_CAP either way."""
    return float(np.clip((seen.alike - CHANCE_SHARE * seen.chance - zero) / step, -ALIKE_CAP, ALIKE_CAP))


def _region_view(payload: UInt8) -> View:
    """How the region of a row of the whole hashes is looked at."""
    region = views(payload[None])
    x0, y0, x1, y1 = region.box[0].tolist()
    return box_view(np.array([y0, y1, x0, x1]), TURN_NAMES[int(region.turn[0])])


def _pixels(payload: npt.NDArray[np.uint8], extent: tuple[float, ...]) -> tuple[float, ...]:
    x0, y0, x1, y1 = views(payload[None]).box[0] * np.array([*extent[:2], *extent[:2]])
    return (float(x0), float(y0), float(x1 - x0), float(y1 - y0))
