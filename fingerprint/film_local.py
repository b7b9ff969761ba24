"""Local features of a film's key pictures: what finds crops, insets, split screens, rotation and perspective.

SIFT points as keys of the vocabulary that stills use (see image_local), a signature and a place beside each. Keys of the
film scheme are their own; time is the line, the geometry is found in `compare`.
"""

from __future__ import annotations

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
PROBE_POINTS = 400
PROBE_CELLS = 3
SHAPE_UNIT = 2  # a probe's picture may be 2 x 255 pixels large, its shape is kept in these steps

Found = tuple[float, points.Points, tuple[int, int]]  # seconds, points, (width, height) of the picture


def found_points(time: float, grey: UInt8, probe: bool) -> Found:
    """The points of one picture grey uint8[h, w]."""
    own = points.detect(np.ascontiguousarray(grey), PROBE_POINTS if probe else WORK_POINTS)
    return float(time), own, (grey.shape[1], grey.shape[0])


def work_local(found: list[Found]) -> Fingerprint:
    """The points of a work's key pictures, one key each: payload uint8[n, 24] is image_local's, then the shape (w, h)."""
    return _joined(found, 1, "")


def probe_local(found: list[Found]) -> list[Fingerprint]:
    """The points of an output's key pictures, several keys each, as they are and mirrored."""
    turned = [(time, points.mirrored(own, shape[0]), shape) for time, own, shape in found]
    return [_joined(found, PROBE_CELLS, ""), _joined(turned, PROBE_CELLS, "mirror")]


def _joined(found: list[Found], cells: int, variant: str) -> Fingerprint:
    positions, payloads, descriptors = [], [], []
    for time, own, (width, height) in found:
        if len(own):
            shape = np.full((len(own), 2), (-(-width // SHAPE_UNIT), -(-height // SHAPE_UNIT)))
            payloads.append(np.hstack([points.payload(own, width, height), np.minimum(shape, 255).astype(np.uint8)]))
            positions.append(np.full(len(own), round(time / LOCAL.tick), np.int32))
            descriptors.append(own.descriptors)
    if not positions:
        none = np.zeros((0, LOCAL.payload_width), np.uint8)
        return Fingerprint(LOCAL.name, np.zeros((0, cells), np.int64), np.zeros(0, np.int32), none, variant)
    keys: Int64 = mix(points.keys(np.concatenate(descriptors), cells), LOCAL.name)
    return Fingerprint(LOCAL.name, keys, np.concatenate(positions), np.concatenate(payloads), variant)


def shapes(payload: UInt8) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """float64[n, 2]: width and height of the picture that each point is from."""
    return payload[:, PLACE_BYTES : PLACE_BYTES + 2].astype(np.float64) * SHAPE_UNIT
