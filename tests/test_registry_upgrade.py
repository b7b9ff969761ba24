"""Schemes change: what older versions stored is read, converted or made again; nothing is lost at whatever moment it stops."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fingerprint import schemes
from fingerprint.features import Fingerprint, Media, Part, Scheme, make
from fingerprint.hashing import band_keys
from fingerprint.portable import pack_media, read, unpack_media
from registry.store import Registry, open_registry
from tests.conftest import SAMPLES, json_lines
from tests.registry_makers import entry

ROOT = SAMPLES.parent
DATA = Path(__file__).with_name("data")  # made by the first version: its sample works, two of them as portable files


def bands(name: str, width: int) -> Scheme:
    return Scheme(name, "film", 0.01, payload_width=width, derive=lambda payload: band_keys(payload, name, 2))


# Version 1 of a made-up Byline, and version 2: thumbs and tones can be converted, hashes cannot, words are new.
THUMB_1 = Scheme("test.thumb.1", "film", 0.01, payload_width=4, indexed=False)
TONE_1 = Scheme("test.tone.1", "audio", 0.01)
HASH_1 = bands("test.hash.1", 8)
SAME = Scheme("test.same.1", "audio", 0.01)
LOOKED_UP = Scheme("test.frame.1", "film", 0.01, payload_width=9, indexed=False, stored=False)
FIRST = {s.name: s for s in (THUMB_1, TONE_1, HASH_1, SAME, LOOKED_UP)}
THUMB_3 = Scheme("test.thumb.3", "film", 0.01, payload_width=1, indexed=False)
THUMB_2 = Scheme(
    "test.thumb.2", "film", 0.01, payload_width=2, indexed=False, successor="test.thumb.3",
    convert=lambda f: make(THUMB_3, f.positions, columns(f)[:, :1]),
)  # fmt: skip
TONE_2 = Scheme("test.tone.2", "audio", 0.01)
HASH_2 = bands("test.hash.2", 6)
WORDS = Scheme("test.words.1", "audio", 0.01, payload_width=2, indexed=False)


def columns(fingerprint: Fingerprint) -> np.ndarray:
    assert fingerprint.payload is not None
    return fingerprint.payload


def newer_thumb(f: Fingerprint) -> Fingerprint:
    return make(THUMB_2, f.positions, columns(f)[:, :2])


def newer_tone(f: Fingerprint) -> Fingerprint:
    return make(TONE_2, f.positions, keys=f.keys ^ 5)


SECOND = {
    s.name: s
    for s in (
        dataclasses.replace(THUMB_1, successor=THUMB_2.name, convert=newer_thumb), THUMB_2, THUMB_3,
        dataclasses.replace(TONE_1, successor=TONE_2.name, convert=newer_tone), TONE_2,
        dataclasses.replace(HASH_1, successor=HASH_2.name), HASH_2, SAME, WORDS, LOOKED_UP,
    )
}  # fmt: skip


def film(seed: int, version: int, words: bool = True) -> Media:
    """What that version computes from film number `seed`. words: also those, which are new in version 2."""
    rng = np.random.default_rng(seed)
    thumbs, hashes = rng.integers(0, 256, (30, 4), dtype=np.uint8), rng.integers(0, 256, (30, 8), dtype=np.uint8)
    tones, same = rng.integers(-(2**62), 2**62, 40), rng.integers(-(2**62), 2**62, 40)
    few, many = np.arange(30, dtype=np.int32), np.arange(40, dtype=np.int32)
    if version == 1:
        picture = (make(THUMB_1, few, thumbs), make(HASH_1, few, hashes))
        sound = (make(TONE_1, many, keys=tones), make(SAME, many, keys=same))
    else:
        picture = (make(THUMB_3, few, thumbs[:, :1]), make(HASH_2, few, hashes[:, 2:]))
        sound = (make(TONE_2, many, keys=tones ^ 5), make(SAME, many, keys=same))
        if words:
            sound += (make(WORDS, few, hashes[:, :2]),)
    return Media("film", f"{seed:064x}", (Part("film", (3.0,), picture), Part("audio", (4.0,), sound)))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Twelve works registered by version 1, in four batches; work 3 again as work 12; work 5 withdrawn."""
    path = tmp_path / "old.db"
    with open_registry(path, create=True, schemes=FIRST) as registry:
        for start in range(0, 12, 3):
            registry.add([entry(f"w{i}", film(i, 1)) for i in range(start, start + 3)])
        registry.add([entry("w12", dataclasses.replace(film(3, 1), sha256="f" * 64))])
        registry.withdraw("w5", "")
    return path


@pytest.fixture
def upgrading(old: Path) -> Iterator[Registry]:
    """The same, opened for writing by version 2."""
    with open_registry(old, write=True, schemes=SECOND) as registry:
        yield registry


def number_of(work_id: str) -> int:
    return 3 if work_id == "w12" else int(work_id[1:])


def upgrade(registry: Registry, missing: tuple[str, ...] = (), words: bool = True) -> list[str]:
    """All of it, in small batches; gives the works that are left, because their files are `missing`."""
    rank = 0
    while ranks := registry.convert(rank, 2):
        rank = ranks[-1]
    rank, left = 0, []
    while works := registry.outdated(rank, 3):
        rank = works[-1].rank
        left += [w.work_id for w in works if w.work_id in missing]
        registry.renew({w.rank: film(number_of(w.work_id), 2, words) for w in works if w.work_id not in missing})
    registry.merge()
    return left


def found(registry: Registry, scheme: str, media: Media) -> list[str]:
    """Works that most of that fingerprint's keys hit, by name."""
    own = next(f for part in media.parts for f in part.fingerprints if f.scheme == scheme)
    ids, counts = np.unique(registry.lookup(scheme, own.keys).fingerprint_id, return_counts=True)
    return sorted(registry.registered(int(i)).work_id for i in ids[counts >= len(own)])


def stored(registry: Registry, work_id: str) -> list[tuple[str, bytes, bytes]]:
    """Everything that a registry holds of a work, read as the matcher reads it."""
    held = [(f["scheme"], f["part"]) for f in registry.show(work_id)["fingerprints"]]
    conn = registry.file.conn
    rows = conn.execute(
        "select f.id from fingerprint f join work w on w.rank = f.work where w.work_id = ? and part >= 0 order by part, scheme",
        (work_id,),
    )
    read = [registry.fingerprint(row[0]) for row in rows.fetchall()]
    assert len(read) == len(held)
    return [(f.scheme, f.keys.tobytes(), columns(f).tobytes() if f.payload is not None else b"") for f in read]


def test_what_can_be_converted_is_converted_by_the_reader(old: Path):
    with open_registry(old, schemes=SECOND) as registry:
        assert registry.is_due()
        assert registry.due() == (13, 12)
        assert found(registry, SAME.name, film(4, 2)) == ["w4"]
        hit = int(registry.lookup(SAME.name, film(4, 2).parts[1].fingerprints[1].keys).fingerprint_id[0])
        assert set(registry.registered(hit).siblings) == {TONE_1.name, SAME.name}
        names = {scheme for scheme, *_ in stored(registry, "w4")}
        assert names == {THUMB_3.name, HASH_1.name, TONE_2.name, SAME.name}
        assert registry.check() == []
        counts = registry.stats()
        assert (counts["older_fingerprints"], counts["outdated_works"]) == (13 * 3, 12)


def test_converting_alone_makes_converted_keys_found(upgrading: Registry):
    before = int(upgrading.revision()["revision"])
    assert found(upgrading, TONE_2.name, film(7, 2)) == []
    rank, batches = 0, 0
    while ranks := upgrading.convert(rank, 4, "2026-11-25"):
        rank, batches = ranks[-1], batches + 1
    assert upgrading.revision()["revision"] == before + batches
    assert found(upgrading, TONE_2.name, film(7, 2)) == ["w7"]
    assert found(upgrading, TONE_1.name, film(7, 1)) == []
    assert found(upgrading, SAME.name, film(7, 1)) == ["w7"]
    assert found(upgrading, HASH_1.name, film(7, 1)) == ["w7"], "what cannot be converted stays as it is"
    done = [e for e in upgrading.events("w7") if e["kind"] == "upgraded"]
    assert [(e["detail"], e["at"]) for e in done] == [("test.thumb.1 to test.thumb.3, test.tone.1 to test.tone.2", "2026-11-25")]
    assert upgrading.check() == []
    upgrading.merge()
    assert upgrading.check() == []
    assert forgotten(upgrading)


def forgotten(registry: Registry) -> bool:
    """Whether nothing is left of fingerprints that have been replaced; withdrawn ones are older and were forgotten too."""
    conn = registry.file.conn
    waiting = conn.execute("select count(*) from fingerprint where part < 0").fetchone()[0]
    packed = conn.execute("select count(*) from packed where fingerprint not in (select id from fingerprint)").fetchone()[0]
    return waiting == packed == conn.execute("select count(*) from tombstone").fetchone()[0] == 0


def test_an_upgraded_registry_holds_what_the_new_version_would_have_stored(upgrading: Registry, tmp_path: Path):
    assert upgrade(upgrading) == []
    assert upgrading.due() == (0, 0) and not upgrading.is_due()
    assert upgrading.check() == [] and forgotten(upgrading)
    with open_registry(tmp_path / "new.db", create=True, schemes=SECOND) as fresh:
        fresh.add([entry(f"w{i}", film(i, 2)) for i in range(12)])
        for i in (0, 3, 4, 11):
            assert stored(upgrading, f"w{i}") == stored(fresh, f"w{i}")
            for scheme in (SAME, TONE_2, HASH_2):
                assert found(upgrading, scheme.name, film(i, 2)) == [f"w{i}"]
    revision = upgrading.revision()
    assert upgrade(upgrading) == []
    assert upgrading.revision() == revision, "there was nothing left to do"


def test_works_without_their_files_keep_what_they_have(upgrading: Registry):
    assert upgrade(upgrading, missing=("w4", "w9")) == ["w4", "w9"]
    assert [(w.work_id, w.schemes) for w in upgrading.outdated(0, 100)] == [("w4", (HASH_1.name,)), ("w9", (HASH_1.name,))]
    assert found(upgrading, TONE_2.name, film(4, 2)) == ["w4"]
    assert found(upgrading, SAME.name, film(4, 2)) == ["w4"]
    assert {HASH_1.name, THUMB_3.name} <= {scheme for scheme, *_ in stored(upgrading, "w4")}
    assert upgrading.check() == []
    assert upgrade(upgrading) == []
    assert found(upgrading, HASH_2.name, film(4, 2)) == ["w4"]


def test_a_scheme_that_a_file_gives_nothing_of_is_not_asked_for_again(upgrading: Registry):
    upgrade(upgrading, words=False)
    assert upgrading.due() == (0, 0)
    assert (WORDS.name, b"", b"") in stored(upgrading, "w1")
    assert upgrading.check() == []


def test_a_withdrawn_work_is_converted_and_can_come_back(upgrading: Registry):
    upgrade(upgrading)
    assert found(upgrading, TONE_2.name, film(5, 2)) == []
    upgrading.restore("w5", "")
    assert found(upgrading, TONE_2.name, film(5, 2)) == ["w5"]
    assert [w.work_id for w in upgrading.outdated(0, 9)] == ["w5"], "its file is read when it is live again"
    assert upgrading.check() == []


@pytest.mark.parametrize("missing", [(), ("w12",), ("w3",), ("w3", "w12")])
def test_of_works_with_one_content_one_is_posted(upgrading: Registry, missing: tuple[str, ...]):
    """Also when the file of one of them is gone, so that their fingerprints differ from now on."""
    upgrade(upgrading, missing)
    posted = found(upgrading, TONE_2.name, film(3, 2))
    assert posted == (["w12", "w3"] if len(missing) == 1 else ["w3"])
    assert upgrading.work("w3").twins == ("w12",)
    assert upgrading.check() == []
    upgrading.withdraw("w3", "")
    assert found(upgrading, TONE_2.name, film(3, 2)) == ["w12"]
    assert upgrading.check() == []


def test_works_found_to_have_one_content_are_linked(tmp_path: Path):
    """Two that differ only in what the newer scheme leaves out."""
    one = film(1, 1)
    thumbs = columns(one.parts[0].fingerprints[0]).copy()
    thumbs[:, 3] ^= 1
    picture = (make(THUMB_1, one.parts[0].fingerprints[0].positions, thumbs), one.parts[0].fingerprints[1])
    other = dataclasses.replace(one, sha256="e" * 64, parts=(Part("film", (3.0,), picture), one.parts[1]))
    with open_registry(tmp_path / "r.db", create=True, schemes=FIRST) as registry:
        registry.add([entry("one", one), entry("other", other)])
        assert found(registry, SAME.name, one) == ["one", "other"]
    with open_registry(tmp_path / "r.db", write=True, schemes=SECOND) as registry:
        registry.convert(0, 10)
        assert found(registry, SAME.name, one) == ["one"]
        assert registry.work("one").twins == ("other",)
        assert registry.check() == []


def test_rebuilding_forgets_what_was_replaced(upgrading: Registry):
    upgrading.convert(0, 100)
    assert not forgotten(upgrading)
    upgrading.rebuild()
    assert forgotten(upgrading)
    assert upgrading.check() == []
    assert found(upgrading, TONE_2.name, film(7, 2)) == ["w7"]


def test_an_old_portable_file_registers_in_the_newest_schemes_it_can_give(tmp_path: Path):
    old = unpack_media(pack_media(film(2, 1), FIRST), SECOND)
    assert [f.scheme for part in old.parts for f in part.fingerprints] == [THUMB_3.name, HASH_1.name, TONE_2.name, SAME.name]
    with open_registry(tmp_path / "r.db", create=True, schemes=SECOND) as registry:
        registry.add([entry("w2", old)])
        assert found(registry, TONE_2.name, film(2, 2)) == ["w2"]
        assert registry.is_due()


def dump(path: Path) -> dict[str, object]:
    """All that matters of a registry: every fingerprint, every hit, what the audit rows say."""
    with open_registry(path, schemes=SECOND) as registry:
        assert registry.check() == []
        works = [row["work"] for row in registry.works(state="")]
        media = [film(i, 2) for i in range(12)]
        hits = [found(registry, s.name, m) for s in (SAME, TONE_2, HASH_2) for m in media]
        told = sorted((e["kind"], e["work"], e["detail"]) for e in registry.events())
        return {"stored": {w: stored(registry, w) for w in works}, "hits": hits, "told": told, "state": registry.revision()}


def upgrade_until_killed(path: str, statements: int) -> None:
    """The whole upgrade; but before that many SQL statements have been done this process is killed (0: it is not)."""
    done = 0

    def count(statement: str) -> None:
        nonlocal done
        done += 1
        if done == statements:
            os.kill(os.getpid(), signal.SIGKILL)

    with open_registry(path, write=True, schemes=SECOND) as registry:
        registry.file.conn.set_trace_callback(count)
        upgrade(registry)
        registry.file.conn.set_trace_callback(None)
    sys.stdout.write(str(done))


def in_a_process(path: Path, statements: int) -> subprocess.CompletedProcess[str]:
    call = f"from tests.test_registry_upgrade import upgrade_until_killed as go; go({str(path)!r}, {statements})"
    return subprocess.run([sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_at_any_moment_and_run_again_it_ends_the_same(old: Path, tmp_path: Path):
    whole = tmp_path / "whole.db"
    shutil.copy(old, whole)
    total = int(in_a_process(whole, 0).stdout)
    expected = dump(whole)
    moments = random.Random(11)
    for _ in range(2):
        path = tmp_path / "killed.db"
        shutil.copy(old, path)
        endings = [in_a_process(path, moments.randrange(1, total // 2)).returncode for _ in range(2)]
        assert endings[0] == -signal.SIGKILL and set(endings) <= {-signal.SIGKILL, 0}
        assert in_a_process(path, 0).returncode == 0
        assert dump(path) == expected
        for file in tmp_path.glob("killed.db*"):
            file.unlink()


# The command line, and files that the first version made


@pytest.fixture
def first_version(tmp_path: Path, monkeypatch) -> Path:
    """The sample works as the first version registered them; their paths start at the root of the sources."""
    monkeypatch.chdir(ROOT)
    path = tmp_path / "first.db"
    path.write_bytes(gzip.decompress((DATA / "registry-1.db.gz").read_bytes()))
    return path


OUTPUTS = [SAMPLES / "outputs" / name for name in ("a-boat-remembered.mp4", "podcast-opening.mp3", "violet-evening.webp")]
TRUE = [{"film-lantern"}, {"music-harbour-waltz"}, {"still-tidal-flats"}]


def listed(result) -> list[set[str]]:
    return [{m["work"] for m in row["matches"]} for row in json_lines(result)]


def test_a_registry_of_the_first_version_is_read_and_upgraded(first_version: Path, byline):
    older = byline("scan", "--registry", first_version, OUTPUTS[0])
    assert older.exit_code == 1 and "byline registry merge upgrades it" in older.stderr
    assert byline("registry", "merge", "--registry", first_version).exit_code == 0
    before = byline("scan", "--registry", first_version, "--json", *OUTPUTS)
    assert before.exit_code == 0
    assert all(names <= true for names, true in zip(listed(before), TRUE, strict=True))
    with open_registry(first_version) as registry:
        assert ("byline registry upgrade" in before.stderr) == registry.is_due()
    done = byline("registry", "upgrade", "--registry", first_version)
    assert done.exit_code == 0, done.output
    assert byline("registry", "upgrade", "--registry", first_version).stdout.endswith(": up to date.\n")
    assert byline("registry", "check", "--registry", first_version).exit_code == 0
    after = byline("scan", "--registry", first_version, "--json", *OUTPUTS)
    assert listed(after) == TRUE
    assert after.stderr == ""


def test_portable_files_of_the_first_version_register_and_are_found(tmp_path: Path, byline):
    files = [DATA / "paper-city-1.fp", DATA / "night-shift-1.fp"]
    for file in files:
        names = {f.scheme for part in read(file).parts for f in part.fingerprints}
        assert all(schemes()[name].convert is None for name in names), "what can be converted has been"
    registry = tmp_path / "r.db"
    assert byline("register", "--registry", registry, *files).exit_code == 0
    inputs = [SAMPLES / "outputs" / "focus-mix.m4a", SAMPLES / "works" / "paper-city.mp4"]
    assert [len(names) for names in listed(byline("scan", "--registry", registry, "--json", *inputs))] == [1, 1]


def spoilt(source: Path, path: Path) -> Path:
    """The sample registry as if a new version made one more scheme of stills; one file is gone, another has been changed."""
    shutil.copy(source, path)
    with sqlite3.connect(path) as conn:
        conn.execute("delete from packed where fingerprint in (select id from fingerprint where scheme = 'image.small.1')")
        conn.execute("delete from fingerprint where scheme = 'image.small.1'")
        conn.execute("update work set path = '/nowhere/chart.jpg' where work_id = 'still-chart'")
        conn.execute("update work set sha256 = ? where work_id = 'still-market'", ("0" * 64,))
        conn.execute("update work set path = '' where work_id = 'still-tidal-flats'")
    conn.close()
    return path


def test_what_is_left_is_told_with_its_reason(sample_registry: Path, tmp_path: Path, byline):
    path = spoilt(sample_registry, tmp_path / "r.db")
    assert (
        "0 fingerprints of an older scheme, 4 works to be brought up to date"
        in byline("registry", "stats", "--registry", path).stdout
    )
    told = byline("scan", "--registry", path, SAMPLES / "outputs" / "rings.jpg").stderr
    assert told.count("byline registry upgrade") == 1
    done = byline("registry", "upgrade", "--registry", path, "--json", "--jobs", 1)
    assert done.exit_code == 1
    *left, totals = json_lines(done)
    assert totals == {"converted": 0, "fingerprinted_again": 1, "left": 3}
    assert {(row["work"], row["code"]) for row in left} == {
        ("still-chart", "missing"), ("still-market", "changed"), ("still-tidal-flats", "no-path"),
    }  # fmt: skip
    assert all(row["schemes"] == ["image.small.1"] and row["reason"] for row in left)
    again = byline("registry", "upgrade", "--registry", path, "--jobs", 1)
    assert again.exit_code == 1
    assert "0 works converted, 0 fingerprinted again, 3 left." in again.stdout
    assert "left: Chart of a Small Country (work still-chart): /nowhere/chart.jpg: there is no such file" in again.stdout


def test_a_portable_file_may_stand_where_the_work_was(sample_registry: Path, tmp_path: Path, byline):
    path = spoilt(sample_registry, tmp_path / "r.db")
    portable = tmp_path / "chart.fp"
    assert byline("fingerprint", SAMPLES / "works" / "chart-of-a-small-country.jpg", "-o", portable).exit_code == 0
    with sqlite3.connect(path) as conn:
        conn.execute("update work set path = ? where work_id in ('still-chart', 'still-tin-orchard')", (str(portable),))
    conn.close()
    *left, totals = json_lines(byline("registry", "upgrade", "--registry", path, "--json", "--jobs", 1))
    assert totals["fingerprinted_again"] == 1
    assert "is the fingerprint of another file now" in next(r["reason"] for r in left if r["work"] == "still-tin-orchard")


def test_every_stored_scheme_is_made_of_every_sample_work(sample_registry: Path):
    """Else each upgrade would fingerprint the works again in vain."""
    with open_registry(sample_registry) as registry:
        assert registry.due() == (0, 0)


def test_every_succeeded_scheme_names_one_that_is_known_and_converts_to_it():
    known = schemes()
    for scheme in known.values():
        if scheme.successor:
            assert known[scheme.successor].medium == scheme.medium
        if scheme.convert is not None:
            width = scheme.payload_width
            empty = make(scheme, np.zeros(0, np.int32), np.zeros((0, width), np.uint8) if width else None)
            assert scheme.convert(empty).scheme == scheme.successor


def test_the_fixtures_hold_no_path_of_the_machine_they_were_made_on(first_version: Path):
    with open_registry(first_version, write=True) as registry:
        for row in registry.works():
            assert row["path"].startswith("sample_media/works/"), json.dumps(row)
