"""A long output is looked at in its key frames first, and closely where they, or its sound, lead."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from test_film import SCHEMES, features, scene, write

import fingerprint
from fingerprint.features import Alignment, Media, Part
from fingerprint.film import FILM
from fingerprint.film_frames import Film, chunks, decode, key_times
from fingerprint.film_glance import AROUND_S, SHORT_S, closer, first
from fingerprint.film_sight import FRAMES
from matcher.look import moments, output_probes
from matcher.scan import scan_media, scan_output
from registry.memory import MemoryIndex

SMALL, FPS = (192, 108), 6


def own(start: int, end: int) -> list[np.ndarray]:
    """Every second of these frames of work 1, small."""
    return [cv2.resize(f, SMALL, interpolation=cv2.INTER_AREA) for f in scene(1, end / 12)[start:end:2]]


@pytest.fixture(scope="module")
def long_film(tmp_path_factory) -> Path:
    """A minute of foreign pictures, with four seconds of work 1 at 30 s; cuts every three seconds."""
    frames = [*scene(70, 30, FPS, SMALL), *own(36, 84), *scene(71, 26, FPS, SMALL)]
    return write(tmp_path_factory.mktemp("long") / "long.mp4", frames, FPS, g="60")


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> MemoryIndex:
    folder = tmp_path_factory.mktemp("works")
    works = [(f"work{seed}", (features(write(folder / f"{seed}.mp4", scene(seed, 9))),)) for seed in (1, 2, 3)]
    return MemoryIndex(works, SCHEMES)


def shown(part: Part) -> np.ndarray:
    frames = part.of(FRAMES.name)
    assert frames is not None
    return frames.positions * FRAMES.tick


def test_key_frames_are_known_without_decoding(long_film):
    keys = key_times(long_film)
    seen = np.concatenate([c.times for c in chunks(dataclasses.replace(decode(long_film), within=()), 8.0)])
    assert keys[0] == 0 and len(keys) >= 6
    assert np.abs(seen[:, None] - keys[None, :]).min(axis=1).max() < 1e-6  # every picture that is seen is a key frame


def test_only_the_wanted_seconds_are_seen(long_film):
    film = dataclasses.replace(decode(long_film), within=((10.0, 12.0), (31.5, 33.0)))
    times = np.concatenate([c.times for c in chunks(film, 8.0)])
    inside = ((times >= 10) & (times < 12)) | ((times >= 31.5) & (times < 33))
    assert inside.all() and len(times) >= 20
    whole = {round(float(t), 3) for c in chunks(decode(long_film), 8.0) for t in c.times}
    assert {round(float(t), 3) for t in times} <= whole | {10.0, 31.5}


def test_seconds_far_into_a_film_are_seen_at_their_time(tmp_path):
    """What was left out before them is no broken timestamp."""
    path = write(tmp_path / "hours.mkv", scene(75, 10, 12, SMALL), fps=0.1, g="10")
    film = dataclasses.replace(decode(path), within=((900.0, 960.0),))
    assert [t for c in chunks(film, 8.0) for t in c.times.tolist()] == pytest.approx([900, 910, 920, 930, 940, 950])


def test_a_part_of_a_work_in_a_long_film_is_found_as_if_all_was_looked_at(long_film, index):
    media = output_probes(long_film, index)
    whole = fingerprint.probe(long_film)
    times = shown(media.parts[0])
    assert len(times) < 0.7 * len(shown(whole.parts[0]))
    assert times.min() >= 30 - AROUND_S - 3 and times.max() <= 34 + AROUND_S + 3
    glanced, dense = (scan_media("long", m, index).matches for m in (media, whole))
    assert [m.work_id for m in glanced if m.listed] == [m.work_id for m in dense if m.listed] == ["work1"]
    assert glanced[0].score == pytest.approx(dense[0].score, abs=0.5)
    (ours,), (theirs,) = ([e.output_span for _, e in found[0].segments] for found in (glanced, dense))
    assert ours == pytest.approx(theirs, abs=0.3) and media.extent[0] == pytest.approx(60, abs=0.2)


def test_where_nothing_leads_the_glance_is_all(index, tmp_path):
    path = write(tmp_path / "foreign.mp4", scene(72, 50, FPS, SMALL), FPS, g="30")
    seen = fingerprint.glance(path)
    assert seen is not None and moments(seen, index) == []
    assert len(shown(output_probes(path, index).parts[0])) == len(shown(seen.parts[0])) < 40
    assert not [m for m in scan_media("foreign", seen, index).matches if m.listed]


def test_short_films_and_other_media_are_looked_at_whole(tmp_path, index):
    path = write(tmp_path / "short.mp4", scene(1, 4))
    assert first(Film(path, declared_s=SHORT_S - 1)) is None and first(Film(path, still_reader=True, declared_s=90)) is None
    assert fingerprint.glance(path) is None
    assert len(shown(output_probes(path, index).parts[0])) > 25


def test_what_lies_between_distant_key_frames_is_looked_at(tmp_path, index):
    """One key frame for all: the glance sees hardly anything, so nothing may be concluded from it."""
    frames = [*scene(73, 20, FPS, SMALL), *own(36, 84), *scene(74, 30, FPS, SMALL)]
    path = write(tmp_path / "one-key.mp4", frames, FPS, g="1000", sc_threshold="0")
    assert len(key_times(path)) == 1
    assert [m.work_id for m in scan_output(path, index).matches if m.listed] == ["work1"]


def test_moments_are_joined_and_kept_inside():
    part = Part("film", (100.0,), (dataclasses.replace(empty_frames(), positions=np.arange(0, 10_000, 500, dtype=np.int32)),))
    film = Film(Path("x.mp4"), declared_s=100.0)
    assert closer(film, part, []) is None
    some = closer(film, part, [(3.0, 3.0), (20.0, 21.0)])
    assert some is not None and some.within == ((0.0, 36.0),)
    most = closer(film, part, [(20.0, 20.0), (50.0, 50.0), (80.0, 80.0)])
    assert most is not None and most.within is None


def empty_frames():
    from fingerprint.features import Fingerprint

    return Fingerprint(FRAMES.name, np.zeros((0, 0), np.int64), np.zeros(0, np.int32))


def test_a_lead_needs_likeness(index, tmp_path):
    assert FILM.glance is not None
    part = FILM.probes(FILM.decode(write(tmp_path / "a.mp4", scene(1, 3))))
    other = FILM.features(FILM.decode(write(tmp_path / "b.mp4", scene(40, 3))))
    same = FILM.features(FILM.decode(write(tmp_path / "c.mp4", scene(1, 3), crf="34")))
    name = part.fingerprints[0].scheme
    hit = Alignment(0, name, "", 1.0, 0.0, 1.0, np.zeros(1, np.int32), np.zeros(1, np.int32))
    assert FILM.glance.leads(part, same, hit) and not FILM.glance.leads(part, other, hit)


def test_a_damaged_long_film_is_still_read(long_film, index, tmp_path):
    data = long_film.read_bytes()
    remade = tmp_path / "cut.mkv"
    with av.open(str(long_film)) as source, av.open(str(remade), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    cut = tmp_path / "half.mkv"
    cut.write_bytes(remade.read_bytes()[: len(data) * 2 // 3])
    media = output_probes(cut, index)
    assert isinstance(media, Media) and len(shown(media.parts[0])) > 5
