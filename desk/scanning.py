"""`byline scan`: reports for files, folders and globs, in input order, each made in a worker process."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from desk.console import Progress, json_option, line, opened, registry_option, write_line
from desk.files import found
from desk.summary import ending, summary
from desk.workers import Answer, Pool, cores
from fingerprint.errors import BylineError
from registry.text import inert

TASK = "desk.tasks:scan"
START = b'{"schema": '  # how every line of a report begins
UPGRADE_DUE = "byline: some works were fingerprinted by an older version and may be missed; byline registry upgrade renews them"
TORN_BYTES = 64 << 20  # no line is longer
CSV_COLUMNS = (
    "output", "sha256", "medium", "work", "title", "work_medium", "relation", "score", "degree", "candidate",
    "output_from", "output_to", "work_from", "work_to", "people", "unexplained", "error",
)  # fmt: skip


class BadReport(BylineError):
    """The file given for --output is there and is not a scan report."""

    code = "bad-report"


@dataclass
class Tally:
    """Counts for the last lines and the exit status."""

    read: int = 0
    named: int = 0
    failed: int = 0
    works: set[str] = field(default_factory=set)
    humans: set[str] = field(default_factory=set)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one output's report."""
        if "error" in row:
            self.failed += 1
            return
        listed = [m["work"] for m in row["matches"] if not m.get("candidate")]
        self.read += 1
        self.named += bool(listed)
        self.works.update(listed)
        self.humans.update(c["name"] for c in row["credits"])


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@registry_option
@json_option
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write the JSON Lines to FILE. If it is there, outputs it already holds are not scanned again.")  # fmt: skip
@click.option("--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Also write a spreadsheet: one row for each matched segment, one for each output without any.")  # fmt: skip
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Also write a page with pictures that shows each match beside its work.")  # fmt: skip
@click.option(
    "--candidates", is_flag=True, help="Also give weaker matches and works like it in manner, marked; they name nobody."
)
@click.option("--style", is_flag=True, help="Also say whose manner a still or a text resembles. That is no evidence of use.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Worker processes; one for each core if not given.")
def scan(
    paths: tuple[str, ...], registry: Path, as_json: bool, output: Path | None, csv_file: Path | None,
    html: Path | None, candidates: bool, style: bool, jobs: int | None,
) -> None:  # fmt: skip
    """Find registered works in AI outputs.

    PATHs are files, folders or globs. Says for each output which works are in it, where on both sides, how much of it
    they explain, how sure that is, who made them, and what stays unexplained. Nothing is uploaded. The exit status is 1
    when an output could not be read.
    """
    if html is not None and not html.parent.is_dir():
        raise BadReport(f"{html}: the folder {html.parent} does not exist; make it first")
    inputs = found(paths)
    options = {"registry": str(registry), "candidates": candidates, "style": style}
    tally = Tally()
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(Pool(TASK, options, min(jobs or cores(), max(1, len(inputs)))))
        revision = pool.hello()["registry"]
        if pool.hello()["upgrade_due"]:
            click.echo(UPGRADE_DUE, err=True)
        sinks = _Sinks(stack, as_json, output, csv_file, keep=html is not None)
        todo = [f for f in inputs if f.name not in sinks.done]
        progress = stack.enter_context(Progress("scanning", len(todo)))
        sinks.replay(tally)
        for job, answer in pool.answers(f.job() for f in todo):
            row = _row(str(job["name"]), answer, revision)
            tally.add(row)
            with progress.aside() if sinks.speaks(row) else contextlib.nullcontext():
                sinks.take(row)
            progress.step()
    if html is not None:
        _write_page(sinks.rows, registry, html)
    if not as_json:
        for text in ending(tally.read, tally.named, tally.failed, len(tally.works), len(tally.humans)):
            click.echo(text)
    if tally.failed:
        raise SystemExit(1)


def _write_page(rows: list[Mapping[str, Any]], registry: Path, destination: Path) -> None:
    from desk.page import write_page

    with opened(registry) as handle:
        write_page([dict(row) for row in rows], [Path(row["output"]) for row in rows], handle, destination)


def _row(name: str, answer: Answer, revision: dict[str, str | int]) -> Mapping[str, Any]:
    if answer.error is None:
        return answer.head
    from matcher.report import failure

    return failure(name, answer.error["code"], answer.error["message"], revision)


class _Sinks:
    """Where report rows go: the terminal, the report file, the spreadsheet, and for a page they are kept."""

    def __init__(
        self, stack: contextlib.ExitStack, as_json: bool, output: Path | None, csv_file: Path | None, keep: bool
    ) -> None:
        self._as_json, self._quiet, self._keep = as_json, output is not None, keep
        self.rows: list[Mapping[str, Any]] = []
        self._output = output
        self._report = self._sheet = None
        self.done: frozenset[str] = frozenset()
        if output is not None:
            self.done = frozenset(str(row["output"]) for row in _earlier(output))
            _cut_torn_line(output)
            self._report = stack.enter_context(output.open("a", encoding="ascii"))
        if csv_file is not None:
            file = stack.enter_context(
                csv_file.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="")
            )  # the mark is for Excel
            self._sheet = csv.DictWriter(file, CSV_COLUMNS)
            self._sheet.writeheader()

    def replay(self, tally: Tally) -> None:
        """Count and show what an earlier run had already put into the report file."""
        if self._output is not None and self.done:
            for row in _earlier(self._output):
                tally.add(row)
                self._show(row)

    def take(self, row: Mapping[str, Any]) -> None:
        """Write one row to wherever it is wanted."""
        if self._report is not None:
            write_line(self._report, row)
        self._show(row)

    def speaks(self, row: Mapping[str, Any]) -> bool:
        """Whether something is printed for this row."""
        return self._as_json or not self._quiet or "error" in row

    def _show(self, row: Mapping[str, Any]) -> None:
        if self._as_json:
            click.echo(line(row))
        elif self.speaks(row):
            click.echo("\n".join(summary(row)) + "\n")
        if self._sheet is not None:
            self._sheet.writerows(sheet_rows(row))
        if self._keep:
            self.rows.append(row)


def _earlier(output: Path) -> Iterator[Mapping[str, Any]]:
    """The whole rows of an earlier, killed run; its torn last line is left out."""
    if not output.exists():
        return
    with output.open("rb") as file:
        for text in file:
            torn = not text.endswith(b"\n")
            if torn and text.startswith(START[: len(text)]):
                return
            try:
                row = json.loads(text)
                if row["schema"] != 1 or not isinstance(row["output"], str):
                    raise ValueError
            except (ValueError, KeyError, TypeError):
                raise BadReport(f"{output}: is there and is not a scan report; give another file for --output") from None
            yield row


def _cut_torn_line(output: Path) -> None:
    if not output.exists():
        return
    with output.open("r+b") as file:
        size = file.seek(0, 2)
        tail = file.seek(max(0, size - TORN_BYTES))
        last = file.read().rfind(b"\n") + 1
        file.truncate(tail + last)


def sheet_rows(row: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    """Spreadsheet rows of one output: one for each segment, one when there is none."""
    head = {k: row[k] for k in ("output", "sha256", "medium", "unexplained")}
    head["error"] = row.get("error", {}).get("message")
    if not row["matches"]:
        yield _safe(head)
    for match in row["matches"]:
        people = "; ".join(f"{c['name']} ({c['role']})" for c in row["credits"] if c["work"] == match["work"])
        named = {k: match[k] for k in ("work", "title", "relation", "score", "degree")}
        named |= {"work_medium": match["medium"], "candidate": match.get("candidate", False), "people": people}
        for segment in match["segments"]:
            edges = dict(zip(("output_from", "output_to"), _edges(segment["output"]), strict=True))
            edges |= dict(zip(("work_from", "work_to"), _edges(segment["work"]), strict=True))
            yield _safe(head | named | edges)


def _edges(span: list[float]) -> tuple[object, object]:
    """From and to. An area of a still is two corners."""
    if len(span) == 4:
        x, y, w, h = span
        return f"{x:g},{y:g}", f"{x + w:g},{y + h:g}"
    return span[0], span[1]


def _safe(row: Mapping[str, object]) -> dict[str, object]:
    """The row with its texts inert; numbers stay numbers."""
    return {k: inert(v) if isinstance(v, str) else v for k, v in row.items()}
