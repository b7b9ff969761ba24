"""What a payout is made of: the order, its payments, and who is left out and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fingerprint.errors import BylineError

FORMATS = ("pain", "wise", "csv")


class PayoutError(BylineError):
    """A payout that cannot be made as asked; nothing was booked."""

    code = "payout"


@dataclass(frozen=True)
class Debtor:
    """Who pays: the account that the money comes from."""

    name: str
    iban: str = field(repr=False)
    town: str
    country: str
    bic: str = ""
    street: str = ""
    postcode: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """What stands in the address beside town and country."""
        return tuple(text for text in (self.street, self.postcode) if text)


NOBODY = Debtor("", "", "", "")


@dataclass(frozen=True)
class Order:
    """One payout: its run, in which currency, format, to be carried out on date; created: when the file says it was made."""

    run: str
    currency: str
    date: str
    format: str
    created: str
    remittance: str
    debtor: Debtor = NOBODY


@dataclass(frozen=True)
class Payment:
    """One payment, in the currency's smallest units: gross = withheld + net. rate is the withheld part, exact, as text."""

    id: str
    number: int
    person: str
    name: str
    town: str
    country: str
    lines: tuple[str, ...]
    gross: int
    withheld: int
    net: int
    rate: str
    tax_country: str
    account: int | None
    iban: str = field(repr=False)
    bic: str
    wise_id: str
    wise_email: str
    wise_currency: str


@dataclass(frozen=True)
class LeftOut:
    """Somebody with a balance who is not paid by this payout. code is stable and machine-readable, reason a sentence."""

    person: str
    name: str
    microcents: int
    code: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """Who would be paid what by an order, and who would not."""

    order: Order
    payments: Sequence[Payment]
    left_out: Sequence[LeftOut]
