"""`byline people import`: credits from elsewhere for works that are registered."""

from __future__ import annotations

import contextlib
import csv
import itertools
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from desk.console import Progress, json_option, line, opened, registry_option
from desk.words import count, plain
from registry.text import inert

if TYPE_CHECKING:
    from registry.imports import Taken
    from registry.tables import Refusal

KEPT_ROWS = 20
COLUMNS = ("file", "line", "work", "reason")


class Report:
    """What became of the rows. Every quarantined one goes into the file that was asked for; a few are kept for people."""

    def __init__(self, as_json: bool, file: TextIO | None) -> None:
        self.counts = {"accepted": 0, "completed": 0, "known": 0, "quarantined": 0}
        self.first: list[Refusal] = []
        self._as_json = as_json
        self._rows = csv.writer(file, lineterminator="\n") if file else None
        if self._rows:
            self._rows.writerow(COLUMNS)

    def add(self, taken: Taken) -> int:
        """Counts a batch in; how many rows it had."""
        batch = asdict(taken) | {"quarantined": len(taken.quarantined)}
        for name in self.counts:
            self.counts[name] += batch[name]
        for row in taken.quarantined:
            self._quarantine(row)
        self.first += taken.quarantined[: KEPT_ROWS - len(self.first)]
        return sum(batch.values())

    def _quarantine(self, row: Refusal) -> None:
        if self._rows:
            self._rows.writerow([inert(cell) for cell in (row.file, row.line or "", row.work_id, row.reason)])
        if self._as_json:
            click.echo(line({"status": "quarantined", "file": row.file, "line": row.line or None, "work": row.work_id or None,
                             "reason": row.reason}))  # fmt: skip


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--quarantine", type=click.Path(dir_okay=False, path_type=Path), metavar="CSV",
              help="Write the rows that were not taken into this table: file, line, work, reason.")  # fmt: skip
@registry_option
@json_option
def import_credits(files: tuple[Path, ...], quarantine: Path | None, registry: Path, as_json: bool) -> None:
    """Put credits from elsewhere to works that are registered.

    FILEs are tables like a catalogue's credits.csv, JSON Lines with the same names, IMDb's name.basics, title.basics and
    title.principals, or recordings of MusicBrainz as JSON. It may be stopped at any time and run again: no credit is put in
    twice. Rows that cannot be used are told with file, line and reason, the rest is done, and the exit status is 1.
    """
    from registry.imports_files import Unmatched

    unmatched, start = Unmatched(), time.monotonic()
    with contextlib.ExitStack() as stack:
        handle = stack.enter_context(opened(registry, write=True))
        report = Report(as_json, stack.enter_context(_draft(quarantine)) if quarantine else None)
        stack.callback(lambda: _tell(report, handle.humans, unmatched.works, as_json, time.monotonic() - start))
        progress = stack.enter_context(Progress("importing", 0))
        for taken in handle.humans.take_in(files, unmatched):
            progress.step(report.add(taken))
    if report.counts["quarantined"]:
        raise SystemExit(1)


@contextlib.contextmanager
def _draft(target: Path) -> Iterator[TextIO]:
    """A file that takes its name when it is whole, also when the import was stopped."""
    draft = target.with_name(target.name + ".part")
    with draft.open("w", encoding="utf-8", newline="") as file:
        try:
            yield file
        finally:
            file.flush()
            draft.replace(target)


def _tell(report: Report, humans: Any, unmatched: int, as_json: bool, seconds: float) -> None:
    twins = humans.count_twins()
    if as_json:
        click.echo(line(report.counts | {"unmatched_works": unmatched, "twins": twins}))
        return
    for text in _told(report, unmatched, twins, itertools.islice(humans.twins(), 5), seconds):
        click.echo(text)


def _told(report: Report, unmatched: int, twins: int, some: Iterator[dict[str, Any]], seconds: float) -> Iterator[str]:
    counts = report.counts
    for row in report.first:
        where = f"{row.file}, line {row.line:,}: " if row.line else ""
        yield f"quarantined: {plain(where)}{plain(row.reason)}"
    if counts["quarantined"] > len(report.first):
        yield f"  and {counts['quarantined'] - len(report.first):,} more; --quarantine FILE.csv writes all of them"
    rows = sum(counts.values())
    rate = f", {rows / seconds:,.0f} rows/s" if rows > 1 else ""
    completed = f", {counts['completed']:,} completed" if counts["completed"] else ""
    yield (
        f"{count(counts['accepted'], 'credit')} accepted{completed}, {counts['known']:,} there already, "
        f"{counts['quarantined']:,} quarantined ({seconds:.1f} s{rate})."
    )
    if unmatched:
        yield f"{count(unmatched, 'work')} in these files not registered here, passed over."
    if twins:
        names = ", ".join(plain(pair["name"]) for pair in some)
        more = " ..." if twins > 5 else ""
        yield f"{count(twins, 'name')} borne by several people ({names}{more}): see byline people twins; nobody was merged."
