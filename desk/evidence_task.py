"""The worker's task behind an evidence page: one match in, what can be shown of both sides out.

A job is {"path": the output, "work": the work's own file or "", "part": the output's track, "work_medium", "segments"};
the answer is JSON whose pictures are numbers: the i-th of the pictures that follow as bytes, of the lengths in "sizes".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from desk import evidence_film, evidence_sound, evidence_still, evidence_text
from fingerprint.errors import UnreadableMedia

Segments = Sequence[dict[str, Any]]
Pictures = list[bytes]
MAX_SEGMENTS = 200


def task(options: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any]:
    """See desk.tasks: what is said at the start, and the function that does one job."""
    return {}, handle


def handle(job: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
    """What can be shown of one match. Raises UnreadableMedia when the output itself cannot be opened any more."""
    pictures: Pictures = []
    segments = [s for s in job["segments"] if s["part"] == job["part"]][:MAX_SEGMENTS]
    output, work = Path(job["path"]), Path(job["work"]) if job["work"] else None
    show, medium = SHOW[job["part"]], str(job["work_medium"])
    try:
        shown = show(output, work, segments, medium, pictures)
    except UnreadableMedia:
        if work is None:
            raise
        pictures.clear()  # the work's own file may be the one that is broken
        shown = show(output, None, segments, medium, pictures) | {"work_unreadable": True}
    return {**shown, "sizes": [len(p) for p in pictures]}, b"".join(pictures)


def _keep(pictures: Pictures, picture: bytes) -> int | None:
    """Its number, None when there is no picture."""
    if not picture:
        return None
    pictures.append(picture)
    return len(pictures) - 1


def _film(output: Path, work: Path | None, segments: Segments, work_medium: str, pictures: Pictures) -> dict[str, Any]:
    """Frames of both sides at matching moments; the work may be a still."""
    moments = evidence_film.moments(segments)
    ours = _frames(output, [m[0] for m in moments], pictures)
    theirs: list[int | None] = [None] * len(moments)
    duration = None
    if work is not None and work_medium == "image":
        theirs = [_still(work, pictures)] * len(moments)
    elif work is not None:
        theirs, duration = _frames(work, [m[1] for m in moments], pictures), evidence_film.duration_s(work)
    pairs = [
        {"output_s": round(t, 3), "work_s": None if work_medium == "image" else round(u, 3), "output": a, "work": b}
        for (t, u, _), a, b in zip(moments, ours, theirs, strict=True)
    ]
    return {"kind": "frames", "pairs": pairs, "work_extent": duration}


def _frames(path: Path, times: Sequence[float], pictures: Pictures) -> list[int | None]:
    found = evidence_film.pictures_at(path, times)
    return [None if p is None else _keep(pictures, evidence_film.jpeg(p)) for p in found]


def _still(path: Path, pictures: Pictures) -> int | None:
    return _keep(pictures, evidence_film.jpeg(evidence_still.open_still(path)[0]))


def _sound(output: Path, work: Path | None, segments: Segments, work_medium: str, pictures: Pictures) -> dict[str, Any]:
    """Both waveforms with every matched stretch, and the spectrogram of the longest."""
    longest = max(segments, key=lambda s: s["output"][1] - s["output"][0])
    sides = {"output": _look(output, "output", longest, segments, pictures)}
    if work is not None:
        sides["work"] = _look(work, "work", longest, segments, pictures)
    return {"kind": "sound", "sides": sides, "work_extent": sides["work"]["duration_s"] if "work" in sides else None}


def _look(path: Path, side: str, longest: dict[str, Any], segments: Segments, pictures: Pictures) -> dict[str, Any]:
    a, b = longest[side][:2]
    seconds = evidence_sound.STRETCH_S * (abs(float(longest.get("scale", 1.0))) if side == "work" else 1.0)
    seen = evidence_sound.look(path, a, min(b, a + seconds))
    return {
        "duration_s": round(seen.duration_s, 3), "envelope": seen.envelope, "spans": [s[side][:2] for s in segments],
        "stretch": [a, min(b, a + seconds)], "picture": _keep(pictures, evidence_sound.spectrogram(seen.stretch)),
    }  # fmt: skip


def _text(output: Path, work: Path | None, segments: Segments, work_medium: str, pictures: Pictures) -> dict[str, Any]:
    """Passages of both sides, aligned word by word."""
    theirs = None if work is None else words_of(work)
    shown = evidence_text.passages(words_of(output), theirs, segments)
    return {"kind": "passages", "passages": shown, "work_extent": None if theirs is None else len(theirs)}


def words_of(path: Path) -> str:
    """The text of a file as spans count it, tags masked: of a document, or of a film's subtitles. Raises UnreadableMedia."""
    from fingerprint.documents import read_document

    return read_document(path).words


def _image(output: Path, work: Path | None, segments: Segments, work_medium: str, pictures: Pictures) -> dict[str, Any]:
    """Both pictures with the matched regions, and lines between points that agree; the work may be a film."""
    picture, size = evidence_still.open_still(output)
    boxes = [_box(s["output"], size) for s in segments if len(s["output"]) == 4]
    side = {"picture": _keep(pictures, evidence_film.jpeg(picture)), "size": list(picture.shape[1::-1])}
    side["outlines"] = _outlines(segments, "output", size)
    answer: dict[str, Any] = {"kind": "stills", "output": side, "work": None, "lines": [], "work_extent": None}
    if work is None:
        return answer
    return answer | _beside(picture, boxes, work, segments, work_medium, pictures)


def _beside(
    picture: evidence_film.Picture, boxes: list[list[float]], work: Path, segments: Segments, medium: str, pictures: Pictures
) -> dict[str, Any]:
    """The work's picture (of a film: the frame at the matched moment) and the lines to it."""
    best = max(range(len(segments)), key=lambda i: segments[i]["score"])
    extent = None
    if medium == "film":
        moment = sum(segments[best]["work"][:2]) / 2
        frame = evidence_film.pictures_at(work, [moment])[0]
        if frame is None:
            raise UnreadableMedia(work, "has no picture at that moment")
        theirs, work_boxes, outlines, extent = frame, [], [], evidence_film.duration_s(work)
    else:
        theirs, size = evidence_still.open_still(work)
        work_boxes = [_box(s["work"], size) for s in segments if len(s["work"]) == 4]
        outlines = _outlines(segments, "work", size)
    mirrored = evidence_still.reflected(str(segments[best].get("variant", "")))
    here = boxes[best] if best < len(boxes) else None
    there = work_boxes[best] if best < len(work_boxes) else None
    lines = evidence_still.lines(picture, theirs, here, there, mirrored) or evidence_still.lines(
        picture, theirs, None, None, mirrored
    )
    number = _keep(pictures, evidence_film.jpeg(theirs))
    return {
        "work": {"picture": number, "size": list(theirs.shape[1::-1]), "outlines": outlines},
        "lines": lines,
        "work_extent": extent,
    }


def _outlines(segments: Segments, side: str, size: tuple[int, int]) -> list[list[list[float]]]:
    """Corners [[x, y], ...] of the matched regions of one side, as shares of the picture; where a report has none, of the box."""
    found = []
    for segment in (s for s in segments if len(s[side]) == 4):
        x, y, w, h = _box(segment[side], size)
        corners = [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]
        if segment.get(f"{side}_polygon"):
            corners = [
                [round(min(max(v / s, 0.0), 1.0), 4) for v, s in zip(p, size, strict=True)] for p in segment[f"{side}_polygon"]
            ]
        found.append(corners)
    return found


def _box(span: Sequence[float], size: tuple[int, int]) -> list[float]:
    """[x, y, w, h] in pixels as shares of the picture, kept inside it."""
    x, y = min(max(span[0] / size[0], 0.0), 1.0), min(max(span[1] / size[1], 0.0), 1.0)
    w, h = min(span[2] / size[0], 1.0 - x), min(span[3] / size[1], 1.0 - y)
    return [round(v, 4) for v in (x, y, max(w, 0.0), max(h, 0.0))]


SHOW = {"film": _film, "audio": _sound, "text": _text, "image": _image}
