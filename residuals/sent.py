"""Payouts that are booked: the same file made again, payments that the bank sent back, files written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from residuals.ledger import Ledger
from residuals.money import minor_microcents
from residuals.payees import unsealed
from residuals.payments import NOBODY, Debtor, Order, Payment, PayoutError, Plan
from residuals.payout import PAYMENT_COLUMNS, PAYOUT_COLUMNS, Terms, book, checked_order, files_of, plan, rows_digest
from residuals.payout_tables import has_tables, prepare
from residuals.people import People
from residuals.records import Account
from residuals.vault import Vault

ROWS = f"select run, {PAYMENT_COLUMNS} from payment where run = ? order by number"  # noqa: S608 - our own names
PAYMENT = f"select {PAYMENT_COLUMNS} from payment where run = ? order by number"  # noqa: S608 - our own names
RETURNED = (
    "select p.run, p.person, p.net, p.withheld, p.tax_country, o.currency, r.run from payment p join payout o on o.run = p.run "
    "left join payment_return r on r.payment = p.id where p.id = ?"
)
LISTED = (
    "select p.id, p.run, o.date, o.currency, p.person, p.name, p.gross, p.withheld, p.rate, p.tax_country, p.net, "
    "coalesce(s.shown, p.wise_id, ''), r.date, r.reason from payment p join payout o on o.run = p.run "
    "left join sealed s on s.id = p.account left join payment_return r on r.payment = p.id "
    "where (?1 = '' or p.run = ?1) and (?2 = '' or p.person = ?2) order by o.date, p.run, p.number"
)
KEYS = (
    "payment", "run", "date", "currency", "person", "name", "gross", "withheld", "rate", "tax_country", "net", "account",
    "returned", "returned_because",
)  # fmt: skip


def is_payout(ledger: Ledger, run: str) -> bool:
    """Whether a payout of this name is booked."""
    found = has_tables(ledger.conn) and ledger.conn.execute("select 1 from payout where run = ?", (run,)).fetchone()
    return bool(found)


def booked(ledger: Ledger, run: str, vault: Vault | None) -> Plan:
    """The order and the payments of a booked payout. Raises PayoutError when there is none of this name."""
    if not is_payout(ledger, run):
        raise PayoutError(f'{ledger.path}: no payout "{run[:40]}" is booked; byline payout list shows those that are')
    query = f"select {PAYOUT_COLUMNS} from payout where run = ?"  # noqa: S608 - our own names
    *head, sender, town, country, account, bic, street, postcode = ledger.conn.execute(query, (run,)).fetchone()
    debtor = Debtor(sender, _number(ledger, account, vault), town, country, bic, street, postcode) if sender else NOBODY
    name, form, currency, date, created, text = head
    order = Order(name, currency, date, form, created, text, debtor)
    payments = []
    for row in ledger.conn.execute(PAYMENT, (run,)).fetchall():
        values = [*row[:6], tuple(json.loads(row[6])), *row[7:13], _number(ledger, row[12], vault), *row[13:]]
        payments.append(Payment(*values))
    return Plan(order, payments, ())


def _number(ledger: Ledger, account: int | None, vault: Vault | None) -> str:
    if account is None:
        return ""
    if vault is None:
        raise PayoutError("payment files hold account numbers, which need the key they are sealed with; give --key")
    return unsealed(ledger.conn, account, vault)


def files_again(ledger: Ledger, run: str, vault: Vault | None) -> tuple[Plan, list[bytes]]:
    """The files of a booked payout, byte for byte as they were. Raises PayoutError when they would not be."""
    made = booked(ledger, run, vault)
    files = files_of(made.order, made.payments)
    detail: dict[str, Any] = next(json.loads(r.detail) for r in ledger.runs("payout") if r.run == run)
    if [hashlib.sha256(data).hexdigest() for data in files] != detail["sha256"]:
        raise PayoutError(
            f'{ledger.path}: payout "{run}" would not make the file that was booked; the payments were changed behind the '
            "ledger's back, or another version of sepaxml is installed. Send nothing, and see byline ledger verify"
        )
    return made, files


def parts(path: Path, count: int) -> list[Path]:
    """The names of so many files: the path itself for one, else numbered, out-1.csv, out-2.csv."""
    return [path] if count == 1 else [path.with_name(f"{path.stem}-{i}{path.suffix}") for i in range(1, count + 1)]


def write_aside(paths: Sequence[Path], files: Iterable[Iterable[bytes]]) -> list[Path]:
    """Writes files, each given in pieces, whole and to the disk under temporary names, for this user only; those names."""
    aside = []
    for path, pieces in zip(paths, files, strict=True):
        temporary = path.with_name(path.name + ".part")
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        aside.append(temporary)
    return aside


def rename(aside: Sequence[Path], paths: Sequence[Path]) -> None:
    """Gives files their own names."""
    for temporary, path in zip(aside, paths, strict=True):
        temporary.replace(path)


def carry_out(
    ledger: Ledger, people: People, terms: Terms, order: Order, vault: Vault | None, path: Path
) -> tuple[Plan, list[Path], bool]:
    """Plans, checks, books and writes a payout: what was planned, the files, and whether it had been booked before.

    A payout of this name that is booked is not paid again: its files are written again, as after a crash between booking and
    writing. No files when nobody can be paid. Raises PayoutError, KeyProblem, OSError, all of them before anything is booked.
    """
    if is_payout(ledger, order.run):
        made, files = files_again(ledger, order.run, vault)
        was, asked = [(o.currency, o.format, o.date) for o in (made.order, order)]
        if was != asked:
            raise PayoutError(f'payout "{order.run}" is booked already, as {", ".join(was)}; give the next payout another name')
        paths = parts(path, len(files))
        rename(write_aside(paths, [[data] for data in files]), paths)
        return made, paths, True
    if ledger.has_run(order.run):
        raise PayoutError(f'"{order.run}" is the name of a run that is no payout; give the payout another name')
    made = plan(ledger, people, terms, checked_order(order), vault)
    if not made.payments:
        return made, [], False
    if vault is None and (order.debtor.iban or any(p.account for p in made.payments)):
        raise PayoutError("payment files hold account numbers, which need the key they are sealed with; give --key")
    files = files_of(order, made.payments)
    paths = parts(path, len(files))
    aside = write_aside(paths, [[data] for data in files])  # a full disk is found out before anything is booked
    book(ledger, made, files, vault)
    rename(aside, paths)
    return made, paths, False


def returned(ledger: Ledger, payment: str, reason: str, date: str) -> Account:
    """Books a payment back that the bank returned, what was withheld from it too; the account it is on again.

    Raises PayoutError for an unknown payment and for one that was booked back before.
    """
    found = None
    if has_tables(ledger.conn):
        found = ledger.conn.execute(RETURNED, (payment,)).fetchone()
    if found is None:
        raise PayoutError(f'{ledger.path}: there is no payment "{payment[:40]}"; byline payout list --payments shows them')
    _, person, net, withheld, tax_country, currency, before = found
    if before is not None:
        raise PayoutError(f"payment {payment} was booked back already, by run {before}; nothing was booked again")
    prepare(ledger.conn)
    unit = minor_microcents(currency)
    back = Account("payable", person, "", currency)
    name = f"{payment}-returned"
    with ledger.run(name, "return", date[:7], date, {"payment": payment, "reason": reason}) as run:
        payable = run.account(back)
        run.post(run.account(Account("bank", "", "", currency)), payable, net * unit, f"payment {payment} returned: {reason}")
        if withheld:
            tax = run.account(Account("tax", tax_country, "", currency))
            run.post(tax, payable, withheld * unit, f"withheld from payment {payment}, which was returned")
        ledger.conn.execute(
            "insert into payment_return (payment, run, date, reason) values (?, ?, ?, ?)", (payment, name, date, reason)
        )
    return back


def first_fault(ledger: Ledger) -> str:
    """Which payout's payments are not those that were booked, as a sentence; "" when all are. Needs no key."""
    details = {run.run: json.loads(run.detail) for run in ledger.runs("payout")}
    known = {row[0] for row in ledger.conn.execute("select run from payout")} if has_tables(ledger.conn) else set()
    if known != set(details):
        return f'payout "{min(known ^ set(details))}" is missing, or was added behind the ledger\'s back'
    for run, detail in details.items():
        if rows_digest(ledger.conn.execute(ROWS, (run,))) != detail["rows"]:
            return f'the payments of payout "{run}" were changed'
    returns = {run.run for run in ledger.runs("return")}
    noted = {row[0] for row in ledger.conn.execute("select run from payment_return")} if known else set()
    return f'the return "{min(noted ^ returns)}" is missing, or was added' if noted != returns else ""


def payments(ledger: Ledger, run: str = "", person: str = "") -> Iterator[dict[str, Any]]:
    """Booked payments as may be shown, account numbers masked; amounts in smallest units. By date, run and number."""
    if has_tables(ledger.conn):
        for row in ledger.conn.execute(LISTED, (run, person)):
            yield dict(zip(KEYS, row, strict=True))
