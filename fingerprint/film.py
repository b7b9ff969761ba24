"""Film: the picture of a film as whole-picture hashes, local features, thumbs and (for what is looked up) small frames.

`decode` finds a film readable, `features` and `probes` walk its frames once. See film_frames (decoding), film_views
(borders, hashes, rows kept), film_local (crops and insets), film_compare (the check of an alignment).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fingerprint import film_compare, film_still
from fingerprint.features import Alignment, Evidence, Fingerprint, Part, make
from fingerprint.film_compare import BOX_UNIT
from fingerprint.film_frames import SIDE as WORK_SIDE
from fingerprint.film_frames import Film, chunks, decode
from fingerprint.film_glance import GLANCE
from fingerprint.film_local import LOCAL, OLD_LOCAL, Found, Looked, fewer, joined_points, probe_points, work_points
from fingerprint.film_sight import FRAMES, OLD_THUMBS, THUMBS, Index, nearest, thumbs_of
from fingerprint.film_still import PICTURES, KeyPicture, key_picture
from fingerprint.film_views import (
    FRAME,
    SIDE,
    THUMB,
    Bool,
    KeyPictures,
    boxed,
    cropped,
    distinct_rows,
    flat,
    hashes,
    low_frequencies,
    moved_rows,
    resized,
)
from fingerprint.hashing import Int32, UInt8, hamming
from fingerprint.medium import Medium
from fingerprint.pictures import INVERTED, WHOLE, Float32, dihedral, flipped_keys, inverted

SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg", ".ts", ".m2ts", ".wmv", ".flv", ".ogv",
    ".3gp", ".vob", ".apng",
)  # fmt: skip
WORK_RATE, PROBE_RATE, LEAST_RATE = 4.0, 8.0, 1.0  # frames a second that are looked at
MOST_FRAMES = 24_000  # of an output
PROBE_SIDE = 360  # an inset is a small part of the picture
GLANCE_SIDE = 240  # of the key frames of a long output, when they are looked at first: SIFT is most of their cost
GLANCE_KEYS_S, GLANCE_APART_S = 3.0, 1.0
HOLD_S = 1.0  # a picture that stays is kept again after this
SAME_BITS, PROBE_SAME_BITS = 80, 20  # of 256: pictures nearer than this are kept once. A work's have sixteen postings each
UNUSUAL_SAME_BITS = 64  # the same for views that are seldom right
SPARED_BITS = 8  # a thumb has no hash of its own when the nearest one is as near as this
WORK_KEYS_S, PROBE_KEYS_S = 3.0, 1.5  # seconds between key pictures in a shot
WORK_APART_S = 1.75  # and at least between those of a work
PROBE_APART = 0.3  # of the seconds between an output's key pictures must pass between two shots
MOST_KEYS = 300  # key pictures of an output; a longer one has them further apart
USUAL_TURNS = ("", "mirror")
FLIPS = {"": 2, "mirror": 1}  # least certain bits of each band that a probe also tries the other way; none in unusual turns

Times = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


class Rows(NamedTuple):
    """Columns of one length, one row a frame: low DCT coefficients, whether they tell anything, box, small picture."""

    times: Times
    low: Float32
    telling: Bool
    boxes: UInt8
    pictures: UInt8


def features(film: Film) -> Part:
    """What the registry stores of a film: hashes, thumbs and local features of its pictures without bars."""
    parts: list[tuple[Times, UInt8, Bool, UInt8]] = []
    keys = KeyPictures(WORK_KEYS_S, WORK_APART_S)
    found: list[Found] = []
    end = 0.0
    for chunk in chunks(film, WORK_RATE, WORK_SIDE):
        shots = boxed(chunk.grey)
        squares = cropped(shots, SIDE)
        low, telling = low_frequencies(squares)
        hashed = hashes(low)
        parts.append((chunk.times, hashed, telling, resized(squares, (THUMB, THUMB))))
        found.extend(work_points(chunk.times[i], shots.inside(i)) for i in keys.of(chunk.times, hashed, telling))
        end = chunk.end_s
    times, hashed, telling, pictures = (np.concatenate(column) for column in zip(*parts, strict=True))
    kept = distinct_rows(hashed, telling, times, SAME_BITS, HOLD_S)
    moved = moved_rows(pictures, times, HOLD_S)
    whole = make(WHOLE, _ticks(times[kept]), hashed[kept])
    thumbs = thumbs_of(_ticks(times[moved]), pictures[moved], _own_hashes(times, hashed, moved, kept))
    return Part("film", (end,), (whole, thumbs, joined_points(found, 1)))


def _own_hashes(times: Times, hashed: UInt8, moved: Index, kept: Index) -> UInt8:
    """uint8[n, 32]: the hashes of the pictures that moved, zeros where the hash kept nearest to it in time says the same."""
    own = hashed[moved]
    if len(kept):
        near = kept[nearest(times[kept], times[moved])]
        own = np.where(hamming(own, hashed[near])[:, None] > SPARED_BITS, own, 0).astype(np.uint8)
    return own


def probes(film: Film) -> Part:
    """What is looked up: hashes of denser pictures, turned and mirrored, with their bars too, and denser local features.

    Of a film that is reduced to some of its seconds, or to its key frames, that much; its length stays what it is.
    """
    bare: list[Rows] = []
    barred: list[Rows] = []
    keys = _keys(film)
    side = PROBE_SIDE if film.within != () else GLANCE_SIDE
    found: list[Looked] = []
    pictures: list[KeyPicture] = []
    end = 0.0
    for chunk in chunks(film, _probe_rate(film.declared_s), side):
        shots = boxed(chunk.grey)
        n, h, w = chunk.grey.shape
        all_of_it = np.tile(np.array([0, h, 0, w], np.int32), (n, 1))
        none = np.zeros((n, 0), np.uint8)
        bare.append(Rows(chunk.times, *low_frequencies(cropped(shots, SIDE)), _edges(shots.boxes, h, w), none))
        full = low_frequencies(resized(chunk.grey, (SIDE, SIDE)))
        barred.append(Rows(chunk.times, *full, _edges(all_of_it, h, w), flat(resized(chunk.grey, (FRAME, FRAME)))))
        for i in keys.of(chunk.times, hashes(full[0]), full[1]):
            found.append(probe_points(chunk.times[i], chunk.grey[i]))
            pictures.append(key_picture(found[-1].plain.tick, chunk.grey[i], found[-1].points))
        end = chunk.end_s
    if not barred:  # not one key frame of it can be decoded
        return probes(dataclasses.replace(film, within=None))
    end = end if film.within is None else max(end, film.declared_s)
    inner, outer = _joined(bare), _joined(barred)
    has_bars = (inner.boxes != outer.boxes).any(axis=1)
    views = [*_turned(inner, ""), *_turned(outer._replace(telling=outer.telling & has_bars), "bars")]
    turned = [f.plain for f in found], [f.mirror for f in found]
    local = [joined_points(*fewer(own, name), name) for own, name in zip(turned, USUAL_TURNS, strict=True)]
    frames = make(FRAMES, _ticks(outer.times), outer.pictures)
    return Part("film", (end,), (*views, *local, frames, *film_still.probe_fingerprints(pictures)))


def _keys(film: Film) -> KeyPictures:
    """What chooses the pictures of an output of which points are looked up; a longer one has them further apart."""
    if film.within == ():
        return KeyPictures(GLANCE_KEYS_S, GLANCE_APART_S)
    every = max(PROBE_KEYS_S, film.declared_s / MOST_KEYS)
    return KeyPictures(every, PROBE_APART * every)


def _probe_rate(declared_s: float) -> float:
    """Frames a second that are looked at: fewer of a long output, so that it stays in memory."""
    return min(PROBE_RATE, max(LEAST_RATE, MOST_FRAMES / max(declared_s, 1.0)))


def _turned(rows: Rows, prefix: str) -> Iterator[Fingerprint]:
    """The hashes of these pictures in each turn and as negatives; what is unusual at half the rate, and not with bars."""
    kept = distinct_rows(hashes(rows.low), rows.telling, rows.times, PROBE_SAME_BITS, HOLD_S / 2)
    if not len(kept):
        return
    few = kept[distinct_rows(hashes(rows.low[kept]), rows.telling[kept], rows.times[kept], UNUSUAL_SAME_BITS, HOLD_S)]
    for name, _ in dihedral(rows.low[:0]):
        usual = name in USUAL_TURNS
        if prefix and not usual:
            continue
        chosen = kept if usual else few
        low = dict(dihedral(rows.low[chosen]))[name]
        payload = np.hstack([hashes(low), rows.boxes[chosen]])
        keys = flipped_keys(low, FLIPS.get(name, 0))
        yield Fingerprint(WHOLE.name, keys, _ticks(rows.times[chosen]), payload, "+".join(filter(None, (prefix, name))))
    if not prefix:
        low = inverted(rows.low[few])
        yield make(WHOLE, _ticks(rows.times[few]), np.hstack([hashes(low), rows.boxes[few]]), variant=INVERTED)


def _joined(parts: list[Rows]) -> Rows:
    return Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _edges(boxes: Int32, h: int, w: int) -> UInt8:
    """Boxes [y0, y1, x0, x1] in 250ths of the frame."""
    return np.asarray(np.round(boxes * BOX_UNIT / np.array([h, h, w, w])), np.uint8)


def _ticks(times: Times) -> Int32:
    return np.round(times / WHOLE.tick).astype(np.int32)


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """Evidence that `work`, a film or a still, is in the output."""
    if work.medium == "image":
        return film_still.compare(output, work, alignment)
    return film_compare.compare(output, work, alignment)


FILM = Medium(
    "film",
    SUFFIXES,
    (WHOLE, LOCAL, OLD_LOCAL, THUMBS, OLD_THUMBS, FRAMES, PICTURES),
    decode,
    features,
    probes,
    compare,
    GLANCE,
)
