"""One output against a registry: lookup, align, verify, attribute, report."""

from __future__ import annotations

import dataclasses
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
from registry.hits import Hits, Index, hit_order


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
    for fingerprint, hits in lookups(part, index, known, without):
        alignments.extend(align(hits, fingerprint, known[fingerprint.scheme]))
    return verify(number, part, alignments, index, table)


def lookups(
    part: Part, index: Index, known: Mapping[str, Scheme], without: Collection[str] = ()
) -> list[tuple[Fingerprint, Hits]]:
    """The part's fingerprints that can be looked up, in their order, each with its hits.

    All views of one scheme are looked up together: hundreds of them ask for the same blocks of a large registry.
    """
    views = [f for f in part.fingerprints if known[f.scheme].indexed and len(f)]
    found: dict[int, Hits] = {}
    for scheme in dict.fromkeys(f.scheme for f in views):
        own = [f for f in views if f.scheme == scheme]
        keys = np.concatenate([f.keys.ravel() for f in own]).reshape(-1, 1)
        flat = lookup(scheme, Fingerprint(scheme, keys, np.zeros(len(keys), np.int32)), index, without)
        found |= dict(zip(map(id, own), _divided(flat, own), strict=True))
    return [(f, found[id(f)]) for f in views]


def _divided(flat: Hits, views: list[Fingerprint]) -> list[Hits]:
    """Hits of the keys of all views, one after the other, as hits of the rows of each."""
    if len(views) == 1 and views[0].keys.shape[1] == 1:
        return [flat]
    starts = np.cumsum([0, *(f.keys.size for f in views)])
    view = (np.searchsorted(starts, flat.output_row, "right") - 1).astype(np.int16)
    by_view = flat.of(np.argsort(view, kind="stable"))
    edges = np.concatenate([[0], np.cumsum(np.bincount(view, minlength=len(views)))])
    return [_of_rows(by_view.of(slice(a, b)), s, f) for a, b, s, f in zip(edges, edges[1:], starts, views, strict=False)]


def _of_rows(own: Hits, start: int, view: Fingerprint) -> Hits:
    """Hits of keys that begin at `start` as hits of the rows that the keys belong to, in the order that Hits promises."""
    bands = view.keys.shape[1]
    row = ((own.output_row - start) // bands).astype(np.int32)
    own = dataclasses.replace(own, output_row=row)
    return own if bands == 1 else own.of(hit_order(own.fingerprint_id, row, own.work_position))


def lookup(scheme: str, fingerprint: Fingerprint, index: Index, without: Collection[str]) -> Hits:
    """Hits of a fingerprint's keys, without those on works in `without`."""
    hits = index.lookup(scheme, fingerprint.keys)
    if not without or not len(hits):
        return hits
    gone = [i for i in np.unique(hits.fingerprint_id).tolist() if index.registered(i).work_id in without]
    return hits.of(~np.isin(hits.fingerprint_id, gone))
