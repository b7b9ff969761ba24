"""Bars and time lines of an evidence page: how much of an output is explained, and where on both sides. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from desk import words

Row = Mapping[str, Any]
HUES = 6  # colours that works are told apart by, then they repeat
TRACK_LABELS = {"film": "Picture", "audio": "Sound", "text": "Words", "image": "Picture"}


def bar(row: Row, listed: Sequence[Row]) -> dict[str, Any]:
    """The degree bar: [{x, width, hue}] in percent, and a legend; what is left over is the unexplained rest."""
    x, pieces, legend = 0.0, [], []
    for i, match in enumerate(listed):
        if match["degree"] > 0:
            pieces.append({"x": round(100 * x, 2), "width": round(100 * match["degree"], 2), "hue": i % HUES})
        legend.append({"hue": i % HUES, "title": words.plain(match["title"]), "share": words.percent(match["degree"])})
        x += match["degree"]
    return {"pieces": pieces, "legend": legend, "rest_x": round(100 * min(1.0, x), 2)}


def tracks(row: Row, listed: Sequence[Row]) -> list[dict[str, Any]]:
    """For each track of a film, recording or text: where in the output each work stands, in thousandths of its length."""
    shown = []
    for part in ("film", "audio", "text"):
        spans = [(i, s["output"]) for i, m in enumerate(listed) for s in m["segments"] if s["part"] == part]
        if not spans or row["medium"] == "image":
            continue
        extent = part_extent(row, part, [s for _, s in spans])
        pieces = [{"hue": i % HUES, **_across(s[0], s[1], extent)} for i, s in spans]
        shown.append({"label": TRACK_LABELS[part], "pieces": pieces, "start": _at(part, 0.0), "end": _at(part, extent)})
    return shown


def part_extent(row: Row, part: str, spans: Sequence[Sequence[float]]) -> float:
    """Length of one track of the output; the report gives it for the leading one, and sound runs as long as pictures."""
    furthest = max((s[1] for s in spans), default=1.0)
    if part == "text" and row["medium"] != "text":
        return float(furthest) or 1.0
    return max(float((row.get("extent") or [0])[0]), float(furthest)) or 1.0


def _across(a: float, b: float, extent: float) -> dict[str, float]:
    x, end = (min(max(1000 * v / extent, 0.0), 1000.0) for v in (a, b))
    return {"x": round(x, 1), "width": round(max(end - x, 3.0), 1)}


def _at(part: str, value: float) -> str:
    return f"{round(value):,}" if part == "text" else words.clock(value)


def links(part: str, segments: Sequence[Row], match: Row, row: Row, evidence: Row | None, about: Row) -> dict[str, Any] | None:
    """Both sides' timelines in thousandths, joined where they match; None for stills, which show places by themselves."""
    pairs = [s for s in segments if len(s["output"]) == 2 and len(s["work"]) == 2]
    if not pairs or part == "image" or match["medium"] == "image":
        return None
    ours = part_extent(row, part, [s["output"] for s in pairs])
    theirs = work_extent(part, evidence, about) or 0.0
    theirs = max([theirs, *(float(s["work"][1]) for s in pairs)])
    joined = []
    for segment in pairs:
        a, b = (_across(segment[side][0], segment[side][1], extent) for side, extent in (("output", ours), ("work", theirs)))
        ends = [b["x"] + b["width"], b["x"]] if segment["scale"] >= 0 else [b["x"], b["x"] + b["width"]]
        joined.append(
            {"here": a, "there": b, "shape": f"{a['x']},16 {a['x'] + a['width']:.1f},16 {ends[0]:.1f},64 {ends[1]:.1f},64"}
        )
    return {
        "joined": joined, "here_end": _at(part, ours), "there_end": _at(part, theirs), "start": _at(part, 0.0),
    }  # fmt: skip


def work_extent(part: str, evidence: Row | None, about: Row) -> float | None:
    """Length of the work's track, from the registry or from its own file."""
    for fingerprint in about.get("fingerprints", ()):
        if fingerprint.get("medium") == part and fingerprint.get("extent"):
            return float(fingerprint["extent"][0])
    extent = (evidence or {}).get("work_extent")
    return float(extent) if extent else None
