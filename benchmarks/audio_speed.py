"""What sound costs: CPU seconds and bytes per hour, beside the floor (decoding alone), and the memory of a long recording.

`python benchmarks/audio_speed.py [FILE ...] [--hours 6] [--works 1000]`: without files a ten-minute 44.1 kHz stereo MP3 is made.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fingerprint.audio import AUDIO  # noqa: E402
from fingerprint.audio_decode import RATE, Sound, decode  # noqa: E402
from fingerprint.features import Media, Part, pack  # noqa: E402
from matcher.scan import scan_media  # noqa: E402
from registry.memory import MemoryIndex  # noqa: E402

SCHEMES = {s.name: s for s in AUDIO.schemes}


def tune(seed: int, seconds: float, rate: int) -> np.ndarray:
    """float32[n]: plucked notes with overtones over a bed of noise."""
    rng = np.random.default_rng(seed)
    out = rng.normal(0, 0.003, int(seconds * rate) + rate).astype(np.float32)
    t = np.arange(rate) / rate
    at = 0.0
    while at < seconds:
        hertz = 110 * 2 ** (rng.integers(0, 48) / 12)
        note = sum(0.2 / k * np.sin(2 * np.pi * k * hertz * t) for k in (1, 2, 3, 4)) * np.exp(-5 * t)
        out[int(at * rate) : int(at * rate) + rate] += note.astype(np.float32)
        at += rng.choice([0.1, 0.15, 0.2, 0.3])
    return out[: int(seconds * rate)]


def make_mp3(path: Path, seconds: float) -> Path:
    """A stereo MP3 at 44.1 kHz."""
    sound = np.stack([tune(1, seconds, 44100), tune(2, seconds, 44100)])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mp3", rate=44100, layout="stereo", bit_rate=192_000)
        for start in range(0, sound.shape[1], 1152):
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(sound[:, start : start + 1152]), format="fltp", layout="stereo"
            )
            frame.sample_rate, frame.pts, frame.time_base = 44100, start, Fraction(1, 44100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def cpu(work: Callable[[], object], times: int = 3) -> float:
    """Median CPU seconds."""
    took = []
    for _ in range(times):
        before = time.process_time()
        work()
        took.append(time.process_time() - before)
    return float(np.median(took))


def plain_decode(path: Path) -> None:
    """The floor: PyAV to 11 kHz mono, nothing else."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=11025)
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                piece.to_ndarray()


def size(part: Part) -> dict[str, float]:
    """Bytes by scheme: the packed fingerprint, and 16 for each posting."""
    return {f.scheme: len(pack(f, SCHEMES[f.scheme])) + 16.0 * f.keys.size for f in part.fingerprints}


def of_file(path: Path) -> dict[str, object]:
    """CPU seconds and megabytes per hour of this file."""
    part = AUDIO.features(decode(path))
    hours = part.extent[0] / 3600
    return {
        "file": path.name,
        "decode_cpu_s_per_hour": round(cpu(lambda: plain_decode(path)) / hours, 2),
        "register_cpu_s_per_hour": round(cpu(lambda: AUDIO.features(decode(path))) / hours, 2),
        "scan_cpu_s_per_hour": round(cpu(lambda: AUDIO.probes(decode(path)), 1) / hours, 2),
        "megabytes_per_hour": {name: round(b / hours / 1e6, 3) for name, b in size(part).items()},
        "megabytes_per_hour_all": round(sum(size(part).values()) / hours / 1e6, 3),
    }


def long_recording(hours: float, view: Callable[[Sound], Part]) -> float:
    """Peak megabytes of this process after a recording of that length."""
    minute = tune(3, 60, RATE)

    def blocks() -> Iterator[np.ndarray]:
        for number in range(int(hours * 60)):
            yield np.roll(minute, 7919 * number).reshape(1, -1)

    view(Sound(Path("long.wav"), blocks()))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def query(works: int) -> dict[str, float]:
    """CPU seconds to look for 30 s in that many works of a minute, decoding and fingerprinting apart."""
    parts = [(f"w{i}", (AUDIO.features(Sound(Path("w"), iter([tune(i, 60, RATE).reshape(1, -1)]))),)) for i in range(works)]
    index = MemoryIndex(parts, SCHEMES)
    out = {}
    for name, seed in (("found", 0), ("not_found", works + 1)):
        clip = tune(seed, 60, RATE)[10 * RATE : 40 * RATE]
        probes = AUDIO.probes(Sound(Path("q"), iter([clip.reshape(1, -1)])))
        out[name] = round(cpu(lambda p=probes: scan_media("q", Media("audio", "", (p,)), index)), 3)
    return out


def main() -> None:
    """Print one JSON object."""
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("files", nargs="*", type=Path)
    ap.add_argument("--hours", type=float, default=0.0, help="also the peak memory for a recording this long")
    ap.add_argument("--works", type=int, default=0, help="also a query against so many works")
    a = ap.parse_args()
    result: dict[str, object] = {}
    if a.hours:
        result["peak_megabytes_features"] = round(long_recording(a.hours, AUDIO.features))
        result["peak_megabytes_probes"] = round(long_recording(a.hours, AUDIO.probes))
    with tempfile.TemporaryDirectory() as folder:
        files = a.files or [make_mp3(Path(folder) / "tune.mp3", 600)]
        result["files"] = [of_file(f) for f in files]
    if a.works:
        result["query_cpu_s"] = query(a.works)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
