"""`byline usage`: what AI vendors report of their outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from desk.console import json_option, ledger_option, line, show
from desk.words import count, plain

if TYPE_CHECKING:
    from registry.tables import Refusal

F = TypeVar("F", bound=Callable[..., Any])
USAGE = {"vendor": "vendor", "period": "period", "currency": "currency", "outputs": "outputs", "settled": "settled",
         "revenue": "revenue", "pools": "pools"}  # fmt: skip
SHOWN_REFUSALS = 20


def date_option(command: F) -> F:
    """--date: the date that goes into the ledger, today (UTC) by default."""
    return click.option(
        "--date", "day", default=lambda: datetime.now(UTC).date().isoformat(), callback=_day, metavar="YYYY-MM-DD",
        show_default="today", help="The date of the booking.",
    )(command)  # fmt: skip


def _day(ctx: click.Context, param: click.Parameter, value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise click.BadParameter(f'"{value}" is no date; write it like 2026-11-30') from None


@click.group()
def usage() -> None:
    """Take in what AI vendors report of their outputs."""


@usage.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--vendor", required=True, help="Who reports.")
@ledger_option
@date_option
@json_option
def usage_import(files: Sequence[Path], vendor: str, ledger: Path, day: str, as_json: bool) -> None:
    """Take in FILES of usage, CSV or JSON Lines: output_id, currency, revenue, period; pool, currency, amount, period.

    A file that was taken in before counts once. Rows that cannot be used are listed with their line, the rest is taken, and the
    exit status is then 1.
    """
    from fingerprint.errors import BylineError
    from residuals.ledger import Ledger
    from residuals.usage import import_usage, vendor_of

    vendor_of(vendor)  # before a ledger is made
    bad = False
    with Ledger.open(ledger, write=True, create=True) as handle:
        for file in files:
            try:
                done = import_usage(handle, file, vendor, day)
            except BylineError as error:
                bad = True
                click.echo(f"byline: {plain(str(error))}", err=True)
                continue
            bad = bad or bool(done.refused)
            told = {
                "file": str(file),
                "rows": done.rows,
                "pools": done.pools,
                "refused": len(done.refused),
                "before": done.before,
            }
            if as_json:
                click.echo(line(told | {"reasons": [{"line": r.line, "reason": r.reason} for r in done.refused]}))
                continue
            tell_refusals(done.refused)
            taken = f"{count(done.rows, 'output')}, {count(done.pools, 'pool')}, {count(len(done.refused), 'row')} refused"
            click.echo(f"{plain(str(file))}: {'taken in before; nothing counted again' if done.before else taken}.")
    if bad:
        raise SystemExit(1)


def tell_refusals(refused: Sequence[Refusal]) -> None:
    """Each with its file and line, the first of many."""
    for row in refused[:SHOWN_REFUSALS]:
        where = f"{row.file}, line {row.line}" if row.line else row.file
        click.echo(f"refused: {plain(f'{where}: {row.reason}' if where else row.reason)}")
    if len(refused) > SHOWN_REFUSALS:
        click.echo(f"refused: and {len(refused) - SHOWN_REFUSALS:,} more; --json lists all")


@usage.command("list")
@ledger_option
@json_option
def usage_list(ledger: Path, as_json: bool) -> None:
    """What was reported, by vendor, period and currency, and how much of it is settled."""
    from residuals.ledger import Ledger
    from residuals.usage import summary

    with Ledger.open(ledger) as handle:
        show(summary(handle), as_json, USAGE, "No usage was reported.")
