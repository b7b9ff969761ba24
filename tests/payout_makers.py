"""People who are owed money, their accounts and a sender, for the tests of payouts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from registry.errors import UnknownWork
from residuals.ledger import Ledger
from residuals.money import parse_amount
from residuals.payees import payee_of, write_payee
from residuals.payments import Debtor, Order
from residuals.payout import Terms, book, checked_order, files_of, plan
from residuals.payout_tables import prepare, transaction
from residuals.records import Account
from residuals.vault import Vault, new_key_file, open_vault

GERMAN, BRITISH, FRENCH = "DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606"
EMIRATES = "AE070331234567890123456"
DEBTOR = Debtor("Residuals Collective e.V.", "NL91ABNA0417164300", "Amsterdam", "NL", "ABNANL2A", "Damrak 1", "1012 LG")
ORDER = Order("P-2026-11", "EUR", "2026-11-30", "pain", "2026-11-28T09:00:00", "Residuals November 2026", DEBTOR)
TERMS = Terms(parse_amount("10"), {"US": Fraction(30, 100), "FR": Fraction(15, 100)})
PEOPLE = {
    "orcid:1": ("Ada Okoro", "verified", "12.3456789"),
    "orcid:2": ("Bj\u00f8rn \u0141uczak", "verified", "100.005"),
    "orcid:3": ("Cy Unverified", "claimed", "500"),
    "orcid:4": ("Di Small", "verified", "9.99999999"),
    "orcid:5": ("Em Nowhere", "verified", "50"),
    "orcid:6": ("Fay Estate", "estate", "10"),
}
HOMES = {
    "orcid:1": {"name": "Ada Okoro", "town": "Berlin", "country": "DE", "iban": GERMAN, "wise_id": "777"},
    "orcid:2": {"name": "Bj\u00f8rn \u0141uczak", "town": "Orl\u00e9ans", "country": "FR", "iban": FRENCH, "line1": "Quai 3"},
    "orcid:4": {"name": "Di Small", "town": "London", "country": "GB", "iban": BRITISH},
    "orcid:6": {"name": "Estate of Fay & Sons", "town": "London", "country": "GB", "iban": BRITISH, "bic": "NWBKGB2L"},
}


class People:
    """A registry as a payout sees it."""

    def __init__(self, states: dict[str, tuple[str, str]]) -> None:
        self.states = states

    def payee(self, key: str) -> tuple[str, str]:
        if key not in self.states:
            raise UnknownWork(f"{key}: nobody")
        return self.states[key]

    def current_key(self, key: str) -> str:
        return key


def made_vault(folder: Path) -> Vault:
    new_key_file(folder / "key")
    return open_vault(folder / "key")


def made_people() -> People:
    return People({key: (name, state) for key, (name, state, _) in PEOPLE.items()})


@contextmanager
def made_ledger(folder: Path, vault: Vault) -> Iterator[Ledger]:
    """A ledger in which people are owed money, and their payee details."""
    with Ledger.open(folder / "ledger.db", write=True, create=True) as handle:
        prepare(handle.conn)
        owe(handle, {key: amount for key, (_, _, amount) in PEOPLE.items()})
        with transaction(handle.conn):
            for person, values in HOMES.items():
                write_payee(handle.conn, payee_of(person, values), vault, "2026-11-01")
        yield handle


RUNS = itertools.count(1)


def owe(ledger: Ledger, amounts: dict[str, str], currency: str = "EUR") -> None:
    with ledger.run(f"settled-{next(RUNS)}", "settle", "2026-11", "2026-11-01") as run:
        vendor = run.account(Account("vendor", "V", "", currency))
        for person, amount in amounts.items():
            run.post(vendor, run.account(Account("payable", person, "", currency)), parse_amount(amount), "settled")


def store(ledger: Ledger, vault: Vault, person: str, **changes: str) -> None:
    with transaction(ledger.conn):
        write_payee(ledger.conn, payee_of(person, HOMES.get(person, HOMES["orcid:1"]) | changes), vault, "2026-11-02")


def pay(ledger, people, vault, order=ORDER, terms=TERMS):
    made = plan(ledger, people, terms, checked_order(order), vault)
    files = files_of(order, made.payments)
    book(ledger, made, files, vault)
    return made, files


def payable(ledger: Ledger, person: str, currency: str = "EUR") -> int:
    return ledger.balance(Account("payable", person, "", currency))
