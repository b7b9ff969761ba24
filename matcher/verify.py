"""Alignments to Evidence: each is checked in the medium's own terms, against the stored fingerprints of the work's part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fingerprint.features import Alignment, Evidence, Part
from fingerprint.medium import Medium
from registry.hits import Index, Registered

SETTLED = 0.8  # of an alignment's hits must rest on rows that evidence strong enough rests on, then it is not compared


@dataclass(frozen=True)
class Finding:
    """Evidence that one part of the output and one part of a work belong together."""

    part: int
    registered: Registered
    evidence: Evidence


def verify(part: int, output: Part, alignments: list[Alignment], index: Index, table: Mapping[str, Medium]) -> list[Finding]:
    """What is left of the alignments of output part number `part` after its medium's compare."""
    medium = table[output.medium]
    if medium.distinct is not None:
        alignments = medium.distinct(output, alignments)
    enough = {s.name: s.enough for m in table.values() for s in m.schemes}
    work_parts: dict[int, Part] = {}
    settled: dict[tuple[int, str], list[Evidence]] = defaultdict(list)
    found: list[Finding] = []
    for alignment in alignments:
        sure = settled[alignment.fingerprint_id, alignment.variant]
        if any(np.isin(alignment.output_rows, e.rows).mean() > SETTLED for e in sure):
            continue
        registered = index.registered(alignment.fingerprint_id)
        key = min(registered.siblings.values())
        if key not in work_parts:
            work_parts[key] = work_part(registered, index)
        evidence = medium.compare(output, work_parts[key], alignment)
        found.extend(Finding(part, registered, e) for e in evidence)
        sure.extend(e for e in evidence if e.strength >= enough[alignment.scheme])
    return found


def work_part(registered: Registered, index: Index) -> Part:
    """The registered part with all its fingerprints."""
    stored = tuple(index.fingerprint(i) for _, i in sorted(registered.siblings.items()))
    return Part(registered.medium, registered.extent, stored)
