"""Report: what a scan says of one output, and its JSON form (docs/report.schema.json)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from fingerprint.features import Evidence, Media, Part
from matcher.attribute import Match
from matcher.calibration import Calibration
from matcher.style import Resemblance
from registry.hits import Credit, Index, Work

SCHEMA = 1
DIGITS = 4
TEXT, STILL = "text", "image"
LEAST_CHANCE = 1e-9


@dataclass(frozen=True)
class Report:
    """One output, its media and matches (listed ones and candidates), the works they name, the state of the registry.

    resemblance: whose manner the output resembles. It is in no match, credit or degree. nearest: the nearest works by manner
    whether or not that is above chance, which only candidates are made of.
    """

    output: str
    media: Media
    matches: tuple[Match, ...]
    works: dict[str, Work]
    revision: dict[str, str | int]
    unexplained: float
    resemblance: tuple[Resemblance, ...] = ()
    nearest: tuple[Resemblance, ...] = ()


def report(
    name: str,
    media: Media,
    matches: list[Match],
    index: Index,
    calibration: Calibration,
    alike: tuple[Resemblance, ...] = (),
    nearest: tuple[Resemblance, ...] = (),
) -> Report:
    """The Report of these matches."""
    works = {work_id: index.work(work_id) for m in matches for work_id in (m.work_id, *m.ambiguous)}
    explained = sum(m.degree for m in matches if m.listed)
    return Report(name, media, tuple(matches), works, index.revision(), max(0.0, 1.0 - explained), alike, nearest)


def as_json(report: Report, candidates: bool = False) -> dict[str, Any]:
    """The Report as plain values, in a fixed order and rounded, so that equal scans print equal bytes."""
    extent = report.media.extent
    head: dict[str, Any] = {
        "schema": SCHEMA,
        "output": report.output,
        "sha256": report.media.sha256,
        "medium": report.media.medium,
    }
    head["duration"] = _r(extent[0]) if report.media.medium in ("film", "audio") else None
    head["extent"] = [_r(x) for x in extent]
    head["parts"] = [part.medium for part in report.media.parts]
    shown = [m for m in report.matches if m.listed or candidates]
    head["matches"] = [_match(m, report.works, report.media.parts) for m in shown]
    if candidates:
        head["matches"] += [_of_manner(r, report.media.parts[0]) for r in report.nearest]
    head["unexplained"] = _r(report.unexplained)
    head["credits"] = _credits(report)
    if report.resemblance:
        head["resemblance"] = [_resemblance(r) for r in report.resemblance]
    head["registry"] = report.revision
    return head


def failure(name: str, code: str, message: str, revision: dict[str, str | int]) -> dict[str, Any]:
    """The JSON form for an output that could not be read."""
    return {
        "schema": SCHEMA, "output": name, "sha256": None, "medium": None, "duration": None, "extent": [], "parts": [],
        "matches": [], "unexplained": 1.0, "credits": [], "registry": revision, "error": {"code": code, "message": message},
    }  # fmt: skip


def _r(value: float) -> float:
    return round(float(value), DIGITS) + 0.0


def _match(match: Match, works: dict[str, Work], parts: tuple[Part, ...]) -> dict[str, Any]:
    work = works[match.work_id]
    row: dict[str, Any] = {
        "work": match.work_id, "title": work.title, "medium": work.medium, "relation": match.relation,
        "score": _r(match.score), "degree": _r(match.degree),
    }  # fmt: skip
    if not match.listed:
        row["candidate"] = True
    if match.explained_by:
        row["explained_by"] = match.explained_by
    if work.twins:
        row["twins"] = list(work.twins)
    if match.ambiguous:
        row["ambiguous"] = [_source(works[work_id]) for work_id in _by_age((match.work_id, *match.ambiguous), works)]
    ordered = sorted(match.segments, key=lambda s: (s[0], s[1].output_span, s[1].work_span))
    row["segments"] = [_segment(e, parts[p].medium) for p, e in ordered]
    return row


def _of_manner(near: Resemblance, part: Part) -> dict[str, Any]:
    """A candidate that is like the output in manner only: the whole of both. It counts for nothing."""
    score = _r(-math.log10(max(near.chance, LEAST_CHANCE)))
    segment = {
        "part": part.medium, "output": _whole(part.medium, part.extent), "work": _whole(part.medium, near.extent), "scale": 1.0,
        "score": score, "scheme": f"{part.medium}.style.1",
    }  # fmt: skip
    return {
        "work": near.work.work_id, "title": near.work.title, "medium": near.work.medium, "relation": "style", "score": score,
        "degree": 0.0, "candidate": True, "segments": [segment],
    }  # fmt: skip


def _whole(medium: str, extent: tuple[float, ...]) -> list[float]:
    return [_r(x) for x in ((0.0, 0.0, *extent) if medium == STILL else (0.0, *extent))]


def _resemblance(resemblance: Resemblance) -> dict[str, Any]:
    work = resemblance.work
    return {
        "rank": resemblance.rank, "people": [_person(c) for c in resemblance.people], "work": work.work_id, "title": work.title,
        "medium": work.medium, "distance": _r(resemblance.distance), "chance": _r(resemblance.chance),
    }  # fmt: skip


def _person(credit: Credit) -> dict[str, str]:
    row = {"name": credit.name, "role": credit.role}
    return row | ({"identifier": credit.identifier} if credit.identifier else {})


def _by_age(work_ids: tuple[str, ...], works: dict[str, Work]) -> list[str]:
    """Oldest first, those without a year last."""
    return sorted(work_ids, key=lambda work_id: (works[work_id].year is None, works[work_id].year or 0))


def _source(work: Work) -> dict[str, Any]:
    return {"work": work.work_id, "title": work.title} | ({} if work.year is None else {"year": work.year})


def _segment(evidence: Evidence, medium: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "part": medium, "output": [_r(x) for x in evidence.output_span], "work": [_r(x) for x in evidence.work_span],
        "scale": _r(evidence.scale), "score": _r(evidence.strength), "scheme": evidence.scheme,
    }  # fmt: skip
    if evidence.variant:
        row["variant"] = evidence.variant
    for side, polygon in (("output", evidence.output_polygon), ("work", evidence.work_polygon)):
        if polygon:
            row[f"{side}_polygon"] = [[_r(x), _r(y)] for x, y in polygon]
    if medium == TEXT and evidence.detail:
        row["detail"] = {name: _r(value) for name, value in sorted(evidence.detail.items())}
    return row


def _credits(report: Report) -> list[dict[str, Any]]:
    rows = []
    for match in report.matches:
        if not match.listed:
            continue
        for credit in report.works[match.work_id].credits:
            row: dict[str, Any] = {
                "name": credit.name,
                "role": credit.role,
                "work": match.work_id,
                "share_of_output": _r(match.degree),
            }
            rows.append(row | ({"identifier": credit.identifier} if credit.identifier else {}))
    return rows
