"""What sound costs: CPU seconds and bytes per hour, beside the floor (decoding alone), and the memory of a long recording.

`python benchmarks/audio_speed.py [FILE ...] [--hours 6] [--works 1000]`: without files, the audio lineup's works taken
together (where the lineups are at hand) and a ten-minute 44.1 kHz stereo MP3 that is made. Each figure is printed with its
bar; the exit status is 1 when one is missed.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fingerprint.audio import AUDIO, PEAK_DEPTH  # noqa: E402
from fingerprint.audio_chroma import chroma, probe_turns, turns  # noqa: E402
from fingerprint.audio_decode import RATE, Sound, decode, mono  # noqa: E402
from fingerprint.audio_peaks import find_peaks  # noqa: E402
from fingerprint.features import Media, Part, pack  # noqa: E402
from matcher.scan import scan_media  # noqa: E402
from registry.memory import MemoryIndex  # noqa: E402

SCHEMES = {s.name: s for s in AUDIO.schemes}
LINEUP = ROOT.parent / "shared" / "lineup" / "audio" / "works"
POSTING_BYTES = 10.1  # of a registry file, for each posting: what registry_speed.py measures at 10 million
COPY_BAR, ALL_BAR, SIZE_BAR = 10.0, 25.0, 1.5  # CPU s per hour for the copy schemes and for all, megabytes per hour


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
    """Bytes by scheme: the packed fingerprint, and its postings."""
    return {f.scheme: len(pack(f, SCHEMES[f.scheme], brief=True)) + POSTING_BYTES * f.keys.size for f in part.fingerprints}


def remake_cost(paths: list[Path]) -> tuple[float, float]:
    """CPU seconds of what only the remake scheme needs, to register and to scan: chroma and turns from peaks at hand."""
    heard = []
    for path in paths:
        blocks = list(decode(path).blocks)
        heard.append((find_peaks(map(mono, blocks), PEAK_DEPTH), sum(b.shape[1] for b in blocks) / RATE))
    return (
        cpu(lambda: [turns(chroma(peaks, seconds)) for peaks, seconds in heard], 1),
        cpu(lambda: [probe_turns(chroma(peaks, seconds)) for peaks, seconds in heard], 1),
    )


def of_files(name: str, paths: list[Path]) -> dict[str, object]:
    """CPU seconds and megabytes per hour of these files together, the floor first."""
    parts = [AUDIO.features(decode(path)) for path in paths]
    AUDIO.probes(decode(paths[0]))
    hours = sum(part.extent[0] for part in parts) / 3600
    by_scheme: dict[str, float] = defaultdict(float)
    for part in parts:
        for scheme, count in size(part).items():
            by_scheme[scheme] += count / hours / 1e6
    floor = cpu(lambda: [plain_decode(path) for path in paths], 1) / hours
    register = cpu(lambda: [AUDIO.features(decode(path)) for path in paths], 1) / hours
    scan = cpu(lambda: [AUDIO.probes(decode(path)) for path in paths], 1) / hours
    extra_register, extra_scan = (seconds / hours for seconds in remake_cost(paths))
    return {
        "files": name,
        "hours": round(hours, 3),
        "decode_cpu_s_per_hour": round(floor, 2),
        "register_copy_schemes_cpu_s_per_hour": bar(register - extra_register, COPY_BAR),
        "register_cpu_s_per_hour": bar(register, ALL_BAR),
        "scan_copy_schemes_cpu_s_per_hour": bar(scan - extra_scan, COPY_BAR),
        "scan_cpu_s_per_hour": bar(scan, ALL_BAR),
        "megabytes_per_hour_by_scheme": {scheme: round(count, 3) for scheme, count in by_scheme.items()},
        "megabytes_per_hour": bar(sum(by_scheme.values()), SIZE_BAR),
    }


def bar(figure: float, most: float) -> dict[str, object]:
    """The figure beside what it may be at most."""
    return {"measured": round(figure, 2), "bar": most, "met": figure <= most}


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
        sets = {f.name: [f] for f in a.files} or {"tune.mp3": [make_mp3(Path(folder) / "tune.mp3", 600)]}
        if not a.files and LINEUP.is_dir():
            sets = {"the audio lineup's works": sorted(LINEUP.iterdir()), **sets}
        measured = [of_files(name, paths) for name, paths in sets.items()]
    result["files"] = measured
    if a.works:
        result["query_cpu_s"] = query(a.works)
    print(json.dumps(result, indent=1))
    if not all(figure["met"] for row in measured for figure in row.values() if isinstance(figure, dict) and "met" in figure):
        sys.exit(1)


if __name__ == "__main__":
    main()
