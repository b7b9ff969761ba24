"""`byline` from end to end, on the sample media."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from conftest import SAMPLES, json_lines
from PIL import Image

from desk.workers import ROOT

OUTPUTS = SAMPLES / "outputs"
EXPECTED = json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8"))
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
SHELL = "import sys; sys.path.insert(0, sys.argv.pop(1)); from desk.command import main; main(prog_name='byline')"


def shell(*arguments: object, **options: object) -> subprocess.Popen[str]:
    """`byline` in a process of its own."""
    command = [sys.executable, "-c", SHELL, str(ROOT), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.fixture
def registry(sample_registry, tmp_path) -> Path:
    """A registry of the sample works that may be written."""
    return Path(shutil.copy(sample_registry, tmp_path / "own.db"))


def test_help_is_light():
    """No heavy module is imported before a command runs."""
    heavy = ("numpy", "cv2", "av", "sqlite_utils", "sqlite3", "PIL", "scipy", "librosa", "datasketch", "rich", "jinja2", "soxr")
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom desk.command import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print(sorted(set({heavy!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage:" in done.stdout and done.stderr.strip() == "[]"


@pytest.fixture(scope="module")
def scanned(sample_registry):
    """Report rows of all sample outputs, and how the scan ended."""
    from conftest import run

    result = run("scan", OUTPUTS, "--registry", sample_registry, "--json")
    return json_lines(result), result


def test_a_scan_names_the_works_and_the_humans(scanned):
    rows, result = scanned
    assert result.exit_code == 1, "one sample output is damaged on purpose"
    found = {Path(r["output"]).name: sorted(m["work"] for m in r["matches"]) for r in rows}
    assert [r["output"] for r in rows] == sorted(r["output"] for r in rows)
    assert found == {name: sorted(entry["works"]) for name, entry in EXPECTED.items()}
    assert {Path(r["output"]).name for r in rows if "error" in r} == {n for n, e in EXPECTED.items() if e.get("error")}
    poster = next(r for r in rows if r["output"].endswith("travel-poster.jpg"))
    assert {c["name"] for c in poster["credits"]} == {"Lucjan Orzel", "Vasco Temple", "Ilse Brandt"}
    for row in rows:
        explained = sum(m["degree"] for m in row["matches"])
        assert row["unexplained"] == pytest.approx(1 - explained, abs=1e-3)


def test_every_line_fits_the_published_schema(scanned):
    rows, _ = scanned
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for row in rows:
        validator.validate(row)
    assert any("error" in row for row in rows) and any(row["credits"] for row in rows)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(rows[0] | {"unexplained": 2})


def test_candidates_fit_the_schema_and_name_nobody(byline, sample_registry):
    output = OUTPUTS / "focus-mix.m4a"
    (row,) = json_lines(byline("scan", output, "--registry", sample_registry, "--json", "--candidates"))
    jsonschema.Draft202012Validator(SCHEMA).validate(row)
    weak = {m["work"] for m in row["matches"] if m.get("candidate")}
    assert not weak & {c["work"] for c in row["credits"]}
    assert all(m["degree"] == 0 for m in row["matches"] if m.get("candidate"))


def test_scans_are_the_same_byte_for_byte_whatever_the_number_of_workers(byline, sample_registry):
    chosen = [OUTPUTS / name for name in ("newsletter.txt", "violet-evening.webp", "broken-download.mp4", "fan-page.html")]
    one = byline("scan", *chosen, "--registry", sample_registry, "--json", "--jobs", 1)
    two = byline("scan", *chosen, "--registry", sample_registry, "--json", "--jobs", 2)
    assert one.stdout == two.stdout and one.exit_code == two.exit_code == 1
    assert [json.loads(line)["output"] for line in one.stdout.splitlines()] == [str(p) for p in chosen]


def test_people_read_what_was_found_and_what_it_does_not_prove(byline, sample_registry):
    text = byline("scan", OUTPUTS / "newsletter.txt", OUTPUTS / "minutes.md", "--registry", sample_registry).stdout
    assert 'contains part of "Weights and Measures"' in text and "Hanne Okafor-Lind (author)" in text
    assert "none of the 13 registered works was found in it" in text
    assert "2 outputs scanned: 1 with registered works in them" in text and "does not show" in text


def test_a_spreadsheet_and_a_page_can_be_had_too(byline, sample_registry, tmp_path):
    table, page = tmp_path / "t.csv", tmp_path / "p.html"
    outputs = [OUTPUTS / "newsletter.txt", OUTPUTS / "broken-download.mp4"]
    assert byline("scan", *outputs, "--registry", sample_registry, "--csv", table, "--html", page).exit_code == 1
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {r["work"] for r in rows} == {"text-weights", "text-loom", ""} and rows[-1]["error"]
    assert "Hanne Okafor-Lind" in page.read_text(encoding="utf-8")


def test_a_report_file_is_continued_after_a_kill(byline, sample_registry, tmp_path):
    outputs = [OUTPUTS / name for name in ("minutes.md", "broken-download.mp4", "newsletter.txt")]
    report = tmp_path / "night.jsonl"
    whole = byline("scan", *outputs, "--registry", sample_registry, "--json").stdout
    first, second, third = whole.splitlines(keepends=True)
    report.write_text(first + second + third[:40])  # killed in the middle of the third line
    again = byline("scan", *outputs, "--registry", sample_registry, "--output", report)
    assert report.read_text() == whole
    assert again.exit_code == 1, "an error in the part that was there counts"
    assert "2 outputs scanned" in again.stdout
    stamp = report.stat().st_mtime_ns
    time.sleep(0.01)
    done = byline("scan", *outputs, "--registry", sample_registry, "--output", report, "--json")
    assert done.stdout == whole and report.read_text() == whole and report.stat().st_mtime_ns >= stamp


@pytest.mark.parametrize("content", ['{"a": 1}\n', "my notes\n", "my notes", '["schema"]\n', '{"schema": 1'[::-1]])
def test_a_file_that_is_no_report_is_not_touched(byline, sample_registry, tmp_path, content):
    file = tmp_path / "notes.txt"
    file.write_text(content)
    result = byline("scan", OUTPUTS / "minutes.md", "--registry", sample_registry, "--output", file)
    assert result.exit_code == 1 and "is not a scan report" in result.stderr and file.read_text() == content


def test_the_registry_is_chosen_by_option_then_environment_then_here(byline, registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "byline.db: there is no registry here" in byline("works", "list").stderr
    shutil.copy(registry, tmp_path / "byline.db")
    byline("works", "withdraw", "text-loom")
    monkeypatch.setenv("BYLINE_REGISTRY", str(registry))
    assert len(json_lines(byline("works", "list", "--json"))) == 13
    assert len(json_lines(byline("works", "list", "--json", "--registry", tmp_path / "byline.db"))) == 12


def test_single_works_get_title_credits_and_an_id(byline, tmp_path):
    registry = tmp_path / "r.db"
    source = SAMPLES / "works" / "tidal-flats.jpg"
    byline("register", source, "--registry", registry, "--title", "Flats", "--credit", "Hollis Marrow:photographer",
           "--credit", "Co: lon:retoucher", "--work-id", "w1", "--licence", "CC0", "--source", "me")  # fmt: skip
    (work,) = json_lines(byline("works", "show", "w1", "--registry", registry, "--json"))
    assert (work["title"], work["medium"], work["licence"], work["source"]) == ("Flats", "image", "CC0", "me")
    assert [(c["name"], c["role"]) for c in work["credits"]] == [("Hollis Marrow", "photographer"), ("Co: lon", "retoucher")]
    assert "Hollis Marrow (photographer)" in byline("works", "show", "w1", "--registry", registry).stdout


def test_registering_again_finds_everything_known(byline, tmp_path):
    registry, works = tmp_path / "r.db", SAMPLES / "works" / "t*.jpg"
    first = byline("register", works, "--registry", registry, "--json")
    ids = [r["work"] for r in json_lines(first) if r.get("status") == "accepted"]
    assert len(ids) == 2 and json_lines(first)[-1] == {"accepted": 2, "known": 0, "refused": 0, "twins": 0}
    again = byline("register", works, "--registry", registry, "--json")
    assert json_lines(again)[-1] == {"accepted": 0, "known": 2, "refused": 0, "twins": 0} and again.exit_code == 0


def test_twins_are_listed_and_linked(byline, tmp_path):
    """The same file twice, and the same text with a few words changed."""
    registry = tmp_path / "r.db"
    text = (SAMPLES / "works" / "weights-and-measures.txt").read_text(encoding="utf-8")
    for name, content in (("a.txt", text), ("b.txt", text), ("c.txt", "A note.\n" + text.replace(" the ", " that ", 2)),
                          ("d.txt", text[:900])):  # fmt: skip
        (tmp_path / name).write_text(content, encoding="utf-8")
    for name in "abcd":
        byline("register", tmp_path / f"{name}.txt", "--registry", registry, "--work-id", name)
    twins = {
        name: set(json_lines(byline("works", "show", name, "--registry", registry, "--json"))[0]["twins"]) for name in "abcd"
    }
    assert "b" in twins["a"] and "a" in twins["b"]
    assert twins["c"] and twins["c"] <= {"a", "b"}
    assert twins["d"] == set(), "a quarter of a work is no twin of it"
    assert "c" in "".join(twins["a"] | twins["b"])


def test_another_resolution_is_a_twin_and_a_crop_is_not(byline, tmp_path):
    registry, picture = tmp_path / "r.db", Image.open(SAMPLES / "works" / "tidal-flats.jpg")
    width, height = picture.size
    picture.resize((width // 2, height // 2)).save(tmp_path / "small.jpg", quality=60)
    picture.crop((0, 0, width // 2, height // 2)).save(tmp_path / "crop.jpg")
    byline("register", SAMPLES / "works" / "tidal-flats.jpg", "--registry", registry, "--work-id", "w")
    rows = json_lines(byline("register", tmp_path / "crop.jpg", tmp_path / "small.jpg", "--registry", registry, "--json"))
    assert [(r["work"][:5], r["twin"]) for r in rows if r.get("status") == "twin"] == [("small", "w")]


def test_near_twins_need_not_be_looked_for(byline, tmp_path):
    registry = tmp_path / "r.db"
    text = (SAMPLES / "works" / "weights-and-measures.txt").read_text(encoding="utf-8")
    for name, content in (("a.txt", text), ("c.txt", "A note.\n" + text)):
        (tmp_path / name).write_text(content, encoding="utf-8")
        byline("register", tmp_path / name, "--registry", registry, "--work-id", name, "--no-twins")
    assert json_lines(byline("works", "show", "c.txt", "--registry", registry, "--json"))[0]["twins"] == []


def test_a_portable_fingerprint_registers_like_its_file(byline, tmp_path):
    source = SAMPLES / "works" / "harbour-waltz.mp3"
    portable = tmp_path / "mine.fp"
    made = byline("fingerprint", source, "-o", portable)
    assert made.exit_code == 0 and "audio.landmark.2" in made.stdout
    assert portable.stat().st_size < source.stat().st_size / 3
    direct, handed = tmp_path / "direct.db", tmp_path / "handed.db"
    byline("register", source, "--registry", direct, "--work-id", "w")
    byline("register", portable, "--registry", handed, "--work-id", "w")
    rows = []
    for registry in (direct, handed):
        (row,) = json_lines(byline("scan", OUTPUTS / "podcast-opening.mp3", "--registry", registry, "--json"))
        rows.append(row["matches"])
        assert row["matches"][0]["work"] == "w"
    assert rows[0] == [m | {"title": rows[0][0]["title"]} for m in rows[1]]


def test_several_fingerprints_go_into_a_folder_and_one_bad_file_does_not_stop_them(byline, tmp_path):
    (tmp_path / "a").mkdir()
    shutil.copy(SAMPLES / "works" / "tidal-flats.jpg", tmp_path / "a" / "x.jpg")
    shutil.copy(SAMPLES / "works" / "tin-orchard.jpg", tmp_path / "x.jpg")
    result = byline("fingerprint", tmp_path / "a" / "x.jpg", tmp_path / "gone.jpg", tmp_path / "x.jpg", "-o", tmp_path / "out")
    assert result.exit_code == 1 and "there is no such file" in result.stdout
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["x.jpg-2.fp", "x.jpg.fp"]


def test_works_and_people_are_listed_and_shown(byline, sample_registry):
    where = ("--registry", sample_registry)
    assert len(json_lines(byline("works", "list", "--medium", "film", "--json", *where))) == 2
    assert "Harbour Waltz" in byline("works", "list", "--like", "harbour", *where).stdout
    assert "No works" in byline("works", "list", "--like", "zzz", *where).stdout
    people = json_lines(byline("people", "list", "--json", *where))
    assert [p["name"] for p in people] == sorted(p["name"] for p in people)
    nouri = byline("people", "show", "Bashir Nouri", *where).stdout
    assert 'camera operator: "The Lantern Boat"' in nouri and 'camera operator: "Paper City"' in nouri
    unknown = byline("people", "show", "Nobody At All", *where)
    assert unknown.exit_code == 1 and "nobody of this name" in unknown.stderr
    stats = json_lines(byline("registry", "stats", "--json", *where))[0]
    assert sum(stats["works"].values()) == 13
    assert "13 works (" in byline("registry", "stats", *where).stdout


def test_a_withdrawn_work_is_gone_from_the_next_scan_and_can_come_back(byline, registry):
    def found() -> set[str]:
        (row,) = json_lines(byline("scan", OUTPUTS / "newsletter.txt", "--registry", registry, "--json"))
        return {m["work"] for m in row["matches"]}

    assert found() == {"text-weights", "text-loom"}
    unknown = byline("works", "withdraw", "text-loom", "no-such-work", "--registry", registry)
    assert unknown.exit_code == 1 and found() == {"text-weights", "text-loom"}, "all must be there before one is touched"
    assert "withdrawn" in byline("works", "withdraw", "text-loom", "--reason", "asked", "--registry", registry).stdout
    assert found() == {"text-weights"}
    (work,) = json_lines(byline("works", "show", "text-loom", "--registry", registry, "--json"))
    assert work["state"] == "withdrawn" and [e["detail"] for e in work["events"] if e["kind"] == "withdrawn"] == ["asked"]
    assert all(e["at"].startswith("20") for e in work["events"])
    byline("works", "restore", "text-loom", "--registry", registry)
    assert found() == {"text-weights", "text-loom"}


def test_a_registry_is_checked_backed_up_merged_and_rebuilt(byline, registry, tmp_path):
    copy = tmp_path / "copy.db"
    for command in (("backup", copy), ("merge",), ("rebuild",), ("check",)):
        result = byline("registry", *command, "--registry", registry)
        assert result.exit_code == 0, result.output
    before = byline("scan", OUTPUTS / "newsletter.txt", "--registry", copy, "--json").stdout
    assert byline("scan", OUTPUTS / "newsletter.txt", "--registry", registry, "--json").stdout == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("register",),
        ("register", "a.txt", "--catalog", "c.csv"),
        ("register", "a.txt", "b.txt", "--title", "One for both"),
        ("register", "a.txt", "--credit", "Ada without a role"),
        ("register", "a.txt", "--credits", "c.csv"),
        ("register", "--catalog", "c.csv", "--credit", "Ada:author"),
        ("scan",),
        ("works", "show"),
        ("no-such-command",),
    ],
)
def test_a_wrong_command_line_is_status_2(byline, arguments):
    result = byline(*arguments)
    assert result.exit_code == 2 and "Usage" in result.stderr


def many_texts(folder: Path, count: int) -> Path:
    """A catalogue of short texts, all different."""
    words = (SAMPLES / "works" / "weights-and-measures.txt").read_text(encoding="utf-8").split()
    folder.mkdir()
    rows = []
    for i in range(count):
        shuffled = words[i % 97 :: 3] + words[i % 89 :: 2]
        (folder / f"{i}.txt").write_text(f"number {i} " + " ".join(shuffled[i % 31 : 400]), encoding="utf-8")
        rows.append(f"t{i},Text {i},text,{i}.txt,,\n")
    (folder / "works.csv").write_text("work_id,title,medium,path,licence,source\n" + "".join(rows))
    return folder / "works.csv"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_registering_goes_on_after_it_was_stopped(byline, tmp_path, how):
    catalog, registry = many_texts(tmp_path / "many", 150), tmp_path / "r.db"
    arguments = ("register", "--catalog", catalog, "--registry", registry, "--no-twins", "--jobs", 1)
    process = shell(*arguments)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None and works_in(byline, registry) < 20:
        time.sleep(0.05)
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    before = works_in(byline, registry)
    if how == signal.SIGINT and process.returncode != 0:
        assert process.returncode == 130 and "what was done is kept" in err and f"{before} works registered" in out
    again = byline(*arguments, "--json")
    totals = json_lines(again)[-1]
    assert totals == {"accepted": 150 - before, "known": before, "refused": 0, "twins": 0}
    assert works_in(byline, registry) == 150
    assert byline("registry", "check", "--registry", registry).exit_code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_scan_goes_on_after_ctrl_c(byline, sample_registry, tmp_path):
    many_texts(tmp_path / "many", 60)
    report = tmp_path / "night.jsonl"
    arguments = ("scan", tmp_path / "many", "--registry", sample_registry, "--output", report, "--jobs", 1)
    process = shell(*arguments)
    deadline = time.monotonic() + 60
    while (
        time.monotonic() < deadline and process.poll() is None and (not report.exists() or report.read_bytes().count(b"\n") < 5)
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    if process.returncode != 0:
        assert process.returncode == 130 and "run the same command again to go on" in err
        assert 5 <= report.read_bytes().count(b"\n") < 60
    assert byline(*arguments).exit_code == 0
    assert report.read_text() == byline("scan", tmp_path / "many", "--registry", sample_registry, "--json").stdout


def works_in(byline, registry: Path) -> int:
    if not registry.exists():
        return 0
    result = byline("works", "list", "--registry", registry, "--json")
    return len(result.stdout.splitlines()) if result.exit_code == 0 else 0
