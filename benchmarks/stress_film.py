"""A fresh film lineup from the dev lineup's works, with other edits and other parameters: `python benchmarks/stress_film.py`.

Renders works.csv, credits.csv, truth.json and outputs/ under benchmarks/.cache/stress-film/<seed> with OpenCV and PyAV, from
a seed, then scores itself as lab.py does: recall by kind, and on copies how far span edges and speed are from the truth.
Of fixed cameras and a few other films only the first half is registered; the second half is a negative.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import lab
import numpy as np
from stress_film_makers import HALVED, KINDS, LINEUP, Made, Material, pictures

from matcher.calibration import load
from matcher.report import as_json, failure
from matcher.scan import scan_media

FOLDER = lab.CACHE / "stress-film"
EDGE_S, SPEED = 0.5, 0.01  # what span edges and speeds should keep to


def write(path: Path, made: Made) -> None:
    """The output as a file."""
    if made.suffix in (".jpg", ".png", ".webp"):
        cv2.imwrite(str(path), made.frames[0][..., ::-1])
        return
    with av.open(str(path), "w") as container:
        # All streams are added before the first packet, with which the header is written.
        shown = _picture_stream(container, made) if made.frames else None
        heard = container.add_stream("mp3" if made.suffix == ".mp3" else "aac", rate=44100) if made.sound else None
        if shown:
            _mux_pictures(container, shown, made)
        if heard:
            _mux_sound(container, heard, made)


def _picture_stream(container: Any, made: Made) -> Any:
    gif = made.suffix == ".gif"
    stream = container.add_stream("gif" if gif else "libx264", rate=Fraction(made.fps).limit_denominator(1000))
    stream.height, stream.width = (x - x % 2 for x in made.frames[0].shape[:2])
    stream.pix_fmt = "rgb8" if gif else "yuv420p"
    stream.options = {} if gif else {"crf": str(made.crf), "preset": "veryfast"}
    return stream


def _mux_pictures(container: Any, stream: Any, made: Made) -> None:
    h, w = stream.height, stream.width
    for f in made.frames:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(f[:h, :w]), format="rgb24")
        container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
    container.mux(stream.encode(None))


def _mux_sound(container: Any, stream: Any, made: Made) -> None:
    assert made.sound is not None
    path, start = made.sound
    first = next(w["output_span"] for w in made.works)
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=44100)
    samples = np.concatenate([f.to_ndarray() for f in _resampled(path, resampler)], axis=1)
    samples = samples[:, round(start * 44100) : round((start + first[1]) * 44100)]
    for at in range(0, samples.shape[1], 1152):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, at : at + 1152]), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, at
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _resampled(path: str, resampler: Any) -> Any:
    with av.open(path) as source:
        for frame in source.decode(audio=0):
            yield from resampler.resample(frame)


def render(folder: Path, seed: int, count: int) -> None:
    """The whole lineup folder; each kind has a seed of its own, so that a new kind changes no other."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "outputs").mkdir(parents=True)
    (folder / "cut").mkdir()
    (folder / "works").symlink_to(LINEUP / "works")
    shutil.copy(LINEUP / "credits.csv", folder)
    _write_works(folder)
    outputs = []
    for kind, make in KINDS.items():
        group, name = kind.split("/")
        m = Material(np.random.default_rng([seed, *kind.encode()]))
        for number in range(3 * count if group == "negative" else count):
            made = make(m)
            path = f"outputs/{group}-{name}-{number}{made.suffix}"
            write(folder / path, made)
            outputs.append({"path": path, "kind": name, "group": group, "works": made.works})
    (folder / "truth.json").write_text(json.dumps({"outputs": outputs}))


def _write_works(folder: Path) -> None:
    m = Material(np.random.default_rng(0))
    with (folder / "works.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(m.rows[0]))
        table.writeheader()
        for row in m.rows:
            work = row["work_id"]
            if work in HALVED:
                row = row | {"path": f"cut/{work}.mp4"}
                fps = 30.0
                write(folder / row["path"], Made(pictures(m.paths[work], 0.0, m.registered_s(work), fps), fps, crf=18))
            table.writerow(row)


def scanned(folder: Path, jobs: int) -> dict[str, dict[str, Any]]:
    """Reports by output, as `byline scan --candidates` would print them."""
    index, outputs = lab.load_lineup("film", jobs, "", folder)
    calibration = load()
    lines = [
        failure(path, media[1], media[2], {})
        if isinstance(media, tuple)
        else as_json(scan_media(path, media, index, calibration), candidates=True)  # type: ignore[arg-type]
        for path, media in outputs
    ]
    (folder / "report.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    lab.failures(folder, lines)
    return {line["output"]: line for line in lines}


def placed(truth: list[dict[str, Any]], reports: dict[str, dict[str, Any]]) -> dict[str, list[tuple[float, float, float]]]:
    """By kind, of each stretch of a listed copy: how far its start and its end are off in seconds, and its speed in parts."""
    found = defaultdict(list)
    for output in truth:
        segments = {m["work"]: m["segments"] for m in reports[output["path"]]["matches"] if not m.get("candidate")}
        for true in output["works"]:
            if true["relation"] != "copy" or not true["output_span"] or output["kind"] == "sound":
                continue
            a, b = true["output_span"]
            own = [s for s in segments.get(true["work_id"], []) if a < sum(s["output"]) / 2 < b]
            if own:
                best = max(own, key=lambda s: s["output"][1] - s["output"][0])
                start, end = min(s["output"][0] for s in own), max(s["output"][1] for s in own)
                found[output["kind"]].append((abs(start - a), abs(end - b), abs(best["scale"] / true["scale"] - 1)))
    return found


def show_places(found: dict[str, list[tuple[float, float, float]]]) -> None:
    print(f"\n{'kind':<24} stretches  start s  end s  both within {EDGE_S} s  speed off  within {SPEED:.0%}")
    every = [row for rows in found.values() for row in rows]
    for kind, rows in [*sorted(found.items()), ("all copies", every)]:
        start, end, speed = np.array(rows).T
        edges_in, speed_in = ((start <= EDGE_S) & (end <= EDGE_S)).mean(), (speed <= SPEED).mean()
        print(
            f"{kind:<24} {len(rows):>9}  {np.median(start):7.2f}  {np.median(end):5.2f}  {edges_in:17.0%}"
            f"  {np.median(speed):9.2%}  {speed_in:9.0%}"
        )


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--count", type=int, default=5, help="outputs of each kind; three times as many of each negative kind")
    ap.add_argument("--jobs", type=int, default=2)
    a = ap.parse_args()
    folder = FOLDER / f"{a.seed}-{a.count}"
    if not (folder / "truth.json").exists():
        render(folder, a.seed, a.count)
    reports = scanned(folder, a.jobs)
    score = [sys.executable, str(lab.SHARED / "score.py"), str(folder), str(folder / "report.jsonl"), "--kinds"]
    subprocess.run(score, check=False)
    show_places(placed(json.loads((folder / "truth.json").read_text())["outputs"], reports))


if __name__ == "__main__":
    main()
