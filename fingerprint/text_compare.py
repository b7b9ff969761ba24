"""Seeds to passages: seeds of one band are extended to an alignment of words, and the words are weighed (text_agreement).

Seed and extend as in BLAST (Altschul et al., J. Mol. Biol. 1990), on words.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from fingerprint.features import Alignment, Evidence, Fingerprint, Part
from fingerprint.hashing import Int32, Int64, changes
from fingerprint.text_agreement import FORMULA, FORMULA_WORDS, agreeing, passages
from fingerprint.text_background import STEP
from fingerprint.text_fold import Bool
from fingerprint.text_formulas import is_common
from fingerprint.text_gloss import ENGLISH
from fingerprint.text_meaning import MEANING
from fingerprint.text_meaning_compare import same_meaning
from fingerprint.text_minhash import MINHASH, alike
from fingerprint.text_minhash import REACH as PASSAGE_REACH
from fingerprint.text_retelling import COPIED, LEAST, UNPROMISING, at_first_sight, in_common, retelling
from fingerprint.text_sequence import sequences
from fingerprint.text_stream import FORMS, GLOSS, GLOSS_WORDS, GRAMS, RARE, STREAM, Float, Stream, commonness, stream_of
from fingerprint.text_synonyms import SYNONYMS

MAX_BANDS = 24
SURE_SEEDS = 2.9  # seeds, each divided by its number of places in the work, from which a band is aligned
PROMISING = 16.0  # -log10 of how often all is written that a band of letter seeds lies in, from which it is looked at,
FEW_POOR, MORE_POOR = 3, 7  # and so many works that promise less, and more for each further thousand words of the output
CODE_POINTS_OF_1000 = 6000.0
MOST_ALIKE = 3  # works of those that passages meet, which are looked at
SAME_WORDS = 8  # of the 24 words around a letter seed, that make one seed enough
FEW_SAME_WORDS = 4  # of the 24 words around a rare word, from which words are aligned
SPREAD = 120.0  # half width of a band of letter seeds, in code points
REACH = {GRAMS: 600, RARE: 1500}  # widest gap between two seeds of a band
SAME_LANGUAGE = 0.42  # of the output's words there, that stand in the work as they are
UNSURE_BOTH = 1.0  # log10 that a foreign output needs more of a work in another foreign language: words of both mean several
SPOKEN_AROUND = 200  # code points
CERTAIN = 0.1  # rarity, at most, of a word that a formula makes certain: see benchmarks/make_background.py
SEED_LENGTH = 15  # code points that the letters of a seed take in print
SEED_WORDS = 2.8  # words that the letters of a seed make
SEED_APART = 60  # code points of the work for each seed, at most, in a passage told by seeds alone


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """Passages of the output that follow the work, from the seeds of one scheme."""
    if alignment.scheme == MEANING:
        return same_meaning(output, work, alignment)
    ours, seeds = output.of(STREAM), output.of(alignment.scheme, alignment.variant)
    if ours is None or seeds is None or not len(ours):
        return []
    at, to = seeds.positions[alignment.output_rows], alignment.work_rows
    groups = alike(seeds, work.of(MINHASH), alignment) if alignment.scheme == MINHASH else []
    # The stream is the costliest to unpack: it is asked for last.
    stream = GLOSS_WORDS if alignment.scheme == GLOSS else STREAM
    if alignment.scheme == MINHASH and not groups or (theirs := work.of(stream)) is None or not len(theirs):
        return []
    a, b = stream_of(ours), stream_of(theirs)
    if groups:
        return _from_passages(a, b, groups)
    if alignment.variant:
        words = work.of(STREAM) if alignment.scheme == GLOSS and alignment.variant != ENGLISH else None
        spoken_alike = words is not None and same_language(a, stream_of(words), at)
        return [] if spoken_alike else _in_other_words(a, b, output, alignment)
    found: list[Evidence] = []
    if alignment.scheme == RARE:
        found = _retold(a, b, output.of(FORMS), at, to)
        chosen = [np.arange(len(at))] if same_words(a, b, at, to).max() >= FEW_SAME_WORDS else []
    else:
        chosen = bands(a, b, at, to)
    return found + _aligned(a, b, at, to, chosen, alignment.scheme)


def _aligned(a: Stream, b: Stream, at: Int32, to: Int32, chosen: list[Int64], scheme: str) -> list[Evidence]:
    """Words aligned around each of these groups of seeds."""
    if not chosen:
        return []
    found: list[Evidence] = []
    common_here = commonness(a, b)
    for rows in chosen:
        pairs = agreeing(a, b, at[rows], to[rows], REACH[scheme])
        by_words = passages(a, b, pairs, common_here)
        # Where fewer words agree than letter seeds, their spaces stand elsewhere. What weighs nothing otherwise is a formula.
        few = sum(e.detail["words"] for e in by_words) < np.count_nonzero(changes(at[rows]))
        found.extend((spelled_passage(a, b, at, to, rows, scheme) if few else []) or by_words)
    return found


def _retold(a: Stream, b: Stream, forms: Fingerprint | None, at: Int32, to: Int32) -> list[Evidence]:
    """What retells the work around rare words, in two ways of telling."""
    shared = None if forms is None else in_common(a, b, forms, at, to)
    if shared is None or at_first_sight(a, b, shared, at, to) < UNPROMISING:
        return []
    return [*retelling(a, b, shared), *sequences(a, b, at, to)]


def same_language(a: Stream, b: Stream, at: Int32) -> bool:
    """Whether most words of the output around these places stand in the work as they are: that is no translation, and words that
    mean the same because they are the same meet by chance too often.
    """
    rows = slice(*np.searchsorted(a.positions, [int(at.min()) - SPOKEN_AROUND, int(at.max()) + SPOKEN_AROUND]))
    return bool(len(a.codes[rows])) and float((b.counts[a.codes[rows]] > 0).mean()) > SAME_LANGUAGE


def _in_other_words(a: Stream, b: Stream, output: Part, alignment: Alignment) -> list[Evidence]:
    """What one of two texts tells as the other does: word by word in English, or in synonyms."""
    variant, seeds = alignment.variant, output.of(alignment.scheme, alignment.variant)
    forms = output.of(FORMS, "" if variant == ENGLISH else variant)
    if forms is None or seeds is None:
        return []
    at, to = seeds.positions[alignment.output_rows], alignment.work_rows
    shared = in_common(a, b, forms, at, to)
    if shared is None or at_first_sight(a, b, shared, at, to) < UNPROMISING:
        return []
    found = retelling(a, b, shared, COPIED if variant == SYNONYMS else math.inf)
    less = UNSURE_BOTH if alignment.scheme == GLOSS and variant != ENGLISH else 0.0
    told = (dataclasses.replace(e, variant=variant, strength=e.strength - less) for e in found if not is_common(a, forms, e))
    return [e for e in told if e.strength >= LEAST]


def _from_passages(a: Stream, b: Stream, groups: list[tuple[Int32, Int32]]) -> list[Evidence]:
    """Words aligned around passages that are alike."""
    common_here = commonness(a, b)
    return [e for at, to in groups for e in passages(a, b, agreeing(a, b, at, to, PASSAGE_REACH), common_here)]


def promising(output: Part, alignments: list[Alignment]) -> list[Alignment]:
    """The alignments, best first, without most of those that promise little: in a large registry every text meets many works in
    a letter seed or two, and in passages.
    """
    by_letters = [a for a in alignments if a.scheme == GRAMS]
    by_passages = [a for a in alignments if a.scheme == MINHASH]
    promised = promises(output, by_letters)
    order = np.argsort(-promised, kind="stable")
    few = FEW_POOR + math.ceil(MORE_POOR * max(0.0, output.extent[0] / CODE_POINTS_OF_1000 - 1))
    poor = [by_letters[k] for k in order[few:].tolist() if promised[k] < PROMISING]
    left_out = set(map(id, [*poor, *by_passages[MOST_ALIKE:]]))
    return [a for a in alignments if id(a) not in left_out]


def promises(output: Part, alignments: list[Alignment]) -> Float:
    """float64[n]: for each alignment of letter seeds how rare the words are, together, that the seeds of its best band lie in.

    One in two of those that chance gives has less than 7 and one in thirty more than 14; of 570 true ones two had less than 9.
    """
    seeds, ours = output.of(GRAMS), output.of(STREAM)
    if not alignments or seeds is None or ours is None:
        return np.zeros(len(alignments))
    number = np.repeat(np.arange(len(alignments)), [len(a.output_rows) for a in alignments])
    at = seeds.positions[np.concatenate([a.output_rows for a in alignments])].astype(np.int64)
    to = np.concatenate([a.work_rows for a in alignments]).astype(np.int64)
    weight = _said_in(stream_of(ours), at)
    best = np.zeros(len(alignments))
    for shift in (0.0, 0.5):
        lane = np.floor((to - at) / (4 * SPREAD) + shift).astype(np.int64)
        order = np.lexsort((at, lane, number))
        n, d, a = number[order], lane[order], at[order]
        new = changes(n) | changes(d)
        new[1:] |= np.diff(a) > REACH[GRAMS]
        once = new | changes(a)
        starts = np.flatnonzero(new)
        np.maximum.at(best, n[starts], np.add.reduceat(np.where(once, weight[order], 0.0), starts))
    return best


def _said_in(a: Stream, at: Int64) -> Float:
    """float64[n]: how rare the words are, each after the one before it, that a letter seed at each of these places lies in."""
    sums = np.concatenate([[0.0], np.cumsum(a.payload[:, 4] * STEP)])
    first = np.maximum(np.searchsorted(a.positions, at, "right") - 1, 0)
    last = np.maximum(np.searchsorted(a.positions, at + SEED_LENGTH), first + 1)
    return np.asarray(sums[last] - sums[first])


def bands(a: Stream, b: Stream, at: Int32, to: Int32) -> list[Int64]:
    """Groups of letter seeds worth aligning, heaviest first: rows of `at` (output positions) and `to` (work positions) that lie
    close to one diagonal.
    """
    starts = np.flatnonzero(changes(at))  # hits come in the order of output rows
    count = np.diff(np.append(starts, len(at)))
    weight = np.repeat(1.0 / count, count)
    weight = np.where(same_words(a, b, at, to) >= SAME_WORDS, SURE_SEEDS, weight)
    if weight.sum() < SURE_SEEDS:
        return []
    groups = [g for shift in (0.0, 0.5) for g in _lanes(at, to, weight, shift)]
    groups.sort(key=lambda g: -g[0])
    taken = np.zeros(len(at), bool)
    chosen = []
    for _, rows in groups:
        if taken[rows].mean() < 0.5:
            taken[rows] = True
            chosen.append(rows)
    return chosen[:MAX_BANDS]


def _lanes(at: Int32, to: Int32, weight: Float, shift: float) -> list[tuple[float, Int64]]:
    """(weight, rows) of the seeds in each lane of diagonals, cut where the output has a gap; lanes of little weight left out."""
    lane = np.floor((to.astype(np.float64) - at) / (2 * SPREAD) + shift).astype(np.int64)
    place = (lane << 32) + at
    order = np.argsort(place, kind="stable")
    # Two lanes lie further apart than any reach.
    starts = np.flatnonzero(np.diff(place[order], prepend=-(1 << 62)) > REACH[GRAMS])
    sums = np.add.reduceat(weight[order], starts)
    top = np.flatnonzero(sums >= SURE_SEEDS)
    if not len(top):
        return []
    ends = np.append(starts[1:], len(order))
    top = top[np.argsort(-sums[top], kind="stable")][:MAX_BANDS]
    return [(float(sums[g]), order[starts[g] : ends[g]]) for g in top.tolist()]


def same_words(a: Stream, b: Stream, at: Int32, to: Int32) -> Int64:
    """For each seed, how many of the words right around it are the same on both sides: int64[n]."""
    around = np.arange(-8, 16)
    i, j = np.searchsorted(a.positions, at)[:, None] + around, np.searchsorted(b.positions, to)[:, None] + around
    same: Int64 = (a.codes.take(i, mode="clip") == b.codes.take(j, mode="clip")).sum(axis=1)
    return same


def formulas(a: Stream, b: Stream, at: Int32, to: Int32) -> Bool:
    """bool[n]: of each seed, whether the next word that begins is the same on both sides and certain after the word before it:
    spaces stand alike there, so the letters of a formula tell no more than its words.
    """
    i = np.minimum(np.searchsorted(a.positions, at), len(a.codes) - 1)
    j = np.minimum(np.searchsorted(b.positions, to), len(b.codes) - 1)
    found: Bool = (a.codes[i] == b.codes[j]) & (a.payload[i, 4] * STEP < CERTAIN)
    return found


def spelled_passage(a: Stream, b: Stream, at: Int32, to: Int32, rows: Int64, scheme: str) -> list[Evidence]:
    """The passage that letter seeds alone show, when no words agree: spaces were taken out or put between letters.

    Such text runs at another pace, so the seeds of the band (`rows`) give a line, and all seeds along the line count.
    """
    if scheme != GRAMS:
        return []
    unsaid = ~formulas(a, b, at, to)
    rows = rows[unsaid[rows]]
    if not len(rows) or at[rows].min() == at[rows].max():
        return []
    slope = float(np.ptp(to[rows]) / np.ptp(at[rows]))
    off = to - to[rows].mean() - slope * (at - at[rows].mean())
    rows = np.flatnonzero(unsaid & (np.abs(off) <= SPREAD) & (np.abs(at - at[rows].mean()) <= np.ptp(at[rows]) + REACH[GRAMS]))
    rows = rows[np.lexsort((to[rows], at[rows]))]
    rows = rows[np.diff(np.maximum.accumulate(to[rows]), prepend=-1) > 0]
    at, to = at[rows], to[rows]
    length = int(to[-1] - to[0]) + SEED_LENGTH
    strength = FORMULA * (SEED_WORDS * len(to) - FORMULA_WORDS)
    if strength <= 0 or length > SEED_APART * len(to):
        return []
    scale = length / (int(at[-1] - at[0]) + SEED_LENGTH)
    output_span = (float(at[0]), float(at[-1]) + SEED_LENGTH / scale)
    first, last = np.searchsorted(a.positions, output_span)
    words = np.arange(max(0, first - 1), last, dtype=np.int32)
    detail = {"agreeing": 0.0, "words": 0.0}
    return [Evidence("copy", output_span, (float(to[0]), float(to[0]) + length), scale, strength, words, STREAM, "", detail)]
