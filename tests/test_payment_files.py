"""Payment files: what banks and Wise take, the same bytes for the same payout, no formula and no markup of strangers."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payout_makers import (
    DEBTOR,
    EMIRATES,
    FRENCH,
    GERMAN,
    ORDER,
    TERMS,
    People,
    made_ledger,
    made_people,
    made_vault,
    owe,
    pay,
    store,
)

from registry.text import inert
from residuals.money import minor_microcents
from residuals.pain import SPACE, _read_again, pain_file, sepa_text
from residuals.payments import FORMATS, Payment, PayoutError
from residuals.payout import files_of, plan
from residuals.payout_csv import csv_bytes, units
from residuals.sent import parts, rename, write_aside
from residuals.vault import Vault


@pytest.fixture
def vault(tmp_path) -> Vault:
    return made_vault(tmp_path)


@pytest.fixture
def people() -> People:
    return made_people()


@pytest.fixture
def ledger(tmp_path, vault):
    with made_ledger(tmp_path, vault) as handle:
        yield handle


def test_the_file_holds_what_banks_ask_for(ledger, people, vault):
    _, (data,) = pay(ledger, people, vault)
    tree = ElementTree.fromstring(data)
    texts = [(e.tag.removeprefix(SPACE), (e.text or "").strip()) for e in tree.iter()]
    assert data.startswith(
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"'
    )
    for tag, text in (
        ("MsgId", "P-2026-11"), ("CreDtTm", "2026-11-28T09:00:00"), ("PmtInfId", "P-2026-11"), ("NbOfTxs", "3"),
        ("CtrlSum", "107.34"), ("Dt", "2026-11-30"), ("BICFI", "ABNANL2A"), ("StrtNm", "Damrak 1"), ("PstCd", "1012 LG"),
        ("TwnNm", "Amsterdam"), ("Nm", "Bjorn Luczak"), ("TwnNm", "Orleans"), ("AdrLine", "Quai 3"), ("BICFI", "NWBKGB2L"),
        ("Nm", "Estate of Fay + Sons"), ("EndToEndId", "P-2026-11-000002"), ("InstdAmt", "85.00"), ("IBAN", FRENCH),
        ("Ustrd", "Residuals November 2026"), ("ChrgBr", "SLEV"), ("Cd", "SEPA"),
    ):  # fmt: skip
        assert (tag, text) in texts
    assert len([1 for tag, _ in texts if tag in ("TwnNm", "Ctry")]) == 8


def test_the_same_payout_gives_the_same_bytes(ledger, people, vault):
    made = plan(ledger, people, TERMS, ORDER, vault)
    assert pain_file(ORDER, made.payments) == pain_file(ORDER, made.payments)


@given(st.text(max_size=40))
def test_names_reach_the_bank_in_its_characters_or_not_at_all(text):
    try:
        plain = sepa_text(text)
    except ValueError:
        return
    assert set(plain) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")
    assert sepa_text(plain) == plain


def test_accents_are_taken_off():
    assert sepa_text("Søren Ærøskøbing, Łódź, Straße; "[:-2]) == "Soren Aeroskobing, Lodz, Strasse"
    assert sepa_text("Zoë O\u2019Neill\u2013Ng") == "Zoe O'Neill-Ng"


def test_a_file_that_does_not_fit_the_schema_books_nothing_and_repeats_no_number(ledger, people, vault):
    made = plan(ledger, people, TERMS, ORDER, vault)
    wrong = [replace(made.payments[0], bic="nonsense")]
    with pytest.raises(PayoutError, match="does not fit the schema") as caught:
        pain_file(ORDER, wrong)
    assert caught.value.__suppress_context__ and GERMAN not in str(caught.value)


def test_a_sender_whose_bank_is_known_by_the_iban_alone(ledger, people, vault):
    order = replace(ORDER, debtor=replace(DEBTOR, bic=""))
    tree = ElementTree.fromstring(pain_file(order, plan(ledger, people, TERMS, order, vault).payments))
    agent = tree.find(f".//{SPACE}DbtrAgt/{SPACE}FinInstnId/{SPACE}Othr/{SPACE}Id")
    assert agent is not None and agent.text == "NOTPROVIDED"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("net", [0, -5, 1233])
def test_amounts_that_are_none_and_payments_that_do_not_add_up_reach_no_file(ledger, people, vault, net, form):
    made = plan(ledger, people, TERMS, ORDER, vault)
    with pytest.raises(PayoutError, match="more than nothing; nothing was booked"):
        files_of(replace(ORDER, format=form), [replace(made.payments[0], net=net)])
    with pytest.raises(PayoutError, match="a payout needs payments"):
        files_of(replace(ORDER, format=form), [])


def test_the_second_reading_compares_payments_with_the_file(ledger, people, vault):
    made = plan(ledger, people, TERMS, ORDER, vault)
    data = pain_file(ORDER, made.payments)
    _read_again(data, made.payments)
    for meant in (made.payments[:-1], [replace(p, net=p.net + 1) for p in made.payments], made.payments[::-1]):
        with pytest.raises(PayoutError, match="does not say what was to be paid"):
            _read_again(data, meant)
    for wrong in (data.replace(b"<NbOfTxs>3", b"<NbOfTxs>4"), data.replace(b"<CtrlSum>107", b"<CtrlSum>108")):
        with pytest.raises(PayoutError, match="does not say"):
            _read_again(wrong, made.payments)


def test_more_than_a_sepa_transfer_can_carry(ledger, people, vault):
    owe(ledger, {"orcid:1": "1000000000"})
    made = plan(ledger, people, TERMS, ORDER, vault)
    (left,) = [who for who in made.left_out if who.person == "orcid:1"]
    assert left.code == "details" and "1000000012.34 EUR is more than one SEPA transfer can carry" in left.reason


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"name": "</Nm><InstdAmt>9"}, "the name holds < >, which bank files in euro cannot carry"),
        ({"name": "\u674e\u5c0f\u9f99"}, "write it with Latin letters"),
        ({"name": "A" * 71}, "the name has 71 characters"),
        ({"town": "\u041c\u043e\u0441\u043a\u0432\u0430"}, "the town holds"),
        ({"line1": "&lt;<!ENTITY x>"}, "the address holds"),
        ({"iban": "", "wise_id": "777"}, "there is no IBAN"),
        ({"iban": EMIRATES}, "AE takes no part in SEPA"),
    ],
)
def test_details_a_bank_would_refuse_leave_that_person_out_and_nobody_else(ledger, people, vault, values, reason):
    store(ledger, vault, "orcid:1", **values)
    made = plan(ledger, people, TERMS, ORDER, vault)
    assert [p.person for p in made.payments] == ["orcid:2", "orcid:6"]
    (left,) = [who for who in made.left_out if who.person == "orcid:1"]
    assert left.code == "details" and reason in left.reason and GERMAN not in left.reason
    pain_file(ORDER, made.payments)


def test_wise_batches_hold_a_thousand_rows_each(people):
    order = replace(ORDER, format="wise", currency="USD")
    many = [
        Payment(f"P-{i}", i, f"orcid:{i}", "Ada", "Berlin", "DE", (), 5, 0, 5, "0", "DE", None, "", "", "77", "", "EUR")
        for i in range(1, 2002)
    ]
    files = files_of(order, many)
    rows = [list(csv.DictReader(io.StringIO(data.decode()))) for data in files]
    assert [len(part) for part in rows] == [1000, 1000, 1]
    assert rows[2][0] == {
        "name": "Ada", "recipientId": "77", "recipientEmail": "", "recipientType": "PERSON", "sourceCurrency": "USD",
        "targetCurrency": "EUR", "amountCurrency": "source", "amount": "0.05", "paymentReference": "P-2001",
        "addressCountryCode": "DE", "addressCity": "Berlin", "addressFirstLine": "",
    }  # fmt: skip


def test_wise_needs_a_recipient(ledger, people, vault):
    made = plan(ledger, people, TERMS, replace(ORDER, format="wise"), vault)
    assert [p.person for p in made.payments] == ["orcid:1"]
    assert {who.person for who in made.left_out if who.code == "details"} == {"orcid:2", "orcid:6"}


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1", "  =1", "\uff1d1"])
def test_no_cell_of_a_csv_file_is_a_formula(cell):
    assert inert(cell) == f"'{cell}"
    data = csv_bytes(["name"], [[cell]]).decode()
    assert list(csv.reader(io.StringIO(data, newline="")))[1] == [f"'{cell}"]


def test_other_cells_are_left_alone():
    assert [inert(cell) for cell in ("Ada", "", "12.34", 'a "b", c', 5)] == ["Ada", "", "12.34", 'a "b", c', "5"]


def test_formulas_in_names_and_towns_are_inert_in_the_files(ledger, people, vault):
    store(ledger, vault, "orcid:1", name="=cmd|' /C calc'!A0", town="@town", line1="+1")
    for form in ("csv", "wise"):
        order = replace(ORDER, format=form)
        made = plan(ledger, people, TERMS, order, vault)
        rows = list(csv.reader(io.StringIO(files_of(order, made.payments)[0].decode())))
        assert any("'=cmd" in cell for cell in rows[1])
        assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


@given(st.integers(-(10**20), 10**20), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_units_are_exact(amount, currency):
    assert Fraction(units(amount, currency)) * 10**8 == amount * minor_microcents(currency)


def test_files_appear_whole_and_for_this_user_only(tmp_path):
    paths = parts(tmp_path / "out.csv", 2)
    assert [p.name for p in paths] == ["out-1.csv", "out-2.csv"] and parts(tmp_path / "a.xml", 1) == [tmp_path / "a.xml"]
    aside = write_aside(paths, [[b"o", b"ne"], [b"two"]])
    assert not any(p.exists() for p in paths)
    rename(aside, paths)
    assert [p.read_bytes() for p in paths] == [b"one", b"two"] and not list(tmp_path.glob("*.part"))
    assert paths[0].stat().st_mode & 0o77 == 0
