"""One output against a registry: probe, lookup, align, verify, attribute, report."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from fingerprint.features import Media
from matcher.attribute import attribute
from matcher.calibration import Calibration, load
from matcher.find import findings
from matcher.look import output_probes
from matcher.report import Report, report
from registry.hits import Index


def scan_output(path: Path, index: Index, name: str = "") -> Report:
    """What of the registry is in this file. Raises UnreadableMedia."""
    return scan_media(name or str(path), output_probes(path, index), index)


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
    matches = attribute(found, media.parts, calibration, index.works_count(), index.work)
    return report(name, media, matches, index, calibration)
