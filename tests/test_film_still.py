"""Registered stills that films show: slide shows, slow zooms, insets; for how long; and what is no evidence."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest
from test_film import Pictures, features, scene, write
from test_image import photo, still

from fingerprint import probe, schemes
from fingerprint.features import Evidence, Fingerprint, cut
from fingerprint.film_local import LOCAL
from fingerprint.hashing import UInt8
from fingerprint.image import IMAGE
from matcher.find import findings
from matcher.look import output_probes
from matcher.report import as_json
from matcher.scan import scan_media
from registry.hits import Work
from registry.memory import MemoryIndex

WIDTH, HEIGHT, FPS = 480, 270, 12
SCHEMA = json.loads((Path(__file__).resolve().parent.parent / "docs" / "report.schema.json").read_text())


def drawing(seed: int) -> UInt8:
    return cv2.cvtColor(photo(seed), cv2.COLOR_RGB2GRAY)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> MemoryIndex:
    """Six stills and a film."""
    film = features(write(tmp_path_factory.mktemp("works") / "film.mp4", scene(1, 6)))
    stills = [(f"s{i}", (IMAGE.features(still(drawing(i))),)) for i in range(6)]
    about = {name: Work(name, name, medium) for name, medium in (("film", "film"), *((s, "image") for s, _ in stills))}
    return MemoryIndex([*stills, ("film", (film,))], schemes(), about)


def whole(picture: UInt8, t: float) -> UInt8:
    """The picture between bars."""
    width = HEIGHT * picture.shape[1] // picture.shape[0]
    middle = cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_AREA)
    side = (WIDTH - width) // 2
    return cv2.copyMakeBorder(middle, 0, 0, side, WIDTH - width - side, cv2.BORDER_CONSTANT, value=0)


def zoom(picture: UInt8, t: float) -> UInt8:
    """A slow way over the picture, which is never whole."""
    part = 0.75 - 0.06 * t
    w, h = round(picture.shape[1] * part), round(picture.shape[1] * part * HEIGHT / WIDTH)
    x, y = round((picture.shape[1] - w) * t / 4), round((picture.shape[0] - h) * (1 - t / 4))
    return cv2.resize(picture[y : y + h, x : x + w], (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


def inset(picture: UInt8, t: float) -> UInt8:
    """In a corner of a foreign film that moves on."""
    frame = cv2.resize(scene(50, t + 1 / FPS)[-1], (WIDTH, HEIGHT))
    frame[20:180, 20:260] = cv2.resize(picture, (240, 160), interpolation=cv2.INTER_AREA)
    return frame


def mirrored(picture: UInt8, t: float) -> UInt8:
    return whole(np.ascontiguousarray(picture[:, ::-1]), t)


def shown(picture: UInt8, seconds: float, how: Callable[[UInt8, float], UInt8]) -> Pictures:
    return [how(picture, k / FPS) for k in range(round(seconds * FPS))]


def evidence(index: MemoryIndex, path: Path) -> dict[str, list[Evidence]]:
    """What is found of each work, strongest first."""
    found: dict[str, list[Evidence]] = {}
    for f in sorted(findings(output_probes(path, index), index), key=lambda f: -f.evidence.strength):
        found.setdefault(f.registered.work_id, []).append(f.evidence)
    return found


@pytest.mark.parametrize("how", [whole, zoom, inset, mirrored])
def test_a_still_is_found_in_the_seconds_that_show_it(index: MemoryIndex, tmp_path: Path, how: Callable[[UInt8, float], UInt8]):
    frames = [*shown(drawing(90), 2, whole), *shown(drawing(2), 3, how), *shown(drawing(91), 2, whole)]
    report = scan_media("output", output_probes(write(tmp_path / "o.mp4", frames, FPS), index), index)
    assert [m.work_id for m in report.matches if m.listed] == ["s2"]
    start, end = report.matches[0].segments[0][1].output_span
    assert abs(start - 2) < 0.3 and abs(end - 5) < 0.6
    assert report.matches[0].degree == pytest.approx(3 / 7, abs=0.1)
    jsonschema.validate(as_json(report), SCHEMA)


def test_every_still_of_a_slide_show_is_named_and_nothing_else(index: MemoryIndex, tmp_path: Path):
    frames = [f for seed in (0, 95, 3, 5, 96) for f in shown(drawing(seed), 1.5, whole)]
    report = scan_media("output", output_probes(write(tmp_path / "o.mp4", frames, FPS), index), index)
    assert sorted(m.work_id for m in report.matches if m.listed) == ["s0", "s3", "s5"]


def test_a_gif_of_a_few_pictures(index: MemoryIndex, tmp_path: Path):
    frames = [np.clip(drawing(4).astype(int) + 3 * k, 0, 255).astype(np.uint8) for k in range(4)]
    assert list(evidence(index, write(tmp_path / "o.gif", frames, 10, codec="gif"))) == ["s4"]


def test_two_stills_beside_each_other_are_both_named(index: MemoryIndex, tmp_path: Path):
    both = np.hstack([cv2.resize(drawing(i), (300, 200), interpolation=cv2.INTER_AREA) for i in (1, 3)])
    report = scan_media("output", output_probes(write(tmp_path / "o.mp4", [both] * 24, FPS), index), index)
    assert sorted(m.work_id for m in report.matches if m.listed) == ["s1", "s3"]


def test_shown_again_it_is_no_new_evidence(index: MemoryIndex, tmp_path: Path):
    """Two stretches are told of; they weigh what the stronger one does."""
    frames = [*shown(drawing(2), 2, whole), *shown(drawing(92), 4, whole), *shown(drawing(2), 2, whole)]
    media = output_probes(write(tmp_path / "o.mp4", frames, FPS), index)
    found = [f.evidence for f in findings(media, index) if f.registered.work_id == "s2"]
    assert {round(e.output_span[0]) for e in found} == {0, 6}
    [match] = [m for m in scan_media("output", media, index).matches if m.work_id == "s2"]
    assert match.score <= max(e.strength for e in found)


def test_in_a_long_film_the_first_look_leads_to_it(index: MemoryIndex, tmp_path: Path):
    foreign = [f for f in shown(drawing(93), 1, whole) + scene(60, 3, size=(WIDTH, HEIGHT)) for _ in range(12)]
    frames = [*foreign[:288], *shown(drawing(1), 4, whole), *foreign[288:]]
    media = output_probes(write(tmp_path / "o.mp4", frames, FPS, g="24"), index)
    [match] = [m for m in scan_media("output", media, index).matches if m.listed]
    assert match.work_id == "s1" and abs(match.segments[0][1].output_span[0] - 24) < 1


def test_foreign_pictures_and_films_name_nobody(index: MemoryIndex, tmp_path: Path):
    frames = [*(f for seed in range(100, 106) for f in shown(drawing(seed), 1, whole)), *scene(70, 4, size=(WIDTH, HEIGHT))]
    assert evidence(index, write(tmp_path / "o.mp4", frames, FPS)) == {}


def test_a_registered_film_is_found_beside_them(index: MemoryIndex, tmp_path: Path):
    assert list(evidence(index, write(tmp_path / "o.mp4", scene(1, 6)))) == ["film"]


def test_what_only_films_are_found_by_is_made_where_films_are_registered(index: MemoryIndex, tmp_path: Path):
    path = tmp_path / "o.png"
    cv2.imwrite(str(path), drawing(3))
    every, stills = probe(path), MemoryIndex([(f"s{i}", (IMAGE.features(still(drawing(i))),)) for i in range(6)], schemes())
    beside_films, without = output_probes(path, index), output_probes(path, stills)
    points = [[f.variant for f in m.parts[0].fingerprints if f.scheme == LOCAL.name] for m in (every, beside_films, without)]
    assert points == [["", "mirror"], ["", "mirror"], []]
    assert len(without.parts[0].fingerprints) + 2 == len(every.parts[0].fingerprints)
    reports = [as_json(scan_media("o", media, stills), candidates=True) for media in (every, without)]
    assert reports[0] == reports[1] and [m["work"] for m in reports[0]["matches"]] == ["s3"]


def test_seconds_that_were_not_looked_at_are_not_told(index: MemoryIndex, tmp_path: Path):
    """Of a long film only what surrounds some moments is decoded: what lies between may be anything."""
    media = output_probes(write(tmp_path / "o.mp4", shown(drawing(2), 12, whole), FPS), index)
    part = media.parts[0]
    both = tuple(_joined(cut(f, 0, 300), cut(f, 900, 1200)) for f in part.fingerprints)
    media = dataclasses.replace(media, parts=(dataclasses.replace(part, fingerprints=both),))
    spans = {f.evidence.output_span for f in findings(media, index) if f.registered.work_id == "s2"}
    assert spans and all(end <= 5 or start >= 8.9 for start, end in spans)


def _joined(a: Fingerprint, b: Fingerprint) -> Fingerprint:
    columns = {c: np.concatenate([getattr(a, c), getattr(b, c)]) for c in ("keys", "positions", "payload")}
    return dataclasses.replace(a, **columns)
