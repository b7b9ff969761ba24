"""English words that mean much the same: whoever paraphrases puts one in the place of another.

A word is looked up and weighed with its synonyms side by side, as the meanings of a foreign word are (see text_gloss). The table
is made by benchmarks/make_synonyms.py and shipped beside this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from fingerprint.hashing import Int64, UInt64, changes
from fingerprint.text_fold import Bool, fold, word_hashes
from fingerprint.text_forms import Forms, forms_of
from fingerprint.text_gloss import heads_of, together

FILE = Path(__file__).with_name("text_synonyms.txt")
SYNONYMS = "synonyms"
MOST = 5  # synonyms of one word, those that most languages have in common


@dataclass(frozen=True)
class Synonyms:
    """Families of English words by the hash of their head, rising; synonyms of row k are others[first[k] : first[k + 1]]."""

    heads: UInt64
    others: UInt64
    first: Int64


@lru_cache(maxsize=1)
def synonyms() -> Synonyms:
    """The shipped table."""
    lines = [line.split() for line in FILE.read_text(encoding="utf-8").splitlines()]
    forms = forms_of(word_hashes(fold("\n".join(line[0] for line in lines))), np.zeros(len(lines), bool))
    heads = forms.head[changes(forms.word)]
    order = np.argsort(heads, kind="stable")
    others = word_hashes(fold("\n".join(word for k in order.tolist() for word in lines[k][1:])))
    return Synonyms(heads[order], others, np.cumsum([0, *(len(lines[k]) - 1 for k in order.tolist())]))


def with_synonyms(hashes: UInt64, names: Bool) -> Forms:
    """The Forms of words with these hashes and of their synonyms, as text_gloss.together gives them. names: as for forms_of."""
    table, own = synonyms(), forms_of(hashes, names)
    heads = own.head[changes(own.word)]
    at = np.minimum(np.searchsorted(table.heads, heads), len(table.heads) - 1)
    times = np.where((table.heads[at] == heads) & ~names, np.diff(table.first)[at], 0)
    word = np.repeat(np.arange(len(hashes)), 1 + times)
    inside = np.arange(len(word)) - np.repeat(np.cumsum(1 + times) - times - 1, 1 + times)
    other = table.others[np.minimum(table.first[at][word] + np.maximum(inside - 1, 0), len(table.others) - 1)]
    return together(word, np.where(inside == 0, hashes[word], other), names[word] & (inside == 0))


def told_by(words: Sequence[str], least: float) -> list[tuple[int, ...]]:
    """For each word, in small letters, what it and its synonyms are told by, if they tell something together."""
    hashes = [word_hashes(fold(word))[:1] for word in words]
    row = np.flatnonzero([len(h) for h in hashes])
    forms = with_synonyms(np.concatenate([np.zeros(0, np.uint64), *hashes]), np.zeros(len(row), bool))
    return heads_of(Forms(row[forms.word], forms.form, forms.head, forms.joint), len(words), least)
