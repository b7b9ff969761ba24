"""A film against registered stills: which of its pictures show one, whole or in part, and for how long.

A slide show, a slow zoom over an illustration, a photograph in a corner. Whole hashes find what fills the picture, local
features the rest; each picture of the film that they lead to is then compared as a still is (image_evidence).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from fingerprint import image_evidence, image_local
from fingerprint.features import Alignment, Evidence, Fingerprint, Part, Scheme, make
from fingerprint.film_compare import BOX_UNIT
from fingerprint.film_sight import FRAMES, HASH_BYTES
from fingerprint.film_views import FRAME
from fingerprint.hashing import Int32, UInt8, hamming
from fingerprint.image_film import TURN_NAMES
from fingerprint.image_local import LOCAL, Seen
from fingerprint.image_pixels import SMALL
from fingerprint.image_views import BOX_COLUMNS, PROBE_BYTES, STEPS, VIEW_COLUMN
from fingerprint.pictures import INVERTED, WHOLE, WHOLE_NAME, Float32

SIDE = 160  # key pictures are kept so large, squeezed to a square
SHAPE_BYTES = 4  # width and height, before the picture
# Points of each key picture and cells of each point that are looked up: the first of these that give no more keys than MOST_KEYS.
FEWER = ((400, 2), (300, 2), (200, 2), (150, 2), (150, 1), (100, 1), (60, 1))
MOST_KEYS = 9_000
MIRROR_POINTS = 0.5  # of those points, one cell each: whole hashes find most mirrored pictures as well
MOST_MOMENTS = 6  # key pictures in which a work is looked for
LEAST_ROWS = 3  # points of a key picture with a hit, without which it is not looked at
# Shares of the mean square by which the film's pictures change at all; two unrelated pictures are 2.0 apart. So far from the
# picture that was compared, it is another one; so far from the one before, there is a cut.
CHANGED, CUT, LEAST_SPREAD = 0.5, 0.25, 64.0
COARSE = 12  # side of the pictures by which that is told
POOL = FRAME // COARSE
NEAR_S = 1.6  # moments no further apart than that, a little more than key pictures are, are one stretch

PICTURES = Scheme(
    "film.picture.1",
    "film",
    tick=WHOLE.tick,
    payload_width=SHAPE_BYTES + SIDE * SIDE,
    indexed=False,
    aligner="none",
    stored=False,
)


class KeyPicture(NamedTuple):
    """One key picture of an output: its tick, payload uint8 of PICTURES, points as they are and mirrored, width and height."""

    tick: int
    payload: UInt8
    points: tuple[Seen, Seen]
    size: tuple[int, int]


def key_picture(tick: int, grey: UInt8, points: tuple[Seen, Seen]) -> KeyPicture:
    """What is kept of a key picture beside its film points."""
    height, width = grey.shape
    small = cv2.resize(np.ascontiguousarray(grey), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    shape = np.array([width, height], "<u2").view(np.uint8)
    return KeyPicture(tick, np.concatenate([shape, small.ravel()]).astype(np.uint8), points, (width, height))


def probe_fingerprints(pictures: list[KeyPicture]) -> tuple[Fingerprint, ...]:
    """What is looked up in stills: local features of the key pictures, also mirrored; and these pictures, to compare."""
    limit, cells = next((s for s in FEWER if s[0] * s[1] * len(pictures) <= MOST_KEYS), FEWER[-1])
    ticks = np.array([p.tick for p in pictures], np.int32)
    rows = np.array([p.payload for p in pictures], np.uint8).reshape(len(pictures), PICTURES.payload_width)
    plain = _joined(pictures, 0, limit, cells, "")
    return plain, _joined(pictures, 1, round(limit * MIRROR_POINTS), 1, "mirror"), make(PICTURES, ticks, rows)


def _joined(pictures: list[KeyPicture], side: int, limit: int, cells: int, variant: str) -> Fingerprint:
    """The points of all pictures as one fingerprint of stills, whose positions are the pictures' ticks."""
    keys, payloads, positions = [np.zeros((0, cells), np.int64)], [np.zeros((0, LOCAL.payload_width), np.uint8)], []
    for picture in pictures:
        own = picture.points[side]
        keys.append(image_local.words(own.cells, own.signatures)[:limit, :cells])
        payloads.append(image_local.payload(own.points, *picture.size, own.signatures)[:limit])
        positions.append(np.full(len(keys[-1]), picture.tick, np.int32))
    ticks = np.concatenate([np.zeros(0, np.int32), *positions])
    return Fingerprint(LOCAL.name, np.concatenate(keys), ticks, np.concatenate(payloads), variant)


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """Evidence for each stretch in which the film shows the still; work_span is [x, y, w, h] in pixels of the work."""
    pictures = output.of(PICTURES.name)
    if pictures is None or not len(pictures):
        return []
    by_points = alignment.scheme == LOCAL.name
    moments = (_by_points if by_points else _by_hash)(output, work, alignment)
    found: list[tuple[int, Evidence]] = []
    for tick, still, own in moments:
        for e in image_evidence.compare(still, work, own):
            rows = _rows_at(output, tick, e) if by_points else np.zeros(0, np.int32)
            found.append((tick, dataclasses.replace(e, rows=rows, scheme=LOCAL.name)))
    # In so many pictures chance could have tried.
    tried = float(np.log10(len(pictures)))
    return _stretches(output, [(tick, e) for tick, e in found if e.strength > tried], tried)


def _rows_at(output: Part, tick: int, evidence: Evidence) -> Int32:
    """Rows of the key picture's points as rows of all points."""
    points = output.of(LOCAL.name, evidence.variant)
    first = 0 if points is None else int(np.searchsorted(points.positions, tick))
    return (evidence.rows + first).astype(np.int32)


Moment = tuple[int, Part, Alignment]


def _by_points(output: Part, work: Part, alignment: Alignment) -> Iterator[Moment]:
    """Key pictures in which most points have hits, most first."""
    points = output.of(LOCAL.name, alignment.variant)
    if points is None:
        return
    rows = alignment.output_rows
    ticks = points.positions[rows]
    different, place = np.unique(ticks, return_inverse=True)
    distinct = np.bincount(place[np.unique(rows, return_index=True)[1]], minlength=len(different))
    for at in np.argsort(-distinct, kind="stable")[:MOST_MOMENTS].tolist():
        if distinct[at] < LEAST_ROWS:
            break
        tick, mine = int(different[at]), place == at
        first = int(np.searchsorted(points.positions, tick))
        own = dataclasses.replace(
            alignment, output_rows=(rows[mine] - first).astype(np.int32), work_rows=alignment.work_rows[mine]
        )
        yield tick, _still(output, tick), own


def _by_hash(output: Part, work: Part, alignment: Alignment) -> Iterator[Moment]:
    """Key pictures nearest to those whose hash is most like one of the work's."""
    probe, theirs, pictures = output.of(WHOLE_NAME, alignment.variant), work.of(WHOLE_NAME), output.of(PICTURES.name)
    if probe is None or probe.payload is None or theirs is None or theirs.payload is None or pictures is None:
        return
    rows = np.unique(alignment.output_rows)
    bits = hamming(probe.payload[rows, None, :HASH_BYTES], theirs.payload[None, :, :HASH_BYTES]).min(axis=1)
    tried: set[int] = set()
    for at in np.argsort(bits, kind="stable").tolist():
        if bits[at] > image_evidence.WHOLE_FARTHEST or len(tried) == MOST_MOMENTS:
            break
        tick = int(pictures.positions[np.abs(pictures.positions - probe.positions[rows[at]]).argmin()])
        if tick in tried:
            continue
        tried.add(tick)
        view = _as_of_a_still(probe.payload[rows[at]], alignment.variant)
        own = dataclasses.replace(alignment, variant="", output_rows=np.zeros(1, np.int32), work_rows=np.zeros(1, np.int32))
        still = _still(output, tick)
        yield tick, dataclasses.replace(still, fingerprints=(*still.fingerprints, view)), own


def _as_of_a_still(row: UInt8, variant: str) -> Fingerprint:
    """One whole hash of a film's probe in the form in which a still's probe has it: hash, turn, box."""
    turn = variant.removeprefix("bars").strip("+")
    packed = np.zeros((1, PROBE_BYTES), np.uint8)
    packed[0, :HASH_BYTES] = row[:HASH_BYTES]
    packed[0, VIEW_COLUMN] = 0 if turn == INVERTED else TURN_NAMES.index(turn)
    y0, y1, x0, x1 = row[HASH_BYTES : HASH_BYTES + 4] / BOX_UNIT
    packed[0, BOX_COLUMNS] = np.rint(np.array([x0, y0, x1, y1]) * STEPS).astype("<u2").view(np.uint8)
    return Fingerprint(WHOLE_NAME, np.zeros((1, 0), np.int64), np.zeros(1, np.int32), packed)


def _still(output: Part, tick: int) -> Part:
    """The key picture of that tick as the probe of a still."""
    pictures = output.of(PICTURES.name)
    assert pictures is not None
    return _picture_part(pictures, output.of(LOCAL.name), output.of(LOCAL.name, "mirror"), tick)


@lru_cache(maxsize=16)  # each keeps an output's key pictures in memory
def _picture_part(pictures: Fingerprint, plain: Fingerprint | None, mirror: Fingerprint | None, tick: int) -> Part:
    assert pictures.payload is not None
    row = pictures.payload[int(np.searchsorted(pictures.positions, tick))]
    width, height = row[:SHAPE_BYTES].copy().view("<u2").tolist()
    square = row[SHAPE_BYTES:].reshape(SIDE, SIDE)
    grey = np.asarray(cv2.resize(square, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    shown = make(SMALL, np.arange(height, dtype=np.int32), grey)
    own = [_points_at(points, tick) for points in (plain, mirror)]
    return Part("image", (float(width), float(height)), (shown, *(f for f in own if f is not None)))


def _points_at(points: Fingerprint | None, tick: int) -> Fingerprint | None:
    if points is None or points.payload is None:
        return None
    rows = slice(*np.searchsorted(points.positions, [tick, tick + 1]).tolist())
    numbers = np.arange(rows.stop - rows.start, dtype=np.int32)
    return Fingerprint(points.scheme, points.keys[rows], numbers, points.payload[rows], points.variant)


def _stretches(output: Part, found: list[tuple[int, Evidence]], tried: float) -> list[Evidence]:
    """One Evidence for each stretch: that of its strongest moment, over all the seconds that show the same."""
    spans = sorted(((_span(output, tick), tick, e) for tick, e in found), key=lambda s: (s[0], s[1]))
    joined: list[tuple[float, float, list[Evidence]]] = []
    for (start, end), _, e in spans:
        if joined and start <= joined[-1][1] + NEAR_S:
            before = joined[-1]
            joined[-1] = (before[0], max(before[1], end), [*before[2], e])
        else:
            joined.append((start, end, [e]))
    return [_evidence(start, end, own, tried) for start, end, own in joined]


def _evidence(start: float, end: float, own: list[Evidence], tried: float) -> Evidence:
    strongest = max(own, key=lambda e: e.strength)
    rows = np.unique(np.concatenate([e.rows for e in own])).astype(np.int32)
    strength = strongest.strength - tried
    return dataclasses.replace(strongest, output_span=(start, end), output_polygon=(), scale=1.0, strength=strength, rows=rows)


def _span(output: Part, tick: int) -> tuple[float, float]:
    """The seconds around that moment in which the film's picture stays what it is, as far as it was looked at."""
    frames = output.of(FRAMES.name)
    second = tick * PICTURES.tick
    if frames is None or not len(frames):
        return second, second
    (levels, spread), times = _levels(frames), frames.positions * FRAMES.tick
    at = int(np.abs(times - second).argmin())
    away = ((levels - levels[at]) ** 2).mean(axis=1) > CHANGED * spread
    cut = ((levels[1:] - levels[:-1]) ** 2).mean(axis=1) > CUT * spread
    unseen = np.diff(times) > NEAR_S  # of a long film only what surrounds some moments is decoded
    ends = np.flatnonzero(away[1:] | away[:-1] | cut | unseen)  # between this row and the next one
    before, after = ends[ends < at], ends[ends >= at]
    start = float(times[before[-1] + 1]) if len(before) else float(times[0])
    end = float(min(times[after[0] + 1], times[after[0]] + NEAR_S)) if len(after) else output.extent[0]
    return start, max(end, start)


@lru_cache(maxsize=2)
def _levels(frames: Fingerprint) -> tuple[Float32, float]:
    """float32[n, 144]: the small frames at a quarter of their sides; and the mean square by which they change over the film,

    which bars and whatever else stays all the time have no part in.
    """
    small = np.asarray(frames.payload, np.float32).reshape(len(frames), COARSE, POOL, COARSE, POOL).mean(axis=(2, 4))
    levels = np.asarray(small.reshape(len(frames), COARSE * COARSE), np.float32)
    return levels, max(float(((levels - levels.mean(axis=0)) ** 2).mean()), LEAST_SPREAD)
