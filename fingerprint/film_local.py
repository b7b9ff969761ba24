"""Local features of a film's key pictures: what finds crops, insets, split screens, rotation and perspective.

SIFT points as keys of the vocabulary that stills use (see image_local), a signature and a place beside each. Keys of the
film scheme are their own; time is the line, the geometry is found in `compare`.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from fingerprint import image_local as points
from fingerprint.features import Fingerprint, Scheme
from fingerprint.hashing import Int64, UInt8, mix
from fingerprint.pictures import WHOLE

PLACE_BYTES = points.PAYLOAD_BYTES
LOCAL = Scheme(
    "film.local.1",
    "film",
    tick=WHOLE.tick,
    payload_width=PLACE_BYTES + 2,
    aligner="band",
    scales=(1.0, 0.7, 1.4, 0.5, 2.0, -1.0),
    tolerance=150,
    least=5,
)
WORK_POINTS = 80
WORK_SIDE = 192  # long side in pixels
PROBE_POINTS = 400
PROBE_CELLS = 3
SHAPE_UNIT = 2  # a probe's picture may be 2 x 255 pixels large, its shape is kept in these steps


class Found(NamedTuple):
    """The points of one picture: its tick, keys int64[n, cells], payload uint8[n, 24]: image_local's, then the shape (w, h)."""

    tick: int
    keys: Int64
    payload: UInt8


def work_points(time: float, grey: UInt8) -> Found:
    """The points of one key picture of a work, one key each; small, as an inset would show it."""
    scale = WORK_SIDE / max(grey.shape)
    if scale < 1:
        size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
        grey = np.asarray(cv2.resize(np.ascontiguousarray(grey), size, interpolation=cv2.INTER_AREA), np.uint8)
    return _found(time, points.detect(np.ascontiguousarray(grey), WORK_POINTS), grey, 1)


def probe_points(time: float, grey: UInt8) -> tuple[Found, Found]:
    """The points of one key picture of an output, several keys each: as they are and mirrored."""
    own = points.detect(np.ascontiguousarray(grey), PROBE_POINTS)
    return _found(time, own, grey, PROBE_CELLS), _found(time, points.mirrored(own, grey.shape[1]), grey, PROBE_CELLS)


def _found(time: float, own: points.Points, grey: UInt8, cells: int) -> Found:
    height, width = grey.shape
    shape = np.full((len(own), 2), (-(-width // SHAPE_UNIT), -(-height // SHAPE_UNIT)))
    payload = np.hstack([points.payload(own, width, height), np.minimum(shape, 255).astype(np.uint8)])
    keys = np.zeros((0, cells), np.int64) if not len(own) else mix(points.keys(own.descriptors, cells), LOCAL.name)
    return Found(round(time / LOCAL.tick), keys, payload)


def joined_points(found: list[Found], cells: int, variant: str = "") -> Fingerprint:
    """The Fingerprint of these pictures."""
    if not found:
        none = np.zeros((0, LOCAL.payload_width), np.uint8)
        return Fingerprint(LOCAL.name, np.zeros((0, cells), np.int64), np.zeros(0, np.int32), none, variant)
    positions = np.concatenate([np.full(len(f.keys), f.tick, np.int32) for f in found])
    keys = np.concatenate([f.keys for f in found])
    return Fingerprint(LOCAL.name, keys, positions, np.concatenate([f.payload for f in found]), variant)


def shapes(payload: UInt8) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """float64[n, 2]: width and height of the picture that each point is from."""
    return payload[:, PLACE_BYTES : PLACE_BYTES + 2].astype(np.float64) * SHAPE_UNIT
