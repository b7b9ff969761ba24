"""Payments as CSV: batches for Wise (its template for saved recipients, at most 1,000 rows a file), and a plain table.

Every cell is inert: see registry.text.inert.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from registry.text import inert
from residuals.money import minor_digits
from residuals.payments import Order, Payment

WISE_ROWS = 1_000
WISE = (
    "name", "recipientId", "recipientEmail", "recipientType", "sourceCurrency", "targetCurrency", "amountCurrency", "amount",
    "paymentReference", "addressCountryCode", "addressCity", "addressFirstLine",
)  # fmt: skip
PLAIN = (
    "payment", "person", "name", "town", "country", "address", "iban", "bic", "wise_recipient", "wise_email", "currency", "gross",
    "withheld", "tax_country", "net", "date", "reference",
)  # fmt: skip
REFERENCE = 35


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file (RFC 4180, UTF-8) with these columns, every cell inert."""
    return b"".join(csv_pieces(columns, rows))


def csv_pieces(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """The same, row by row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for row in chain([columns], rows):
        writer.writerow([inert(cell) for cell in row])
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()


def units(amount: int, currency: str) -> str:
    """An amount of smallest units as a bank writes it: 12.34, for yen 12."""
    digits = minor_digits(currency)
    whole, part = divmod(abs(amount), 10**digits)
    return f"{'-' if amount < 0 else ''}{whole}" + (f".{part:0{digits}d}" if digits else "")


def wise_files(order: Order, payments: Sequence[Payment]) -> list[bytes]:
    """Batch files for Wise, at most 1,000 rows each. The recipient gets the source amount, in the currency they chose."""
    return [
        csv_bytes(WISE, (_wise(order, p) for p in payments[at : at + WISE_ROWS])) for at in range(0, len(payments), WISE_ROWS)
    ]


def _wise(order: Order, p: Payment) -> tuple[str, ...]:
    return (
        p.name, p.wise_id, p.wise_email, "PERSON", order.currency, p.wise_currency or order.currency, "source",
        units(p.net, order.currency), p.id[:REFERENCE], p.country, p.town, " ".join(p.lines),
    )  # fmt: skip


def plain_file(order: Order, payments: Sequence[Payment]) -> bytes:
    """All that is known of each payment, for a bank with a form of its own."""
    return csv_bytes(PLAIN, (_plain(order, p) for p in payments))


def _plain(order: Order, p: Payment) -> tuple[str, ...]:
    amounts = tuple(units(amount, order.currency) for amount in (p.gross, p.withheld))
    return (
        p.id, p.person, p.name, p.town, p.country, ", ".join(p.lines), p.iban, p.bic, p.wise_id, p.wise_email, order.currency,
        *amounts, p.tax_country, units(p.net, order.currency), order.date, order.remittance,
    )  # fmt: skip
