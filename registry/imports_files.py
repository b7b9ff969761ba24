"""Files of credits for works that are registered: what each is, and its rows, streamed.

CSV           work_id, name, role and the further columns of a catalogue's credits.csv, other_names
JSON Lines    one object a line with the names of those columns; identifiers and other names may be lists
IMDb          name.basics, title.basics and title.principals, also as .gz; works are found by their imdb identifier
MusicBrainz   recordings as its web service gives them (inc=artists+artist-rels+work-rels+work-level-rels+isrcs), one, a list or
              one a line; works are found by ISRC or by the recording's id
"""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from registry.catalogue import CREDIT_COLUMNS, credit_of
from registry.hits import Credit
from registry.tables import CatalogueError, Lines, LongLine, Refusal, Row, encoding_of, read_table, reading

HEAD = 1 << 16
GZIP = b"\x1f\x8b"
MOST_WHOLE = 1 << 26  # bytes of a JSON file that is not one object a line
IMDB = ("nconst\tprimaryName", "tconst\ttitleType", "tconst\tordering\tnconst")


@dataclass(frozen=True)
class Given:
    """One credit that a file gives. work: the id of a work or "scheme:value"; titles: what the file calls that work, or none."""

    file: str
    line: int
    work: str
    credit: Credit
    other_names: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


@dataclass
class Unmatched:
    """Works of large files that are not registered here, and so not looked at."""

    works: int = 0


@dataclass(frozen=True)
class Sorted:
    """The files of an import by what they are. imdb: by the beginning of their headers."""

    rows: tuple[Path, ...] = ()
    json: tuple[Path, ...] = ()
    imdb: Mapping[str, Path] = field(default_factory=dict)


Item = Given | Refusal


def read_credits(paths: Iterable[Path], known: Callable[[], frozenset[str]], unmatched: Unmatched) -> Iterator[Item]:
    """The credits in these files, and what cannot be used of them. known: the identifiers of registered works, when needed."""
    from registry.imports_imdb import read_imdb

    imdb: dict[str, Path] = {}
    for path in paths:
        try:
            kind = _kind(path)
            if kind in IMDB:
                if kind in imdb:
                    raise CatalogueError(f"{path}: is a second {imdb[kind].name}; import one after the other")
                imdb[kind] = path
            elif kind == "json":
                yield from _json(path, known, unmatched)
            else:
                yield from _csv(path)
        except CatalogueError as error:
            yield Refusal(str(path), 0, "", str(error))
    if imdb:
        yield from read_imdb({IMDB.index(kind): path for kind, path in imdb.items()}, known(), unmatched)


def _kind(path: Path) -> str:
    """One of IMDB, "json" or "csv". Raises CatalogueError when the file cannot be read."""
    try:
        with opened_binary(path) as file:
            head = file.read(HEAD)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from None
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    imdb = next((start for start in IMDB if text.startswith(start)), "")
    return imdb or ("json" if text.lstrip()[:1] in ("{", "[") else "csv")


def opened_binary(path: Path) -> IO[bytes]:
    """The file; what is packed with gzip comes unpacked."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")


def unreadable(path: Path, error: Exception) -> CatalogueError:
    """Why the file cannot be read."""
    if isinstance(error, FileNotFoundError):
        return CatalogueError(f"{path}: there is no such file; check the path")
    if isinstance(error, OSError) and error.strerror:
        return CatalogueError(f"{path}: cannot be read ({error.strerror})")
    return CatalogueError(f"{path}: is damaged or cut off; get it again")


# Rows


def _csv(path: Path) -> Iterator[Item]:
    for row in read_table(path, CREDIT_COLUMNS):
        yield row if isinstance(row, Refusal) else given(path, row.line, row.values)


def given(path: Path, line: int, values: Mapping[str, str]) -> Item:
    """The credit in the values of a row."""
    try:
        credit = credit_of(values)
    except ValueError as error:
        return Refusal(str(path), line, values.get("work_id", ""), str(error))
    others = tuple(name.strip() for name in values.get("other_names", "").split(";") if name.strip())
    return Given(str(path), line, values["work_id"], credit, others)


# JSON


def _json(path: Path, known: Callable[[], frozenset[str]], unmatched: Unmatched) -> Iterator[Item]:
    from registry.imports_musicbrainz import is_recording, read_recording

    for row in _objects(path):
        if isinstance(row, Refusal):
            yield row
        elif is_recording(row[1]):
            yield from read_recording(path, *row, known(), unmatched)
        else:
            yield _row(path, *row)


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]] | Refusal]:
    """Line and object, of a file with one object a line or of one that is a whole."""
    encoding = encoding_of(path)
    with reading(path, encoding) as file:
        lines = Lines(file)
        try:
            first = next(lines, "")
        except LongLine as error:
            raise CatalogueError(f"{path}, line 1: {error}") from None
        one = parsed(first)
        if isinstance(one, dict) and not isinstance(one.get("recordings"), list):
            yield 1, one
            yield from _lines(path, lines)
            return
    yield from _whole(path, encoding)


def _lines(path: Path, lines: Lines) -> Iterator[tuple[int, dict[str, Any]] | Refusal]:
    while True:
        try:
            text = next(lines)
        except StopIteration:
            return
        except LongLine as error:
            yield Refusal(str(path), lines.number, "", str(error))
            continue
        value = parsed(text)
        if isinstance(value, dict):
            yield lines.number, value
        elif text.strip():
            yield Refusal(str(path), lines.number, "", "the line is no JSON object; write one object a line")


def _whole(path: Path, encoding: str) -> Iterator[tuple[int, dict[str, Any]]]:
    if path.stat().st_size > MOST_WHOLE:
        raise CatalogueError(f"{path}: is too large to be read as a whole; write one object a line")
    value = parsed(path.read_text(encoding=encoding))
    if isinstance(value, dict):
        value = value.get("recordings", [value])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise CatalogueError(f"{path}, line 1: is no JSON, or cut off, or neither objects nor a list of them")
    yield from zip(itertools.repeat(1), value)


def parsed(text: str) -> Any:
    """The JSON value, its numbers as they are written; None when it is none."""
    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _row(path: Path, line: int, row: dict[str, Any]) -> Item:
    values = {str(name).strip().lower(): _text(value) for name, value in row.items()}
    missing = [name for name in CREDIT_COLUMNS if name not in values]
    odd = [name for name, value in values.items() if value is None]
    if missing or odd:
        why = f"{missing[0]} is missing" if missing else f"{odd[0]} is neither a text nor a list of texts"
        return Refusal(str(path), line, values.get("work_id") or "", why)
    texts = {name: value or "" for name, value in values.items()}
    identifiers = ";".join(t for t in (texts.get("identifier", ""), texts.pop("identifiers", "")) if t)
    return given(path, line, Row(line, texts | {"identifier": identifiers}).values)


def _text(value: Any) -> str | None:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ";".join(value)
    return "" if value is None else value.strip() if isinstance(value, str) else None
