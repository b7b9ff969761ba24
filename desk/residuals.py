"""`byline residuals`: from what vendors report to people's accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from desk.console import Progress, json_option, ledger_option, line, opened, registry_option, show
from desk.usage import date_option, tell_refusals
from desk.words import count, plain

if TYPE_CHECKING:
    from residuals.policy import Policy
    from residuals.release import Moved
    from residuals.settle import Settlement

F = TypeVar("F", bound=Callable[..., Any])
KINDS = {
    "payable": "payable to verified people",
    "escrow": "in escrow, until the person is verified",
    "dispute": "in dispute",
    "unplaced": "of works for which no human can be named",
    "unexplained": "held: no work explains it",
    "returned": "returned to the vendor: no work explains it",
    "owner": "rights holders",
}
RUNS = {"run": "run", "kind": "kind", "period": "period", "date": "date", "transfers": "transfers", "hash": "hash"}


def policy_option(command: F) -> F:
    """--policy FILE; without it the default policy."""
    return click.option(
        "--policy", type=click.Path(dir_okay=False, path_type=Path), metavar="TOML",
        help="Who gets which part of what; without it the default policy applies (byline residuals policy prints it).",
    )(command)  # fmt: skip


run_option = click.option("--run", "name", required=True, help="The run's name; a name is booked once.")


@click.group()
def residuals() -> None:
    """Share money out among the humans behind the works found in outputs."""


def settlement_options(command: F) -> F:
    """What a settlement is made of."""
    for option in (
        date_option,
        policy_option,
        click.option("--manifest", type=click.Path(dir_okay=False, path_type=Path), metavar="CSV",
                     help="The works that went into training (column work_id)."),
        click.option("--reports", type=click.Path(dir_okay=False, path_type=Path), metavar="JSONL",
                     help="What byline scan --json said of the outputs."),
        click.option("--period", required=True, help="2026, 2026-Q4, 2026-11 or 2026-11-28, as in the usage."),
        run_option,
        registry_option,
        ledger_option,
        json_option,
    ):  # fmt: skip
        command = option(command)
    return command


@residuals.command()
@settlement_options
def preview(as_json: bool, **given: Any) -> None:
    """What a run would do. Nothing is written."""
    _settle(as_json, False, **given)


@residuals.command("run")
@settlement_options
def settle_run(as_json: bool, **given: Any) -> None:
    """Settle what is open of a period: output money by what was found in each output, training money equally by work.

    All of it is booked or nothing. The same run again books nothing; nor is any output settled twice by runs of other names.
    Outputs without a usable report stay open for a later run, and the exit status is then 1.
    """
    _settle(as_json, True, **given)


def _settle(
    as_json: bool, keep: bool, name: str, period: str, reports: Path | None, manifest: Path | None, policy: Path | None,
    registry: Path, ledger: Path, day: str,
) -> None:  # fmt: skip
    from registry.roles import ours
    from residuals.errors import RunDone
    from residuals.ledger import Ledger
    from residuals.policy import load_policy
    from residuals.settle import Inputs, settle

    rules = load_policy(policy)
    with opened(registry) as people, Ledger.open(ledger, write=True) as handle, Progress("settling", 0) as progress:
        try:
            done = settle(handle, people, rules, ours, name, day, Inputs(period, reports, manifest), keep, progress.step)
        except RunDone as error:
            click.echo(plain(str(error)))
            return
    tell_refusals([] if as_json else done.refused)
    if as_json:
        click.echo(line(_as_json(done)))
    else:
        click.echo("\n".join(_settled(done, keep)))
    if done.refused or done.unanswered:
        raise SystemExit(1)


def _as_json(done: Settlement) -> dict[str, Any]:
    from residuals.money import format_amount

    return {
        "run": done.run, "booked": done.booked, "outputs": done.outputs, "works": done.works, "transfers": done.transfers,
        "money": [{"kind": k, "currency": c, "amount": format_amount(m)} for (k, c), m in sorted(done.money.items())],
        "open": done.unanswered, "open_first": done.unanswered_first, "head": done.head if done.booked else None,
        "refused": [{"file": r.file, "line": r.line, "reason": r.reason} for r in done.refused],
    }  # fmt: skip


def _settled(done: Settlement, kept: bool) -> Iterable[str]:
    from residuals.money import format_amount

    what = f"{count(done.outputs, 'output')}, {count(done.works, 'work')}, {count(done.transfers, 'transfer')}"
    told = "; a preview, nothing was written." if not kept else "." if done.booked else "; nothing is open, no run was booked."
    yield f"run {plain(done.run)}: {what}{told}"
    for kind, told in KINDS.items():
        for (found, currency), microcents in sorted(done.money.items()):
            if found == kind and microcents:
                yield f"  {format_amount(microcents):>20} {currency}  {told}"
    if done.unanswered:
        some = ", ".join(plain(output) for output in done.unanswered_first[:3])
        yield f"  {count(done.unanswered, 'output')} without a usable report stay open: {some} ..."
    if done.booked:
        yield f"  head of the ledger: {done.head}"


@residuals.command()
@run_option
@ledger_option
@registry_option
@policy_option
@date_option
@json_option
def release(name: str, ledger: Path, registry: Path, policy: Path | None, day: str, as_json: bool) -> None:
    """Move what waits to where it belongs now: escrow of people verified since, disputes that have ended, new credits."""
    from registry.roles import ours
    from residuals.ledger import Ledger
    from residuals.policy import load_policy
    from residuals.release import release as move

    rules = load_policy(policy)
    with opened(registry) as people, Ledger.open(ledger, write=True) as handle:
        _moved(name, lambda: move(handle, people, rules, ours, name, day), as_json)


@residuals.command()
@click.argument("booked", metavar="RUN")
@run_option
@click.option("--because", required=True, help="Why.")
@ledger_option
@date_option
@json_option
def reverse(booked: str, name: str, because: str, ledger: Path, day: str, as_json: bool) -> None:
    """Book the opposite of all that RUN booked, as a run of its own; its usage is open again."""
    from residuals.ledger import Ledger
    from residuals.release import reverse as undo

    with Ledger.open(ledger, write=True) as handle:
        _moved(name, lambda: undo(handle, booked, name, because, day), as_json)


def _moved(name: str, book: Callable[[], Moved], as_json: bool) -> None:
    from residuals.errors import RunDone
    from residuals.money import format_amount

    try:
        done = book()
    except RunDone as error:
        click.echo(plain(str(error)))
        return
    moves = [(a, b, currency, format_amount(m)) for (a, b, currency), m in sorted(done.money.items())]
    if as_json:
        rows = [dict(zip(("from", "to", "currency", "amount"), move, strict=True)) for move in moves]
        told = {"run": name, "booked": done.booked, "transfers": done.transfers, "moved": rows, "head": done.head}
        click.echo(line(told))
        return
    if not done.booked:
        click.echo(f"run {plain(name)}: nothing is to be moved, no run was booked.")
        return
    click.echo(f"run {plain(name)}: {count(done.transfers, 'transfer')}.")
    for source, target, currency, amount in moves:
        click.echo(f"  {amount:>20} {currency}  {source} -> {target}")
    click.echo(f"  head of the ledger: {done.head}")


@residuals.command("runs")
@ledger_option
@json_option
def list_runs(ledger: Path, as_json: bool) -> None:
    """The runs that are booked, in their order."""
    from residuals.ledger import Ledger

    with Ledger.open(ledger) as handle:
        rows = (
            {"run": r.run, "kind": r.kind, "period": r.period, "date": r.date, "transfers": r.transfers, "hash": r.hash.hex()}
            for r in handle.runs()
        )
        show(rows, as_json, RUNS, "No run is booked.")


@residuals.command("policy")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def show_policy(file: Path | None) -> None:
    """Check a policy FILE and print what applies with it; without one print the default policy."""
    from residuals.policy import DEFAULT, load_policy

    rules = load_policy(file)
    if file is None:
        click.echo(DEFAULT.read_text(encoding="utf-8").rstrip())
        return
    click.echo("\n".join(_policy(rules)))


def _policy(rules: Policy) -> Iterable[str]:
    from residuals.money import format_amount

    yield f"{plain(rules.name)}: can be used."
    yield f"of revenue {rules.of_revenue}; what no work explains: {rules.unexplained}; owners {rules.owners}; "
    yield f"credits are paid from the state {rules.credits_from} on"
    yield "relations: " + _pairs(rules.relations)
    yield "roles: " + _pairs(rules.roles)
    for guild, weights in rules.guilds.items():
        yield f"guild {plain(guild)}: " + _pairs(weights)
    yield "minimum payout: " + _pairs({code: format_amount(m) for code, m in rules.minimum_payout.items()})
    yield "withholding: " + (_pairs(rules.withholding) or "none")


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{plain(key)} {value}" for key, value in values.items())
