"""Which files a command line means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from desk import files
from desk.files import Found, found


@pytest.fixture(autouse=True)
def suffixes(monkeypatch):
    monkeypatch.setattr(files, "media_suffixes", lambda: frozenset({".png", ".mp3"}))


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.PNG", "notes.log", ".hidden.png", "sub/c.mp3", "sub/d[1].png", ".git/e.png", "empty/x.log"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def names(*arguments: str, also: tuple[str, ...] = ()) -> list[str]:
    return [f.name for f in found(arguments, also)]


def test_folders_are_walked_by_name_and_hidden_files_and_other_suffixes_left_out(tree):
    assert names("in") == ["in/a.PNG", "in/b.png", "in/sub/c.mp3", "in/sub/d[1].png"]


def test_further_suffixes_can_be_asked_for(tree):
    (tree / "in" / "z.fp").write_bytes(b"x")
    assert "in/z.fp" in names("in", also=(".fp",)) and "in/z.fp" not in names("in")


def test_a_file_is_taken_whatever_its_suffix_and_in_the_order_given(tree):
    assert names("in/notes.log", "in/b.png", "in/.hidden.png") == ["in/notes.log", "in/b.png", "in/.hidden.png"]


def test_globs(tree):
    assert names("in/*.png") == ["in/b.png"]
    assert names("in/**/*.png") == ["in/b.png", "in/sub/d[1].png"]
    assert names("in/s*") == ["in/sub/c.mp3", "in/sub/d[1].png"]
    assert names("in/sub/d[1].png") == ["in/sub/d[1].png"]  # a file of that very name is no pattern


def test_what_is_wrong_is_told(tree):
    assert found(["in/empty"]) == [Found("in/empty", "no-media", "there are no media files in this folder; check the path")]
    (pattern,) = found(["in/*.flac"])
    assert pattern.code == "missing" and pattern.job()["error"] == {
        "code": "missing",
        "message": "in/*.flac: no file has a name like this; check the pattern",
    }
    assert found(["gone.png"]) == [Found("gone.png")]  # the worker that opens it says so
    assert "error" not in found(["gone.png"])[0].job()


def test_a_link_loop_is_walked_once(tree):
    (tree / "in" / "sub" / "up").symlink_to(tree / "in", target_is_directory=True)
    (tree / "in" / "self.png").symlink_to(tree / "in" / "self.png")
    walked = names("in")
    assert walked.count("in/b.png") == 1
    assert "in/self.png" in walked  # kept, so that it is reported and not silently passed over
    assert len(walked) == 5


def test_two_links_to_one_folder_are_both_walked(tree):
    (tree / "in" / "again").symlink_to(tree / "in" / "sub", target_is_directory=True)
    assert "in/again/c.mp3" in names("in") and "in/sub/c.mp3" in names("in")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_told(tree):
    (tree / "in" / "sub").chmod(0)
    try:
        assert [f.code for f in found(["in"])] == ["", "", "permission"]
    finally:
        (tree / "in" / "sub").chmod(0o700)
