"""Manner: made the same twice, silent where there is none or chance is as near, reported apart from all evidence, never paid."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest
from PIL import Image

from fingerprint import image_style, manner_of, schemes, text_style
from fingerprint.documents import Document
from fingerprint.features import Fingerprint, Media, Part
from fingerprint.image_open import colours, decode
from fingerprint.manner import BYTES_STILL, BYTES_TEXT, quantized, unit
from fingerprint.text import manner as manner_of_text
from matcher.report import as_json
from matcher.scan import scan_media
from matcher.style import Chance, compared, load, makers, resemblances
from registry.hits import Credit, Work
from registry.memory import MemoryIndex
from registry.store import open_registry
from registry.works import Entry

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_media"
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))

# Four made-up hands: how each begins, joins and ends what it says. What is said is drawn from the same nouns and verbs.
HANDS = {
    "Ida Brandt": (
        "It was then that {a} {v} the {n}", "and, for all that, {b} had never {v} it", "though what of that?", "I should say",
    ),
    "Tom Okafor": ("You see the {n} and you {v} it", "You do not ask", "It is there", "Then {a} will {v} the {m} too"),
    "Lena Voss": (
        "Of the {n} which {a} would have {v}, if only they might", "no more is to be had than of the {m}",
        "in which, upon the whole, they were", "by whose own hand these are",
    ),
    "Raj Pell": (
        "We went out with the {n} because she had {v} our {m}", "but he said that we could not", "so I told them about it",
        "when they were all here",
    ),
}  # fmt: skip
NOUNS = "house river letter garden window morning road stone table ship winter field brother door lamp market"
VERBS = "seen held found lost kept turned carried named left opened painted mended counted asked"


def text_by(name: str, seed: int, words: int = 2500) -> Document:
    rng = np.random.default_rng([seed, len(name)])
    said: list[str] = []
    while sum(s.count(" ") + 1 for s in said) < words:
        pieces = rng.permutation(HANDS[name])[: rng.integers(2, 5)]
        n, m = rng.choice(NOUNS.split(), 2, replace=False)
        sentence = ", ".join(pieces).format(a="she", b="he", n=n, m=m, v=rng.choice(VERBS.split()))
        said.append(f"{sentence[0].upper()}{sentence[1:]}.")
    return Document(text := " ".join(said), text)


def picture_by(hue: int, texture: int, seed: int, side: int = 320) -> np.ndarray:
    """uint8[h, w, 3]: a made-up painter's blobs, in the painter's colours and strokes, laid out by the seed."""
    rng = np.random.default_rng(seed)
    light = cv2.GaussianBlur(rng.normal(0, 1, (side, side)).astype(np.float32), (0, 0), 24)
    light = (light - light.min()) / np.ptp(light)
    turn = 2 * np.pi * hue / 5
    ground = np.array([55 + 25 * np.cos(turn), 45 * np.cos(turn), 45 * np.sin(turn)])
    lab = np.empty((side, side, 3), np.float32)
    for channel, (base, reach) in enumerate(zip(ground, (35, 30 * np.sin(turn), 30 * np.cos(turn)), strict=True)):
        lab[..., channel] = base + reach * (light - 0.5)
    strokes = cv2.GaussianBlur(rng.normal(0, 1, (side, side)).astype(np.float32), (0, 0), sigmaX=0.6 + 2 * texture, sigmaY=0.6)
    lab[..., 0] += 12 * strokes / strokes.std()
    lab[..., 0] = np.clip(lab[..., 0], 2, 98)
    return np.rint(np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1) * 255).astype(np.uint8)


def registered(made: dict[str, tuple[str, Fingerprint]], medium: str) -> MemoryIndex:
    """works: id -> (author, "" for nobody; descriptor)"""
    role = "painter" if medium == "image" else "author"
    about = {w: Work(w, f"Work {w}", medium, (Credit(a, role),) if a else ()) for w, (a, _) in made.items()}
    works = [(w, (Part(medium, (1.0,), (f,)),)) for w, (_, f) in made.items()]
    return MemoryIndex(works, schemes(), about)


@pytest.fixture(scope="module")
def library() -> MemoryIndex:
    made = {f"{name[:3]}{k}": (name, manner_of_text(text_by(name, k))) for name in HANDS for k in (1, 2)}
    return registered(made, "text")


def test_vectors_keep_their_direction():
    rows = np.random.default_rng(1).normal(0, 1, (20, 128)).astype(np.float32)
    plain = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert np.all((unit(quantized(rows, 128)) * plain).sum(axis=1) > 0.999)
    assert np.array_equal(quantized(rows, 128), quantized(7 * rows, 128))
    assert np.all(unit(quantized(np.zeros((1, 128), np.float32), 128)) == 0)


def test_a_text_gives_the_same_row_twice_and_short_or_foreign_ones_none():
    long = manner_of_text(text_by("Ida Brandt", 3))
    assert long.scheme == "text.style.1" and long.payload.shape == (1, BYTES_TEXT) and long.keys.shape == (1, 0)
    assert np.array_equal(long.payload, manner_of_text(text_by("Ida Brandt", 3)).payload)
    foreign = "Die Katze sitzt auf dem Dach und der Hund schläft im Garten. " * 200
    for text in ("", "word " * 5, "It was the house. " * 200, foreign):
        found = manner_of_text(Document(text, text))
        assert len(found) == 0 and found.payload.shape == (0, BYTES_TEXT), text[:20]


def test_of_a_long_text_stretches_from_all_over_it_are_counted():
    stretches = text_style.stretches(100_000)
    assert len(stretches) == text_style.BLOCKS and stretches[0][0] == 0 and stretches[-1][1] == 100_000
    assert all(b - a == text_style.BLOCK_WORDS for a, b in stretches)
    assert text_style.stretches(999) == [(0, 999)]


@pytest.mark.parametrize("name", HANDS)
def test_the_right_author_comes_first(library: MemoryIndex, name: str):
    found = resemblances(manner_of_text(text_by(name, 9)), library, ())
    assert [c.name for c in found[0].people] == [name]
    assert found[0].rank == 1 and 0 <= found[0].distance < 0.5 and 0 < found[0].chance <= load()["text"].level


def test_people_of_a_listed_work_are_passed_over(library: MemoryIndex):
    own = manner_of_text(text_by("Tom Okafor", 9))
    assert all(p.name != "Tom Okafor" for r in resemblances(own, library, ["Tom1"]) for p in r.people)


def test_a_work_without_credits_stands_for_itself_and_a_person_stands_once():
    own = {f"w{k}": ("" if k == 1 else "Ida Brandt", manner_of_text(text_by("Ida Brandt", k))) for k in (1, 2, 3)}
    own["w8"] = ("Tom Okafor", manner_of_text(text_by("Tom Okafor", 8)))
    found = resemblances(manner_of_text(text_by("Ida Brandt", 9)), registered(own, "text"), ())
    assert sorted(tuple(p.name for p in r.people) for r in found[:2]) == [(), ("Ida Brandt",)]
    assert [r.rank for r in found] == list(range(1, len(found) + 1))
    assert len({r.people for r in found}) == len(found)


def test_nothing_is_like_anything_where_nothing_is_registered_or_nothing_was_asked(library: MemoryIndex):
    own = manner_of_text(text_by("Tom Okafor", 9))
    assert resemblances(own, MemoryIndex([], schemes()), ()) == ()
    assert resemblances(None, library, ()) == ()
    assert resemblances(manner_of_text(Document("", "")), library, ()) == ()


def test_chance_grows_with_the_registry_and_with_a_smaller_lead():
    chance = load()["text"]
    assert chance.of(0.3, 10) <= chance.of(0.3, 1000) <= chance.of(0.3, 100_000) <= 1
    assert chance.of(0.1, 100) > chance.of(0.2, 100) > chance.of(0.4, 100) >= chance.least
    assert Chance(1.0, 500.0, 0.1, 0.1).of(-1.0, 10**9) == 1.0


def test_chief_roles_are_whose_manner_it_is():
    work = Work("w", "W", "text", (Credit("A", "Author"), Credit("T", "translator"), Credit("A", "poet")))
    assert [c.name for c in makers(work)] == ["A"]
    assert [c.name for c in makers(Work("w", "W", "image", (Credit("B", "framer"),)))] == ["B"]


def test_it_stands_apart_in_the_report_and_changes_nothing_else(library: MemoryIndex):
    media = Media("text", "0" * 64, (Part("text", (9000.0,), ()),))
    plain = as_json(scan_media("o.txt", media, library))
    told = as_json(scan_media("o.txt", media, library, manner=manner_of_text(text_by("Lena Voss", 9))))
    assert "resemblance" not in plain
    assert [p["name"] for p in told.pop("resemblance")[0]["people"]] == ["Lena Voss"]
    assert told == plain and told["credits"] == [] and told["matches"] == [] and told["unexplained"] == 1.0


def test_candidates_are_the_nearest_works_by_manner_and_count_for_nothing(library: MemoryIndex):
    media = Media("text", "0" * 64, (Part("text", (9000.0,), ()),))
    report = scan_media("o.txt", media, library, manner=manner_of_text(text_by("Lena Voss", 9)))
    told, plain = as_json(report, candidates=True), as_json(report)
    jsonschema.Draft202012Validator(SCHEMA).validate(told)
    near = told["matches"]
    assert [(m["relation"], m["candidate"], m["degree"]) for m in near] == [("style", True, 0.0)] * len(near)
    assert near[0]["work"] == plain["resemblance"][0]["work"] and 1 < len(near) <= 5
    assert [m["score"] for m in near] == sorted((m["score"] for m in near), reverse=True)
    assert plain["matches"] == [] and told["credits"] == [] and told["unexplained"] == 1.0


def painted(seed: int, hue: int, texture: int) -> Fingerprint:
    return image_style.fingerprint(picture_by(hue, texture, seed))


@pytest.fixture(scope="module")
def gallery() -> MemoryIndex:
    made = {
        f"p{h}{t}{k}": (f"Painter {h}{t}", painted(100 * h + 10 * t + k, h, t)) for h in range(5) for t in (0, 3) for k in (1, 2)
    }
    return registered(made, "image")


def test_a_still_gives_the_same_row_twice_and_blank_or_tiny_ones_none(tmp_path: Path):
    own = painted(1, 2, 0)
    assert own.scheme == "image.style.1" and own.payload.shape == (1, BYTES_STILL)
    assert np.array_equal(own.payload, painted(1, 2, 0).payload)
    grey = np.full((200, 300, 3), 90, np.uint8)
    almost = grey + np.random.default_rng(1).integers(0, 2, grey.shape, dtype=np.uint8)
    for picture in (grey, almost, picture_by(1, 0, 1)[:40], np.zeros((1, 1, 3), np.uint8)):
        assert image_style.fingerprint(np.ascontiguousarray(picture)).payload.shape == (0, BYTES_STILL)


@pytest.mark.parametrize(("hue", "texture"), [(0, 0), (1, 3), (3, 0), (4, 3)])
def test_the_right_painter_is_nearest(gallery: MemoryIndex, hue: int, texture: int):
    likeness, _ = compared(painted(9999, hue, texture).payload, gallery.rows("image.style.1").payload, "image.style.1")
    nearest = gallery.registered(int(gallery.rows("image.style.1").fingerprint_id[int(np.argmax(likeness))])).work_id
    assert nearest.startswith(f"p{hue}{texture}")


def test_noise_and_an_unrelated_picture_are_like_nobody(gallery: MemoryIndex):
    noise = np.random.default_rng(7).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    sample = manner_of(SAMPLES / "works" / "tidal-flats.jpg")
    for own in (image_style.fingerprint(noise), sample):
        assert resemblances(own, gallery, ()) == ()


def test_colours_are_upright_and_leave_the_greys_alone(tmp_path: Path):
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[:30, :45] = (200, 30, 40)
    Image.fromarray(picture).save(tmp_path / "a.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(picture))).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(colours(decode(tmp_path / "a.png")), picture)
    assert np.array_equal(colours(decode(tmp_path / "turned.png")), picture)
    assert decode(tmp_path / "turned.png").grey.shape == (60, 90)
    clear = np.dstack([picture, np.zeros((60, 90), np.uint8)])
    Image.fromarray(clear).save(tmp_path / "clear.png")
    assert np.all(colours(decode(tmp_path / "clear.png")) == 128)
    Image.fromarray(picture[..., 0]).save(tmp_path / "grey.png")
    grey = decode(tmp_path / "grey.png")
    assert np.array_equal(colours(grey), np.repeat(grey.grey[..., None], 3, axis=2))


def test_the_command_tells_it_only_when_asked_and_the_page_has_its_own_heading(tmp_path: Path, byline):
    """Two works in one hand; the scan of a third text of hers finds no words and tells the manner."""
    for k in (1, 2, 9):
        (tmp_path / f"ida{k}.txt").write_text(text_by("Ida Brandt", k).text, encoding="utf-8")
    (tmp_path / "works.csv").write_text("work_id,title,medium,path\ni1,First,text,ida1.txt\n", encoding="utf-8")
    (tmp_path / "credits.csv").write_text("work_id,name,role\ni1,Ida Brandt,author\n", encoding="utf-8")
    registry, page = tmp_path / "r.db", tmp_path / "page.html"
    with open_registry(registry, create=True) as handle:
        for name, k in (("i1", 1), ("i2", 2)):
            path = tmp_path / f"ida{k}.txt"
            media = Media("text", f"{k:064x}", (Part("text", (9000.0,), (manner_of(path),)),))
            handle.add([Entry(name, name.upper(), "text", media, path=str(path), credits=(Credit("Ida Brandt", "author"),))])
    scan = ("scan", "--registry", registry, tmp_path / "ida9.txt")
    (plain,) = (json.loads(line) for line in byline(*scan, "--json").stdout.splitlines())
    done = byline(*scan, "--json", "--style", "--html", page)
    (row,) = (json.loads(line) for line in done.stdout.splitlines())
    (place,) = row.pop("resemblance")
    assert (place["rank"], place["people"]) == (1, [{"name": "Ida Brandt", "role": "author"}])
    assert row == plain and row["credits"] == [] == row["matches"]
    jsonschema.validate({**row, "resemblance": [place]}, SCHEMA)
    html = page.read_text(encoding="utf-8")
    assert "Resemblance, not evidence of use" in html and "Ida Brandt" in html
    told = byline(*scan, "--style").stdout
    assert "resemblance, not evidence of use" in told and "Ida Brandt (author)" in told and "chance comes as near in 1 of" in told


def test_the_registry_gives_one_matrix_of_the_live_works_and_reads_only_what_is_new(tmp_path: Path):
    rows = [painted(k, k, 0) for k in range(3)]

    def entry(k: int) -> Entry:
        return Entry(f"w{k}", f"W{k}", "image", Media("image", f"{k:064x}", (Part("image", (9.0, 9.0), (rows[k],)),)))

    with open_registry(tmp_path / "r.db", create=True) as registry:
        assert len(registry.rows("image.style.1")) == 0
        registry.add([entry(0), entry(1)])
        first = registry.rows("image.style.1")
        assert registry.rows("image.style.1").payload is first.payload
        registry.add([entry(2)])
        registry.withdraw("w1", "asked")
        now = registry.rows("image.style.1")
        assert np.array_equal(now.payload, np.concatenate([rows[0].payload, rows[2].payload]))
        assert [registry.registered(int(i)).work_id for i in now.fingerprint_id] == ["w0", "w2"]
