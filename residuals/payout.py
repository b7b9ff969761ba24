"""Payouts: who can be paid is planned and checked whole, then booked in one transaction; the file is made from what was booked.

Paid are whole smallest units of the currency, what is below them stays on the account. Withheld is gross x rate, rounded to the
smallest unit, halves up; it is a transfer of its own. A payout that was booked makes the same file again, byte for byte.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from residuals.iban import BadAccount, bic_of, country_of, iban_of
from residuals.ledger import Ledger
from residuals.money import currency_of, format_amount, minor_microcents
from residuals.pain import LARGEST, pain_file, reason_against, sepa_text
from residuals.payees import Payee, check_key, read_payee, seal
from residuals.payments import FORMATS, NOBODY, Debtor, LeftOut, Order, Payment, PayoutError, Plan
from residuals.payout_csv import plain_file, units, wise_files
from residuals.payout_tables import has_tables, prepare
from residuals.people import People
from residuals.records import Account
from residuals.vault import Vault

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,27}", re.ASCII)  # with the payment's number it is an EndToEndId: 35 at most
PAYABLE_STATES = ("verified", "estate")
PAYOUT_COLUMNS = "run, format, currency, date, created, remittance, name, town, country, account, bic, street, postcode"
PAYMENT_COLUMNS = (
    "id, number, person, name, town, country, lines, gross, withheld, net, rate, tax_country, account, bic, wise_id, wise_email, "
    "wise_currency"
)
LAST_PAYMENT = (  # to a human, under whatever key of one who has been merged, or to the account
    "select p.id, r.reason, p.account, p.wise_id, p.wise_email from payment p left join payment_return r on r.payment = p.id "
    "where p.person in (?, ?) or p.account = ? order by p.rowid desc limit 1"
)


@dataclass(frozen=True)
class Terms:
    """Of the policy, for one currency. minimum: microcents; withholding: the withheld part by tax country, elsewhere none."""

    minimum: int
    withholding: Mapping[str, Fraction]

    def rate(self, country: str) -> Fraction:
        """The part that is withheld from payments to residents of that country."""
        return self.withholding.get(country, Fraction(0))


def debtor_of(values: Mapping[str, str]) -> Debtor:
    """Who pays, from a policy's lines. Raises PayoutError with the line that cannot be used."""
    given = {
        name: " ".join(values.get(name, "").split()) for name in ("name", "iban", "town", "country", "bic", "street", "postcode")
    }
    if not any(given.values()):
        return NOBODY
    try:
        return Debtor(
            given["name"], iban_of(given["iban"]) if given["iban"] else "", given["town"], country_of(given["country"]),
            bic_of(given["bic"]), given["street"], given["postcode"],
        )  # fmt: skip
    except BadAccount as error:
        raise PayoutError(f"the sender of the payments (debtor in the policy): {error}") from None


def checked_order(order: Order) -> Order:
    """The same order when it can be carried out. Raises PayoutError, MoneyError."""
    if not RUN_NAME.fullmatch(order.run):
        raise PayoutError(
            f'"{order.run[:40]}" cannot name a payout: banks get it as a reference; write up to 28 letters, digits, "-" and "."'
        )
    currency_of(order.currency)
    if order.format not in FORMATS:
        raise PayoutError(f'"{order.format[:20]}" is no format for payments; write one of {", ".join(FORMATS)}')
    for what, text, read in (
        ("date", order.date, datetime.date.fromisoformat), ("time of making", order.created, datetime.datetime.fromisoformat),
    ):  # fmt: skip
        try:
            plain = read(text).isoformat() == text
        except ValueError:
            plain = False
        if not plain:
            raise PayoutError(
                f'the {what} "{text[:40]}" cannot be read; write it like 2026-11-30, a time like 2026-11-30T09:00:00'
            )
    if order.format == "pain":
        _check_pain(order)
    return order


def _check_pain(order: Order) -> None:
    if order.currency != "EUR":
        raise PayoutError(
            f"{order.currency} cannot be paid by pain.001, whose SEPA transfers are in EUR only; take --format wise or csv"
        )
    debtor = order.debtor
    if debtor == NOBODY:
        raise PayoutError("the policy does not say who pays; write [debtor] with name, iban, town and country into it")
    reason = reason_against(debtor)
    if reason:
        raise PayoutError(f"the sender of the payments (debtor in the policy): {reason}")
    try:
        fits = 0 < len(sepa_text(order.remittance)) <= 140
    except ValueError:
        fits = False
    if not fits:
        raise PayoutError(
            "the text for the payees' bank statements must have 1 to 140 Latin letters, digits and / - ? : ( ) . , ' +"
        )


def plan(ledger: Ledger, people: People, terms: Terms, order: Order, vault: Vault | None) -> Plan:
    """Who would be paid what, and who not and why; nothing is booked. Payments stand in the order of the persons' keys.

    Without a vault the accounts are masked, which will do for a preview.
    """
    if vault and has_tables(ledger.conn):
        check_key(ledger.conn, vault)
    owed: dict[str, int] = defaultdict(int)
    for account, microcents in ledger.balances("payable"):
        if account.currency == order.currency:
            owed[account.who] += microcents
    payments: list[Payment] = []
    left_out: list[LeftOut] = []
    for person, microcents in sorted(owed.items()):
        if microcents <= 0:
            continue
        result = _one(ledger, people, terms, order, vault, person, microcents, len(payments) + 1)
        if isinstance(result, Payment):
            payments.append(result)
        else:
            left_out.append(result)
    return Plan(order, payments, left_out)


def _one(
    ledger: Ledger, people: People, terms: Terms, order: Order, vault: Vault | None, person: str, microcents: int, number: int
) -> Payment | LeftOut:
    """The payment to one person, or why there is none."""
    from registry.errors import RegistryError

    try:
        (name, state), key = people.payee(person), people.current_key(person)
    except RegistryError:
        reason = "the registry does not know this person; check the path given with --registry"
        return LeftOut(person, "", microcents, "unknown-person", reason)
    code, reason = _reason_by_standing(terms, order, state, microcents)
    if reason:
        return LeftOut(person, name, microcents, code, reason)
    found = read_payee(ledger.conn, key, vault)
    if found is None:
        return LeftOut(person, name, microcents, "no-payee", "there are no payee details; byline payees set stores them")
    reason = _returned_before(ledger, (person, key), found[0], found[1])
    if reason:
        return LeftOut(person, name, microcents, "returned", reason)
    payment = _payment(order, terms, person, found[0], found[1], microcents, number)
    if isinstance(payment, str):
        return LeftOut(person, name, microcents, "nothing-left", payment)
    reason = _reason_by_format(order, payment)
    return LeftOut(person, name, microcents, "details", reason) if reason else payment


def _reason_by_standing(terms: Terms, order: Order, state: str, microcents: int) -> tuple[str, str]:
    """Code and reason when who somebody is, or how little it is, stands against a payment; empty when nothing does."""
    if state not in PAYABLE_STATES:
        return "not-verified", f"this person is {state}, and only verified people are paid; see byline people verify"
    least = max(terms.minimum, minor_microcents(order.currency))
    if microcents < least:
        return (
            "below-minimum",
            f"less than the minimum payout of {format_amount(least)} {order.currency}; carried to the next payout",
        )
    return "", ""


def _returned_before(ledger: Ledger, keys: tuple[str, str], payee: Payee, account: int | None) -> str:
    """Why not to pay to an account that the bank has just sent a payment back from, or ""."""
    for payment, reason, was, wise_id, wise_email in ledger.conn.execute(LAST_PAYMENT, (*keys, account)):
        if reason is not None and (was, wise_id, wise_email) == (account, payee.wise_id, payee.wise_email):
            return f"payment {payment} to this account came back ({reason}); set the account anew with byline payees set"
    return ""


def _payment(
    order: Order, terms: Terms, person: str, payee: Payee, account: int | None, microcents: int, number: int
) -> Payment | str:
    """The payment of a balance; or why nothing is left of it."""
    gross = microcents // minor_microcents(order.currency)
    rate = terms.rate(payee.tax_country)
    withheld = withholding(gross, rate)
    if withheld >= gross:
        return f"withholding {rate_text(rate)} for {payee.tax_country} leaves nothing to pay"
    return Payment(
        f"{order.run}-{number:06d}", number, person, payee.name, payee.town, payee.country, payee.lines, gross, withheld,
        gross - withheld, rate_text(rate), payee.tax_country, account, payee.iban, payee.bic, payee.wise_id, payee.wise_email,
        payee.currency,
    )  # fmt: skip


def rate_text(rate: Fraction) -> str:
    """A rate exactly: 0.15, or 1/3 where decimals do not end."""
    for places in range(19):
        if (rate * 10**places).denominator == 1:
            return format(Decimal(int(rate * 10**places)).scaleb(-places), "f")
    return str(rate)


def withholding(gross: int, rate: Fraction) -> int:
    """gross x rate in whole smallest units, halves rounded up."""
    exact = rate * gross
    return int((2 * exact.numerator + exact.denominator) // (2 * exact.denominator))


def _reason_by_format(order: Order, payment: Payment) -> str:
    if order.format == "pain":
        if payment.net > LARGEST:
            return f"{units(payment.net, order.currency)} EUR is more than one SEPA transfer can carry; pay it by another format"
        return reason_against(payment)
    if order.format == "wise" and not (payment.wise_id or payment.wise_email):
        return "there is no recipient id or e-mail address of Wise; byline payees set stores one"
    return ""


def files_of(order: Order, payments: Sequence[Payment]) -> list[bytes]:
    """The payment files: one, or several for Wise, which takes 1,000 rows each. Raises PayoutError."""
    if not payments or any(p.net <= 0 or p.gross != p.net + p.withheld for p in payments):
        raise PayoutError("a payout needs payments, and each must be of more than nothing; nothing was booked")
    if order.format == "pain":
        return [pain_file(order, payments)]
    return wise_files(order, payments) if order.format == "wise" else [plain_file(order, payments)]


def book(ledger: Ledger, made: Plan, files: Sequence[bytes], vault: Vault | None) -> None:
    """Books the payments and keeps what the files were made from, in one transaction. Raises RunDone for a known run."""
    prepare(ledger.conn)
    order = made.order
    detail: dict[str, object] = {
        "format": order.format, "payments": len(made.payments), "net": sum(p.net for p in made.payments),
        "withheld": sum(p.withheld for p in made.payments), "sha256": _digests(files),
        "rows": rows_digest(_row(order, p) for p in made.payments),
    }  # fmt: skip
    unit = minor_microcents(order.currency)
    with ledger.run(order.run, "payout", order.date[:7], order.date, detail) as run:
        bank = run.account(Account("bank", "", "", order.currency))
        for payment in made.payments:
            payable = run.account(Account("payable", payment.person, "", order.currency))
            run.post(payable, bank, payment.net * unit, f"payment {payment.id}")
            if payment.withheld:
                tax = run.account(Account("tax", payment.tax_country, "", order.currency))
                run.post(payable, tax, payment.withheld * unit, f"withheld {payment.rate} from payment {payment.id}")
        _keep(ledger, made, vault)


def _keep(ledger: Ledger, made: Plan, vault: Vault | None) -> None:
    order, debtor = made.order, made.order.debtor
    account = seal(ledger.conn, f"sender of {order.run}", debtor.iban, vault) if debtor.iban and vault else None
    ledger.conn.execute(
        f"insert into payout ({PAYOUT_COLUMNS}) values ({', '.join('?' * 13)})",  # noqa: S608 - our own names
        (order.run, order.format, order.currency, order.date, order.created, order.remittance, debtor.name, debtor.town,
         debtor.country, account, debtor.bic, debtor.street, debtor.postcode),
    )  # fmt: skip
    ledger.conn.executemany(
        f"insert into payment (run, {PAYMENT_COLUMNS}) values ({', '.join('?' * 18)})",  # noqa: S608 - our own names
        (_row(order, payment) for payment in made.payments),
    )


def _row(order: Order, p: Payment) -> tuple[object, ...]:
    """The row of a payment, as in PAYMENT_COLUMNS with the run before them. Its account is a number: the token may be renewed."""
    return (
        order.run, p.id, p.number, p.person, p.name, p.town, p.country, json.dumps(p.lines), p.gross, p.withheld, p.net, p.rate,
        p.tax_country, p.account, p.bic, p.wise_id, p.wise_email, p.wise_currency,
    )  # fmt: skip


def rows_digest(rows: Iterable[Sequence[object]]) -> str:
    """SHA-256 over payment rows, which goes into their run and so into the ledger's chain."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(list(row)).encode() + b"\n")
    return digest.hexdigest()


def _digests(files: Sequence[bytes]) -> list[str]:
    return [hashlib.sha256(data).hexdigest() for data in files]
