"""Evidence as drawn on a page: coordinates and short captions, worked out here so that the template only places them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from desk import words

Row = Mapping[str, Any]
SIDE, GAP = 320.0, 28.0  # of the two pictures in a drawing of stills
UNSEEN = re.compile("[\u00ad\u200b\u200c\u2060-\u2064\ufeff]")
LEFT_OUT = {"kind": "none", "why": ""}


def figure(evidence: Row | None) -> dict[str, Any]:
    """The figure of one track of one match; kind "none" when there is nothing to draw, and why."""
    if evidence is None:
        return LEFT_OUT
    kind = str(evidence["kind"])
    return {"kind": kind, "at_hand": bool(evidence.get("at_hand")), **FIGURES.get(kind, _none)(evidence)}


def _none(evidence: Row) -> dict[str, Any]:
    return {"kind": "none", "why": str(evidence.get("why", ""))}


def _picture(evidence: Row, number: int | None) -> str:
    """The data URI of that picture, empty when there is none."""
    return "" if number is None else str(evidence["pictures"][number])


def _frames(evidence: Row) -> dict[str, Any]:
    """Pairs of frames with the moment on each side."""
    pairs = [
        {
            "output": _picture(evidence, p["output"]), "work": _picture(evidence, p["work"]), "here": words.clock(p["output_s"]),
            "there": "" if p["work_s"] is None else words.clock(p["work_s"]),
        }
        for p in evidence["pairs"]
    ]  # fmt: skip
    return {"pairs": [p for p in pairs if p["output"] or p["work"]]}


def _sound(evidence: Row) -> dict[str, Any]:
    """Waveforms as polygons in a field of 1000 x 100, matched stretches as [x, width], and a spectrogram each."""
    sides = []
    for side, name in (("output", "This output"), ("work", "The work")):
        if side in evidence["sides"]:
            sides.append({"name": name, **_wave(evidence, evidence["sides"][side])})
    return {"sides": sides}


def _wave(evidence: Row, side: Row) -> dict[str, Any]:
    total = max(float(side["duration_s"]), 0.001)
    spans = [(1000 * max(0.0, a) / total, 1000 * min(b, total) / total) for a, b in side["spans"]]
    a, b = side["stretch"]
    return {
        "outline": outline(side["envelope"]), "end": words.clock(total),
        "spans": [{"x": round(x, 1), "width": round(max(end - x, 2.0), 1)} for x, end in spans],
        "spectrogram": _picture(evidence, side["picture"]), "stretch": f"{words.clock(a)} to {words.clock(min(b, total))}",
    }  # fmt: skip


def outline(envelope: Sequence[float]) -> str:
    """The points of a polygon that is the envelope above and its mirror image below the middle line."""
    if not envelope:
        return "0,50 1000,50"
    step = 1000 / len(envelope)
    upper = [f"{(i + 0.5) * step:.1f},{50 - 46 * v - 0.6:.1f}" for i, v in enumerate(envelope)]
    lower = [f"{(i + 0.5) * step:.1f},{50 + 46 * v + 0.6:.1f}" for i, v in reversed(list(enumerate(envelope)))]
    return " ".join(upper + lower)


def _passages(evidence: Row) -> dict[str, Any]:
    """Runs of [kind, text] of both sides."""
    shown = []
    hidden = sum(len(UNSEEN.findall(t)) for p in evidence["passages"] for s in ("output", "work") for _, t in p[s] or ())
    for passage in evidence["passages"]:
        sides = {s: None if passage[s] is None else [[k, clean(t)] for k, t in passage[s]] for s in ("output", "work")}
        variant = str(passage.get("variant", ""))
        note = words.told_in(variant) if variant in words.TELLINGS else ""
        place = {"here": words.place("text", passage["at"]), "there": words.place("text", passage["from"])}
        shown.append(sides | place | {"note": note})
    return {"passages": shown, "hidden": hidden}


def clean(text: str) -> str:
    """The text without what cannot be seen inside words; line breaks kept, every other control character spelled out."""
    shown = UNSEEN.sub("", text).replace("\t", " ").replace("\r", "")
    return "\n".join(words.plain(line) for line in shown.split("\n"))


def _stills(evidence: Row) -> dict[str, Any]:
    """Both pictures in one drawing, outlined where they match, with lines between points that agree."""
    ours, theirs = evidence["output"], evidence["work"]
    a = _frame(ours["size"], 0.0)
    b = _frame(theirs["size"], a["width"] + GAP) if theirs else None
    height = max(a["height"], b["height"] if b else 0.0)
    for frame in (a, b):
        if frame:
            frame["y"] = round((height - frame["height"]) / 2, 1)
    drawing: dict[str, Any] = {
        "output": a | {"uri": _picture(evidence, ours["picture"]), "outlines": _outlines(ours["outlines"], a)}
    }
    drawing["work"] = (
        b | {"uri": _picture(evidence, theirs["picture"]), "outlines": _outlines(theirs["outlines"], b)} if b else None
    )
    drawing["lines"] = [_line(line, a, b) for line in evidence["lines"]] if b else []
    drawing["width"], drawing["height"] = round(b["x"] + b["width"] if b else a["width"], 1), height
    return drawing


def _frame(size: Sequence[float], x: float) -> dict[str, float]:
    scale = SIDE / max(size)
    return {"x": round(x, 1), "y": 0.0, "width": round(size[0] * scale, 1), "height": round(size[1] * scale, 1)}


def _outlines(polygons: Sequence[Sequence[Sequence[float]]], frame: Mapping[str, float]) -> list[str]:
    """Shares of a picture to the points of polygons in the drawing."""
    w, h = frame["width"], frame["height"]
    return [" ".join(f"{frame['x'] + x * w:.1f},{frame['y'] + y * h:.1f}" for x, y in polygon) for polygon in polygons]


def _line(line: Sequence[float], a: Mapping[str, float], b: Mapping[str, float]) -> list[float]:
    ends = (
        a["x"] + line[0] * a["width"],
        a["y"] + line[1] * a["height"],
        b["x"] + line[2] * b["width"],
        b["y"] + line[3] * b["height"],
    )
    return [round(v, 1) for v in ends]


FIGURES = {"frames": _frames, "sound": _sound, "passages": _passages, "stills": _stills}
