"""What each way of seeding adds: passages of works whose words are changed, found with letter grams, rare words, MinHash.

    python benchmarks/text_passages.py [--words 125] [--passages 40]

Prints, for each change, how many passages name their work by which schemes, and how many name another one.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import random
from collections.abc import Callable

from lab import SHARED, load_lineup

from fingerprint import text
from fingerprint.documents import Document, read_document
from fingerprint.errors import UnreadableMedia
from fingerprint.features import Media
from fingerprint.text_minhash import MINHASH
from matcher.calibration import load
from matcher.scan import scan_media
from registry.memory import MemoryIndex

Words = list[str]
WAYS = {
    "grams": {text.GRAMS},
    "rare": {text.RARE},
    "minhash": {MINHASH},
    "grams+rare": {text.GRAMS, text.RARE},
    "all": {text.GRAMS, text.RARE, MINHASH},
}


def changes(dice: random.Random, others: Words) -> dict[str, Callable[[Words], Words]]:
    """Ways to change a passage, by name."""

    def put_in(every: int) -> Callable[[Words], Words]:
        return lambda words: [y for k, w in enumerate(words, 1) for y in ([w] if k % every else [w, dice.choice(others)])]

    def replaced(every: int) -> Callable[[Words], Words]:
        return lambda words: [w if k % every else dice.choice(others) for k, w in enumerate(words, 1)]

    def shuffled(words: Words) -> Words:
        return [w for k in range(0, len(words), 5) for w in dice.sample(words[k : k + 5], len(words[k : k + 5]))]

    return {
        "a word put in after every word": put_in(1),
        "after every second": put_in(2),
        "every second word replaced": replaced(2),
        "every third replaced": replaced(3),
        "shuffled by fives": shuffled,
    }


def texts() -> dict[str, Words]:
    """Words of every work of the lineup that is long enough."""
    found = {}
    for row in csv.DictReader((SHARED / "text" / "works.csv").open(encoding="utf-8")):
        try:
            words = read_document(SHARED / "text" / row["path"]).words.split()
        except UnreadableMedia:
            continue
        if len(words) > 3000:
            found[row["work_id"]] = words
    return found


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--words", type=int, default=125)
    ap.add_argument("--passages", type=int, default=40)
    a = ap.parse_args()
    index, _ = load_lineup("text", 1, only="no outputs")
    works, dice = texts(), random.Random(5)
    chosen = dice.sample(sorted(works), min(a.passages, len(works)))
    others = [w for words in works.values() for w in words[:5000]]
    print(f"{len(chosen)} passages of {a.words} words: named by which schemes / others named")
    for name, change in changes(dice, others).items():
        named, wrong = dict.fromkeys(WAYS, 0), dict.fromkeys(WAYS, 0)
        for work in chosen:
            start = dice.randrange(len(works[work]) - a.words)
            for way, listed in found_by(" ".join(change(works[work][start : start + a.words])), index).items():
                named[way] += work in listed
                wrong[way] += bool(listed - {work})
        print(f"{name:32}", "  ".join(f"{way} {named[way]}/{wrong[way]}" for way in WAYS), flush=True)


def found_by(words: str, index: MemoryIndex) -> dict[str, set[str]]:
    """The works listed for this text, by the schemes that were looked up."""
    part = text.probes(Document(words, words))
    found = {}
    for way, names in WAYS.items():
        own = tuple(f for f in part.fingerprints if f.scheme in names | {text.STREAM})
        media = Media("text", "", (dataclasses.replace(part, fingerprints=own),))
        found[way] = {m.work_id for m in scan_media("", media, index, load()).matches if m.listed}
    return found


if __name__ == "__main__":
    main()
