"""`byline payout`: paying verified people from the ledger, and booking back what the bank returns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from desk.console import fail, json_option, ledger_option, line, now, opened, registry_option, show, table
from desk.payees import key_option, ledger_at, vault_at
from desk.words import count, plain

if TYPE_CHECKING:
    from residuals.payments import Order, Plan
    from residuals.payout import Terms
    from residuals.vault import Vault

F = TypeVar("F", bound=Callable[..., Any])
FORMATS = click.Choice(("pain", "wise", "csv"))
PAYMENT = {
    "payment": "payment",
    "person": "person",
    "name": "name",
    "account": "account",
    "net": "amount",
    "withheld": "withheld",
}
LEFT_OUT = {"person": "person", "name": "name", "amount": "owed", "reason": "why not"}
BOOKED = {
    "payment": "payment", "date": "date", "person": "person", "name": "name", "account": "account", "currency": "currency",
    "net": "amount", "withheld": "withheld", "returned": "returned", "returned_because": "because",
}  # fmt: skip


def order_options(command: F) -> F:
    """What an order says: run, currency, date, format, text, policy."""
    for option in reversed((
        click.option("--run", "run", required=True, help="A name for this payout; the same name never pays twice. Banks see it."),
        click.option("--currency", required=True, help="Of the accounts to pay: EUR, USD ..."),
        click.option("--date", required=True, help="On which the bank is to pay, like 2026-11-30."),
        click.option("--format", "form", type=FORMATS, default="pain", show_default=True,
                     help="A SEPA bank file (ISO 20022 pain.001.001.09), batches for Wise, or a plain CSV table."),
        click.option("--created", default="", help="The time of making that stands in the file.  [default: midnight of --date]"),
        click.option("--text", default="", help="What payees read on their bank statements.  [default: Residuals RUN]"),
        click.option("--policy", type=click.Path(dir_okay=False, path_type=Path),
                     help="The policy with minimum payouts, withholding and the sender ([debtor]); else the default one."),
    )):  # fmt: skip
        command = option(command)
    return command


def _terms(policy: Path | None, run: str, currency: str, date: str, form: str, created: str, text: str) -> tuple[Terms, Order]:
    from residuals.money import currency_of
    from residuals.payments import Order
    from residuals.payout import Terms, checked_order, debtor_of
    from residuals.policy import load_policy

    rules = load_policy(policy)
    code = currency_of(currency)
    order = Order(run, code, date, form, created or f"{date}T00:00:00", text or f"Residuals {run}", debtor_of(rules.debtor))
    return Terms(rules.minimum_payout.get(code, 0), rules.withholding), checked_order(order)


@click.group()
def payout() -> None:
    """Pay verified people from the ledger; book back what the bank returns."""


@payout.command("preview")
@order_options
@ledger_option
@registry_option
@json_option
def payout_preview(ledger: Path, registry: Path, as_json: bool, **order: Any) -> None:
    """Show who would be paid what, and who would not and why. Nothing is booked."""
    from residuals.payout import plan

    terms, asked = _terms(**order)
    with opened(registry) as people, ledger_at(ledger) as handle:
        made = plan(handle, people, terms, asked, None)
    _tell(made, as_json, "would be paid")


@payout.command("run")
@order_options
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The payment file to write.")
@ledger_option
@registry_option
@key_option
@json_option
def payout_run(output: Path, ledger: Path, registry: Path, key: Path | None, as_json: bool, **order: Any) -> None:
    """Pay everybody who can be paid: check all, book the payments, write the payment file.

    The same run again pays nobody twice; it writes the same file again.
    """
    from residuals.sent import carry_out

    terms, asked = _terms(**order)
    vault = _vault(key)
    with opened(registry) as people, ledger_at(ledger, write=True) as handle:
        made, paths, before = carry_out(handle, people, terms, asked, vault, output)
    _tell(made, as_json, "had been paid by this run before; nobody was paid again" if before else "paid", paths)
    if not paths:
        fail("nobody can be paid, so nothing was booked and no file was written")


def _vault(key: Path | None) -> Vault | None:
    """None where no key is given; where one is needed, that is told then."""
    from residuals.vault import ENVIRONMENT

    return vault_at(key) if key or os.environ.get(ENVIRONMENT) else None


@payout.command("file")
@click.argument("run", metavar="RUN")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The payment file to write.")
@ledger_option
@key_option
def payout_file(run: str, output: Path, ledger: Path, key: Path | None) -> None:
    """Write the payment file of a booked payout again, byte for byte."""
    from residuals.sent import files_again, parts, rename, write_aside

    with ledger_at(ledger) as handle:
        _, files = files_again(handle, run, _vault(key))
    paths = parts(output, len(files))
    rename(write_aside(paths, [[data] for data in files]), paths)
    for path in paths:
        click.echo(plain(str(path)))


@payout.command("list")
@click.option("--run", default="", help="Only payments of this payout.")
@click.option("--person", default="", help="Only payments to the person with this key.")
@ledger_option
@json_option
def payout_list(run: str, person: str, ledger: Path, as_json: bool) -> None:
    """List booked payments by date, and which of them came back."""
    from residuals.payout_csv import units
    from residuals.sent import payments

    with ledger_at(ledger) as handle:
        rows = [
            row | {name: units(row[name], row["currency"]) for name in ("gross", "withheld", "net")}
            for row in payments(handle, run, person)
        ]
    show(rows, as_json, BOOKED, "No payments are booked here that fit.")


@payout.command("returned")
@click.argument("payment", metavar="PAYMENT")
@click.option("--reason", required=True, help="What the bank said, such as account closed.")
@click.option("--date", default="", help="On which it came back, like 2026-12-02.  [default: today]")
@ledger_option
@json_option
def payout_returned(payment: str, reason: str, date: str, ledger: Path, as_json: bool) -> None:
    """Book a payment back that the bank returned, with what was withheld from it.

    The person is paid again once the account is set anew.
    """
    from residuals.money import format_amount
    from residuals.sent import returned

    with ledger_at(ledger, write=True) as handle:
        account = returned(handle, payment, reason, date or now()[:10])
        row = {
            "payment": payment,
            "person": account.who,
            "currency": account.currency,
            "balance": format_amount(handle.balance(account)),
        }
    said = f"{payment} is booked back; {row['person']} is owed {row['balance']} {row['currency']}"
    click.echo(line(row) if as_json else plain(said))


def _tell(made: Plan, as_json: bool, done: str, paths: Sequence[Path] = ()) -> None:
    payments, left_out = list(_payment_rows(made)), list(_left_out_rows(made))
    totals = _totals(made, [str(path) for path in paths])
    if as_json:
        for row in (*payments, *left_out, totals):
            click.echo(line(row))
        return
    for rows, columns in ((payments, PAYMENT), (left_out, LEFT_OUT)):
        for text in table(rows, columns):
            click.echo(text)
        if rows:
            click.echo()
    currency = made.order.currency
    click.echo(f"{made.order.run}: {count(len(payments), 'person', 'people')} {done}: {totals['net']} {currency} in all, "
               f"{totals['withheld']} withheld. {count(len(left_out), 'other')} not paid.")  # fmt: skip
    for path in paths:
        click.echo(plain(str(path)))


def _payment_rows(made: Plan) -> Iterator[dict[str, Any]]:
    from residuals.iban import masked
    from residuals.payout_csv import units

    for p in made.payments:
        amounts = {name: units(getattr(p, name), made.order.currency) for name in ("gross", "withheld", "net")}
        account = p.iban if "*" in p.iban else masked(p.iban)
        yield {"payment": p.id, "person": p.person, "name": p.name, "account": account or p.wise_id or p.wise_email,
               "currency": made.order.currency, **amounts, "tax_country": p.tax_country, "rate": p.rate}  # fmt: skip


def _left_out_rows(made: Plan) -> Iterator[dict[str, Any]]:
    from residuals.money import format_amount

    for who in made.left_out:
        yield {"person": who.person, "name": who.name, "currency": made.order.currency, "amount": format_amount(who.microcents),
               "code": who.code, "reason": who.reason}  # fmt: skip


def _totals(made: Plan, paths: Sequence[str]) -> Mapping[str, Any]:
    from residuals.payout_csv import units

    sums = {name: units(sum(getattr(p, name) for p in made.payments), made.order.currency) for name in ("net", "withheld")}
    return {"run": made.order.run, "currency": made.order.currency, "payments": len(made.payments), **sums,
            "left_out": len(made.left_out), "files": list(paths)}  # fmt: skip
