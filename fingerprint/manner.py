"""Manner as a vector: unit vectors in bytes, whose products are cosines. What the descriptors of stills and texts share."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fingerprint.hashing import UInt8

BYTES_STILL = 192
BYTES_TEXT = 1000
ZERO = 128  # the byte that stands for 0
COHORTS = {f"{medium}.style.1": Path(__file__).with_name(f"{medium}_style.npz") for medium in ("image", "text")}
REACH = 8.0  # of a vector's root mean square: what lies further out is cut

Float32 = npt.NDArray[np.float32]


def quantized(vectors: Float32, width: int) -> UInt8:
    """uint8[n, width] of float[n, width]; `unit` gives their directions back. The length of a vector is lost."""
    spread = np.sqrt((np.asarray(vectors, np.float64) ** 2).mean(axis=1, keepdims=True)) + 1e-12
    steps = np.clip(np.rint(vectors / spread * (127 / REACH)), -127, 127)
    result: UInt8 = (steps + ZERO).astype(np.uint8).reshape(-1, width)
    return result


def unit(rows: UInt8) -> Float32:
    """float32[n, width] of length 1 (or 0)."""
    vectors = rows.astype(np.float32) - ZERO
    lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    return np.asarray(vectors / np.maximum(lengths, 1e-6), np.float32)


@lru_cache(maxsize=4)
def cohort(scheme: str) -> UInt8:
    """uint8[n, k]: descriptors of stills or texts that are registered nowhere, shipped beside the scheme's own data."""
    with np.load(COHORTS[scheme], allow_pickle=False) as data:
        rows: UInt8 = data["cohort"]
        return rows
