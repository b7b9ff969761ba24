"""Bad input, from end to end: one sentence each, nothing lost, the batch goes on, and the exit status is not 0."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import bad_media
import jsonschema
import numpy as np
import pytest
from conftest import SAMPLES, json_lines, run

from desk.workers import ROOT

GOOD = SAMPLES / "outputs" / "newsletter.txt"
WORK = SAMPLES / "works" / "weights-and-measures.txt"
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
NAME = "new\nline \U0001f3b5\x1b[31m.txt"
SHELL = "import sys; sys.path.insert(0, sys.argv.pop(1)); from desk.command import main; main(prog_name='byline')"
as_root = hasattr(os, "geteuid") and os.geteuid() == 0


def bad_files(folder: Path) -> dict[str, set[str]]:
    """Makes the files; what may be said of each: error codes, "" where it may be read all the same (and finds nothing)."""
    folder.mkdir()
    made = {
        "0-empty.mp4": {"empty"}, "0-empty.png": {"empty"}, "0-empty.txt": {"empty"},
        "half.mp4": {"", "unreadable", "truncated"}, "start.mp4": {"unreadable"}, "start.jpg": {"unreadable", "truncated"},
        "half.jpg": {"", "unreadable", "truncated"}, "half.docx": {"unreadable"}, "half.pdf": {"unreadable", "no-text"},
        "zero.wav": {"no-sound", "unreadable"}, "silence.wav": {""}, "red.png": {""}, "dot.png": {""}, "huge.png": {"too-large"},
        "bomb.docx": {"too-large"}, "bomb.epub": {"too-large"}, "laughs.docx": {"xml-entities"}, "ten-hours.mp4": {""},
        "loop.png": {"missing"}, "folder.mp4": {"no-media", "not-a-file"}, "noise.mp3": {"unknown-type", "unreadable"},
        "junk.fp": {"unknown-type", "unreadable", "bad-fingerprint"},
    }  # fmt: skip
    for name in ("0-empty.mp4", "0-empty.png", "0-empty.txt"):
        (folder / name).touch()
    bad_media.cut("outputs/bouncing.mp4", folder / "half.mp4", 0.5)
    bad_media.cut("outputs/bouncing.mp4", folder / "start.mp4", 0.01)
    bad_media.cut("outputs/rings.jpg", folder / "half.jpg", 0.6)
    bad_media.cut("outputs/rings.jpg", folder / "start.jpg", 0.01)
    bad_media.cut("outputs/second-opinion.docx", folder / "half.docx", 0.5)
    (folder / "half.pdf").write_bytes(bad_media.PAGE)
    bad_media.wav(folder / "zero.wav", np.zeros(0))
    bad_media.wav(folder / "silence.wav", np.zeros(44100 * 5))
    bad_media.one_colour(folder / "red.png")
    bad_media.plain_png(folder / "dot.png", 1, 1)
    bad_media.plain_png(folder / "huge.png", 30_000, 30_000)
    bad_media.docx_bomb(folder / "bomb.docx")
    bad_media.epub_bomb(folder / "bomb.epub")
    bad_media.docx_laughs(folder / "laughs.docx")
    bad_media.long_silent_film(folder / "ten-hours.mp4")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "folder.mp4").mkdir()
    (folder / "noise.mp3").write_bytes(np.random.default_rng(1).integers(0, 256, 20_000, np.uint8).tobytes())
    (folder / "junk.fp").write_bytes(b"BYLINEFP" + bytes(100))
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> tuple[Path, dict[str, set[str]]]:
    folder = tmp_path_factory.mktemp("bad") / "media"
    return folder, bad_files(folder)


@pytest.fixture(scope="module")
def scanned(folder, sample_registry):
    """One scan over all of them, with a good output before and after."""
    names = list(folder[1])
    result = run("scan", GOOD, *(folder[0] / n for n in names), GOOD, "--registry", sample_registry, "--json")
    return names, json_lines(result), result


def test_the_batch_goes_on_in_order(scanned, folder):
    names, rows, result = scanned
    assert result.exit_code == 1
    assert [r["output"] for r in rows] == [str(GOOD), *(str(folder[0] / n) for n in names), str(GOOD)]
    for row in (rows[0], rows[-1]):
        assert {m["work"] for m in row["matches"]} == {"text-weights", "text-loom"}
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for row in rows:
        validator.validate(row)


def test_each_is_told_in_one_sentence_or_found_to_hold_nothing(scanned, folder):
    names, rows, _ = scanned
    wrong = []
    for name, row in zip(names, rows[1:-1], strict=True):
        code = row.get("error", {}).get("code", "")
        if code not in folder[1][name] or row["matches"] or row["credits"] or row["unexplained"] != 1.0:
            wrong.append((name, code, row))
        message = row.get("error", {}).get("message", f"{folder[0] / name}: fine")
        assert message.startswith(f"{folder[0] / name}: ") and "\n" not in message and "Traceback" not in message
        assert len(message.removeprefix(f"{folder[0] / name}: ")) < 200
    assert not wrong


@pytest.fixture(scope="module")
def registered(folder, tmp_path_factory):
    registry = tmp_path_factory.mktemp("register") / "r.db"
    files = [WORK, *(folder[0] / n for n in folder[1]), GOOD]
    return registry, run("register", *files, "--registry", registry, "--json")


def test_registering_refuses_each_with_its_reason_and_does_the_rest(registered, folder):
    registry, result = registered
    *rows, totals = json_lines(result)
    assert result.exit_code == 1
    refused = {Path(r["file"]).name: r["code"] for r in rows if r["status"] == "refused"}
    for name, codes in folder[1].items():
        assert refused.get(name, "") in codes, name
    accepted = {r["title"] for r in rows if r["status"] == "accepted"}
    assert totals["refused"] == len(refused) and {"weights-and-measures", "newsletter"} <= accepted
    assert run("registry", "check", "--registry", registry).exit_code == 0


def test_silence_and_blank_pictures_find_nothing_of_each_other(registered, folder):
    """What holds no content is neither found nor a twin."""
    registry, result = registered
    assert not [r for r in json_lines(result) if r.get("status") == "twin"]
    blanks = [folder[0] / n for n in ("silence.wav", "red.png", "dot.png", "ten-hours.mp4")]
    rows = json_lines(run("scan", *blanks, "--registry", registry, "--json"))
    assert [r["matches"] for r in rows] == [[], [], [], []]


def test_a_text_renamed_mp4_is_a_text(byline, sample_registry, tmp_path):
    shutil.copy(GOOD, tmp_path / "clip.mp4")
    (row,) = json_lines(byline("scan", tmp_path / "clip.mp4", "--registry", sample_registry, "--json"))
    assert row["medium"] == "text" and {m["work"] for m in row["matches"]} == {"text-weights", "text-loom"}


def test_missing_paths_and_empty_folders(byline, sample_registry, tmp_path):
    (tmp_path / "empty").mkdir()
    result = byline(
        "scan", tmp_path / "gone.mp4", tmp_path / "empty", tmp_path / "*.flac", "--registry", sample_registry, "--json"
    )
    rows = json_lines(result)
    assert [r["error"]["code"] for r in rows] == ["missing", "no-media", "missing"] and result.exit_code == 1
    assert byline("register", tmp_path / "empty", "--registry", tmp_path / "r.db").exit_code == 1


def test_a_name_with_newline_emoji_and_escape(byline, sample_registry, tmp_path):
    path = tmp_path / NAME
    shutil.copy(GOOD, path)
    result = byline("scan", path, "--registry", sample_registry, "--json")
    (row,) = json_lines(result)
    assert row["output"] == str(path) and len(row["matches"]) == 2
    shown = byline("scan", path, "--registry", sample_registry).stdout
    assert "new\\nline \U0001f3b5\\x1b[31m.txt" in shown and "\x1b" not in shown
    registry = tmp_path / "r.db"
    made = byline("register", path, "--registry", registry).stdout
    listed = byline("works", "list", "--registry", registry).stdout
    assert "\x1b" not in made + listed and "\\n" in made + listed


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names there are Unicode")
def test_a_name_that_is_not_unicode(byline, sample_registry, tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")
    shutil.copy(GOOD, path)
    (row,) = json_lines(byline("scan", path, "--registry", sample_registry, "--json"))
    assert row["output"] == path and len(row["matches"]) == 2
    assert byline("scan", path, "--registry", sample_registry, "--csv", tmp_path / "t.csv").exit_code == 0
    assert byline("register", path, "--registry", tmp_path / "r.db").exit_code == 0


@pytest.mark.parametrize("option", ["--csv", "--html", "--output"])
def test_a_destination_that_cannot_be_written_is_told_before_scanning(byline, sample_registry, tmp_path, option):
    result = byline("scan", GOOD, "--registry", sample_registry, option, tmp_path / "no" / "x")
    assert result.exit_code == 1 and result.stdout == "" and str(tmp_path / "no") in result.stderr


@pytest.mark.skipif(as_root, reason="root may read everything")
def test_no_permission(byline, sample_registry, tmp_path):
    path = Path(shutil.copy(GOOD, tmp_path / "locked.txt"))
    path.chmod(0)
    (row,) = json_lines(byline("scan", path, "--registry", sample_registry, "--json"))
    assert row["error"]["code"] == "permission"


def no_registry(path: Path) -> str:
    return "there is no registry"


def a_text(path: Path) -> str:
    path.write_text("these are my notes, and not a registry at all\n")
    return "is not a Byline registry"


def another_database(path: Path) -> str:
    conn = sqlite3.connect(path)
    conn.execute("create table t (a)")
    conn.commit()
    conn.close()
    return "not a Byline registry"


def a_newer_one(path: Path) -> str:
    conn = sqlite3.connect(path)
    conn.execute(f"pragma user_version = {1 + conn.execute('pragma user_version').fetchone()[0]}")
    conn.close()
    return "newer version"


def a_damaged_one(path: Path) -> str:
    data = bytearray(path.read_bytes())
    data[100:40_000] = b"\xa5" * (40_000 - 100)
    path.write_bytes(data)
    return "is damaged"


@pytest.mark.parametrize("make", [no_registry, a_text, another_database, a_newer_one, a_damaged_one])
@pytest.mark.parametrize(
    "command", [("scan", GOOD), ("works", "list"), ("works", "withdraw", "text-loom"), ("registry", "stats")]
)
def test_a_file_that_is_no_usable_registry(byline, sample_registry, tmp_path, make, command):
    path = tmp_path / "r.db"
    if make in (a_newer_one, a_damaged_one):
        shutil.copy(sample_registry, path)
    sentence = make(path)
    before = path.read_bytes() if path.exists() else None
    result = byline(*command, "--registry", path)
    assert result.exit_code == 1 and sentence in result.stderr and result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert (path.read_bytes() if path.exists() else None) == before


def test_a_registry_that_is_damaged_inside_stops_the_scan_and_blames_no_output(byline, sample_registry, tmp_path):
    """Outputs that were called unreadable would be passed over when the scan is run again."""
    path, report = Path(shutil.copy(sample_registry, tmp_path / "r.db")), tmp_path / "night.jsonl"
    conn = sqlite3.connect(path)
    conn.execute("pragma writable_schema = on")
    conn.execute("update sqlite_master set name = 'lost', tbl_name = 'lost' where name = 'block'")
    conn.commit()
    conn.close()
    result = byline("scan", SAMPLES / "outputs" / "minutes.md", GOOD, "--registry", path, "--output", report)
    assert result.exit_code == 1 and str(path) in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert not report.exists() or "error" not in report.read_text()


@pytest.mark.parametrize("make", [a_text, another_database, a_newer_one])
def test_registering_into_a_file_that_is_no_registry_leaves_it_alone(byline, sample_registry, tmp_path, make):
    path = tmp_path / "r.db"
    if make is a_newer_one:
        shutil.copy(sample_registry, path)
    sentence = make(path)
    before = path.read_bytes()
    result = byline("register", WORK, "--registry", path)
    assert result.exit_code == 1 and sentence in result.stderr and path.read_bytes() == before


def test_a_locked_registry_can_be_read_and_says_so_to_a_second_writer(byline, sample_registry, tmp_path):
    from registry.store import open_registry

    path = Path(shutil.copy(sample_registry, tmp_path / "r.db"))
    with open_registry(path, write=True):
        assert len(json_lines(byline("works", "list", "--json", "--registry", path))) == 13
        (row,) = json_lines(byline("scan", GOOD, "--json", "--registry", path))
        assert len(row["matches"]) == 2
        second = byline("register", GOOD, "--registry", path)
    assert second.exit_code == 1 and "is being written by another process" in second.stderr


def shell(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """`byline` in a process of its own."""
    command = [sys.executable, "-c", SHELL, str(ROOT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, **options)


@pytest.mark.skipif(sys.platform == "win32", reason="limits")
def test_a_disk_that_is_full_while_registering(byline, sample_registry, tmp_path):
    """A limit on the size of files stands for the full disk: what was committed stays, the rest can be done later."""
    path = Path(shutil.copy(sample_registry, tmp_path / "r.db"))
    size = path.stat().st_size
    works = [tmp_path / f"{i}.txt" for i in range(40)]
    for i, work in enumerate(works):
        work.write_text(" ".join(f"{word}{i}" for word in WORK.read_text(encoding="utf-8").split() * 4), encoding="utf-8")

    import resource

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40_000, size + 40_000))

    result = shell("register", *works, "--registry", path, "--jobs", 1, preexec_fn=small_files)
    assert result.returncode == 1 and "disk" in result.stderr and "Traceback" not in result.stderr
    assert len(json_lines(byline("works", "list", "--json", "--registry", path))) >= 13
    assert byline("registry", "check", "--registry", path).exit_code == 0
    again = byline("register", *works, "--registry", path, "--json")
    assert again.exit_code == 0 and len(json_lines(byline("works", "list", "--json", "--registry", path))) == 53


def catalogue(folder: Path, works: bytes, credits: bytes = b"work_id,name,role\nw1,Ada Okoro,author\n") -> tuple[object, ...]:
    """Arguments for a catalogue of these bytes, with two texts beside it."""
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(
            f"{name} {WORK.read_text(encoding='utf-8')[::-1] if name == 'b.txt' else 'a note of some length'}"
        )
    (folder / "works.csv").write_bytes(works)
    (folder / "credits.csv").write_bytes(credits)
    files = ("--catalog", folder / "works.csv", "--credits", folder / "credits.csv")
    return ("register", *files, "--registry", folder / "r.db", "--json")


HEAD = b"work_id,title,medium,path,licence,source\n"


@pytest.mark.parametrize(
    ("works", "line", "says"),
    [
        (HEAD + b"w1,A,text,a.txt,,\nw1,B,text,b.txt,,\n", 3, "w1"),
        (HEAD + b"w1,A,text,a.txt,,\nw2,B,hologram,b.txt,,\n", 3, "hologram"),
        (HEAD + b"w1,A,text,a.txt,,\n,B,text,b.txt,,\n", 3, "work_id"),
        (HEAD + b"w1,A,text,a.txt,,\nw2,B,text,gone.txt,,\n", 3, "there is no such file"),
        (HEAD + b"w1,A,text,a.txt,,\nw2,B,text,,,\n", 3, "path"),
    ],
    ids=["duplicate id", "unknown medium", "no id", "missing file", "no path"],
)
def test_a_bad_row_costs_a_row(byline, tmp_path, works, line, says):
    result = byline(*catalogue(tmp_path, works))
    *rows, totals = json_lines(result)
    assert result.exit_code == 1 and (totals["accepted"], totals["refused"]) == (1, 1)
    (refusal,) = (r for r in rows if r["status"] == "refused")
    assert refusal["line"] == line and refusal["file"].endswith("works.csv") and says in refusal["reason"]
    people = json_lines(byline("people", "list", "--json", "--registry", tmp_path / "r.db"))
    assert [p["name"] for p in people] == ["Ada Okoro"]


@pytest.mark.parametrize(
    ("works", "credits", "says"),
    [
        (b"work_id,title\nw1,A\n", b"work_id,name,role\n", "path"),
        (b"", b"work_id,name,role\n", "works.csv"),
        (HEAD + b"w1,A,text,a.txt,,\n", b"work,who\nw1,Ada\n", "credits.csv"),
        (HEAD + b"w1,Caf\xe9 \xff\xfe\x81,text,a.txt,,\n", b"work_id,name,role\n", "UTF-8"),
        (b"\x00\x01\x02\x03" * 100, b"work_id,name,role\n", "works.csv"),
    ],
    ids=["missing columns", "empty", "missing columns in credits", "wrong encoding", "not a table"],
)
def test_a_catalogue_that_cannot_be_used_says_so_and_registers_nothing(byline, tmp_path, works, credits, says):
    result = byline(*catalogue(tmp_path, works, credits))
    assert result.exit_code == 1 and says in result.output and "Traceback" not in result.output
    listed = byline("works", "list", "--json", "--registry", tmp_path / "r.db")
    assert listed.stdout == ""


def test_a_missing_catalogue(byline, tmp_path):
    result = byline("register", "--catalog", tmp_path / "gone.csv", "--registry", tmp_path / "r.db")
    assert result.exit_code == 1 and "gone.csv" in result.output


def test_credits_for_works_that_are_not_there_are_told(byline, tmp_path):
    credits = b"work_id,name,role\nw1,Ada Okoro,author\nw9,Nobody,author\nw1,,author\n"
    result = byline(*catalogue(tmp_path, HEAD + b"w1,A,text,a.txt,,\n", credits))
    refused = [r for r in json_lines(result) if r.get("status") == "refused"]
    assert [r["line"] for r in refused] == [3, 4] and all(r["file"].endswith("credits.csv") for r in refused)


def test_a_decoder_that_crashes_costs_one_file(byline, sample_registry, tmp_path, monkeypatch):
    """The scan's own task with a codec that falls over on one file."""
    from desk import scanning

    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setattr(scanning, "TASK", "hostile:scan")
    names = ["good-1.txt", "crash-1.txt", "good-2.txt"]
    for name in names:
        shutil.copy(GOOD, tmp_path / name)
    result = byline("scan", *(tmp_path / n for n in names), "--registry", sample_registry, "--json")
    rows = json_lines(result)
    assert [r.get("error", {}).get("code") for r in rows] == [None, "crash", None] and result.exit_code == 1
    assert len(rows[2]["matches"]) == 2
    assert rows[1]["registry"] == rows[0]["registry"]
