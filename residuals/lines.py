"""Lines of a text file from strangers: no line is read into memory beyond a limit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from residuals.errors import UsageError

LONGEST_LINE = 1 << 22


def capped_lines(path: Path, longest: int = LONGEST_LINE) -> Iterator[tuple[int, int, str | None]]:
    """(number from 1, offset in bytes, text) of each line; text is None when it is longer than `longest` bytes.

    Raises UsageError when the file cannot be read or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            number = offset = 0
            while piece := file.readline(longest + 1):
                number, start, offset = number + 1, offset, offset + len(piece)
                if len(piece) <= longest:
                    yield number, start, _decoded(path, number, piece)
                    continue
                while piece and not piece.endswith(b"\n"):
                    piece = file.readline(longest)
                    offset += len(piece)
                yield number, start, None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check the path") from None


def _decoded(path: Path, number: int, piece: bytes) -> str:
    try:
        return piece.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path}, line {number}: is not UTF-8 text; save the file as UTF-8") from None
