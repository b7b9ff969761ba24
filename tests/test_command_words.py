"""What people read: plain words, no more than was measured, nothing that steers a terminal."""

from __future__ import annotations

import pytest

from desk import words
from desk.console import table
from desk.scanning import sheet_rows
from desk.summary import ending, summary

ROW = {
    "schema": 1,
    "output": "clip.mp4",
    "sha256": "0" * 64,
    "medium": "film",
    "duration": 20.0,
    "extent": [20.0],
    "parts": ["film", "audio"],
    "matches": [
        {
            "work": "w1", "title": "Harbour at dawn", "medium": "film", "relation": "copy", "score": 7.2, "degree": 0.3,
            "segments": [
                {"part": "film", "output": [2.0, 8.0], "work": [61.5, 69.0], "scale": 1.25, "score": 7.0, "scheme": "film.f.1"}
            ],
        },
        {
            "work": "w2", "title": "Waltz", "medium": "audio", "relation": "remake", "score": 3.5, "degree": 0.5,
            "segments": [
                {"part": "audio", "output": [0.0, 20.0], "work": [0.0, 20.0], "scale": 1.0, "score": 3.5, "scheme": "audio.x.1"}
            ],
        },
        {
            "work": "w3", "title": "Other", "medium": "audio", "relation": "copy", "score": 1.5, "degree": 0.0, "candidate": True,
            "segments": [
                {"part": "audio", "output": [0.0, 2.0], "work": [0.0, 2.0], "scale": 1.0, "score": 1.5, "scheme": "audio.x.1"}
            ],
        },
    ],
    "unexplained": 0.2,
    "credits": [
        {"name": "Ada Okoro", "role": "director", "work": "w1", "share_of_output": 0.3},
        {"name": "Ada Okoro", "role": "editor", "work": "w1", "share_of_output": 0.3},
        {"name": "Ben Li", "role": "composer", "work": "w2", "share_of_output": 0.5},
    ],
    "registry": {"works": 1200},
}  # fmt: skip
FAILED = ROW | {
    "sha256": None, "medium": None, "duration": None, "extent": [], "matches": [], "credits": [], "unexplained": 1.0,
    "output": "bad\n.mp4", "error": {"code": "empty", "message": "bad\n.mp4: the file is empty; export it again"},
}  # fmt: skip


def test_a_report_says_what_where_how_much_who_how_sure_and_what_is_left():
    text = "\n".join(summary(ROW))
    assert 'clip.mp4  (film, 0:20.0)\n  contains part of "Harbour at dawn" (film, work w1)\n' in text
    assert "how much   30 % of this output (picture and sound count half each)" in text
    assert "picture 0:02.0 to 0:08.0, from 1:01.5 to 1:09.0 of the work, played at 1.25 times the speed" in text
    assert "made by    Ada Okoro (director, editor)" in text
    sure = "extremely strong evidence: more than 1,000,000 times more likely if it derives from this work, or both from"
    assert sure in " ".join(text.split())
    assert 'closely follows part of "Waltz" (audio, work w2)' in text and "made by    Ben Li (composer)" in text
    assert "strong evidence: about 3,160 times" in text
    assert "unexplained: 20 % of this output matches nothing in the registry" in text
    assert 'too weak to name anyone:\n    "Other" (work w3), moderate evidence' in text


def test_no_word_goes_beyond_what_was_measured():
    text = "\n".join(summary(ROW) + ending(1, 1, 0, 2, 2)).lower()
    assert not any(word in text for word in ("stole", "stolen", "infring", "plagiar", "guilty", "was trained on"))
    assert "it does not show that a work was used to train a model" in text


def test_finding_nothing_is_said_with_its_limits():
    nothing = summary(ROW | {"matches": [], "credits": [], "unexplained": 1.0})
    assert nothing[-1] == "  none of the 1,200 registered works was found in it; that does not prove that none was used"


def test_an_unreadable_output_is_one_sentence():
    assert summary(FAILED) == ["bad\\n.mp4", "  not read: the file is empty; export it again"]
    assert ending(0, 0, 1, 0, 0)[-1] == "1 output could not be read; see above."


def test_twins_are_told():
    twin = ROW["matches"][0] | {"twins": ["w9"]}
    assert any("same as    w9" in line for line in summary(ROW | {"matches": [twin]}))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("evil\u202egpj.exe", "evil\\u202egpj.exe"),
        ("caf\u00e9 \U0001f3b5", "caf\u00e9 \U0001f3b5"),
        ("bad\udcffbyte", "bad\\udcffbyte"),
        ("line\u2028sep\x85\x9b", "line\\u2028sep\\x85\\x9b"),
    ],
)
def test_names_cannot_steer_the_terminal(raw, shown):
    assert words.plain(raw) == shown
    assert "\n".join(summary(ROW | {"output": raw})).startswith(shown + "  (film")


def test_hostile_titles_and_names_are_spelled_out_everywhere():
    match = ROW["matches"][0] | {"title": "T\x1b[31m", "work": "w\x07"}
    credit = {"name": "N\x1b", "role": "r\x08", "work": "w\x07", "share_of_output": 0.1}
    text = "\n".join(summary(ROW | {"matches": [match], "credits": [credit]}))
    assert not any(c in text for c in "\x1b\x07\x08")
    assert "\x1b" not in "".join(table([{"a": "x\x1b"}], {"a": "A"}))


@pytest.mark.parametrize(
    ("score", "word"), [(12, "extremely strong"), (6, "extremely strong"), (5.9, "very strong"), (3, "strong"),
                        (2.5, "moderately strong"), (1, "moderate"), (0.4, "weak"), (0.1, "no")],
)  # fmt: skip
def test_strength_words(score, word):
    assert words.strength(score) == word


def test_numbers():
    assert [words.percent(x) for x in (0, 0.004, 0.3, 0.999, 1.0)] == ["0 %", "under 1 %", "30 %", "99 %", "100 %"]
    assert [words.clock(x) for x in (0, 7.46, 59.96, 3723.4)] == ["0:00.0", "0:07.5", "1:00.0", "1:02:03.4"]
    assert words.place("image", [10, 20, 300, 400]) == "the area 300 x 400 at (10, 20)"
    assert words.place("text", [1200, 1540]) == "characters 1,200 to 1,540"


def test_tables_are_aligned_and_nothing_is_no_table():
    rows = ({"a": "x" * n, "b": n} for n in (1, 3))
    assert list(table(rows, {"a": "A", "b": "B"})) == ["A    B", "x    1", "xxx  3"]
    assert list(table(iter(()), {"a": "A"})) == []
    many = list(table(({"a": i} for i in range(2500)), {"a": "A"}))
    assert len(many) == 2501 and many[-1] == "2,499"


def test_spreadsheet_rows_hold_every_segment_and_no_formula():
    rows = list(sheet_rows(ROW | {"matches": [ROW["matches"][0] | {"title": "=cmd()"}]}))
    assert len(rows) == 1 and rows[0]["title"] == "'=cmd()" and rows[0]["people"] == "Ada Okoro (director); Ada Okoro (editor)"
    assert (rows[0]["output_from"], rows[0]["work_to"], rows[0]["degree"]) == (2.0, 69.0, 0.3)
    (bad,) = sheet_rows(FAILED)
    assert bad["error"] == "bad\n.mp4: the file is empty; export it again" and "work" not in bad
    assert len(list(sheet_rows(ROW))) == 3
