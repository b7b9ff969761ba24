"""The manner of a text: how often it uses the commonest words and runs of letters.

Burrows's Delta (Literary and Linguistic Computing 17, 2002) in its cosine form (Smith and Aldridge, Journal of Quantitative
Linguistics 18, 2011; why it is the better one: Evert et al., Digital Scholarship in the Humanities 32, 2017), over words and,
as Keselj, Peng, Cercone and Thomas (2003) and many since, over letter n-grams. Frequencies count in standard deviations of
a background, cut at two: one odd habit must not decide (Evert et al.).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint, Scheme, make
from fingerprint.hashing import Int64, UInt64
from fingerprint.manner import BYTES_TEXT, quantized
from fingerprint.text_fold import Folded, gram_hashes

STYLE = Scheme("text.style.1", "text", tick=1.0, payload_width=BYTES_TEXT, indexed=False, aligner="none")
FILE = Path(__file__).with_name("text_style.npz")
LEAST_WORDS = 1000  # of fewer the right author is seldom the nearest: see docs/decisions/0010-manner.md
LEAST_COMMON = 0.45  # share of running words that the commonest make up: .50 to .75 of English, .08 of German, .3 of code
WORDS, GRAMS, GRAM = 400, 600, 4
BLOCKS, BLOCK_WORDS = 10, 3000  # of a longer text only so much is counted, from all over it
CUT = 2.0  # standard deviations

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Usual:
    """The commonest words and grams as sorted hashes uint64[400] and [600], with mean and deviation of their shares."""

    words: UInt64
    grams: UInt64
    mean: Float64
    deviation: Float64


@lru_cache(maxsize=1)
def usual() -> Usual:
    """The shipped table, made by benchmarks/make_manner.py."""
    with np.load(FILE, allow_pickle=False) as data:
        return Usual(data["words"], data["grams"], data["mean"].astype(np.float64), data["deviation"].astype(np.float64))


def fingerprint(folded: Folded, hashes: UInt64) -> Fingerprint:
    """One row of 1000 bytes for a folded text and its word hashes.

    None for a text of fewer than LEAST_WORDS words, or in another language than the table's, English: by these words all
    French would be of one hand.
    """
    none = make(STYLE, np.zeros(0, np.int32), np.zeros((0, BYTES_TEXT), np.uint8))
    if len(hashes) < LEAST_WORDS:
        return none
    table = usual()
    counted = shares(folded, hashes, table.words, table.grams)
    if counted[:WORDS].sum() < LEAST_COMMON:
        return none
    cut = np.clip((counted - table.mean) / table.deviation, -CUT, CUT)
    halves = [part / max(float(np.sqrt((part**2).sum())), 1e-9) for part in (cut[:WORDS], cut[WORDS:])]
    return make(STYLE, np.zeros(1, np.int32), quantized(np.concatenate(halves)[None, :].astype(np.float32), BYTES_TEXT))


def shares(folded: Folded, hashes: UInt64, words: UInt64, grams: UInt64) -> Float64:
    """float64[w + g]: the share of each of these words among the words, of each of these grams among the grams."""
    ends = np.append(folded.words, len(folded.letters))
    counts, seen = np.zeros(len(words) + len(grams)), np.zeros(2)
    for start, end in stretches(len(hashes)):
        runs = gram_hashes(folded.letters[ends[start] : ends[end]], GRAM)
        counts[: len(words)] += _counted(hashes[start:end], words)
        counts[len(words) :] += _counted(runs, grams)
        seen += end - start, len(runs)
    counts[: len(words)] /= max(1.0, seen[0])
    counts[len(words) :] /= max(1.0, seen[1])
    return counts


def stretches(words: int) -> list[tuple[int, int]]:
    """Which words are counted: all, or of a long text BLOCKS stretches evenly over it."""
    if words <= BLOCKS * BLOCK_WORDS:
        return [(0, words)]
    starts = np.linspace(0, words - BLOCK_WORDS, BLOCKS).astype(int).tolist()
    return [(start, start + BLOCK_WORDS) for start in starts]


def _counted(values: UInt64, known: UInt64) -> Int64:
    """int64[k]: how often each of the sorted `known` is among `values`."""
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.bincount(at[known[at] == values], minlength=len(known))
