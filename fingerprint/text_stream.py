"""Streams of word hashes: what two of them have in common, and the best stretches of an alignment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import LCSseq

from fingerprint.features import Fingerprint
from fingerprint.hashing import Int32, Int64

GRAMS, RARE, STREAM, FORMS = "text.winnow.1", "text.rare.1", "text.words.1", "text.forms.1"
GLOSS, GLOSS_WORDS = "text.gloss.1", "text.gloss-words.1"
OFTEN = 2  # occurrences in a text from which its own frequency counts
LEAST_TEXT = 300  # words a text is taken to have, at least, when frequencies are told
DROP = 6.0  # a stretch ends where the sum has fallen this far

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stream:
    """Words of one side: 16-bit hashes, places, and on the output's side lengths and rarities."""

    codes: npt.NDArray[np.uint16]
    positions: Int32
    payload: npt.NDArray[np.uint8]

    @cached_property
    def counts(self) -> Int64:
        """int64[65536]: how often each code stands here."""
        return np.bincount(self.codes, minlength=1 << 16)


@lru_cache(maxsize=16)
def stream_of(fingerprint: Fingerprint) -> Stream:
    """The Stream of a STREAM fingerprint. Several places of one work are compared one after the other."""
    payload = fingerprint.payload if fingerprint.payload is not None else np.zeros((0, 2), np.uint8)
    return Stream(np.ascontiguousarray(payload[:, :2]).view("<u2")[:, 0], fingerprint.positions, payload)


def commonness(a: Stream, b: Stream) -> Float:
    """float64[words of the output]: -log10 of how often each is in either text, where it stands there often enough to tell."""
    result = np.full(len(a.codes), 9.0)
    for side in (a, b):
        count = side.counts[a.codes]
        share = -np.log10(np.maximum(count, 1) / max(len(side.codes), LEAST_TEXT))
        result = np.where(count >= OFTEN, np.minimum(result, share), result)
    return result


def common(a: npt.NDArray[np.uint16], b: npt.NDArray[np.uint16]) -> tuple[Int64, Int64]:
    """Rows of a longest common subsequence."""
    blocks = LCSseq.editops(_letters(a), _letters(b)).as_matching_blocks()
    table = np.array([(block.a, block.b, block.size) for block in blocks], np.int64).reshape(-1, 3)
    size = table[:, 2]
    inside = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    return np.repeat(table[:, 0], size) + inside, np.repeat(table[:, 1], size) + inside


def _letters(codes: npt.NDArray[np.uint16]) -> str:
    """Words as the characters of a string, which is what rapidfuzz aligns fastest; above the surrogates."""
    return (codes.astype("<u4") + 0x10000).tobytes().decode("utf-32-le")


def stretches(first: list[float], gains: list[float], costs: list[float]) -> list[tuple[int, int, float]]:
    """(start, end, score) of the best stretches, in order."""
    found: list[tuple[int, int, float]] = []
    k, n = 0, len(gains)
    while k < n:
        start, total, best, best_end = k, first[k], first[k], k + 1
        k += 1
        while k < n and best - (total - costs[k]) <= DROP and total - costs[k] > 0:
            total += gains[k] - costs[k]
            k += 1
            if total > best:
                best, best_end = total, k
        found.append((start, best_end, best))
        k = max(best_end, start + 1)
    return found
