"""The pictures of a film as small grey frames with their times, in chunks: what every film fingerprint is made from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.errors import UnreadableMedia
from fingerprint.features import Span
from fingerprint.hashing import UInt8
from fingerprint.streams import MAX_DURATION_S, duration_of, opened, read_head

SIDE = 256  # long side of a small frame in pixels
CHUNK = 128  # frames that are held at a time
MAX_PIXELS = 1 << 27
SKIP_FROM_FPS = 20.0  # slower films have no frames to spare
DEFAULT_FPS = 25.0
MAX_GAP_S = 600.0  # a longer step between two frames is a broken timestamp
BAD_PACKETS = 2000  # damaged packets in a row, after which the rest is given up

Float = npt.NDArray[np.float64]
# Their first plane is the 8-bit luma, ready to be read.
LUMA_FIRST = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray", "yuv411p", "yuv410p"}


@dataclass(frozen=True)
class Film:
    """A film that has been found readable; its frames are decoded each time `chunks` is walked."""

    path: Path
    still_reader: bool = False  # animated WebP, PNG and AVIF go through Pillow
    declared_s: float = 0.0  # how long the file says it is
    within: tuple[Span, ...] | None = None  # the seconds that are looked at; none of them: the key frames; None: everything


@dataclass(frozen=True)
class Chunk:
    """Consecutive small frames: times float64[n] in seconds, grey uint8[n, h, w]; end_s is where the last one ends."""

    times: Float
    grey: UInt8
    end_s: float


def decode(path: Path) -> Film:
    """The Film at this path. Raises UnreadableMedia when not one picture can be decoded."""
    head = read_head(path)
    still_reader = head.startswith(b"\x89PNG") or head[8:12] == b"WEBP" or head[4:12] in (b"ftypavif", b"ftypavis")
    declared = 0.0
    if not still_reader:
        with opened(path) as container:
            declared = min(max(duration_of(container), 0.0), MAX_DURATION_S)
    film = Film(path, still_reader, declared)
    for _ in chunks(film, 1.0, limit=1):
        return film
    raise UnreadableMedia(path, "not one picture of it can be decoded; it is truncated or damaged, export it again", "no-picture")


def chunks(film: Film, rate: float, side: int = SIDE, limit: int = CHUNK) -> Iterator[Chunk]:
    """Frames at most `rate` a second, long side `side`, `limit` at a time. What a damaged file still gives is given."""
    times: list[float] = []
    grey: list[UInt8] = []
    shape: tuple[int, int] | None = None
    end = 0.0
    source = _pillow_frames(film.path) if film.still_reader else _av_frames(film)
    for time, end, picture in _thinned(source, rate):
        small = _small(picture, side, shape)
        shape = (small.shape[0], small.shape[1])
        times.append(time)
        grey.append(small)
        if len(times) == limit:
            yield Chunk(np.array(times), np.stack(grey), end)
            times, grey = [], []
    if times:
        yield Chunk(np.array(times), np.stack(grey), end)


Shown = tuple[float, float, Any]  # start, end in seconds; what makes the picture


def _thinned(source: Iterable[Shown], rate: float) -> Iterator[Shown]:
    """The first frame of each step of 1 / rate seconds, each step of a long-standing picture once."""
    step = -1
    for time, end, picture in source:
        now = int(time * rate + 1e-6)
        if now > step:
            step = now
            yield time, end, picture


def _small(picture: Any, side: int, shape: tuple[int, int] | None) -> UInt8:
    """uint8[h, w] with that long side, upright; `shape` is that of the frames before, which all others follow."""
    grey, turns, aspect = picture()
    if turns:
        grey = np.rot90(grey, turns)
    if shape is None:
        h, w = grey.shape[0], grey.shape[1] * (1.0 / aspect if turns % 2 else aspect)
        scale = min(side / max(h, w), 1.0)
        shape = (max(1, round(h * scale)), max(1, round(w * scale)))
    if grey.shape == shape:
        return np.array(grey)
    return np.asarray(cv2.resize(_halved(grey, shape), shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _halved(grey: UInt8, shape: tuple[int, int]) -> UInt8:
    """The picture halved while it is twice as large as that: means of 2 x 2 pixels cost a tenth of other reductions."""
    grey = np.ascontiguousarray(grey)
    while grey.shape[0] >= 2 * shape[0] and grey.shape[1] >= 2 * shape[1]:
        h, w = grey.shape[0] // 2, grey.shape[1] // 2
        grey = np.asarray(cv2.resize(grey[: 2 * h, : 2 * w], (w, h), interpolation=cv2.INTER_AREA), np.uint8)
    return grey


def key_times(path: Path) -> Float:
    """Seconds at which the file has key frames, which can be decoded alone, rising; found without decoding."""
    with opened(path) as container:
        start = (container.start_time or 0) / 1e6
        if not container.streams.video:
            return np.zeros(0)
        packets = container.demux(container.streams.video[0])
        times = [float(p.pts * p.time_base) - start for p in _undamaged(packets) if p.is_keyframe and p.pts is not None]
    return np.unique(times)


def _undamaged(packets: Iterator[Any]) -> Iterator[Any]:
    """Packets up to where the file is cut short."""
    import av

    with contextlib.suppress(av.error.FFmpegError):
        yield from packets


class _Thrift:
    """Tells the decoder what it may leave out: frames that no other needs, and what lies outside of the seconds looked at."""

    def __init__(self, film: Film, stream: Any, fps: float, start: float) -> None:
        self._context, self._start, self._within = stream.codec_context, start, film.within
        self._dense = "NONREF" if fps >= SKIP_FROM_FPS else "DEFAULT"
        self._spans = _from_keys(film.within, key_times(film.path)) if film.within else []
        self._context.skip_frame = self._dense if film.within is None else "NONKEY"

    def before(self, packet: Any) -> None:
        """To be called with each packet that is about to be decoded."""
        if not self._within:
            return
        time = None if packet.pts is None else float(packet.pts * packet.time_base) - self._start
        inside = time is None or any(a <= time < b for a, b in self._spans)
        self._context.skip_frame = self._dense if inside else "ALL"

    def shown(self, time: float) -> bool:
        """Whether a frame that has been decoded lies in the seconds looked at."""
        return not self._within or any(a <= time < b for a, b in self._within)


def _from_keys(within: tuple[Span, ...], keys: Float) -> list[Span]:
    """The spans, each from the last key frame before it on."""
    first = [int(np.searchsorted(keys, a, "right")) - 1 for a, _ in within]
    return [(float(keys[k]) - 1e-6 if k >= 0 else 0.0, b) for k, (_, b) in zip(first, within, strict=True)]


def _av_frames(film: Film) -> Iterator[Shown]:
    path = film.path
    with opened(path) as container:
        if not container.streams.video:
            raise UnreadableMedia(path, "holds no pictures; check that it is a film", "no-picture")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise UnreadableMedia(path, "its picture is in a format that cannot be decoded; export it as H.264", "codec")
        fps = _rate(stream)
        aspect = float(stream.sample_aspect_ratio or 1) if stream.sample_aspect_ratio else 1.0
        aspect = aspect if 0.2 < aspect < 5 else 1.0
        start = (container.start_time or 0) / 1e6
        total = duration_of(container)
        last = -1.0 / fps
        thrift = _Thrift(film, stream, fps, start)
        for frame in _decoded(container, stream, thrift):
            if frame.width * frame.height > MAX_PIXELS:
                raise UnreadableMedia(path, "its pictures are too large; export it smaller", "too-large")
            time = _time(frame, start, last, fps, MAX_DURATION_S if film.within else MAX_GAP_S)
            if time > MAX_DURATION_S:
                return
            last = time
            if not thrift.shown(time):
                continue
            end = total if time < total < time + 1.0 else time + 1.0 / fps
            yield time, end, lambda frame=frame: (_luma(frame), round(getattr(frame, "rotation", 0) / 90) % 4, aspect)


def _rate(stream: Any) -> float:
    """Frames a second; and the decoder told to use one thread and no loop filter, which the hashes cannot see."""
    fps = float(stream.average_rate or 0) or DEFAULT_FPS
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    stream.codec_context.options = {"skip_loop_filter": "all"}
    return fps if 1e-4 < fps < 1000 else DEFAULT_FPS


def _decoded(container: Any, stream: Any, thrift: _Thrift) -> Iterator[Any]:
    """Frames of the stream; damaged packets are passed over, a damaged end is the end."""
    import av

    packets, bad = container.demux(stream), 0
    while bad < BAD_PACKETS:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
        thrift.before(packet)
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            bad += 1
            continue
        bad = 0
        yield from frames


def _time(frame: Any, start: float, last: float, fps: float, gap_s: float = MAX_GAP_S) -> float:
    """Seconds since the start of the file; where the timestamp is missing, or cannot be, one frame after the last.

    gap_s: a longer step from the last frame cannot be; where frames are left out on purpose, any can.
    """
    time = None if frame.time is None else float(frame.time) - start
    if time is None or time <= last or time - max(last, 0.0) > max(gap_s, 3.0 / fps):
        return last + 1.0 / fps
    return max(time, 0.0)


def _luma(frame: Any) -> UInt8:
    """uint8[h, w]: the luma plane where there is one, else what FFmpeg converts."""
    if frame.format.name in LUMA_FIRST:
        plane = frame.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        return rows[: frame.height, : frame.width]
    return np.asarray(frame.reformat(format="gray").to_ndarray(), np.uint8)


def _pillow_frames(path: Path) -> Iterator[Shown]:
    from PIL import Image, ImageSequence

    time = 0.0
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise UnreadableMedia(path, "its pictures are too large; export it smaller", "too-large")
            for frame in ImageSequence.Iterator(picture):
                shown = frame.convert("RGBA")
                ground = Image.new("RGBA", shown.size, "white")
                grey = np.asarray(Image.alpha_composite(ground, shown).convert("L"), np.uint8)
                end = time + max(float(frame.info.get("duration") or 100.0), 10.0) / 1000
                yield time, end, lambda grey=grey: (grey, 0, 1.0)
                time = end
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        if time == 0.0:
            raise UnreadableMedia(path, "cannot be decoded; it is truncated or damaged, export it again") from error
