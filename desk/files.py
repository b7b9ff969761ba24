"""Which files the user means: files, folders and globs, in a fixed order, with what is wrong told and never dropped."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PORTABLE = ".fp"
Seen = frozenset[tuple[int, int]]


@dataclass(frozen=True)
class Found:
    """A file to read, under the name the user knows it by; or what is wrong with what they named: a code and a reason."""

    name: str
    code: str = ""
    reason: str = ""

    @property
    def error(self) -> dict[str, str] | None:
        """As in a report; None for a file that is there to be read."""
        return {"code": self.code, "message": f"{self.name}: {self.reason}"} if self.code else None

    def job(self) -> dict[str, object]:
        """The job for a worker. One that has failed already carries its error."""
        head: dict[str, object] = {"path": self.name, "name": self.name}
        return head | ({"error": self.error} if self.error else {})


def media_suffixes() -> frozenset[str]:
    """File names that are tried when a folder is walked. What a file is gets decided by its content."""
    from fingerprint import media_table

    return frozenset(s.lower() for m in media_table().values() for s in m.suffixes)


def found(arguments: Iterable[str], also: Iterable[str] = ()) -> list[Found]:
    """Every file behind these arguments, folders walked in the order of their names. `also`: further suffixes to try."""
    files: list[Found] = []
    for argument in arguments:
        files.extend(_behind(argument, frozenset(also)))
    return files


def _behind(argument: str, also: frozenset[str]) -> Iterator[Found]:
    if not os.path.lexists(argument) and glob.has_magic(argument):
        matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        if not matches:
            yield Found(argument, "missing", "no file has a name like this; check the pattern")
        for match in matches:
            yield from _behind(glob.escape(match) if not os.path.lexists(match) else match, also)
    elif Path(argument).is_dir():
        inside = list(_walk(argument, media_suffixes() | also, frozenset()))
        if not inside:
            inside = [Found(argument, "no-media", "there are no media files in this folder; check the path")]
        yield from inside
    else:
        yield Found(argument)


def _walk(folder: str, suffixes: frozenset[str], above: Seen) -> Iterator[Found]:
    """Files of a folder and of those in it. A folder that is its own ancestor, through a link, is not entered again."""
    try:
        status = Path(folder).stat()
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except OSError as error:
        yield Found(folder, "permission", f"the folder cannot be read ({error.strerror}); change its permissions")
        return
    own = (status.st_dev, status.st_ino)
    if own in above:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            yield from _walk(entry.path, suffixes, above | {own})
        elif Path(entry.name).suffix.lower() in suffixes:
            yield Found(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that points at itself: kept as a file, which then says what is wrong
        return False


def write_whole(target: Path, data: bytes) -> None:
    """The file is there whole or not at all."""
    draft = target.with_name(target.name + ".part")
    try:
        draft.write_bytes(data)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
