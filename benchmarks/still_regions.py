"""Is the named region of a still the right one? `python benchmarks/still_regions.py`: mean intersection over union of it.

Collages, pictures in pictures (upright, rotated, in perspective) and crops are made by seed from works of the stills' lineup,
with the true polygons of both sides. What is measured is the polygon that the scan names for a work that it lists; how many
of the works it lists is told beside. Exit status 1 when the mean over the collages and insets is below the bar.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from lab import SHARED, load_lineup  # noqa: E402

from fingerprint import probe  # noqa: E402
from fingerprint.hashing import UInt8  # noqa: E402
from matcher.calibration import load  # noqa: E402
from matcher.scan import scan_media  # noqa: E402

BAR = 0.80
CANVAS = 1000, 750  # pixels of a made output
QUALITY = 80  # of its JPEG
LEAST_SIDE = 200  # pixels of a work that is used: a smaller one has nothing to be cropped
GRID = 200  # a side of the grid by which polygons are laid over each other

Rng = np.random.Generator
Corners = np.ndarray


class Placed(NamedTuple):
    """A work in a made output: corners float64[4, 2] of what is seen, in pixels of the output and of the work."""

    work: str
    output: Corners
    source: Corners


class Made(NamedTuple):
    """A made output and what is in it."""

    picture: UInt8
    placed: list[Placed]


class Works:
    """The lineup's works as pictures; `one` draws."""

    def __init__(self) -> None:
        self.paths = {p.stem: p for p in sorted((SHARED / "image" / "works").iterdir())}

    def one(self, rng: Rng) -> tuple[str, UInt8]:
        while True:
            name = str(rng.choice(list(self.paths)))
            picture = cv2.imread(str(self.paths[name]))
            if picture is not None and min(picture.shape[:2]) >= LEAST_SIDE:
                return name, picture


def corners(x: float, y: float, w: float, h: float) -> Corners:
    """float64[4, 2] of a box."""
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float64)


def cropped(picture: UInt8, rng: Rng, least: float, most: float, shape: float = 0.0) -> tuple[UInt8, Corners]:
    """A part of the picture with between `least` and `most` of each side, of that shape (width over height) if one is asked."""
    height, width = picture.shape[:2]
    w, h = (side * rng.uniform(least, most) for side in (width, height))
    if shape:
        w, h = min(width, height * shape), min(height, width / shape)
    x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
    x, y, w, h = (int(v) for v in (x, y, w, h))
    return picture[y : y + h, x : x + w], corners(x, y, w, h)


def laid(canvas: UInt8, part: UInt8, where: Corners) -> None:
    """Draws the part on the canvas between these corners."""
    height, width = part.shape[:2]
    shown = max(np.linalg.norm(where[1] - where[0]) / width, np.linalg.norm(where[3] - where[0]) / height)
    if shown < 1:
        part = cv2.resize(part, None, fx=max(shown, 2 / width), fy=max(shown, 2 / height), interpolation=cv2.INTER_AREA)
        height, width = part.shape[:2]
    matrix = cv2.getPerspectiveTransform(corners(0, 0, width, height).astype(np.float32), where.astype(np.float32))
    size = canvas.shape[1], canvas.shape[0]
    drawn = cv2.warpPerspective(part, matrix, size, flags=cv2.INTER_LINEAR)
    there = cv2.warpPerspective(np.full(part.shape[:2], 255, np.uint8), matrix, size) > 127
    canvas[there] = drawn[there]


def ground(rng: Rng) -> UInt8:
    """Soft foreign structure: no work, no plain colour."""
    canvas = np.zeros((CANVAS[1], CANVAS[0], 3), np.float32)
    for side in (4, 16, 64):
        coarse = rng.standard_normal((side, side, 3)).astype(np.float32)
        canvas += cv2.resize(coarse, CANVAS, interpolation=cv2.INTER_CUBIC) * (60 / side**0.4)
    return np.clip(canvas + 128, 0, 255).astype(np.uint8)


def collage(works: Works, rng: Rng) -> Made:
    """Two to nine works in a grid with a margin, each cropped to its cell."""
    columns, rows = (int(rng.integers(1, 4)) for _ in "xy")
    columns = max(columns, 2) if rows == 1 else columns
    canvas = np.full((CANVAS[1], CANVAS[0], 3), rng.integers(0, 256), np.uint8)
    gap = int(rng.integers(0, 16))
    w, h = (CANVAS[0] - gap) / columns - gap, (CANVAS[1] - gap) / rows - gap
    placed = []
    for cell in range(columns * rows):
        name, picture = works.one(rng)
        part, source = cropped(picture, rng, 1, 1, w / h)
        where = corners(gap + (cell % columns) * (w + gap), gap + (cell // columns) * (h + gap), w, h)
        laid(canvas, part, where)
        placed.append(Placed(name, where, source))
    return Made(canvas, placed)


def inset(works: Works, rng: Rng, bend: Callable[[Corners, Rng], Corners], least: float) -> Made:
    """A work, whole or at least so much of each side, in .08 to .35 of a foreign picture."""
    canvas, (name, picture) = ground(rng), works.one(rng)
    part, source = cropped(picture, rng, least, 1.0)
    share = rng.uniform(0.08, 0.35) * CANVAS[0] * CANVAS[1]
    shape = part.shape[1] / part.shape[0]
    w, h = min(np.sqrt(share * shape), 0.9 * CANVAS[0]), min(np.sqrt(share / shape), 0.9 * CANVAS[1])
    where = bend(corners(-w / 2, -h / 2, w, h), rng)
    low, high = where.min(axis=0), where.max(axis=0)
    room = np.maximum(np.array(CANVAS) - (high - low), 0)
    where = where - low + rng.uniform(0, 1, 2) * room
    laid(canvas, part, where)
    return Made(canvas, [Placed(name, np.clip(where, 0, CANVAS), source)])


def upright(where: Corners, rng: Rng) -> Corners:
    return where


def rotated(where: Corners, rng: Rng) -> Corners:
    """Turned by 8 to 50 degrees either way."""
    angle = np.deg2rad(rng.uniform(8, 50)) * rng.choice([-1, 1])
    return where @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * 0.8


def perspective(where: Corners, rng: Rng) -> Corners:
    """Each corner moved inward by up to a sixth of the sides."""
    return where * (1 - rng.uniform(0, 1 / 3, (4, 2)))


def crop(works: Works, rng: Rng) -> Made:
    """A part of a work, at another size, and nothing else."""
    name, picture = works.one(rng)
    part, source = cropped(picture, rng, 0.4, 0.9)
    scale = rng.uniform(0.5, 1.5)
    shown = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return Made(shown, [Placed(name, corners(0, 0, shown.shape[1], shown.shape[0]), source)])


KINDS: dict[str, Callable[[Works, Rng], Made]] = {
    "collage": collage,
    "inset": lambda works, rng: inset(works, rng, upright, 1.0),
    "inset of a part": lambda works, rng: inset(works, rng, upright, 0.5),
    "rotated inset": lambda works, rng: inset(works, rng, rotated, 1.0),
    "rotated inset of a part": lambda works, rng: inset(works, rng, rotated, 0.6),
    "perspective inset": lambda works, rng: inset(works, rng, perspective, 1.0),
    "crop": crop,
}


def overlap(a: Corners, b: Corners) -> float:
    """Intersection over union of two convex polygons."""
    low, high = np.minimum(a.min(axis=0), b.min(axis=0)), np.maximum(a.max(axis=0), b.max(axis=0))
    unit = [(p - low) / np.maximum(high - low, 1e-9) * GRID for p in (a, b)]
    masks = []
    for polygon in unit:
        mask = np.zeros((GRID, GRID), np.uint8)
        cv2.fillConvexPoly(mask, np.rint(polygon * 16).astype(np.int32), 1, shift=4)
        masks.append(mask > 0)
    return float((masks[0] & masks[1]).sum() / max((masks[0] | masks[1]).sum(), 1))


def judged(made: Made, path: Path, index: object, rows: list[dict]) -> None:
    """Adds a row for each placed work: IoU on both sides, or that it is not listed."""
    cv2.imwrite(str(path), made.picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    report = scan_media(path.name, probe(path), index, load())
    listed = {m.work_id: m for m in report.matches if m.listed}
    for one in made.placed:
        row = {"output": path.name, "work": one.work, "listed": one.work in listed}
        if one.work in listed:
            best = max((e for _, e in listed[one.work].segments), key=lambda e: e.strength)
            row |= {
                "output_iou": overlap(one.output, np.array(best.output_polygon)),
                "work_iou": overlap(one.source, np.array(best.work_polygon)),
                "scheme": best.scheme, "relation": best.relation,
            }  # fmt: skip
        rows.append(row)


def summary(rows: dict[str, list[dict]]) -> dict[str, dict[str, float]]:
    """Means by kind and over all kinds but the crops, which have no region to find in the output."""
    groups = {**rows, "collages and insets": [r for kind, some in rows.items() if kind != "crop" for r in some]}
    told = {}
    for kind, some in groups.items():
        named = [r for r in some if r["listed"]]
        told[kind] = {"works": len(some), "listed": len(named)} | {
            f"{side}_iou": round(float(np.mean([r[f"{side}_iou"] for r in named])), 3) for side in ("output", "work") if named
        }
        told[kind]["least_output_iou"] = round(min((r["output_iou"] for r in named), default=0.0), 3)
    return told


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("--each", type=int, default=20, help="outputs of each kind")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--kind", default="")
    ap.add_argument("--keep", type=Path, default=None, help="folder to keep the made outputs in")
    ap.add_argument("--dry", action="store_true", help="write no result")
    a = ap.parse_args()
    index, _ = load_lineup("image", 1, "nothing at all")
    works, rows = Works(), defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="byline-regions-") as temporary:
        folder = a.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        for number, (kind, make) in enumerate(KINDS.items()):
            if a.kind not in kind:
                continue
            for i in range(a.each):
                made = make(works, np.random.default_rng([a.seed, number, i]))
                judged(made, folder / f"{kind.replace(' ', '-')}-{i}.jpg", index, rows[kind])
    told = summary(rows)
    for kind, row in told.items():
        print(f"{kind:26}", row)
    for row in sorted((r for some in rows.values() for r in some if r["listed"]), key=lambda r: r["output_iou"])[:12]:
        print("   lowest:", {k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()})
    reached = told["collages and insets"].get("output_iou", 0.0)
    print(f"{'ok  ' if reached >= BAR else 'MISS'} mean IoU {reached} (bar {BAR})")
    if not a.dry:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
        result = {"bar": BAR, "seed": a.seed, "kinds": told, "commit": commit.stdout.strip()}
        result["date"] = datetime.date.today().isoformat()
        (HERE / "results" / "still-regions.json").write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(reached < BAR)


if __name__ == "__main__":
    main()
