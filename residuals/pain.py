"""Credit transfers as banks take them: ISO 20022 pain.001.001.09, made by sepaxml and checked against its schema.

Rules beyond the schema are of the SEPA credit transfer's customer-to-bank guidelines (European Payments Council, EPC132-08):
town and country on both sides, names of at most 70 characters, the Latin character set of EPC217-08, EUR only. sepaxml puts a
clock and random ids into the file; they are replaced, so that the same payout gives the same bytes.
"""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

from residuals.iban import SEPA
from residuals.payments import Debtor, Order, Payment, PayoutError

SCHEMA = "pain.001.001.09"
SPACE = f"{{urn:iso:std:iso:20022:tech:xsd:{SCHEMA}}}"
ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")
LONGEST_NAME = 70
LARGEST = 99_999_999_999  # cents: 999,999,999.99 EUR in one transfer
NO_BANK = "NOTPROVIDED"  # what the guidelines have in place of a BIC
# What Unicode's decomposition leaves alone.
LETTERS = str.maketrans({
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
    "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ħ": "h", "Ħ": "H", "ı": "i", "ŋ": "n", "Ŋ": "N", "ſ": "s", "’": "'", "‘": "'",
    "`": "'", "´": "'", "ʻ": "'", "ʼ": "'", "–": "-", "—": "-", "‐": "-", "‑": "-", "&": "+", "\u00a0": " ", "·": ".", "_": "-",
})  # fmt: skip


def sepa_text(text: str) -> str:
    """The text in the Latin character set of SEPA, accents taken off. Raises ValueError naming what has no Latin letter."""
    plain = unicodedata.normalize("NFKD", text.translate(LETTERS))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    foreign = sorted(set(plain) - ALLOWED)
    if foreign:
        raise ValueError(f"holds {' '.join(foreign[:5])}, which bank files in euro cannot carry")
    return " ".join(plain.split())


def reason_against(party: Payment | Debtor) -> str:
    """Why a bank would refuse a payment to, or from, this account; or ""."""
    if not party.iban:
        return "there is no IBAN; byline payees set stores one, or pay this person by --format wise"
    if party.iban[:2] not in SEPA:
        return f"the account's country {party.iban[:2]} takes no part in SEPA; pay this person by --format wise"
    for what, text, limit in (
        ("name", party.name, LONGEST_NAME),
        ("town", party.town, 35),
        *(("address", x, 70) for x in party.lines),
    ):
        try:
            length = len(sepa_text(text))
        except ValueError as error:
            return f"the {what} {error}; write it with Latin letters, as the bank knows it"
        if not 0 < length <= limit:
            return f"the {what} has {length} characters, bank files in euro carry 1 to {limit}; change it as the bank knows it"
    return ""


def pain_file(order: Order, payments: Sequence[Payment]) -> bytes:
    """The XML of a payout, valid by its schema, the same bytes for the same payout. Raises PayoutError."""
    if order.currency != "EUR":
        raise PayoutError(
            f"{order.currency} cannot be paid by pain.001, whose SEPA transfers are in EUR only; take --format wise or csv"
        )
    tree = ElementTree.fromstring(_made(order, payments))
    _fix(tree, order)
    data: bytes = b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(tree, "utf-8") + b"\n"
    _validate(data)
    _read_again(data, payments)
    return data


def _made(order: Order, payments: Sequence[Payment]) -> bytes:
    from sepaxml import SepaTransfer

    debtor = order.debtor
    config: dict[str, Any] = {
        "name": sepa_text(debtor.name), "IBAN": debtor.iban, "batch": True, "currency": "EUR",
        "address": _address(debtor.town, debtor.country, ()) | {
            key: sepa_text(text) for key, text in (("street_name", debtor.street), ("postcode", debtor.postcode)) if text
        },
    } | ({"BIC": debtor.bic} if debtor.bic else {})  # fmt: skip
    made = SepaTransfer(config, schema=SCHEMA, clean=False)
    for payment in payments:
        made.add_payment(
            {
                "name": sepa_text(payment.name), "IBAN": payment.iban, "amount": payment.net, "endtoend_id": payment.id,
                "execution_date": datetime.date.fromisoformat(order.date), "description": sepa_text(order.remittance),
                "address": _address(payment.town, payment.country, payment.lines),
            } | ({"BIC": payment.bic} if payment.bic else {})
        )  # fmt: skip
    return bytes(made.export(validate=False))


def _address(town: str, country: str, lines: Sequence[str]) -> dict[str, Any]:
    return {"town": sepa_text(town), "country": country, "lines": [sepa_text(line) for line in lines]}


def _fix(tree: ElementTree.Element, order: Order) -> None:
    """Puts ids and the time of making in place of sepaxml's, and says that a bank is known by the IBAN alone."""
    for path, text in (
        ("GrpHdr/MsgId", order.run), ("GrpHdr/CreDtTm", order.created), ("PmtInf/PmtInfId", order.run),
    ):  # fmt: skip
        element = tree.find("/".join(SPACE + part for part in f"CstmrCdtTrfInitn/{path}".split("/")))
        assert element is not None
        element.text = text
    for bank in tree.iter(f"{SPACE}FinInstnId"):
        if not len(bank):
            other = ElementTree.SubElement(bank, f"{SPACE}Othr")
            ElementTree.SubElement(other, f"{SPACE}Id").text = NO_BANK


def _validate(data: bytes) -> None:
    from sepaxml.validation import ValidationError, try_valid_xml

    try:
        try_valid_xml(data, SCHEMA)
    except ValidationError:  # its message may repeat an account number
        raise PayoutError(
            f"the payment file does not fit the schema of {SCHEMA}; nothing was booked and no file was written"
        ) from None


def _read_again(data: bytes, payments: Sequence[Payment]) -> None:
    """Our own second reading: as many payments, to the same accounts, of the same amounts, and the sums that the file states."""
    root = ElementTree.fromstring(data)
    found = [_transaction(element) for element in root.iter(f"{SPACE}CdtTrfTxInf")]
    meant = [(p.id, p.iban, Decimal(p.net).scaleb(-2), "EUR") for p in payments]
    stated = {(tag, e.text) for tag in ("NbOfTxs", "CtrlSum") for e in root.iter(f"{SPACE}{tag}")}
    total = Decimal(sum(p.net for p in payments)).scaleb(-2)
    if found != meant or stated != {("NbOfTxs", str(len(payments))), ("CtrlSum", f"{total:.2f}")}:
        raise PayoutError("the payment file does not say what was to be paid; nothing was booked and no file was written")


def _transaction(element: ElementTree.Element) -> tuple[str | None, str | None, Decimal, str | None]:
    amount = element.find(f"{SPACE}Amt/{SPACE}InstdAmt")
    assert amount is not None
    return (
        element.findtext(f"{SPACE}PmtId/{SPACE}EndToEndId"), element.findtext(f"{SPACE}CdtrAcct/{SPACE}Id/{SPACE}IBAN"),
        Decimal(amount.text or "0"), amount.get("Ccy"),
    )  # fmt: skip
