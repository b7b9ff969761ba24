"""Words that agree around seeds, and the best stretches of them.

Hashes of words are aligned by longest common subsequence (bit-parallel, rapidfuzz), each agreement counts by how rare the word
is there, each gap costs, and the best stretches stand (X-drop, as in BLAST). A stretch's strength is its sum less log10 of the
places where chance could have tried.
"""

from __future__ import annotations

import math

import numpy as np

from fingerprint.features import Evidence
from fingerprint.hashing import Int32, Int64, changes
from fingerprint.text_background import STEP
from fingerprint.text_stream import STREAM, Float, Stream, common, stretches

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
COPY_FROM = 0.4  # share of the output's words that agree, from which it is a copy


def agreeing(a: Stream, b: Stream, at: Int32, to: Int32, margin: int) -> tuple[Int64, Int64]:
    """Rows of words that agree, in rising order on both sides, around these seeds."""
    rows_a, rows_b = [], []
    cuts = np.append(np.flatnonzero(changes(at // PIECE)), len(at))
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
