"""Stills under edits that the lineup does not hold: `python benchmarks/stress_still.py [--seed 1] [--each 6]`.

Renders a lineup folder under benchmarks/.cache/stress-image-SEED-EACH with random parameters, scans it as lab.py does and
prints the lineup's figures with recall by kind. One work in twelve is not registered. Others are registered as half a
picture, in a frame, with a logo, on a wall, as a post, with a caption; beside them flags and charts. Negatives are other
pictures in that frame, with that logo and so on, the other halves, other flags and charts, and edits of what is not registered.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import stress_still_edits as edit
import stress_still_layouts as layout
import stress_still_redrawn as redrawn
from lab import SHARED, load_lineup, stressed
from stress_still_edits import Edit, Picture, Rng

LINEUP = SHARED / "image"
WITHHELD = 12  # one work in so many is not registered
LEAST_SIDE = 150  # pixels of the shorter side of what is edited
CAPTION = "monday again"
EACH_CHANGED = 6  # works registered in each changed form

NAMES = """
    channels_swapped inverted duotone posterized solarized underexposed overexposed equalized hazy halftoned dithered ordered
    one_bit thumbnail thumbnail_upscaled jpeg_chain jpeg_5 motion_blurred blurred noisy tilt_shifted glitched fisheye
    swirled waved squeezed turned crop_tenth crop_turned_mirrored mirrored_dark tiled_watermark stickered barred captioned
    screen printed page post meme_card framed on_bricks
"""
REDRAWN = "painted pencilled outlined inked watercoloured palette_swapped pixel_art faceted tiled bent stroked"


def named(names: str, *modules: object) -> dict[str, Edit]:
    """The edits of these names, by kind."""
    return {n.replace("_", "-"): next(getattr(m, n) for m in modules if hasattr(m, n)) for n in names.split()}


EDITS = named(NAMES, edit, layout)
REMAKES = named(REDRAWN, redrawn)
CHANGED: dict[str, Edit] = {
    "half": lambda picture, dice: picture[:, : round(picture.shape[1] * 0.48)].copy(),
    "framed": layout.framed,
    "branded": layout.branded,
    "on-bricks": layout.on_bricks,
    "post": layout.post,
    "captioned": lambda picture, dice: layout.captioned(picture, dice, CAPTION),
}


class Studio:
    """The lineup's works as they are registered, what is not registered, and the dice."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.dice = folder, np.random.default_rng(seed)
        self.rows = list(csv.DictReader((LINEUP / "works.csv").open(encoding="utf-8")))
        order = self.dice.permutation(len(self.rows)).tolist()
        usable = [r for r in (self.rows[i] for i in order) if min(self.picture(LINEUP / r["path"]).shape[:2]) >= LEAST_SIDE]
        held, self.changed = len(self.rows) // WITHHELD, {}
        self.withheld = [r["work_id"] for r in usable[:held]]
        for n, name in enumerate(CHANGED):
            some = usable[held + n * EACH_CHANGED : held + (n + 1) * EACH_CHANGED]
            self.changed |= {r["work_id"]: name for r in some}
        self.plain = [r["work_id"] for r in usable[held + len(CHANGED) * EACH_CHANGED :]]
        outputs = json.loads((LINEUP / "truth.json").read_text(encoding="utf-8"))["outputs"]
        self.negatives = [LINEUP / o["path"] for o in outputs if o["group"] == "negative"]
        self.photos = [LINEUP / o["path"] for o in outputs if o["kind"] in ("same-look", "ai-unrelated", "same-scene-other-view")]
        self.photos += [self.path(w) for w in self.withheld]
        self.turn: list[str] = []

    def path(self, work: str) -> Path:
        return LINEUP / next(r["path"] for r in self.rows if r["work_id"] == work)

    def picture(self, path: Path) -> Picture:
        return cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1].copy()

    def work(self) -> tuple[str, Picture]:
        """The next of the works that are registered as they are."""
        self.turn = self.turn or self.dice.permutation(self.plain).tolist()
        work = self.turn.pop()
        return work, self.picture(self.path(work))

    def foreign(self) -> Picture:
        return self.picture(self.photos[int(self.dice.integers(len(self.photos)))])

    def register(self) -> None:
        """works.csv with the changed works, flags and charts; what is not changed is where it was."""
        (self.folder / "changed").mkdir()
        rows = [r | {"path": str(LINEUP / r["path"])} for r in self.rows if r["work_id"] not in self.withheld]
        for row in rows:
            if row["work_id"] in self.changed:
                made = CHANGED[self.changed[row["work_id"]]](self.picture(self.path(row["work_id"])), self.dice)
                row["path"] = f"changed/{row['work_id']}.png"
                cv2.imwrite(str(self.folder / row["path"]), made[..., ::-1])
        for n in range(EACH_CHANGED):
            drawing = flag(self.dice) if n % 2 else chart(self.dice)
            path = f"changed/drawn{n}.png"
            cv2.imwrite(str(self.folder / path), drawing[..., ::-1])
            rows.append(dict.fromkeys(rows[0], "") | {"work_id": f"drawn{n}", "medium": "image", "path": path, "title": path})
        with (self.folder / "works.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)


def flag(dice: Rng) -> Picture:
    """Stripes or a cross, perhaps with a star, perhaps waving."""
    out = np.zeros((300, 450, 3), np.uint8)
    colours = [(200, 30, 40), (255, 255, 255), (0, 60, 160), (0, 130, 60), (255, 205, 0), (20, 20, 20)]
    chosen = [colours[i] for i in dice.permutation(6)[:3]]
    lying = dice.integers(2)
    for n, tone in enumerate(chosen):
        part = slice(n * 100, n * 100 + 100) if lying else slice(n * 150, n * 150 + 150)
        out[part if lying else slice(None), slice(None) if lying else part] = tone
    if dice.integers(2):
        star = [(225 + 60 * f * np.sin(a), 150 - 60 * f * np.cos(a)) for f, a in layout._outline(1)]
        cv2.fillPoly(out, [np.array(star, np.int32)], colours[int(dice.integers(6))])
    y, x = np.mgrid[:300, :450]
    return edit.mapped(out, x, y + 8 * np.sin(x / 40.0)) if dice.integers(2) else out


def chart(dice: Rng) -> Picture:
    """Axes, a grid, words and a line, in the one style of all charts."""
    out = np.full((360, 560, 3), 255, np.uint8)
    for at in range(6):
        cv2.line(out, (60, 40 + 52 * at), (530, 40 + 52 * at), (220, 220, 220), 1)
        cv2.putText(out, str(100 - 20 * at), (22, 44 + 52 * at), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (60, 60, 60), 1)
        cv2.putText(out, str(2020 + at), (60 + 88 * at, 325), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (60, 60, 60), 1)
    for tone in ((31, 119, 180), (255, 127, 14)):
        y = np.clip(np.cumsum(dice.normal(0, 18, 40)) + 170, 45, 295)
        cv2.polylines(out, [np.stack([np.linspace(60, 530, 40), y], axis=1).astype(np.int32)], False, tone, 2, cv2.LINE_AA)
    cv2.rectangle(out, (60, 40), (530, 300), (0, 0, 0), 1)
    cv2.putText(out, "Quarterly results", (200, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
    return out


Made = tuple[Picture, list[str]]


def two(make: Callable[[Picture, Picture, Rng], Picture]) -> Callable[[Studio], Made]:
    def made(studio: Studio) -> Made:
        (a, first), (b, second) = studio.work(), studio.work()
        return make(first, second, studio.dice), [a, b]

    return made


def many(make: Callable[[list[Picture], Rng], Picture], least: int, most: int) -> Callable[[Studio], Made]:
    """A third of the pictures are not registered."""

    def made(studio: Studio) -> Made:
        pictures, works = [], []
        for n in range(int(studio.dice.integers(least, most + 1))):
            if n and studio.dice.uniform() < 1 / 3:
                pictures.append(studio.foreign())
            else:
                work, picture = studio.work()
                works.append(work)
                pictures.append(picture)
        order = studio.dice.permutation(len(pictures)).tolist()
        return make([pictures[i] for i in order], studio.dice), works

    return made


def on_foreign(make: Callable[[Picture, Picture, Rng], Picture]) -> Callable[[Studio], Made]:
    def made(studio: Studio) -> Made:
        work, picture = studio.work()
        return make(studio.foreign(), picture, studio.dice), [work]

    return made


MIXES: dict[str, Callable[[Studio], Made]] = {
    "collage-2-4": many(layout.collage, 2, 4),
    "collage-5-9": many(layout.collage, 5, 9),
    "scattered": many(layout.scattered, 3, 6),
    "inset-turned": on_foreign(layout.inset),
    "blended": two(layout.blended),
    "blended-with-foreign": on_foreign(layout.blended),
    "exposed-twice": two(layout.exposed_twice),
    "split": two(layout.split),
    "windowed": on_foreign(layout.windowed),
}


def negatives(studio: Studio, each: int) -> list[tuple[str, Picture]]:
    """(kind, picture)."""
    dice, every = studio.dice, list((EDITS | REMAKES).items())
    made: list[tuple[str, Picture]] = []
    for path in [*studio.negatives, *(studio.path(w) for w in studio.withheld)]:
        name, change = every[int(dice.integers(len(every)))]
        picture = edit.longest(studio.picture(path), 500)
        made += [("as-it-is", picture), (f"edited/{name}", change(picture, dice))]
    for name, change in list(CHANGED.items())[1:]:
        made += [(f"in-shared/{name}", change(studio.foreign(), dice)) for _ in range(2 * each)]
    for work in (w for w, name in studio.changed.items() if name == "half"):
        picture = studio.picture(studio.path(work))
        other = picture[:, round(picture.shape[1] * 0.52) :].copy()
        made += [("other-half", other), ("other-half/mirrored", other[:, ::-1].copy())]
    for _ in range(each):
        plain = np.full((400, 500, 3), edit.colour(dice), np.uint8)
        made += [("words-only", layout.captioned(plain, dice, CAPTION)), ("wall-only", layout.on_bricks(plain))]
        made += [("flag", flag(dice)), ("chart", chart(dice)), ("framed-flag", layout.framed(flag(dice)))]
        made += [("collage", layout.collage([studio.foreign() for _ in range(4)], dice))]
    return made


def render(folder: Path, seed: int, each: int) -> None:
    """Write the lineup."""
    (folder / "outputs").mkdir(parents=True)
    (folder / "credits.csv").symlink_to(LINEUP / "credits.csv")
    studio = Studio(folder, seed)
    studio.register()
    made: list[tuple[str, str, Picture, list[str], tuple[str, redrawn.Write] | None]] = []
    for group, edits in (("robustness", EDITS), ("remake", REMAKES)):
        for kind, change in edits.items():
            for _ in range(each):
                work, picture = studio.work()
                made.append((group, kind, change(picture, studio.dice), [work], None))
    for kind, file in redrawn.FORMATS.items():
        work, picture = studio.work()
        made.append(("robustness", f"format-{kind}", picture, [work], file))
    for kind, mix in MIXES.items():
        made += [("mixing", kind, *mix(studio), None) for _ in range(each)]
    made += [("negative", kind, picture, [], None) for kind, picture in negatives(studio, each)]
    truth = []
    for number, (group, kind, picture, works, own) in enumerate(made):
        suffix, write = own or redrawn.USUAL[number % len(redrawn.USUAL)]
        path = f"outputs/s{number:04}{suffix}"
        write(np.ascontiguousarray(picture), folder / path)
        relation = "remake" if group == "remake" else "copy"
        entries = [{"work_id": w, "relation": relation, "output_span": None, "work_span": None} for w in dict.fromkeys(works)]
        truth.append({"path": path, "kind": kind, "group": group, "works": entries})
    (folder / "truth.json").write_text(json.dumps({"outputs": truth}, indent=1))


def scan(folder: Path, jobs: int, only: str) -> list[dict]:
    """One JSON report for each output, candidates included."""
    from matcher.report import as_json, failure
    from matcher.scan import scan_media

    index, outputs = load_lineup("image", jobs, only, folder)
    return [
        failure(path, media[1], media[2], {})
        if isinstance(media, tuple)
        else as_json(scan_media(path, media, index), candidates=True)
        for path, media in outputs
    ]


if __name__ == "__main__":
    stressed("image", __doc__.split("\n\n")[0], render, scan)
