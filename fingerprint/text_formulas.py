"""What everybody quotes, psalms, oaths, rhymes, clauses, in whatever language: it names nobody.

In English the table of word pairs knows it (benchmarks/make_background.py makes it of the same file); told in another language
or in other words it is known by following this file as a translation follows a work.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np

from fingerprint.features import Evidence, Fingerprint
from fingerprint.text_fold import fold, word_hashes
from fingerprint.text_retelling import in_common, retelling
from fingerprint.text_stream import Stream

FILE = Path(__file__).with_name("text_formulas.txt")
SHARE = 0.5  # of a passage and of its strength, that this file explains as well


@lru_cache(maxsize=1)
def formulas() -> Stream:
    """The words of the shipped file."""
    folded = fold(FILE.read_text(encoding="utf-8"))
    codes = word_hashes(folded).astype(np.uint16)
    return Stream(codes, folded.origin[folded.words], np.ascontiguousarray(codes, "<u2").view(np.uint8).reshape(-1, 2))


def is_common(a: Stream, forms: Fingerprint, evidence: Evidence) -> bool:
    """Whether what the output tells there is told by what everybody quotes as well. forms: by which the evidence was found."""
    start, end = evidence.output_span[:2]
    known = formulas()
    shared = in_common(a, known, forms, np.array([start, end], np.int32), known.positions[[0, -1]])
    for told in [] if shared is None else retelling(a, known, shared, math.inf):
        both = min(end, told.output_span[1]) - max(start, told.output_span[0])
        if both >= SHARE * (end - start) and told.strength >= SHARE * evidence.strength:
            return True
    return False
