"""Pictures as they are compared: signs of their low frequencies, and thumbs without the slow gradients that all share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint, Part, Scheme, make
from fingerprint.film_views import FRAME, SIDE, THUMB
from fingerprint.hashing import Int32, UInt8
from fingerprint.pictures import INVERTED, LOW, ODD, WHOLE, Float32, coefficients, hashes

HASH_BYTES = 32
THUMBS = Scheme("film.thumb.2", "film", tick=WHOLE.tick, payload_width=HASH_BYTES + 1 + THUMB * THUMB, indexed=False)
FRAMES = Scheme("film.frame.1", "film", tick=WHOLE.tick, payload_width=FRAME * FRAME, indexed=False, stored=False)
HASH_PART = 0.6  # of the similarity; the thumb has the rest
LEAST_NORM = 8.0  # of a thumb's texture: below this it is flat
BATCH, BATCHES = 128, 96  # frames that are looked at together, and how many such batches are kept: 40 MB
STEP_SHARE = 1.5  # of the mean change between neighbouring thumbs: changes come out .97 as they were (median)
LEAST_STEP, LARGEST_STEP = 2.0, 12.0  # grey levels
OLD_SHAPE = 2  # bytes of width and height that the older scheme had before its thumb
PARTIAL = 1.55  # texture alone, at this length, varies by chance as hash and texture together do

Float = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sight:
    """Pictures of one side. times float64[n]; signs and texture float32[n, 256], unit vectors; levels [n, 256], not scaled."""

    times: Float
    signs: Float32
    texture: Float32
    levels: Float32

    def of(self, rows: Index | slice) -> Sight:
        """The chosen pictures."""
        return Sight(self.times[rows], self.signs[rows], self.texture[rows], self.levels[rows])


@dataclass(frozen=True)
class View:
    """How the output's frames are looked at to see the work's picture.

    matrix   float64[2, 3] takes pixels of the 64 x 64 picture to the frame's
    variant  the turn of `pictures.dihedral` that follows
    cells    bool[256]: cells of the thumb that the output shows; None when it shows them all
    """

    matrix: Float
    variant: str = ""
    cells: npt.NDArray[np.bool_] | None = None


def seen(frames: Fingerprint, view: View, rows: slice = slice(None)) -> Sight:
    """A probe's frames `rows`, seen so."""
    first, end, _ = rows.indices(len(frames))
    if view.cells is not None:
        placed = Sight(_seconds(frames, rows), *_warped(frames, first, end, view.matrix, view.variant))
        return masked(placed, view.cells, PARTIAL * float(np.sqrt(view.cells.mean())))
    # Many alignments look at the same frames in the same way.
    numbers = range(first // BATCH, max(-(-end // BATCH), first // BATCH + 1))
    batches = [_batch(frames, n, view.matrix.tobytes(), view.variant) for n in numbers]
    start = numbers[0] * BATCH
    columns = (np.concatenate(c)[first - start : max(end, first) - start] for c in zip(*batches, strict=True))
    return Sight(_seconds(frames, slice(first, max(end, first))), *columns)


@lru_cache(maxsize=BATCHES)
def _batch(frames: Fingerprint, number: int, matrix: bytes, variant: str) -> tuple[Float32, Float32, Float32]:
    return _warped(frames, number * BATCH, (number + 1) * BATCH, np.frombuffer(matrix).reshape(2, 3), variant)


def _warped(frames: Fingerprint, first: int, end: int, matrix: Float, variant: str) -> tuple[Float32, Float32, Float32]:
    """Signs, texture and levels of the frames from `first` to `end`."""
    pictures = np.zeros((0, FRAME * FRAME), np.uint8) if frames.payload is None else frames.payload[first:end]
    squares = [
        cv2.warpAffine(p, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
        for p in pictures.reshape(-1, FRAME, FRAME)
    ]
    return _looked_at(turned(np.array(squares, np.uint8).reshape(-1, SIDE, SIDE), variant))


def masked(sight: Sight, cells: npt.NDArray[np.bool_], scale: float = 1.0) -> Sight:
    """Only these cells of the thumbs, and no hash; texture `scale` long, so that chance gives what it gives whole pictures."""
    levels = np.where(cells, sight.levels, 0.0).astype(np.float32)
    levels -= np.where(cells, levels.sum(axis=1, keepdims=True) / max(int(cells.sum()), 1), 0.0).astype(np.float32)
    return Sight(sight.times, np.zeros_like(sight.signs), _unit(levels) * np.float32(scale), levels)


def box_view(box: Float, variant: str) -> View:
    """The View of a box [y0, y1, x0, x1], each from 0 to 1."""
    y0, y1, x0, x1 = (box * FRAME).tolist()
    sx, sy = (x1 - x0) / SIDE, (y1 - y0) / SIDE
    return View(np.array([[sx, 0, x0 + 0.5 * sx - 0.5], [0, sy, y0 + 0.5 * sy - 0.5]]), variant)


def placed_view(unit: Float, mirror: bool) -> View:
    """The View of a placement float64[2, 3] from the work's unit square to the (mirrored) output's."""
    if mirror:
        unit = np.array([[-1.0, 0, 1.0], [0, 1.0, 0]])[:, :2] @ unit + np.array([[0, 0, 1.0], [0, 0, 0]])
    matrix = unit * FRAME
    matrix = np.hstack([matrix[:, :2] / SIDE, (matrix @ np.array([0.5 / SIDE, 0.5 / SIDE, 1.0]))[:, None] - 0.5])
    middle = (np.arange(THUMB) + 0.5) / THUMB
    x, y = np.meshgrid(middle, middle)
    cells = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    there = unit @ cells
    shown = np.asarray(np.all((there > -0.01) & (there < 1.01), axis=0), np.bool_)
    return View(matrix, "", None if shown.all() else _inner(shown))


def _inner(shown: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Without the cells at the edge of what is shown, which mix with what is not."""
    inner = cv2.erode(shown.reshape(THUMB, THUMB).astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1)
    return np.asarray(inner.ravel() > 0)


def turned(squares: UInt8, variant: str) -> UInt8:
    """Squares uint8[n, s, s] turned, mirrored or inverted as the variant's name says: what `pictures.dihedral` does to hashes."""
    if variant == INVERTED:
        squares = 255 - squares
    if "transpose" in variant:
        squares = squares.transpose(0, 2, 1)
    if "mirror" in variant or "turn" in variant:
        squares = squares[:, :, ::-1]
    if "flip" in variant or "turn" in variant:
        squares = squares[:, ::-1, :]
    return np.ascontiguousarray(squares)


def registered(whole: Fingerprint, thumbs: Fingerprint, rows: slice) -> Sight:
    """A work's thumbs `rows`. Those without a hash of their own take the one nearest to them in time."""
    payload = (np.zeros((0, THUMBS.payload_width), np.uint8) if thumbs.payload is None else thumbs.payload)[rows]
    times, levels, hashed = _seconds(thumbs, rows), _levels_of(payload), payload[:, :HASH_BYTES]
    bare = np.flatnonzero(~hashed.any(axis=1))
    if len(bare) and len(whole) and whole.payload is not None:
        near = nearest(_seconds(whole, slice(None)), times[bare])
        hashed = hashed.copy()
        hashed[bare] = whole.payload[near, :HASH_BYTES]
    return Sight(times, _signs(hashed), _unit(levels), levels)


def hashes_of(work: Part) -> tuple[Int32, UInt8]:
    """All hashes that are stored of a film, those that are looked up and those of its thumbs: ticks [n], uint8[n, 32]."""
    ticks, hashed = [np.zeros(0, np.int32)], [np.zeros((0, HASH_BYTES), np.uint8)]
    for name in (WHOLE.name, THUMBS.name):
        own = work.of(name)
        if own is not None and own.payload is not None:
            rows = np.flatnonzero(own.payload[:, :HASH_BYTES].any(axis=1))
            ticks.append(own.positions[rows])
            hashed.append(own.payload[rows, :HASH_BYTES])
    return np.concatenate(ticks), np.concatenate(hashed)


def thumbs_of(positions: Int32, pictures: UInt8, hashed: UInt8 | None = None) -> Fingerprint:
    """What is stored of thumbs uint8[n, 16, 16]: the whole picture's hash (32 bytes; zeros: none), then the fine structure.

    Its levels are kept in steps that follow how much the pictures change: what hardly moves is told apart by small
    changes. One byte says how large a step is (in quarters of an octave), 256 hold the steps (int8).
    """
    levels = _levels(pictures)
    moved = np.sqrt((np.diff(levels, axis=0) ** 2).mean(axis=1))
    least = np.minimum(np.append(moved[:1], moved), np.append(moved, moved[-1:])) if len(moved) else np.zeros(len(levels))
    octaves = np.rint(np.log2(np.clip(STEP_SHARE * least, LEAST_STEP, LARGEST_STEP)) * 4)
    steps = np.clip(np.rint(levels / 2 ** (octaves / 4)[:, None]), -127, 127).astype(np.int8).view(np.uint8)
    head = np.zeros((len(levels), HASH_BYTES), np.uint8) if hashed is None else hashed
    return make(THUMBS, positions, np.hstack([head, octaves.astype(np.uint8)[:, None], steps]))


def _levels_of(payload: UInt8) -> Float32:
    """The grey levels float32[n, 256] that a thumb's step and steps stand for."""
    step = 2 ** (payload[:, HASH_BYTES : HASH_BYTES + 1].astype(np.float32) / 4)
    levels = np.ascontiguousarray(payload[:, HASH_BYTES + 1 :]).view(np.int8).astype(np.float32) * step
    return np.asarray(levels - levels.mean(axis=1, keepdims=True), np.float32)


def finer(old: Fingerprint) -> Fingerprint:
    """A film.thumb.1 as film.thumb.2, without hashes."""
    pictures = np.zeros((0, THUMB * THUMB), np.uint8) if old.payload is None else old.payload[:, OLD_SHAPE:]
    return thumbs_of(old.positions, pictures.reshape(-1, THUMB, THUMB))


OLD_THUMBS = Scheme(
    "film.thumb.1", "film", tick=WHOLE.tick, payload_width=OLD_SHAPE + THUMB * THUMB, indexed=False,
    successor=THUMBS.name, convert=finer,
)  # fmt: skip


def _seconds(fingerprint: Fingerprint, rows: slice) -> Float:
    return np.asarray(fingerprint.positions[rows] * WHOLE.tick, np.float64)


def nearest(known: Float, wanted: Float) -> Index:
    """For each wanted time the index of the nearest of the known, rising ones."""
    right = np.clip(np.searchsorted(known, wanted), 0, len(known) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(wanted - known[left] <= known[right] - wanted, left, right)


def similarity(ours: Sight, others: Sight, at: Index) -> Float:
    """Of each of our pictures with theirs number `at`: about 0 by chance, 1 for the same picture."""
    signs = np.einsum("ij,ij->i", ours.signs, others.signs[at])
    texture = np.einsum("ij,ij->i", ours.texture, others.texture[at])
    return np.asarray(HASH_PART * signs + (1 - HASH_PART) * texture, np.float64)


def decoys(ours: Sight, others: Sight, at: Index) -> Float:
    """Similarity of each pair with ours turned in five wrong ways, float64[5, n]: what such pictures share by chance."""
    n = len(ours.times)
    signs, texture = ours.signs.reshape(n, LOW, LOW), ours.texture.reshape(n, THUMB, THUMB)
    flip, both = ODD[None, :, None], ODD[None, :, None] * ODD[None, None, :]
    views = [
        (signs * flip, texture[:, ::-1, :]),
        (signs * both, texture[:, ::-1, ::-1]),
        (signs.transpose(0, 2, 1), texture.transpose(0, 2, 1)),
        (signs.transpose(0, 2, 1) * flip, texture.transpose(0, 2, 1)[:, ::-1, :]),
        (signs.transpose(0, 2, 1) * both, texture.transpose(0, 2, 1)[:, ::-1, ::-1]),
    ]
    found = []
    for turned_signs, turned_texture in views:
        view = Sight(ours.times, turned_signs.reshape(n, -1), turned_texture.reshape(n, -1), ours.levels)
        found.append(similarity(view, others, at))
    return np.stack(found)


def telling_cells(sight: Sight) -> float:
    """Over how many cells the texture of the typical picture is spread (participation ratio)."""
    power = sight.levels.astype(np.float64) ** 2
    return float(np.median(power.sum(axis=1) ** 2 / np.maximum((power**2).sum(axis=1), 1.0)))


def _looked_at(squares: UInt8) -> tuple[Float32, Float32, Float32]:
    if not len(squares):
        empty = np.zeros((0, THUMB * THUMB), np.float32)
        return empty, empty, empty
    levels = _levels(np.stack([cv2.resize(s, (THUMB, THUMB), interpolation=cv2.INTER_AREA) for s in squares]))
    return _signs(hashes(coefficients(squares))), _unit(levels), levels


def _signs(hashed: UInt8) -> Float32:
    bits = np.unpackbits(hashed, axis=1).astype(np.float32)
    return np.asarray((2 * bits - 1) / np.sqrt(bits.shape[1]), np.float32)


def _levels(thumbs: UInt8) -> Float32:
    if not len(thumbs):
        return np.zeros((0, THUMB * THUMB), np.float32)
    plain = thumbs.astype(np.float32)
    fine = np.stack([p - cv2.GaussianBlur(p, (0, 0), 2.0, borderType=cv2.BORDER_REFLECT) for p in plain])
    flat = fine.reshape(len(fine), -1)
    return np.asarray(flat - flat.mean(axis=1, keepdims=True), np.float32)


def _unit(levels: Float32) -> Float32:
    return np.asarray(levels / np.maximum(np.linalg.norm(levels, axis=1, keepdims=True), LEAST_NORM), np.float32)
