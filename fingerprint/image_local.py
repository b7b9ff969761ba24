"""Local features of stills: SIFT points as keys of a product vocabulary, with a compact signature and place as payload.

SIFT after Lowe (IJCV 2004), RootSIFT after Arandjelovic & Zisserman (CVPR 2012); keys are cells of an inverted
multi-index (Babenko & Lempitsky, CVPR 2012) of two halves; the payload is a Hamming embedding with weak geometry
(Jegou, Douze, Schmid, ECCV 2008).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint, Scheme, make
from fingerprint.hashing import Int64, UInt8, mix

LOCAL_NAME = "image.local.1"
SIGNATURE_BYTES = 16
PAYLOAD_BYTES = SIGNATURE_BYTES + 6
LOCAL = Scheme(LOCAL_NAME, "image", tick=1.0, payload_width=PAYLOAD_BYTES, aligner="plane", most_hits=1 << 16)

SIDE = 560  # longer side at which points are looked for: two thirds of the time of 640
WORK_POINTS = 300
DETECTED = 1200
PROBE_SIDE, PROBE_POINTS, PROBE_DETECTED = 320, 500, 600
FILM_SIDE = 400  # of a picture that is looked up in films
CONTRAST = 0.02  # half of OpenCV's: blurred and faint pictures still give points
CELLS_PER_HALF = 1024
SIGN_BITS = 6  # of a signature that are part of the key
MIRROR_POINTS, MIRROR_CELLS = 300, 2  # of the mirrored picture: whole hashes find most mirrored ones as well
PROBE_CELLS = 3  # nearest cells that each point of an output looks into
GRID = 4  # points are chosen evenly over GRID x GRID parts of the picture and over the octaves
LEAST_SIDE = 16
PLACE_STEPS = 65535  # positions are stored as fractions of the picture's sides
SIZE_STEP = 0.05  # natural log of a point's size, in steps
VOCABULARY = Path(__file__).with_name("image_vocabulary.npz")

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Points:
    """SIFT points of one picture, as columns; x, y and size in pixels of the working picture, angle in radians."""

    x: Float32
    y: Float32
    size: Float32
    angle: Float32
    descriptors: Float32

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Vocabulary:
    """Made by benchmarks/image_vocabulary.py: centres float32[2, 1024, 64], mean [128], projection [128, 128]."""

    centres: Float32
    mean: Float32
    projection: Float32


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The shipped vocabulary."""
    with np.load(VOCABULARY, allow_pickle=False) as file:
        centres = file["centres"].astype(np.float32) / 255.0
        return Vocabulary(centres, file["mean"].astype(np.float32), file["projection"].astype(np.float32) / 127.0)


def detect(grey: UInt8, limit: int, side: int = SIDE, detected: int = DETECTED) -> Points:
    """At most `limit` SIFT points with RootSIFT descriptors, spread over places and octaves, strongest first.

    side: pixels of the longer side at which they are looked for; detected: of how many the best are taken.
    """
    none = np.zeros(0, np.float32)
    larger = max(1.0, max(grey.shape) / side)
    if larger > 1.0:
        size = max(1, round(grey.shape[1] / larger)), max(1, round(grey.shape[0] / larger))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    if min(grey.shape) < LEAST_SIDE:
        return Points(none, none, none, none, none.reshape(0, 128))
    sift = cv2.SIFT.create(nfeatures=detected, contrastThreshold=CONTRAST)
    found, raw = sift.detectAndCompute(grey, None)
    if raw is None or not len(found):
        return Points(none, none, none, none, none.reshape(0, 128))
    rows = [(p.pt[0], p.pt[1], p.size, np.deg2rad(p.angle), p.response) for p in found]
    x, y, width, angle, response = np.array(rows, np.float32).T
    chosen = _spread(x / grey.shape[1], y / grey.shape[0], width, response)[:limit]
    descriptors = np.asarray(raw, np.float32)[chosen]
    root = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    x, y = (np.asarray((v + 0.5) * larger - 0.5, np.float32) for v in (x, y))
    return Points(x[chosen], y[chosen], width[chosen] * np.float32(larger), angle[chosen], np.asarray(root, np.float32))


def _spread(x: Float32, y: Float32, size: Float32, response: Float32) -> Int64:
    """Row numbers, best of every part and octave first, then the second best of each, and so on."""
    octave = np.clip(np.floor(np.log2(np.maximum(size, 1e-3))), 0, 7).astype(np.int64)
    grid = np.where(octave >= 4, GRID // 2, GRID)  # few points are large
    place = np.minimum((y * grid).astype(np.int64), grid - 1) * GRID + np.minimum((x * grid).astype(np.int64), grid - 1)
    group = octave * GRID * GRID + place
    order = np.lexsort((y, x, -response, group))
    start = np.flatnonzero(np.diff(group[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(start, np.diff(np.append(start, len(order))))
    return np.asarray(order[np.lexsort((-response[order], rank))], np.int64)


def mirrored(points: Points, width: int) -> Points:
    """The points of the left-right mirrored picture, without looking at it: SIFT bins are only reordered."""
    bins = points.descriptors.reshape(-1, 4, 4, 8)[:, ::-1, :, (8 - np.arange(8)) % 8]
    angle = np.mod(np.pi - points.angle, 2 * np.pi).astype(np.float32)
    return Points(width - 1 - points.x, points.y, points.size, angle, np.ascontiguousarray(bins).reshape(-1, 128))


def keys(descriptors: Float32, cells: int = 1) -> Int64:
    """int64[n, cells]: the visual words of each RootSIFT descriptor, nearest first, as keys of stills.

    A word is a cell with the first signs of the signature: they cut the number of false hits by ten and cost hardly a true one.
    """
    return words(nearest_cells(descriptors, cells), signatures(descriptors))


def words(cells: Int64, signs: UInt8, scheme: str = LOCAL_NAME) -> Int64:
    """int64[n, c]: the keys of these cells int64[n, c] and signatures."""
    return mix((cells << SIGN_BITS) + (signs[:, :1] >> (8 - SIGN_BITS)).astype(np.int64), scheme)


def nearest_cells(descriptors: Float32, cells: int = 1) -> Int64:
    """int64[n, cells]: the nearest of the 2^20 cells of the product vocabulary to each descriptor, nearest first."""
    words = vocabulary()
    n = len(descriptors)
    best, distance = [], []
    for half in (0, 1):
        centres = words.centres[half]
        d = (centres**2).sum(axis=1) - 2 * descriptors[:, 64 * half : 64 * half + 64] @ centres.T
        chosen, away = _nearest(d, cells)  # of sums of two rising columns the n least lie in the first n of each
        best.append(chosen)
        distance.append(away)
    cell = (best[0][:, :, None] * CELLS_PER_HALF + best[1][:, None, :]).reshape(n, cells * cells)
    far = (distance[0][:, :, None] + distance[1][:, None, :]).reshape(n, cells * cells)
    order = np.argsort(far, axis=1, kind="stable")[:, :cells]
    return np.take_along_axis(cell, order, axis=1)


def _nearest(distance: Float32, count: int) -> tuple[Int64, Float32]:
    """The columns of the `count` least of each row, and those. `distance` is used up: four scans beat one partition."""
    rows = np.arange(len(distance))
    chosen, least = np.zeros((len(distance), count), np.int64), np.zeros((len(distance), count), np.float32)
    for step in range(count):
        chosen[:, step] = distance.argmin(axis=1)
        least[:, step] = distance[rows, chosen[:, step]]
        distance[rows, chosen[:, step]] = np.inf
    return chosen, least


def signatures(descriptors: Float32) -> UInt8:
    """uint8[n, 16]: signs of 128 whitened, rotated components; their Hamming distance follows the angle."""
    words = vocabulary()
    return np.packbits((descriptors - words.mean) @ words.projection.T > 0, axis=1)


def payload(points: Points, width: int, height: int, signs: UInt8 | None = None) -> UInt8:
    """uint8[n, 22]: signature (16), x and y (2 each, fractions of the sides), log size (1), angle (1).

    signs: the signatures, where they are known already.
    """
    packed = np.zeros((len(points), PAYLOAD_BYTES), np.uint8)
    packed[:, :SIGNATURE_BYTES] = signatures(points.descriptors) if signs is None else signs
    for column, share in ((16, points.x / max(width, 1)), (18, points.y / max(height, 1))):
        steps = np.clip(np.rint(share * PLACE_STEPS), 0, PLACE_STEPS).astype("<u2")
        packed[:, column : column + 2] = steps.view(np.uint8).reshape(-1, 2)
    packed[:, 20] = np.clip(np.rint(np.log(np.maximum(points.size, 1.0)) / SIZE_STEP), 0, 255)
    packed[:, 21] = np.rint(points.angle * (256 / (2 * np.pi))).astype(np.int64) % 256
    return packed


def work_fingerprint(grey: UInt8) -> Fingerprint:
    """What the registry stores: one key a point."""
    return _fingerprint(told(detect(grey, WORK_POINTS), 1), grey, "")


@dataclass(frozen=True)
class Seen:
    """One picture's points with what keys are made of: cells int64[n, c], nearest first, signatures uint8[n, 16]."""

    points: Points
    cells: Int64
    signatures: UInt8


def seen(grey: UInt8) -> tuple[Seen, Seen]:
    """The points of an output as they are and mirrored, once for all that look local features up."""
    points = detect(grey, PROBE_POINTS, PROBE_SIDE, PROBE_DETECTED)
    fewer = Points(*(getattr(points, f.name)[:MIRROR_POINTS] for f in fields(Points)))
    return told(points, PROBE_CELLS), told(mirrored(fewer, grey.shape[1]), MIRROR_CELLS)


def seen_larger(grey: UInt8) -> Seen:
    """The points of an output as it is that are looked up in films.

    A still out of a film often shows a part of its picture, at the size of a thumbnail: in a picture of PROBE_SIDE too few of the
    film's points are left. Among stills as many more points bring nothing but chance.
    """
    return told(detect(grey, PROBE_POINTS, FILM_SIDE, PROBE_DETECTED), PROBE_CELLS)


def told(points: Points, cells: int) -> Seen:
    """The points with their nearest cells, so many of each, and signatures."""
    if not len(points):
        return Seen(points, np.zeros((0, cells), np.int64), np.zeros((0, SIGNATURE_BYTES), np.uint8))
    return Seen(points, nearest_cells(points.descriptors, cells), signatures(points.descriptors))


def probe_fingerprints(grey: UInt8, both: tuple[Seen, Seen]) -> tuple[Fingerprint, Fingerprint]:
    """What a scan looks up: more points, several cells each; as it is and mirrored."""
    plain, mirror = (_fingerprint(s, grey, variant) for s, variant in zip(both, ("", "mirror"), strict=True))
    return plain, mirror


def _fingerprint(own: Seen, grey: UInt8, variant: str) -> Fingerprint:
    height, width = grey.shape
    rows = np.arange(len(own.points), dtype=np.int32)
    return make(LOCAL, rows, payload(own.points, width, height, own.signatures), words(own.cells, own.signatures), variant)


def places(packed: UInt8, width: float, height: float) -> Points:
    """Points back out of a payload, in pixels of a picture of width x height (sizes stay those of the working picture)."""
    x = packed[:, 16:18].copy().view("<u2")[:, 0].astype(np.float32) * (width / PLACE_STEPS)
    y = packed[:, 18:20].copy().view("<u2")[:, 0].astype(np.float32) * (height / PLACE_STEPS)
    size = np.exp(packed[:, 20].astype(np.float32) * SIZE_STEP)
    angle = packed[:, 21].astype(np.float32) * (2 * np.pi / 256)
    return Points(x, y, size.astype(np.float32), angle.astype(np.float32), np.zeros((len(packed), 0), np.float32))
