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
from fingerprint.text_forms import is_foreign
from fingerprint.text_retelling import FORMULA_BELOW
from fingerprint.text_stream import STREAM, Float, Stream, common, commonness, stretches

TELLING_FROM = 2.5  # rarity from which a word tells something: not articles, pronouns, auxiliaries
MARGIN = 600
MAX_TELLING = 4.5  # evidence of one word
ROOM = 0.5  # of log10 of the places in a gap
PASSED = 0.3  # cost of each telling word of the output that the work does not have there
STRETCHED = 0.5  # cost of each tenfold difference between the gaps on both sides
# Words of one topic come together, so their evidence is not independent: what stands is a part of the sum.
DEPENDENT = 0.5
FEW_WORDS = 5.0  # so many words in order are a formula or a quotation
LEAST = 1.0  # weaker passages are left out: many of them together would look strong
COPIED = 0.6  # share of the output's telling words that agree, from which the passage is a copy and not retold


def sequences(a: Stream, b: Stream, at: Int32, to: Int32) -> list[Evidence]:
    """Passages of the output that retell the work, around seeds: rare words at `at` in the output, `to` in the work."""
    if is_foreign(a.payload[:, 3] * np.float32(STEP)):
        return []
    places = math.log10(len(a.codes) * len(b.codes))
    telling, p, j = in_order(a, b, at, to)
    i = telling[p]
    if np.minimum(a.payload[i, 3] * STEP, MAX_TELLING).sum() < places + 2 * LEAST:
        return []
    return _retold(a, b, p, (i, j), commonness(a, b), places)


def in_order(a: Stream, b: Stream, at: Int32, to: Int32) -> tuple[Int64, Int64, Int64]:
    """Rows of the output's telling words around these seeds; which of them agree in order, as rows of those; with which rows
    of the work.
    """
    i0, i1 = np.searchsorted(a.positions, [int(at.min()) - MARGIN, int(at.max()) + MARGIN])
    j0, j1 = np.searchsorted(b.positions, [int(to.min()) - MARGIN, int(to.max()) + MARGIN])
    near = a.payload[i0:i1]
    telling = np.flatnonzero((near[:, 3] >= TELLING_FROM / STEP) & (near[:, 4] >= FORMULA_BELOW / STEP)) + i0
    wanted = np.zeros(1 << 16, bool)
    wanted[a.codes[telling]] = True
    there = np.flatnonzero(wanted[b.codes[j0:j1]]) + j0
    p, q = common(a.codes[telling], b.codes[there])
    return telling, p, there[q]


def _retold(a: Stream, b: Stream, p: Int64, pairs: tuple[Int64, Int64], local: Float, places: float) -> list[Evidence]:
    i, j = pairs
    gap_a, gap_b = np.zeros(len(i)), np.zeros(len(i))
    gap_a[1:], gap_b[1:] = i[1:] - i[:-1] - 1, j[1:] - j[:-1] - 1
    passed = np.zeros(len(i))
    passed[1:] = p[1:] - p[:-1] - 1
    first = np.minimum(np.minimum(a.payload[i, 3] * STEP, local[i]), MAX_TELLING)
    room_a, room_b = np.log10(gap_a + 1), np.log10(gap_b + 1)
    gains = np.maximum(first - ROOM * (room_a + room_b), 0.0)
    costs = PASSED * passed + STRETCHED * np.abs(room_a - room_b)
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
