"""Rows of a CSV file as people send it: encoding found, delimiter found, every row that cannot be used told apart."""

from __future__ import annotations

import codecs
import contextlib
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from fingerprint.errors import BylineError

CHUNK = 1 << 20
MOST_LINE = 1 << 22  # characters; nobody's credits are that long
GUESS_BYTES = 1 << 22
DELIMITERS = ",;\t|"
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip


class CatalogueError(BylineError):
    """A table of a catalogue cannot be used at all."""

    code = "catalogue"


@dataclass(frozen=True)
class Refusal:
    """One row that cannot be used: where it stands, the work (in other tables: what the first column names) or "", and why."""

    file: str
    line: int
    work_id: str
    reason: str


@dataclass(frozen=True)
class Row:
    """One row: the line it begins on, and its values by lower-case column name, without blanks around them."""

    line: int
    values: dict[str, str]


class LongLine(ValueError):
    """A line that is longer than MOST_LINE; it has been passed over without being kept."""


class Lines:
    """The lines of a text file; `number` is that of the last one. Raises LongLine, and when asked again goes on behind it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(MOST_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == MOST_LINE and not line.endswith(("\n", "\r")):
            while line and not line.endswith(("\n", "\r")):
                line = self._file.readline(MOST_LINE)
            raise LongLine(f"the line is longer than {MOST_LINE:,} characters; the file is damaged, or it is no table")
        return line


def read_table(path: Path, required: tuple[str, ...], encoding: str = "") -> Iterator[Row | Refusal]:
    """The rows of a CSV file with a header. Raises CatalogueError when the file, its encoding or its columns are of no use."""
    encoding = encoding or encoding_of(path)
    with reading(path, encoding) as file:
        lines = Lines(file)
        try:
            header = next(lines, "")
        except LongLine as error:
            raise CatalogueError(f"{path}, line 1: {error}") from None
        columns = _columns(path, header, required)
        reader = csv.reader(lines, delimiter=_delimiter(header), strict=True)
        yield from _rows(path, lines, reader, columns)


@contextlib.contextmanager
def reading(path: Path, encoding: str) -> Iterator[TextIO]:
    """The text file, opened. Inside, what is wrong with its bytes becomes a CatalogueError."""
    try:
        with path.open(encoding=encoding, newline="") as file:
            yield file
    except UnicodeError as error:
        raise CatalogueError(f"{path}: is not {encoding} text; save it as UTF-8") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _rows(path: Path, lines: Lines, reader: Iterator[list[str]], columns: list[str]) -> Iterator[Row | Refusal]:
    while True:
        line = lines.number + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except LongLine as error:
            yield Refusal(str(path), lines.number, "", str(error))
            continue
        except csv.Error as error:
            yield Refusal(str(path), line, "", _quotes(error, line, lines.number))
            continue
        if not any(field.strip() for field in fields):
            continue
        if len(fields) != len(columns):
            at = columns.index("work_id") if "work_id" in columns else len(fields)
            work_id = fields[at].strip() if len(fields) > at else ""
            yield Refusal(
                str(path), line, work_id, f"the row has {len(fields)} fields, the header {len(columns)}; check its quotes"
            )
            continue
        yield Row(line, dict(zip(columns, (field.strip() for field in fields), strict=True)))


def _quotes(error: csv.Error, line: int, last: int) -> str:
    """What is wrong with a row that the csv module cannot read."""
    if "unexpected end" in str(error):
        return "a quote is opened here and never closed; the file has been cut off, or a quote is too much"
    if "field limit" in str(error):
        skipped = f"; lines {line:,} to {last:,} were not read" if last > line else ""
        return f"a quote is opened here and not closed for {csv.field_size_limit():,} characters{skipped}; check its quotes"
    return f"the row cannot be read ({error}); check its quotes"


def _delimiter(header: str) -> str:
    """Spreadsheets of many countries write semicolons."""
    return max(DELIMITERS, key=header.count)


def _columns(path: Path, header: str, required: tuple[str, ...]) -> list[str]:
    columns = [name.strip().lower() for name in next(csv.reader([header.rstrip("\r\n")], delimiter=_delimiter(header)), [])]
    missing = [name for name in required if name not in columns]
    if missing:
        what = "column" if len(missing) == 1 else "columns"
        raise CatalogueError(f"{path}: the {what} {', '.join(missing)} missing; the first line must name the columns")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise CatalogueError(f"{path}: two columns are called {', '.join(twice)}; rename one")
    return columns


def encoding_of(path: Path) -> str:
    """The encoding of a text file: UTF-8, what a byte order mark says, or another when there is no doubt."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            head = file.read(CHUNK)
            for mark, encoding in BOMS:
                if head.startswith(mark):
                    return encoding
            chunk, line = head, 1
            try:
                while chunk:
                    decoder.decode(chunk)
                    line, chunk = line + chunk.count(b"\n"), file.read(CHUNK)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError as error:
                file.seek(0)
                return _guessed(path, line + error.object[: error.start].count(b"\n"), file.read(GUESS_BYTES), error)
    except OSError as error:
        raise _unreadable(path, error) from error
    return "utf-8"


def _guessed(path: Path, line: int, data: bytes, error: UnicodeDecodeError) -> str:
    """A wrong guess would misspell the names of people, so all plausible encodings must give the same text."""
    from charset_normalizer import from_bytes

    if len(data) == GUESS_BYTES:  # the end of a sample may cut a character in two
        data = data[: data.rfind(b"\n") + 1]
    found = from_bytes(data)
    if len(found) and len({str(match) for match in found}) == 1:
        return str(found[0].encoding)
    names = sorted({match.encoding.replace("_", "-") for match in found})[:3]
    maybe = f" (perhaps {' or '.join(names)})" if names else ""
    raise CatalogueError(
        f"{path}, line {line:,}: is not UTF-8 text{maybe}; save it as UTF-8, so that nobody's name is misspelt"
    ) from error


def _unreadable(path: Path, error: OSError) -> CatalogueError:
    reason = (
        "there is no such file; check the path" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
    )
    return CatalogueError(f"{path}: {reason}")
