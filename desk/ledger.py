"""`byline ledger`: whether anybody has changed it, and what is on its accounts."""

from __future__ import annotations

from pathlib import Path

import click

from desk.console import json_option, ledger_option, line, show
from desk.words import plain

BALANCES = {"kind": "kind", "who": "who", "work": "work", "currency": "currency", "amount": "amount"}


@click.group("ledger")
def ledger_group() -> None:
    """Look at the ledger, and check that nobody has changed it."""


@ledger_group.command()
@ledger_option
@click.option("--head", default="", help="A hash noted earlier: runs cut off since are then found too.")
@json_option
def verify(ledger: Path, head: str, as_json: bool) -> None:
    """Check every row against the chain of hashes. The exit status is 1 when one was changed; the first is named."""
    from residuals.ledger import Ledger
    from residuals.sent import first_fault

    with Ledger.open(ledger) as handle:
        fault, last = handle.verify(head) or first_fault(handle), handle.head()
    if as_json:
        click.echo(line({"fault": fault or None, "head": last}))
    else:
        click.echo(
            f"fault: {plain(fault)}" if fault else f"{plain(str(ledger))}: whole; head {last or 'none: nothing is booked'}"
        )
    if fault:
        raise SystemExit(1)


@ledger_group.command()
@click.option("--kind", default="", help="Only accounts of this kind: payable, escrow, dispute ...")
@click.option("--who", default="", help="Only of this person (by key), vendor or holder.")
@ledger_option
@json_option
def balances(kind: str, who: str, ledger: Path, as_json: bool) -> None:
    """Every account that is not empty, with what is on it."""
    from residuals.ledger import Ledger
    from residuals.money import format_amount

    with Ledger.open(ledger) as handle:
        rows = (
            {"kind": a.kind, "who": a.who, "work": a.work, "currency": a.currency, "amount": format_amount(microcents)}
            for a, microcents in handle.balances(kind, who)
            if microcents
        )
        show(rows, as_json, BALANCES, "Every account is empty.")
