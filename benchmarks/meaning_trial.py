"""Whether what sentences mean tells retold passages from chance: `python benchmarks/meaning_trial.py`.

Needs the extra `semantic`. Every output of the lineup that is short enough is aligned with every work in English, the whole of
it, without a first stage. Printed are, for each remake, the score of its true work and the best of a wrong one; the best wrong
ones of all; and how often chance gives a path of a score or more for each pair of sentences that could begin it, with the line
that follows (Karlin and Altschul, PNAS 1990): STEEP and COMMON in fingerprint/text_meaning_compare.py.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np
from lab import SHARED, cached, code_version

from fingerprint.features import Fingerprint, Media
from fingerprint.text_meaning import MEANING
from fingerprint.text_meaning_compare import best_paths, gains

LINEUP = SHARED / "text"
MOST = 60  # sentences of an output: of a longer one much is copied
TAIL = (3e-6, 3e-4)  # shares of the false pairs between which the fall of their scores is fitted


def meaning(view: str, path: Path, version: str) -> Fingerprint | None:
    """The MEANING of a file, or None."""
    media = cached((view, str(path), version))
    found = media.parts[0].of(MEANING) if isinstance(media, Media) and media.parts else None
    return found if found is not None and len(found) else None


def best(ours: Fingerprint, theirs: Fingerprint) -> float:
    """Score of the best path through both."""
    found = best_paths(gains(ours, theirs, np.arange(len(ours)), np.arange(len(theirs)))[1], np.array([0]), 1)
    return found[0][0] if found else 0.0


def main() -> None:
    version = code_version(("text", "documents"))
    rows = list(csv.DictReader((LINEUP / "works.csv").open(encoding="utf-8")))
    works = {r["work_id"]: f for r in rows if (f := meaning("extract", LINEUP / r["path"], version)) is not None}
    print(f"{len(works)} works, {sum(map(len, works.values()))} sentences")
    wrong: list[tuple[float, float, str, str]] = []  # score, pairs of sentences, output, work
    right: list[tuple[float, float, str]] = []
    for o in json.loads((LINEUP / "truth.json").read_text(encoding="utf-8"))["outputs"]:
        ours = meaning("probe", LINEUP / o["path"], version)
        if ours is None or len(ours) > MOST:
            continue
        scores = {w: best(ours, f) for w, f in works.items()}
        true = {w["work_id"]: w["relation"] for w in o["works"]}
        others = [
            (s, float(len(ours) * len(works[w])), f"{o['path']} {o['kind']}", w) for w, s in scores.items() if w not in true
        ]
        wrong += others
        for work, relation in true.items():
            if relation == "remake" and work in scores:
                right.append((scores[work], max(others)[0], f"{o['path']} {o['kind']}"))
    told(sorted(right, reverse=True), sorted(wrong, reverse=True))


def told(right: list[tuple[float, float, str]], wrong: list[tuple[float, float, str, str]]) -> None:
    """Prints what was found."""
    for score, other, name in right:
        print(f"{name}: true {score:.3f}, best wrong {other:.3f}")
    print("best wrong:", *(f"{score:.3f} {name} -> {work}" for score, _, name, work in wrong[:15]), sep="\n  ")
    print(f"{sum(s > wrong[0][0] for s, *_ in right)} of {len(right)} above all {len(wrong)} wrong pairs")
    scores = np.array([s for s, *_ in wrong])
    tried = float(sum(pairs for _, pairs, *_ in wrong))
    ranks = np.unique(np.geomspace(max(3, TAIL[0] * len(wrong)), max(30, TAIL[1] * len(wrong)), 12).astype(int))
    chance = np.array([math.log10((k + 1) / tried) for k in ranks])
    slope, start = np.polyfit(scores[ranks], chance, 1)
    for k, level in zip(ranks, chance, strict=True):
        print(f"  {k + 1} of {tried:.2e} pairs of sentences begin a path of {scores[k]:.3f} or more: 10^{level:.2f}")
    print(f"-log10 of chance is {-slope:.1f} x score {-start:+.2f} a pair")


if __name__ == "__main__":
    sys.exit(main())
