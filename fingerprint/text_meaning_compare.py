"""Retold passages by what their sentences mean: the same things said in the same order, in whatever words.

Sentences are aligned as residues of proteins are (Smith and Waterman, J. Mol. Biol. 1981). A pair counts by how much nearer its
sentences are to each other than each is to its nearest neighbours among all sentences, whatever they say (cross-domain similarity
local scaling: Conneau et al., ICLR 2018). How strong a path is follows from how often chance gives one as good in so many places
(Karlin and Altschul, PNAS 1990).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from fingerprint.features import Alignment, Evidence, Fingerprint, Part
from fingerprint.hashing import Int64
from fingerprint.text_meaning import MEANING, NOT_ENGLISH, SIZE, Float32, unpacked
from fingerprint.text_stream import STREAM

LENIENT = 0.05  # added to what a pair counts: a true one may be as far apart as neighbours are
AT_MOST = 0.2  # what one pair counts: one sentence alone, a proverb or a quotation, is no retelling
SKIPPED, PASSED = 0.05, 0.01  # cost of a sentence of the output that is not in the work, and of one of the work that is left out
STEEP, COMMON = 18.0, -4.2  # of a path's score what -log10 of chance is, a pair tried: see benchmarks/meaning_trial.py
LEAST = 5.0  # weaker passages are left out: several of chance would add up
KNOWN = 0.54  # nearness to the codebook's prose of what it speaks of: see `_known`
LEAST_SENTENCES = 2  # of the output, that lie on a path
COPIED = 0.92  # mean likeness of the sentences, from which the passage is a copy and not retold
BLOCK = 8  # sentences of the work, of which the nearest one counts: those beside a true one are near as well
MOST_BLOCKS = 1000  # of a work that its sentences are compared with
OTHERS = (1, 4)  # ranks [first, end) of blocks, nearest first, whose likeness is what a work of such matter gives by chance
NEAR, AROUND = 12, 30  # sentences of the output, and of the work, around a hit that are aligned
MOST_ROWS = 256  # sentences of the output that are aligned at once
MOST_PATHS = 4  # in one stretch of the output

Float = npt.NDArray[np.float64]
Path = list[tuple[int, int]]


def same_meaning(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """Passages of the output that say the same as the work, around hits of MEANING."""
    ours, words = output.of(MEANING), output.of(STREAM)
    if ours is None or words is None or (theirs := work.of(MEANING)) is None or not len(theirs) or not len(words):
        return []
    to = np.searchsorted(theirs.positions, alignment.work_rows)
    found = []
    for rows, columns in _stretches(alignment.output_rows, np.minimum(to, len(theirs) - 1), len(ours), len(theirs)):
        likeness, gain = gains(ours, theirs, rows, columns)
        for score, path in best_paths(gain, np.flatnonzero(np.diff(columns, prepend=-2) != 1)):
            alike = float(np.mean([likeness[i, j] for i, j in path]))
            strength = STEEP * score - math.log10(len(ours) * len(theirs)) - COMMON
            pairs = [(int(rows[i]), int(columns[j])) for i, j in path]
            enough = strength >= LEAST and len({i for i, _ in pairs}) >= LEAST_SENTENCES
            if enough and alike < COPIED and _known(ours, theirs, pairs):
                found.append(_evidence((ours, theirs), words, work.extent[0], pairs, strength, alike))
    return found


def _known(ours: Fingerprint, theirs: Fingerprint, pairs: Path) -> bool:
    """Whether the codebook's prose speaks of such matter at all: of most of the work, and of the sentences on the path. Where it
    does not (commands, programs, other languages) sentences seem nearer to each other than to anything else, whatever they say:
    what chance gives there is not known, and nothing is claimed.
    """
    here, there = _near(ours), _near(theirs)
    on_path = float(np.mean([here[i] + there[j] for i, j in pairs])) / 2
    return min(on_path, float(np.median(there))) >= KNOWN


def _near(sentences: Fingerprint) -> Float:
    """float64[n]: how near each sentence lies to the codebook's prose; 0 of another language."""
    if sentences.payload is None:
        return np.zeros(len(sentences))
    column = sentences.payload[:, SIZE]
    return np.where(column == NOT_ENGLISH, 0.0, column / 255)


def _stretches(at: npt.NDArray[np.int32], to: Int64, rows: int, columns: int) -> Iterator[tuple[Int64, Int64]]:
    """Rows of the output around hits that follow each other, and columns of the work around where these hits lie."""
    order = np.argsort(at, kind="stable")
    at, to = at[order].astype(np.int64), to[order]
    cuts = np.flatnonzero((np.diff(at, prepend=-(1 << 40)) > 2 * NEAR) | (np.diff(at // MOST_ROWS, prepend=-1) > 0))
    for start, end in zip(cuts.tolist(), [*cuts[1:].tolist(), len(at)], strict=True):
        own = np.arange(max(0, at[start] - NEAR), min(rows, at[end - 1] + NEAR + 1))
        near = np.zeros(columns + 1, np.int64)
        np.add.at(near, np.maximum(to[start:end] - AROUND, 0), 1)
        np.add.at(near, np.minimum(to[start:end] + AROUND + 1, columns), -1)
        yield own, np.flatnonzero(np.cumsum(near[:-1]) > 0)


def gains(ours: Fingerprint, theirs: Fingerprint, rows: Int64, columns: Int64) -> tuple[Float, Float]:
    """float64[rows, columns]: the cosine of each pair of sentences, and what the pair counts.

    How near a sentence lies to others is told by the codebook, or by the other sentences of this very work and of this very
    output where they lie nearer: two novels of one author have much in common that the codebook's prose has not.
    """
    if ours.payload is None or theirs.payload is None:
        return np.zeros((0, 0)), np.zeros((0, 0))
    a, b = ours.payload[rows], theirs.payload[columns]
    here, there = unpacked(a), unpacked(b)
    others, own = _spread(len(theirs)), _spread(len(ours))
    work, output = unpacked(theirs.payload[others]), unpacked(ours.payload[own])
    usual_a = np.maximum(a[:, SIZE] / 255, np.maximum(_others(here @ work.T, *OTHERS), _beside_others(here, rows, output, own)))
    usual_b = b[:, SIZE] / 255
    likeness = (here @ there.T).astype(np.float64)
    gain = likeness - (usual_a[:, None] + usual_b) / 2 + LENIENT
    # A pair that counts less than leaving out both costs lies on no path: most sentences of the work need no second look.
    near = np.flatnonzero(gain.max(axis=0, initial=-1.0) > -(SKIPPED + PASSED))
    usual = np.maximum(_beside_others(there[near], columns[near], work, others), _others(there[near] @ output.T, *OTHERS))
    gain[:, near] -= np.maximum(usual - usual_b[near], 0.0) / 2
    return likeness, np.minimum(gain, AT_MOST)


def _beside_others(sentences: Float32, rows: Int64, text: Float32, others: Int64) -> Float:
    """float64[n]: how near sentences of a text, in these rows of it, lie to `others` of its rows, their neighbours left out."""
    itself = sentences @ text.T
    for k in range(-(BLOCK // 2), BLOCK // 2 + 1):
        at = np.minimum(np.searchsorted(others, rows + k), len(others) - 1)
        row = np.flatnonzero(others[at] == rows + k)
        itself[row, at[row]] = -1.0
    return _others(itself, OTHERS[0] - 1, OTHERS[1] - 1)


def _spread(count: int) -> Int64:
    """Rows of a work's sentences, all of them, or of a long work blocks from all over it."""
    starts = np.unique(np.linspace(0, max(0, (count - 1) // BLOCK), MOST_BLOCKS).astype(np.int64)) * BLOCK
    rows: Int64 = (starts[:, None] + np.arange(BLOCK)).ravel()
    return rows[rows < count]


def _others(likeness: Float32, first: int, end: int) -> Float:
    """float64[n]: mean likeness to the nearest sentences of the blocks with these ranks; 0 in a work of so few blocks."""
    rows, columns = likeness.shape
    blocks = np.full((rows, -(-columns // BLOCK)), -1.0, np.float32)
    for k in range(min(BLOCK, columns)):
        each = likeness[:, k::BLOCK]
        np.maximum(blocks[:, : each.shape[1]], each, out=blocks[:, : each.shape[1]])
    if blocks.shape[1] <= first:
        return np.zeros(rows)
    end = min(end, blocks.shape[1])
    nearest = -np.sort(np.partition(-blocks, end - 1, axis=1)[:, :end], axis=1)
    return np.asarray(nearest[:, first:end].mean(axis=1), np.float64)


def best_paths(gain: Float, begins: Int64, most: int = MOST_PATHS) -> list[tuple[float, Path]]:
    """(score, pairs of row and column, rising) of the best path, then of the best one in the rows that it leaves, and so on.

    begins: columns that do not follow the one before them: no path goes on there.
    """
    gain = gain.copy()
    found: list[tuple[float, Path]] = []
    while len(found) < most and gain.size:
        score, path = _best_path(gain, begins)
        if not path:
            break
        found.append((score, path))
        gain[path[0][0] : path[-1][0] + 1] = -1.0
    return found


def _best_path(gain: Float, begins: Int64) -> tuple[float, Path]:
    """Score and pairs of the best path; no pairs where none counts anything."""
    rows, columns = gain.shape
    ramp = PASSED * np.arange(columns) + np.cumsum(np.isin(np.arange(columns), begins)) * 1e6
    table = np.zeros((rows + 1, columns))
    for i in range(rows):
        before = np.append(0.0, table[i, :-1])
        before[begins] = 0.0
        here = np.maximum(np.maximum(before + gain[i], table[i] - SKIPPED), 0.0)
        table[i + 1] = np.maximum(np.maximum.accumulate(here + ramp) - ramp, 0.0)
    i, j = (int(k) for k in np.unravel_index(table.argmax(), table.shape))
    return float(table[i, j]), _traced(table, gain, set(begins.tolist()), i, j)


def _traced(table: Float, gain: Float, begins: set[int], i: int, j: int) -> Path:
    """The pairs that led to row i of the table, column j, first to last."""
    path: Path = []
    while i > 0 and table[i, j] > 1e-9:
        before = table[i - 1, j - 1] if j > 0 and j not in begins else 0.0
        if abs(before + gain[i - 1, j] - table[i, j]) < 1e-6:
            path.append((i - 1, j))
            if before <= 1e-9:
                break
            i, j = i - 1, j - 1
        elif abs(table[i - 1, j] - SKIPPED - table[i, j]) < 1e-6:
            i -= 1
        else:
            j -= 1
    return path[::-1]


def _evidence(
    sides: tuple[Fingerprint, Fingerprint], words: Fingerprint, extent: float, pairs: Path, strength: float, alike: float
) -> Evidence:
    ours, theirs = sides
    starts = np.searchsorted(words.positions, [ours.positions[pairs[0][0]], _end(ours, pairs[-1][0], 1 << 30)])
    rows = np.arange(starts[0], max(starts[0] + 1, starts[1]), dtype=np.int32)
    last = min(int(rows[-1]), len(words) - 1)
    length = 0 if words.payload is None else int(words.payload[last, 2])
    output_span = (float(ours.positions[pairs[0][0]]), float(words.positions[last] + length))
    work_span = (float(theirs.positions[pairs[0][1]]), float(_end(theirs, pairs[-1][1], int(extent))))
    scale = (work_span[1] - work_span[0]) / max(1.0, output_span[1] - output_span[0])
    detail = {"sentences": float(len(pairs)), "alike": alike}
    return Evidence("remake", output_span, work_span, scale, strength, rows, MEANING, "", detail)


def _end(sentences: Fingerprint, row: int, extent: int) -> int:
    """Where the sentence in that row ends: where the next one begins."""
    return int(sentences.positions[row + 1]) if row + 1 < len(sentences) else extent
