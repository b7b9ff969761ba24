"""One output against a registry: probe, lookup, align, verify, attribute, report."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from fingerprint.features import Fingerprint, Media
from matcher.attribute import attribute
from matcher.calibration import Calibration, load
from matcher.find import findings
from matcher.look import output_probes
from matcher.report import Report, report
from matcher.style import nearest_works, resemblances
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
    manner: Fingerprint | None = None,
) -> Report:
    """The same for probes already made. Works in `without` are passed over, as if they were not registered.

    manner: of the output, when it is to be told whose manner it resembles; that changes nothing else.
    """
    calibration = calibration or load()
    found = findings(media, index, without)
    matches = attribute(found, media.parts, calibration, index.works_count(), index.work)
    alike = resemblances(manner, index, [m.work_id for m in matches if m.listed])
    nearest = nearest_works(manner, index, [m.work_id for m in matches])
    return report(name, media, matches, index, calibration, alike, nearest)
