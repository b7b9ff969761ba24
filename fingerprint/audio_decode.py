"""Sound of any file as a stream of low-rate blocks: never the whole of a recording in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fingerprint.errors import UnreadableMedia
from fingerprint.streams import MAX_DURATION_S, duration_of, opened

RATE = 8000
BLOCK = 32 * RATE  # samples in one block
FRAME = 4096  # samples that leave the resampler at once
USEFUL = RATE // 4  # samples that must come out of a damaged file before it counts as read
MAX_BAD_PACKETS = 2000
HIDDEN = 0.02  # a mid channel with less than this share of the side's energy is a phase trick, not a mix

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sound:
    """The sound of one file, to be read once: `blocks` gives float32[c, n] at RATE, c = 1 (mono) or 2 (left, right)."""

    path: Path
    blocks: Iterator[Float32]


def decode(path: Path) -> Sound:
    """The Sound of the file's first sound track. The file is opened when the blocks are read."""
    return Sound(path, _blocks(path))


def _blocks(path: Path) -> Iterator[Float32]:
    """Blocks of BLOCK samples, the last one shorter. What a damaged tail spoils is dropped."""
    held: list[Float32] = []
    count = total = 0
    for piece in _pieces(path):
        total += piece.shape[1]
        if total > MAX_DURATION_S * RATE:
            raise UnreadableMedia(path, "the sound is longer than 24 hours; split the file", "too-long")
        held.append(piece)
        count += piece.shape[1]
        if count >= BLOCK:
            joined = _clean(held)
            for start in range(0, count - count % BLOCK, BLOCK):
                yield joined[:, start : start + BLOCK]
            held, count = [joined[:, count - count % BLOCK :]], count % BLOCK
    if not total:
        raise UnreadableMedia(path, "the sound track is empty (0 seconds); export it again", "no-sound")
    if count:
        yield _clean(held)


def _clean(pieces: list[Float32]) -> Float32:
    """The pieces joined; broken numbers (float files may hold them) are silence."""
    return np.nan_to_num(np.concatenate(pieces, axis=1), nan=0.0, posinf=0.0, neginf=0.0)


def _pieces(path: Path) -> Iterator[Float32]:
    """Resampled pieces in order: float32[c, n]."""
    with opened(path) as container:
        stream = _sound_track(path, container)
        resampler: Any = None
        for frame in _frames(path, container, stream):
            if resampler is None:
                resampler = _resampler(frame)
            yield from _resampled(resampler, frame)
        if resampler is not None:
            yield from _resampled(resampler, None)


def _sound_track(path: Path, container: Any) -> Any:
    if not container.streams.audio:
        raise UnreadableMedia(path, "has no sound track; give a file with sound", "no-sound")
    if duration_of(container) > MAX_DURATION_S:
        raise UnreadableMedia(path, "the sound is longer than 24 hours; split the file", "too-long")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise UnreadableMedia(path, "no decoder for its sound codec; convert it to another format", "no-decoder")
    return stream


def _resampler(frame: Any) -> Any:
    import av

    layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
    return av.AudioResampler(format="fltp", layout=layout, rate=RATE, frame_size=FRAME)


def _resampled(resampler: Any, frame: Any) -> list[Float32]:
    """What comes out of the resampler now. A frame in another format than the first (joined files) is left out."""
    import av

    try:
        return [f.to_ndarray() for f in resampler.resample(frame)]
    except (av.error.FFmpegError, ValueError):
        return []


def _frames(path: Path, container: Any, stream: Any) -> Iterator[Any]:
    """Decoded frames; raises when nothing useful came before the damage."""
    import av

    seconds, bad, last = 0.0, 0, ""
    packets = container.demux(stream)
    while bad <= MAX_BAD_PACKETS:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError as error:  # the container itself is cut short
            bad, last = bad + 1, error.strerror or str(error)
            break
        if packet is None:
            break
        try:
            frames = packet.decode()
        except av.error.FFmpegError as error:
            bad, last = bad + 1, error.strerror or str(error)
            continue
        for frame in frames:
            seconds += frame.samples / max(frame.sample_rate, 1)
            yield frame
    if bad and seconds * RATE < USEFUL:
        raise UnreadableMedia(path, f"its sound cannot be decoded ({last}); it is damaged, export it again")


def mono(block: Float32) -> Float32:
    """float32[1, n]: the mix, or the difference where the channels cancel each other (one of them inverted)."""
    if block.shape[0] == 1:
        return block
    mid, side = mid_and_side(block)
    return side if float(np.vdot(mid, mid)) < HIDDEN * float(np.vdot(side, side)) else mid


def mono_or_both(block: Float32) -> Float32:
    """float32[c, n]: as `mono`, but where the difference is louder than the mix (it may have been the mix before one of two
    unlike channels was inverted) both of them."""
    only = mono(block)
    if block.shape[0] == 1:
        return only
    mid, side = mid_and_side(block)
    loud = HIDDEN * float(np.vdot(side, side)) <= float(np.vdot(mid, mid)) < float(np.vdot(side, side))
    return np.concatenate([mid, side]) if loud else only


def mid_and_side(block: Float32) -> tuple[Float32, Float32]:
    """float32[1, n] each: half the sum and half the difference of two channels."""
    mid = (block[:1] + block[1:]) * np.float32(0.5)
    side = (block[:1] - block[1:]) * np.float32(0.5)
    return mid, side
