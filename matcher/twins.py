"""Works that are registered already in nearly the same form: another encoding, another resolution, a few words changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

import numpy as np

from fingerprint import schemes
from fingerprint.features import Media
from matcher.align import align
from matcher.attribute import STILL, attribute, part_weights
from matcher.calibration import load
from matcher.scan import findings, lookup
from matcher.verify import Finding
from registry.hits import Index

LIKELY = 0.1  # of the features: a re-encoding at a low rate keeps a third of them, an unrelated work one in thousands
LEAST_ROWS = 4
NEARLY_ALL = 0.9  # of each of the two works, explained by the other


def worth_checking(features: Media, index: Index, without: Collection[str]) -> bool:
    """Whether a good part of the features a registry stores of a new work agrees with one placement in a registered one.

    Lookup and alignment alone: cheap enough for every work of a large catalogue. Only then is the work's file probed.
    """
    known = schemes()
    for part in features.parts:
        for fingerprint in part.fingerprints:
            scheme = known[fingerprint.scheme]
            if not scheme.indexed or not len(fingerprint):
                continue
            enough = max(LEAST_ROWS, LIKELY * len(fingerprint))
            found = align(lookup(scheme.name, fingerprint, index, without), fingerprint, scheme)
            if any(np.unique(a.output_rows).size >= enough for a in found):
                return True
    return False


def near_twins(media: Media, index: Index, without: Collection[str]) -> list[str]:
    """Registered works of the same medium, those in `without` aside, that agree with these probes nearly from end to end."""
    found = findings(media, index, without)
    matches = attribute(found, media.parts, load(), index.works_count())
    copies = {m.work_id for m in matches if m.relation == "copy" and (m.listed or m.explained_by)}
    weights = part_weights(media.parts)
    twins = []
    for work_id in sorted(copies):
        if index.work(work_id).medium != media.medium:  # a film with a song in it is no twin of the song
            continue
        own = [f for f in found if f.registered.work_id == work_id]
        here = sum(w * _covered_here([f for f in own if f.part == n], media, n) for n, w in enumerate(weights) if w)
        if here >= NEARLY_ALL and _covered_there(own) >= NEARLY_ALL:
            twins.append(work_id)
    return twins


def _covered_here(found: list[Finding], media: Media, number: int) -> float:
    """Share of part `number` of the media that these findings cover."""
    part = media.parts[number]
    return _share([f.evidence.output_span for f in found], part.medium, part.extent)


def _covered_there(found: list[Finding]) -> float:
    """Share of a work that the findings cover: of its part that they cover best, since parts may be missing in a copy."""
    parts: dict[int, list[Finding]] = defaultdict(list)
    for finding in found:
        parts[min(finding.registered.siblings.values())].append(finding)
    shares = [
        _share([f.evidence.work_span for f in own], own[0].registered.medium, own[0].registered.extent) for own in parts.values()
    ]
    return max(shares, default=0.0)


def _share(spans: Iterable[tuple[float, ...]], medium: str, extent: tuple[float, ...]) -> float:
    """Of a stretch: the union of the spans. Of a still: the largest area."""
    if medium == STILL:
        return max((w * h / max(extent[0] * extent[1], 1e-9) for _, _, w, h in (s for s in spans if len(s) == 4)), default=0.0)
    covered, reached = 0.0, 0.0
    for start, end in sorted((s[0], s[1]) for s in spans):
        covered += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return covered / max(extent[0], 1e-9)
