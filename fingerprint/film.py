"""Film: the picture of a film as whole-picture hashes, thumbs and (for what is looked up) small frames.

`decode` finds a film readable, `features` and `probes` walk its frames once. See film_frames (decoding), film_views
(borders, hashes, rows kept), film_compare (the check of an alignment).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from fingerprint.features import Fingerprint, Part, make
from fingerprint.film_compare import BOX_UNIT, compare
from fingerprint.film_frames import Chunk, Film, chunks, decode
from fingerprint.film_sight import FRAMES, THUMBS
from fingerprint.film_views import (
    FRAME,
    SIDE,
    THUMB,
    Bool,
    boxed,
    cropped,
    distinct_rows,
    hashes,
    low_frequencies,
    resized,
)
from fingerprint.hashing import Int32, UInt8
from fingerprint.medium import Medium
from fingerprint.pictures import WHOLE, Float32, dihedral

SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg", ".ts", ".m2ts", ".wmv", ".flv", ".ogv",
    ".3gp", ".vob", ".apng",
)  # fmt: skip
WORK_RATE = 4.0  # frames a second that are looked at when a work is registered
PROBE_RATE = 8.0
HOLD_S = 1.0  # a picture that stays is kept again after this
SAME_BITS = 20  # of 256: pictures nearer than this are kept once
TICKS = 1 / WHOLE.tick


class Rows(NamedTuple):
    """Columns of one length of a film's pictures, one row a frame."""

    times: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    low: Float32
    telling: Bool
    boxes: UInt8
    pictures: UInt8


def features(film: Film) -> Part:
    """What the registry stores of a film: hashes and thumbs of its pictures without bars."""
    rows, end = _walk(film, WORK_RATE, _work_rows)
    hashed = hashes(rows.low)
    kept = distinct_rows(hashed, rows.telling, rows.times, SAME_BITS, HOLD_S)
    positions = _ticks(rows.times)
    whole = make(WHOLE, positions[kept], hashed[kept])
    moved = _moved_rows(rows.pictures, rows.times)
    thumbs = make(THUMBS, positions[moved], np.hstack([rows.boxes[moved], rows.pictures[moved]]))
    return Part("film", (end,), (whole, thumbs))


def probes(film: Film) -> Part:
    """What is looked up: hashes of denser pictures, without bars and with them, in all eight turns and mirrors."""
    rows, end = _walk(film, PROBE_RATE, _trimmed_rows)
    full, _ = _walk(film, PROBE_RATE, _full_rows)
    found: list[Fingerprint] = []
    barred = (rows.boxes != full.boxes).any(axis=1)
    for prefix, view in (("", rows), ("bars", full._replace(telling=full.telling & barred))):
        found.extend(_turned(view, prefix))
    found.append(make(FRAMES, _ticks(full.times), full.pictures))
    return Part("film", (end,), tuple(found))


def _turned(rows: Rows, prefix: str) -> Iterator[Fingerprint]:
    kept = distinct_rows(hashes(rows.low), rows.telling, rows.times, SAME_BITS // 2, 0.5)
    if not len(kept):
        return
    for name, low in dihedral(rows.low[kept]):
        payload = np.hstack([hashes(low), rows.boxes[kept]])
        yield make(WHOLE, _ticks(rows.times[kept]), payload, variant="+".join(filter(None, (prefix, name))))


def _walk(film: Film, rate: float, view: Callable[[Chunk], Rows]) -> tuple[Rows, float]:
    """All rows of a film, and where it ends in seconds."""
    parts, end = [], 0.0
    for chunk in chunks(film, rate):
        parts.append(view(chunk))
        end = chunk.end_s
    return Rows(*(np.concatenate(column) for column in zip(*parts, strict=True))), end


def _work_rows(chunk: Chunk) -> Rows:
    shots = boxed(chunk.grey)
    squares = cropped(shots, SIDE)
    y0, y1, x0, x1 = shots.boxes.T
    shape = np.stack([x1 - x0, y1 - y0], axis=1)
    return Rows(
        chunk.times, *low_frequencies(squares), np.minimum(shape, 255).astype(np.uint8), _flat(resized(squares, (THUMB, THUMB)))
    )


def _trimmed_rows(chunk: Chunk) -> Rows:
    shots = boxed(chunk.grey)
    return Rows(
        chunk.times,
        *low_frequencies(cropped(shots, SIDE)),
        _edges(shots.boxes, chunk.grey),
        np.zeros((len(chunk.times), 0), np.uint8),
    )


def _full_rows(chunk: Chunk) -> Rows:
    n, h, w = chunk.grey.shape
    boxes = np.tile(np.array([0, h, 0, w], np.int32), (n, 1))
    return Rows(
        chunk.times,
        *low_frequencies(resized(chunk.grey, (SIDE, SIDE))),
        _edges(boxes, chunk.grey),
        _flat(resized(chunk.grey, (FRAME, FRAME))),
    )


def _edges(boxes: Int32, grey: UInt8) -> UInt8:
    """Boxes [y0, y1, x0, x1] in 250ths of the frame."""
    _, h, w = grey.shape
    return np.round(boxes * BOX_UNIT / np.array([h, h, w, w])).astype(np.uint8)


def _flat(pictures: UInt8) -> UInt8:
    return pictures.reshape(len(pictures), -1)


def _moved_rows(
    thumbs: UInt8, times: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Rows in which some cell has moved since the last kept one, or that come HOLD_S after it."""
    kept: list[int] = []
    for row in range(len(times)):
        if not kept or times[row] - times[kept[-1]] >= HOLD_S - 1e-6:
            kept.append(row)
        elif int(np.abs(thumbs[row].astype(np.int16) - thumbs[kept[-1]]).max()) > 4:
            kept.append(row)
    return np.array(kept, np.int64)


def _ticks(times: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Int32:
    return np.round(times * TICKS).astype(np.int32)


FILM = Medium("film", SUFFIXES, (WHOLE, THUMBS, FRAMES), decode, features, probes, compare)
