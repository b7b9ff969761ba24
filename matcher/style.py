"""Manner: which registered people an output resembles in how it is made. No evidence of use: it names, credits and pays nobody.

An output's descriptor is compared with those of all works at once. What counts is the lead: how much nearer a work is than
the nearest of a cohort of pictures or texts that are registered nowhere (so scores of speakers are normalized: Auckenthaler,
Carey and Lloyd-Thomas, DSP 10, 2000), since a grey photograph is near to every grey photograph. From the leads that outputs
have over works they have nothing to do with follows how often chance alone leads as far in a registry of this size.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint
from fingerprint.hashing import UInt8
from fingerprint.manner import ZERO, cohort, unit
from matcher.calibration import FILE
from registry.hits import Credit, Index, Registered, Work

# Roles whose hand the manner is; of a work without any of them, everybody credited.
CHIEF = frozenset({
    "artist", "author", "cartoonist", "creator", "designer", "draughtsman", "engraver", "essayist", "illustrator", "journalist",
    "lyricist", "novelist", "painter", "photographer", "playwright", "poet", "printmaker", "screenwriter", "sculptor", "speaker",
    "writer",
})  # fmt: skip
NEAREST, WEIGHT = 5, 0.5  # of the cohort: half of their mean likeness is what any work comes near to
SHOWN = 3  # people, or works without people
CANDIDATES = 5  # works
LOOKED_AT = 64  # nearest works whose people are looked up
BLOCK = 8192  # works compared at a time

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Chance:
    """How far unrelated outputs lead, by medium: one of 10^(slope * x - intercept) works leads such an output by x or more.

    least is the smallest chance that the number of outputs measured can support, level the largest that is reported.
    """

    slope: float
    intercept: float
    least: float
    level: float

    def of(self, lead: float, works: int) -> float:
        """How often an unrelated output would lead as far over one of so many works, 0 to 1."""
        expected = max(works, 1) * 10.0 ** min(3.0, self.intercept - self.slope * lead)
        return max(self.least, 1.0 - math.exp(-expected))


@dataclass(frozen=True)
class Resemblance:
    """One place in the ranking: the people, or where nobody is credited none; the work of theirs that is nearest.

    distance  1 - cosine of the descriptors: 0 is the same manner, 1 no relation
    chance    how often an output that has nothing to do with anybody here would come as near to somebody here
    extent    of the work's part whose manner it is
    """

    rank: int
    work: Work
    people: tuple[Credit, ...]
    distance: float
    chance: float
    extent: tuple[float, ...] = ()


@lru_cache(maxsize=4)
def load(path: Path = FILE) -> dict[str, Chance]:
    """By medium, written by benchmarks/style_trial.py. A medium that was not measured is not reported."""
    data = json.loads(path.read_text(encoding="utf-8")).get("manner", {})
    return {medium: Chance(m["slope"], m["intercept"], m["least"], m["level"]) for medium, m in data.items()}


def resemblances(manner: Fingerprint | None, index: Index, listed: Collection[str]) -> tuple[Resemblance, ...]:
    """Whom the output resembles more than chance would, nearest first; the people of the works in `listed` are passed over."""
    passed = {key for work_id in listed for key in (f"work {work_id}", *map(_key, index.work(work_id).credits))}
    found: list[Resemblance] = []
    for part, distance, level, most in _nearest(manner, index):
        if level > most or len(found) == SHOWN:
            break
        work = index.work(part.work_id)
        people = makers(work)
        keys = {f"work {work.work_id}", *map(_key, people)}
        if not keys & passed:
            found.append(Resemblance(len(found) + 1, work, people, distance, level))
        passed |= keys
    return tuple(found)


def nearest_works(manner: Fingerprint | None, index: Index, named: Collection[str]) -> tuple[Resemblance, ...]:
    """The nearest works by manner, above chance or not, without those in `named`: candidates, which name nobody."""
    rows = (row for row in _nearest(manner, index) if row[0].work_id not in named)
    found = []
    for rank, (part, distance, level, _) in enumerate(islice(rows, CANDIDATES), start=1):
        work = index.work(part.work_id)
        found.append(Resemblance(rank, work, makers(work), distance, level, part.extent))
    return tuple(found)


def _nearest(manner: Fingerprint | None, index: Index) -> Iterator[tuple[Registered, float, float, float]]:
    """(part, distance, chance, the greatest chance that is reported) of what is nearest in manner."""
    if manner is None or not len(manner) or manner.payload is None:
        return
    chance = load().get(manner.scheme.split(".")[0])
    rows = index.rows(manner.scheme)
    if chance is None or not len(rows):
        return
    likeness, usual = compared(manner.payload, rows.payload, manner.scheme)
    for row in np.argsort(-likeness, kind="stable")[:LOOKED_AT].tolist():
        level = chance.of(float(likeness[row]) - usual, len(rows))
        yield index.registered(int(rows.fingerprint_id[row])), 1.0 - float(likeness[row]), level, chance.level


def compared(output: UInt8, works: UInt8, scheme: str) -> tuple[Float32, float]:
    """Cosines float32[n] of the output's descriptor uint8[1, k] with those of the works, and what it has with the cohort."""
    own = unit(output)[0]
    likeness = np.concatenate([_cosines(works[at : at + BLOCK], own) for at in range(0, len(works), BLOCK)])
    beside = _cosines(cohort(scheme), own)
    return likeness, WEIGHT * float(np.sort(beside)[-NEAREST:].mean())


def _cosines(rows: UInt8, own: Float32) -> Float32:
    vectors = rows.astype(np.float32)
    vectors -= ZERO
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return np.asarray((vectors @ own) / np.maximum(lengths, 1e-6), np.float32)


def makers(work: Work) -> tuple[Credit, ...]:
    """Whose manner a work shows: those credited in a chief role, else all credited, each once."""
    chief = [c for c in work.credits if c.role.strip().casefold() in CHIEF] or list(work.credits)
    return tuple({_key(c): c for c in reversed(chief)}.values())[::-1]


def _key(credit: Credit) -> str:
    """One person: by name, since a credit without an identifier must still silence one with it."""
    return f"name {' '.join(credit.name.casefold().split())}"
