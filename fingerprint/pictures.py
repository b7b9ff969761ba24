"""The whole-picture hash that stills and film frames share, so that a still is found in a film and a film in a still.

256-bit DCT hash: the bits that imagehash.phash(hash_size=16) gives for the same 64 x 64 grey picture (DCT hash after
Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010), computed for whole batches.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fingerprint.features import Scheme
from fingerprint.hashing import UInt8, band_keys

SIDE = 64
LOW = 16
WHOLE_NAME = "picture.whole.1"

INVERTED = "inverted"  # variant of a probe whose colours were turned into their negatives

Float32 = npt.NDArray[np.float32]

_k, _x = np.arange(LOW)[:, None], np.arange(SIDE)[None, :]
DCT = (2.0 * np.cos(np.pi * _k * (2 * _x + 1) / (2 * SIDE))).astype(np.float32)
ODD = np.where(np.arange(LOW) % 2, -1.0, 1.0).astype(np.float32)


def whole_keys(payload: UInt8) -> npt.NDArray[np.int64]:
    """Sixteen 16-bit band keys of each 256-bit hash; further payload columns are not part of the hash."""
    return band_keys(payload[:, :32], WHOLE_NAME, 2)


# Positions are hundredths of a second in a film, 0 in a still.
# The speeds that are tried: half to double; a line is refitted once it has hits. 0 where one side stands still.
SPEEDS = (1.0, 0.8, 1.25, 0.64, 1.6, 0.5, 2.0)
WHOLE = Scheme(
    WHOLE_NAME,
    "film",
    tick=0.01,
    payload_width=32,
    derive=whole_keys,
    aligner="line",
    scales=(*SPEEDS, 0.0, -1.0),
    tolerance=50,
    reach=1500,
    farthest=112,
    most_hits=1 << 16,  # at 10,000 works the same are named as with four times as many
    enough=8.0,
)


def coefficients(grey: npt.NDArray[np.generic]) -> Float32:
    """Grey pictures [n, 64, 64] (or one, [64, 64]) to their low DCT-II coefficients float32[n, 16, 16]."""
    pictures = grey.astype(np.float32).reshape(-1, SIDE, SIDE)
    return np.asarray(DCT @ pictures @ DCT.T, np.float32)


def hashes(low: Float32) -> UInt8:
    """Coefficients [n, 16, 16] to hashes uint8[n, 32]: each coefficient against their median."""
    flat = low.reshape(len(low), -1)
    return np.packbits(flat > np.median(flat, axis=1, keepdims=True), axis=1)


def flipped_keys(low: Float32, count: int) -> npt.NDArray[np.int64]:
    """Band keys of coefficients [n, 16, 16], and those with one of each band's `count` least certain bits flipped."""
    found = [whole_keys(hashes(low)), *(whole_keys(bits) for bits in flipped(low, count))]
    return np.concatenate(found, axis=1)


def flipped(low: Float32, count: int) -> list[UInt8]:
    """Hashes of coefficients [n, bands, bits] with the least certain bit of each band flipped, the next one, and so on.

    Query-directed probing after Lv et al. (VLDB 2007): a bit near the median is the one that an edit turns over.
    """
    n = len(low)
    flat = low.reshape(n, -1)
    gap = flat - np.median(flat, axis=1, keepdims=True)
    bits = (gap > 0).reshape(low.shape)
    order = np.argsort(np.abs(gap).reshape(low.shape), axis=2, kind="stable")
    found = []
    for step in range(count):
        other = bits.copy()
        where = order[:, :, step : step + 1]
        np.put_along_axis(other, where, ~np.take_along_axis(bits, where, axis=2), axis=2)
        found.append(np.packbits(other.reshape(n, -1), axis=1))
    return found


def dihedral(low: Float32) -> list[tuple[str, Float32]]:
    """The eight turns and mirrors of each picture, by sign and transposition of its coefficients: (name, [n, 16, 16])."""
    turned = low.transpose(0, 2, 1)
    views = []
    for name, base in (("", low), ("transpose", turned)):
        views.append((name, base))
        views.append((f"{name}+mirror".lstrip("+"), base * ODD[None, None, :]))
        views.append((f"{name}+flip".lstrip("+"), base * ODD[None, :, None]))
        views.append((f"{name}+turn".lstrip("+"), base * ODD[None, None, :] * ODD[None, :, None]))
    return views


def inverted(low: Float32) -> Float32:
    """Coefficients [n, 16, 16] of the negatives of pictures: all but the mean change sign, which stays positive."""
    out = -low
    out[:, 0, 0] = low[:, 0, 0]
    return out


def contrast(grey: npt.NDArray[np.generic]) -> Float32:
    """Standard deviation of each picture [n, 64, 64], in grey levels: a flat one tells nothing."""
    return np.asarray(grey.reshape(len(grey), -1).astype(np.float32).std(axis=1))
