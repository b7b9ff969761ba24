"""Thresholds and score mappings, each with how it was measured: `calibration.json`, written by benchmarks/calibrate.py."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

UNMEASURED = (6.0, 100)  # a score of a million to one, for a pair of medium and relation without negatives of its own
FILE = Path(__file__).with_name("calibration.json")
TRUSTED = 0.5  # of what evidence says beyond what was measured: chance may have a longer tail than the fit


@dataclass(frozen=True)
class Mapping:
    """strength -> score for one kind of evidence: slope * strength + intercept, held back above cap.

    cap is what the number of false pairs tested can support; beyond it the score grows by its logarithm only, which
    keeps the order of matches and claims little.
    """

    slope: float
    intercept: float
    cap: float


CAUTIOUS = Mapping(1.0, -2.0, 6.0)  # for a kind of evidence that the calibration data never showed


@dataclass(frozen=True)
class Calibration:
    """mappings by "medium of the output part/scheme/relation"; accept: least score and works registered when it was
    measured, by "medium/relation" of the output; candidate: least score of what --candidates shows; unmeasured: the
    mapping of any other kind of evidence."""

    mappings: dict[str, Mapping]
    accept: dict[str, tuple[float, int]]
    candidate: float
    unmeasured: Mapping = Mapping(1.0, 0.0, 12.0)

    def score(self, part: str, scheme: str, relation: str, strength: float) -> float:
        """log10 likelihood ratio that this strength stands for in an output part of that medium."""
        m = self.mappings.get(f"{part}/{scheme}/{relation}", self.unmeasured)
        score = m.slope * strength + m.intercept
        return score if score <= m.cap else m.cap + math.log10(1.0 + score - m.cap)

    def threshold(self, medium: str, relation: str, works: int) -> float:
        """Least score that is listed. It rises with the registry: among ten times the works, chance finds ten times as much.

        Beyond the cap it rises as scores do, by a logarithm: in a registry of millions certain copies are still listed.
        """
        base, measured_with = self.accept.get(f"{medium}/{relation}", UNMEASURED)
        needed = base + max(0.0, math.log10(max(works, 1) / measured_with))
        cap = max((m.cap for kind, m in self.mappings.items() if kind.startswith(f"{medium}/")), default=self.unmeasured.cap)
        return needed if needed <= cap else cap + math.log10(1.0 + (needed - cap) / TRUSTED)


@lru_cache(maxsize=4)
def load(path: Path = FILE) -> Calibration:
    """The calibration in that file."""
    data = json.loads(path.read_text(encoding="utf-8"))
    mappings = {name: Mapping(m["slope"], m["intercept"], m["cap"]) for name, m in data["mappings"].items()}
    accept = {name: (a["score"], a["works"]) for name, a in data["accept"].items()}
    return Calibration(mappings, accept, data["candidate"]["score"], CAUTIOUS)
