"""Alignments to Evidence: each is checked in the medium's own terms, against the stored fingerprints of the work's part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fingerprint.features import Alignment, Evidence, Part
from fingerprint.medium import Medium
from registry.hits import Index, Registered


@dataclass(frozen=True)
class Finding:
    """Evidence that one part of the output and one part of a work belong together."""

    part: int
    registered: Registered
    evidence: Evidence


def verify(part: int, output: Part, alignments: list[Alignment], index: Index, table: Mapping[str, Medium]) -> list[Finding]:
    """What is left of the alignments of output part number `part` after its medium's compare."""
    compare = table[output.medium].compare
    work_parts: dict[int, Part] = {}
    found: list[Finding] = []
    for alignment in alignments:
        registered = index.registered(alignment.fingerprint_id)
        key = min(registered.siblings.values())
        if key not in work_parts:
            work_parts[key] = work_part(registered, index)
        found.extend(Finding(part, registered, e) for e in compare(output, work_parts[key], alignment))
    return found


def work_part(registered: Registered, index: Index) -> Part:
    """The registered part with all its fingerprints."""
    stored = tuple(index.fingerprint(i) for _, i in sorted(registered.siblings.items()))
    return Part(registered.medium, registered.extent, stored)
