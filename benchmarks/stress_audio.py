"""Edits that the audio lineup does not hold, made from its works: `python benchmarks/stress_audio.py [--seed 1] [--each 6]`.

Renders a lineup folder (truth.json, works.csv, credits.csv, works, outputs) under benchmarks/.cache/stress-audio-SEED with
random parameters, scans it as lab.py does and prints the lineup's figures with recall by kind, and what score.py leaves
out: how far the spans' edges are off on copies, and how far `scale` is off. Negatives are edits of the lineup's own.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import stress_audio_edits as edit
from lab import ROOT, SHARED, load_lineup, stressed
from stress_audio_edits import RATE, Sound

LINEUP = SHARED / "audio"
SPEECH = ("a009", "a010", "a011", "a041", "a042", "a103")
SAME = {"a040", "a104", "a089", "a090", "a091"}
"""Works that hold each other's content: what is cut from one is in the other too."""
QUIET = 0.1
"""A cut must be this loud beside the whole work: a rest of four seconds is nobody's."""
EDGE_S, SCALE = 0.5, 0.01
"""The bars: seconds by which an edge may be off (median), share by which the scale may be off."""

Edit = Callable[[Sound, np.random.Generator], tuple[Sound, float]]


@dataclass
class Studio:
    """The works' sounds, read once, and the dice."""

    dice: np.random.Generator
    paths: dict[str, Path]
    _sounds: dict[Path, Sound] = field(default_factory=dict)

    def sound(self, path: Path) -> Sound:
        if path not in self._sounds:
            self._sounds[path] = edit.read(path)
        return self._sounds[path]

    def cut(self, seconds: float, stereo: bool = False, among: tuple[str, ...] = ()) -> tuple[str, float, Sound]:
        """Work, start in seconds and float32[2, n] of a random cut that can be heard."""
        while True:
            work = str(self.dice.choice(among or [w for w in self.paths if w not in SAME]))
            whole = self.sound(self.paths[work])
            length = int(seconds * RATE)
            if whole.shape[1] < length:
                continue
            start = int(self.dice.integers(0, whole.shape[1] - length + 1))
            piece = whole[:, start : start + length]
            side = edit.loudness(piece[0] - piece[1]) / edit.loudness(piece[0] + piece[1])
            if edit.loudness(piece) > QUIET * edit.loudness(whole) and (not stereo or side > 0.2):
                return work, start / RATE, piece


def entry(work: str, spans: list[list[float]], there: list[list[float]], scale: float = 1.0) -> dict:
    """One work of one output, as truth.json has it, and the scale."""
    return {"work_id": work, "relation": "copy", "output_span": spans, "work_span": there, "scale": scale}


def same(change: Callable[[Sound, np.random.Generator], Sound]) -> Edit:
    """An edit that leaves time as it is."""
    return lambda sound, dice: (change(sound, dice), 1.0)


def off(dice: np.random.Generator, least: float, most: float) -> float:
    """A factor that is off 1 by between `least` and `most`, up or down."""
    return 1 + float(dice.uniform(least, most) * dice.choice([-1, 1]))


def retimed(sound: Sound, dice: np.random.Generator) -> tuple[Sound, float]:
    factor = off(dice, 0.03, 0.2)
    return edit.tempo(sound, factor, bool(dice.integers(2))), factor


def repitched(sound: Sound, dice: np.random.Generator) -> tuple[Sound, float]:
    return edit.pitch(sound, off(dice, 0.02, 0.2), bool(dice.integers(2))), 1.0


def both(sound: Sound, dice: np.random.Generator) -> tuple[Sound, float]:
    factor = off(dice, 0.03, 0.2)
    return edit.pitch(edit.tempo(sound, factor, False), off(dice, 0.03, 0.2), False), factor


def sped(sound: Sound, dice: np.random.Generator) -> tuple[Sound, float]:
    factor = off(dice, 0.01, 0.1)
    return edit.speed(sound, factor), factor


def backwards(sound: Sound, dice: np.random.Generator) -> tuple[Sound, float]:
    return sound[:, ::-1].copy(), -1.0


def backwards_fast(sound: Sound, dice: np.random.Generator) -> tuple[Sound, float]:
    factor = float(dice.uniform(1.05, 1.2))
    return edit.speed(sound, factor)[:, ::-1].copy(), -factor


def then(first: Edit, second: Callable[[Sound, np.random.Generator], Sound]) -> Edit:
    """Both, one after the other."""

    def done(sound: Sound, dice: np.random.Generator) -> tuple[Sound, float]:
        changed, scale = first(sound, dice)
        return second(changed, dice), scale

    return done


def mp3(sound: Sound, dice: np.random.Generator) -> Sound:
    return edit.coded(sound, "libmp3lame", "mp3", 22050, int(dice.choice([16, 24, 32, 48])) * 1000)


def opus(sound: Sound, dice: np.random.Generator) -> Sound:
    return edit.coded(sound, "libopus", "ogg", 48000, int(dice.uniform(8, 16) * 1000))


def amr(sound: Sound, dice: np.random.Generator) -> Sound:
    return edit.coded(edit.level(sound), "libopencore_amrnb", "amr", 8000, int(dice.choice([7950, 10200, 12200])))


def room(sound: Sound, dice: np.random.Generator) -> Sound:
    return edit.reverb(sound, dice, float(dice.uniform(0.3, 2.5)), float(dice.uniform(0.3, 0.7)))


def white(low: float, high: float) -> Callable[[Sound, np.random.Generator], Sound]:
    return lambda s, d: edit.noise(s, d, float(d.uniform(low, high)), False)


def pink(low: float, high: float) -> Callable[[Sound, np.random.Generator], Sound]:
    return lambda s, d: edit.noise(s, d, float(d.uniform(low, high)), True)


def plain(sound: Sound, dice: np.random.Generator) -> Sound:
    return sound


def panned(sound: Sound, dice: np.random.Generator) -> Sound:
    return sound * np.array([[1.0], [float(dice.uniform(0.05, 0.4))]], np.float32)


FREE = (7.0, 15.0)
"""Seconds of a cut."""
SHORT = (4.0, 4.0)
EDITS: dict[tuple[str, str], tuple[tuple[float, float], bool, Edit]] = {
    ("robustness", "white-noise"): (FREE, False, same(white(2, 12))),
    ("robustness", "white-noise-0dB"): (FREE, False, same(white(0, 0))),
    ("robustness", "pink-noise"): (FREE, False, same(pink(2, 12))),
    ("robustness", "pink-noise-0dB"): (FREE, False, same(pink(0, 0))),
    ("robustness", "telephone"): (FREE, False, same(lambda s, d: edit.telephone(s))),
    ("robustness", "telephone+noise"): (FREE, False, same(lambda s, d: edit.telephone(white(5, 12)(s, d)))),
    ("robustness", "mp3-16k-48k"): (FREE, False, same(mp3)),
    ("robustness", "opus-8k-16k"): (FREE, False, same(opus)),
    ("robustness", "amr"): (FREE, False, same(amr)),
    ("robustness", "hard-clip"): (FREE, False, same(lambda s, d: edit.clipped(s, float(d.uniform(0.1, 0.5))))),
    ("robustness", "compress"): (FREE, False, same(lambda s, d: edit.compressed(s))),
    ("robustness", "eq"): (FREE, False, same(edit.equalized)),
    ("robustness", "reverb"): (FREE, False, same(room)),
    ("robustness", "reverb+noise"): (FREE, False, same(lambda s, d: pink(5, 10)(room(s, d), d))),
    ("robustness", "excerpt-4s"): (SHORT, False, same(plain)),
    ("robustness", "excerpt-4s+mp3"): (SHORT, False, same(lambda s, d: edit.coded(s, "libmp3lame", "mp3", 22050, 32000))),
    ("robustness", "excerpt-4s+noise"): (SHORT, False, same(white(5, 10))),
    ("robustness", "channels-swapped"): (FREE, True, same(lambda s, d: s[::-1].copy())),
    ("robustness", "mid-removed"): (FREE, True, same(lambda s, d: edit.level(np.stack([s[0] - s[1]] * 2)))),
    ("robustness", "side-removed"): (FREE, True, same(lambda s, d: np.stack([s.mean(axis=0)] * 2))),
    ("robustness", "one-channel"): (FREE, True, same(lambda s, d: s * np.array([[1.0], [0.0]], np.float32))),
    ("robustness", "one-inverted"): (FREE, True, same(lambda s, d: s * np.array([[1.0], [-1.0]], np.float32))),
    ("robustness", "panned"): (FREE, True, same(panned)),
    ("robustness", "video-container"): (FREE, False, same(plain)),
    ("robustness", "reversed"): (FREE, False, backwards),
    ("robustness", "reversed-fast"): (FREE, False, backwards_fast),
    ("timepitch", "tempo"): (FREE, False, retimed),
    ("timepitch", "pitch"): (FREE, False, repitched),
    ("timepitch", "tempo+pitch"): (FREE, False, both),
    ("timepitch", "speed"): (FREE, False, sped),
    ("timepitch", "excerpt-4s+tempo"): (SHORT, False, retimed),
    ("timepitch", "excerpt-4s+pitch"): (SHORT, False, repitched),
    ("timepitch", "tempo+noise+mp3"): (FREE, False, then(then(retimed, white(8, 14)), mp3)),
    ("timepitch", "pitch+noise"): (FREE, False, then(repitched, white(8, 14))),
    ("timepitch", "speed+telephone"): (FREE, False, then(sped, lambda s, d: edit.telephone(s))),
    ("timepitch", "tempo+reverb"): (FREE, False, then(retimed, room)),
}
FORMATS = ((".mp3", "libmp3lame", 96_000), (".m4a", "aac", 96_000), (".opus", "libopus", 64_000), (".flac", "flac", 0))

Made = tuple[Sound, list[dict]]


def edited(studio: Studio, lengths: tuple[float, float], stereo: bool, change: Edit) -> Made:
    """One cut of one work under an edit; every third one lies in the middle of silence."""
    work, start, piece = studio.cut(float(studio.dice.uniform(*lengths)), stereo)
    sound, scale = change(piece, studio.dice)
    pad = float(studio.dice.uniform(1, 4)) * (studio.dice.integers(3) == 0)
    length = piece.shape[1] / RATE / abs(scale)
    quiet = np.zeros((2, int(pad * RATE)), np.float32)
    truth = entry(work, [[pad, pad + length]], [[start, start + piece.shape[1] / RATE]], scale)
    return np.concatenate([quiet, sound, quiet], axis=1), [truth]


def looped(studio: Studio) -> Made:
    size = float(studio.dice.uniform(2, 4))
    work, start, piece = studio.cut(size)
    times = int(studio.dice.integers(3, 6))
    spans = [[n * size, (n + 1) * size] for n in range(times)]
    return edit.loop(piece, times), [entry(work, spans, [[start, start + size]] * times)]


def medley(studio: Studio) -> Made:
    pieces, truth, at = [], [], 0.0
    for _ in range(int(studio.dice.integers(3, 7))):
        work, start, piece = studio.cut(float(studio.dice.uniform(4, 7)))
        size = piece.shape[1] / RATE
        truth.append(entry(work, [[at, at + size]], [[start, start + size]]))
        pieces.append(edit.level(piece))
        at += size
    return np.concatenate(pieces, axis=1), truth


def with_gaps(studio: Studio) -> Made:
    """Half a second of silence after every two to three seconds."""
    work, start, piece = studio.cut(12.0)
    pieces, spans, there, at, done = [], [], [], 0.0, 0.0
    while done < 11.9:
        size = min(float(studio.dice.uniform(2, 3)), 12.0 - done)
        pieces += [piece[:, int(done * RATE) : int((done + size) * RATE)], np.zeros((2, RATE // 2), np.float32)]
        spans.append([at, at + size])
        there.append([start + done, start + done + size])
        at, done = at + size + 0.5, done + size
    return np.concatenate(pieces, axis=1), [entry(work, spans, there)]


def shuffled(studio: Studio) -> Made:
    """Three-second pieces in another order."""
    work, start, piece = studio.cut(15.0)
    order = studio.dice.permutation(5)
    there = [[start + 3.0 * n, start + 3.0 * n + 3.0] for n in order.tolist()]
    spans = [[3.0 * n, 3.0 * n + 3.0] for n in range(5)]
    return np.concatenate([piece[:, 3 * n * RATE : 3 * (n + 1) * RATE] for n in order], axis=1), [entry(work, spans, there)]


def two_at_once(studio: Studio) -> Made:
    return over(studio, float(studio.dice.uniform(-3, 3)), ())


def over(studio: Studio, decibels: float, voices: tuple[str, ...]) -> Made:
    """A work `decibels` above another one, or above one of `voices`."""
    work, start, piece = studio.cut(12.0)
    other, begins, below = studio.cut(12.0, among=voices)
    if other == work:
        return over(studio, decibels, voices)
    truth = [entry(w, [[0.0, 12.0]], [[s, s + 12.0]]) for w, s in ((work, start), (other, begins))]
    return edit.mixed(piece, below, decibels), truth


MIXES: dict[tuple[str, str], Callable[[Studio], Made]] = {
    ("mixing", "loop"): looped,
    ("mixing", "medley"): medley,
    ("mixing", "gaps"): with_gaps,
    ("mixing", "shuffled"): shuffled,
    ("mixing", "two-at-once"): two_at_once,
    ("mixing", "under-speech+6dB"): lambda studio: over(studio, 6.0, SPEECH),
    ("mixing", "under-speech+0dB"): lambda studio: over(studio, 0.0, SPEECH),
    ("mixing", "under-speech-6dB"): lambda studio: over(studio, -6.0, SPEECH),
}


def negatives(studio: Studio) -> list[tuple[str, Sound]]:
    """(kind, sound): every negative of the lineup under two random edits."""
    truth = json.loads((LINEUP / "truth.json").read_text(encoding="utf-8"))["outputs"]
    made = []
    for o in (o for o in truth if not o["works"]):
        whole = studio.sound(LINEUP / o["path"])
        for _ in range(2):
            (_, name), (lengths, _, change) = list(EDITS.items())[int(studio.dice.integers(len(EDITS)))]
            length = min(int(studio.dice.uniform(*lengths) * RATE), whole.shape[1])
            start = int(studio.dice.integers(0, whole.shape[1] - length + 1))
            made.append((f"{o['kind']}/{name}", change(whole[:, start : start + length], studio.dice)[0]))
    return made


def render(folder: Path, seed: int, each: int) -> None:
    """Write the lineup."""
    (folder / "outputs").mkdir(parents=True)
    for name in ("works.csv", "credits.csv", "works"):
        (folder / name).symlink_to(LINEUP / name)
    rows = csv.DictReader((LINEUP / "works.csv").open(encoding="utf-8"))
    studio = Studio(np.random.default_rng(seed), {r["work_id"]: LINEUP / r["path"] for r in rows})
    made: list[tuple[str, str, Sound, list[dict]]] = []
    truth: list[dict] = []
    for (group, kind), how in EDITS.items():
        made += [(group, kind, *edited(studio, *how)) for _ in range(each)]
    for (group, kind), mix in MIXES.items():
        made += [(group, kind, *mix(studio)) for _ in range(each)]
    made += [("negative", kind, sound, []) for kind, sound in negatives(studio)]
    for number, (group, kind, sound, works) in enumerate(made):
        suffix, codec, bits = (".mp4", "aac", 64_000) if kind == "video-container" else FORMATS[number % len(FORMATS)]
        path = folder / "outputs" / f"s{number:03}{suffix}"
        edit.write(path, sound, codec, 48000 if codec == "libopus" else RATE, bits)
        truth.append({"path": f"outputs/{path.name}", "kind": kind, "group": group, "works": works})
    (folder / "truth.json").write_text(json.dumps({"outputs": truth}, indent=1))


def scan(folder: Path, jobs: int, only: str) -> list[dict]:
    """One JSON report for each output, candidates included."""
    from matcher.report import as_json
    from matcher.scan import scan_media

    index, outputs = load_lineup("audio", jobs, only, folder)
    return [as_json(scan_media(path, media, index), candidates=True) for path, media in outputs]


def errors(truth: dict, lines: list[dict]) -> tuple[list[tuple], list[tuple]]:
    """(kind, path, work, start error s, end error s) of every stretch listed, (kind, path, work, relative scale error)."""
    edges, scales = [], []
    for line in lines:
        o = truth[line["output"]]
        segments = {m["work"]: m["segments"] for m in line["matches"] if not m.get("candidate") and m["relation"] == "copy"}
        for w in (w for w in o["works"] if w["work_id"] in segments):
            about = (o["kind"], o["path"], w["work_id"])
            own = segments[w["work_id"]]
            longest = max(own, key=lambda s: s["output"][1] - s["output"][0])
            scales.append((*about, abs(longest["scale"] / w["scale"] - 1)))
            for a, b in w["output_span"]:
                inside = [s["output"] for s in own if min(b, s["output"][1]) - max(a, s["output"][0]) > 0.5]
                if inside:
                    edges.append((*about, abs(min(s[0] for s in inside) - a), abs(max(s[1] for s in inside) - b)))
    return edges, scales


def tell(truth: dict, lines: list[dict]) -> bool:
    """Print the edges and scales and the worst of them; True when both bars are met."""
    edges, scales = errors(truth, lines)
    start, end = (np.array([e[column] for e in edges]) for column in (3, 4))
    right = float(np.mean([s[3] <= SCALE for s in scales]))
    for name, off_s in (("start", start), ("end", end)):
        inside = float(np.mean(off_s <= EDGE_S))
        print(f"{name} off: median {np.median(off_s):.3f} s (bar {EDGE_S}), within the bar {inside:.3f} of {len(off_s)}")
    print(f"scale within {SCALE:.0%}: {right:.3f} of {len(scales)}, median {np.median([s[3] for s in scales]):.5f}")
    print("worst edges", *sorted(edges, key=lambda e: -max(e[3:]))[:12], sep="\n  ")
    print("worst scales", *sorted(scales, key=lambda s: -s[3])[:12], sep="\n  ")
    return bool(max(np.median(start), np.median(end)) <= EDGE_S and np.median([s[3] for s in scales]) <= SCALE)


def main() -> None:
    folder, lines = stressed("audio", __doc__.split("\n\n")[0], render, scan)
    truth = {o["path"]: o for o in json.loads((folder / "truth.json").read_text())["outputs"]}
    if not tell(truth, lines):
        sys.exit(1)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
