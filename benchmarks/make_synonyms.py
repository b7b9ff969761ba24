"""Make fingerprint/text_synonyms.txt: English words that mean much the same, one word a line with the others after it.

    python benchmarks/make_synonyms.py

Two words are taken for synonyms where the dictionary gives both for one word of at least two other languages:
paraphrases by a pivot (Bannard and Callison-Burch, ACL 2005).
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from fingerprint.hashing import changes
from fingerprint.text_forms import forms_of
from fingerprint.text_gloss import LANGUAGES, gloss, headwords
from fingerprint.text_synonyms import FILE, MOST

LEAST = 2  # languages


def families() -> list[int]:
    """For each headword of the dictionary the row of the first that is of its family."""
    forms = forms_of(gloss(LANGUAGES[0]).words, np.zeros(len(headwords()), bool))
    heads = forms.head[changes(forms.word)].tolist()
    first: dict[int, int] = {}
    return [first.setdefault(head, row) for row, head in enumerate(heads)]


def main() -> None:
    family, shared = families(), Counter[tuple[int, int]]()
    for language in LANGUAGES:
        rows = ({family[row] for row in meant} for meant in gloss(language).meanings.values())
        shared.update({pair for own in rows for pair in itertools.combinations(sorted(own), 2)})
    others: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for (a, b), languages in shared.items():
        if languages >= LEAST:
            others[a].append((-languages, b))
            others[b].append((-languages, a))
    words = headwords()
    lines = [" ".join([words[a], *(words[b] for _, b in sorted(found)[:MOST])]) for a, found in sorted(others.items())]
    FILE.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    print(f"{len(lines)} words, {sum(line.count(' ') for line in lines)} synonyms, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
