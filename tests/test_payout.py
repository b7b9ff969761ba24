"""Payouts: checked whole, booked once, the same file again; withheld, returned, and who is left out and why."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payout_makers import (
    BRITISH,
    DEBTOR,
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
    payable,
    store,
)

from residuals.errors import RunDone
from residuals.ledger import Ledger
from residuals.money import minor_microcents, parse_amount
from residuals.pain import SPACE
from residuals.payees import rekey
from residuals.payments import NOBODY, PayoutError
from residuals.payout import Terms, book, checked_order, debtor_of, files_of, plan, rate_text, withholding
from residuals.records import Account
from residuals.sent import booked, carry_out, files_again, first_fault, payments, returned
from residuals.vault import Vault, new_key_file, open_vault


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


def test_who_is_paid_what_and_who_is_left_out_and_why(ledger, people, vault):
    made = plan(ledger, people, TERMS, ORDER, vault)
    assert [(p.id, p.person, p.gross, p.withheld, p.net) for p in made.payments] == [
        ("P-2026-11-000001", "orcid:1", 1234, 0, 1234),
        ("P-2026-11-000002", "orcid:2", 10000, 1500, 8500),
        ("P-2026-11-000003", "orcid:6", 1000, 0, 1000),
    ]
    assert [(who.person, who.code) for who in made.left_out] == [
        ("orcid:3", "not-verified"), ("orcid:4", "below-minimum"), ("orcid:5", "no-payee"),
    ]  # fmt: skip
    assert "claimed" in made.left_out[0].reason and "10.00 EUR; carried" in made.left_out[1].reason
    assert GERMAN not in repr(made)


def test_a_payout_books_what_the_file_says_and_carries_the_rest(ledger, people, vault):
    _, files = pay(ledger, people, vault)
    tree = ElementTree.fromstring(files[0])
    paid = sum(int((e.text or "").replace(".", "")) for e in tree.iter(f"{SPACE}InstdAmt"))
    assert ledger.balance(Account("bank", "", "", "EUR")) == paid * minor_microcents("EUR") == parse_amount("107.34")
    assert ledger.balance(Account("tax", "FR", "", "EUR")) == parse_amount("15")
    assert payable(ledger, "orcid:1") == parse_amount("0.0056789")
    assert payable(ledger, "orcid:2") == parse_amount("0.005")
    assert payable(ledger, "orcid:3") == parse_amount("500")
    assert ledger.verify() == ""


def test_nobody_is_paid_twice(ledger, people, vault):
    pay(ledger, people, vault)
    again = plan(ledger, people, TERMS, replace(ORDER, run="P-2"), vault)
    assert not again.payments
    made = plan(ledger, people, TERMS, ORDER, vault)
    with pytest.raises(RunDone):
        book(ledger, made, [b""], vault)
    assert ledger.balance(Account("bank", "", "", "EUR")) == parse_amount("107.34")


def test_the_booked_payout_makes_the_same_file_even_with_a_new_key_and_new_details(ledger, people, vault, tmp_path):
    made, files = pay(ledger, people, vault)
    store(ledger, vault, "orcid:1", town="Hamburg", iban=FRENCH)
    new_key_file(tmp_path / "new")
    new = open_vault(tmp_path / "new")
    assert rekey(ledger.conn, vault, new) == 6  # three paid, one not, one that was replaced but was paid to, and the sender's
    again, same = files_again(ledger, ORDER.run, new)
    assert same == files and again.payments == made.payments and again.order == ORDER
    with pytest.raises(PayoutError, match='no payout "P-9" is booked'):
        booked(ledger, "P-9", new)
    with pytest.raises(PayoutError, match="give --key"):
        booked(ledger, ORDER.run, None)


def test_payments_changed_behind_the_ledgers_back_are_noticed(ledger, people, vault):
    pay(ledger, people, vault)
    ledger.conn.execute("drop trigger payment_no_update")
    ledger.conn.execute("update payment set name = 'Mallory' where number = 1")
    with pytest.raises(PayoutError, match="would not make the file that was booked"):
        files_again(ledger, ORDER.run, vault)
    assert first_fault(ledger) == 'the payments of payout "P-2026-11" were changed'


def test_verifying_the_ledger_takes_in_payments_and_returns(ledger, people, vault, tmp_path):
    assert first_fault(ledger) == ""
    pay(ledger, people, vault)
    returned(ledger, "P-2026-11-000001", "closed", "2026-12-01")
    new_key_file(tmp_path / "new")
    rekey(ledger.conn, vault, open_vault(tmp_path / "new"))
    assert first_fault(ledger) == ledger.verify() == ""
    ledger.conn.execute("drop trigger payment_return_no_delete")
    ledger.conn.execute("delete from payment_return")
    assert first_fault(ledger) == 'the return "P-2026-11-000001-returned" is missing, or was added'
    for table in ("payment", "payout"):
        ledger.conn.execute(f"drop trigger {table}_no_delete")
        ledger.conn.execute(f"delete from {table}")
    assert first_fault(ledger).startswith('payout "P-2026-11" is missing')


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"run": "a/b"}, "cannot name a payout"),
        ({"run": "x" * 29}, "cannot name a payout"),
        ({"run": ""}, "cannot name a payout"),
        ({"currency": "USD"}, "USD cannot be paid by pain.001.*take --format wise or csv"),
        ({"currency": "EURO"}, "no currency"),
        ({"format": "ach"}, "no format for payments; write one of pain, wise, csv"),
        ({"date": "30.11.2026"}, 'the date "30.11.2026" cannot be read; write it like 2026-11-30'),
        ({"date": "20261130"}, "cannot be read"),
        ({"created": "yesterday"}, "the time of making"),
        ({"remittance": ""}, "1 to 140 Latin letters"),
        ({"remittance": "\u20ac" * 3}, "1 to 140 Latin letters"),
        ({"debtor": replace(DEBTOR, iban="")}, "the sender of the payments .*: there is no IBAN"),
        ({"debtor": replace(DEBTOR, town="")}, "the sender of the payments .*: the town has 0 characters"),
        ({"debtor": NOBODY}, r"does not say who pays; write \[debtor\]"),
    ],
)
def test_orders_that_cannot_be_carried_out(changes, reason):
    with pytest.raises((PayoutError, ValueError), match=reason):
        checked_order(replace(ORDER, **changes))


def test_the_sender_is_read_from_the_policy():
    values = {"name": "Residuals Collective e.V.", "iban": "NL91 ABNA 0417 1643 00", "bic": "ABNANL2A", "town": "Amsterdam",
              "country": "nl", "street": "Damrak 1", "postcode": "1012 LG"}  # fmt: skip
    assert debtor_of(values) == DEBTOR and debtor_of({}) == NOBODY
    for wrong in ({"iban": "NL91ABNA0417164301"}, {"country": "Holland"}, {"bic": "A"}):
        with pytest.raises(PayoutError, match="debtor in the policy") as caught:
            debtor_of(values | wrong)
        assert "NL91" not in str(caught.value)


@given(st.integers(1, 10**15), st.fractions(0, 1, max_denominator=1000))
def test_withholding_is_rounded_halves_up_and_never_more_than_the_gross(gross, rate):
    withheld = withholding(gross, rate)
    assert 0 <= withheld <= gross
    assert -Fraction(1, 2) < withheld - rate * gross <= Fraction(1, 2)
    assert Fraction(rate_text(rate)) == rate


def test_withholding_of_a_half_and_of_everything(ledger, people, vault):
    assert withholding(5, Fraction(1, 2)) == 3 and rate_text(Fraction(3, 20)) == "0.15" and rate_text(Fraction(1, 3)) == "1/3"
    made = plan(ledger, people, Terms(0, {"DE": Fraction(1)}), ORDER, vault)
    (left,) = [who for who in made.left_out if who.person == "orcid:1"]
    assert left.code == "nothing-left"


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("USD", 2), ("KWD", 3)])
def test_whole_minor_units_of_each_currency(ledger, people, vault, currency, digits):
    owe(ledger, {"orcid:1": "1234.56789012"}, currency)
    order = replace(ORDER, currency=currency, format="csv")
    made, files = pay(ledger, people, vault, order, Terms(0, {}))
    (row,) = csv.DictReader(io.StringIO(files[0].decode()))
    assert row["net"] == "1234.56789012"[: 4 + (digits and digits + 1)] and row["currency"] == currency
    assert payable(ledger, "orcid:1", currency) + made.payments[0].gross * minor_microcents(currency) == parse_amount(
        "1234.56789012"
    )


def test_less_than_a_minor_unit_is_carried_even_without_a_minimum(ledger, people, vault):
    owe(ledger, {"orcid:1": "0.99"}, "JPY")
    made = plan(ledger, people, Terms(0, {}), replace(ORDER, currency="JPY", format="csv"), vault)
    assert not made.payments and made.left_out[0].code == "below-minimum"


def test_a_returned_payment_is_booked_back_once_with_what_was_withheld(ledger, people, vault):
    before = dict(ledger.balances())
    pay(ledger, people, vault)
    returned(ledger, "P-2026-11-000002", "account closed", "2026-12-02")
    assert payable(ledger, "orcid:2") == before[Account("payable", "orcid:2", "", "EUR")]
    assert ledger.balance(Account("tax", "FR", "", "EUR")) == 0
    with pytest.raises(PayoutError, match="booked back already, by run P-2026-11-000002-returned"):
        returned(ledger, "P-2026-11-000002", "again", "2026-12-02")
    with pytest.raises(PayoutError, match='no payment "P-1"'):
        returned(ledger, "P-1", "never sent", "2026-12-02")
    for payment in ("P-2026-11-000001", "P-2026-11-000003"):
        returned(ledger, payment, "account closed", "2026-12-03")
    assert {account: amount for account, amount in ledger.balances() if amount} == before
    assert ledger.verify() == ""
    assert [row["returned"] for row in payments(ledger)] == ["2026-12-03", "2026-12-02", "2026-12-03"]


def test_a_returned_payment_is_paid_again_only_to_another_account(ledger, people, vault):
    pay(ledger, people, vault)
    returned(ledger, "P-2026-11-000001", "account closed", "2026-12-02")
    second = replace(ORDER, run="P-2026-12")
    made = plan(ledger, people, TERMS, second, vault)
    assert not made.payments
    (left,) = [who for who in made.left_out if who.person == "orcid:1"]
    assert left.code == "returned" and "P-2026-11-000001 to this account came back (account closed)" in left.reason
    store(ledger, vault, "orcid:1", iban=BRITISH)
    made, files = pay(ledger, people, vault, second)
    assert [(p.person, p.net) for p in made.payments] == [("orcid:1", 1234)] and BRITISH.encode() in files[0]


def test_an_account_that_sent_money_back_is_not_tried_again_under_an_older_key_of_its_owner(ledger, people, vault):
    pay(ledger, people, vault)
    returned(ledger, "P-2026-11-000001", "account closed", "2026-12-02")
    owe(ledger, {"guild:ada": "40"})
    people.states["guild:ada"] = people.states["orcid:1"]
    people.current_key = lambda key: "orcid:1" if key == "guild:ada" else key
    made = plan(ledger, people, TERMS, replace(ORDER, run="P-2026-12"), vault)
    assert {left.person for left in made.left_out if left.code == "returned"} == {"orcid:1", "guild:ada"}


def test_money_is_neither_made_nor_lost_by_payouts_and_returns(ledger, people, vault):
    total = sum(amount for _, amount in ledger.balances())
    made, _ = pay(ledger, people, vault)
    assert sum(amount for _, amount in ledger.balances()) == total == 0
    for payment in made.payments[::2]:
        returned(ledger, payment.id, "closed", "2026-12-01")
    assert sum(amount for _, amount in ledger.balances()) == 0
    assert json.loads(ledger.runs("payout")[0].detail)["net"] == 10734


def test_the_same_payout_again_pays_nothing_and_writes_its_file_again(ledger, people, vault, tmp_path):
    path = tmp_path / "out.xml"
    made, paths, before = carry_out(ledger, people, TERMS, ORDER, vault, path)
    assert paths == [path] and not before
    data, state = path.read_bytes(), dict(ledger.balances())
    path.unlink()
    again, paths, before = carry_out(ledger, people, TERMS, ORDER, vault, path)
    assert before and again.payments == made.payments and path.read_bytes() == data and dict(ledger.balances()) == state
    with pytest.raises(PayoutError, match="is booked already, as EUR, pain, 2026-11-30; give the next payout another name"):
        carry_out(ledger, people, TERMS, replace(ORDER, date="2026-12-01"), vault, path)
    with pytest.raises(PayoutError, match="a run that is no payout"):
        carry_out(ledger, people, TERMS, replace(ORDER, run=ledger.runs()[0].run), vault, path)
    assert carry_out(ledger, people, TERMS, replace(ORDER, run="P-2"), vault, tmp_path / "none.xml")[1] == []
    assert not (tmp_path / "none.xml").exists()


def test_a_file_that_cannot_be_written_books_nothing(ledger, people, vault, tmp_path):
    with pytest.raises(OSError):
        carry_out(ledger, people, TERMS, ORDER, vault, tmp_path / "none" / "out.xml")
    with pytest.raises(PayoutError, match="give --key"):
        carry_out(ledger, people, TERMS, ORDER, None, tmp_path / "out.xml")
    assert not ledger.has_run(ORDER.run) and not list(tmp_path.glob("out*"))


KILLED = """
import os, sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {root!r}]
import payout_makers as t
from residuals import sent
from residuals.ledger import Ledger
from residuals.vault import open_vault
when, where = {when!r}, Path({where!r})
def dying(step):
    def run(*arguments):
        if when == "before":
            os._exit(9)
        step(*arguments)
        os._exit(9)
    return run
setattr(sent, {step!r}, dying(getattr(sent, {step!r})))
people = t.made_people()
with Ledger.open(where / "ledger.db", write=True) as ledger:
    sent.carry_out(ledger, people, t.TERMS, t.ORDER, open_vault(where / "key"), where / "out.xml")
"""


@pytest.mark.parametrize(("step", "when"), [("book", "before"), ("book", "after"), ("rename", "before"), ("rename", "after")])
def test_killed_at_any_step_file_and_ledger_agree_after_the_same_command(ledger, people, vault, tmp_path, step, when):
    ledger.close()
    here = Path(__file__)
    script = KILLED.format(tests=str(here.parent), root=str(here.parent.parent), step=step, when=when, where=str(tmp_path))
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 9
    with Ledger.open(tmp_path / "ledger.db", write=True) as handle:
        assert handle.verify() == ""
        made, _, before = carry_out(handle, people, TERMS, ORDER, vault, tmp_path / "out.xml")
        assert before == ((step, when) != ("book", "before"))
        assert handle.balance(Account("bank", "", "", "EUR")) == parse_amount("107.34")
        assert (tmp_path / "out.xml").read_bytes() == files_of(ORDER, made.payments)[0]
        assert not list(tmp_path.glob("*.part"))
