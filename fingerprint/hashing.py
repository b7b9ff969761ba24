"""Mixing, banding, Hamming distance and winnowing: only what two media share. All of it works on whole columns."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
UInt64 = npt.NDArray[np.uint64]
Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]


def seed_of(scheme: str) -> int:
    """The 64-bit number that is mixed into every key of `scheme`, so that schemes never share keys."""
    return int.from_bytes(hashlib.blake2b(scheme.encode(), digest_size=8).digest(), "little")


def mix(values: npt.NDArray[np.generic], scheme: str) -> Int64:
    """Integers of any shape to well-spread signed 64-bit keys of `scheme`: the finalizer of splitmix64.

    A bijection for each scheme, so two values collide only when they are equal.
    """
    x = values.astype(np.uint64) ^ np.uint64(seed_of(scheme))
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (x ^ (x >> np.uint64(31))).view(np.int64)


def unmix(keys: Int64, scheme: str) -> Int64:
    """The integers of which `mix` made these keys."""
    x = keys.view(np.uint64)
    x = _unshifted(x, 31) * np.uint64(pow(0x94D049BB133111EB, -1, 1 << 64))
    x = _unshifted(x, 27) * np.uint64(pow(0xBF58476D1CE4E5B9, -1, 1 << 64))
    return (_unshifted(x, 30) ^ np.uint64(seed_of(scheme))).view(np.int64)


def _unshifted(x: UInt64, bits: int) -> UInt64:
    """The numbers y for which x = y ^ (y >> bits)."""
    return np.asarray(x ^ (x >> np.uint64(bits)) ^ (x >> np.uint64(2 * bits)), np.uint64)


def changes(column: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """bool[n]: where a value is another than the one before it; the first is."""
    found = np.empty(len(column), np.bool_)
    found[:1] = True
    np.not_equal(column[1:], column[:-1], out=found[1:])
    return found


def band_keys(hashes: UInt8, scheme: str, band_bytes: int = 2) -> Int64:
    """uint8[n, k] perceptual hashes to int64[n, k / band_bytes] keys: each band of bits, with its place, mixed.

    Two hashes share a key when one whole band is equal (multi-index hashing, Norouzi et al., CVPR 2012).
    """
    n, width = hashes.shape
    bands = width // band_bytes
    cut = np.zeros((n, bands, 8), np.uint8)
    cut[:, :, :band_bytes] = hashes[:, : bands * band_bytes].reshape(n, bands, band_bytes)
    values = cut.view("<u8")[:, :, 0]
    place = np.arange(bands, dtype=np.uint64) << np.uint64(8 * band_bytes)
    return mix(values | place, scheme)


def hamming(a: npt.NDArray[np.unsignedinteger[Any]], b: npt.NDArray[np.unsignedinteger[Any]]) -> Int32:
    """Bits in which the hashes differ; a and b are uint8[..., k], or wider words, and broadcast. -> int32[...]"""
    return np.asarray(np.bitwise_count(a ^ b).sum(axis=-1, dtype=np.int32))


def winnow(hashes: Int64, window: int) -> Int64:
    """Indices chosen by robust winnowing (Schleimer, Wilkerson, Aiken, SIGMOD 2003): the rightmost least hash of each window.

    Any shared run of `window` equal hashes gives at least one common choice on both sides. Least values of windows come by
    doubling: 2 log2(window) passes over the column.
    """
    n = len(hashes)
    if n == 0:
        return np.zeros(0, np.int64)
    window = min(window, n)
    least = _sliding(hashes, window, np.minimum)
    lowest = np.full(window - 1, np.iinfo(np.int64).min, np.int64)
    # A hash is the least of some window when the greatest of the leasts of all windows around it is the hash itself.
    around = _sliding(np.concatenate([lowest, least, lowest]), window, np.maximum)
    return _rightmost(np.flatnonzero(around == hashes), hashes, least, window)


def _sliding(values: Int64, window: int, choose: np.ufunc) -> Int64:
    """The least or greatest of each run of `window` values."""
    run, span = values, 1
    while span < window:
        step = min(span, window - span)
        run = choose(run[: len(run) - step], run[step:])
        span += step
    return run


def _rightmost(chosen: Int64, hashes: Int64, least: Int64, window: int) -> Int64:
    """`chosen` without those that are least only in windows that hold the same hash again further right."""
    twin = np.flatnonzero((np.diff(hashes[chosen]) == 0) & (np.diff(chosen) < window))
    if not len(twin):
        return chosen
    here, again = chosen[twin], chosen[twin + 1]
    first, last = np.maximum(here - window + 1, 0), again - window + 1  # windows that hold the one and not the other
    alone = last > first
    best = np.full(len(here), np.iinfo(np.int64).min, np.int64)
    if alone.any():
        edges = np.minimum(np.stack([first[alone], last[alone]], axis=1).ravel(), len(least) - 1)
        best[alone] = np.maximum.reduceat(least, edges)[::2]
    return np.delete(chosen, twin[best != hashes[here]])
