"""What registering and probing a film costs beside decoding it: `python benchmarks/film_speed.py [FILM ...]`.

CPU seconds of one thread an hour of film, both sides in one run, median of three. Without arguments the films of the lineup
are joined, scaled to 480p and 1080p and encoded as H.264 (x264's defaults) in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import av  # noqa: E402
import cv2  # noqa: E402

from fingerprint.features import pack  # noqa: E402
from fingerprint.film import FILM  # noqa: E402

LINEUP = ROOT.parent / "shared" / "lineup" / "film" / "works"
SOURCES = ("f001", "f006", "f031", "f004")
SIZES = {"480p": (854, 480), "1080p": (1920, 1080)}
RUNS = 3
POSTING_BYTES = 11


def joined(sources: list[Path], size: tuple[int, int], seconds: float, target: Path) -> Path:
    """The first seconds of each source, scaled, at 25 frames a second, as one H.264 file."""
    with av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "23"}
        number = 0
        for source in sources:
            with av.open(str(source)) as container:
                for frame in container.decode(video=0):
                    if frame.time is not None and frame.time > seconds:
                        break
                    scaled = frame.reformat(*size, "yuv420p", interpolation="BICUBIC")
                    scaled.pts, scaled.time_base = number, Fraction(1, 25)
                    number += 1
                    out.mux(stream.encode(scaled))
        out.mux(stream.encode(None))
    return target


def decode_all(path: Path) -> None:
    """The floor: every frame, one thread, no conversion."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        for _ in container.decode(stream):
            pass


def cost(work: Callable[[], object]) -> float:
    """Median CPU seconds."""
    spent = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return statistics.median(spent)


def measured(path: Path) -> dict[str, float]:
    with av.open(str(path)) as container:
        hours = float(container.duration / av.time_base) / 3600
    floor = cost(lambda: decode_all(path))
    register = cost(lambda: FILM.features(FILM.decode(path)))
    probe = cost(lambda: FILM.probes(FILM.decode(path)))
    part = FILM.features(FILM.decode(path))
    schemes = {s.name: s for s in FILM.schemes}
    size = sum(len(pack(f, schemes[f.scheme])) + POSTING_BYTES * f.keys.size for f in part.fingerprints)
    return {
        "decode_s_per_hour": round(floor / hours, 1),
        "register_s_per_hour": round(register / hours, 1),
        "probe_s_per_hour": round(probe / hours, 1),
        "register_ratio": round(register / floor, 3),
        "probe_ratio": round(probe / floor, 3),
        "fingerprint_mb_per_hour": round(size / hours / 1e6, 2),
    }


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("films", nargs="*", type=Path)
    ap.add_argument("--seconds", type=float, default=15.0, help="taken of each source")
    a = ap.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        films = {p.name: p for p in a.films}
        if not films:
            sources = [LINEUP / f"{name}.mp4" for name in SOURCES]
            films = {n: joined(sources, size, a.seconds, Path(folder) / f"{n}.mp4") for n, size in SIZES.items()}
        print(json.dumps({name: measured(path) for name, path in films.items()}, indent=2))


if __name__ == "__main__":
    main()
