"""The evidence page: what it says, that it says it safely, and what it draws."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from desk import evidence_film, evidence_sound, evidence_still, evidence_task, evidence_text, page, page_figures, page_view
from desk.page import render, write_page
from fingerprint.errors import UnreadableMedia
from registry.errors import UnknownWork

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_media"
sys.path.insert(0, str(ROOT / "benchmarks"))

REVISION = {"works": 13, "revision": 7}
VOID = {"meta", "img", "br", "rect", "line", "polygon", "circle", "image"}
Row = dict[str, Any]


class Shelf:
    """A registry as far as a page asks it: works by id, each with its path and digest."""

    def __init__(self, works: dict[str, Path]) -> None:
        self._works = works

    def show(self, work_id: str) -> dict[str, Any]:
        if work_id not in self._works:
            raise UnknownWork(f"{work_id}: no such work")
        path = self._works[work_id]
        return {"path": str(path), "sha256": digest(path) if path.exists() else "0" * 64, "licence": "CC0-1.0"}


class Tags(HTMLParser):
    """Checks that every element is closed, and keeps names and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def segment(part: str, output: list[float], work: list[float], **more: Any) -> Row:
    return {"part": part, "output": output, "work": work, "scale": 1.0, "score": 9.0, "scheme": "x.1", **more}


def match(work: str, title: str, medium: str, segments: list[Row], **more: Any) -> Row:
    head = {"work": work, "title": title, "medium": medium, "relation": "copy", "score": 7.5, "degree": 0.5}
    return {**head, "segments": segments, **more}


def report(
    name: str, path: Path | None, medium: str, extent: list[float], matches: list[Row], people: list[Row] | None = None
) -> Row:
    explained = sum(m["degree"] for m in matches if not m.get("candidate"))
    return {
        "schema": 1, "output": name, "sha256": digest(path) if path else None, "medium": medium, "duration": None,
        "extent": extent, "matches": matches, "unexplained": round(1 - explained, 4), "credits": people or [],
        "registry": REVISION,
    }  # fmt: skip


def credit(name: str, role: str, work: str) -> Row:
    return {"name": name, "role": role, "work": work, "share_of_output": 0.5}


def drawn(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    return tags


def words_in(html: str) -> str:
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.S).split())


OUTPUTS = SAMPLES / "outputs"
WORKS = {
    "film-lantern": SAMPLES / "works/the-lantern-boat.mp4",
    "music-harbour-waltz": SAMPLES / "works/harbour-waltz.mp3",
    "still-tidal-flats": SAMPLES / "works/tidal-flats.jpg",
    "text-loom": SAMPLES / "works/what-the-loom-kept.txt",
}


def all_media() -> tuple[list[Row], list[Path]]:
    text, poem = (OUTPUTS / "newsletter.txt").read_text(), WORKS["text-loom"].read_text()
    verses = segment(
        "text", [text.index("She never"), text.index("Write to us")], [poem.index("She never"), poem.index("as someone")]
    )
    film = match("film-lantern", "The Lantern Boat", "film", [
        segment("film", [0.0, 4.0], [7.0, 11.0], variant="mirror"), segment("film", [4.0, 8.0], [0.0, 4.0], variant="mirror"),
    ])  # fmt: skip
    sound = match("music-harbour-waltz", "Harbour Waltz", "audio", [segment("audio", [0.0, 13.5], [6.0, 19.5])])
    still = match(
        "still-tidal-flats", "Tidal Flats", "image", [segment("image", [0, 0, 510, 380], [90, 70, 510, 380])], relation="remake"
    )
    weak = match(
        "text-weights", "Weights and Measures", "text", [segment("text", [0, 90], [5, 95])], score=1.2, degree=0.0, candidate=True
    )
    files = [OUTPUTS / n for n in ("a-boat-remembered.mp4", "podcast-opening.mp3", "violet-evening.webp", "newsletter.txt")]
    names = [
        ("Ingrid Solheim", "director"),
        ("Wen Liling", "composer"),
        ("Hollis Marrow", "photographer"),
        ("Zdenka Marsh", "author"),
    ]
    people = [[credit(*n, work)] for n, work in zip(names, WORKS, strict=True)]
    poem_match = match("text-loom", "What the Loom Kept", "text", [verses])
    rows = [
        report("out/boat.mp4", files[0], "film", [8.0], [film], people[0]),
        report("out/podcast.mp3", files[1], "audio", [14.0], [sound], people[1]),
        report("out/violet.webp", files[2], "image", [510, 380], [still], people[2]),
        report("out/news.txt", files[3], "text", [len(text)], [poem_match, weak], people[3]),
    ]
    return rows, files


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    destination = tmp_path_factory.mktemp("page") / "report.html"
    rows, files = all_media()
    write_page(rows, files, Shelf(WORKS), destination)
    assert [p.name for p in destination.parent.iterdir()] == ["report.html"]
    return destination.read_text(encoding="utf-8")


def test_page_says_what_was_found_where_how_much_how_sure_and_by_whom(html: str) -> None:
    said = words_in(html)
    assert "The picture of this film contains part of The Lantern Boat ." in said
    assert "This still closely follows part of Tidal Flats ." in said
    assert "extremely strong" in said and "more than 1 million times more probable" in said and "Score 7.5" in said
    assert "0:00.0 to 0:04.0 0:07.0 to 0:11.0 mirrored" in said
    assert "unexplained 50 %" in said
    assert "Ingrid Solheim director" in said and "Wen Liling composer" in said
    assert "It does not show that a work was used to train a model" in said
    assert digest(OUTPUTS / "a-boat-remembered.mp4") in said and "Registry, revision 7" in said
    assert f"Byline {page.tool_version()}" in said
    assert f"Licence CC0-1.0 SHA-256 of the registered file {digest(WORKS['film-lantern'])}" in said and "found by x.1" in said


def test_candidates_stand_apart_and_name_nobody(html: str) -> None:
    article = html[html.index("Weaker matches") :]
    assert "Weights and Measures" in article[: article.index("</section>")]
    assert html.index("Weights and Measures") > html.index("Weaker matches")
    assert "text-weights" not in "".join(re.findall(r"<section class=\"match.*?<h3>(.*?)</h3>", html, re.S))


def test_page_holds_all_it_shows_and_may_load_and_run_nothing(html: str) -> None:
    tags = drawn(html)
    assert not [t for t, _ in tags.seen if t in ("script", "iframe", "object", "embed", "link", "form", "base")]
    sources = [v for _, a in tags.seen for k, v in a.items() if k in ("src", "href", "xlink:href", "srcset", "data")]
    assert sources and all(s is not None and s.startswith(("data:image/jpeg;base64,", "#")) for s in sources)
    assert not [a for _, a in tags.seen if any(k.startswith("on") or k == "style" for k in a)]
    style = html[html.index("<style>") + 7 : html.index("</style>")]
    assert "@import" not in style and "url(" not in style
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(a["content"] for t, a in tags.seen if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'") and f"style-src 'sha256-{allowed}'" in policy
    assert "unsafe" not in policy
    assert len(html) < 1_500_000


def test_every_medium_is_drawn_on_both_sides(html: str) -> None:
    tags = drawn(html)
    pictures = [
        base64.b64decode((a.get("src") or a.get("href") or "").split(",")[1]) for t, a in tags.seen if t in ("img", "image")
    ]
    sizes = [cv2.imdecode(np.frombuffer(p, np.uint8), cv2.IMREAD_COLOR).shape for p in pictures]
    assert len(pictures) == 8 + 2 + 2  # frames, spectrograms, stills
    assert max(max(s) for s in sizes) <= 320
    assert sum(t == "line" for t, _ in tags.seen) >= evidence_still.LEAST
    assert (
        html.count('<mark class="same">') > 4
        and '<mark class="near">duke</mark>' in html
        and '<mark class="near">lord</mark>' in html
    )
    assert html.count('class="wave"') == 2


def test_same_inputs_give_the_same_bytes(html: str, tmp_path: Path) -> None:
    rows, files = all_media()
    write_page(rows, files, Shelf(WORKS), tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == html


HOSTILE = '"><script>alert(1)</script>\u202egnp.exe\n{{ 7*7 }}'


def test_hostile_names_are_shown_as_text() -> None:
    row = report(HOSTILE, None, "audio", [4.0], [
        match(HOSTILE, HOSTILE, "audio", [segment("audio", [0, 2], [1, 3], variant=HOSTILE)], twins=[HOSTILE]),
        match("w2", HOSTILE, "audio", [segment("audio", [0, 2], [1, 3])], candidate=True, explained_by=HOSTILE, degree=0.0),
    ], [{**credit(HOSTILE, HOSTILE, HOSTILE), "identifier": HOSTILE}])  # fmt: skip
    error = report(HOSTILE, None, "audio", [], []) | {"error": {"code": "x", "message": f"{HOSTILE}: {HOSTILE}"}}
    html = render([row | {"sha256": "0" * 64, "registry": {HOSTILE: HOSTILE}}, error], [], {})
    tags = drawn(html)
    assert not [t for t, _ in tags.seen if t == "script"]
    assert "\u202e" not in html and "\\u202e" in html
    assert "49" not in words_in(html) and "{{ 7*7 }}" in html
    assert not [a for _, a in tags.seen if any(k.startswith("on") for k in a)]


EVIL = "<img src=x onerror=y>\u202e"


def test_hostile_words_inside_passages_are_shown_as_text() -> None:
    evidence = {
        "kind": "passages", "pictures": [], "at_hand": True,
        "passages": [{"at": [0, 9], "from": [0, 9], "output": [["same", EVIL]], "work": [["other", "</mark>"]]}],
    }  # fmt: skip
    row = report("a.txt", None, "text", [9], [match("w", "T", "text", [segment("text", [0, 9], [0, 9])])])
    html = render([row], [{("w", "text"): evidence}], {})
    drawn(html)
    assert "<img src=x" not in html and "&lt;img src=x onerror=y&gt;\\u202e" in html and "&lt;/mark&gt;" in html


def test_output_that_could_not_be_read_and_one_without_matches() -> None:
    broken = report("in/b.mp4", None, "film", [], []) | {
        "medium": None, "error": {"code": "unreadable", "message": "in/b.mp4: is cut off; get the whole file"},
    }  # fmt: skip
    clean = report("in/c.txt", OUTPUTS / "minutes.md", "text", [807], [])
    said = words_in(render([broken, clean], [], {}))
    assert "This file could not be read. Is cut off; get the whole file." in said
    assert "Nothing above the threshold was found." in said and "Compared with 13 registered works" in said
    assert "does not prove that nothing was used" in said and "unexplained 100 %" in said
    assert "0 with registered works in them" in said


def test_empty_scan_gives_a_page() -> None:
    drawn(render([], [], {}))


def still_row(path: Path) -> Row:
    return report("v.webp", path, "image", [510, 380], [
        match("still-tidal-flats", "Tidal Flats", "image", [segment("image", [0, 0, 510, 380], [90, 70, 510, 380])]),
    ])  # fmt: skip


def test_work_that_is_not_at_hand_or_has_changed_is_not_shown(tmp_path: Path) -> None:
    output = OUTPUTS / "violet-evening.webp"
    write_page([still_row(output)], [output], Shelf({"still-tidal-flats": tmp_path / "gone.jpg"}), tmp_path / "p.html")
    html = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert html.count("<image ") == 1 and "not at hand" in html


def test_work_that_is_broken_leaves_the_outputs_side(tmp_path: Path) -> None:
    broken = tmp_path / "work.jpg"
    broken.write_bytes(WORKS["still-tidal-flats"].read_bytes()[:300])
    output = OUTPUTS / "violet-evening.webp"
    write_page([still_row(output)], [output], Shelf({"still-tidal-flats": broken}), tmp_path / "p.html")
    html = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert html.count("<image ") == 1 and "not at hand" in html


def test_output_that_has_changed_since_the_scan_is_not_drawn(tmp_path: Path) -> None:
    changed = tmp_path / "v.webp"
    changed.write_bytes((OUTPUTS / "violet-evening.webp").read_bytes())
    row = still_row(changed)
    changed.write_bytes((OUTPUTS / "rings.jpg").read_bytes())
    write_page([row], [changed], Shelf(WORKS), tmp_path / "p.html")
    html = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "<image " not in html and "Shown by its figures alone." in html


def test_registry_without_the_work_or_without_show(tmp_path: Path) -> None:
    row = report("x.md", None, "text", [9], [match("w", "T", "text", [segment("text", [0, 9], [0, 9])])])
    for registry in (Shelf({}), object()):
        write_page([row], [tmp_path / "x.md"], registry, tmp_path / "p.html")
        assert "Shown by its figures alone." in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_match_that_kills_its_worker_is_tried_again_without_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fragile(page.Pool):
        def answers(self, jobs: Any) -> Any:
            for job in jobs:
                error = {"error": {"code": "crash", "message": "its decoder crashed"}}
                yield job, page.Answer(error if job["work"] else {"kind": "frames", "pairs": [], "sizes": []})

    monkeypatch.setattr(page, "Pool", Fragile)
    output, work = OUTPUTS / "violet-evening.webp", WORKS["still-tidal-flats"]
    known = {"still-tidal-flats": {"path": str(work), "sha256": digest(work)}}
    shown = page._evidence([still_row(output)], [output], known)[0]["still-tidal-flats", "image"]
    assert shown["kind"] == "frames" and not shown["at_hand"]


def test_number_of_pictured_matches_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PICTURED", 0)
    output = OUTPUTS / "violet-evening.webp"
    assert page._evidence([still_row(output)], [output], {"still-tidal-flats": {}}) == [{}]


def test_factor_in_words() -> None:
    scores = (0.5, 1.6, 2.0, 3.6, 5.0, 5.99, 6.0, 12.0)
    said = ["3", "40", "100", "4,000", "100,000", "1,000,000", "1 million", "1 million"]
    assert [page_view.times(score) for score in scores] == said


def test_meter_follows_the_verbal_scale() -> None:
    assert [page_view.level(s) for s in (0.0, 0.3, 1, 2, 3, 4, 6, 12)] == [0, 1, 2, 3, 4, 5, 6, 6]


def test_several_works_make_one_sentence() -> None:
    names = [("A", "copy"), ("B", "copy"), ("C", "copy"), ("D", "remake")]
    matches = [match(t, t, "text", [segment("text", [0, 5], [0, 5])], relation=r, degree=0.2) for t, r in names]
    said = "".join(lead + title for lead, title in page_view.headline(report("x", None, "text", [9], matches), matches))
    assert said == "This text contains part of A, B and C; it closely follows part of D."


def test_what_was_done_is_told_in_words() -> None:
    assert page_view.changes("bars+mirror") == ["with borders", "mirrored"]
    assert page_view.changes("transpose+mirror") == ["turned on its side"]
    assert page_view.changes("tempo0.971 pitch+0.25") == []
    assert page_view.changes("tempo1.000 pitch+2.00") == ["2 semitones lower"]


@pytest.mark.parametrize(
    ("seconds", "scale", "said"), [(5.0, 0.96, ""), (5.0, 1.2, "1.20 times the speed"), (60.0, 1.02, "1.02 times the speed")]
)
def test_speed_is_told_when_the_places_can_tell(seconds: float, scale: float, said: str) -> None:
    one = segment("audio", [0.0, seconds], [0.0, seconds * scale], scale=scale)
    assert page_view.place(one, match("w", "T", "audio", [one]), report("x", None, "audio", [seconds], []))["note"] == said


def test_moments_follow_the_time_line_also_backwards() -> None:
    forth = evidence_film.moments([segment("film", [10.0, 14.0], [2.0, 10.0], scale=2.0)])
    assert [(t, u) for t, u, _ in forth] == [(10.5, 3.0), (11.5, 5.0), (12.5, 7.0), (13.5, 9.0)]
    back = evidence_film.moments([segment("film", [0.0, 4.0], [2.0, 6.0], scale=-1.0)])
    assert [u for _, u, _ in back] == [5.5, 4.5, 3.5, 2.5]


def test_frame_at_a_moment_is_the_one_shown_then() -> None:
    import sample_films

    times = [0.5, 5.5, 9.0, 14.0, 3.0]
    shots = [
        sample_films.lantern_boat,
        sample_films.lantern_close,
        sample_films.lighthouse,
        sample_films.dawn,
        sample_films.lantern_boat,
    ]
    seen = evidence_film.pictures_at(WORKS["film-lantern"], times)
    for picture, shot, time_s in zip(seen, shots, [0.5, 1.5, 2.0, 3.0, 3.0], strict=True):
        assert picture is not None and float(np.abs(picture.astype(int) - shot(time_s).astype(int)).mean()) < 6


def test_animated_still_is_seen_at_its_moments(tmp_path: Path) -> None:
    shades = [20, 120, 220]
    frames = [Image.new("RGB", (64, 48), (shade, 10, 10)) for shade in shades]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=500, lossless=True)
    seen = evidence_film.pictures_at(tmp_path / "a.webp", [0.1, 0.7, 1.2, 9.0])
    assert [None if p is None else int(p[20, 20, 2]) for p in seen] == [20, 120, 220, 220]


def test_sound_is_seen_as_envelope_and_spectrogram() -> None:
    seen = evidence_sound.look(WORKS["music-harbour-waltz"], 2.0, 5.0)
    assert abs(seen.duration_s - 26.0) < 0.2 and len(seen.envelope) == evidence_sound.COLUMNS
    assert max(seen.envelope) == 1.0 and len(seen.stretch) == 3 * evidence_sound.RATE
    assert evidence_sound.spectrogram(seen.stretch).startswith(b"\xff\xd8")
    assert evidence_sound.spectrogram(seen.stretch[:100]) == b""


@pytest.mark.parametrize("mirrored", [False, True])
def test_lines_join_the_same_points(mirrored: bool) -> None:
    whole, _ = evidence_still.open_still(WORKS["still-tidal-flats"])
    part = np.ascontiguousarray(whole[120:480, 160:640])
    shown = np.ascontiguousarray(part[:, ::-1]) if mirrored else part
    lines = np.array(evidence_still.lines(shown, whole, None, None, mirrored))
    assert len(lines) >= 20
    x = 1 - lines[:, 0] if mirrored else lines[:, 0]
    error = np.hypot(x * 480 + 160 - lines[:, 2] * 640, lines[:, 1] * 360 + 120 - lines[:, 3] * 480)
    assert float(np.median(error)) < 3


def test_pictures_that_share_nothing_get_no_lines() -> None:
    one, _ = evidence_still.open_still(WORKS["still-tidal-flats"])
    other, _ = evidence_still.open_still(OUTPUTS / "rings.jpg")
    assert len(evidence_still.lines(one, other, None, None, False)) <= 12


def test_words_are_aligned_in_order() -> None:
    ours, theirs = evidence_text.aligned("The cat sat on the mat in Rome", "The cat, who sat upon the mat in Roma")
    assert "".join(t for _, t in ours) == "The cat sat on the mat in Rome"
    assert [t for k, t in ours if k == "near"] == ["on", "Rome"] and [t for k, t in theirs if k == "near"] == ["upon", "Roma"]
    assert ["other", "who"] in theirs
    again = ["tobias", "nineteen", "in", "the", "light", "tobias", "they", "said"]
    assert evidence_text.common(["tobias", "they", "said"], again) == [(0, 5, 1), (1, 6, 2)]


def test_hidden_characters_and_look_alikes_do_not_part_words() -> None:
    ours, theirs = evidence_text.aligned("the f\u200curn\u2060ace w\u0430s c\u0301old", "the furnace was cold")
    assert [k for k, _ in ours] == ["same"] == [k for k, _ in theirs]
    passages = [{"at": [0, 9], "from": [0, 9], "output": ours, "work": theirs}]
    seen = page_figures.figure({"kind": "passages", "passages": passages, "at_hand": True})
    assert seen["hidden"] == 2 and seen["passages"][0]["output"][0][1].startswith("the furnace")


def test_long_passages_are_cut_and_say_so() -> None:
    text = "word " * 400
    shown = evidence_text.passages(text, text, [segment("text", [0, 2000], [0, 2000])])[0]
    assert shown["output"][-1] == ["cut", " \u2026 and 140 more words"]


def test_task_refuses_an_output_that_cannot_be_opened(tmp_path: Path) -> None:
    broken = tmp_path / "x.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    job = {
        "path": str(broken),
        "work": "",
        "part": "image",
        "work_medium": "image",
        "segments": [segment("image", [0, 0, 1, 1], [0, 0, 1, 1])],
    }
    with pytest.raises(UnreadableMedia):
        evidence_task.handle(job)


def test_task_answers_plain_json() -> None:
    region = segment("image", [0, 0, 510, 380], [90, 70, 510, 380])
    paths = {"path": str(OUTPUTS / "violet-evening.webp"), "work": str(WORKS["still-tidal-flats"])}
    job = paths | {"part": "image", "work_medium": "image", "segments": [region]}
    head, body = evidence_task.handle(job)
    assert json.loads(json.dumps(head)) == head and sum(head["sizes"]) == len(body)
    corners = np.array([[90, 70], [600, 70], [600, 450], [90, 450]]) / (640, 480)
    np.testing.assert_allclose(head["work"]["outlines"], [corners], atol=1e-3)


def test_a_region_with_corners_is_outlined_by_them() -> None:
    diamond = [[255.0, 0.0], [510.0, 190.0], [255.0, 380.0], [0.0, 190.0]]
    region = segment("image", [0, 0, 510, 380], [90, 70, 510, 380]) | {"output_polygon": diamond}
    job = {
        "path": str(OUTPUTS / "violet-evening.webp"),
        "work": "",
        "part": "image",
        "work_medium": "image",
        "segments": [region],
    }
    head, body = evidence_task.handle(job)
    assert head["output"]["outlines"] == [[[0.5, 0.0], [1.0, 0.5], [0.5, 1.0], [0.0, 0.5]]]
    drawn = page_figures.figure(head | {"pictures": ["data:,"]})
    assert drawn["output"]["outlines"] == ["160.0,0.0 320.0,119.2 160.0,238.4 0.0,119.2"]
