"""What everybody may write names nobody, and what two works share is said to be of uncertain source."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from desk.summary import summary
from fingerprint import schemes
from fingerprint.documents import Document
from fingerprint.features import Media
from fingerprint.text import features, probes
from matcher.report import as_json
from matcher.scan import scan_media
from registry.hits import Credit, Work
from registry.memory import MemoryIndex
from registry.text import year_of
from tests.test_text import made_up

SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "report.schema.json").read_text(encoding="utf-8"))
QUOTED = " ".join(made_up(70, 60).split(" ")[5:50])
EARLY, LATE = made_up(71, 1500), made_up(72, 1500)
COMMON = {
    "a proverb": "A bird in the hand is worth two in the bush. Where there is a will there is a way.",
    "a verse": "In the beginning God created the heaven and the earth. And the earth was without form, and void; and darkness "
    "was upon the face of the deep. And the Spirit of God moved upon the face of the waters.",
    "a licence": "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
    "documentation files, to deal in the software without restriction, including without limitation the rights to use, copy, "
    "modify, merge, publish, distribute, sublicense, and/or sell copies of the software",
    "a clause": "This agreement shall be governed by and construed in accordance with the laws of the state. In witness whereof, "
    "the parties hereto have executed this agreement as of the date first above written.",
    "a notice": "This program is free software; you can redistribute it and/or modify it under the terms of the GNU General "
    "Public License as published by the Free Software Foundation; either version 3 of the License, or (at your option) any later "
    "version. This program is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied "
    "warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See the GNU General Public License for more details.",
    "a part of a licence": "The source code for a work means the preferred form of the work for making modifications to it. For "
    "an executable work, complete source code means all the source code for all modules it contains, plus any associated "
    "interface definition files, plus the scripts used to control compilation and installation of the executable.",
    "a nursery rhyme": "Twinkle, twinkle, little star, how I wonder what you are. Up above the world so high, like a diamond in "
    "the sky.",
}


def document(text):
    return Document(text, text)


def scanned(output, works, years=None):
    """The Report of a text against works {id: text} of these years."""
    years = years or {}
    about = {w: Work(w, f"Title of {w}", "text", (Credit(f"Writer of {w}", "author"),), (), years.get(w)) for w in works}
    index = MemoryIndex([(w, (features(document(t)),)) for w, t in works.items()], schemes(), about)
    return scan_media("output", Media("text", "0" * 64, (probes(document(output)),)), index)


def listed(report):
    return [m.work_id for m in report.matches if m.listed]


@pytest.mark.parametrize("kind", COMMON)
def test_common_property_names_nobody(kind):
    passage = COMMON[kind]
    works = {"holder": EARLY + " " + passage + " " + LATE, "other": LATE}
    assert listed(scanned(made_up(73, 60) + " " + passage + " " + made_up(74, 60), works)) == []


OF_THE_LIBRARY = COMMON["a notice"].replace("program", "library").replace("GNU General", "GNU Lesser General").replace("; ", ", ")
ON_SYSTEMS = " On Debian systems, the complete text of the GNU {} License can be found in /usr/share/common-licenses/"


def test_a_notice_in_other_words_names_nobody():
    """Too few words agree for a passage, but many letters do."""
    ours = COMMON["a notice"] + ON_SYSTEMS.format("General Public")
    theirs = OF_THE_LIBRARY + ON_SYSTEMS.format("Lesser General Public")
    works = {"holder": EARLY + " " + theirs + " " + LATE, "other": LATE}
    assert listed(scanned(made_up(73, 60) + " " + ours + " " + made_up(74, 60), works)) == []


def quotation(**years):
    works = {"late": LATE + " " + QUOTED + " " + made_up(75, 300), "early": EARLY + " " + QUOTED + " " + made_up(76, 300)}
    return scanned(made_up(77, 50) + " " + QUOTED + " " + made_up(78, 50), works, years)


def test_of_two_works_that_share_a_passage_the_older_is_named_and_the_other_told_of():
    report = quotation(early=1603, late=1902)
    assert listed(report) == ["early"]
    row = as_json(report)
    assert [s["work"] for s in row["matches"][0]["ambiguous"]] == ["early", "late"]
    assert [s["year"] for s in row["matches"][0]["ambiguous"]] == [1603, 1902]
    assert {c["name"] for c in row["credits"]} == {"Writer of early"}
    assert listed(quotation(early=1902, late=1603)) == ["late"]


@pytest.mark.parametrize("years", [{}, {"early": 1603}, {"early": 1700, "late": 1700}])
def test_without_years_that_tell_both_are_named_and_share(years):
    report = quotation(**years)
    assert sorted(listed(report)) == ["early", "late"]
    row = as_json(report)
    assert all(len(m["ambiguous"]) == 2 for m in row["matches"])
    assert abs(row["matches"][0]["degree"] - row["matches"][1]["degree"]) < 0.05
    assert sum(m["degree"] for m in row["matches"]) <= 1.0


def test_a_short_passage_of_many_works_is_common_property():
    works = {f"w{n}": made_up(80 + n, 800) + " " + QUOTED + " " + made_up(90 + n, 300) for n in range(4)}
    report = scanned(made_up(77, 50) + " " + QUOTED + " " + made_up(78, 50), works)
    assert listed(report) == []
    assert {m.source for m in report.matches} == {"common"}


def test_a_work_that_explains_more_than_the_quotation_is_the_source():
    words = EARLY.split(" ")
    early = " ".join([*words[:700], QUOTED, *words[700:]])
    output = made_up(77, 50) + " " + " ".join([*words[660:700], QUOTED, *words[700:740]])
    report = scanned(output, {"late": LATE + " " + QUOTED, "early": early}, {"late": 1500, "early": 1900})
    assert listed(report) == ["early"] and report.matches[0].ambiguous == ()


def test_the_report_is_valid_and_says_it_in_words():
    row = as_json(quotation(early=1603, late=1902), candidates=True)
    jsonschema.validate(row, SCHEMA)
    text = " ".join(" ".join(summary(row)).split())
    assert 'source not certain, the same words stand in "Title of early" (1603) and "Title of late" (1902)' in text


@pytest.mark.parametrize(
    ("about", "title", "year"),
    [
        ({"year": "1603"}, "Hamlet", 1603), ({"Date": "1887-05-02"}, "", 1887), ({"created": "c. 1820"}, "", 1820),
        ({}, "Hound (1902)", 1902), ({"year": "1901"}, "Hound (1902)", 1901), ({}, "1984", None), ({"year": "n.d."}, "", None),
        ({"published": "12345"}, "A (2nd edition)", None),
    ],
)  # fmt: skip
def test_years_are_read_from_the_catalogue_and_the_title(about, title, year):
    assert year_of(about, title) == year
