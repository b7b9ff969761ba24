"""Local features of a film's key pictures: what finds crops, insets, split screens, rotation and perspective.

SIFT points as words of the vocabulary that stills use (see image_local), a signature and a place beside each, smaller than
those of stills: a film has thousands of pictures. Keys of the film scheme are its own; time is the line, the geometry is
found in `compare`.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from fingerprint import image_local as points
from fingerprint.features import Fingerprint, Scheme, make
from fingerprint.hashing import Int64, UInt8, mix, unmix
from fingerprint.pictures import WHOLE

NAME, OLD_NAME = "film.local.2", "film.local.1"
CELL_BYTES, SIGNATURE_BYTES = 3, 12
SIGNATURE = slice(CELL_BYTES, CELL_BYTES + SIGNATURE_BYTES)
X, Y, SIZE, ANGLE = range(SIGNATURE.stop, SIGNATURE.stop + 4)
SHAPE = slice(ANGLE + 1, ANGLE + 3)
PLACE_STEPS = 255  # x and y are fractions of the picture's sides in these steps
SHAPE_UNIT = 2  # a probe's picture may be 2 x 255 pixels large, its shape is kept in these steps
WORK_POINTS = 20
WORK_SIDE = 160  # long side in pixels: what an inset of a fifth of the area has of an output
PROBE_POINTS = 700
PROBE_CELLS = 4
# Points of each picture of an output, and cells of each point, that are looked up: the first of these that give it no more
# keys than MOST_KEYS. 300 points with four cells give 96 % of the hits on the right pictures, 200 with three 81 %.
FEWER = ((700, 4), (500, 4), (400, 4), (300, 4), (300, 3), (200, 3), (150, 3), (150, 2), (100, 2))
MOST_KEYS = 15_000
MIRROR_POINTS, MIRROR_CELLS = 0.5, 2  # of those points and cells, for mirrored pictures: whole hashes find these as well
OLD_APART_S = 1.5  # of the older scheme's key pictures only those so far apart are kept
OLD_BYTES = points.PAYLOAD_BYTES + 2


def derive(payload: UInt8) -> Int64:
    """uint8[n, 21] -> keys int64[n, 1]: the word is the cell and the first signs of the signature."""
    cells = np.zeros((len(payload), 4), np.uint8)
    cells[:, :CELL_BYTES] = payload[:, :CELL_BYTES]
    return _keys(cells.view("<u4").astype(np.int64), payload)


def _keys(cells: Int64, payload: UInt8) -> Int64:
    """Keys int64[n, c] of these cells int64[n, c]."""
    signs = payload[:, CELL_BYTES : CELL_BYTES + 1].astype(np.int64) >> (8 - points.SIGN_BITS)
    return mix((cells << points.SIGN_BITS) + signs, NAME)


LOCAL = Scheme(
    NAME,
    "film",
    tick=WHOLE.tick,
    payload_width=SHAPE.stop,
    derive=derive,
    aligner="band",
    scales=(1.0, 0.7, 1.4, 0.5, 2.0, -1.0),
    tolerance=150,
    least=5,
    farthest=20,
    most_hits=1 << 16,
    compared=(SIGNATURE.start, SIGNATURE.stop),
)


class Found(NamedTuple):
    """The points of one picture: its tick, keys int64[n, cells], payload uint8[n, 21].

    The payload is the cell of the vocabulary (3, low byte first), the signature (12), x and y (fractions of the sides), log
    size, angle, and the picture's width and height.
    """

    tick: int
    keys: Int64
    payload: UInt8


def work_points(time: float, grey: UInt8) -> Found:
    """The points of one key picture of a work, one key each; small, as an inset would show it."""
    scale = WORK_SIDE / max(grey.shape)
    if scale < 1:
        size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
        grey = np.asarray(cv2.resize(np.ascontiguousarray(grey), size, interpolation=cv2.INTER_AREA), np.uint8)
    return _found(time, points.told(points.detect(np.ascontiguousarray(grey), WORK_POINTS), 1), grey)


class Looked(NamedTuple):
    """What one key picture of an output is looked up by: film points as they are and mirrored, and what they were made of."""

    plain: Found
    mirror: Found
    points: tuple[points.Seen, points.Seen]


def probe_points(time: float, grey: UInt8) -> Looked:
    """The points of one key picture of an output, several keys each: as they are and mirrored."""
    own = points.detect(np.ascontiguousarray(grey), PROBE_POINTS)
    plain, mirror = (points.told(p, PROBE_CELLS) for p in (own, points.mirrored(own, grey.shape[1])))
    return Looked(_found(time, plain, grey), _found(time, mirror, grey), (plain, mirror))


def _found(time: float, own: points.Seen, grey: UInt8) -> Found:
    height, width = grey.shape
    payload = np.zeros((len(own.points), LOCAL.payload_width), np.uint8)
    if not len(own.points):
        return Found(_tick(time), np.zeros((0, own.cells.shape[1]), np.int64), payload)
    payload[:, :CELL_BYTES] = _cell_bytes(own.cells[:, 0])
    payload[:, SIGNATURE] = own.signatures[:, :SIGNATURE_BYTES]
    payload[:, X] = _steps(own.points.x / width)
    payload[:, Y] = _steps(own.points.y / height)
    payload[:, SIZE : ANGLE + 1] = points.payload(own.points, width, height, own.signatures)[:, -2:]
    payload[:, SHAPE] = np.minimum([-(-width // SHAPE_UNIT), -(-height // SHAPE_UNIT)], 255)
    return Found(_tick(time), _keys(own.cells, payload), payload)


def _tick(time: float) -> int:
    return round(time / LOCAL.tick)


def _steps(shares: points.Float32) -> UInt8:
    return np.asarray(np.clip(np.rint(shares * PLACE_STEPS), 0, PLACE_STEPS), np.uint8)


def _cell_bytes(cells: Int64) -> UInt8:
    return np.ascontiguousarray(cells.astype("<u4")).view(np.uint8).reshape(-1, 4)[:, :CELL_BYTES]


def joined_points(found: list[Found], cells: int, variant: str = "") -> Fingerprint:
    """The Fingerprint of these pictures."""
    if not found:
        none = np.zeros((0, LOCAL.payload_width), np.uint8)
        return Fingerprint(LOCAL.name, np.zeros((0, cells), np.int64), np.zeros(0, np.int32), none, variant)
    positions = np.concatenate([np.full(len(f.keys), f.tick, np.int32) for f in found])
    keys = np.concatenate([f.keys for f in found])
    return Fingerprint(LOCAL.name, keys, positions, np.concatenate([f.payload for f in found]), variant)


def fewer(found: list[Found], variant: str) -> tuple[list[Found], int]:
    """The strongest points of an output's pictures and their likeliest cells, as many as it may have; and how many cells."""
    size = next((s for s in FEWER if s[0] * s[1] * len(found) <= MOST_KEYS), FEWER[-1])
    limit, cells = size if not variant else (int(size[0] * MIRROR_POINTS), min(size[1], MIRROR_CELLS))
    return [Found(f.tick, f.keys[:limit, :cells], f.payload[:limit]) for f in found], cells


def in_pixels(payload: UInt8) -> points.Points:
    """The points in pixels of their own pictures, without descriptors."""
    shape = shapes(payload).astype(np.float32) / PLACE_STEPS
    size = np.exp(payload[:, SIZE].astype(np.float32) * points.SIZE_STEP)
    angle = payload[:, ANGLE].astype(np.float32) * np.float32(2 * np.pi / 256)
    x, y = (np.asarray(payload[:, at] * shape[:, i], np.float32) for i, at in enumerate((X, Y)))
    return points.Points(x, y, size, angle, np.zeros((len(payload), 0), np.float32))


def shapes(payload: UInt8) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """float64[n, 2]: width and height of the picture that each point is from."""
    return payload[:, SHAPE].astype(np.float64) * SHAPE_UNIT


def smaller(old: Fingerprint) -> Fingerprint:
    """A film.local.1 as film.local.2: fewer points of fewer pictures, each with less beside it.

    Keys of the older scheme were words mixed twice, which can be undone.
    """
    kept: list[int] = []
    last = -1e9
    for tick in np.unique(old.positions).tolist():
        if (tick - last) * LOCAL.tick < OLD_APART_S - 1e-6:
            continue
        first, end = np.searchsorted(old.positions, [tick, tick + 1]).tolist()
        kept.extend(range(first, min(end, first + WORK_POINTS)))
        last = tick
    payload = np.zeros((len(kept), LOCAL.payload_width), np.uint8)
    if old.payload is not None and kept:
        before = old.payload[kept]
        payload[:, :CELL_BYTES] = _cell_bytes(unmix(unmix(old.keys[kept, 0], OLD_NAME), points.LOCAL_NAME) >> points.SIGN_BITS)
        payload[:, SIGNATURE] = before[:, :SIGNATURE_BYTES]
        place = points.places(before, 1.0, 1.0)
        payload[:, X], payload[:, Y] = _steps(place.x), _steps(place.y)
        payload[:, SIZE : SHAPE.stop] = before[:, -4:]
    return make(LOCAL, old.positions[kept], payload)


OLD_LOCAL = Scheme(OLD_NAME, "film", tick=WHOLE.tick, payload_width=OLD_BYTES, aligner="band", successor=NAME, convert=smaller)
