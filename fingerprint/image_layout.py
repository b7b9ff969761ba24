"""Where light and edges lie in a still, whatever its tones and textures: finds redrawings, style transfers, sketches.

Two signatures of 256 bits, made as the whole-picture hash but of a locally normalized picture (each place against its
surroundings) and of its edge strength. Keys of 8 bits find likeness far from a copy among some ten thousand works; among more
they are met by chance too often, the commonest are passed over, and keys of 16 bits, of which an output tries the likeliest
other forms, go on working.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint, Scheme, make
from fingerprint.hashing import Int32, Int64, UInt8, band_keys, hamming, mix
from fingerprint.image_views import BOX_COLUMNS, Box, differs, packed_boxes, trimmed
from fingerprint.pictures import LOW, ODD, flipped, hashes

LAYOUT_NAME = "image.layout.2"
OLD_NAME = "image.layout.1"
MIRROR = "mirror"
SIDE = 32
FINE = 256  # edges are measured at this size
EDGE_SCALE = 4.0
EDGE_BLUR = 1.5
SURROUNDINGS = 4.0  # sigma, in cells of SIDE, of what a place is compared with
FLAT = 4.0  # variation below which a place counts as even
FLIPS, MIRRORED_FLIPS = 4, 1  # least certain bits of each key of 8 bits that a probe also tries the other way
WIDE_BITS = LOW
LEAST_CERTAIN = 6  # bits of a key of 16 of which a probe tries some the other way
FORMS, MIRRORED_FORMS = 16, 4  # of each such key, the likeliest first
HASH_BYTES = 32
KIND_COLUMN = 32  # 0 light, 1 edges
WORK_BYTES = 33
PROBE_BYTES = 41
KINDS = ("light", "edges")
FARTHEST = 236  # bits of both layouts together, of 512, beyond which a work is not looked at
EDGES_FARTHEST = 94  # or of the layouts of edges alone, of 256

Float32 = npt.NDArray[np.float32]

_k, _x = np.arange(LOW)[:, None], np.arange(SIDE)[None, :]
DCT = (2.0 * np.cos(np.pi * _k * (2 * _x + 1) / (2 * SIDE))).astype(np.float32)


BLUR = np.asarray(cv2.GaussianBlur(np.eye(SIDE, dtype=np.float32), (1, 0), sigmaX=1e-9, sigmaY=SURROUNDINGS), np.float32)
# Bits of the 16 x 16 coefficients that make a key of 16: those of a column, and of a diagonal. Each bit is in one of both.
WIDE = np.array([[WIDE_BITS * row + (key + slope * row) % LOW for row in range(LOW)] for slope in (0, 1) for key in range(LOW)])
# Which of the least certain bits are the other way round, bit 0 for the least certain: the least sum of places first, as a
# bit's place in that order tells about how likely it is to be another (Lv et al., VLDB 2007, section 4.5).
TURNED = np.array(
    sorted(range(1 << LEAST_CERTAIN), key=lambda s: (sum(i + 1 for i in range(LEAST_CERTAIN) if s >> i & 1), s.bit_count(), s))
)


def layout_keys(payload: UInt8) -> Int64:
    """64 keys for each row: 32 of 8 bits, 32 of 16; the two kinds share none."""
    return np.concatenate([short_keys(payload), wide_keys(wide_bits(payload)[..., None], payload[:, KIND_COLUMN])], axis=1)


def short_keys(payload: UInt8, scheme: str = LAYOUT_NAME) -> Int64:
    """32 keys of 8 bits and their place for each row."""
    bits, kind = payload[:, :HASH_BYTES], payload[:, KIND_COLUMN]
    keys = [band_keys(bits, f"{scheme}/{name}", 1) for name in KINDS]
    return np.asarray(np.where(kind[:, None] == 1, keys[1], keys[0]), np.int64)


def wide_bits(payload: UInt8) -> Int64:
    """int64[n, 32]: the bits of each wide key as a number."""
    bits = np.unpackbits(payload[:, :HASH_BYTES], axis=1)[:, WIDE]
    return np.asarray(np.packbits(bits, axis=2, bitorder="little").view("<u2")[..., 0], np.int64)


def wide_keys(values: Int64, kind: UInt8) -> Int64:
    """Values int64[n, 32, f] of rows of these kinds as keys int64[n, 32 * f]."""
    place = (np.arange(len(WIDE)) + len(WIDE) * kind[:, None].astype(np.int64)) << WIDE_BITS
    return mix(values | place[..., None], LAYOUT_NAME).reshape(len(values), len(WIDE) * values.shape[2])


def likely_forms(low: Float32, values: Int64, forms: int) -> Int64:
    """int64[n, 32, forms]: the wide keys' values of coefficients [n, 16, 16], and those with some uncertain bits turned."""
    flat = low.reshape(len(low), -1)
    gap = np.abs(flat - np.median(flat, axis=1, keepdims=True))[:, WIDE]
    uncertain = 1 << np.argsort(gap, axis=2, kind="stable")[..., :LEAST_CERTAIN]
    turned = (TURNED[:forms, None] >> np.arange(LEAST_CERTAIN)) & 1
    return np.asarray(values[..., None] ^ (uncertain @ turned.T), np.int64)


LAYOUT = Scheme(LAYOUT_NAME, "image", tick=1.0, payload_width=WORK_BYTES, derive=layout_keys, aligner="plane", most_hits=1 << 13)


def old_keys(payload: UInt8) -> Int64:
    """The 32 keys of each row in the first version."""
    return short_keys(payload, OLD_NAME)


def with_wide_keys(old: Fingerprint) -> Fingerprint:
    """A fingerprint of the first version in the second: the same bits, more keys."""
    return make(LAYOUT, old.positions, old.payload)


OLD_LAYOUT = dataclasses.replace(
    LAYOUT, name=OLD_NAME, derive=old_keys, most_hits=1 << 16, successor=LAYOUT_NAME, convert=with_wide_keys
)


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


def normalized(square: UInt8) -> Float32:
    """float32[32, 32]: each place against its surroundings. Local contrast normalization as in Jarrett et al., ICCV 2009."""
    a = square.astype(np.float32)
    mean = cv2.GaussianBlur(a, (0, 0), SURROUNDINGS)
    spread = np.sqrt(cv2.GaussianBlur((a - mean) ** 2, (0, 0), SURROUNDINGS))
    return np.asarray((a - mean) / (spread + FLAT), np.float32)


def normalized_where(squares: UInt8, there: Float32, share: Float32 | None = None) -> Float32:
    """float32[n, 32, 32]: the same of squares uint8[n, 32, 32] at once; what is not `there` counts for nothing and is 0.

    share: share_of(there), where it is known already.
    """
    a, share = squares.astype(np.float32), share_of(there) if share is None else share
    mean = blurred(a * there) / share
    away = a - mean
    spread = np.sqrt(blurred(away * away * there) / share)
    return np.asarray(away / (spread + FLAT) * there, np.float32)


def share_of(there: Float32) -> Float32:
    """float32[32, 32]: how much of each place's surroundings is there."""
    return np.asarray(np.maximum(blurred(there), 1e-3), np.float32)


def blurred(squares: Float32) -> Float32:
    """float32[n, 32, 32], or of one: the mean of each place's surroundings. Two products cost a third of cv2.GaussianBlur."""
    return np.asarray(BLUR @ squares @ BLUR.T, np.float32)


def work_fingerprint(grey: UInt8) -> Fingerprint:
    """Rows of a registered still: light and edges of the whole, and without its border where it has one."""
    low, _, kind = _coefficients(grey)
    if not len(low):
        return _none(WORK_BYTES)
    payload = np.concatenate([hashes(low), kind[:, None]], axis=1).astype(np.uint8)
    rows = np.arange(len(low), dtype=np.int32)
    return Fingerprint(LAYOUT_NAME, layout_keys(payload), rows, payload)


def probe_fingerprints(grey: UInt8) -> tuple[Fingerprint, Fingerprint]:
    """Rows of an output: the same, as it is and mirrored. payload uint8[n, 42]: hash, kind, box (4 x 2), turn."""
    low, box, kind = _coefficients(grey)
    if not len(low):
        return _none(PROBE_BYTES + 1), _none(PROBE_BYTES + 1, MIRROR)
    turned = low * ODD[None, None, :]
    return _probe(low, box, kind, "", FLIPS, FORMS), _probe(turned, box, kind, MIRROR, MIRRORED_FLIPS, MIRRORED_FORMS)


def _probe(low: Float32, box: UInt8, kind: UInt8, variant: str, flips: int, forms: int) -> Fingerprint:
    payload = np.zeros((len(low), PROBE_BYTES + 1), np.uint8)
    payload[:, :HASH_BYTES], payload[:, KIND_COLUMN], payload[:, PROBE_BYTES] = hashes(low), kind, int(variant == MIRROR)
    payload[:, BOX_COLUMNS] = box
    found = [short_keys(payload)]
    for bits in flipped(low.reshape(len(low), -1, 8), flips):
        other = payload.copy()
        other[:, :HASH_BYTES] = bits
        found.append(short_keys(other))
    found.append(wide_keys(likely_forms(low, wide_bits(payload), forms), kind))
    return Fingerprint(LAYOUT_NAME, np.concatenate(found, axis=1), np.arange(len(low), dtype=np.int32), payload, variant)


def apart(output: UInt8, work: UInt8) -> tuple[Int32, Int32]:
    """int32[n / 2, m / 2] each: bits in which views of an output and of a work differ, of light and edges together and of edges
    alone, from payloads of n and m rows, those in pairs. Sketches and negatives share the edges only: that is near enough.
    """
    bits = hamming(output[:, None, :HASH_BYTES], work[None, :, :HASH_BYTES])
    edges = bits[1::2, 1::2]
    both = bits[::2, ::2] + edges
    return np.where(edges <= EDGES_FARTHEST, np.minimum(both, FARTHEST), both), edges


def _none(width: int, variant: str = "") -> Fingerprint:
    return make(LAYOUT, np.zeros(0, np.int32), np.zeros((0, width), np.uint8), variant=variant)


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
