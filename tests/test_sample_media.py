"""The sample media: complete, small, made the same way again, and found by a scan as expected.json says."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from fingerprint import extract, probe, schemes
from fingerprint.errors import UnreadableMedia
from fingerprint.sniff import sniff
from matcher.report import as_json
from matcher.scan import scan_media
from registry.hits import Credit, Work
from registry.memory import MemoryIndex

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_media"
MEDIA = ("film", "audio", "image", "text")

sys.path.insert(0, str(ROOT / "benchmarks"))


def table(name: str) -> list[dict[str, str]]:
    with (SAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def expected() -> dict[str, dict[str, object]]:
    return dict(json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8")))


def test_catalogue_is_complete() -> None:
    works, credited = table("works.csv"), table("credits.csv")
    ids = [w["work_id"] for w in works]
    assert len(ids) == len(set(ids)) == 13
    assert {w["medium"] for w in works} == set(MEDIA)
    assert {c["work_id"] for c in credited} == set(ids)
    assert {Path(w["path"]).name for w in works} == {p.name for p in (SAMPLES / "works").iterdir()}
    assert all(sniff(SAMPLES / w["path"]).medium == w["medium"] for w in works)
    roles = {c["role"] for c in credited}
    assert {"director", "camera operator", "costume designer", "sound mixer", "composer", "radiologist"} <= roles


def test_expected_names_every_output_and_only_known_works() -> None:
    ids = {w["work_id"] for w in table("works.csv")}
    assert set(expected()) == {p.name for p in (SAMPLES / "outputs").iterdir()}
    assert all(set(row["works"]) <= ids for row in expected().values())  # type: ignore[call-overload]


def test_folder_stays_small() -> None:
    assert sum(p.stat().st_size for p in SAMPLES.rglob("*") if p.is_file()) <= 3_000_000


def test_pictures_and_sounds_come_out_the_same() -> None:
    import sample_films
    import sample_pictures
    import sample_sounds

    tune = sample_sounds.stray_tune()
    assert np.array_equal(tune, sample_sounds.stray_tune())
    assert tune.dtype == np.float32 and 0.75 < float(np.abs(tune).max()) <= 0.801
    assert np.array_equal(sample_pictures.stray_still(), sample_pictures.stray_still())
    shot = sample_films.night_train(1.0)
    assert shot.shape == (240, 320, 3) and not np.array_equal(shot, sample_films.night_train(1.2))


def test_texts_and_tables_are_what_the_maker_writes(tmp_path: Path) -> None:
    import make_sample_media

    make_sample_media._text_outputs(tmp_path, SAMPLES / "works")
    make_sample_media.write_tables(tmp_path)
    for made in sorted(tmp_path.iterdir()):
        kept = SAMPLES / made.name if made.suffix in (".csv", ".json") else SAMPLES / "outputs" / made.name
        if made.suffix == ".docx":  # its compressed bytes depend on zlib's build
            continue
        assert hashlib.sha256(made.read_bytes()).digest() == hashlib.sha256(kept.read_bytes()).digest(), made.name


@pytest.fixture(scope="module")
def index() -> MemoryIndex:
    works, about = [], {}
    for row in table("works.csv"):
        people = tuple(Credit(c["name"], c["role"]) for c in table("credits.csv") if c["work_id"] == row["work_id"])
        about[row["work_id"]] = Work(row["work_id"], row["title"], row["medium"], people)
        works.append((row["work_id"], extract(SAMPLES / row["path"]).parts))
    return MemoryIndex(works, schemes(), about)


@pytest.mark.parametrize("name", sorted(expected()))
def test_scan_names_what_is_there_and_nothing_else(name: str, index: MemoryIndex) -> None:
    if expected()[name].get("error"):
        with pytest.raises(UnreadableMedia):
            probe(SAMPLES / "outputs" / name)
        return
    row = as_json(scan_media(name, probe(SAMPLES / "outputs" / name), index))
    assert sorted(m["work"] for m in row["matches"]) == expected()[name]["works"]
    assert {c["work"] for c in row["credits"]} == set(expected()[name]["works"])  # type: ignore[call-overload]
