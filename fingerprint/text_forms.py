"""Words that are forms of one another: sleep, sleeps, slept. Who retells a passage changes tense, number and person.

The registry stores words as they are written; an output is looked up in all forms that are in use. The families are made by
benchmarks/make_families.py and shipped beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from fingerprint.hashing import Int32, Int64, UInt64
from fingerprint.text_background import UNKNOWN, Float32, rarity
from fingerprint.text_fold import Bool, code_points, fold, word_hashes

FILE = Path(__file__).with_name("text_families.txt")
MISTAKEN = 2.0**-16  # share of other words that have the same 16 bits as one
# The table knows what novels and papers write: a word that it does not know may be common elsewhere ("download"). Names are not.
UNKNOWN_WORD = 3.7
# Of English prose it does not know one word in twenty, of other languages half: there how rare a word is cannot be told.
FOREIGN = 0.15


@dataclass(frozen=True)
class Families:
    """Members sorted by hash, with their family; and by family, whose rows are [first[f], first[f + 1]).

    joint is -log10 of how often any form of a family is written.
    """

    hashes: UInt64
    family: Int64
    members: UInt64
    first: Int64
    joint: Float32


@lru_cache(maxsize=1)
def families() -> Families:
    """The shipped table."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    members = word_hashes(fold("\n".join(lines)))
    size = np.array([line.count(" ") + 1 for line in lines], np.int64)
    first = np.concatenate([[0], np.cumsum(size)])
    share = np.add.reduceat(10.0 ** -rarity(members).astype(np.float64) + MISTAKEN, first[:-1])
    family = np.repeat(np.arange(len(lines)), size)
    order = np.argsort(members, kind="stable")
    return Families(members[order], family[order], members, first, -np.log10(share).astype(np.float32))


@dataclass(frozen=True)
class Forms:
    """Every form of some words, the words themselves among them: columns of one length, in the order of the words.

    word   int64: row of the word
    form   uint64: its hash in this form
    head   uint64: the same for all words of one family
    joint  float32: -log10 of how often any form of it is written
    """

    word: Int64
    form: UInt64
    head: UInt64
    joint: Float32


def names_and_numbers(text: str, starts: Int32) -> Bool:
    """bool[words]: words that begin with a capital in the middle of a sentence, and numbers."""
    codes = code_points(text)
    first = codes[starts]
    before = np.where(starts > 1, codes[np.maximum(starts - 1, 0)], 0)
    last = np.where(starts > 1, codes[np.maximum(starts - 2, 0)], 0)
    capital = (first >= 0x41) & (first <= 0x5A) | (first >= 0xC0) & (first <= 0xDE)
    inside = (before == 0x20) & ((last >= 0x61) & (last <= 0x7A) | (last == 0x2C) | (last == 0x3B))
    number = (first >= 0x30) & (first <= 0x39)
    found: Bool = number | capital & inside
    return found


def is_foreign(rarities: Float32) -> bool:
    """Whether so many of these words are not in the table that it tells nothing of the others either."""
    return len(rarities) > 0 and float(np.mean(rarities >= UNKNOWN)) > FOREIGN


def forms_of(hashes: UInt64, names: Bool) -> Forms:
    """The Forms of words with these hashes, where `names` is true of names and numbers. A word in no family has one form."""
    table = families()
    at = np.minimum(np.searchsorted(table.hashes, hashes), len(table.hashes) - 1)
    known = table.hashes[at] == hashes
    family = table.family[at]
    size = np.where(known, np.diff(table.first)[family], 1)
    word = np.repeat(np.arange(len(hashes)), size)
    inside = np.arange(len(word)) - np.repeat(np.cumsum(size) - size, size)
    start = table.first[family]
    form = np.where(known[word], table.members[np.minimum(start[word] + inside, len(table.members) - 1)], hashes[word])
    head = np.where(known, table.members[start], hashes)[word]
    own = rarity(hashes)
    alone = -np.log10(10.0 ** -own.astype(np.float64) + MISTAKEN)
    unknown = UNKNOWN_WORD if not is_foreign(own) else 0.0
    alone = np.where((own >= UNKNOWN) & ~names, np.minimum(alone, unknown), alone)
    return Forms(word, form, head, np.where(known, table.joint[family], alone)[word].astype(np.float32))
