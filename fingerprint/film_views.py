"""From small grey frames to columns: borders trimmed shot by shot, hashes, thumbs, and the rows worth keeping."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.hashing import Int32, UInt8, hamming
from fingerprint.pictures import SIDE, Float32, coefficients, contrast, hashes

THUMB = 16  # side of a thumb
FRAME = 48  # side of a probe's frame
FLAT = 5.0  # grey levels of standard deviation below which a picture tells nothing
CUT_LEVELS = 18.0  # mean step between two thumbs that is a cut
BAR_LEVELS = 4.0  # a bar varies less than this, along itself and over the shot
# What a bar ends at differs from it by so many grey levels, along so much of the line: bars 0.70 to 1, sides of somebody who
# stands before a plain ground at most 0.61.
EDGE_LEVELS, EDGE_SHARE = 8.0, 0.65
NEW_BITS = 60  # of 256 from the last key picture: another shot
MOVED_LEVELS = 4
LEAST_AREA = 0.2  # of the frame must be left when bars are cut away

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Shots:
    """Frames of one chunk with the box [y0, y1, x0, x1] that bars leave of each: boxes int32[n, 4]."""

    grey: UInt8
    boxes: Int32

    def inside(self, row: int) -> UInt8:
        """One frame without its bars."""
        y0, y1, x0, x1 = self.boxes[row].tolist()
        return self.grey[row, y0:y1, x0:x1]


class KeyPictures:
    """Chooses key pictures from chunk after chunk: the first that tells something of each shot, and one each `every_s` of it,

    never nearer than `apart_s`.
    """

    def __init__(self, every_s: float, apart_s: float) -> None:
        self.every_s, self.apart_s = every_s, apart_s
        self._time = -1e9
        self._hash: UInt8 | None = None

    def of(self, times: npt.NDArray[np.float64], hashed: UInt8, telling: Bool) -> list[int]:
        """The rows of this chunk that are key pictures."""
        chosen = []
        for row in np.flatnonzero(telling).tolist():
            passed = float(times[row]) - self._time
            new = self._hash is None or int(hamming(hashed[row], self._hash)) >= NEW_BITS
            if passed >= self.every_s - 1e-6 or (new and passed >= self.apart_s - 1e-6):
                chosen.append(row)
                self._time, self._hash = float(times[row]), hashed[row]
        return chosen


def boxed(grey: UInt8) -> Shots:
    """Frames with the box of their shot."""
    small = resized(grey, (THUMB, THUMB)).astype(np.int16)
    step = np.abs(np.diff(small, axis=0)).mean(axis=(1, 2))
    starts = [0, *(np.flatnonzero(step > CUT_LEVELS) + 1).tolist(), len(grey)]
    boxes = np.zeros((len(grey), 4), np.int32)
    for a, b in zip(starts, starts[1:], strict=False):
        boxes[a:b] = content_box(grey[a:b])
    return Shots(grey, boxes)


def content_box(grey: UInt8) -> tuple[int, int, int, int]:
    """[y0, y1, x0, x1] of what letterbox, pillarbox or window-box bars of one colour leave of a shot uint8[n, h, w]."""
    n, h, w = grey.shape
    some = grey[:: max(1, n // 12)].astype(np.float32)
    turned = some.transpose(0, 2, 1)
    y0, y1 = _inside(_flat_lines(some))
    x0, x1 = _inside(_flat_lines(turned))
    for _ in range(2):  # how much of a line is judged between the bars of the other sides, when these are bars
        y0, y1 = (y0, y1) if _edged(some[:, :, x0:x1], y0, y1) else (0, h)
        x0, x1 = (x0, x1) if _edged(turned[:, :, y0:y1], x0, x1) else (0, w)
    if (y1 - y0) * (x1 - x0) < LEAST_AREA * h * w:
        return 0, h, 0, w
    return y0, y1, x0, x1


def _edged(some: Float32, first: int, end: int) -> bool:
    """Whether the picture begins at these lines all along, as it does at bars: a figure before a plain ground touches them."""
    for bar, line in ((some[:, : max(first - 1, 0)], first), (some[:, end + 1 :], end - 1)):
        if bar.size and (np.abs(some[:, line] - np.median(bar)) > EDGE_LEVELS).mean(axis=1).max() < EDGE_SHARE:
            return False
    return True


def _flat_lines(some: Float32) -> Bool:
    """Which rows of a shot are of one colour all along and all the time."""
    along = np.median(some.std(axis=2), axis=0)
    over = some.mean(axis=2).std(axis=0)
    return np.asarray((along < BAR_LEVELS) & (over < BAR_LEVELS))


def _inside(flat: Bool) -> tuple[int, int]:
    """First and last line that is not a bar. Bars come in equal pairs: an empty sky is none."""
    solid, n = np.flatnonzero(~flat), len(flat)
    if not len(solid):
        return 0, n
    a, b = int(solid[0]), n - 1 - int(solid[-1])
    if min(a, b) < 0.02 * n or abs(a - b) > 0.03 * n + 1:
        return 0, n
    return a + 1, n - b - 1  # without the soft line at a bar's edge


def resized(grey: UInt8, shape: tuple[int, int]) -> UInt8:
    """uint8[n, h, w] -> uint8[n, *shape], averaging."""
    return np.stack([cv2.resize(g, shape[::-1], interpolation=cv2.INTER_AREA) for g in grey])


def cropped(shots: Shots, side: int) -> UInt8:
    """Each frame's box, squeezed to side x side."""
    return np.stack(
        [
            cv2.resize(np.ascontiguousarray(g[y0:y1, x0:x1]), (side, side), interpolation=cv2.INTER_AREA)
            for g, (y0, y1, x0, x1) in zip(shots.grey, shots.boxes.tolist(), strict=True)
        ]
    )


def low_frequencies(squares: UInt8) -> tuple[Float32, Bool]:
    """Squares uint8[n, 64, 64] -> (low DCT coefficients [n, 16, 16], which of them tell anything)."""
    return coefficients(squares), contrast(squares) >= FLAT


def distinct_rows(
    hashed: UInt8, telling: Bool, times: npt.NDArray[np.float64], bits: int, hold_s: float
) -> npt.NDArray[np.int64]:
    """Rows to keep: those that tell something and differ from the last kept by `bits`, or come `hold_s` after it."""
    kept: list[int] = []
    for row in np.flatnonzero(telling).tolist():
        last = kept[-1] if kept else -1
        if last < 0 or times[row] - times[last] >= hold_s - 1e-6 or int(hamming(hashed[row], hashed[last])) >= bits:
            kept.append(row)
    return np.array(kept, np.int64)


def moved_rows(thumbs: UInt8, times: npt.NDArray[np.float64], hold_s: float) -> npt.NDArray[np.int64]:
    """Rows in which some cell of the thumb has moved since the last kept one, or that come `hold_s` after it."""
    kept: list[int] = []
    levels = thumbs.astype(np.int16)
    for row in range(len(times)):
        last = kept[-1] if kept else -1
        if last < 0 or times[row] - times[last] >= hold_s - 1e-6 or np.abs(levels[row] - levels[last]).max() > MOVED_LEVELS:
            kept.append(row)
    return np.array(kept, np.int64)


def flat(pictures: UInt8) -> UInt8:
    """uint8[n, h, w] -> uint8[n, h * w]."""
    return pictures.reshape(len(pictures), -1)


__all__ = [
    "FRAME", "SIDE", "THUMB", "Bool", "KeyPictures", "Shots", "boxed", "cropped", "distinct_rows", "flat", "hashes",
    "low_frequencies", "moved_rows", "resized",
]  # fmt: skip
