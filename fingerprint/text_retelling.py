"""Retold passages: the same telling words, in whatever form, close together and in the same order.

A paraphrase, a summary or a change of form keeps names, numbers and uncommon nouns, and keeps them in order; texts of one
topic or one author share such words too, but in no order. So two things are weighed in each pair of windows. How many telling
words they share, each by how unlikely it is in so many words of any text (a naive Bayes of presence, as in language models of
retrieval: Ponte and Croft, SIGIR 1998). And how long the longest chain is that comes in the same order on both sides: of m words
in random order a chain of l is to be expected in at most C(m, l) / l! cases.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fingerprint.features import Evidence, Fingerprint
from fingerprint.hashing import Int32, Int64, changes
from fingerprint.text_background import STEP
from fingerprint.text_fold import Bool
from fingerprint.text_order import longest_chain, order_evidence
from fingerprint.text_stream import FORMS, LEAST_TEXT, OFTEN, Float, Stream

TELLING_FROM = 3.0  # joint rarity of a word's forms from which it tells something
FORMULA_BELOW = 1.0  # rarity of a word after the one before it below which it goes without saying, as in a proverb
MARGIN = 600  # code points around the seeds
WINDOWS = (60, 120, 240)  # words of the output in which a retelling is looked for, half overlapping
LENGTHS = (0.8, 1.6, 4.0)  # words of the work for each word of the output: spun out, followed, condensed
SLACK = 10  # words by which a window of the work is longer still
KEPT = 0.35  # of a passage's telling words that a retelling keeps
MAX_TELLING = 4.2  # rarity that is believed of one word
# Words of one topic come together, so that their presence is not independent evidence; their order is.
DEPENDENT = 0.5
TRIED = 6  # windows whose order is looked at
HOPELESS = -3.0  # strength without order below which order is not looked at
AROUND = 15  # words around the seeds that are looked at first
UNPROMISING = -2.0  # strength at first sight below which nothing more is looked at: nine in ten places that chance gives
LEAST_SHARED = 4  # different words
LEAST = 0.3  # weaker passages are left out
IN_ORDER = 0.5  # of the shared words that come in order, at least: a retelling goes the same way
COPIED = 0.6  # share of the output's telling words that agree, from which the passage is a copy and not retold


@dataclass(frozen=True)
class Shared:
    """Telling words that a stretch of the output and one of the work have in common.

    here, here_word    rows in the output's stream, rising, of all its telling words, and the number of each one's family
    there, there_word  rows in the work's stream, rising, of words of these families
    gain               float64 by family: rarity in general and in the work, at most MAX_TELLING
    expected           bool by family: the first that a word of the output is taken for. One that the work lacks tells against it
    """

    here: Int64
    here_word: Int64
    there: Int64
    there_word: Int32
    gain: Float
    expected: Bool


@dataclass(frozen=True)
class Window:
    """Rows [start, end) of the output's stream and [first, last) of the work's; strength before order counts."""

    strength: float
    start: int
    end: int
    first: int
    last: int


def retelling(a: Stream, b: Stream, shared: Shared, copied: float = COPIED) -> list[Evidence]:
    """The best retelling in what two stretches have in common, if any; of a translation no share of the words makes a copy."""
    best = max((_ordered(a, b, shared, w, copied) for w in _windows(a, b, shared)), key=_strength, default=None)
    return [] if best is None or best.strength < LEAST else [best]


def at_first_sight(a: Stream, b: Stream, shared: Shared, at: Int32, to: Int32) -> float:
    """Strength of the stretches from the first to the last of the seeds, as they are: cheap, and seldom far from the best."""
    i0, i1 = np.searchsorted(a.positions, [int(at.min()), int(at.max()) + 1])
    j0, j1 = np.searchsorted(b.positions, [int(to.min()), int(to.max()) + 1])
    window = Window(0.0, int(i0) - AROUND, int(i1) + AROUND, int(j0) - AROUND, int(j1) + AROUND)
    own, there = np.zeros((2, len(shared.gain)), bool)
    own[shared.here_word[slice(*np.searchsorted(shared.here, [window.start, window.end]))]] = True
    there[shared.there_word[slice(*np.searchsorted(shared.there, [window.first, window.last]))]] = True
    both = own & there
    length = window.last - window.first
    gain = np.maximum(shared.gain[both] + math.log10(KEPT) - math.log10(length), 0.0)
    places = math.log10(max(1.0, len(b.codes) / length))
    left = int(np.count_nonzero(own & shared.expected)) - int(np.count_nonzero(both & shared.expected))
    presence = DEPENDENT * (float(gain.sum()) + math.log10(1.0 - KEPT) * left) - places
    chain = _chain(shared, window, length)
    return presence + order_evidence(len(chain[1]), len(chain[0]))


def _strength(evidence: Evidence | None) -> float:
    return -math.inf if evidence is None else evidence.strength


@dataclass(frozen=True, eq=False)
class Telling:
    """All telling words of an output in all their forms: what is the same for every place that they are compared with.

    rows, family   int64 by form: row of the word in the output's stream; number of its family
    codes          uint16 by form: its hash
    first          bool by form: the first one of its word, or of each meaning of it
    expected       bool by family: some word's first meaning
    member         int32[65536]: the family that a 16-bit word hash is a form of, or -1
    rarity         float64 by family
    """

    rows: Int64
    family: Int64
    codes: npt.NDArray[np.uint16]
    first: Bool
    expected: Bool
    member: Int32
    rarity: Float


@lru_cache(maxsize=4)
def telling(a: Stream, forms: Fingerprint) -> Telling:
    """The telling words of an output with this stream."""
    payload = forms.payload if forms.payload is not None else np.zeros((0, 5), np.uint8)
    columns = np.ascontiguousarray(payload[:, :4]).view("<u2")
    head, family = np.unique(columns[:, 1], return_inverse=True)
    member = np.full(1 << 16, -1, np.int32)
    member[columns[:, 0]] = family
    rarity = np.full(len(head), 9.0)
    np.minimum.at(rarity, family, payload[:, 4] * STEP)
    word = changes(forms.positions)
    expected = np.bincount(family[word], minlength=len(head)) > 0
    rows = np.searchsorted(a.positions, forms.positions)
    return Telling(rows, family, columns[:, 0], word | changes(family), expected, member, rarity)


def in_common(a: Stream, b: Stream, forms: Fingerprint, at: Int32, to: Int32) -> Shared | None:
    """What lies around these seeds on both sides; None when it is too little."""
    k = slice(*np.searchsorted(forms.positions, [int(at.min()) - MARGIN, int(at.max()) + MARGIN]))
    j0, j1 = np.searchsorted(b.positions, [int(to.min()) - MARGIN, int(to.max()) + MARGIN])
    told = telling(a, forms)
    inside = np.zeros(len(told.rarity) + 1, bool)  # the last one is of words in no family
    inside[told.family[k]] = True
    own = told.member[b.codes[j0:j1]]
    there = np.flatnonzero(inside[own])
    there_word = own[there]
    if np.count_nonzero(np.bincount(there_word, minlength=1)) < LEAST_SHARED:
        return None
    each = told.first[k]
    gain = _gain(told, b, there_word)
    return Shared(told.rows[k][each], told.family[k][each], there + j0, there_word, gain, told.expected)


def _gain(told: Telling, b: Stream, words: Int32) -> Float:
    """float64 by family: rarity in general and, of these families, in the work."""
    here = np.zeros(len(told.rarity), bool)
    here[words] = True
    wanted = np.zeros(1 << 16, bool)
    wanted[told.codes[here[told.family]]] = True
    count = np.bincount(told.member[b.codes[wanted[b.codes]]], minlength=len(here))
    local = np.where(count >= OFTEN, -np.log10(np.maximum(count, 1) / max(len(b.codes), LEAST_TEXT)), 9.0)
    return np.asarray(np.minimum(np.minimum(told.rarity, local), MAX_TELLING))


def _windows(a: Stream, b: Stream, shared: Shared) -> list[Window]:
    """The pairs of windows that share most telling words, best first."""
    found: list[Window] = []
    for start, end in _stretches(int(shared.here[0]), int(shared.here[-1]) + 1):
        own = np.unique(shared.here_word[slice(*np.searchsorted(shared.here, [start, end]))])
        inside = np.zeros(len(shared.gain), bool)
        inside[own] = True
        kept = inside[shared.there_word]
        stretch = start, end, int(np.count_nonzero(shared.expected[own]))
        if _at_most(shared, np.unique(shared.there_word[kept]), stretch) >= LEAST:
            found += _places(a, b, shared, stretch, kept)
    found.sort(key=lambda w: (-w.strength, w.start, w.first))
    return found[:TRIED]


def _stretches(first: int, last: int) -> Iterator[tuple[int, int]]:
    """[start, end) of windows over these rows, the longest no longer than needed."""
    for size in WINDOWS:
        step = size // 2
        for start in range(first, max(first + 1, last - step), step):
            yield start, min(last, start + size)
        if last - first <= size:
            break


def _at_most(shared: Shared, words: Int64, stretch: tuple[int, int, int]) -> float:
    """Strength that these words can have in a stretch of the output (start, end, different telling words)."""
    start, end, own = stretch
    length = int((end - start) * LENGTHS[0]) + SLACK
    gain = np.maximum(shared.gain[words] + math.log10(KEPT) - math.log10(length), 0.0)
    present = int(np.count_nonzero(gain))
    most = float(gain.sum()) + math.log10(1.0 - KEPT) * max(own - present, 0)
    return -math.inf if present < LEAST_SHARED else DEPENDENT * most + order_evidence(present, present)


def _places(
    a: Stream, b: Stream, shared: Shared, stretch: tuple[int, int, int], kept: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> Iterator[Window]:
    """The best place in the work for a stretch of the output (start, end, different telling words), for each length."""
    start, end, words = stretch
    rows, word = shared.there[kept], shared.there_word[kept]
    order = np.lexsort((rows, word))
    since = np.full(len(rows), 1 << 40)  # words since the same one stood there last
    again = np.diff(word[order]) == 0
    since[order[1:][again]] = np.diff(rows[order])[again]
    for per_word in LENGTHS:
        length = int((end - start) * per_word) + SLACK
        gain = np.maximum(shared.gain[word] + math.log10(KEPT) - math.log10(length), 0.0)
        counted = (gain > 0) & (since >= length)
        sums = np.concatenate([[0.0], np.cumsum(np.where(counted, gain - math.log10(1.0 - KEPT), 0.0))])
        last = np.searchsorted(rows, rows + length)
        total = sums[last] - sums[:-1]
        best = int(total.argmax())
        places = math.log10(max(1.0, len(b.codes) / length) * max(1.0, len(a.codes) / (end - start)))
        strength = DEPENDENT * (float(total[best]) + math.log10(1.0 - KEPT) * words) - places
        if strength > HOPELESS:
            yield Window(strength, start, end, int(rows[best]), int(rows[best]) + length)


def _chain(shared: Shared, window: Window, length: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]], int]:
    """Pairs of rows of the words that both sides of a window share and that tell something in so many words; those of them
    that come in order; and how many telling words the output has there.
    """
    i = slice(*np.searchsorted(shared.here, [window.start, window.end]))
    j = slice(*np.searchsorted(shared.there, [window.first, window.last]))
    # Of a word that stands there again the first counts, and so is put in last.
    at = dict(zip(shared.here_word[i][::-1].tolist(), shared.here[i][::-1].tolist(), strict=True))
    least = math.log10(length) - math.log10(KEPT)
    to: dict[int, int] = {}
    for row, word in zip(shared.there[j].tolist(), shared.there_word[j].tolist(), strict=True):
        if word in at and shared.gain[word] > least:
            to.setdefault(word, row)
    pairs = sorted({at[word]: (at[word], row) for word, row in sorted(to.items(), reverse=True)}.values())
    return pairs, [pairs[k] for k in longest_chain([row for _, row in pairs])], len(at)


def _ordered(a: Stream, b: Stream, shared: Shared, window: Window, copied: float) -> Evidence | None:
    """The window with the evidence of order added; None when it is too little or a copy."""
    pairs, chain, words = _chain(shared, window, window.last - window.first)
    if len(pairs) < LEAST_SHARED or len(pairs) >= copied * words or len(chain) < IN_ORDER * len(pairs):
        return None
    order = order_evidence(len(chain), len(pairs))
    strength = order + min(window.strength, order)  # what is there in no order is a topic, however much there is of it
    return _evidence(a, b, np.array(chain, np.int64), strength, len(pairs))


def _evidence(a: Stream, b: Stream, pairs: Int64, strength: float, shared: int) -> Evidence:
    i, j = pairs[:, 0], pairs[:, 1]
    length = float(a.payload[i[-1], 2])
    output_span = (float(a.positions[i[0]]), float(a.positions[i[-1]]) + length)
    work_span = (float(b.positions[j[0]]), float(b.positions[j[-1]]) + length)
    scale = (work_span[1] - work_span[0]) / (output_span[1] - output_span[0])
    detail = {"agreeing": len(i) / float(i[-1] - i[0] + 1), "words": float(shared), "in_order": float(len(i))}
    return Evidence("remake", output_span, work_span, scale, strength, i.astype(np.int32), FORMS, "", detail)
