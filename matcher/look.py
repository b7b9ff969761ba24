"""What is looked up of an output: all of a short one; of a long film what its key frames or its sound lead to."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fingerprint import glance, look_closer, media_table, probe, schemes, tick_of
from fingerprint.features import Alignment, Fingerprint, Media, Part, Scheme, Span
from fingerprint.hashing import Int64
from fingerprint.medium import Glance
from matcher.attribute import STILL
from matcher.find import lookups, part_findings
from matcher.verify import work_part
from registry.hits import Hits, Index

MOST_PAIRS = 60  # moments of works that are looked at for each view of a glance
FILM = "film"
IN_SECONDS = ("audio",)  # parts whose findings tell seconds of the output


def output_probes(path: Path, index: Index) -> Media:
    """The probes of an output, to be scanned against this index. Raises UnreadableMedia."""
    seen = glance(path)
    return probe(path, films_in(index)) if seen is None else look_closer(path, seen, moments(seen, index))


def films_in(index: Index) -> bool:
    """Whether anything can be met that is looked up in films alone."""
    table = media_table()
    shared = {s.name for m in table.values() if m.name != FILM for s in m.schemes}
    return any(index.holds(s.name) for s in table[FILM].schemes if s.indexed and s.name not in shared)


def moments(seen: Media, index: Index) -> list[Span]:
    """Seconds of an output at which a glance at it found something registered."""
    medium = media_table()[seen.parts[0].medium]
    found = [] if medium.glance is None else _picture_moments(seen.parts[0], medium.glance, index)
    for number, part in enumerate(seen.parts):
        if part.medium in IN_SECONDS:
            found += [(f.evidence.output_span[0], f.evidence.output_span[1]) for f in part_findings(number, part, index)]
    return sorted(set(found))


def _picture_moments(part: Part, look: Glance, index: Index) -> list[Span]:
    known = schemes()
    work_parts: dict[int, Part] = {}
    found: list[Span] = []
    for fingerprint, hits in lookups(part, index, known):
        for pair in _pairs(hits, fingerprint, known[fingerprint.scheme]):
            registered = index.registered(pair.fingerprint_id)
            key = min(registered.siblings.values())
            if key not in work_parts:
                work_parts[key] = work_part(registered, index)
            if registered.medium in (part.medium, STILL) and look.leads(part, work_parts[key], pair):
                second = float(fingerprint.positions[pair.output_rows[0]] * tick_of(part, known[fingerprint.scheme]))
                found.append((second, second))
    return found


def _pairs(hits: Hits, fingerprint: Fingerprint, scheme: Scheme) -> list[Alignment]:
    """One moment of the output with one of a work, with their hits: the pairs whose hits weigh most. A still has no moments."""
    if not len(hits):
        return []
    ours = fingerprint.positions[hits.output_row]
    theirs = np.zeros_like(hits.work_position) if scheme.aligner == "plane" else hits.work_position
    order = np.lexsort((theirs, ours, hits.fingerprint_id))
    columns = (hits.fingerprint_id[order], ours[order], theirs[order])
    first = np.flatnonzero(np.append(True, np.any([np.diff(c) != 0 for c in columns], axis=0)))
    weight = np.add.reduceat(hits.rarity[order], first)
    end = np.append(first[1:], len(order))
    best = np.lexsort((first, -weight))[:MOST_PAIRS]
    return [_pair(hits, fingerprint, order[first[g] : end[g]], float(weight[g])) for g in best]


def _pair(hits: Hits, fingerprint: Fingerprint, rows: Int64, weight: float) -> Alignment:
    own = hits.of(rows)
    offset = float(own.work_position[0] - fingerprint.positions[own.output_row[0]])
    return Alignment(
        int(own.fingerprint_id[0]),
        fingerprint.scheme,
        fingerprint.variant,
        1.0,
        offset,
        weight,
        own.output_row,
        own.work_position,
    )
