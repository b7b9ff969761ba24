"""One output against a registry: lookup, align, verify, attribute, report."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from fingerprint import media_table, probe, schemes
from fingerprint.features import Alignment, Fingerprint, Media, Part, Scheme
from fingerprint.medium import Medium
from matcher.align import align
from matcher.attribute import attribute
from matcher.calibration import Calibration, load
from matcher.report import Report, report
from matcher.verify import Finding, verify
from registry.hits import Hits, Index


def scan_output(path: Path, index: Index, name: str = "") -> Report:
    """What of the registry is in this file. Raises UnreadableMedia."""
    return scan_media(name or str(path), probe(path), index)


def scan_media(
    name: str,
    media: Media,
    index: Index,
    calibration: Calibration | None = None,
    without: Collection[str] = (),
) -> Report:
    """The same for probes already made. Works in `without` are passed over, as if they were not registered."""
    calibration = calibration or load()
    found = findings(media, index, without)
    matches = attribute(found, media.parts, calibration, index.works_count())
    return report(name, media, matches, index, calibration)


def findings(media: Media, index: Index, without: Collection[str] = ()) -> list[Finding]:
    """What lookup, alignment and verification find for each part, before any of it is weighed against the rest."""
    table, known = media_table(), schemes()
    found: list[Finding] = []
    for number, part in enumerate(media.parts):
        found.extend(_findings(number, part, index, table, known, without))
    return found


def _findings(
    number: int,
    part: Part,
    index: Index,
    table: Mapping[str, Medium],
    known: Mapping[str, Scheme],
    without: Collection[str],
) -> list[Finding]:
    alignments: list[Alignment] = []
    for fingerprint in part.fingerprints:
        scheme = known[fingerprint.scheme]
        if scheme.indexed and len(fingerprint):
            alignments.extend(align(lookup(scheme.name, fingerprint, index, without), fingerprint, scheme))
    return verify(number, part, alignments, index, table)


def lookup(scheme: str, fingerprint: Fingerprint, index: Index, without: Collection[str]) -> Hits:
    """Hits of a fingerprint's keys, without those on works in `without`."""
    hits = index.lookup(scheme, fingerprint.keys)
    if not without or not len(hits):
        return hits
    gone = [i for i in np.unique(hits.fingerprint_id).tolist() if index.registered(i).work_id in without]
    return hits.of(~np.isin(hits.fingerprint_id, gone))
