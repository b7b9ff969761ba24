"""Imports from IMDb's tables and MusicBrainz's recordings: humans found by their identifiers there, in roles of our list."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from registry.store import open_registry
from tests.conftest import json_lines
from tests.people_makers import credited, put, rows_of, three_works
from tests.registry_makers import SCHEMES

DATA = Path(__file__).with_name("data")
MB = "musicbrainz:11111111-aaaa-4bbb-8ccc-0000000000"
IMDB = [DATA / "imdb" / f"{name}.tsv" for name in ("name.basics", "title.basics", "title.principals")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return three_works(tmp_path / "r.db")


# IMDb


def test_imdb_tables(path: Path, byline):
    done = byline("people", "import", "--registry", path, *IMDB, "--json")
    *bad, totals = json_lines(done)
    assert credited(path, "film") == [
        ("work:film:Ingrid Solheim", "Ingrid Solheim", "director"),
        ("imdb:nm9990005", "Héloïse Brandt", "actor"),
        ("imdb:nm9990002", 'Bashir "Bash" Nouri', "cinematographer"),
        ("imdb:nm9990005", "Héloïse Brandt", "on-screen participant"),
    ]
    assert totals == {"accepted": 3, "completed": 0, "known": 1, "quarantined": 3, "unmatched_works": 2, "twins": 0}
    assert [(Path(row["file"]).name, row["line"]) for row in bad] == [
        ("title.principals.tsv", 7), ("name.basics.tsv", 5), ("title.principals.tsv", 5)
    ]  # fmt: skip
    assert "nm9990099 is not in name.basics" in bad[2]["reason"]
    with open_registry(path, schemes=SCHEMES) as registry:
        assert registry.person("Ingrid Solheim")[0]["identifiers"] == ["imdb:nm9990001"]


def test_imdb_packed_and_a_second_time(path: Path, tmp_path: Path, byline):
    packed = [tmp_path / f"{file.name}.gz" for file in IMDB]
    for file, target in zip(IMDB, packed, strict=True):
        target.write_bytes(gzip.compress(file.read_bytes()))
    byline("people", "import", "--registry", path, *packed)
    before = rows_of(path)
    assert json_lines(byline("people", "import", "--registry", path, *packed, "--json"))[-1]["accepted"] == 0
    assert rows_of(path) == before
    packed[2].write_bytes(packed[2].read_bytes()[:60])
    *bad, totals = json_lines(byline("people", "import", "--registry", path, *packed, "--json"))
    assert any("is damaged or cut off" in row["reason"] for row in bad) and totals["accepted"] == 0


def test_a_wrong_imdb_identifier_names_nobody(path: Path, byline):
    byline("works", "identify", "text", "imdb:tt9990002", "--registry", path)
    told = byline("people", "import", "--registry", path, *IMDB)
    assert 'imdb:tt9990002 is "Something Else Entirely" there, and "Title of text" here (work text)' in told.stdout
    assert credited(path, "text") == []
    byline("people", "import", "--registry", path, IMDB[0], IMDB[2])
    assert credited(path, "text") == [("imdb:nm9990003", "Oona Farrelly", "editor")]


def test_imdb_needs_both_tables(path: Path, tmp_path: Path, byline):
    assert "need name.basics too" in byline("people", "import", "--registry", path, IMDB[2]).stdout
    assert "need title.principals too" in byline("people", "import", "--registry", path, IMDB[0]).stdout
    second = shutil.copy(IMDB[0], tmp_path / "second.tsv")
    assert "is a second name.basics.tsv" in byline("people", "import", "--registry", path, *IMDB, second).stdout


# MusicBrainz


def test_a_recording_of_musicbrainz(path: Path, byline):
    done = byline("people", "import", "--registry", path, DATA / "musicbrainz-recording.json", "--json")
    *bad, totals = json_lines(done)
    assert credited(path, "song") == [
        (f"{MB}11", "W. Liling", "performer"), (f"{MB}13", "Jacopo Treves", "session player, accordion"),
        (f"{MB}14", "Rurik H.", "mixing engineer"), (f"{MB}11", "Wen Liling", "composer"),
        (f"{MB}16", "Niamh Castellane", "lyricist"),
    ]  # fmt: skip
    assert (totals["accepted"], totals["quarantined"]) == (5, 3)
    for row, words in zip(
        bad, ("The Harbour Band (performer) is group, not a person", "check digit", "Various Artists"), strict=True
    ):
        assert words in row["reason"]
    with open_registry(path, schemes=SCHEMES) as registry:
        (wen,) = registry.person("Wen Liling")
        assert wen["identifiers"] == ["ipi:00014107338", "isni:000000012281955X", f"{MB}11"]


def test_recordings_one_a_line_in_a_list_and_odd_ones(path: Path, tmp_path: Path, byline):
    one = json.loads((DATA / "musicbrainz-recording.json").read_text(encoding="utf-8"))
    other = one | {"id": "22222222-aaaa-4bbb-8ccc-000000000001", "isrcs": []}
    odd = [one | {"relations": 7}, one | {"id": "x"}, one | {"artist-credit": [{"name": "A", "artist": 5}]}]
    lines = put(tmp_path, "dump", "\n".join(json.dumps(row) for row in (one, other, *odd)))
    *bad, totals = json_lines(byline("people", "import", "--registry", path, lines, "--json"))
    assert (totals["accepted"], totals["unmatched_works"]) == (5, 1)
    assert [row["line"] for row in bad][-3:] == [3, 4, 5]
    for name, value in (("list", [one, other]), ("found", {"recordings": [one], "count": 1})):
        whole = put(tmp_path, name, json.dumps(value, indent=1))
        assert json_lines(byline("people", "import", "--registry", path, whole, "--json"))[-1]["known"] == 5
