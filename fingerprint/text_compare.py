"""Seeds to passages: seeds of one band are extended to an alignment of words, and the words are weighed.

Seed and extend as in BLAST (Altschul et al., J. Mol. Biol. 1990), on words: hashes of words are aligned by longest common
subsequence (bit-parallel, rapidfuzz), each agreement counts by how rare the word is there, each gap costs, and the best
stretches stand (X-drop). A stretch's strength is its sum less log10 of the places where chance could have tried.
"""

from __future__ import annotations

import math

import numpy as np

from fingerprint.features import Alignment, Evidence, Fingerprint, Part
from fingerprint.hashing import Int32, Int64
from fingerprint.text_background import STEP
from fingerprint.text_fold import Bool
from fingerprint.text_minhash import MINHASH, alike
from fingerprint.text_minhash import REACH as PASSAGE_REACH
from fingerprint.text_retelling import UNPROMISING, at_first_sight, in_common, retelling
from fingerprint.text_sequence import sequences
from fingerprint.text_stream import FORMS, GRAMS, RARE, STREAM, Float, Stream, common, commonness, stream_of, stretches

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
PIECE = 8000  # code points aligned at a time
KEPT = 0.1  # cost of each output word that agrees
CHANGED = 0.3  # cost of each output word that does not
DRIFT = 0.1  # cost of each word that one side has more than the other
MAX_GAP_COST = 6.0
ATTACH_STEPS = 3
MAX_WORD = 4.5  # evidence of one word
# Stock phrases and quotations are in no table of frequencies. Of passages of works against other works, one in 70 shares 9
# words with one, one in 700 shares 18: so many words can be evidence of at most FORMULA a word above FORMULA_WORDS.
FORMULA_WORDS, FORMULA = 4.0, 0.75
CERTAIN = 0.1  # rarity, at most, of a word that a formula makes certain: see benchmarks/make_background.py
SEED_LENGTH = 15  # code points that the letters of a seed take in print
SEED_WORDS = 2.8  # words that the letters of a seed make
SEED_APART = 60  # code points of the work for each seed, at most, in a passage told by seeds alone
COPY_FROM = 0.4  # share of the output's words that agree, from which it is a copy


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """Passages of the output that follow the work, from the seeds of one scheme."""
    ours, seeds = output.of(STREAM), output.of(alignment.scheme)
    if ours is None or seeds is None or not len(ours):
        return []
    at, to = seeds.positions[alignment.output_rows], alignment.work_rows
    groups = alike(seeds, work.of(MINHASH), alignment) if alignment.scheme == MINHASH else []
    # The stream is the costliest to unpack: it is asked for last.
    if alignment.scheme == MINHASH and not groups or (theirs := work.of(STREAM)) is None or not len(theirs):
        return []
    a, b = stream_of(ours), stream_of(theirs)
    if groups:
        return _from_passages(a, b, groups)
    found: list[Evidence] = []
    if alignment.scheme == RARE:
        found = _retold(a, b, output.of(FORMS), at, to)
        chosen = [np.arange(len(at))] if same_words(a, b, at, to).max() >= FEW_SAME_WORDS else []
    else:
        chosen = bands(a, b, at, to)
    if not chosen:
        return found
    common_here = commonness(a, b)
    for rows in chosen:
        pairs = agreeing(a, b, at[rows], to[rows], REACH[alignment.scheme])
        by_words = passages(a, b, pairs, common_here)
        # Where fewer words agree than letter seeds, their spaces stand elsewhere. What weighs nothing otherwise is a formula.
        few = sum(e.detail["words"] for e in by_words) < np.count_nonzero(np.diff(at[rows], prepend=-1))
        found.extend((spelled_passage(a, b, at, to, rows, alignment.scheme) if few else []) or by_words)
    return found


def _retold(a: Stream, b: Stream, forms: Fingerprint | None, at: Int32, to: Int32) -> list[Evidence]:
    """What retells the work around rare words, in two ways of telling."""
    shared = None if forms is None else in_common(a, b, forms, at, to)
    if shared is None or at_first_sight(a, b, shared, at, to) < UNPROMISING:
        return []
    return [*retelling(a, b, shared), *sequences(a, b, at, to)]


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
        new = np.append(True, (np.diff(n) != 0) | (np.diff(d) != 0) | (np.diff(a) > REACH[GRAMS]))
        once = new | np.append(True, np.diff(a) != 0)
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
    edge = np.diff(at, prepend=-1) != 0  # hits come in the order of output rows
    weight = 1.0 / np.diff(np.flatnonzero(np.append(edge, True)))[np.cumsum(edge) - 1]
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
    i = np.clip(np.searchsorted(a.positions, at)[:, None] + around, 0, len(a.codes) - 1)
    j = np.clip(np.searchsorted(b.positions, to)[:, None] + around, 0, len(b.codes) - 1)
    same: Int64 = (a.codes[i] == b.codes[j]).sum(axis=1)
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


def agreeing(a: Stream, b: Stream, at: Int32, to: Int32, margin: int) -> tuple[Int64, Int64]:
    """Rows of words that agree, in rising order on both sides, around these seeds."""
    rows_a, rows_b = [], []
    cuts = np.append(np.flatnonzero(np.append(True, np.diff(at // PIECE) != 0)), len(at))
    last_a = last_b = 0
    for k, (start, end) in enumerate(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)):
        final = k == len(cuts) - 2
        right = margin if final else 0
        i0, i1 = np.searchsorted(a.positions, [int(at[start]) - margin, int(at[end - 1]) + right + 1])
        j0, j1 = np.searchsorted(b.positions, [int(to[start:end].min()) - margin, int(to[start:end].max()) + right + 1])
        i0, j0 = max(int(i0), last_a), max(int(j0), last_b)
        i, j = common(a.codes[i0:i1], b.codes[j0:j1])
        rows_a.append(i + i0)
        rows_b.append(j + j0)
        if len(i):
            last_a, last_b = int(i[-1]) + i0 + 1, int(j[-1]) + j0 + 1
    return attached(a, b, np.concatenate(rows_a), np.concatenate(rows_b))


def attached(a: Stream, b: Stream, i: Int64, j: Int64) -> tuple[Int64, Int64]:
    """The same agreement with lone words moved next to a run where they agree as well: of many longest common subsequences
    the one with clean borders.
    """
    for _ in range(ATTACH_STEPS):
        joined = (np.diff(i) == 1) & (np.diff(j) == 1)
        lone = np.flatnonzero(~np.append(joined, False) & ~np.append(False, joined))
        before, after = lone[lone + 1 < len(i)], lone[lone > 0]
        before = before[a.codes[i[before + 1] - 1] == b.codes[j[before + 1] - 1]]
        i[before], j[before] = i[before + 1] - 1, j[before + 1] - 1
        after = np.setdiff1d(after, np.concatenate([before, before + 1]))
        p, q = i[after - 1] + 1, j[after - 1] + 1
        fits = (p <= i[after]) & (q <= j[after]) & (a.codes[p] == b.codes[q])
        i[after[fits]], j[after[fits]] = p[fits], q[fits]
        if not len(before) and not fits.any():
            break
    return i, j


def passages(a: Stream, b: Stream, pairs: tuple[Int64, Int64], common_here: Float) -> list[Evidence]:
    """The best stretches of agreeing words as Evidence."""
    i, j = pairs
    if not len(i):
        return []
    first, gains, costs = weights(a, i, j, common_here[i])
    places = math.log10(len(a.codes) * len(b.codes))
    found = []
    for start, end, score in stretches(first.tolist(), gains.tolist(), costs.tolist()):
        agreed = end - start
        share = agreed / float(i[end - 1] - i[start] + 1)
        strength = min(score - places, FORMULA * (agreed * share - FORMULA_WORDS))
        if strength > 0:
            found.append(_evidence(a, b, i[start:end], j[start:end], strength))
    return found


def weights(a: Stream, i: Int64, j: Int64, local: Float) -> tuple[Float, Float, Float]:
    """For each agreeing pair of words, what it adds as the first of a stretch, what as a later one, and what the gap before
    it costs.
    """
    alone, after = a.payload[i, 3] * STEP, a.payload[i, 4] * STEP
    gap_a, gap_b = np.zeros(len(i)), np.zeros(len(j))
    gap_a[1:], gap_b[1:] = i[1:] - i[:-1] - 1, j[1:] - j[:-1] - 1
    runs = (gap_a == 0) & (gap_b == 0)
    runs[0] = False
    slack = np.log10((gap_a + 1.0) * (gap_b + 1.0))
    first = np.minimum(np.minimum(alone, local), MAX_WORD)
    gains = np.where(runs, np.minimum(first, after), first - slack)
    costs = np.minimum(CHANGED * gap_a + DRIFT * np.abs(gap_a - gap_b), MAX_GAP_COST)
    return first - KEPT, np.maximum(gains, 0.0) - KEPT, costs


def _evidence(a: Stream, b: Stream, i: Int64, j: Int64, strength: float) -> Evidence:
    length = float(a.payload[i[-1], 2])
    share = len(i) / float(i[-1] - i[0] + 1)
    output_span = (float(a.positions[i[0]]), float(a.positions[i[-1]]) + length)
    work_span = (float(b.positions[j[0]]), float(b.positions[j[-1]]) + length)
    scale = (work_span[1] - work_span[0]) / (output_span[1] - output_span[0])
    relation = "copy" if share >= COPY_FROM else "remake"
    return Evidence(
        relation,
        output_span,
        work_span,
        scale,
        strength,
        i.astype(np.int32),
        STREAM,
        "",
        {"agreeing": share, "words": float(len(i))},
    )
