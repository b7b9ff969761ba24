"""Whatever people are owed, in any currency and at any rate: nothing is made or lost, nobody goes below zero, once is once."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from payout_makers import ORDER, People

from residuals.ledger import Ledger
from residuals.money import minor_microcents
from residuals.payees import payee_of, write_payee
from residuals.payout import Terms, book, files_of, plan
from residuals.payout_tables import prepare, transaction
from residuals.records import Account
from residuals.sent import files_again, first_fault, returned

STATES = ("verified", "estate", "claimed", "disputed")
owed = st.lists(st.tuples(st.integers(1, 10**13), st.sampled_from(STATES), st.sampled_from(("DE", "US", "JP"))), max_size=8)
rates = st.dictionaries(st.sampled_from(("DE", "US")), st.fractions(0, 1, max_denominator=400), max_size=2)


def balances(ledger: Ledger) -> dict[Account, int]:
    return {account: amount for account, amount in ledger.balances() if amount}


@settings(max_examples=25, deadline=None)
@given(owed, rates, st.sampled_from(["EUR", "JPY", "KWD"]), st.integers(0, 10**9))
def test_payouts_keep_every_microcent(tmp_path_factory, owed, rates, currency, minimum):
    order = replace(ORDER, currency=currency, format="csv")
    people = People({f"p:{i}": (f"P {i}", state) for i, (_, state, _) in enumerate(owed)})
    with Ledger.open(tmp_path_factory.mktemp("money") / "ledger.db", write=True, create=True) as ledger:
        prepare(ledger.conn)
        with ledger.run("settled", "settle", "2026-11", "2026-11-01") as run:
            for i, (amount, _, _) in enumerate(owed):
                payable = run.account(Account("payable", f"p:{i}", "", currency))
                run.post(run.account(Account("vendor", "V", "", currency)), payable, amount, "")
        with transaction(ledger.conn):
            for i, (_, _, country) in enumerate(owed):
                values = {"name": f"P {i}", "town": "T", "country": country, "wise_id": str(i)}
                write_payee(ledger.conn, payee_of(f"p:{i}", values), None, "2026-11-01")
        before = balances(ledger)
        made = plan(ledger, people, Terms(minimum, rates), order, None)
        assert {p.person for p in made.payments} | {who.person for who in made.left_out} == set(people.states)
        if not made.payments:
            return
        files = files_of(order, made.payments)
        book(ledger, made, files, None)
        after = balances(ledger)
        unit = minor_microcents(currency)
        assert sum(after.values()) == 0 and all(amount > 0 for account, amount in after.items() if account.kind != "vendor")
        assert after[Account("bank", "", "", currency)] == unit * sum(p.net for p in made.payments)
        for p in made.payments:
            assert people.states[p.person][1] in ("verified", "estate")
            assert p.net > 0 and p.gross * unit <= before[Account("payable", p.person, "", currency)] < (p.gross + 1) * unit
            assert abs(p.withheld - p.gross * rates.get(p.tax_country, Fraction(0))) <= Fraction(1, 2)
        assert not plan(ledger, people, Terms(max(minimum, unit), rates), replace(order, run="again"), None).payments
        assert files_again(ledger, order.run, None)[1] == files
        for p in made.payments:
            returned(ledger, p.id, "closed", "2026-12-01")
        assert balances(ledger) == before and first_fault(ledger) == ledger.verify() == ""
