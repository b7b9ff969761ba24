"""What registering and probing a film costs beside decoding it: `python benchmarks/film_speed.py [FILM ...]`.

CPU seconds of one thread an hour of film, both sides in one run, medians of ratios. Without arguments films of the lineup are
joined, scaled to 480p and 1080p and encoded as H.264 (x264's defaults) in a temporary folder, and the size of fingerprints is
measured on all works of the lineup, postings included. The exit status is 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import dataclasses
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
from fingerprint.sniff import sniff  # noqa: E402

LINEUP = ROOT.parent / "shared" / "lineup" / "film" / "works"
SOURCES = ("f001", "f006", "f031", "f004")
SIZES = {"480p": (854, 480), "1080p": (1920, 1080)}
RUNS = 3
POSTING_BYTES = 10.1  # as measured in the registry (registry_speed.py)
BARS = {"register_ratio": 0.80, "glance_ratio": 0.30, "fingerprint_mb_per_hour": 4.0}


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


def spent(work: Callable[[], object]) -> float:
    """CPU seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def measured(path: Path) -> dict[str, float]:
    """Costs of one film, each in turn so that all sides see the same machine."""
    film = FILM.decode(path)
    works: dict[str, Callable[[], object]] = {
        "decode": lambda: decode_all(path),
        "register": lambda: FILM.features(film),
        "glance": lambda: FILM.probes(dataclasses.replace(film, within=())),
        "probe": lambda: FILM.probes(film),
    }
    rounds = [{name: spent(work) for name, work in works.items()} for _ in range(RUNS)]
    hours = film.declared_s / 3600
    row = {f"{name}_s_per_hour": round(statistics.median(r[name] for r in rounds) / hours, 1) for name in works}
    for name in ("register", "glance", "probe"):
        row[f"{name}_ratio"] = round(statistics.median(r[name] / r["decode"] for r in rounds), 3)
    return row


def size(films: list[Path]) -> dict[str, float]:
    """Megabytes an hour of these films together, by scheme, packed and postings, and in all."""
    schemes = {s.name: s for s in FILM.schemes}
    total: dict[str, float] = {}
    hours = 0.0
    for path in films:
        part = FILM.features(FILM.decode(path))
        hours += part.extent[0] / 3600
        for f in part.fingerprints:
            postings = POSTING_BYTES * f.keys.size if schemes[f.scheme].indexed else 0.0
            total[f.scheme] = total.get(f.scheme, 0.0) + len(pack(f, schemes[f.scheme], brief=True)) + postings
    rates = {name: round(size / hours / 1e6, 2) for name, size in total.items()}
    return rates | {"fingerprint_mb_per_hour": round(sum(total.values()) / hours / 1e6, 2)}


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
        result = {name: measured(path) for name, path in films.items()}
        result["sizes"] = size(a.films or [p for p in sorted(LINEUP.iterdir()) if sniff(p).medium == "film"])
    print(json.dumps(result, indent=2))
    over = [(f, n) for f, row in result.items() for n in BARS if row.get(n, 0.0) > BARS[n]]
    missed = [f"{film} {name} {result[film][name]} (bar {BARS[name]})" for film, name in over]
    if missed:
        sys.exit("missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
