"""`byline payees`: where people's money goes. Account numbers come in by a file or unseen, and never go out whole."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from desk.console import json_option, ledger_option, line, now, opened, registry_option, show
from desk.words import count, plain

if TYPE_CHECKING:
    from registry.store import Registry
    from residuals.ledger import Ledger
    from residuals.vault import Vault

F = TypeVar("F", bound=Callable[..., Any])
COLUMNS = {
    "person": "person", "name": "name", "town": "town", "country": "country", "iban": "account", "wise_id": "Wise recipient",
    "tax_country": "tax country",
}  # fmt: skip
SHOWN = {
    "iban": "account", "bic": "bank", "currency": "currency", "wise_id": "Wise", "wise_email": "e-mail",
    "tax_country": "taxed in", "tax_form": "tax form",
}  # fmt: skip


def key_option(command: F) -> F:
    """--key FILE; without it the key is in BYLINE_KEY."""
    return click.option(
        "--key",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The file of the key that account numbers are sealed with; else the key itself is taken from BYLINE_KEY.",
    )(command)


def ledger_at(path: Path, write: bool = False, create: bool = False) -> Ledger:
    """The ledger, as a context manager; a writer has the tables of payees and payments in it."""
    from residuals.ledger import Ledger
    from residuals.payout_tables import prepare

    handle = Ledger.open(path, write=write, create=create)
    if write:
        prepare(handle.conn)
    return handle


def vault_at(key: Path | None) -> Vault:
    """The vault of --key or BYLINE_KEY."""
    from residuals.vault import open_vault

    return open_vault(key)


@click.group()
def payees() -> None:
    """Keep where each person's money goes: name, town, country, account."""


@payees.command("set")
@click.argument("person", metavar="PERSON")
@ledger_option
@registry_option
@key_option
@click.option("--name", required=True, help="As the bank knows the account's holder.")
@click.option("--town", required=True, help="Of the postal address; banks refuse payments without it.")
@click.option("--country", required=True, help="Of the postal address: two letters of ISO 3166.")
@click.option("--line", "lines", multiple=True, help="A postal line beside town and country; at most two.")
@click.option("--iban-file", type=click.File("r"), help="A file that holds the IBAN; - asks for it, unseen on a terminal.")
@click.option("--bic", default="", help="Of the bank; SEPA payments do without.")
@click.option("--currency", default="", help="That the payee wants to be paid in; for Wise.")
@click.option("--wise-id", default="", help="The id of a saved recipient of Wise.")
@click.option("--wise-email", default="", help="The e-mail address of a Wise recipient.")
@click.option("--tax-form", default="", help="The tax form on file, such as W-8BEN.")
@click.option("--tax-country", default="", help="Where the payee is taxed, if elsewhere than the address.")
def payees_set(
    person: str, ledger: Path, registry: Path, key: Path | None, lines: tuple[str, ...], iban_file: Any, **given: str
) -> None:
    """Store where the money of a person goes, in place of what was stored before."""
    from residuals.payees import BadPayee, payee_of, write_payee
    from residuals.payout_tables import transaction

    if len(lines) > 2:
        raise BadPayee(f"{person}: {len(lines)} postal lines are given; payment files carry two beside town and country")
    values = {**given, **{f"line{i}": text for i, text in enumerate(lines, 1)}, "iban": _iban(iban_file)}
    with opened(registry) as people:
        person = people.current_key(person)
    payee = payee_of(person, values)
    vault = vault_at(key) if payee.iban else None
    with ledger_at(ledger, write=True, create=True) as handle, transaction(handle.conn):
        changed = write_payee(handle.conn, payee, vault, now())
    click.echo(f"{plain(person)}: {'stored' if changed else 'nothing changed'}")


def _iban(file: Any) -> str:
    """From a file's first line, or asked for: on the command line other users and the shell's history would see it."""
    if file is None:
        return ""
    if file.name == "<stdin>" and sys.stdin.isatty():
        return str(click.prompt("IBAN", hide_input=True, err=True))
    return str(file.readline(128).strip())


@payees.command("import")
@click.argument("table", type=click.Path(path_type=Path), metavar="CSV")
@ledger_option
@registry_option
@key_option
@click.option("--encoding", default="", help="Of the file, if it is not UTF-8.")
@json_option
def payees_import(table: Path, ledger: Path, registry: Path, key: Path | None, encoding: str, as_json: bool) -> None:
    """Store the payees of a CSV file; rows that cannot be used are told and the others stored.

    \b
    Columns: person, name, town, country; line1, line2, iban, bic, currency, wise_id, wise_email,
    tax_form, tax_country.
    """
    from residuals.payee_table import import_payees

    vault = vault_at(key)
    with opened(registry) as people, ledger_at(ledger, write=True, create=True) as handle:
        report = import_payees(handle.conn, table, _known(people), vault, now(), encoding)
    for refusal in report.refused:
        row = {"file": refusal.file, "line": refusal.line, "person": refusal.work_id, "reason": refusal.reason}
        click.echo(
            line(row) if as_json else f"byline: {plain(refusal.file)}, line {refusal.line}: {plain(refusal.reason)}",
            err=not as_json,
        )
    summary = {"stored": report.stored, "unchanged": report.unchanged, "refused": len(report.refused)}
    click.echo(line(summary) if as_json else _summary(summary))
    if report.refused:
        sys.exit(1)


def _summary(counts: Mapping[str, int]) -> str:
    refused = count(counts["refused"], "row")
    return f"{count(counts['stored'], 'payee')} stored, {counts['unchanged']:,} unchanged, {refused} refused."


def _known(people: Registry) -> Callable[[str], bool]:
    from registry.errors import RegistryError

    def known(person: str) -> bool:
        try:
            people.payee(person)
        except RegistryError:
            return False
        return True

    return known


@payees.command("list")
@ledger_option
@json_option
def payees_list(ledger: Path, as_json: bool) -> None:
    """List the payees by person, their account numbers masked."""
    from residuals.payees import listed

    with ledger_at(ledger) as handle:
        show(listed(handle.conn), as_json, COLUMNS, "No payees are stored here.")


@payees.command("show")
@click.argument("person", metavar="PERSON")
@ledger_option
@json_option
def payees_show(person: str, ledger: Path, as_json: bool) -> None:
    """Show one payee and what was changed when, the account number masked."""
    from residuals.payees import shown

    with ledger_at(ledger) as handle:
        row = shown(handle.conn, person)
    click.echo(line(row) if as_json else "\n".join(_about(row)))


def _about(row: Mapping[str, Any]) -> Iterator[str]:
    yield plain(f"{row['name']}  ({row['person']})")
    yield plain("  address      " + ", ".join([*row["lines"], row["town"], row["country"]]))
    for name, word in SHOWN.items():
        if row[name]:
            yield plain(f"  {word:<12} {row[name]}")
    for change in row["changes"]:
        yield plain(f"  {change['date']}  {change['changed']}")


@payees.group("key")
def payees_key() -> None:
    """Make keys that account numbers are sealed with."""


@payees_key.command("new")
@click.argument("file", type=click.Path(path_type=Path))
def payees_key_new(file: Path) -> None:
    """Make a file with a new key, which only you can read.

    Without the key nobody can read the account numbers again: keep a copy away from the ledger.
    """
    from residuals.vault import new_key_file

    new_key_file(file)
    click.echo(f"{plain(str(file))}: a new key; keep a copy")


@payees.command("rekey")
@ledger_option
@click.option("--old", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file of the key until now.")
@click.option("--new", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file of the key from now on.")
def payees_rekey(ledger: Path, old: Path, new: Path) -> None:
    """Seal all account numbers with another key, all of them or none."""
    from residuals.payees import rekey

    before, after = vault_at(old), vault_at(new)
    with ledger_at(ledger, write=True) as handle:
        done = rekey(handle.conn, before, after)
    click.echo(f"{count(done, 'account number')} sealed with {plain(str(new))}; the old key opens nothing here any more")
