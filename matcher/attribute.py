"""Findings to Matches: segments of one work put together, scored, and claimed greedily in the order of evidence."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fingerprint import schemes
from fingerprint.features import Evidence, Part
from fingerprint.polygons import painted
from matcher.ambiguous import COMMON, UNDATED, YOUNGER, About, by_source
from matcher.calibration import Calibration
from matcher.verify import Finding

SAME_PLACE = 0.5  # a segment that lies this much inside better ones of the same work adds nothing
STILL = "image"
CELLS = 64  # a side of the grid by which areas are shared out


@dataclass(frozen=True)
class Match:
    """One work found in the output. segments are (part number, Evidence); listed says that it passed the default decision.

    ambiguous: other works that hold the same passages, so that the source cannot be told; source: what this one is among them
    (see matcher.ambiguous).
    """

    work_id: str
    relation: str
    score: float
    segments: tuple[tuple[int, Evidence], ...]
    listed: bool
    degree: float = 0.0
    explained_by: str = ""
    ambiguous: tuple[str, ...] = ()
    source: str = ""


def attribute(
    findings: list[Finding], parts: tuple[Part, ...], calibration: Calibration, works: int, about: About | None = None
) -> list[Match]:
    """Matches, best score first. What a better match has claimed of the output is no evidence for the next one, but where
    works share a passage equally: `about` tells which of them is the oldest; without it the better match has it all.
    """
    by_work = defaultdict(list)
    for finding in findings:
        by_work[finding.registered.work_id].append((finding.part, finding.evidence))
    matches = [_match(work_id, _distinct(segments), parts, calibration) for work_id, segments in sorted(by_work.items())]
    matches.sort(key=lambda m: (-m.score, m.work_id))
    if about is not None:
        matches = by_source(matches, parts, about)
    return _with_degrees(_claimed(matches, parts, calibration, works), parts)


def _distinct(segments: list[tuple[int, Evidence]]) -> list[tuple[int, Evidence]]:
    """Segments in order of strength, without those whose place in the output is already taken by a stronger one."""
    kept: list[tuple[int, Evidence]] = []
    for part, evidence in sorted(segments, key=lambda s: (-s[1].strength, s[0], s[1].output_span, s[1].work_span)):
        others = [e for p, e in kept if p == part]
        if not any(_same_place(evidence, e) for e in others):
            kept.append((part, evidence))
    return kept


def _same_place(weaker: Evidence, stronger: Evidence) -> bool:
    """A remake's coarser stretch says nothing new about a place where part of it is already explained as a copy."""
    if covered(weaker.output_span, stronger.output_span) >= SAME_PLACE:
        return True
    return weaker.relation != stronger.relation and covered(stronger.output_span, weaker.output_span) >= SAME_PLACE


def covered(inner: tuple[float, ...], outer: tuple[float, ...]) -> float:
    """Share of `inner` that lies inside `outer`; spans are [start, end) or boxes [x, y, w, h]."""
    if len(inner) == 4:
        w = min(inner[0] + inner[2], outer[0] + outer[2]) - max(inner[0], outer[0])
        h = min(inner[1] + inner[3], outer[1] + outer[3]) - max(inner[1], outer[1])
        return max(0.0, w) * max(0.0, h) / max(inner[2] * inner[3], 1e-9)
    return max(0.0, min(inner[1], outer[1]) - max(inner[0], outer[0])) / max(inner[1] - inner[0], 1e-9)


def _match(work_id: str, segments: list[tuple[int, Evidence]], parts: tuple[Part, ...], calibration: Calibration) -> Match:
    relation, score = _score(segments, parts, calibration)
    return Match(work_id, relation, score, tuple(segments), False)


def _score(segments: list[tuple[int, Evidence]], parts: tuple[Part, ...], calibration: Calibration) -> tuple[str, float]:
    """Segments of one scheme add up; schemes of one part are views of the same thing, so the best speaks; parts add up.

    The very same stretch of a work met again, where an output repeats itself, is no new evidence; nor is a still that a film
    shows again.
    """
    sums: dict[tuple[int, str, str], float] = defaultdict(float)
    met: set[tuple[int, str, str, tuple[float, ...]]] = set()
    for part, e in segments:  # the strongest first
        place = e.work_span if len(e.work_span) <= len(e.output_span) else ()
        if (part, e.scheme, e.relation, place) not in met:
            met.add((part, e.scheme, e.relation, place))
            sums[part, e.scheme, e.relation] += e.strength
    best: dict[int, tuple[float, str]] = {}
    for (part, scheme, relation), strength in sorted(sums.items()):
        score = calibration.score(parts[part].medium, scheme, relation, strength)
        best[part] = max(best.get(part, (float("-inf"), "")), (score, relation))
    relation = max(best.values())[1]
    positive = [score for score, _ in best.values() if score > 0]
    return relation, sum(positive) if positive else max(score for score, _ in best.values())


def _claimed(matches: list[Match], parts: tuple[Part, ...], calibration: Calibration, works: int) -> list[Match]:
    claims: dict[tuple[int, str, str], dict[int, str]] = defaultdict(dict)
    owner: dict[tuple[int, str, str], str] = {}
    result = []
    for match in matches:
        beside = match.ambiguous if match.source == UNDATED else ()
        rest = [(part, _unclaimed(e, claims[_column(part, e)], beside)) for part, e in match.segments]
        relation, score = _score(rest, parts, calibration)
        medium = parts[0].medium
        listed = score >= calibration.threshold(medium, relation, works) and match.source not in (YOUNGER, COMMON)
        if score < calibration.candidate:
            continue
        stolen = score < match.score - 1e-9
        keys = [_column(p, e) for p, e in match.segments]
        first = next((owner[key] for key in keys if key in owner), "")
        kept = tuple((p, e) for p, e in rest if e.strength > 0) or match.segments
        result.append(
            dataclasses.replace(
                match, score=score, listed=listed, segments=kept, explained_by=first if stolen and not listed else ""
            )
        )
        if listed:
            for part, e in kept:
                claimed = claims[_column(part, e)]
                claimed.update((row, match.work_id) for row in e.rows.tolist() if row not in claimed)
                owner.setdefault(_column(part, e), match.work_id)
    return sorted(result, key=lambda m: (-m.score, m.work_id))


def _column(part: int, evidence: Evidence) -> tuple[int, str, str]:
    """Of what the rows are that an Evidence rests on: those of a ground, the words of a text, are the same in every variant."""
    return part, ground(evidence), "" if evidence.scheme in _grounds() else evidence.variant


def ground(evidence: Evidence) -> str:
    """The scheme whose rows an Evidence rests on."""
    return _grounds().get(evidence.scheme, evidence.scheme)


@lru_cache(maxsize=1)
def _grounds() -> dict[str, str]:
    return {scheme.name: scheme.ground for scheme in schemes().values() if scheme.ground}


def _unclaimed(evidence: Evidence, claimed: dict[int, str], beside: tuple[str, ...]) -> Evidence:
    """The evidence with strength in proportion to the rows that nobody has claimed but the works in `beside`."""
    if not claimed or not len(evidence.rows):
        return evidence
    rows = np.unique(evidence.rows)
    free = float(np.mean([row not in claimed or claimed[row] in beside for row in rows.tolist()]))
    return dataclasses.replace(evidence, strength=evidence.strength * free)


def _with_degrees(matches: list[Match], parts: tuple[Part, ...]) -> list[Match]:
    """Each listed match with its share of the output; where several lie on the same stretch, they divide it."""
    weights = part_weights(parts)
    degree: dict[str, float] = defaultdict(float)
    for number, part in enumerate(parts):
        own = [(m.work_id, e) for m in matches if m.listed for p, e in m.segments if p == number]
        if part.medium == STILL:
            shares = _area_shares(own, part)
        else:
            shares = _line_shares([(work_id, e.output_span) for work_id, e in own], part)
        for work_id, share in shares.items():
            degree[work_id] += weights[number] * share
    return [dataclasses.replace(m, degree=min(1.0, degree[m.work_id]) if m.listed else 0.0) for m in matches]


def part_weights(parts: tuple[Part, ...]) -> list[float]:
    """How much each part counts in the output: picture and sound of a film half each, its subtitles nothing."""
    media = [p.medium for p in parts]
    counted = [m != "text" or len(media) == 1 for m in media]
    return [float(c) / max(1, sum(counted)) for c in counted]


def _line_shares(spans: list[tuple[str, tuple[float, ...]]], part: Part) -> dict[str, float]:
    total = part.extent[0]
    edges = sorted({min(max(edge, 0.0), total) for _, span in spans for edge in span[:2]})
    shares: dict[str, float] = defaultdict(float)
    for a, b in zip(edges, edges[1:], strict=False):
        here = sorted({work for work, span in spans if span[0] <= a and span[1] >= b})
        for work in here:
            shares[work] += (b - a) / total / len(here)
    return shares


def _area_shares(found: list[tuple[str, Evidence]], part: Part) -> dict[str, float]:
    """By cells of a grid."""
    width, height = part.extent[:2]
    masks: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] = {}
    for work, evidence in found:
        region = painted(_corners(evidence), width, height, CELLS)
        masks[work] = masks[work] | region if work in masks else region
    if not masks:
        return {}
    depth = np.maximum(sum(m.astype(float) for m in masks.values()), 1.0)
    return {work: float((mask / depth).mean()) for work, mask in masks.items()}


def _corners(evidence: Evidence) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The matched region of the output, of its bounding box where nothing more is known."""
    if evidence.output_polygon:
        return np.array(evidence.output_polygon, np.float64)
    x, y, w, h = evidence.output_span
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float64)
