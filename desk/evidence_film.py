"""Pictures of a film at given moments, as small JPEGs. Called in worker processes only."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.errors import UnreadableMedia
from fingerprint.streams import opened

Picture = npt.NDArray[np.uint8]  # [h, w, 3], BGR

SIDE = 320  # longest side of a thumbnail, in pixels
QUALITY = 76
MOMENTS = 4
MAX_PIXELS = 1 << 27
MAX_FRAMES = 3000  # decoded after one jump, at most


def jpeg(picture: Picture, side: int = SIDE) -> bytes:
    """The picture with its longest side at most `side`, as a JPEG."""
    scale = side / max(picture.shape[:2])
    if scale < 1:
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return np.asarray(data).tobytes() if done else b""


def moments(segments: Sequence[dict[str, Any]]) -> list[tuple[float, float, int]]:
    """(output second, work second, segment) pairs worth showing, spread over the longest segments, in the output's order."""
    longest = sorted(range(len(segments)), key=lambda i: segments[i]["output"][0] - segments[i]["output"][1])[:MOMENTS]
    chosen = []
    for i in longest:
        for share in _shares(max(1, MOMENTS // len(longest))):
            (a, b), (c, d) = segments[i]["output"][:2], segments[i]["work"][:2]
            backwards = float(segments[i].get("scale", 1.0)) < 0
            chosen.append((a + share * (b - a), d - share * (d - c) if backwards else c + share * (d - c), i))
    return sorted(chosen)


def _shares(count: int) -> list[float]:
    return [(i + 0.5) / count for i in range(count)]


def pictures_at(path: Path, times_s: Sequence[float]) -> list[Picture | None]:
    """The picture shown at each moment; None where there is none. Animated stills that FFmpeg cannot read go through Pillow."""
    try:
        found = _streamed(path, times_s)
    except UnreadableMedia:
        paged = _paged(path, times_s)
        if not paged:
            raise
        return list(paged)
    return found if any(p is not None for p in found) else list(_paged(path, times_s)) or found


def _paged(path: Path, times_s: Sequence[float]) -> list[Picture]:
    """The pictures of an animated still at those moments; none when it is not one."""
    from PIL import Image, ImageSequence

    chosen: list[Picture] = []
    try:
        with Image.open(path) as opened_file:
            if getattr(opened_file, "n_frames", 1) < 2 or opened_file.width * opened_file.height > MAX_PIXELS:
                return []
            ends = np.cumsum([_shown_ms(f) for f in itertools.islice(ImageSequence.Iterator(opened_file), MAX_FRAMES)])
            for time_s in times_s:
                opened_file.seek(min(int(np.searchsorted(ends, 1000 * time_s, "right")), len(ends) - 1))
                chosen.append(np.ascontiguousarray(np.asarray(opened_file.convert("RGB"), np.uint8)[..., ::-1]))
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return []
    return chosen


def _shown_ms(frame: Any) -> float:
    """How long a frame stands; known once it is loaded."""
    frame.load()
    return float(frame.info.get("duration") or 100)


def _streamed(path: Path, times_s: Sequence[float]) -> list[Picture | None]:
    """Jumps to each moment, so that long films cost little."""
    found: list[Picture | None] = []
    with opened(path) as container:
        stream = container.streams.video[0] if container.streams.video else None
        for time_s in times_s:
            frame = _frame_at(container, stream, time_s) if stream is not None else None
            found.append(None if frame is None else upright(frame))
    return found


def _frame_at(container: Any, stream: Any, time_s: float) -> Any:
    """The last frame that starts no later than that moment, counted from the start of the file."""
    start = (container.start_time or 0) / 1e6
    best = None
    container.seek(max(0, round((time_s + start - 0.5) * 1e6)), backward=True)
    for frame in _some(container, stream):
        if best is not None and frame.time is not None and frame.time - start > time_s + 1e-3:
            break
        best = frame
    return best


def _some(container: Any, stream: Any) -> Iterator[Any]:
    """At most MAX_FRAMES frames from here on; damaged packets are passed over."""
    import av

    seen = bad = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            bad += 1
            if bad > MAX_FRAMES:
                return
            continue
        for frame in frames:
            if frame.width * frame.height > MAX_PIXELS:
                return
            yield frame
            seen += 1
            if seen >= MAX_FRAMES:
                return


def upright(frame: Any) -> Picture:
    """A frame as a viewer sees it: square pixels, turned as its metadata says."""
    picture = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    aspect = float(frame.sample_aspect_ratio or 1) if getattr(frame, "sample_aspect_ratio", None) else 1.0
    if 0.2 < aspect < 5 and abs(aspect - 1) > 0.01:
        size = (max(1, round(picture.shape[1] * aspect)), picture.shape[0])
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


def duration_s(path: Path) -> float | None:
    """Seconds of a film or a recording, None when the file does not say."""
    with opened(path) as container:
        return float(container.duration) / 1e6 if container.duration else None
