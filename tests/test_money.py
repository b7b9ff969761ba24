"""Amounts are exact: what is read is what is printed, and the parts make the whole."""

from __future__ import annotations

import ast
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residuals.errors import MoneyError
from residuals.money import (
    LARGEST,
    apportion,
    as_integers,
    currency_of,
    format_amount,
    minor_digits,
    minor_microcents,
    parse_amount,
)

weights = st.lists(st.integers(0, 10**24), min_size=1, max_size=40).filter(any)


@given(st.integers(0, LARGEST), weights)
def test_the_parts_make_the_whole_and_each_is_within_a_microcent(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1
        assert part >= 0
        assert weight or not part


@given(st.integers(0, LARGEST), weights)
def test_the_same_weights_in_other_units_split_the_same(total: int, weights: list[int]) -> None:
    assert apportion(total, weights) == apportion(total, [3 * weight for weight in weights])
    assert apportion(total, weights) == apportion(total, as_integers(Fraction(weight, 7) for weight in weights))


def test_ties_go_to_the_earlier_part() -> None:
    assert apportion(2, [1, 1, 1]) == [1, 1, 0]
    assert apportion(100, [5, 29, 2]) == [14, 81, 5]


@pytest.mark.parametrize(("total", "weights"), [(1, [0, 0]), (1, []), (-1, [1]), (1, [2, -1])])
def test_what_cannot_be_split_is_refused(total: int, weights: list[int]) -> None:
    with pytest.raises(MoneyError):
        apportion(total, weights)


@given(st.integers(0, LARGEST))
def test_what_is_printed_is_read_again(microcents: int) -> None:
    assert parse_amount(format_amount(microcents)) == microcents


@pytest.mark.parametrize(
    ("text", "microcents"),
    [
        ("1", 10**8),
        ("0.00000001", 1),
        (".5", 5 * 10**7),
        ("12.340000000000", 1234 * 10**6),
        (7, 7 * 10**8),
        (Decimal("1E2"), 10**10),
        (Decimal("1E99"), None),
    ],
)
def test_amounts_as_people_write_them(text: str | int | Decimal, microcents: int | None) -> None:
    if microcents is None:
        with pytest.raises(MoneyError, match="no amount"):
            parse_amount(text)
    else:
        assert parse_amount(text) == microcents


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-1", "negative"),
        ("-0", "negative"),
        ("0.000000001", "finer than a microcent"),
        ("92233720368.54775808", "more than one booking can hold"),
        ("1e400", "no amount"),
        ("1,234.50", "no amount"),
        ("NaN", "no amount"),
        ("Infinity", "no amount"),
        ("", "no amount"),
        ("٣", "no amount"),
        ("9" * 200, "no amount"),
    ],
)
def test_bad_amounts_say_why(text: str, why: str) -> None:
    with pytest.raises(MoneyError, match=why):
        parse_amount(text)


def test_currencies_have_their_own_minor_unit() -> None:
    assert [minor_digits(code) for code in ("EUR", "JPY", "KWD")] == [2, 0, 3]
    assert [minor_microcents(code) for code in ("EUR", "JPY", "KWD")] == [10**6, 10**8, 10**5]
    assert currency_of(" eur ") == "EUR"
    with pytest.raises(MoneyError, match="no currency"):
        currency_of("BTC")


FRACTIONS = ("splits.py",)  # whose divisions are of fractions.Fraction, which stay exact


def test_no_float_is_anywhere_in_residuals() -> None:
    """Neither a number with a point, nor a division, nor the word."""
    files = sorted((Path(__file__).parent.parent / "residuals").glob("**/*.py"))
    assert len(files) > 5
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            where = f"{file.name}:{getattr(node, 'lineno', 0)}"
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, (float, complex))), where
            assert not (isinstance(node, ast.Name) and node.id == "float"), where
            assert not (isinstance(node, ast.Name) and node.id == "round"), where
            divides = isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div)
            assert not divides or _of_path(node) or file.name in FRACTIONS, where


def _of_path(node: ast.BinOp | ast.AugAssign | ast.AST) -> bool:
    """A slash that joins a folder with a file's name: its right side is text."""
    right = node.right if isinstance(node, ast.BinOp) else getattr(node, "value", None)
    return isinstance(right, ast.JoinedStr) or (isinstance(right, ast.Constant) and isinstance(right.value, str))
