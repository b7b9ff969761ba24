"""Edits of sound for stress_audio.py: each takes float32[2, n] at RATE and gives float32[2, m]; nothing is written here.

Everything runs on what is installed with the product (PyAV's filters and codecs, librosa, scipy).
"""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import librosa
import numpy as np
import scipy.signal

RATE = 44100
Sound = np.ndarray


def read(path: Path) -> Sound:
    """The whole sound of a file; mono is given to both channels."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        frames = [f for frame in [*container.decode(audio=0), None] for f in resampler.resample(frame)]
    sound = np.concatenate([f.to_ndarray() for f in frames], axis=1)
    return sound / np.sqrt(2) if np.array_equal(sound[0], sound[1]) else sound


def write(target: Path | io.BytesIO, sound: Sound, codec: str, rate: int = RATE, bits: int = 0, form: str = "") -> None:
    """Encode; a name that ends in .mp4 or .mkv gets a picture track of slowly changing grey as well."""
    layout = "mono" if codec == "libopencore_amrnb" else "stereo"
    film = isinstance(target, Path) and target.suffix in (".mp4", ".mkv")
    with av.open(target if isinstance(target, io.BytesIO) else str(target), "w", format=form or None) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        if bits:
            stream.bit_rate = bits
        picture = container.add_stream("mpeg4", rate=5, width=160, height=120, pix_fmt="yuv420p") if film else None
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate)
        fifo = av.AudioFifo()
        for piece in [*resampler.resample(_frame(sound)), *resampler.resample(None)]:
            fifo.write(piece)
        if picture is not None:
            for number in range(int(sound.shape[1] / RATE * 5)):
                grey = np.full((120, 160, 3), 40 + number % 160, np.uint8)
                container.mux(picture.encode(av.VideoFrame.from_ndarray(grey)))
            container.mux(picture.encode(None))
        while (piece := fifo.read(stream.codec_context.frame_size or 1024, partial=True)) is not None:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def _frame(sound: Sound) -> av.AudioFrame:
    clipped = np.ascontiguousarray(np.clip(sound, -1, 1), np.float32)
    frame = av.AudioFrame.from_ndarray(clipped, format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    return frame


def coded(sound: Sound, codec: str, form: str, rate: int, bits: int) -> Sound:
    """What a codec leaves of it."""
    box = io.BytesIO()
    write(box, sound, codec, rate, bits, form)
    box.seek(0)
    return read_from(box)


def read_from(box: io.BytesIO) -> Sound:
    """As `read`, from memory."""
    with av.open(box) as container:
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        frames = [f for frame in [*container.decode(audio=0), None] for f in resampler.resample(frame)]
    return np.concatenate([f.to_ndarray() for f in frames], axis=1)


def filtered(sound: Sound, *filters: tuple[str, str]) -> Sound:
    """Through a chain of FFmpeg's audio filters, by PyAV."""
    graph = av.filter.Graph()
    nodes = [graph.add_abuffer(sample_rate=RATE, format="fltp", layout="stereo", time_base=Fraction(1, RATE))]
    nodes += [graph.add(name, options) for name, options in filters]
    nodes += [graph.add("aformat", "sample_fmts=fltp:channel_layouts=stereo"), graph.add("abuffersink")]
    graph.link_nodes(*nodes).configure()
    graph.push(_frame(sound))
    graph.push(None)
    pieces = []
    while True:
        try:
            pieces.append(graph.pull().to_ndarray())
        except (av.EOFError, av.BlockingIOError):
            return np.concatenate(pieces, axis=1)


def speed(sound: Sound, factor: float) -> Sound:
    """Played `factor` times as fast, pitch with it."""
    ratio = Fraction(1 / factor).limit_denominator(400)
    return scipy.signal.resample_poly(sound, ratio.numerator, ratio.denominator, axis=1).astype(np.float32)


def tempo(sound: Sound, factor: float, vocoder: bool) -> Sound:
    """`factor` times as fast at the same pitch: by a phase vocoder, or by overlapping waves."""
    if vocoder:
        return librosa.effects.time_stretch(sound, rate=factor)
    return filtered(sound, ("atempo", f"{factor:.5f}"))


def pitch(sound: Sound, factor: float, vocoder: bool) -> Sound:
    """`factor` times as high at the same tempo."""
    return speed(tempo(sound, 1 / factor, vocoder), factor)


def loudness(sound: Sound) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(sound**2)) + 1e-9)


def noise(sound: Sound, dice: np.random.Generator, decibels: float, pink: bool) -> Sound:
    """White or pink noise under it, that many dB below."""
    bed = dice.standard_normal(sound.shape)
    if pink:
        spectrum = np.fft.rfft(bed, axis=1)
        spectrum /= np.sqrt(np.maximum(np.arange(spectrum.shape[1]), 20))
        bed = np.fft.irfft(spectrum, sound.shape[1], axis=1)
    return level(sound + bed * loudness(sound) / loudness(bed) / 10 ** (decibels / 20))


def level(sound: Sound) -> Sound:
    """Loud, but below clipping."""
    return (sound * min(0.2 / loudness(sound), 0.98 / (float(np.abs(sound).max()) + 1e-9))).astype(np.float32)


def band(sound: Sound, low: float, high: float) -> Sound:
    """Only what lies between two frequencies in hertz."""
    sos = scipy.signal.butter(6, [low, high], "bandpass", fs=RATE, output="sos")
    return level(scipy.signal.sosfilt(sos, sound, axis=1))


def telephone(sound: Sound) -> Sound:
    """300 to 3,400 Hz, mu-law at 8 kHz."""
    return coded(band(sound, 300, 3400), "pcm_mulaw", "wav", 8000, 0)


def clipped(sound: Sound, share: float) -> Sound:
    """Cut off at the level that this share of the samples exceeds."""
    edge = float(np.quantile(np.abs(sound), 1 - share)) + 1e-6
    return level(np.clip(sound, -edge, edge))


def compressed(sound: Sound) -> Sound:
    """A hard studio compressor, then made loud."""
    return filtered(level(sound), ("acompressor", "threshold=0.05:ratio=12:attack=5:release=80:makeup=4"))


def equalized(sound: Sound, dice: np.random.Generator) -> Sound:
    """Five bands up or down by as much as 12 dB."""
    bands = [("equalizer", f"f={hertz}:t=o:w=1.2:g={dice.uniform(-12, 12):.2f}") for hertz in (120, 400, 1000, 2400, 6000)]
    return level(filtered(level(sound) * 0.3, *bands))


def reverb(sound: Sound, dice: np.random.Generator, seconds: float, wet: float) -> Sound:
    """In a room whose echoes fall by 60 dB in `seconds`."""
    t = np.arange(int(seconds * RATE)) / RATE
    room = dice.standard_normal((2, len(t))) * 10 ** (-3 * t / seconds)
    room /= np.sqrt((room**2).sum(axis=1, keepdims=True))
    tail = scipy.signal.fftconvolve(sound, room, axes=1)[:, : sound.shape[1]]
    return level((1 - wet) * sound + wet * tail * loudness(sound) / loudness(tail))


def loop(sound: Sound, times: int) -> Sound:
    """Again and again, joined with 5 ms of fading."""
    edge = int(0.005 * RATE)
    fade = np.ones(sound.shape[1])
    fade[:edge], fade[-edge:] = np.linspace(0, 1, edge), np.linspace(1, 0, edge)
    return np.tile(sound * fade, times).astype(np.float32)


def mixed(one: Sound, other: Sound, decibels: float) -> Sound:
    """Both at once, the first `decibels` above the second."""
    n = min(one.shape[1], other.shape[1])
    return level(one[:, :n] / loudness(one) + other[:, :n] / loudness(other) / 10 ** (decibels / 20))
