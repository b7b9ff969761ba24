"""Which of many works a chroma agrees with by chance: all of them aligned at once, as one by one costs twenty times as much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fingerprint.audio_chroma import (
    LEAST_TICKS,
    MOST_TICKS,
    NOBODY,
    TASTE,
    TURNED,
    WORTH,
    Tones,
    _lead,
    _strength,
    _window,
    best_reached,
    levels,
)
from fingerprint.features import Alignment, Part

ROWS = 16  # moments of the output whose likeness to all works is held at once
BACK = np.argsort(TURNED, axis=1)  # what is raised on one side is lowered on the other
MARGIN = 0.01  # of strength: sums in another order differ in the last digits

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]


def by_chance(output: Part, placed: Sequence[tuple[Part, Alignment]], tones: Tones) -> list[Alignment]:
    """Those of the alignments with these works of which `audio_chroma.compare` would find no transposition that leads.

    Of an output longer than MOST_TICKS none: there each work is compared with a window of its own.
    """
    ours = output.of(tones.scheme.name)
    if ours is None or not LEAST_TICKS <= len(ours) <= MOST_TICKS or not placed:
        return []
    works, held = [], []
    for work, alignment in placed:
        theirs = work.of(tones.scheme.name)
        if theirs is None or len(theirs) < LEAST_TICKS:
            continue
        first = _window(alignment.work_rows, len(theirs))
        works.append(levels(theirs)[first : first + MOST_TICKS])
        held.append(alignment)
    if not held:
        return []
    ahead = np.sort(reached(levels(ours), works), axis=1)
    return [a for a, best in zip(held, ahead, strict=True) if _strength(_lead(best[-1], best[-2]), tones) < WORTH - MARGIN]


def reached(a: Float32, works: Sequence[Float32]) -> Float32:
    """Best local alignment of float32[n, 12] with each work float32[m, 12] in each transposition: float32[works, 12].

    As audio_chroma.compare, but that all works and transpositions lie in one line.
    """
    turned = a[:, TURNED].astype(np.float64)
    mean, squares = turned.mean(axis=0), np.einsum("nsi,nsj->sij", turned, turned, optimize=True) / len(a)
    columns = np.concatenate([_columns(mean, squares, b) for b in works], axis=1)
    widths = np.repeat([NOBODY + len(b) for b in works], 12)
    with_one = np.concatenate([a, np.ones((len(a), 1), np.float32)], axis=1)
    moments = (line for start in range(0, len(a), ROWS) for line in with_one[start : start + ROWS] @ columns)
    best = best_reached(moments, columns.shape[1])
    return np.maximum.reduceat(best, np.cumsum(widths) - widths).reshape(-1, 12)


def _columns(mean: Float, squares: Float, b: Float32) -> Float32:
    """float32[13, 12 * (NOBODY + m)]: what moments of the output, with a 1 behind them, are multiplied with to give how much they
    are like those of a work in twelve transpositions, in standard deviations above TASTE.

    mean float64[12, 12] and squares float64[12, 12, 12] are those of the output's moments in each transposition.
    """
    likeness = mean @ b.mean(axis=0)
    spread = np.sqrt(np.maximum((squares * (b.T.astype(np.float64) @ b / len(b))).sum(axis=(1, 2)) - likeness**2, 0.0)) + 1e-6
    columns = np.zeros((13, 12, NOBODY + len(b)), np.float32)
    columns[:12, :, NOBODY:] = (b.T[BACK] / spread[:, None, None]).transpose(1, 0, 2)
    columns[12] = -(likeness / spread + TASTE)[:, None]
    columns[12, :, :NOBODY] = -np.inf
    return columns.reshape(13, -1)
