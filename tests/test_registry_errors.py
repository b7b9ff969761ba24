"""Files that are no registry, are damaged, locked, newer or on a full disk; writers that die. One sentence, nothing half."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from registry import merge as merging
from registry.errors import (
    CorruptRegistry,
    ForbiddenRegistry,
    FullDisk,
    LockedRegistry,
    MissingRegistry,
    NewerRegistry,
    NotARegistry,
    OlderRegistry,
    RegistryError,
)
from registry.store import open_registry
from tests.registry_makers import EXACT, SCHEMES, entry, media_of, random_media

ROOT = Path(__file__).resolve().parent.parent


def made(path: Path, works: int = 5) -> Path:
    with open_registry(path, create=True, schemes=SCHEMES) as registry:
        registry.add([entry(f"w{i}", random_media(i, 200)) for i in range(works)])
    return path


def refused(path: Path, kind: type[RegistryError], words: str, **how: bool) -> None:
    with pytest.raises(kind, match=words) as caught:
        open_registry(path, schemes=SCHEMES, **how)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("write", [False, True])
def test_what_is_no_registry(tmp_path: Path, write: bool):
    refused(tmp_path / "none.db", MissingRegistry, "there is no registry here", write=write)
    assert not list(tmp_path.iterdir())
    refused(tmp_path, NotARegistry, "is a folder", write=write)
    (tmp_path / "text.db").write_text("some text, long enough to hold a head of SQLite" * 100)
    refused(tmp_path / "text.db", NotARegistry, "not a Byline registry", write=write)
    (tmp_path / "empty.db").touch()
    refused(tmp_path / "empty.db", NotARegistry, "not a Byline registry", write=write)
    with sqlite3.connect(tmp_path / "other.db") as conn:
        conn.execute("create table photos (id integer)")
    conn.close()
    refused(tmp_path / "other.db", NotARegistry, "a SQLite database, but not a Byline registry", write=write)
    refused(tmp_path / "other.db", NotARegistry, "a SQLite database, but not a Byline registry", create=True)


def test_creating_where_there_is_no_folder(tmp_path: Path):
    refused(tmp_path / "none" / "r.db", RegistryError, "folder", create=True)


def test_creating_goes_on_where_a_killed_writer_stopped(tmp_path: Path):
    (tmp_path / "r.db").touch()
    made(tmp_path / "r.db")
    with open_registry(tmp_path / "r.db", schemes=SCHEMES) as registry:
        assert registry.works_count() == 5


def test_a_newer_and_an_older_version(tmp_path: Path):
    path = made(tmp_path / "r.db")
    for version, kind, words in ((99, NewerRegistry, "upgrade Byline"), (0, OlderRegistry, "older version")):
        with sqlite3.connect(path) as conn:
            conn.execute(f"pragma user_version = {version}")
        conn.close()
        refused(path, kind, words)
    with sqlite3.connect(path) as conn:
        conn.execute("pragma user_version = 99")
    conn.close()
    refused(path, NewerRegistry, "upgrade Byline", write=True)


def test_a_damaged_file_is_told_and_never_a_crash(tmp_path: Path):
    path = made(tmp_path / "r.db", 40)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    told = 0
    for round_ in range(24):
        data = bytearray(whole)
        for page in rng.choice(len(data) // 4096, 6, replace=False):
            data[page * 4096 : page * 4096 + 4096] = rng.bytes(4096) if round_ % 2 else bytes(4096)
        if round_ % 6 == 5:
            data = data[: len(data) // 2]
        path.write_bytes(data)
        try:
            with open_registry(path, schemes=SCHEMES) as registry:
                assert registry.check() != []
                told += 1
                registry.lookup(EXACT.name, random_media(3, 200).parts[1].fingerprints[0].keys)
                list(registry.works())
        except RegistryError as error:
            assert "\n" not in str(error)
    assert told > 0


def test_a_missing_block_is_told_by_the_lookup(tmp_path: Path):
    path = made(tmp_path / "r.db")
    with sqlite3.connect(path) as conn:
        conn.execute("delete from block")
    conn.close()
    with open_registry(path, schemes=SCHEMES) as registry, pytest.raises(CorruptRegistry, match="byline registry rebuild"):
        registry.lookup(EXACT.name, np.array([[1]]))


def test_there_is_one_writer_and_readers_do_not_wait(tmp_path: Path):
    path = made(tmp_path / "r.db")
    with open_registry(path, write=True, schemes=SCHEMES) as writer:
        refused(path, LockedRegistry, "written by another process", write=True)
        with writer.file.writing():
            writer.file.conn.execute("update meta set value = '7' where name = 'works'")
            with open_registry(path, schemes=SCHEMES) as reader:
                assert reader.works_count() == 5
                assert len(reader.lookup(EXACT.name, random_media(1, 200).parts[1].fingerprints[0].keys)) == 200
        with open_registry(path, schemes=SCHEMES) as reader:
            assert reader.works_count() == 7
    with open_registry(path, write=True, schemes=SCHEMES):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_leads_to_the_same_lock(tmp_path: Path):
    path = made(tmp_path / "r.db")
    (tmp_path / "link.db").symlink_to(path)
    with open_registry(path, write=True, schemes=SCHEMES):
        refused(tmp_path / "link.db", LockedRegistry, "written by another process", write=True)


def test_another_process_holds_the_lock_until_it_dies(tmp_path: Path):
    path = made(tmp_path / "r.db")
    opened = f"r = open_registry({str(path)!r}, write=True, schemes={{}})"
    code = f"from registry.store import open_registry\n{opened}\nprint('open')\ninput()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        refused(path, LockedRegistry, "written by another process", write=True)
        child.kill()
    with open_registry(path, write=True, schemes=SCHEMES) as registry:
        assert registry.check() == []


def test_a_foreign_writer_that_ignores_the_lock(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("registry.opening.BUSY_MS", 10)
    path = made(tmp_path / "r.db")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    refused(path, LockedRegistry, "another process", write=True)
    other.execute("rollback")
    with open_registry(path, write=True, schemes=SCHEMES) as registry:
        other.execute("begin immediate")
        with pytest.raises(LockedRegistry, match="another process"):
            registry.add([entry("new", random_media(99))])
        other.close()


def test_readers_cannot_write(tmp_path: Path):
    path = made(tmp_path / "r.db")
    with open_registry(path, schemes=SCHEMES) as registry:
        for act in (lambda: registry.add([]), lambda: registry.withdraw("w1", ""), registry.merge, registry.rebuild):
            with pytest.raises(RegistryError, match="for reading only"):
                act()


def test_a_closed_registry_says_so(tmp_path: Path):
    registry = open_registry(made(tmp_path / "r.db"), schemes=SCHEMES)
    registry.close()
    with pytest.raises(RegistryError, match="has been closed"):
        registry.works_count()


def test_a_full_disk_rolls_back_the_batch(tmp_path: Path):
    path = made(tmp_path / "r.db")
    with open_registry(path, write=True, schemes=SCHEMES) as registry:
        before = registry.revision()
        pages = registry.file.conn.execute("pragma page_count").fetchone()[0]
        registry.file.conn.execute(f"pragma max_page_count = {pages + 2}")
        with pytest.raises(FullDisk, match="disk is full; nothing of the last batch was kept"):
            registry.add([entry(f"new{i}", random_media(100 + i, 2000)) for i in range(20)])
        assert registry.revision() == before
        assert registry.check() == []
        registry.file.conn.execute("pragma max_page_count = 1000000")
        assert registry.add([entry("new", random_media(100, 2000))])[0].status == "accepted"
    with open_registry(path, schemes=SCHEMES) as registry:
        assert registry.check() == []


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes")
def test_a_disk_that_refuses_in_earnest(tmp_path: Path):
    """The system refuses to let any file grow: what was committed before stays, the process does not die."""
    path = made(tmp_path / "r.db")
    code = f"""
import resource, sys
from pathlib import Path
from registry.errors import FullDisk
from registry.store import open_registry
from tests.registry_makers import SCHEMES, entry, random_media
with open_registry({str(path)!r}, write=True, schemes=SCHEMES) as registry:
    size = Path({str(path)!r}).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, size + 20_000))
    try:
        for i in range(50):
            registry.add([entry(f"new{{i}}", random_media(100 + i, 2000))])
    except FullDisk as error:
        print(i, error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "nothing of the last batch was kept" in ran.stdout
    with open_registry(path, write=True, schemes=SCHEMES) as registry:
        assert registry.check() == []
        assert registry.works_count() == 5 + int(ran.stdout.split()[0])


def test_a_backup_onto_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch):
    path = made(tmp_path / "r.db")
    real = sqlite3.connect

    def small(target, *args, **kwargs):
        conn = real(target, *args, **kwargs)
        if str(target).endswith(".part"):
            conn.execute("pragma max_page_count = 2")
        return conn

    with open_registry(path, schemes=SCHEMES) as registry:
        monkeypatch.setattr("registry.rebuild.sqlite3.connect", small)
        with pytest.raises((FullDisk, RegistryError)):
            registry.backup(tmp_path / "copy.db")
    assert not [p for p in tmp_path.iterdir() if "copy" in p.name]


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="the superuser may do everything")
def test_no_permission(tmp_path: Path):
    path = made(tmp_path / "r.db")
    path.chmod(0)
    refused(path, ForbiddenRegistry, "may not be read by this user")
    path.chmod(0o444)
    refused(path, ForbiddenRegistry, "permission", write=True)
    tmp_path.chmod(0o555)
    try:
        with open_registry(path, schemes=SCHEMES) as registry:
            assert registry.works_count() == 5
        refused(tmp_path / "new.db", ForbiddenRegistry, "permission", create=True)
    finally:
        tmp_path.chmod(0o755)


def test_an_entry_that_cannot_be_stored_takes_its_batch_along_and_no_more(tmp_path: Path):
    path = made(tmp_path / "r.db")
    with open_registry(path, write=True, schemes=SCHEMES) as registry:
        before = registry.revision()
        with pytest.raises(KeyError):
            registry.add([entry("good", random_media(77)), entry("bad", media_of([1])), entry("worse", _unknown_scheme())])
        assert registry.revision() == before
        assert registry.known(["good"]) == {}
        assert registry.check() == []


def _unknown_scheme():
    from dataclasses import replace

    media = media_of([5])
    part = media.parts[0]
    return replace(media, parts=(replace(part, fingerprints=(replace(part.fingerprints[0], scheme="no.such.9"),)),))


def test_a_merge_that_is_cut_off_leaves_the_old_segments(tmp_path: Path, monkeypatch):
    path = tmp_path / "r.db"
    keys = random_media(3, 200).parts[1].fingerprints[0].keys
    with open_registry(path, create=True, schemes=SCHEMES) as registry:
        for i in range(5):
            registry.add([entry(f"w{i}", random_media(i, 200))])
        with monkeypatch.context() as patch:
            patch.setattr(merging, "note_segment", _dies)
            with pytest.raises(ZeroDivisionError):
                registry.merge()
        assert len(registry.lookup(EXACT.name, keys)) == 200
        assert registry.add([entry("later", random_media(50, 200))])[0].status == "accepted"
        assert len(registry.lookup(EXACT.name, random_media(50, 200).parts[1].fingerprints[0].keys)) == 200
        orphans = "select count(*) from block where id >= (select cast(value as integer) from meta where name = 'next_block')"
        assert registry.file.conn.execute(orphans).fetchone()[0] > 0
    with open_registry(path, write=True, schemes=SCHEMES) as registry:
        assert registry.file.conn.execute(orphans).fetchone()[0] == 0
        assert registry.check() == []
        registry.merge()
        assert len(registry.lookup(EXACT.name, keys)) == 200


def _dies(*args: object) -> None:
    raise ZeroDivisionError


def test_works_that_are_in_are_not_refused_because_tidying_failed(tmp_path: Path, monkeypatch):
    def full(*args: object) -> None:
        raise FullDisk("r.db: the disk is full")

    with open_registry(tmp_path / "r.db", create=True, schemes=SCHEMES) as registry:
        monkeypatch.setattr("registry.store.tidy", full)
        assert registry.add([entry("w", random_media(1))])[0].status == "accepted"
        with pytest.raises(FullDisk):
            registry.merge()
        monkeypatch.undo()


def test_a_reader_goes_on_while_a_writer_merges(tmp_path: Path):
    path = tmp_path / "r.db"
    keys = random_media(3, 200).parts[1].fingerprints[0].keys
    with open_registry(path, create=True, schemes=SCHEMES) as writer:
        for i in range(6):
            writer.add([entry(f"w{i}", random_media(i, 200))])
        with open_registry(path, schemes=SCHEMES) as reader:
            before = reader.lookup(EXACT.name, keys)
            with reader.snapshot():
                assert len(reader.lookup(EXACT.name, keys)) == len(before)
                writer.merge()
                writer.rebuild()
                np.testing.assert_array_equal(reader.lookup(EXACT.name, keys).fingerprint_id, before.fingerprint_id)
            np.testing.assert_array_equal(reader.lookup(EXACT.name, keys).fingerprint_id, before.fingerprint_id)
