"""Where light and edges lie in a still, whatever its tones and textures: finds redrawings, style transfers, sketches.

Two signatures of 256 bits, made as the whole-picture hash but of a locally normalized picture (each place against its
surroundings) and of its edge strength. Their band keys are short, so that likeness far from a copy still collides; in a
very large registry such keys are capped and this scheme falls silent before it grows slow.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint, Scheme
from fingerprint.hashing import Int64, UInt8, band_keys
from fingerprint.image_views import BOX_COLUMNS, Box, differs, packed_boxes, trimmed
from fingerprint.pictures import LOW, ODD, flipped, hashes

LAYOUT_NAME = "image.layout.1"
SIDE = 32
FINE = 256  # edges are measured at this size
EDGE_SCALE = 4.0
EDGE_BLUR = 1.5
SURROUNDINGS = 4.0  # sigma, in cells of SIDE, of what a place is compared with
FLAT = 4.0  # variation below which a place counts as even
FLIPS = 4
HASH_BYTES = 32
KIND_COLUMN = 32  # 0 light, 1 edges
WORK_BYTES = 33
PROBE_BYTES = 41
KINDS = ("light", "edges")

Float32 = npt.NDArray[np.float32]

_k, _x = np.arange(LOW)[:, None], np.arange(SIDE)[None, :]
DCT = (2.0 * np.cos(np.pi * _k * (2 * _x + 1) / (2 * SIDE))).astype(np.float32)


def layout_keys(payload: UInt8) -> Int64:
    """32 keys of 8 bits and their place for each row; the two kinds share none."""
    bits, kind = payload[:, :HASH_BYTES], payload[:, KIND_COLUMN]
    keys = [band_keys(bits, f"{LAYOUT_NAME}/{name}", 1) for name in KINDS]
    return np.asarray(np.where(kind[:, None] == 1, keys[1], keys[0]), np.int64)


LAYOUT = Scheme(LAYOUT_NAME, "image", tick=1.0, payload_width=WORK_BYTES, derive=layout_keys, aligner="plane", most_hits=1 << 16)


def maps(grey: UInt8) -> UInt8:
    """uint8[2, 32, 32]: light and edge strength of a picture stretched to a square."""
    fine = np.asarray(cv2.resize(grey, (FINE, FINE), interpolation=cv2.INTER_AREA), np.uint8)
    return maps_of_square(fine)


def maps_of_square(fine: UInt8) -> UInt8:
    """The same for a picture that is 256 x 256 already."""
    smooth = cv2.GaussianBlur(fine.astype(np.float32), (0, 0), EDGE_BLUR)
    steep = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    light = cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    edges = cv2.resize(np.sqrt(steep), (SIDE, SIDE), interpolation=cv2.INTER_AREA) * EDGE_SCALE
    return np.stack([light, np.clip(np.rint(edges), 0, 255)]).astype(np.uint8)


def normalized(square: UInt8, there: Float32 | None = None) -> Float32:
    """float32[32, 32]: each place against its surroundings; what is not `there` counts for nothing and is 0.

    Local contrast normalization as in Jarrett et al., ICCV 2009.
    """
    a = square.astype(np.float32)
    if there is None:
        mean = cv2.GaussianBlur(a, (0, 0), SURROUNDINGS)
        spread = np.sqrt(cv2.GaussianBlur((a - mean) ** 2, (0, 0), SURROUNDINGS))
        return np.asarray((a - mean) / (spread + FLAT), np.float32)
    share = np.maximum(cv2.GaussianBlur(there, (0, 0), SURROUNDINGS), 1e-3)
    mean = cv2.GaussianBlur(a * there, (0, 0), SURROUNDINGS) / share
    spread = np.sqrt(cv2.GaussianBlur((a - mean) ** 2 * there, (0, 0), SURROUNDINGS) / share)
    return np.asarray((a - mean) / (spread + FLAT) * there, np.float32)


def work_fingerprint(grey: UInt8) -> Fingerprint:
    """Rows of a registered still: light and edges of the whole, and without its border where it has one."""
    low, _, kind = _coefficients(grey)
    if not len(low):
        return _none(WORK_BYTES)
    payload = np.concatenate([hashes(low), kind[:, None]], axis=1).astype(np.uint8)
    rows = np.arange(len(low), dtype=np.int32)
    return Fingerprint(LAYOUT_NAME, layout_keys(payload), rows, payload)


def probe_fingerprint(grey: UInt8) -> Fingerprint:
    """Rows of an output: the same, as it is and mirrored. payload uint8[n, 42]: hash, kind, box (4 x 2), turn."""
    low, box, kind = _coefficients(grey)
    if not len(low):
        return _none(PROBE_BYTES + 1)
    both = np.concatenate([low, low * ODD[None, None, :]])
    kinds, turns = np.tile(kind, 2), np.repeat([0, 1], len(low))
    payload = np.zeros((len(both), PROBE_BYTES + 1), np.uint8)
    payload[:, :HASH_BYTES], payload[:, KIND_COLUMN], payload[:, PROBE_BYTES] = hashes(both), kinds, turns
    payload[:, BOX_COLUMNS] = np.tile(box, (2, 1))
    found = [layout_keys(payload)]
    for bits in flipped(both.reshape(len(both), -1, 8), FLIPS):
        other = payload.copy()
        other[:, :HASH_BYTES] = bits
        found.append(layout_keys(other))
    return Fingerprint(LAYOUT_NAME, np.concatenate(found, axis=1), np.arange(len(both), dtype=np.int32), payload)


def _none(width: int) -> Fingerprint:
    empty = np.zeros((0, width), np.uint8)
    return Fingerprint(LAYOUT_NAME, np.zeros((0, 32), np.int64), np.zeros(0, np.int32), empty)


def _coefficients(grey: UInt8) -> tuple[Float32, UInt8, UInt8]:
    """Coefficients [n, 16, 16], boxes uint8[n, 8] and kinds uint8[n] of the whole and of the trimmed picture."""
    boxes: list[Box] = [(0, 0, grey.shape[1], grey.shape[0])]
    inner = trimmed(grey)
    if differs(inner, boxes[0]):
        boxes.append(inner)
    squares: list[Float32] = []
    kinds: list[int] = []
    places: list[Box] = []
    for box in boxes:
        both = maps(grey[box[1] : box[3], box[0] : box[2]])
        if both[0].std() < FLAT:
            continue
        squares.extend(normalized(m) for m in both)
        kinds.extend([0, 1])
        places.extend([box, box])
    if not squares:
        return np.zeros((0, LOW, LOW), np.float32), np.zeros((0, 8), np.uint8), np.zeros(0, np.uint8)
    low = DCT @ np.stack(squares) @ DCT.T
    return np.asarray(low, np.float32), packed_boxes(places, grey), np.array(kinds, np.uint8)
