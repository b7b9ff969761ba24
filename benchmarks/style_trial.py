"""How often the right artist or author is the nearest in manner, and how often chance is as near.

    python benchmarks/style_trial.py [image] [text]   print, and keep benchmarks/results/manner.json
    python benchmarks/style_trial.py --calibrate      also write the chances into matcher/calibration.json

Stills: the outputs of the development lineup whose truth names a work they follow in style, against all of its works. Texts:
stretches of its public-domain works against all other works, where the author has another one; its own pastiches are shorter
than what can be told. Unrelated outputs, from which the chances come, are the same and all other outputs, without the works
they have anything to do with and all others of the same people.
"""

from __future__ import annotations

import csv
import datetime
import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "lineup"
RESULT = Path(__file__).with_name("results") / "manner.json"
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from make_manner import stretch  # noqa: E402

from fingerprint import UnreadableMedia, manner_of, text_style  # noqa: E402
from fingerprint.documents import read_document  # noqa: E402
from fingerprint.text_fold import Folded, fold, word_hashes  # noqa: E402
from matcher.calibration import FILE  # noqa: E402
from matcher.style import CHIEF, Chance, compared  # noqa: E402

LEVEL = 0.01  # chance up to which a resemblance is reported
WORDS = (500, 1000, 2000, 5000, 10000)
STRETCHES = 4  # of each work and length
CALIBRATED_AT = (1000, 5000)  # words
TAIL = (0.25, 0.01)  # shares of unrelated outputs between which the line is drawn


@dataclass
class Trial:
    """Leads float[n outputs, works]; what each output truly follows, what it has nothing to do with, and a name for halves."""

    works: list[str]
    leads: list[np.ndarray] = field(default_factory=list)
    right: list[set[int]] = field(default_factory=list)
    related: list[set[int]] = field(default_factory=list)
    people: list[str] = field(default_factory=list)


def lineup(medium: str) -> tuple[list[dict[str, str]], dict[str, set[str]], dict[str, list[dict]]]:
    """Works, the people of each (nobody for unknown ones), and the outputs."""
    folder = SHARED / medium
    rows = list(csv.DictReader((folder / "works.csv").open(encoding="utf-8")))
    people: dict[str, set[str]] = defaultdict(set)
    for c in csv.DictReader((folder / "credits.csv").open(encoding="utf-8")):
        if not c["name"].startswith("unknown") and c["role"] in CHIEF:
            people[c["work_id"]].add(c["name"])
    return rows, people, json.loads((folder / "truth.json").read_text())["outputs"]


def stills() -> tuple[Trial, Trial]:
    """The outputs with a style in their truth, then all outputs as unrelated ones."""
    rows, people, outputs = lineup("image")
    described = {r["work_id"]: payload(SHARED / "image" / r["path"]) for r in rows}
    works = [w for w, p in described.items() if p is not None]
    matrix = np.concatenate([described[w] for w in works])
    number = {w: i for i, w in enumerate(works)}
    styled, unrelated = Trial(works), Trial(works)
    for output in outputs:
        own = payload(SHARED / "image" / output["path"])
        if own is None:
            continue
        likeness, usual = compared(own, matrix, "image.style.1")
        truth = {w["work_id"]: w["relation"] for w in output["works"]}
        right = {number[w] for w, relation in truth.items() if relation == "style" and w in number}
        names = set().union(*(people[w] for w in truth))
        related = {number[w] for w in works if w in truth or people[w] & names}
        add(unrelated, likeness - usual, set(), related, "")
        if right:
            followed = {number[w] for w, relation in truth.items() if relation != "style" and w in number}
            add(styled, likeness - usual, right, followed, min(works[w] for w in right))
    return styled, unrelated


def payload(path: Path) -> np.ndarray | None:
    """The descriptor of a file, None when it has none."""
    try:
        found = manner_of(path)
    except UnreadableMedia:
        return None
    return found.payload if found is not None and len(found) else None


def add(trial: Trial, leads: np.ndarray, right: set[int], related: set[int], people: str) -> None:
    trial.leads.append(leads)
    trial.right.append(right)
    trial.related.append(related)
    trial.people.append(people)


def first(trial: Trial, without_followed: bool) -> np.ndarray:
    """Rank of the best right work of each output, beginning at 1."""
    ranks = []
    for leads, right, followed in zip(trial.leads, trial.right, trial.related, strict=True):
        wrong = [lead for i, lead in enumerate(leads) if i not in right and not (without_followed and i in followed)]
        ranks.append(1 + sum(lead > max(leads[i] for i in right) for lead in wrong))
    return np.array(ranks)


def told(trial: Trial, chance: Chance) -> float:
    """Share of the outputs of which a right work would be reported at rank 1."""
    hits = 0
    for leads, right, followed in zip(trial.leads, trial.right, trial.related, strict=True):
        lead = [-9.0 if i in followed else float(x) for i, x in enumerate(leads)]
        best = int(np.argmax(lead))
        hits += best in right and chance.of(lead[best], len(leads)) <= chance.level
    return hits / len(trial.leads)


def chance_of(trial: Trial) -> Chance:
    """A line through the logarithm of how often the nearest of n unrelated works leads by x, per work."""
    nearest, sizes = [], []
    for leads, related in zip(trial.leads, trial.related, strict=True):
        others = [lead for i, lead in enumerate(leads) if i not in related]
        nearest.append(max(others))
        sizes.append(len(others))
    order = np.sort(np.array(nearest))[::-1]
    share = (np.arange(len(order)) + 1) / (len(order) + 1)
    rate = np.log10(-np.log1p(-share) / np.mean(sizes))
    tail = (share <= TAIL[0]) & (share >= TAIL[1])
    slope, intercept = np.polyfit(order[tail], rate[tail], 1)
    return Chance(round(-float(slope), 4), round(float(intercept), 4), round(1 / len(order), 4), LEVEL)


def falsely(trial: Trial, chance: Chance) -> float:
    """Share of unrelated outputs that would be told to resemble somebody."""
    nearest = [max(x for i, x in enumerate(leads) if i not in related)
               for leads, related in zip(trial.leads, trial.related, strict=True)]  # fmt: skip
    return float(np.mean([chance.of(float(x), len(trial.works)) <= chance.level for x in nearest]))


def texts() -> tuple[dict[int, Trial], Trial]:
    """Stretches of works by length, then those of CALIBRATED_AT as unrelated ones."""
    rows, people, _ = lineup("text")
    folded = {r["work_id"]: fold(read_document(SHARED / "text" / r["path"]).words) for r in rows}
    hashes = {w: word_hashes(f) for w, f in folded.items()}
    made = {w: text_style.fingerprint(folded[w], hashes[w]).payload for w in folded}
    long = [w for w in folded if len(made[w])]
    matrix = np.concatenate([made[w] for w in long])
    trials, unrelated = {n: Trial(long) for n in WORDS}, Trial(long)
    for work in long:
        same = {i for i, w in enumerate(long) if people[w] & people[work]}
        for n in WORDS:
            for part, own in parts(folded[work], hashes[work], n):
                if not len(described(part, own)):
                    continue
                likeness, usual = compared(described(part, own), matrix, "text.style.1")
                if same - {long.index(work)}:
                    add(trials[n], likeness - usual, same - {long.index(work)}, {long.index(work)}, min(people[work]))
                if n in CALIBRATED_AT:
                    add(unrelated, likeness - usual, set(), same | {long.index(work)}, "")
    return trials, unrelated


def described(part: Folded, hashes: np.ndarray) -> np.ndarray:
    """The descriptor, also of a text that the product says nothing of because it is short."""
    least, text_style.LEAST_WORDS = text_style.LEAST_WORDS, 1
    try:
        return text_style.fingerprint(part, hashes).payload
    finally:
        text_style.LEAST_WORDS = least


def parts(text: Folded, hashes: np.ndarray, words: int) -> list[tuple[Folded, np.ndarray]]:
    """Up to STRETCHES stretches of so many words."""
    count = min(STRETCHES, len(hashes) // words)
    starts = np.linspace(0, len(hashes) - words, count).astype(int) if count else []
    return [(stretch(text, a, a + words), hashes[a : a + words]) for a in starts]


def by_people(ranks: np.ndarray, trial: Trial) -> float:
    """Share of first places, each author counted once."""
    own = defaultdict(list)
    for rank, name in zip(ranks.tolist(), trial.people, strict=True):
        own[name].append(rank == 1)
    return float(np.mean([np.mean(v) for v in own.values()]))


def trial_of_stills() -> tuple[dict[str, object], Chance]:
    """What is kept of it, and the chance."""
    styled, unrelated = stills()
    chance = chance_of(unrelated)
    all_works, aside = first(styled, False), first(styled, True)
    halves = [aside[[i for i, p in enumerate(styled.people) if int(p[1:]) % 2 == h]] for h in (0, 1)]
    return {
        "outputs": len(aside), "works": len(styled.works), "chance": round(1 / len(styled.works), 4),
        "first": r(np.mean(all_works == 1)), "first_without_the_works_they_show": r(np.mean(aside == 1)),
        "among_five": r(np.mean(aside <= 5)), "mean_reciprocal_rank": r(np.mean(1 / aside)),
        "first_by_half_of_the_artists": [r(np.mean(h == 1)) for h in halves],
        "reported_and_right": r(told(styled, chance)),
        "unrelated_outputs": len(unrelated.leads), "unrelated_reported": r(falsely(unrelated, chance)),
    }, chance  # fmt: skip


def trial_of_texts() -> tuple[dict[str, object], Chance]:
    """What is kept of it, by words of the output, and the chance."""
    trials, unrelated = texts()
    chance = chance_of(unrelated)
    told_of = {
        str(n): {
            "stretches": len(t.leads), "authors": len(set(t.people)), "works": len(t.works),
            "chance": r(np.mean([len(x) / len(t.works) for x in t.right])),
            "first": r(by_people(first(t, True), t)), "reported_and_right": r(told(t, chance)),
        } for n, t in trials.items()
    }  # fmt: skip
    return told_of | {"unrelated_outputs": len(unrelated.leads), "unrelated_reported": r(falsely(unrelated, chance))}, chance


def main() -> None:
    asked = [m for m in ("image", "text") if m in sys.argv[1:]] or ["image", "text"]
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    data = json.loads(FILE.read_text())
    for medium in asked:
        result[medium], chance = trial_of_stills() if medium == "image" else trial_of_texts()
        data.setdefault("manner", {})[medium] = vars(chance)
    result["date"] = datetime.date.today().isoformat()
    print(json.dumps(result | {"chances": data["manner"]}, indent=1))
    RESULT.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    if "--calibrate" in sys.argv[1:]:
        FILE.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")


def r(value: float) -> float:
    return round(float(value), 3)


if __name__ == "__main__":
    main()
