"""The outputs of stress_film: excerpts, compilations, insets, stills and negatives, each made of the lineup's films by chance."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import cv2
import lab
import numpy as np
from stress_film_edits import PLAIN, RESTYLED, Edit, Frame, Rng, as_it_is, both, crop, gray, mirror, vertical

LINEUP = lab.SHARED / "film"
LONG = 360  # pixels of the long side that everything is rendered from
HALVED = ("f007", "f008", "f009", "f010", "f015", "d008", "d009", "d010", "f005", "f013")
SPARED = tuple(f"d{n:03d}" for n in range(24, 42))  # films of stills: 24 of 74 works, and the easiest
FOREIGN = ("same-genre", "ai-edit-of-unregistered", "ai-text-to-video", "screen-recording", "stills-same-genre")
SONG = "a001"
Span = tuple[float, float]


@dataclass
class Made:
    """An output to be written: pictures at `fps`, the truth, how it is encoded."""

    frames: list[Frame]
    fps: float = 25.0
    works: list[dict[str, Any]] = field(default_factory=list)
    suffix: str = ".mp4"
    crf: int = 26
    sound: tuple[str, float] | None = None  # file, and from which second


class Material:
    """The lineup's works with the part of each that is registered, and foreign pictures."""

    def __init__(self, rng: Rng) -> None:
        self.rng = rng
        self.rows = list(csv.DictReader((LINEUP / "works.csv").open(encoding="utf-8")))
        self.paths = {r["work_id"]: LINEUP / r["path"] for r in self.rows}
        self.films = [r["work_id"] for r in self.rows if r["medium"] == "film"]
        self.length = {w: duration(self.paths[w]) for w in self.films}
        outputs = json.loads((LINEUP / "truth.json").read_text())["outputs"]
        self.foreign = [LINEUP / o["path"] for o in outputs if o["kind"] in FOREIGN]
        self.drawn = [w for w in self.films if w not in SPARED]
        self.turn: dict[float, list[str]] = {}

    def registered_s(self, work: str) -> float:
        return self.length[work] / (2 if work in HALVED else 1)

    def work(self, least_s: float) -> str:
        """The next of the works that are so long, in an order of chance."""
        turn = self.turn.setdefault(least_s, [])
        if not turn:
            turn.extend(self.rng.permutation([w for w in self.drawn if self.registered_s(w) >= least_s]).tolist())
        return turn.pop()

    def excerpt(self, seconds: float, fps: float = 25.0, speed: float = 1.0, least_s: float = 2.0) -> Made:
        """Up to so many seconds of a work, as a copy."""
        work = self.work(max(least_s, min(seconds, 4.0) * abs(speed)))
        seconds = min(seconds, self.registered_s(work) / abs(speed))
        start = float(self.rng.uniform(0, self.registered_s(work) - seconds * abs(speed)))
        frames = pictures(self.paths[work], start, seconds, fps, speed)
        length = len(frames) / fps
        return Made(frames, fps, [entry(work, (0.0, length), (start, start + length * abs(speed)), speed)])

    def other(self, seconds: float, fps: float = 25.0) -> list[Frame]:
        """Foreign pictures, repeated there and back where they are too short."""
        path = self.foreign[int(self.rng.integers(len(self.foreign)))]
        frames = pictures(path, 0.0, min(seconds, duration(path)), fps)
        while len(frames) < seconds * fps:
            frames = frames + frames[::-1]
        return frames[: round(seconds * fps)]


def entry(work: str, output: Span | None, source: Span | None, speed: float = 1.0, relation: str = "copy") -> dict[str, Any]:
    return {"work_id": work, "relation": relation, "output_span": output, "work_span": source, "scale": speed}


@lru_cache(maxsize=256)
def duration(path: Path) -> float:
    """Seconds of its pictures."""
    with av.open(str(path)) as container:
        if not container.streams.video:
            return float(container.duration or 0) / 1e6
        stream = container.streams.video[0]
        return float((stream.duration or 0) * stream.time_base) or float(container.duration or 0) / 1e6


@lru_cache(maxsize=3)
def decoded(path: Path) -> tuple[np.ndarray, list[Frame]]:
    """All frames of a file with their seconds, long side LONG."""
    times, frames = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            k = min(1.0, LONG / max(frame.width, frame.height))
            size = (2 * round(frame.width * k / 2), 2 * round(frame.height * k / 2))
            frames.append(cv2.resize(frame.to_ndarray(format="rgb24"), size, interpolation=cv2.INTER_AREA))
            times.append(float(frame.time or 0.0))
    return np.array(times) - times[0], frames


def pictures(path: Path, start: float, seconds: float, fps: float, speed: float = 1.0) -> list[Frame]:
    """What is shown from `start` on at this speed; backwards from the end when it is negative."""
    times, frames = decoded(path)
    now = np.arange(round(seconds * fps)) / fps
    at = start + (now * speed if speed > 0 else (seconds - now) * -speed - 1e-3)
    return [frames[i] for i in np.clip(np.searchsorted(times, at + 1e-4, side="right") - 1, 0, len(frames) - 1)]


def edited(made: Made, edit: Edit, relation: str = "copy") -> Made:
    made.frames = [np.ascontiguousarray(edit(f, n / made.fps)) for n, f in enumerate(made.frames)]
    for w in made.works:
        w["relation"] = relation
    return made


def joined(parts: list[Made]) -> Made:
    """One after the other, all in the first one's shape; spans follow."""
    whole = Made([], parts[0].fps)
    h, w = parts[0].frames[0].shape[:2]
    for part in parts:
        start = len(whole.frames) / whole.fps
        whole.frames += [cv2.resize(f, (w, h)) for f in part.frames]
        whole.works += [e | {"output_span": (e["output_span"][0] + start, e["output_span"][1] + start)} for e in part.works]
    return whole


def fitted(frame: Frame, width: int, height: int) -> Frame:
    """As large as it can be inside, on black."""
    h, w = frame.shape[:2]
    k = min(width / w, height / h)
    small = cv2.resize(frame, (max(2, round(w * k)), max(2, round(h * k))), interpolation=cv2.INTER_AREA)
    out = np.zeros((height, width, 3), np.uint8)
    y, x = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    out[y : y + small.shape[0], x : x + small.shape[1]] = small
    return out


def inset(m: Material, least: float, most: float) -> Made:
    """A work in a corner of foreign pictures, `least` to `most` of the area."""
    made = m.excerpt(6.0)
    k = np.sqrt(m.rng.uniform(least, most))
    width, height = 480, 270
    x, y = (m.rng.choice([0.03, 0.97], 2) * (width * (1 - k), height * (1 - k))).astype(int)
    for n, ground in enumerate(m.other(len(made.frames) / made.fps)):
        out = cv2.resize(ground, (width, height))
        h, w = made.frames[n].shape[:2]
        size = min(width * k / w, height * k / h) if most > 0.5 else np.sqrt(k * k * width * height / (w * h))
        size = min(size, 0.94 * width / w, 0.94 * height / h)
        small = cv2.resize(made.frames[n], (round(w * size), round(h * size)), interpolation=cv2.INTER_AREA)
        a, b = min(y, height - small.shape[0]), min(x, width - small.shape[1])
        out[a : a + small.shape[0], b : b + small.shape[1]] = small
        made.frames[n] = out
    return made


def side_by_side(m: Material) -> Made:
    """A work and foreign pictures, beside or above each other."""
    made = m.excerpt(6.0)
    size, axis, first = ((240, 270), 1, m.rng.integers(2)) if m.rng.integers(2) else ((480, 180), 0, m.rng.integers(2))
    cut = bool(m.rng.integers(2))
    for n, ground in enumerate(m.other(len(made.frames) / made.fps)):
        own = filled(made.frames[n], *size) if cut else fitted(made.frames[n], *size)
        pair = [own, filled(ground, *size)]
        made.frames[n] = np.concatenate(pair if first else pair[::-1], axis)
    return made


def filled(frame: Frame, width: int, height: int) -> Frame:
    """Its middle, as large as that fills the box."""
    h, w = frame.shape[:2]
    k = max(width / w, height / h)
    large = cv2.resize(frame, (max(width, round(w * k)), max(height, round(h * k))), interpolation=cv2.INTER_AREA)
    y, x = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return large[y : y + height, x : x + width]


def four(m: Material) -> Made:
    """Two works and two foreign films, in a square of four."""
    parts = [m.excerpt(6.0), m.excerpt(6.0)]
    n = min(len(p.frames) for p in parts)
    grounds = [m.other(n / 25.0), m.other(n / 25.0)]
    order = m.rng.permutation(4)
    rows = []
    for i in range(n):
        cells = [fitted(f, 240, 136) for f in (parts[0].frames[i], parts[1].frames[i], grounds[0][i], grounds[1][i])]
        cells = [cells[k] for k in order]
        rows.append(np.vstack([np.hstack(cells[:2]), np.hstack(cells[2:])]))
    works = [
        e
        | {
            "output_span": (0.0, n / 25.0),
            "work_span": (e["work_span"][0], e["work_span"][0] + n / 25.0),
        }
        for p in parts
        for e in p.works
    ]
    return Made(rows, 25.0, works)


def reaction(m: Material) -> Made:
    """A face-cam over the film: foreign pictures in a corner, up to a ninth of it."""
    made, k = m.excerpt(7.0), m.rng.uniform(0.25, 0.4)
    bottom, right = m.rng.integers(0, 2, 2)
    for n, face in enumerate(m.other(len(made.frames) / made.fps)):
        out = made.frames[n].copy()
        h, w = out.shape[:2]
        small = filled(face, round(w * k), round(h * k))
        y, x = bottom * (h - small.shape[0]), right * (w - small.shape[1])
        out[y : y + small.shape[0], x : x + small.shape[1]] = small
        made.frames[n] = out
    return made


def blended(m: Material) -> Made:
    """At 50 or 60 frames a second, each between two."""
    made = m.excerpt(6.0, fps=float(m.rng.choice([50.0, 60.0])))
    made.frames = [
        cv2.addWeighted(a, 0.5, b, 0.5, 0) for a, b in zip(made.frames, made.frames[2:] + made.frames[-2:], strict=True)
    ]
    return made


def coarse(m: Material) -> Made:
    """144p or 240p at crf 35 to 45."""
    made, long = m.excerpt(8.0), int(m.rng.choice([256, 320]))
    made.frames = [fitted(f, long, round(long * f.shape[0] / f.shape[1] / 2) * 2) for f in made.frames]
    made.crf = int(m.rng.integers(35, 46))
    return made


def fast(m: Material, edit: Callable[[Rng], Edit] = as_it_is) -> Made:
    """At half to double speed."""
    speed = float(np.exp(m.rng.uniform(np.log(0.5), np.log(2.0))))
    return edited(m.excerpt(7.0, speed=speed, least_s=4.0), edit(m.rng))


def inserted(m: Material) -> Made:
    """Two seconds inside foreign pictures."""
    around = [Made(m.other(float(m.rng.uniform(3, 6)))) for _ in "ab"]
    return joined([around[0], m.excerpt(2.0), around[1]])


def shuffled(m: Material) -> Made:
    """Two to four stretches of one work in another order."""
    work = m.work(9.0)
    step = float(m.rng.uniform(1.8, 3.0))
    count = min(4, int(m.registered_s(work) / step))
    starts = step * m.rng.permutation(int(m.registered_s(work) / step))[:count]
    # Two that follow each other as in the work would be one stretch.
    while (np.abs(np.diff(starts) - step) < 1e-6).any():
        starts = m.rng.permutation(starts)
    parts = []
    for start in starts.tolist():
        frames = pictures(m.paths[work], start, step, 25.0)
        parts.append(Made(frames, 25.0, [entry(work, (0.0, len(frames) / 25), (start, start + len(frames) / 25))]))
    return joined(parts)


def loop(m: Material) -> Made:
    one = m.excerpt(float(m.rng.uniform(1.5, 4)))
    return joined([one] * int(m.rng.integers(2, 5)))


def compilation(m: Material) -> Made:
    """Several works, one of them twice, and something foreign between."""
    parts = [m.excerpt(float(m.rng.uniform(2, 4.5))) for _ in range(int(m.rng.integers(3, 6)))]
    parts.insert(int(m.rng.integers(1, 3)), Made(m.other(3.0)))
    return joined([*parts, parts[0]])


def still(m: Material, edit: Callable[[Rng], Edit], long: int) -> Made:
    made = m.excerpt(0.04, fps=25.0)
    second = made.works[0]["work_span"][0]
    frame = np.ascontiguousarray(edit(m.rng)(made.frames[0], 0.0))
    k = long / max(frame.shape[:2])
    frame = cv2.resize(frame, (round(frame.shape[1] * k), round(frame.shape[0] * k)), interpolation=cv2.INTER_AREA)
    made.works[0] |= {"output_span": None, "work_span": (second, second)}
    return Made([frame], 1.0, made.works, str(m.rng.choice([".jpg", ".png", ".webp"])))


def sound_alone(m: Material) -> Made:
    works = [w for w in ("f001", "f002", "f003", "f004", "f006", "f017", "f031") if m.registered_s(w) > 8]
    work = str(m.rng.choice(works))
    start = float(m.rng.uniform(0, m.registered_s(work) - 7.0))
    return Made([], 25.0, [entry(work, (0.0, 7.0), (start, start + 7.0))], ".mp3", sound=(str(m.paths[work]), start))


def song_under(m: Material) -> Made:
    start = float(m.rng.uniform(0, 50))
    works = [entry(SONG, (0.0, 8.0), (start, start + 8.0))]
    return Made(m.other(8.0), 25.0, works, sound=(str(m.paths[SONG]), start))


def other_half(m: Material, edit: Callable[[Rng], Edit] = as_it_is) -> Made:
    """Of a film of which the first half is registered, the second."""
    work = str(m.rng.choice(HALVED))
    half = m.length[work] / 2
    seconds = min(8.0, half)
    # A second is left between the halves, so that no picture is on both sides of the cut.
    start = min(half + 1.0, m.length[work] - 1.0) + float(m.rng.uniform(0, max(0.0, half - seconds - 1.0)))
    return edited(Made(pictures(m.paths[work], start, min(seconds, m.length[work] - start), 25.0)), edit(m.rng))


def foreign(m: Material) -> Made:
    """Foreign pictures with any of the edits, filters included."""
    pool = [*PLAIN.values(), *RESTYLED.values(), vertical]
    return edited(Made(m.other(6.0)), pool[int(m.rng.integers(len(pool)))](m.rng))


def foreign_still(m: Material) -> Made:
    frame = m.other(0.5)[-1]
    frame = np.ascontiguousarray(both(crop, mirror)(m.rng)(frame, 0.0))
    return Made([cv2.resize(frame, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)], 1.0, [], ".jpg")


def foreign_mix(m: Material) -> Made:
    a, b = m.other(6.0), m.other(6.0)
    return Made([np.hstack([filled(x, 240, 200), filled(y, 240, 200)]) for x, y in zip(a, b, strict=True)])


Maker = Callable[[Material], Made]
KINDS: dict[str, Maker] = {
    "robustness/coarse": coarse,
    "robustness/frame-rate": lambda m: m.excerpt(7.0, fps=float(m.rng.choice([10, 12, 15, 24, 48, 60]))),
    "robustness/frame-blend": blended,
    "robustness/speed": fast,
    "robustness/speed+mirror": lambda m: fast(m, mirror),
    "robustness/speed+crop": lambda m: fast(m, crop),
    "robustness/reversed": lambda m: m.excerpt(7.0, speed=-1.0, least_s=3.0),
    "robustness/gif": lambda m: encoded(m.excerpt(5.0, fps=10.0), ".gif"),
    "temporal/excerpt-2s": lambda m: m.excerpt(2.0),
    "temporal/inserted-2s": inserted,
    "temporal/shuffled": shuffled,
    "temporal/loop": loop,
    "temporal/compilation": compilation,
    "mixing/inset": lambda m: inset(m, 0.2, 0.45),
    "mixing/side-by-side": side_by_side,
    "mixing/2x2": four,
    "mixing/reaction": reaction,
    "mixing/vertical": lambda m: edited(m.excerpt(7.0), vertical(m.rng)),
    "cross-media/still": lambda m: still(m, as_it_is, 320),
    "cross-media/still-crop": lambda m: still(m, crop, 300),
    "cross-media/still-crop-small": lambda m: still(m, crop, 150),
    "cross-media/still-mirror-crop": lambda m: still(m, both(crop, mirror), 240),
    "cross-media/still-grey-small": lambda m: still(m, gray, 120),
    "cross-media/sound": sound_alone,
    "cross-media/song": song_under,
    "negative/foreign": foreign,
    "negative/foreign-still": foreign_still,
    "negative/foreign-mix": foreign_mix,
    "negative/other-half": other_half,
    "negative/other-half-edited": lambda m: other_half(m, list(PLAIN.values())[int(m.rng.integers(len(PLAIN)))]),
    "negative/other-half-restyled": lambda m: other_half(m, list(RESTYLED.values())[int(m.rng.integers(len(RESTYLED)))]),
    **{f"robustness/{n}": lambda m, d=d: edited(m.excerpt(6.0), d(m.rng)) for n, d in PLAIN.items()},
    **{f"remake/{n}": lambda m, d=d: edited(m.excerpt(7.0, least_s=2.5), d(m.rng), "remake") for n, d in RESTYLED.items()},
}


def encoded(made: Made, suffix: str) -> Made:
    made.suffix = suffix
    return made
