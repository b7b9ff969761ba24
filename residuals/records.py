"""The rows of a ledger as values."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = (
    "vendor", "pool", "payable", "escrow", "dispute", "unplaced", "unexplained", "owner", "tax", "bank",
)  # fmt: skip
"""What an account is: who pays in (vendor), what is being shared out (pool), what can be paid to a person (payable), waits for a
person to be verified (escrow) or for a dispute about a work to end (dispute), money of a work for which no human can be named
(unplaced), of outputs that no work explains (unexplained), of owners by a policy that pays them (owner), withheld for a state
(tax), sent (bank)."""


@dataclass(frozen=True, order=True)
class Account:
    """One account. who: a person's key, a vendor, a holder, a country, or ""; work: a work's id or ""."""

    kind: str
    who: str
    work: str
    currency: str


@dataclass(frozen=True)
class RunRow:
    """One run as booked. detail is JSON; the transfers are `transfers` rows from the id first_transfer on."""

    id: int
    run: str
    kind: str
    period: str
    date: str
    detail: str
    first_transfer: int
    transfers: int
    hash: bytes


@dataclass(frozen=True)
class Place:
    """One place in the split of a work's money: where a part goes, in proportion to `weight` (an int, one scale for all)."""

    kind: str
    who: str
    name: str
    role: str
    weight: int
    why: str = ""
