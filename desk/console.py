"""What all commands share: the registry option, JSON Lines, tables, progress, and errors as one sentence."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO, TypeVar

import click

from desk.words import plain
from fingerprint.errors import BylineError

if TYPE_CHECKING:
    from registry.store import Registry

F = TypeVar("F", bound=Callable[..., Any])
INTERRUPTED = 130
ALIGNED_BY = 1000


class Desk(click.Group):
    """A group whose commands may raise BylineError, run out of disk or be stopped: each ends in one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are met, not by the alphabet."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """The command's result, or a sentence on stderr and exit status 1 (130 for Ctrl-C)."""
        try:
            return super().invoke(ctx)
        except BylineError as error:
            fail(str(error))
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            fail(_os_sentence(error))
        except KeyboardInterrupt:
            fail("stopped; what was done is kept, run the same command again to go on", INTERRUPTED)


def _os_sentence(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}the disk is full; what was done is kept, free some space and run the same command again"
    return f"{where}{error.strerror or error}"


def fail(sentence: str, status: int = 1) -> NoReturn:
    """Say what is wrong and exit."""
    click.echo(f"byline: {plain(sentence)}", err=True)
    sys.exit(status)


def registry_option(command: F) -> F:
    """--registry FILE, else BYLINE_REGISTRY, else byline.db here."""
    return _file_option("registry", "byline.db")(command)


def ledger_option(command: F) -> F:
    """--ledger FILE, else BYLINE_LEDGER, else ledger.db here."""
    return _file_option("ledger", "ledger.db")(command)


def _file_option(name: str, default: str) -> Callable[[F], F]:
    variable = f"BYLINE_{name.upper()}"
    return click.option(
        f"--{name}",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar=variable,
        default=Path(default),
        show_default=f"{variable}, else {default}",
        help=f"The {name}'s file.",
    )


def opened(path: Path, write: bool = False, create: bool = False) -> Registry:
    """The registry, as a context manager. Imported here, because NumPy and SQLite cost more than `byline --help` may."""
    from registry.store import open_registry

    return open_registry(path, write=write, create=create)


def now() -> str:
    """The time for the audit rows, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def json_option(command: F) -> F:
    """--json: JSON Lines."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON Lines, one object a line.")(command)


def line(row: Mapping[str, Any]) -> str:
    """One JSON line; ASCII, so that it survives every terminal and pipe."""
    return json.dumps(row, separators=(", ", ": "))


def show(rows: Iterable[Mapping[str, Any]], as_json: bool, columns: Mapping[str, str], nothing: str) -> int:
    """Print rows as JSON Lines, or as a table with these columns (key: heading); how many they were."""
    if as_json:
        count = 0
        for row in rows:
            click.echo(line(row))
            count += 1
        return count
    count = 0
    for count, text in enumerate(table(rows, columns)):  # noqa: B007 - the heading is line 0
        click.echo(text)
    if not count:
        click.echo(nothing)
    return count


def table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> Iterator[str]:
    """A heading and a line for each row, aligned by the first thousand; nothing at all for no rows."""
    cells = ([_cell(row.get(key)) for key in columns] for row in rows)
    first = list(itertools.islice(cells, ALIGNED_BY))
    if not first:
        return
    first.insert(0, list(columns.values()))
    widths = [max(len(row[i]) for row in first) for i in range(len(columns))]
    for row in itertools.chain(first, cells):
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(v) for v in value)
    return plain(str(value))


class Progress:
    """A bar with rate and time left on a terminal's stderr; nothing when stderr is not a terminal."""

    def __init__(self, label: str, total: int) -> None:
        self._bar: Any = None
        if total != 1 and sys.stderr.isatty():
            self._bar = _bar()
            self._task = self._bar.add_task(label, total=total or None)
            self._bar.start()

    def step(self, done: int = 1) -> None:
        """So many more are done."""
        if self._bar is not None:
            self._bar.advance(self._task, done)

    def at(self, done: int, total: int) -> None:
        """So many of so many are done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """While text is printed to the same terminal, the bar is away."""
        shown = self._bar is not None and sys.stdout.isatty()
        if shown:
            self._bar.stop()
        yield
        if shown:
            self._bar.start()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.finished_speed or task.speed or 0:.1f}/s")

    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False,
    )  # fmt: skip


def write_line(stream: TextIO, row: Mapping[str, Any]) -> None:
    """One JSON line, flushed, so that a kill loses at most the line being written."""
    stream.write(line(row) + "\n")
    stream.flush()
