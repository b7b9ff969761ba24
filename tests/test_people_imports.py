"""Imports of credits: four kinds of files, bad rows quarantined with file and line, nothing doubled however often it is run."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from registry import tables
from registry.hits import Credited
from registry.store import Registry, open_registry
from tests.conftest import json_lines
from tests.people_makers import HEADER, credited, put, rows_of, three_works
from tests.registry_makers import SCHEMES

ORCID = "orcid:0000-0002-1825-0097"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return three_works(tmp_path / "r.db")


# Our own tables


def test_a_table_with_bad_rows(path: Path, tmp_path: Path, byline):
    file = put(
        tmp_path, "credits.csv", HEADER + 'text,Ana,author,0000-0002-1825-0097,guild:7;ipi:14107338,25%,Writers,"A. R.; Anita"\n'
        "text,Bo,editor,0000-0002-1825-0098,,,,\nnone,Cy,editor,,,,,\ntext,,editor,,,,,\ntext,Di,letterer,,,140%,,\n"
        "text,Ana,translator,,guild:7,,,\ntext,short\ntext,Ed,illustrator,,,,,\n",
    )  # fmt: skip
    done = byline("people", "import", "--registry", path, file, "--json", "--quarantine", tmp_path / "bad.csv")
    *bad, totals = json_lines(done)
    assert done.exit_code == 1
    assert totals == {"accepted": 3, "completed": 0, "known": 0, "quarantined": 5, "unmatched_works": 0, "twins": 0}
    assert [(row["line"], row["work"]) for row in bad] == [(3, "text"), (4, "none"), (5, "text"), (6, "text"), (8, "text")]
    for row, words in zip(
        bad, ("no ORCID: its check digit is wrong", 'no work "none"', "name is empty", "140%", "2 fields"), strict=True
    ):
        assert words in row["reason"] and row["file"] == str(file)
    with open_registry(path, schemes=SCHEMES) as registry:
        assert registry.credited("text")[0] == Credited(
            "guild:7", "Ana", "author", Decimal("0.25"), "Writers", "claimed", "claimed"
        )
        (ana,) = registry.person("Anita")
        assert ana["identifiers"] == ["guild:7", "ipi:00014107338", ORCID] and ana["other_names"] == ["A. R.", "Anita"]
        assert registry.check() == []
    with (tmp_path / "bad.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["line"] for row in csv.DictReader(stream)] == ["3", "4", "5", "6", "8"]


def test_again_everything_is_there_and_what_was_missing_is_completed(path: Path, tmp_path: Path, byline):
    file = put(tmp_path, "c.csv", HEADER + "text,Ana,author,,guild:7,,,\ntext,Bo,editor,,,,,\n")
    assert byline("people", "import", "--registry", path, file).exit_code == 0
    before = rows_of(path)
    revision = open_registry(path, schemes=SCHEMES).revision()
    again = byline("people", "import", "--registry", path, file)
    assert again.stdout.startswith("0 credits accepted, 2 there already, 0 quarantined (")
    assert rows_of(path) == before
    assert open_registry(path, schemes=SCHEMES).revision() == revision
    more = put(
        tmp_path, "more.csv", HEADER + "text,Ana,author,,guild:7,0.5,G,\ntext,Bo,editor,,,,,\ntext,Ana,author,,guild:7,0.6,,\n"
    )
    told = byline("people", "import", "--registry", path, more)
    assert "0 credits accepted, 1 completed, 1 there already, 1 quarantined" in told.stdout
    assert f"quarantined: {more}, line 4: this credit is registered with the share 0.5, here it is 0.6" in told.stdout


def test_a_conflict_stores_nothing_of_its_row(path: Path, tmp_path: Path, byline):
    first = put(tmp_path, "a.csv", HEADER + "text,Ana,author,,guild:7,0.5,,\ntext,Bo,editor,,guild:8,,,\n")
    byline("people", "import", "--registry", path, first)
    before = rows_of(path)
    rows = "text,Ana,author,,guild:7;ipi:14107338,0.6,,Anita\ntext,Ana,x,,guild:7;guild:8;imdb:nm0000001,,,Anita\n"
    assert byline("people", "import", "--registry", path, put(tmp_path, "b.csv", HEADER + rows)).exit_code == 1
    assert rows_of(path) == before


def test_twins_are_counted_and_never_merged(path: Path, tmp_path: Path, byline):
    file = put(tmp_path, "c.csv", HEADER + "text,Ana,author,,,,,\nsong,ANA,singer,,,,,\n")
    told = byline("people", "import", "--registry", path, file).stdout
    assert "1 name borne by several people (Ana): see byline people twins; nobody was merged." in told
    assert credited(path, "text") == [("work:text:Ana", "Ana", "author")]
    assert credited(path, "song") == [("work:song:ANA", "ANA", "singer")]


def test_an_identifier_finds_who_stood_on_the_work_by_name(path: Path, tmp_path: Path, byline):
    """On one work the same name is the same person, whichever comes first; the merge is recorded."""
    file = put(tmp_path, "c.csv", HEADER + "film,Ingrid Solheim,editor,,guild:9,,,\n")
    byline("people", "import", "--registry", path, file)
    assert credited(path, "film") == [("work:film:Ingrid Solheim", "Ingrid Solheim", role) for role in ("director", "editor")]
    rows = "text,Ada,author,,guild:1,,,\nsong,Ada,singer,,,,,\nsong,Ada,composer,,guild:1,,,\n"
    byline("people", "import", "--registry", path, put(tmp_path, "d.csv", HEADER + rows))
    assert credited(path, "song") == [("guild:1", "Ada", "singer"), ("guild:1", "Ada", "composer")]
    with open_registry(path, schemes=SCHEMES) as registry:
        assert registry.current_key("work:song:Ada") == "guild:1"
        assert registry.file.conn.execute("select because from person_merge").fetchall() == [("the same name on one work, song",)]


def test_works_are_found_by_their_identifiers(path: Path, tmp_path: Path, byline):
    assert (
        byline("works", "identify", "text", "isbn:0-306-40615-2", "--registry", path).stdout == "text: isbn:9780306406157 noted\n"
    )
    assert "already noted" in byline("works", "identify", "text", "isbn:9780306406157", "--registry", path).stdout
    wrong = byline("works", "identify", "text", "isbn:9780306406158", "--registry", path)
    assert (wrong.exit_code, "check digit is wrong" in wrong.stderr) == (1, True)
    file = put(tmp_path, "c.csv", HEADER + "ISBN:978-0-306-40615-7,Ana,author,,,,,\nimdb:tt9990001,Bo,gaffer,,,,,\n")
    assert byline("people", "import", "--registry", path, file).exit_code == 0
    assert credited(path, "text") == [("work:text:Ana", "Ana", "author")]
    assert credited(path, "film")[1] == ("work:film:Bo", "Bo", "gaffer")


def test_formulas_are_neutralized_in_what_is_written(path: Path, tmp_path: Path, byline):
    file = put(tmp_path, "c.csv", HEADER + "=cmd|' /C calc'!A0,Ana,x,,,,,\n@x,Ana,x,,,,,\n")
    byline("people", "import", "--registry", path, file, "--quarantine", tmp_path / "bad.csv")
    with (tmp_path / "bad.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["work"] for row in csv.DictReader(stream)] == ["'=cmd|' /C calc'!A0", "'@x"]


# JSON Lines


def test_json_lines_with_bad_lines(path: Path, tmp_path: Path, byline):
    rows = [
        {
            "work_id": "text",
            "name": "Ana",
            "role": "author",
            "identifiers": ["orcid:0000-0002-1825-0097", "guild:7"],
            "share": "25%",
        },
        {"work_id": "text", "name": "Bo", "role": "editor", "share": 0.1, "identifier": None, "other_names": ["B.", "Bob"]},
        {"work_id": "text", "name": "Cy"},
        {"work_id": "text", "name": {"first": "Di"}, "role": "x"},
        {"work_id": "text", "name": "Ed", "role": "x", "ipi": "00014107339"},
    ]
    lines = [json.dumps(row) for row in rows] + [
        "{",
        "",
        '{"work_id": "text", "name": "Fy", "role": "x", "share": NaN}',
        "7",
        "[" * 9999,
    ]
    done = byline("people", "import", "--registry", path, put(tmp_path, "c.jsonl", "\n".join(lines)), "--json")
    *bad, totals = json_lines(done)
    assert (totals["accepted"], totals["quarantined"]) == (2, 7)
    assert [row["line"] for row in bad] == [3, 4, 5, 6, 8, 9, 10]
    words = (
        "role is missing",
        "name is neither",
        "check digit",
        "no JSON object",
        "no JSON object",
        "no JSON object",
        "no JSON object",
    )
    assert all(w in row["reason"] for w, row in zip(words, bad, strict=True))
    with open_registry(path, schemes=SCHEMES) as registry:
        assert [c.share for c in registry.credited("text")] == [Decimal("0.25"), Decimal("0.1")]


# Files that cannot be right


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEADER + "text,Ana,author,,,,,\n" + 'text,"Bo,editor,,,,,\n', "line 3: a quote is opened here and never closed"),
        ((HEADER + "text,Zo\xeb,author,,,,,\n").encode("cp1252"), "line 2: is not UTF-8 text"),
        ("name,role\nAna,x\n", "the column work_id missing"),
        ("", "the columns work_id, name, role missing"),
        (b"\xff\xfe\x00\x01", "missing"),
        ('{"work_id": "text",\n "name": "Ana"', "is no JSON, or cut off"),
        ("[1, 2]", "is no JSON, or cut off, or neither objects"),
        ("nconst\tprimaryName\nnm1\tA\n", "need title.principals"),
        ("tconst\tordering\tnconst\n", "need name.basics"),
        (b"\x1f\x8b\x08junk", "damaged"),
    ],
)
def test_files_of_no_use_are_told_and_the_others_done(path: Path, tmp_path: Path, byline, content: str | bytes, words: str):
    bad, good = put(tmp_path, "bad", content), put(tmp_path, "good.csv", HEADER + "song,Gus,singer,,,,,\n")
    done = byline("people", "import", "--registry", path, bad, tmp_path / "missing", good)
    assert done.exit_code == 1
    assert words in done.stdout and str(bad) in done.stdout, done.output
    assert "there is no such file" in done.stdout
    assert credited(path, "song") == [("work:song:Gus", "Gus", "singer")]


class Endless(io.RawIOBase):
    """A line of so many bytes that is never in memory as a whole; says how much of it was asked for at a time."""

    def __init__(self, size: int, before: bytes, after: bytes) -> None:
        self._left, self._before, self._after = size, before, after
        self.largest = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        self.largest = max(self.largest, len(buffer))
        for name in ("_before", "_after"):
            part = getattr(self, name)
            if part and (name == "_before" or not self._left):
                n = min(len(buffer), len(part))
                buffer[:n] = part[:n]
                setattr(self, name, part[n:])
                return n
        n = min(len(buffer), self._left)
        buffer[:n] = b"x" * n
        self._left -= n
        return n


def test_a_line_without_end_is_passed_over_without_being_kept(monkeypatch):
    monkeypatch.setattr(tables, "MOST_LINE", 1 << 16)
    raw = Endless(1 << 26, b"head\n", b"\ntail\n")
    lines = tables.Lines(io.TextIOWrapper(io.BufferedReader(raw, 1 << 13), encoding="utf-8", newline=""))
    assert next(lines) == "head\n"
    with pytest.raises(tables.LongLine, match="longer than 65,536 characters"):
        next(lines)
    assert (next(lines), lines.number, list(lines)) == ("tail\n", 3, [])
    assert raw.largest <= 1 << 16


@pytest.mark.parametrize("name", ["c.csv", "c.jsonl"])
def test_a_line_beyond_the_limit_is_quarantined_and_the_rest_imported(path: Path, tmp_path: Path, byline, monkeypatch, name: str):
    monkeypatch.setattr(tables, "MOST_LINE", 1 << 12)
    if name == "c.csv":
        rows = [HEADER.strip(), "text,Ana,author,,,,,", f"text,{'x' * 9999},author,,,,,", "text,Bo,editor,,,,,"]
    else:
        rows = [json.dumps({"work_id": "text", "name": n, "role": "author"}) for n in ("Ana", "x" * 9999, "Bo")]
        rows.insert(0, json.dumps({"work_id": "text", "name": "Cy", "role": "author"}))
    done = byline("people", "import", "--registry", path, put(tmp_path, name, "\n".join(rows) + "\n"), "--json")
    row, totals = json_lines(done)
    assert (row["line"], "the line is longer than 4,096 characters" in row["reason"]) == (3, True)
    assert totals["accepted"] == (2 if name == "c.csv" else 3)


def test_an_import_that_fails_in_the_middle_keeps_whole_batches(path: Path, monkeypatch, tmp_path: Path):
    """Rows of a batch are all in or none; the report has told only what is in."""
    from registry import imports

    rows = "".join(f"text,Human {i},extra,,,,,\n" for i in range(25))
    file = put(tmp_path, "c.csv", HEADER + rows)
    whole = imports._put
    with open_registry(path, write=True, schemes=SCHEMES) as registry:
        monkeypatch.setattr(imports, "BATCH_ROWS", 10)

        def failing(conn, item, works):
            if item.credit.name == "Human 17":
                raise MemoryError
            return whole(conn, item, works)

        monkeypatch.setattr(imports, "_put", failing)
        with pytest.raises(MemoryError):
            _drain(registry, file, imports)
        monkeypatch.setattr(imports, "_put", whole)
        assert len(registry.credited("text")) == 10
        _drain(registry, file, imports)
        assert len(registry.credited("text")) == 25


def _drain(registry: Registry, file: Path, imports) -> None:
    from registry.imports_files import Unmatched, read_credits

    items = read_credits([file], frozenset, Unmatched())
    for _ in imports.take(items, registry.file.writing, imports.BATCH_ROWS):
        pass


def test_a_catalogue_whose_credits_contradict_each_other_is_told_with_its_line(tmp_path: Path, byline):
    for name in ("a", "b"):
        put(tmp_path, f"{name}.txt", f"{name} text of its own, which is long enough to be told from every other text here. " * 20)
    works = put(tmp_path, "works.csv", "work_id,title,medium,path,isbn\na,A,text,a.txt,\nb,B,text,b.txt,0-306-40615-2\n")
    rows = "a,Ana,author,0000-0002-1825-0097,,,,\na,Bo,editor,,guild:7,33.333 %,,\n"
    rows += "b,Bo,author,0000-0002-1825-0097,guild:7,,,\nb,Cy,editor,,,,,\n"
    credits, registry = put(tmp_path, "credits.csv", HEADER + rows), tmp_path / "new.db"
    done = byline("register", "--registry", registry, "--catalog", works, "--credits", credits, "--jobs", "1")
    assert done.exit_code == 1
    assert f"a credit was left out: {credits}, line 4: Bo (author): two people are meant" in done.stdout
    assert credited(registry, "b") == [("work:b:Cy", "Cy", "editor")]
    shown = byline("works", "show", "a", "b", "--registry", registry).stdout
    assert "Bo (editor, declared share 33.333 %)  guild:7" in shown
    assert "identifier   isbn:9780306406157" in shown
    (about, _) = json_lines(byline("works", "show", "a", "b", "--registry", registry, "--json"))
    assert [c["share"] for c in about["credits"]] == [None, "0.33333"]
