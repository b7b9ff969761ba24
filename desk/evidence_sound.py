"""What a sound looks like: its waveform as an envelope, and the spectrogram of a matched stretch. Called in workers only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.streams import MAX_DURATION_S, opened

RATE = 8000
STEP = 160  # samples of one column of the raw envelope: 20 ms
COLUMNS = 320  # of the envelope that is drawn
STRETCH_S = 12.0  # longest stretch of which a spectrogram is drawn
WINDOW, HOP = 512, 128
WIDTH, HEIGHT = 320, 96
FLOOR_DB = 65.0
INK = ((0.0, (246, 243, 238)), (0.45, (206, 170, 120)), (0.75, (130, 62, 52)), (1.0, (52, 20, 24)))  # BGR

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """envelope: loudest sample of each column, 0 to 1. stretch: float32[n] at RATE, the sound of the asked span."""

    duration_s: float
    envelope: list[float]
    stretch: Float32


def look(path: Path, start_s: float, end_s: float) -> Look:
    """The whole sound's envelope, and the samples of [start_s, end_s), at most STRETCH_S of them. Reads as a stream."""
    first, last = int(start_s * RATE), int(min(end_s, start_s + STRETCH_S) * RATE)
    peaks: list[Float32] = []
    kept: list[Float32] = []
    rest, at = np.zeros(0, np.float32), 0
    for piece in _pieces(path):
        kept.append(piece[max(0, first - at) : max(0, last - at)])
        at += len(piece)
        rest = np.concatenate([rest, piece])
        whole = len(rest) // STEP * STEP
        peaks.append(np.abs(rest[:whole]).reshape(-1, STEP).max(axis=1))
        rest = rest[whole:]
    envelope = np.concatenate(peaks) if peaks else np.zeros(0, np.float32)
    return Look(at / RATE, columns(envelope), np.concatenate(kept) if kept else np.zeros(0, np.float32))


def columns(envelope: Float32) -> list[float]:
    """At most COLUMNS peaks, relative to the loudest, rounded."""
    if not len(envelope):
        return []
    edges = np.linspace(0, len(envelope), min(COLUMNS, len(envelope)) + 1).astype(int)[:-1]
    peaks = np.maximum.reduceat(envelope, edges)
    return [round(float(p), 3) for p in peaks / max(float(peaks.max()), 1e-6)]


def spectrogram(stretch: Float32) -> bytes:
    """A picture of the stretch, time to the right, 0 to 4 kHz upwards in mels, as JPEG; empty when it is too short."""
    if len(stretch) < 2 * WINDOW:
        return b""
    import librosa

    views = np.lib.stride_tricks.sliding_window_view(stretch, WINDOW)[::HOP] * np.hanning(WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(views, axis=1)).T ** 2
    mels = librosa.filters.mel(sr=RATE, n_fft=WINDOW, n_mels=HEIGHT) @ power
    level = librosa.power_to_db(mels, ref=np.max, top_db=FLOOR_DB)[::-1]
    shade = np.clip(level / FLOOR_DB + 1, 0, 1).astype(np.float32)
    shade = np.asarray(cv2.resize(shade, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.float32)
    stops = [s for s, _ in INK]
    channels = [np.interp(shade, stops, [c[k] for _, c in INK]) for k in range(3)]
    done, data = cv2.imencode(".jpg", np.rint(np.stack(channels, axis=-1)).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 80])
    return np.asarray(data).tobytes() if done else b""


def _pieces(path: Path) -> Iterator[Float32]:
    """Mono pieces at RATE; damaged packets are passed over."""
    import av

    with opened(path) as container:
        if not container.streams.audio:
            return
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
        total = 0
        for frame in _frames(container, stream):
            for out in resampler.resample(frame):
                piece = np.nan_to_num(out.to_ndarray()[0].astype(np.float32, copy=False))
                total += len(piece)
                if total > MAX_DURATION_S * RATE:
                    return
                yield piece
        for out in resampler.resample(None):
            yield np.nan_to_num(out.to_ndarray()[0].astype(np.float32, copy=False))


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    import av

    packets, bad = container.demux(stream), 0
    while bad < 2000:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            yield from packet.decode()
        except av.error.FFmpegError:
            bad += 1
