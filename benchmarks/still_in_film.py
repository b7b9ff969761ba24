"""Are registered stills found in films that show them? `python benchmarks/still_in_film.py [--films 4] [--seed 1]`.

Films are made by seed from works of the stills' lineup: four pictures one after the other in each way of showing them, two to
four seconds each. One work in twelve is not registered; some films show only such pictures. Printed: works listed of those
shown, edges of the seconds told, works listed that are not shown. Beside that cuts of the film lineup's films, which hold
none of the stills, are scanned against these: whatever they name is wrong.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from calibrate import cut_part  # noqa: E402
from lab import SHARED, cached, code_version  # noqa: E402

from fingerprint import schemes  # noqa: E402
from fingerprint.features import Media  # noqa: E402
from fingerprint.hashing import UInt8  # noqa: E402
from matcher.look import output_probes  # noqa: E402
from matcher.scan import scan_media  # noqa: E402
from registry.memory import MemoryIndex  # noqa: E402

SIZE = WIDTH, HEIGHT = 640, 360
FPS = 12
WITHHELD = 12  # one work in so many is not registered
SHOWN = 4  # pictures in a film
SECONDS = 2.0, 4.0
FADE_S = 0.8
CUT_S = 2.0, 12.0
MADE_OF_STILLS = ("f031", "f032", "d")  # works of the film lineup, by how their ids begin

Rng = np.random.Generator
Way = Callable[[UInt8, float, Rng], UInt8]  # picture uint8[h, w, 3], share of its time that has passed, dice of the picture


def resized(picture: UInt8, width: float, height: float) -> UInt8:
    """The picture in that size."""
    return cv2.resize(picture, (max(2, round(width)), max(2, round(height))), interpolation=cv2.INTER_AREA)


def fitted(picture: UInt8, t: float, dice: Rng) -> UInt8:
    """Whole, between bars."""
    scale = min(WIDTH / picture.shape[1], HEIGHT / picture.shape[0])
    small = resized(picture, picture.shape[1] * scale, picture.shape[0] * scale)
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    y, x = (HEIGHT - small.shape[0]) // 2, (WIDTH - small.shape[1]) // 2
    frame[y : y + small.shape[0], x : x + small.shape[1]] = small
    return frame


def window(picture: UInt8, share: float, x: float, y: float) -> UInt8:
    """What a window of the film's shape shows: `share` of the largest that fits, at a place of 0 to 1 both ways."""
    scale = share * min(picture.shape[1] / WIDTH, picture.shape[0] / HEIGHT)
    w, h = round(WIDTH * scale), round(HEIGHT * scale)
    left, top = round((picture.shape[1] - w) * x), round((picture.shape[0] - h) * y)
    return cv2.resize(
        picture[top : top + h, left : left + w], SIZE, interpolation=cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    )


def filled(picture: UInt8, t: float, dice: Rng) -> UInt8:
    """Cut to the film's shape."""
    return window(picture, 1.0, 0.5, 0.5)


def zoomed(picture: UInt8, t: float, dice: Rng) -> UInt8:
    """A slow way in or out that also moves."""
    ends, places = dice.uniform(0.5, 0.95, 2), dice.uniform(0, 1, (2, 2))
    x, y = places[0] * (1 - t) + places[1] * t
    return window(picture, float(ends[0] * (1 - t) + ends[1] * t), float(x), float(y))


def inset(picture: UInt8, t: float, dice: Rng) -> UInt8:
    """A sixth to a third of the area, before a ground of noise that moves."""
    ground = dice.integers(0, 255, (9, 16, 3), np.uint8)
    frame = cv2.resize(np.roll(ground, round(16 * t), 1), SIZE, interpolation=cv2.INTER_CUBIC)
    small = fitted(picture, t, dice)
    scale = float(np.sqrt(dice.uniform(0.17, 0.33)))
    small = resized(small, WIDTH * scale, HEIGHT * scale)
    x, y = (round(v) for v in dice.uniform(0, 1, 2) * (WIDTH - small.shape[1], HEIGHT - small.shape[0]))
    frame[y : y + small.shape[0], x : x + small.shape[1]] = small
    return frame


def titled(picture: UInt8, t: float, dice: Rng) -> UInt8:
    """With a lower third and a mark in the corner."""
    frame = filled(picture, t, dice)
    cv2.rectangle(frame, (0, 270), (WIDTH, 330), (30, 30, 160), -1)
    cv2.putText(frame, "our picture of the day", (30, 310), cv2.FONT_HERSHEY_DUPLEX, 1.1, (255, 255, 255), 2, cv2.LINE_AA)
    cv2.circle(frame, (590, 50), 30, (240, 240, 240), -1)
    return frame


def mirrored_grey(picture: UInt8, t: float, dice: Rng) -> UInt8:
    """Mirrored and without colour."""
    grey = cv2.cvtColor(fitted(picture, t, dice)[:, ::-1], cv2.COLOR_BGR2GRAY)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def held(picture: UInt8, t: float, dice: Rng) -> UInt8:
    """A print filmed by a hand that shakes."""
    frame = fitted(picture, t, dice)
    corners = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    to = corners * 0.7 + np.float32([90, 50]) + dice.uniform(-35, 35, (4, 2)).astype(np.float32)
    shake = np.float32([6 * np.sin(9 * t), 5 * np.cos(7 * t)])
    matrix = cv2.getPerspectiveTransform(corners, to + shake)
    return cv2.warpPerspective(frame, matrix, SIZE, borderValue=(96, 110, 120))


WAYS: dict[str, Way] = {w.__name__: w for w in (fitted, filled, zoomed, inset, titled, mirrored_grey, held)}


class Shown(NamedTuple):
    """A work and the seconds [start, end) that show it."""

    work: str
    start: float
    end: float


def frames(pictures: list[tuple[UInt8, float, int]], way: Way, fade: bool) -> Iterator[UInt8]:
    """The film's frames: (picture, seconds, seed of its dice) one after the other, or one fading into the next."""
    last: UInt8 | None = None
    for picture, seconds, seed in pictures:
        count = round(seconds * FPS)
        for k in range(count):
            now = way(picture, k / count, np.random.default_rng(seed))
            share = k / (FADE_S * FPS)
            yield cv2.addWeighted(now, share, last, 1 - share, 0) if fade and last is not None and share < 1 else now
        last = now


def write(path: Path, pictures: Iterator[UInt8], crf: int) -> None:
    """The frames as a film."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": str(crf)}
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")))
        container.mux(stream.encode(None))


def made(path: Path, works: list[tuple[str, Path]], name: str, fade: bool, dice: Rng) -> list[Shown]:
    """A film of these works at `path`; what it shows when."""
    pictures, shown, at = [], [], 0.0
    for work, file in works:
        seconds = round(float(dice.uniform(*SECONDS)) * FPS) / FPS
        pictures.append((cv2.imread(str(file)), seconds, int(dice.integers(1 << 30))))
        shown.append(Shown(work, at, at + seconds))
        at += seconds
    write(path, frames(pictures, WAYS[name], fade), int(dice.integers(22, 34)))
    return shown


def works() -> tuple[MemoryIndex, list[tuple[str, Path]], list[tuple[str, Path]]]:
    """The registry, the works in it and the works that are not."""
    lineup, version = SHARED / "image", code_version(("image", "film"))
    rows = [(r["work_id"], lineup / r["path"]) for r in csv.DictReader((lineup / "works.csv").open(encoding="utf-8"))]
    rows = [row for row in rows if cv2.imread(str(row[1])) is not None]
    inside = [row for i, row in enumerate(rows) if i % WITHHELD]
    media = [(work, cached(("extract", str(path), version))) for work, path in inside]
    return MemoryIndex([(w, m.parts) for w, m in media if isinstance(m, Media)], schemes()), inside, rows[::WITHHELD]


def run(films: int, seed: int) -> list[dict[str, object]]:
    """One row for each way of showing."""
    index, inside, outside = works()
    dice = np.random.default_rng(seed)
    told: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory(prefix="byline-stills-") as folder:
        path = Path(folder) / "film.mp4"
        for name, fade, foreign in [(n, f, g) for n in WAYS for f in (False, True) for g in (False, True)]:
            for _ in range(1 if foreign else films):
                some = [
                    (outside if foreign else inside)[i] for i in dice.choice(len(outside if foreign else inside), SHOWN, False)
                ]
                shown = made(path, some, name, fade, dice)
                kind = f"{name}{', fading' if fade else ''}"
                _scan(path, index, [] if foreign else shown, told[kind])
                print(kind, "foreign" if foreign else "", {k: round(sum(v), 2) for k, v in told[kind].items()}, flush=True)
    return [{"shown": kind} | {k: _figure(k, v) for k, v in sorted(t.items())} for kind, t in told.items()]


def falsely_named(wanted: int, seed: int) -> int:
    """How many of so many cuts of films that hold no still of the lineup name one."""
    index, dice, lineup = works()[0], np.random.default_rng(seed), SHARED / "film"
    version = code_version(("film", "audio", "image", "text", "documents"))
    rows = list(csv.DictReader((lineup / "works.csv").open(encoding="utf-8")))
    paths = [lineup / r["path"] for r in rows if not r["work_id"].startswith(MADE_OF_STILLS)]
    parts = [
        m.parts[0] for m in (cached(("probe", str(p), version)) for p in paths) if isinstance(m, Media) and m.medium == "film"
    ]
    named = 0
    for _ in range(wanted):
        part = parts[int(dice.integers(len(parts)))]
        length = min(float(dice.uniform(*CUT_S)), part.extent[0])
        start = float(dice.uniform(0, part.extent[0] - length))
        report = scan_media("cut", Media("film", "", (cut_part(part, start, start + length),)), index)
        named += any(m.listed for m in report.matches)
    return named


def _scan(path: Path, index: MemoryIndex, shown: list[Shown], told: dict[str, list[float]]) -> None:
    listed = {m.work_id: m for m in scan_media("film", output_probes(path, index), index).matches if m.listed}
    told["false"].append(len(set(listed) - {s.work for s in shown}))
    told["works"].append(len(shown))
    told["listed"].append(sum(s.work in listed for s in shown))
    for s in shown:
        if s.work in listed:
            start, end = listed[s.work].segments[0][1].output_span
            told["edges_off_s"] += [abs(start - s.start), abs(end - s.end)]


def _figure(name: str, values: list[float]) -> float:
    return round(float(np.median(values) if name == "edges_off_s" else sum(values)), 3)


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("--films", type=int, default=3, help="of each way of showing")
    ap.add_argument("--cuts", type=int, default=1000, help="of films that show none of the stills")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--dry", action="store_true", help="write no result")
    a = ap.parse_args()
    cv2.setNumThreads(1)
    rows = run(a.films, a.seed)
    for row in rows:
        print(row)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    named = falsely_named(a.cuts, a.seed)
    print(f"{named} of {a.cuts} cuts of other films named a still")
    result = {
        "cuts": a.cuts,
        "falsely_named": named,
        "commit": commit.stdout.strip(),
        "date": datetime.date.today().isoformat(),
        "seed": a.seed,
        "rows": rows,
    }
    if not a.dry:
        (HERE / "results" / "still-in-film.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
