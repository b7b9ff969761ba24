"""How common words and word pairs are in general: what everybody writes names nobody.

The table is made by benchmarks/make_background.py and shipped beside this file; it is part of the schemes' version.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fingerprint.hashing import UInt8, UInt64

FILE = Path(__file__).with_name("text_background.npz")
STEP = 0.05  # of log10, in which rarities are kept
CERTAIN = 0.1  # rarity, at most, of a word that a formula makes certain: see benchmarks/make_background.py
FORMULA_RUN, APART, APART_OF = 3, 2.0, 0.65
UNKNOWN = 6.0  # rarity of a word that is not in the table: at most one in a million

UInt32 = npt.NDArray[np.uint32]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Background:
    """Sorted 32-bit hashes of words and of word pairs, each with its rarity in steps.

    A word's rarity is -log10 of its share of running words; a pair's is -log10 of the share of the first word's
    occurrences that the second follows.
    """

    words: UInt32
    word_rarity: UInt8
    pairs: UInt32
    pair_rarity: UInt8


@lru_cache(maxsize=1)
def background() -> Background:
    """The shipped table."""
    with np.load(FILE, allow_pickle=False) as data:
        words, pairs = (np.cumsum(data[name].astype(np.uint64)).astype(np.uint32) for name in ("words", "pairs"))
        return Background(words, data["word_rarity"], pairs, data["pair_rarity"])


def short_hash(hashes: UInt64) -> UInt32:
    """uint32[n]: the part of a word's hash by which the table knows it."""
    return (hashes >> np.uint64(32)).astype(np.uint32)


def pair_hash(first: UInt64, second: UInt64) -> UInt32:
    """uint32[n] for words that follow each other."""
    return ((first * np.uint64(0x9E3779B97F4A7C15) + second) >> np.uint64(32)).astype(np.uint32)


def rarity(hashes: UInt64) -> Float32:
    """float32[n]: -log10 of how often each word is written in general."""
    table = background()
    return looked_up(table.words, table.word_rarity, short_hash(hashes), UNKNOWN)


def rarity_after(hashes: UInt64) -> Float32:
    """float32[n]: the same for each word given the word before it, where that pair is common; else as `rarity`.

    Words that a formula makes certain are so in its company: of a run of fewer than FORMULA_RUN each counts APART_OF what it
    does alone, at most APART, as pairs in use do. Licences are long, and hold many a pair that everybody writes.
    """
    alone = rarity(hashes)
    if len(hashes) > 1:
        table = background()
        paired = looked_up(table.pairs, table.pair_rarity, pair_hash(hashes[:-1], hashes[1:]), np.inf)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], paired < CERTAIN, [False]]).astype(np.int8)))
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if end - start < FORMULA_RUN:
                paired[start:end] = np.minimum(APART_OF * alone[start + 1 : end + 1], APART)
        alone[1:] = np.minimum(alone[1:], paired)
    return alone


def looked_up(known: UInt32, steps: UInt8, wanted: UInt32, otherwise: float) -> Float32:
    """Rarities of `wanted` in a table."""
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, steps[at] * np.float32(STEP), np.float32(otherwise)).astype(np.float32)
