"""Works that are registered already in nearly the same form: another encoding, another resolution, a few words changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace

import numpy as np

from fingerprint import schemes
from fingerprint.features import Fingerprint, Media, Scheme
from fingerprint.hashing import Int64
from matcher.attribute import STILL, attribute, part_weights
from matcher.calibration import load
from matcher.find import findings, lookup
from matcher.verify import Finding
from registry.hits import Hits, Index

LIKELY = 0.1  # of the features: a re-encoding at a low rate keeps a third of them, an unrelated work one in thousands
LEAST_ROWS = 4
SAMPLED = 1000
DRIFT = 0.01  # of the whole, by which edits may shift what follows them
NEARLY_ALL = 0.9  # of each of the two works, explained by the other


def worth_checking(features: Media, index: Index, without: Collection[str]) -> bool:
    """Whether a good part of the features a registry stores of a new work agrees with one placement in a registered one.

    A lookup and a count: cheap enough for every work of a large catalogue. Only then is the work's file probed.
    """
    known = schemes()
    for part in features.parts:
        for fingerprint in part.fingerprints:
            scheme = known[fingerprint.scheme]
            if not scheme.indexed or not len(fingerprint):
                continue
            sample = _sample(fingerprint)
            hits = lookup(scheme.name, sample, index, without)
            if len(hits) and _agreeing(hits, sample, scheme) >= max(LEAST_ROWS, LIKELY * len(sample)):
                return True
    return False


def _sample(fingerprint: Fingerprint) -> Fingerprint:
    """About a thousand features, spread evenly: of a copy the same ones would be there."""
    every = slice(None, None, -(-len(fingerprint) // SAMPLED))
    payload = None if fingerprint.payload is None else fingerprint.payload[every]
    return replace(fingerprint, keys=fingerprint.keys[every], positions=fingerprint.positions[every], payload=payload)


def _agreeing(hits: Hits, fingerprint: Fingerprint, scheme: Scheme) -> int:
    """Most features that agree on one registered fingerprint; on a line also on one offset, at the work's own speed."""
    row, target = hits.output_row.astype(np.int64), hits.fingerprint_id.astype(np.int64)
    if scheme.aligner == "plane":
        return _most(target, row)
    offset = (hits.work_position - fingerprint.positions[row]).astype(np.float64)
    width = max(2 * scheme.tolerance, DRIFT * float(np.ptp(fingerprint.positions)))
    places = [np.floor(offset / width + shift).astype(np.int64) for shift in (0.0, 0.5)]
    return max(_most((target << 32) + place, row) for place in places)


def _most(group: Int64, row: Int64) -> int:
    """The number of different rows in the group that has most."""
    pairs = np.unique(np.stack([group, row]), axis=1)
    return int(np.unique(pairs[0], return_counts=True)[1].max())


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
