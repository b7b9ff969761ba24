"""Whole-picture hashes of a still and of regions of it, in all eight turns and mirrors, each knowing its region."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint, make
from fingerprint.hashing import UInt8
from fingerprint.pictures import SIDE, WHOLE, coefficients, contrast, dihedral, flipped_keys, hashes

HASH_BYTES = 32
VIEW_COLUMN = 32
BOX_COLUMNS = slice(33, 41)
PROBE_BYTES = 41
FLIPS = 2  # least certain bits of each band that a probe also tries the other way
LEAST_CONTRAST = 4.0  # grey levels; flatter regions have no hash worth looking up
LEAST_TRIM = 0.03  # of a side: less is no border
BORDER_SPREAD = 12.0  # grey levels: a row or column that varies less may be border
BORDER_STEP = 24.0  # and must be this near to the outermost one
LINES_AT_ONCE = 32
LEAST_BOX = 12  # pixels a side
HALVED_SIDE = 4 * SIDE  # pixels of a picture's shorter side from which its tiles are taken from one half as large
STEPS = 65535

Box = tuple[int, int, int, int]
Float32 = npt.NDArray[np.float32]

# How each dihedral view of pictures.dihedral, in its order, takes the unit square of the output to that of the view.
TURNS = np.array(
    [
        [[1, 0, 0], [0, 1, 0]],  # as it is
        [[-1, 0, 1], [0, 1, 0]],  # mirror
        [[1, 0, 0], [0, -1, 1]],  # flip
        [[-1, 0, 1], [0, -1, 1]],  # turn by 180 degrees
        [[0, 1, 0], [1, 0, 0]],  # transpose
        [[0, -1, 1], [1, 0, 0]],
        [[0, 1, 0], [-1, 0, 1]],
        [[0, -1, 1], [-1, 0, 1]],
    ],
    np.float64,
)


@dataclass(frozen=True)
class Views:
    """Regions of a picture as boxes [n, 4] (x0, y0, x1, y1 as fractions of the sides) with the turn of each row."""

    turn: npt.NDArray[np.int64]
    box: npt.NDArray[np.float64]


def trimmed(grey: UInt8, inside: Box | None = None) -> Box:
    """The box (x0, y0, x1, y1) that is left when even borders are cut off on all four sides."""
    x0, y0, x1, y1 = inside or (0, 0, grey.shape[1], grey.shape[0])
    region = grey[y0:y1, x0:x1]
    top, bottom = _even_ends(region)
    left, right = _even_ends(region[top : region.shape[0] - bottom].T)
    box = (x0 + left, y0 + top, x1 - right, y1 - bottom)
    enough = box[2] - box[0] >= LEAST_BOX and box[3] - box[1] >= LEAST_BOX
    return box if enough else (x0, y0, x1, y1)


def _even_ends(lines: UInt8) -> tuple[int, int]:
    """How many lines at the start and at the end are of one even tone."""
    if lines.shape[0] < 3 or lines.shape[1] < 1:
        return 0, 0
    return _even_start(lines), _even_start(lines[::-1])


def _even_start(lines: UInt8) -> int:
    """The same at the start. Most pictures have no border: then the first line is uneven, and the others need no look."""
    first = lines[0].astype(np.int64)
    n = len(first)
    if n * int(first @ first) - int(first.sum()) ** 2 > (BORDER_SPREAD * n) ** 2:  # its standard deviation, without numpy's
        return 0
    tone = None
    for start in range(0, len(lines), LINES_AT_ONCE):  # a border is narrow: most lines need no look
        values = lines[start : start + LINES_AT_ONCE].astype(np.float32)
        mean = values.mean(axis=1)
        tone = mean[0] if tone is None else tone
        uneven = (values.std(axis=1) > BORDER_SPREAD) | (np.abs(mean - tone) > BORDER_STEP)
        if uneven.any():
            return start + int(uneven.argmax())
    return 0


def work_fingerprint(grey: UInt8) -> Fingerprint:
    """Rows of a registered still: the whole, and what is left without its border where it has one; all at position 0."""
    boxes = [(0, 0, grey.shape[1], grey.shape[0])]
    inner = trimmed(grey)
    if differs(inner, boxes[0]):
        boxes.append(inner)
    pictures = squares(grey, boxes)
    usable = contrast(pictures) >= LEAST_CONTRAST
    if not usable.any():
        return make(WHOLE, np.zeros(0, np.int32), np.zeros((0, HASH_BYTES), np.uint8))
    bits = hashes(coefficients(pictures[usable]))
    return make(WHOLE, np.zeros(len(bits), np.int32), bits)


def probe_fingerprint(grey: UInt8) -> Fingerprint:
    """Rows of an output: whole and trimmed in eight turns, tiles as they are and mirrored. payload uint8[n, 41]:

    hash (32), turn (1), box (4 x 2 bytes, fractions of the sides). Keys include those with the least certain bits flipped.
    """
    full, tiles = _regions(grey)
    rows: list[tuple[Box, int]] = [(box, turn) for box in full for turn in range(8)]
    rows += [(box, turn) for box in tiles for turn in (0, 1)]
    boxes = full + tiles
    pictures = np.concatenate([squares(grey, full), _small_squares(grey, tiles)])
    usable = contrast(pictures) >= LEAST_CONTRAST
    turned = np.stack([low for _, low in dihedral(coefficients(pictures))], axis=1)
    at = {box: i for i, box in enumerate(boxes)}
    chosen = [(at[box], turn) for box, turn in rows if usable[at[box]]]
    if not chosen:
        return Fingerprint(WHOLE.name, np.zeros((0, 16), np.int64), np.zeros(0, np.int32), np.zeros((0, PROBE_BYTES), np.uint8))
    picture, turn = np.array(chosen).T
    low = turned[picture, turn]
    packed = np.zeros((len(low), PROBE_BYTES), np.uint8)
    packed[:, :HASH_BYTES] = hashes(low)
    packed[:, VIEW_COLUMN] = turn
    packed[:, BOX_COLUMNS] = packed_boxes(boxes, grey)[picture]
    return Fingerprint(WHOLE.name, flipped_keys(low, FLIPS), np.zeros(len(low), np.int32), packed)


def packed_boxes(boxes: list[Box], grey: UInt8) -> UInt8:
    """uint8[n, 8]: boxes of a picture as fractions of its sides."""
    height, width = grey.shape
    share = np.array(boxes, np.float64) / np.array([width, height, width, height])
    return np.asarray(np.rint(share * STEPS).astype("<u2").view(np.uint8).reshape(-1, 8), np.uint8)


def views(packed: UInt8) -> Views:
    """Turns and boxes back out of the payload of a probe."""
    return Views(packed[:, VIEW_COLUMN].astype(np.int64), unpacked_boxes(packed))


def unpacked_boxes(packed: UInt8) -> npt.NDArray[np.float64]:
    """float64[n, 4]: x0, y0, x1, y1 as fractions of the sides."""
    return np.asarray(packed[:, BOX_COLUMNS].copy().view("<u2").astype(np.float64) / STEPS)


def squares(grey: UInt8, boxes: list[Box]) -> UInt8:
    """uint8[n, 64, 64]: each region shrunk to the hash's picture."""
    small = [cv2.resize(grey[y0:y1, x0:x1], (SIDE, SIDE), interpolation=_kind(x1 - x0, y1 - y0)) for x0, y0, x1, y1 in boxes]
    return np.asarray(np.stack(small), np.uint8)


def _small_squares(grey: UInt8, boxes: list[Box]) -> UInt8:
    """The same of boxes that are looked up and not stored, from a picture half as large: a third of the time."""
    if not boxes:
        return np.zeros((0, SIDE, SIDE), np.uint8)
    if min(grey.shape) < HALVED_SIDE:
        return squares(grey, boxes)
    half = np.asarray(cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA), np.uint8)
    return squares(half, [(x0 // 2, y0 // 2, max(x1 // 2, x0 // 2 + 1), max(y1 // 2, y0 // 2 + 1)) for x0, y0, x1, y1 in boxes])


def _kind(width: int, height: int) -> int:
    return int(cv2.INTER_AREA if min(width, height) >= SIDE else cv2.INTER_LINEAR)


def differs(box: Box, other: Box) -> bool:
    """Whether a border between the two is worth a row of its own."""
    across, down = LEAST_TRIM * (other[2] - other[0]), LEAST_TRIM * (other[3] - other[1])
    sides = max(abs(box[0] - other[0]), abs(box[2] - other[2])), max(abs(box[1] - other[1]), abs(box[3] - other[3]))
    return sides[0] >= across or sides[1] >= down


def _regions(grey: UInt8) -> tuple[list[Box], list[Box]]:
    """Boxes of an output: the whole with its trimmed forms, and tiles: halves, thirds, quarters, middles, trimmed again."""
    whole = (0, 0, grey.shape[1], grey.shape[0])
    full = [whole]
    inner = trimmed(grey)
    if differs(inner, whole):
        full.append(inner)
    tiles: list[Box] = []
    for outer in full:
        for box in _tiles(outer):
            cut = trimmed(grey, box)
            tiles.extend(b for b in (box, cut) if _large(b))
    different = list(full)
    for box in tiles:
        if all(differs(box, other) for other in different):
            different.append(box)
    return full, different[len(full) :]


def _large(box: Box) -> bool:
    return min(box[2] - box[0], box[3] - box[1]) >= LEAST_BOX


def _tiles(box: Box) -> list[Box]:
    x0, y0, x1, y1 = box
    shares = [
        (0, 0, 1 / 2, 1), (1 / 2, 0, 1, 1), (0, 0, 1, 1 / 2), (0, 1 / 2, 1, 1),
        (0, 0, 1 / 3, 1), (1 / 3, 0, 2 / 3, 1), (2 / 3, 0, 1, 1), (0, 0, 1, 1 / 3), (0, 1 / 3, 1, 2 / 3), (0, 2 / 3, 1, 1),
        (0, 0, 1 / 2, 1 / 2), (1 / 2, 0, 1, 1 / 2), (0, 1 / 2, 1 / 2, 1), (1 / 2, 1 / 2, 1, 1),
        (0.1, 0.1, 0.9, 0.9), (0, 0.15, 1, 1), (0, 0, 1, 0.85),
    ]  # fmt: skip
    w, h = x1 - x0, y1 - y0
    return [(x0 + round(a * w), y0 + round(b * h), x0 + round(c * w), y0 + round(d * h)) for a, b, c, d in shares]
