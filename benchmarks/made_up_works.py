"""Works made up from real ones, by the ten thousand: other works with the same statistics, for measuring large registries.

A made-up work is put together from short pieces of the real works' columns. What a real work of the same kind shares with a
probe by chance is what its keys' frequencies, their number a second and their repetitions give; these are kept. What only a
copy shares, long runs of the same keys, is broken by perturbing each piece in its own way:

    audio.landmark   pieces of 15 s; pitch raised, and each cell of interval and time moved by at most one, by tables drawn
                     anew for each piece, so that keys that repeat in a piece still do
    audio.turn       pieces of 4 s, keys as they are: there are but 20,736 different ones
    picture.whole    pieces of 8 s; each 16-bit band from another place of the real films, 8 in 100 bits the other way round:
                     then a key meets three times as many others as if all keys were equally common, as in real films
    film.local       pictures where a real film has them; each point from another place, its word often a neighbouring one,
                     so that there are as many different words as in so many works; keys are met as often as in real films

What `compare` reads beside (peaks, chroma, thumbs) comes from a few hundred prototypes made in the same way, which the
made-up works share: it is only read when hits lead to a work, and never agrees with a probe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint import schemes
from fingerprint.features import Fingerprint, Part, make, pack
from fingerprint.film_local import CELL_BYTES
from fingerprint.hashing import Int32, Int64, UInt8
from fingerprint.image_local import CELLS_PER_HALF, vocabulary
from registry.packing import Postings

PIECES_S = {"audio.landmark": 15.0, "audio.turn": 4.0, "audio.peak": 15.0, "audio.chroma": 4.0}
PIECE_S = 8.0  # of film
FIELDS = np.array([7, 5, 5, 5, 5])  # bits of a landmark's cells: pitch, two intervals, two times
SHIFTS = np.concatenate([[0], np.cumsum(FIELDS)[:-1]])
RAISED = 2  # cells of pitch, at most
MOVED = 0.5  # of the other cells: more, and fewer keys are met by chance than in real works
FLIPPED = 0.08  # of the bits of a picture's hash
MOVED_WORDS, NEIGHBOURS, FLIPPED_SIGNS = 0.2, 8, 0.05  # of the halves of a word, to one of so many; of a point's first signs
PROTOTYPES = 200

Rng = np.random.Generator


@dataclass(frozen=True)
class Pool:
    """One scheme's columns of all real works, one after the other on one line of time; at is in ticks, rising."""

    scheme: str
    at: Int64
    end: int
    keys: Int64
    payload: UInt8


@dataclass(frozen=True)
class Rows:
    """Columns of many made-up works: the work's number, position in ticks, keys int64[n, b], payload."""

    work: Int64
    positions: Int32
    keys: Int64
    payload: UInt8


def family(scheme: str) -> str:
    """The scheme without its version."""
    return scheme.rpartition(".")[0]


def pools(parts: Sequence[Part]) -> dict[str, Pool]:
    """What these real parts, all of one medium, hold of each scheme."""
    known, found = schemes(), {}
    for name in (f.scheme for f in parts[0].fingerprints):
        at, keys, payloads, start = [], [], [], 0
        for part in parts:
            own = part.of(name)
            if own is None or not len(own):
                continue
            at.append(own.positions.astype(np.int64) + start)
            keys.append(own.keys)
            payloads.append(own.payload if own.payload is not None else np.zeros((len(own), 0), np.uint8))
            start += int(part.extent[0] / known[name].tick) + 1
        found[name] = Pool(name, np.concatenate(at), start, np.concatenate(keys), np.concatenate(payloads))
    return found


def made_up(pool: Pool, works: int, seconds: float, rng: Rng) -> Rows:
    """So many works of so many seconds."""
    tick = schemes()[pool.scheme].tick
    length = PIECES_S.get(family(pool.scheme), PIECE_S)
    pieces = max(1, round(seconds / length))
    ticks = round(length / tick)
    start = rng.integers(0, pool.end - ticks, works * pieces)
    low, high = np.searchsorted(pool.at, start), np.searchsorted(pool.at, start + ticks)
    count = high - low
    piece = np.repeat(np.arange(len(start)), count)
    rows = np.repeat(low - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(len(piece))
    positions = (pool.at[rows] - start[piece] + (piece % pieces) * ticks).astype(np.int32)
    keys, payload = _perturbed(pool, rows, piece, rng)
    return Rows(piece // pieces, positions, keys, payload)


def _perturbed(pool: Pool, rows: Int64, piece: Int64, rng: Rng) -> tuple[Int64, UInt8]:
    """Keys and payload of these rows of the pool, each piece perturbed in its own way."""
    kind, count = family(pool.scheme), int(piece[-1]) + 1 if len(piece) else 0
    if kind == "audio.landmark":
        payload = _moved_cells(pool.payload[rows], piece, count, rng)
        return _derived(pool, payload), payload
    if kind == "picture.whole":
        return _mixed_bands(pool, rows, piece, count, rng)
    if kind == "film.local":
        return _moved_words(pool, rng.integers(0, len(pool.at), len(rows)), rng)
    if kind == "audio.peak":
        raised = pool.payload[rows].astype(np.int64) + 3 * rng.integers(-RAISED, RAISED + 1, count)[piece][:, None]
        return pool.keys[rows], np.clip(raised, 0, 255).astype(np.uint8)
    return pool.keys[rows], pool.payload[rows]


def _moved_cells(payload: UInt8, piece: Int64, count: int, rng: Rng) -> UInt8:
    """uint8[n, 4] packed cells of landmarks, of other pitches, intervals and times."""
    codes = np.ascontiguousarray(payload).view("<u4")[:, 0].astype(np.int64)
    cells = (codes[:, None] >> SHIFTS) & ((1 << FIELDS) - 1)
    moves = rng.integers(-1, 2, (count, 2, 32)) * (rng.random((count, 2, 32)) < MOVED)
    moves[:, 0, 16] = 0  # the same pitch again: the commonest interval of all
    moved = cells.copy()
    moved[:, 0] += rng.integers(-RAISED, RAISED + 1, count)[piece]
    for column, table in ((1, 0), (2, 0), (3, 1), (4, 1)):
        moved[:, column] += moves[piece, table, cells[:, column]]
    moved = np.clip(moved, 0, (1 << FIELDS) - 1)
    return (moved << SHIFTS).sum(axis=1).astype("<u4").view(np.uint8).reshape(-1, 4)


def _mixed_bands(pool: Pool, rows: Int64, piece: Int64, count: int, rng: Rng) -> tuple[Int64, UInt8]:
    """Whole-picture hashes, each band of two bytes from the same distance on somewhere else, some bits the other way round."""
    bands = pool.keys.shape[1]
    elsewhere = rng.integers(0, len(pool.at), (count, bands))
    other = (rows[:, None] + elsewhere[piece]) % len(pool.at)
    payload = pool.payload[rows].copy()
    for band in range(bands):
        payload[:, 2 * band : 2 * band + 2] = pool.payload[other[:, band], 2 * band : 2 * band + 2]
    payload[:, : 2 * bands] ^= _some_bits(count, 2 * bands, FLIPPED, rng)[piece]
    return _derived(pool, payload), payload


def _moved_words(pool: Pool, rows: Int64, rng: Rng) -> tuple[Int64, UInt8]:
    """Points of these rows of the pool; the halves of some words moved to a neighbour, some signs the other way round."""
    payload = pool.payload[rows].copy()
    cells = np.zeros((len(rows), 4), np.uint8)
    cells[:, :CELL_BYTES] = payload[:, :CELL_BYTES]
    moved = np.zeros(len(rows), np.int64)
    for centres, half in zip(
        vocabulary().centres, np.divmod(cells.view("<u4")[:, 0].astype(np.int64), CELLS_PER_HALF), strict=True
    ):
        near = np.argsort(((centres[:, None] - centres[None]) ** 2).sum(axis=2), axis=1)[:, 1 : NEIGHBOURS + 1]
        other = near[half, rng.integers(0, NEIGHBOURS, len(rows))]
        moved = moved * CELLS_PER_HALF + np.where(rng.random(len(rows)) < MOVED_WORDS, other, half)
    payload[:, :CELL_BYTES] = moved.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :CELL_BYTES]
    payload[:, CELL_BYTES : CELL_BYTES + 1] ^= _some_bits(len(rows), 1, FLIPPED_SIGNS, rng)
    return _derived(pool, payload), payload


def _some_bits(count: int, width: int, share: float, rng: Rng) -> UInt8:
    """uint8[count, width] with this share of the bits set."""
    return np.packbits(rng.random((count, 8 * width), np.float32) < share, axis=1)


def _derived(pool: Pool, payload: UInt8) -> Int64:
    derive = schemes()[pool.scheme].derive
    assert derive is not None
    return derive(payload)


def postings(rows: Rows, first_id: int, step: int) -> Postings:
    """The postings of these works, whose fingerprints are numbered first_id, first_id + step, ..."""
    bands = rows.keys.shape[1]
    ids = (first_id + rows.work * step).astype(np.int32)
    return Postings(rows.keys.ravel(), np.repeat(ids, bands), np.repeat(rows.positions, bands))


def prototypes(pool: Pool, seconds: float, rng: Rng) -> list[tuple[int, bytes]]:
    """Number of features and packed fingerprint of some made-up works."""
    scheme = schemes()[pool.scheme]
    rows = made_up(pool, PROTOTYPES, seconds, rng)
    edges = np.searchsorted(rows.work, np.arange(PROTOTYPES + 1))
    packed = []
    for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        payload = rows.payload[a:b] if scheme.payload_width else None
        own: Fingerprint = make(scheme, rows.positions[a:b], payload, rows.keys[a:b])
        packed.append((b - a, pack(own, scheme, brief=True)))
    return packed


def share_hit(keys: Int64, known: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Share of probe keys that stand among `known` (sorted), and hits a key."""
    flat = keys.ravel()
    count = np.searchsorted(known, flat, "right") - np.searchsorted(known, flat, "left")
    return float(np.mean(count > 0)), float(np.mean(count))
