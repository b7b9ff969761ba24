"""Retold passages: the same telling words in the same order, however much lies between them.

A paraphrase, a summary or a change of form keeps names, numbers and uncommon nouns, and keeps them in order; texts of one
topic or one author share such words too, but in no order. Content words alone are aligned, each agreement counts by its
rarity less what the gap before it gave chance room for.
"""

from __future__ import annotations

import math

import numpy as np

from fingerprint.features import Evidence
from fingerprint.hashing import Int32, Int64
from fingerprint.text_background import STEP
from fingerprint.text_stream import STREAM, Float, Stream, common, stretches

TELLING_FROM = 2.5  # rarity from which a word tells something: not articles, pronouns, auxiliaries
LANE = 3000  # code points of drift inside one candidate
REACH = 1500  # code points of the output between two seeds of one candidate
MARGIN = 600
MIN_SEEDS = 2
MAX_CANDIDATES = 2
MAX_TELLING = 4.5  # evidence of one word
ROOM = 0.5  # of log10 of the places in a gap
PASSED = 0.3  # cost of each telling word of the output that the work does not have there
STRETCHED = 0.5  # cost of each tenfold difference between the gaps on both sides
# Words of one topic come together, so their evidence is not independent: what stands is a part of the sum.
DEPENDENT = 0.5
FEW_WORDS = 5.0  # so many words in order are a formula or a quotation
LEAST = 1.0  # weaker passages are left out: many of them together would look strong
COPIED = 0.6  # share of the output's telling words that agree, from which the passage is a copy and not retold


def retellings(a: Stream, b: Stream, at: Int32, to: Int32, local: Float) -> list[Evidence]:
    """Passages of the output that retell the work, around seeds (rare words at `at` in the output and `to` in the work)."""
    found = []
    for rows in candidates(at, to):
        found.extend(_retold(a, b, (at[rows], to[rows]), local))
    return found


def candidates(at: Int32, to: Int32) -> list[Int64]:
    """Rows of seeds that lie together on both sides, those with most distinct output words first."""
    groups: list[tuple[int, Int64]] = []
    for shift in (0.0, 0.5):
        place = (np.floor((to.astype(np.float64) - at) / LANE + shift).astype(np.int64) << 32) + at
        order = np.argsort(place, kind="stable")
        starts = np.flatnonzero(np.diff(place[order], prepend=-(1 << 62)) > REACH)
        ends = np.append(starts[1:], len(order))
        for start, end in zip(
            starts[ends - starts >= MIN_SEEDS].tolist(), ends[ends - starts >= MIN_SEEDS].tolist(), strict=True
        ):
            rows = order[start:end]
            count = len(np.unique(at[rows]))
            if count >= MIN_SEEDS:
                groups.append((count, rows))
    groups.sort(key=lambda g: -g[0])
    return [rows for _, rows in groups[:MAX_CANDIDATES]]


def _retold(a: Stream, b: Stream, seeds: tuple[Int32, Int32], local: Float) -> list[Evidence]:
    (i0, i1), (j0, j1) = (
        np.searchsorted(s.positions, [int(p.min()) - MARGIN, int(p.max()) + MARGIN]) for s, p in zip((a, b), seeds, strict=True)
    )
    telling = np.flatnonzero(a.payload[i0:i1, 3] >= TELLING_FROM / STEP) + i0
    wanted = np.zeros(1 << 16, bool)
    wanted[a.codes[telling]] = True
    there = np.flatnonzero(wanted[b.codes[j0:j1]]) + j0
    p, q = common(a.codes[telling], b.codes[there])
    if len(p) < MIN_SEEDS:
        return []
    i, j = telling[p], there[q]
    gap_a, gap_b = np.diff(i, prepend=i[0] - 1) - 1.0, np.diff(j, prepend=j[0] - 1) - 1.0
    first = np.minimum(np.minimum(a.payload[i, 3] * STEP, local[i]), MAX_TELLING)
    gains = np.maximum(first - ROOM * np.log10((gap_a + 1) * (gap_b + 1)), 0.0)
    costs = PASSED * (np.diff(p, prepend=p[0] - 1) - 1) + STRETCHED * np.abs(np.log10((gap_a + 1) / (gap_b + 1)))
    places = math.log10(len(a.codes) * len(b.codes))
    found = []
    for start, end, score in stretches(first.tolist(), gains.tolist(), costs.tolist()):
        strength = DEPENDENT * min(score - places, 2 * (end - start - FEW_WORDS))
        if strength >= LEAST and end - start < COPIED * (p[end - 1] - p[start] + 1):
            found.append(_evidence(a, b, i[start:end], j[start:end], strength))
    return found


def _evidence(a: Stream, b: Stream, i: Int64, j: Int64, strength: float) -> Evidence:
    length = float(a.payload[i[-1], 2])
    output_span = (float(a.positions[i[0]]), float(a.positions[i[-1]]) + length)
    work_span = (float(b.positions[j[0]]), float(b.positions[j[-1]]) + length)
    scale = (work_span[1] - work_span[0]) / (output_span[1] - output_span[0])
    detail = {"agreeing": len(i) / float(i[-1] - i[0] + 1), "words": float(len(i))}
    return Evidence("remake", output_span, work_span, scale, strength, i.astype(np.int32), STREAM, "", detail)
