"""Write matcher/calibration.json from the dev lineups and thousands of extra negatives: `python benchmarks/calibrate.py`.

Positives and hard negatives are the lineups' pairs. Extra negatives are cuts of registered works, scanned as if the work
itself were not registered: whatever they name is wrong. For line media a cut is made of the probes' columns; stills are
cropped and probed again. Two registered works that really share content (twins, a film and its song) are left out.

For each scheme and relation: strength -> log10 likelihood ratio by logistic regression over the pairs that drew evidence,
the classes weighted alike (Brümmer & du Preez, Computer Speech & Language 2006), plus log10 of how much oftener a true
pair draws evidence at all than a false one; capped at what the number of false pairs can support.
For each medium and relation: the least score at which none of the negatives is falsely named, and never less
than outweighs the odds against any one work (1 in as many as are registered) thirty times.

What the scans drew is kept in benchmarks/.cache, so that `--again` fits it anew without scanning.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import math
import multiprocessing
import random
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from lab import CACHE, ROOT, SHARED, cached, code_version, load_lineup
from scipy.optimize import minimize

from fingerprint import schemes, tick_of
from fingerprint.features import Media, Part, cut
from matcher.attribute import attribute
from matcher.calibration import FILE, Calibration, Mapping
from matcher.find import findings
from registry.memory import MemoryIndex

NEUTRAL = Calibration({}, {}, -1e9)
CUTS = {"audio": (4.0, 16.0), "film": (2.0, 10.0), "text": (200.0, 4000.0)}
STILLS = 200  # stills cut out of films
RELATED = ({"a040", "a104"}, {"a089", "a090", "a091"}, {"t067", "t095"}, {"t007", "t095"}, {"t050", "t165"})
"""Works of the lineups that hold each other's content: readings of one speech corpus, one jingle in three lengths, two novels
that quote Hamlet, and two stories of one author with one sentence of 18 words."""
SAME_PICTURE = 6.0
"""Above this a still of the stills' lineup that draws a film shows the film's own picture: many films are made of these stills.
What lies below is counted as chance, to be careful; the two that there were when it was looked at show the film's picture too."""
FEW, CAREFUL = 5, 2.5
"""With fewer false pairs than that a fit would trust any evidence: one of this strength is added, as if it had been seen."""
ALLOWED = 1 / 1000
MARGIN = 0.5
"""Kept above the worst negative of the lineup, in log10 units: unseen media are not the seen ones."""
ABOVE_ALL = 0.05
"""Kept above the worst of all negatives: none that was seen is named."""
BEYOND_ODDS = 1.5
"""log10 of how far the evidence must outweigh the odds against any one work."""


def cut_part(part: Part, start: float, end: float) -> Part:
    """The stretch [start, end) of a line part, in its own unit, moved to begin at 0."""
    pieces = []
    for f in part.fingerprints:
        tick = tick_of(part, schemes()[f.scheme])
        piece = cut(f, start / tick, end / tick)
        pieces.append(dataclasses.replace(piece, positions=(piece.positions - round(start / tick)).astype(np.int32)))
    return Part(part.medium, (end - start,), tuple(pieces))


def pairs(name: str, media: Media, index: MemoryIndex, without: frozenset[str]) -> list[dict]:
    """Every (output, work) pair that got evidence: work, and its best summed strength by scheme and relation."""
    rows = []
    for match in attribute(findings(media, index, without), media.parts, NEUTRAL, 1):
        sums: dict[str, float] = defaultdict(float)
        for part, e in match.segments:
            sums[f"{media.parts[part].medium}/{e.scheme}/{e.relation}"] += e.strength
        rows.append({"output": name, "work": match.work_id, "strengths": dict(sums)})
    return rows


@dataclasses.dataclass
class Bench:
    """What the worker processes inherit: the index, whose content is whose, and the works' paths or probes."""

    medium: str
    index: MemoryIndex
    same: dict[str, set[str]]
    paths: list[tuple[str, str]]
    probes: list[tuple[str, Media]]
    version: str


BENCH: Bench


def extra_pairs(bench: Bench, wanted: int, jobs: int) -> list[list[dict]]:
    """Pairs drawn by `wanted` cuts of works, each scanned without its own work; one list a cut."""
    global BENCH
    BENCH = bench
    draw = {"audio": drawn_by_sound, "image": drawn_by_still, "text": drawn_by_text}.get(bench.medium, drawn_by_columns)
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        return [found for found in pool.map(draw, range(wanted), chunksize=16) if found is not None]


def without(work: str) -> frozenset[str]:
    """The work and those that hold the same content."""
    return frozenset({work} | BENCH.same.get(work, set()))


def drawn_by_columns(number: int) -> list[dict] | None:
    """A cut of the columns of a work's probes."""
    dice = random.Random(f"{BENCH.medium}{number}")
    least, most = CUTS[BENCH.medium]
    long_enough = [(w, m) for w, m in BENCH.probes if m.parts and m.extent[0] > least]
    work, media = dice.choices(long_enough, [math.sqrt(m.extent[0]) for _, m in long_enough])[0]
    size = min(dice.uniform(least, most), media.extent[0])
    start = dice.uniform(0, media.extent[0] - size)
    parts = tuple(cut_part(p, start, start + size) for p in media.parts if p.medium == BENCH.medium)
    return pairs(f"cut{number}:{work}", dataclasses.replace(media, parts=parts), BENCH.index, without(work))


def drawn_by_text(number: int) -> list[dict] | None:
    """A cut of a work's text, looked up as a short text is; what its sentences mean is cut out of what the whole text gave."""
    from fingerprint import text
    from fingerprint.documents import Document, read_document

    dice = random.Random(f"text{number}")
    least, most = CUTS["text"]
    long_enough = [(w, m) for w, m in BENCH.probes if m.parts and m.extent[0] > least]
    work, media = dice.choices(long_enough, [math.sqrt(m.extent[0]) for _, m in long_enough])[0]
    words = read_document(Path(dict(BENCH.paths)[work])).words
    size = min(int(dice.uniform(least, most)), len(words))
    start = dice.randint(0, len(words) - size)
    text.installed = lambda: False
    part = text.probes(Document(*2 * [words[start : start + size]]))
    meant = [cut(f, start, start + size) for f in media.parts[0].fingerprints if f.scheme == text.text_meaning.MEANING]
    meant = [dataclasses.replace(f, positions=(f.positions - start).astype(np.int32)) for f in meant]
    media = Media("text", "", (dataclasses.replace(part, fingerprints=(*part.fingerprints, *meant)),))
    return pairs(f"cut{number}:{work}", media, BENCH.index, without(work))


def drawn_by_sound(number: int) -> list[dict] | None:
    """A cut of a work's sound; every second one is played faster or slower, or under noise."""
    from fingerprint.audio import AUDIO
    from fingerprint.audio_decode import RATE, Sound, decode

    dice = random.Random(f"audio{number}")
    work, path = dice.choice(BENCH.paths)
    sound = np.concatenate([block.mean(axis=0) for block in decode(Path(path)).blocks])
    least, most = CUTS["audio"]
    size = min(int(dice.uniform(least, most) * RATE), len(sound))
    start = dice.randint(0, len(sound) - size)
    cut_sound = sound[start : start + size]
    if number % 2:
        speed = dice.uniform(0.85, 1.18)
        cut_sound = np.interp(np.arange(0, size - 1, speed), np.arange(size), cut_sound)
    if number % 4 == 3:
        noise = np.random.default_rng(number).standard_normal(len(cut_sound))
        cut_sound = cut_sound + noise * cut_sound.std() * dice.uniform(0.1, 0.8)
    part = AUDIO.probes(Sound(Path(path), iter([cut_sound.astype(np.float32)[None]])))
    return pairs(f"cut{number}:{work}", Media("audio", "", (part,)), BENCH.index, without(work))


def drawn_by_still(number: int) -> list[dict] | None:
    """A crop of a still, saved as JPEG."""
    import cv2

    dice = random.Random(f"image{number}")
    work, path = BENCH.paths[number % len(BENCH.paths)]
    picture = cv2.imread(path)
    if picture is None:
        return None
    h, w = picture.shape[:2]
    share = dice.uniform(0.35, 1.0)
    ch, cw = max(16, int(h * share)), max(16, int(w * min(1.0, share * dice.uniform(0.8, 1.25))))
    y, x = dice.randint(0, h - ch), dice.randint(0, w - cw)
    where = CACHE / f"crop-{number}-{BENCH.version}.jpg"
    CACHE.mkdir(exist_ok=True)
    cv2.imwrite(str(where), picture[y : y + ch, x : x + cw], [cv2.IMWRITE_JPEG_QUALITY, dice.choice([40, 60, 80, 95])])
    media = cached(("probe", str(where), BENCH.version))
    where.unlink()
    return pairs(f"crop{number}:{work}", media, BENCH.index, without(work)) if isinstance(media, Media) else None


def drawn_by_film_still(number: int) -> list[dict] | None:
    """A part of a frame of a registered film, mostly shrunk, saved as JPEG; what it draws of its own film is true."""
    import cv2

    dice = random.Random(f"film still{number}")
    work, path = BENCH.paths[number % len(BENCH.paths)]
    reader = cv2.VideoCapture(path)
    reader.set(cv2.CAP_PROP_POS_FRAMES, dice.randint(0, max(0, int(reader.get(cv2.CAP_PROP_FRAME_COUNT)) - 1)))
    good, picture = reader.read()
    if not good:
        return None
    h, w = picture.shape[:2]
    share = dice.uniform(0.55, 0.95)
    y, x = dice.randint(0, h - int(share * h)), dice.randint(0, w - int(share * w))
    part = picture[y : y + int(share * h), x : x + int(share * w)]
    scale = dice.uniform(0.5, 1.0)
    return probed_still(f"still{number}:{work}", cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def probed_still(name: str, picture: np.ndarray) -> list[dict]:
    """Pairs that a picture draws, saved as JPEG."""
    import cv2

    where = CACHE / f"{name.replace(':', '-')}-{BENCH.version}.jpg"
    cv2.imwrite(str(where), picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    media = cached(("probe", str(where), BENCH.version))
    where.unlink()
    return pairs(name, media, BENCH.index, frozenset()) if isinstance(media, Media) else []


def drawn_by_foreign_still(path: str) -> list[dict]:
    """Pairs that a still of the stills' lineup draws of registered films."""
    media = cached(("probe", path, BENCH.version))
    return pairs(path, media, BENCH.index, frozenset()) if isinstance(media, Media) else []


def stills_of_films(index: MemoryIndex, jobs: int, data: dict) -> None:
    """The mapping of a still's points on films: parts of film frames against the stills of the stills' lineup."""
    import csv

    global BENCH
    name = "image/film.local.2/copy"
    films = [
        (r["work_id"], str(SHARED / "film" / r["path"]))
        for r in csv.DictReader((SHARED / "film" / "works.csv").open(encoding="utf-8"))
        if r["medium"] == "film"
    ]
    foreign = [str(p) for folder in ("works", "outputs") for p in sorted((SHARED / "image" / folder).iterdir())]
    BENCH = Bench("image", index, {}, films, [], code_version(("film", "audio", "image", "text", "documents")))
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        own = [found for found in pool.map(drawn_by_film_still, range(STILLS), chunksize=8) if found is not None]
        others = list(pool.map(drawn_by_foreign_still, foreign, chunksize=16))
    (CACHE / "pairs-stills-of-films.json").write_text(json.dumps({"own": own, "others": others}))
    positive = [r["strengths"][name] for f in own for r in f if r["output"].endswith(f":{r['work']}") and name in r["strengths"]]
    shown = sorted(
        ((r["strengths"][name], r["output"], r["work"]) for f in others for r in f if name in r["strengths"]), reverse=True
    )
    print(f"{name}: {len(positive)} of {len(own)} parts of frames; foreign stills that draw films: {shown[:20]}")
    same = {(o, w) for s, o, w in shown if s > SAME_PICTURE}
    negative = [s for s, o, w in shown if (o, w) not in same]
    false_pairs = len(foreign) * len(films)
    if positive:
        data["mappings"][name] = mapping(name, np.array(positive), np.array([*negative, 0.0]), len(own), false_pairs)


def fit(positive: np.ndarray, negative: np.ndarray) -> tuple[float, float]:
    """slope and intercept of log10 LR over strength: logistic regression with both classes weighted alike."""

    def loss(p: np.ndarray) -> float:
        z_pos, z_neg = p[0] * positive + p[1], p[0] * negative + p[1]
        return float(np.logaddexp(0, -z_pos).mean() + np.logaddexp(0, z_neg).mean() + 1e-3 * (p[0] - math.log(10)) ** 2)

    best = minimize(loss, np.array([math.log(10), -2.0]), method="Nelder-Mead")
    slope, intercept = best.x / math.log(10)
    return float(np.clip(slope, 0.05, 3.0)), float(intercept)


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("--media", nargs="+", default=["audio", "film", "image", "text"])
    ap.add_argument("--negatives", type=int, default=5000)
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--again", action="store_true", help="fit what the last run scanned")
    ap.add_argument("--dry", action="store_true", help="print, do not write calibration.json")
    a = ap.parse_args()
    data = json.loads(FILE.read_text())
    for medium in a.media:
        calibrate(medium, a.negatives, a.jobs, a.again, data)
        if medium == "film" and not a.again:
            stills_of_films(load_lineup("film", a.jobs, "nothing at all")[0], a.jobs, data)
    data["date"] = datetime.date.today().isoformat()
    if not a.dry:
        FILE.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")


def registered_media(medium: str, version: str) -> tuple[list[tuple[str, str]], list[tuple[str, Media]]]:
    """(work, path) of the lineup, and (work, probes of its own file) for line media."""
    import csv

    rows = [
        (r["work_id"], str(SHARED / medium / r["path"]))
        for r in csv.DictReader((SHARED / medium / "works.csv").open(encoding="utf-8"))
    ]
    if medium in ("image", "audio"):
        return rows, []
    with ProcessPoolExecutor(2) as pool:
        probes = list(pool.map(cached, [("probe", path, version) for _, path in rows], chunksize=4))
    return rows, [(w, p) for (w, _), p in zip(rows, probes, strict=True) if isinstance(p, Media)]


def scanned(medium: str, wanted: int, jobs: int, truth: dict) -> dict:
    """Pairs that the lineup's outputs and the extra negatives drew, kept in the cache as well."""
    index, outputs = load_lineup(medium, jobs)
    media_names = {
        "film": ("film", "audio", "image", "text", "documents"),
        "audio": ("audio", "film"),
        "image": ("image", "film"),
        "text": ("text", "documents"),
    }
    rows, works = registered_media(medium, code_version(media_names[medium]))
    drawn = {path: pairs(path, media, index, frozenset()) for path, media in outputs if isinstance(media, Media)}
    bench = Bench(medium, index, shared_content(truth), rows, works, code_version(media_names[medium]))
    extra = extra_pairs(bench, wanted, jobs)
    kept = {"works": index.works_count(), "drawn": drawn, "extra": extra}
    (CACHE / f"pairs-{medium}.json").write_text(json.dumps(kept))
    return kept


def calibrate(medium: str, wanted: int, jobs: int, again: bool, data: dict) -> None:
    """Fit one medium and put its mappings and thresholds into `data`."""
    truth = {o["path"]: o for o in json.loads((SHARED / medium / "truth.json").read_text())["outputs"]}
    kept = json.loads((CACHE / f"pairs-{medium}.json").read_text()) if again else scanned(medium, wanted, jobs, truth)
    drawn, extra, works = kept["drawn"], kept["extra"], kept["works"]
    positive, negative = strengths(drawn, extra, truth)
    true_pairs = sum(len({w["work_id"] for w in o["works"]}) for o in truth.values())
    false_pairs = (len(drawn) + len(extra)) * works
    names = sorted(n for n in positive.keys() | negative.keys() if n.startswith(f"{medium}/"))
    data["mappings"] = {n: m for n, m in data["mappings"].items() if not n.startswith(f"{medium}/") or _of_extra(n, names)}
    for name in names:
        unseen = [0.0] if len(negative[name]) >= FEW else [0.0, CAREFUL]
        pair = np.array(positive[name] or [12.0]), np.array([*negative[name], *unseen])
        data["mappings"][name] = mapping(name, *pair, true_pairs, false_pairs)
    thresholds(medium, drawn, extra, truth, data, works)


def _of_extra(name: str, drawn: list[str]) -> bool:
    """Whether a mapping is of a scheme that only an extra makes, and that extra is not installed here: then it stays."""
    return schemes()[name.split("/")[1]].optional and name not in drawn


def strengths(drawn: dict, extra: list[list[dict]], truth: dict) -> tuple[dict, dict]:
    """Strengths of true and of false pairs by scheme and relation."""
    positive, negative = defaultdict(list), defaultdict(list)
    for path, found in drawn.items():
        want = {w["work_id"] for w in truth[path]["works"]}
        for row in found:
            for name, strength in row["strengths"].items():
                (positive if row["work"] in want else negative)[name].append(strength)
    for row in (row for found in extra for row in found):
        for name, strength in row["strengths"].items():
            negative[name].append(strength)
    return positive, negative


def mapping(name: str, positive: np.ndarray, negative: np.ndarray, true_pairs: int, false_pairs: int) -> dict[str, float]:
    """The entry of calibration.json for one scheme and relation."""
    slope, intercept = fit(positive, negative)
    oftener = math.log10((len(positive) / true_pairs) / (len(negative) / false_pairs))
    print(
        f"{name}: slope {slope:.3f} intercept {intercept:.3f} + {oftener:.3f}; {len(positive)} true, {len(negative)} false; "
        f"worst false {np.sort(negative)[-3:].round(2)}, true quantiles {np.quantile(positive, [0.02, 0.1, 0.5]).round(2)}"
    )
    return {
        "slope": round(slope, 4), "intercept": round(intercept + oftener, 4), "cap": round(math.log10(false_pairs), 2),
        "positives": len(positive), "negatives": len(negative), "false_pairs": false_pairs,
    }  # fmt: skip


def shared_content(truth: dict) -> dict[str, set[str]]:
    """Works that one true output names together on the same stretch: they hold the same content."""
    same: dict[str, set[str]] = defaultdict(set)
    for o in truth.values():
        spans = [(w["work_id"], w.get("output_span")) for w in o["works"]]
        for a, span_a in spans:
            for b, span_b in spans:
                if a != b and span_a and span_a == span_b:
                    same[a].add(b)
    for group in RELATED:
        for work in group:
            same[work] |= group - {work}
    return same


def thresholds(medium: str, drawn: dict, extra: list[list[dict]], truth: dict, data: dict, works: int) -> None:
    """Least scores to list, by relation, from the best wrong pair of each output."""
    calibration = Calibration({n: Mapping(m["slope"], m["intercept"], m["cap"]) for n, m in data["mappings"].items()}, {}, 0.0)
    for relation in ("copy", "remake"):
        wrong, right = [], []
        for path, found in drawn.items():
            want = {w["work_id"] for w in truth[path]["works"]}
            bad = [s for row in found if row["work"] not in want for s in scores_of(row, relation, calibration)]
            right += [max(s) for row in found if row["work"] in want if (s := scores_of(row, relation, calibration))]
            wrong.append((max(bad, default=-99.0), path))
        worst = max((score for score, path in wrong if not truth[path]["works"]), default=-99.0)
        wrong += [
            (
                max((s for row in found for s in scores_of(row, relation, calibration)), default=-99.0),
                found[0]["output"] + "->" + found[0]["work"] if found else "",
            )
            for found in extra
        ]
        wrong.sort(reverse=True)
        free = int(ALLOWED * len(wrong) / 2)  # half of what is allowed: the rest is for what this data does not show
        least = max(math.log10(works) + BEYOND_ODDS, wrong[free][0] + MARGIN, worst + MARGIN, wrong[0][0] + ABOVE_ALL)
        accept = round(least, 2)
        named = sum(score >= accept for score, _ in wrong)
        found_share = float(np.mean([s >= accept for s in right])) if right else float("nan")
        data["accept"][f"{medium}/{relation}"] = {
            "score": accept, "works": works, "outputs": len(wrong), "falsely_named": named,
            "bound_95": round(upper_bound(named, len(wrong)), 5),
        }  # fmt: skip
        print(f"{medium}/{relation}: accept {accept}; {named} of {len(wrong)} falsely named, worst {wrong[:6]}")
        print(f"    {found_share:.3f} of {len(right)} true pairs with such evidence are listed")


def scores_of(row: dict, relation: str, calibration: Calibration) -> list[float]:
    """Scores of the pair under the schemes that speak of this relation."""
    names = [n for n in row["strengths"] if n.endswith(f"/{relation}")]
    return [calibration.score(*n.split("/"), row["strengths"][n]) for n in names]


def upper_bound(named: int, outputs: int) -> float:
    """95 % upper bound of the rate (Clopper-Pearson)."""
    from scipy.stats import beta

    return float(beta.ppf(0.95, named + 1, outputs - named))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
