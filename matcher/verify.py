"""Alignments to Evidence: each is checked in the medium's own terms, against the stored fingerprints of the work's part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from fingerprint import tick_of
from fingerprint.features import Alignment, Evidence, Fingerprint, Part, Scheme
from fingerprint.medium import Medium
from matcher.align import without_rows
from registry.hits import Index, Registered

SETTLED = 0.8  # of an alignment's hits must rest on rows that evidence strong enough rests on, then it is not compared


@dataclass(frozen=True)
class Finding:
    """Evidence that one part of the output and one part of a work belong together."""

    part: int
    registered: Registered
    evidence: Evidence


@dataclass(frozen=True)
class StoredPart(Part):
    """A registered part whose fingerprints are unpacked when `of` asks for them: most comparisons need one of several.

    siblings  fingerprint ids by the scheme under which they are stored
    stored    gives a fingerprint, as Index.fingerprint does: in the newest scheme
    """

    siblings: Mapping[str, int] = field(default_factory=dict)
    stored: Callable[[int], Fingerprint] | None = None

    def of(self, scheme: str, variant: str = "") -> Fingerprint | None:
        """See Part.of. What is stored under another name may have become this scheme's."""
        if self.stored is None or variant:
            return super().of(scheme, variant)
        likely = self.siblings.get(scheme)
        if likely is not None and (found := self.stored(likely)).scheme == scheme:
            return found
        fingerprints = (self.stored(i) for i in sorted(self.siblings.values()))
        return next((f for f in fingerprints if f.scheme == scheme), None)


def verify(
    part: int,
    output: Part,
    alignments: list[Alignment],
    index: Index,
    table: Mapping[str, Medium],
    stored: Callable[[int], Fingerprint] | None = None,
) -> list[Finding]:
    """What is left of the alignments of output part number `part` after its medium's compare. `stored` gives a registered
    fingerprint and remembers it; without it each is unpacked for this call alone.
    """
    if not alignments:
        return []
    stored = stored or cache(index.fingerprint)
    medium = table[output.medium]
    part_of = _stored_parts(stored)
    alignments = _worth_comparing(medium, output, alignments, lambda a: part_of(index.registered(a.fingerprint_id)))
    known = {s.name: s for m in table.values() for s in m.schemes}
    settled: dict[tuple[int, str], list[Evidence]] = defaultdict(list)
    certain: dict[int, list[Evidence]] = defaultdict(list)
    found: list[Finding] = []
    for alignment in alignments:
        sure = settled[alignment.fingerprint_id, alignment.variant]
        if any(np.isin(alignment.output_rows, e.rows).mean() > SETTLED for e in sure):
            continue
        registered = index.registered(alignment.fingerprint_id)
        key = min(registered.siblings.values())
        left = _left(output, alignment, known[alignment.scheme], certain[key])
        if left is None:
            continue
        evidence = medium.compare(output, part_of(registered), left)
        found.extend(Finding(part, registered, e) for e in evidence)
        strong = [e for e in evidence if e.strength >= known[alignment.scheme].enough]
        sure.extend(strong)
        certain[key].extend(e for e in strong if e.relation == "copy" and len(e.output_span) == 2)
    return found


def _left(output: Part, alignment: Alignment, scheme: Scheme, certain: list[Evidence]) -> Alignment | None:
    """The alignment without hits of moments that certain copies of the same work explain, whatever scheme showed them; None
    when of such an alignment less is left than one needs.
    """
    probe = output.of(alignment.scheme, alignment.variant)
    if not certain or probe is None:
        return alignment
    at = probe.positions[alignment.output_rows] * tick_of(output, scheme)
    explained = np.any([(at >= e.output_span[0]) & (at < e.output_span[1]) for e in certain], axis=0)
    return without_rows(alignment, ~explained) if (~explained).sum() >= scheme.least or not explained.any() else None


def _stored_parts(stored: Callable[[int], Fingerprint]) -> Callable[[Registered], Part]:
    """What gives the StoredPart that a fingerprint belongs to, each made once."""
    parts: dict[int, Part] = {}

    def part_of(registered: Registered) -> Part:
        key = min(registered.siblings.values())
        if key not in parts:
            parts[key] = StoredPart(registered.medium, registered.extent, (), registered.siblings, stored)
        return parts[key]

    return part_of


def _worth_comparing(
    medium: Medium, output: Part, alignments: list[Alignment], part_of: Callable[[Alignment], Part]
) -> list[Alignment]:
    """The alignments that the medium does not tell beforehand to be the same as others, or chance."""
    if medium.distinct is not None:
        alignments = medium.distinct(output, alignments)
    return medium.likely(output, [(part_of(a), a) for a in alignments]) if medium.likely is not None else alignments


def work_part(registered: Registered, index: Index) -> Part:
    """The registered part with all its fingerprints."""
    stored = tuple(index.fingerprint(i) for _, i in sorted(registered.siblings.items()))
    return Part(registered.medium, registered.extent, stored)
