"""Passages that hold the same telling words, in whatever order: MinHash (Broder, SEQUENCES 1997), with datasketch's values.

They are computed for all passages at once, which takes a sixth of the time of one sketch object for each.

What it adds to letter grams and rare words: near-duplicate passages in which nothing is left next to where it was, so that no
run of twelve letters and no two words at one distance agree. With a word put in after every second word, 21 of 40 passages of
125 words are found by grams and rare words together and 40 with MinHash; with words replaced or shuffled it finds nothing that
rare words do not (benchmarks/text_passages.py), and of the outputs of the development lineup it changes none. It names nothing
by itself: words are aligned around what it finds.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fingerprint.features import Alignment, Fingerprint, Scheme, make
from fingerprint.hashing import Int32, Int64, UInt8, UInt64, band_keys, changes
from fingerprint.text_background import UInt32, rarity

MINHASH = "text.minhash.1"
WORDS = 125  # of a passage. Of 250, a shared 120 would be a third of the union at best; of 60, bytes would double
STRIDE = 31  # words between the starts of an output's passages: one of them lies within 16 words of a work's
LEAST_WORDS = 20  # in a shorter text there is no passage
TELLING_FROM = 3.0  # rarity; with words from 2.5 on, unrelated passages meet four times as often
LEAST_TELLING = 8  # different ones: fewer are alike by chance
PERMUTATIONS, SEED = 24, 1
BANDS, BAND_BYTES = 8, 4  # two values of 16 bits: a pair of passages with similarity J meets with 1 - (1 - J^2)^8
ALIKE = 6  # of 24 equal values, from which words are aligned; one in a hundred pairs that meet by chance has so many
# A passage of a work meets several of an output, which overlap: one that a single passage meets is chance (least=3).
DRIFT = 1500  # code points by which pairs of passages in one group may lie off each other
REACH = 1500  # code points aligned to both sides, and widest gap in a group
MAX_GROUPS = 4
MOST_HITS = 1 << 9  # a dozen for each value pair of a thousand words: commoner pairs are of words that many passages hold


def minhash_keys(payload: UInt8) -> Int64:
    """Keys of MINHASH: the first 16 values, two by two."""
    return band_keys(payload[:, : BANDS * BAND_BYTES], MINHASH, BAND_BYTES)


SCHEME = Scheme(
    MINHASH,
    "text",
    1.0,
    2 * PERMUTATIONS,
    minhash_keys,
    aligner="band",
    tolerance=500.0,
    reach=float(REACH),
    least=3,
    most_hits=MOST_HITS,
    turn=3,
)


def side_by_side(hashes: UInt64, starts: Int32) -> Fingerprint:
    """What the registry stores, of words and their places: passages that follow each other. What is left over at the end is
    part of the last one, or, from half a passage on, one by itself.
    """
    passages = max(1, (len(hashes) + WORDS // 2) // WORDS)
    first = np.arange(passages) * WORDS
    return _signed(hashes, starts, first, np.append(first[1:], len(hashes)))


def overlapping(hashes: UInt64, starts: Int32) -> Fingerprint:
    """What is looked up: a passage from every 31st word on."""
    first = np.arange(0, max(1, len(hashes) - WORDS + STRIDE), STRIDE)
    return _signed(hashes, starts, first, np.minimum(first + WORDS, len(hashes)))


def _signed(hashes: UInt64, starts: Int32, first: Int64, last: Int64) -> Fingerprint:
    """The passages [first, last) with words enough, each with its 24 least values in 16 bits."""
    rows, at = _telling(hashes, first, last)
    if len(hashes) < LEAST_WORDS or not len(rows):
        return make(SCHEME, starts[:0], np.zeros((0, 2 * PERMUTATIONS), np.uint8))
    mixed = _mixed((hashes >> np.uint64(32)).astype(np.uint32))[rows]
    order = np.lexsort((mixed, at))
    different = np.append(True, (np.diff(at[order]) != 0) | (np.diff(mixed[order]) != 0))
    enough = np.bincount(at[order][different], minlength=len(first)) >= LEAST_TELLING
    kept = np.flatnonzero(enough)
    mixed, at = mixed[enough[at]], at[enough[at]]
    values = np.empty((len(kept), PERMUTATIONS), np.uint32)
    edges = np.flatnonzero(np.diff(at, prepend=-1))
    for k, (a, b) in enumerate(zip(*permutations(), strict=True)):
        values[:, k] = np.minimum.reduceat(mixed * a + b, edges) if len(edges) else 0
    payload = values.astype("<u2").view(np.uint8).reshape(-1, 2 * PERMUTATIONS)  # the lower 16 bits
    return make(SCHEME, starts[first[kept]], payload)


def _telling(hashes: UInt64, first: Int64, last: Int64) -> tuple[Int64, Int64]:
    """Rows of the telling words of each passage, one passage after the other, and the number of the passage of each."""
    telling = np.flatnonzero(rarity(hashes) >= TELLING_FROM)
    low, high = np.searchsorted(telling, first), np.searchsorted(telling, last)
    count = high - low
    at = np.repeat(np.arange(len(first)), count)
    inside = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    return telling[low[at] + inside], at


def _mixed(values: UInt32) -> UInt32:
    """The finalizer of MurmurHash3, with which datasketch mixes values before it permutes them."""
    x = values ^ (values >> np.uint32(16))
    x = x * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    mixed: UInt32 = x ^ (x >> np.uint32(16))
    return mixed


@lru_cache(maxsize=1)
def permutations() -> tuple[UInt32, UInt32]:
    """Factors and summands, uint32[24] each, of the permutations modulo 2^32 that datasketch calls affine32."""
    dice = np.random.RandomState(SEED)  # its numbers are part of the scheme
    a = dice.randint(0, 1 << 31, PERMUTATIONS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return a, dice.randint(0, 1 << 32, PERMUTATIONS, dtype=np.uint32)


def equal_values(a: UInt8, b: UInt8) -> Int64:
    """int64[n]: how many of the 24 values are equal, row by row. A 24th of it estimates the Jaccard similarity."""
    equal: Int64 = (np.ascontiguousarray(a).view("<u2") == np.ascontiguousarray(b).view("<u2")).sum(axis=1)
    return equal


def alike(ours: Fingerprint, theirs: Fingerprint | None, alignment: Alignment) -> list[tuple[Int32, Int32]]:
    """(starts in the output, starts in the work) of passages that are alike, by groups that lie along one diagonal."""
    if theirs is None or not len(theirs) or ours.payload is None or theirs.payload is None:
        return []
    # A pair that meets in several bands stands several times, one after the other.
    met = changes(alignment.output_rows) | changes(alignment.work_rows)
    here, there = alignment.output_rows[met], np.searchsorted(theirs.positions, alignment.work_rows[met])
    equal = equal_values(ours.payload[here], theirs.payload[there])
    chosen = equal >= ALIKE
    if not chosen.any():
        return []
    return _groups(ours.positions[here[chosen]], theirs.positions[there[chosen]], equal[chosen])


def _groups(at: Int32, to: Int32, equal: Int64) -> list[tuple[Int32, Int32]]:
    """The pairs around the best one, then around the best of the rest. `at` is rising."""
    found: list[tuple[Int32, Int32]] = []
    rest = np.ones(len(at), bool)
    diagonal = to.astype(np.int64) - at
    while rest.any() and len(found) < MAX_GROUPS:
        best = int(np.where(rest, equal, -1).argmax())
        near = np.flatnonzero(rest & (np.abs(diagonal - diagonal[best]) <= DRIFT))
        run = np.cumsum(np.diff(at[near], prepend=at[near[0]]) > REACH)
        near = near[run == run[np.searchsorted(near, best)]]
        found.append((at[near], to[near]))
        rest[near] = False
    return found
