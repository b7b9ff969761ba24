"""What the cues of one placement are worth together: log10 of how much likelier they are under derivation than by chance.

Logistic regression over the stills lineup's placements, true and false, with the prior of a random pair taken out. Each cue
is cut where more of it stops telling more: another photograph of the same object has many agreeing points too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_Z, LEAST_Z = 9.0, -2.0
MOST_SURPRISE = 64.0
LIGHT_Z, EDGES_Z, SURPRISE, LIGHT, EDGES, ZERO = 0.28, 0.34, 0.41, 0.83, 2.8, -1.93
NEGATIVE = -0.6
FEW = 6.0  # surprise of so few points that whether they look alike cannot be told
ALIKE = 1.25  # power of the share of distinct points by which surprise is reduced
MARK, LARGE, SMALL = 8.0, 0.45, 0.2  # most that is taken off; shares of a picture, from the one to the other of which it grows
COPY_LIGHT, COPY_EDGES = 0.75, 0.6


@dataclass(frozen=True)
class Cues:
    """surprise of the agreeing points; correlations of the normalized maps, plain and in standard deviations of chance."""

    surprise: float
    light: float
    edges: float
    light_z: float
    edges_z: float


def strength(cues: Cues) -> float:
    """log10 likelihood ratio. Light that disagrees everywhere is a negative of the work, and agrees as well as any."""
    light, light_z = (-cues.light, -cues.light_z) if cues.light <= NEGATIVE else (cues.light, cues.light_z)
    z = LIGHT_Z * float(np.clip(light_z, LEAST_Z, MOST_Z)) + EDGES_Z * float(np.clip(cues.edges_z, LEAST_Z, MOST_Z))
    points = SURPRISE * float(np.sqrt(min(cues.surprise, MOST_SURPRISE)))
    return z + points + LIGHT * light + EDGES * cues.edges + ZERO


def told(surprise: float, distinct: float) -> float:
    """What so much surprise tells when only a share of the agreeing points is distinct.

    Chosen on benchmarks/stress_still.py, seed 1: of true matches one in twenty has a share below .75, of pictures that have
    a caption, a logo, a wall or the rim of a disc in common half have one below .25.
    """
    return float(max(surprise * distinct**ALIKE, min(surprise, FEW * FEW / max(surprise, FEW))))


def mark(seen: float, distinct: float) -> float:
    """What is taken off the strength where `seen`, the larger share of either picture that agrees, is small and repeats itself:

    so a logo, a caption or a badge agrees that both pictures bear. A part of a work fills its picture, a whole one is whole.
    """
    small = (LARGE - seen) / (LARGE - SMALL)
    return MARK * min(max(small, 0.0), 1.0) * (1.0 - distinct)


def relation(cues: Cues) -> str:
    """copy when the pixels agree, remake when only the structure does."""
    return "copy" if abs(cues.light) >= COPY_LIGHT and cues.edges >= COPY_EDGES else "remake"
