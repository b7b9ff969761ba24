"""Money is an int of microcents, 1e-8 of a unit: read exactly, printed exactly, split so that the parts make the whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import lcm

from residuals.errors import MoneyError

MICROCENTS_PER_UNIT = 100_000_000
DIGITS = 8
LARGEST = 2**63 - 1
"""What a row can hold: 92,233,720,368.54775807 units."""

# Active codes of ISO 4217 (list one); funds codes, precious metals and test codes are no money that a vendor pays in.
ACTIVE = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC
CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR
ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE
SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF
XPF YER ZAR ZMW ZWG
"""
WITHOUT_MINOR_UNIT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
IN_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
CURRENCIES = frozenset(ACTIVE.split())
NO_MINOR_UNIT = frozenset(WITHOUT_MINOR_UNIT.split())
THOUSANDTHS = frozenset(IN_THOUSANDTHS.split())
MOST_DIGITS = 30
AMOUNT = re.compile(r"[+-]?(\d{1,30}(\.\d{1,30})?|\.\d{1,30})", re.ASCII)


def currency_of(text: str) -> str:
    """The ISO 4217 code that `text` is, in capitals. Raises MoneyError."""
    code = text.strip().upper()
    if code not in CURRENCIES:
        raise MoneyError(f'"{text[:20]}" is no currency of ISO 4217; write a code such as EUR, USD or JPY')
    return code


def minor_digits(currency: str) -> int:
    """How many decimals a bank takes in this currency (ISO 4217): 2 for EUR, 0 for JPY, 3 for KWD."""
    if currency in NO_MINOR_UNIT:
        return 0
    return 3 if currency in THOUSANDTHS else 2


def minor_microcents(currency: str) -> int:
    """The smallest amount that a bank can move, in microcents."""
    return int(10 ** (DIGITS - minor_digits(currency)))


def parse_amount(text: str | int | Decimal) -> int:
    """The microcents that a text like "12.34" says; a point before the decimals, no thousands separators. Raises MoneyError.

    Never rounded: what is finer than a microcent is refused, as are negative amounts and those beyond 64 bits.
    """
    written = as_written(text).strip()
    if not AMOUNT.fullmatch(written):
        raise MoneyError(f'"{written[:40]}" is no amount; write digits with a point before the decimals, like 1234.56')
    try:
        exact = Decimal(written)
    except InvalidOperation:
        raise MoneyError(f'"{written[:40]}" is no amount; write digits with a point before the decimals, like 1234.56') from None
    if exact < 0 or (exact == 0 and written.startswith("-")):
        raise MoneyError(f"{written[:40]} is negative; corrections are booked as reversals, not as negative amounts")
    micro = Fraction(exact) * MICROCENTS_PER_UNIT
    if micro.denominator != 1:
        raise MoneyError(f"{written[:40]} is finer than a microcent (8 decimals); round it before it is sent")
    return checked(micro.numerator)


def as_written(value: str | int | Decimal) -> str:
    """A number as people write it, without an exponent, unless that would take more digits than any amount has."""
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < MOST_DIGITS:
        return f"{value:f}"
    return str(value)


def checked(microcents: int) -> int:
    """The same amount, when a row of the ledger can hold it. Raises MoneyError."""
    if microcents > LARGEST:
        raise MoneyError(f"{format_amount(microcents)} is more than one booking can hold ({format_amount(LARGEST)}); split it")
    return microcents


def format_amount(microcents: int) -> str:
    """The amount in units with all its decimals, at least two: 1234.56, 0.00000001."""
    whole, part = divmod(abs(microcents), MICROCENTS_PER_UNIT)
    decimals = f"{part:0{DIGITS}d}".rstrip("0").ljust(2, "0")
    return f"{'-' if microcents < 0 else ''}{whole}.{decimals}"


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in parts proportional to `weights`, by largest remainder (Hamilton's method), ties to the earlier part.

    The parts add up to `total` exactly; each is within one microcent of its exact share; weight 0 gets 0. Not monotone: one
    microcent more in all can give one less to somebody. Raises MoneyError when nothing has a weight.
    """
    whole = sum(weights)
    if total < 0 or whole <= 0 or min(weights) < 0:
        raise MoneyError("an amount of 0 or more is split by weights of 0 or more, one of them above 0")
    exact = [divmod(total * weight, whole) for weight in weights]
    parts = [part for part, _ in exact]
    left = total - sum(parts)
    if left:
        for place in sorted(range(len(exact)), key=lambda i: -exact[i][1])[:left]:
            parts[place] += 1
    return parts


def as_integers(weights: Iterable[Fraction | Decimal]) -> list[int]:
    """The smallest whole numbers in the same proportions."""
    exact = [weight if isinstance(weight, Fraction) else Fraction(weight) for weight in weights]
    scale = lcm(*(weight.denominator for weight in exact)) if exact else 1
    return [weight.numerator * (scale // weight.denominator) for weight in exact]
