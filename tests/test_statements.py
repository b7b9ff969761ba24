"""Statements: a reader who has nothing but the file computes every amount again; nothing of a stranger's is markup or formula."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from fractions import Fraction
from math import lcm
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from money_makers import PERIOD, FakePeople, booked, credited, policy_of, report, role_of
from payout_makers import ORDER, TERMS, made_vault, store

from residuals.errors import LedgerError
from residuals.ledger import Ledger
from residuals.payout import book, files_of, plan
from residuals.payout_tables import prepare
from residuals.policy import load_policy
from residuals.release import release, reverse
from residuals.sent import returned
from residuals.statement_files import as_json, csv_chunks, json_chunks
from residuals.statements import Books, Statement, scope_of, within

MICRO = 10**8


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "ledger.db", write=True, create=True) as handle:
        prepare(handle.conn)
        yield handle


@pytest.fixture
def people() -> FakePeople:
    return FakePeople(
        {
            "film": [
                credited("dora", "director"),
                credited("cam", "camera operator"),
                credited("cleo", "camera operator", "claimed"),
                credited("gus", "gaffer", "verified", "disputed"),
            ],
            "song": [credited("sam", "singer"), credited("dora", "composer"), credited("dora", "singer")],
            "poem": [credited("dora", "author", share="0.333"), credited("sam", "translator")],
        }
    )


REPORTS = [
    report("a.mp4", ("film", "copy", "0.5"), ("song", "remake", "0.333")),
    report("b.mp3", ("song", "copy", "0.77"), ("poem", "style", "0.2"), ("film", "copy", "0.1234567")),
    report("c.txt", ("poem", "copy", "1")),
    report("d.txt"),
]
USAGE = [("a.mp4", "EUR", "10.01"), ("b.mp3", "EUR", "7"), ("c.txt", "EUR", "0.00000007"), ("d.txt", "EUR", "3.3")]
MANIFEST = "work_id\nfilm\npoem\nsong\n"


@pytest.fixture
def settled(ledger, people, tmp_path) -> Ledger:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(MANIFEST)
    pools = [("output", "EUR", "1000.00000001"), ("training", "EUR", "100")]
    booked(ledger, people, load_policy(None), tmp_path, REPORTS, USAGE, pools, manifest)
    return ledger


def statement(ledger: Ledger, person: str, run: str = "", period: str = PERIOD) -> Statement:
    return Books(ledger, scope_of(ledger, run, period), person).statement(person)


# What follows knows nothing of Byline: it is what a reader with a calculator does.


def micro(text: str) -> int:
    amount = Fraction(text) * MICRO
    assert amount.denominator == 1
    return int(amount)


def divide(total: int, weights: list[Fraction]) -> list[int]:
    """Largest remainder, ties to the earlier."""
    scale = lcm(*(w.denominator for w in weights))
    whole = [int(w * scale) for w in weights]
    exact = [Fraction(total * w, sum(whole)) for w in whole]
    parts = [int(e) for e in exact]
    order = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def within_a_microcent(amount: int, exact: Fraction) -> bool:
    return 0 <= exact - amount < 1 or 0 < amount - exact < 1


def check_line(line: dict[str, Any]) -> None:
    """pool -> output -> work -> amount; texts only."""
    pool, amount = micro(line["pool_amount"]), micro(line["amount"])
    if line["output"]:
        money = micro(line["output_amount"])
        declared = re.fullmatch(r"pool ([\d.]+) by revenue", line["pool_basis"])
        equal = re.fullmatch(r"pool ([\d.]+) in equal parts for (\d+) outputs", line["pool_basis"])
        if equal:
            assert within_a_microcent(money, Fraction(micro(equal[1]), int(equal[2])))
        elif declared:
            exact = Fraction(micro(declared[1]) * micro(line["output_revenue"]), micro(line["pool_revenue"]))
            assert within_a_microcent(money, exact)
        else:
            part = Fraction(line["pool_basis"].removeprefix("revenue x "))
            assert money == int(micro(line["output_revenue"]) * part)
        weights = [Fraction(p["degree"]) * Fraction(p["rate"]) for p in line["output_parts"] if p["degree"]]
        parts = divide(money, [*weights, max(Fraction(0), 1 - sum(weights))])
        assert all(micro(p["amount"]) == part for p, part in zip(line["output_parts"], parts, strict=True) if "amount" in p)
        assert weights[int(line["part"]) - 1] == Fraction(line["degree"]) * Fraction(line["rate"])
        assert micro(line["work_amount"]) == parts[int(line["part"]) - 1]
    else:
        assert within_a_microcent(micro(line["work_amount"]), Fraction(line["rate"]) * micro(line["shared"]))
        assert micro(line["shared"]) <= pool
    weights = [Fraction(w) for w in line["weights"]]
    assert divide(micro(line["work_amount"]), weights)[int(line["place"]) - 1] == amount


def check_sums(told: dict[str, Any]) -> None:
    """brought forward + lines + movements = balance, for each account."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for line in told["lines"]:
        sums[line["account"], "" if line["account"] == "payable" else line["work"], line["currency"]] += micro(line["amount"])
    for account in told["accounts"]:
        key = (account["account"], account["work"], account["currency"])
        assert micro(account["lines"]) == sums.pop(key, 0)
        moved = sum(micro(m["amount"]) for m in account["movements"])
        assert micro(account["brought_forward"]) + micro(account["lines"]) + moved == micro(account["balance"])
    assert not +sums


def check_json(pieces: Iterable[bytes]) -> dict[str, Any]:
    told = json.loads(b"".join(pieces))
    for line in told["lines"]:
        check_line(line)
    check_sums(told)
    return dict(told)


def check_csv(pieces: Iterable[bytes]) -> list[dict[str, str]]:
    """The same from the CSV text alone."""
    rows = list(csv.DictReader(io.StringIO(b"".join(pieces).decode(), newline="")))
    running: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        amount = micro(row["credit"] or "0") - micro(row["debit"] or "0")
        key = (row["account"], row["currency"])
        if row["record"] == "balance":
            assert running.pop(key) == amount
            continue
        running[key] += amount
        if row["record"] == "line":
            parts = [p.split(" x ") for p in row["output_parts"].split("; ")] if row["output"] else []
            told = [{"degree": p[0] if len(p) > 1 else "", "rate": p[-1]} for p in parts]
            check_line(row | {"amount": row["credit"], "output_parts": told, "weights": row["weights"].split(" ")})
    assert not running
    return rows


@pytest.mark.parametrize("person", ["dora", "cam", "cleo", "gus", "sam"])
def test_a_reader_can_compute_each_amount_again(settled, person):
    made = statement(settled, f"guild:{person}")
    told = check_json(json_chunks(made))
    rows = check_csv(csv_chunks(made))
    assert told == as_json(made) and 0 < len(told["lines"]) == made.count == sum(row["record"] == "line" for row in rows)
    assert {line["account"] for line in told["lines"]} == {{"cleo": "escrow", "gus": "dispute"}.get(person, "payable")}


def test_the_check_itself_notices_a_wrong_figure(settled):
    told = as_json(statement(settled, "guild:dora"))
    line = next(line for line in told["lines"] if line["output"] == "a.mp4")
    for key, wrong in (("amount", "1.00"), ("work_amount", "1.00"), ("degree", "0.9"), ("place", "2"), ("output_amount", "5.00")):
        with pytest.raises(AssertionError):
            check_line(line | {key: wrong})


def test_all_statements_together_hold_all_that_people_were_credited_with(settled):
    books = Books(settled, scope_of(settled, "run"))
    assert books.people() == [f"guild:{name}" for name in ("cam", "cleo", "dora", "gus", "sam")]
    told = [as_json(books.statement(person)) for person in books.people()]
    sums = Counter()
    for one in told:
        check_sums(one)
        for line in one["lines"]:
            sums[line["account"]] += micro(line["amount"])
    balances = Counter()
    for account, amount in settled.balances():
        balances[account.kind] += amount
    assert sums == {kind: balances[kind] for kind in ("payable", "escrow", "dispute")}


def test_a_statement_says_what_lies_where_and_what_the_money_follows_from(settled):
    told = as_json(statement(settled, "guild:cam"))
    line = next(line for line in told["lines"] if line["output"] == "a.mp4")
    assert {key: line[key] for key in ("work", "title", "role", "relation", "degree", "rate", "vendor", "pool", "currency")} == {
        "work": "film", "title": "Film", "role": "camera operator", "relation": "copy", "degree": "0.5", "rate": "1",
        "vendor": "Acme AI", "pool": "output", "currency": "EUR",
    }  # fmt: skip
    assert line["spans"] == [{"part": "audio", "output": [0, 10], "work": [5, 15]}]
    training = next(line for line in told["lines"] if line["pool"] == "training")
    assert training["output"] is None and training["rate"] == "1/3" and training["shared"] == "100.00"


def test_what_waits_is_told_with_the_reason_and_since_when(settled, people, tmp_path):
    (waiting,) = [a for a in as_json(statement(settled, "guild:cleo"))["accounts"] if a["account"] == "escrow"]
    assert waiting["since"] == "2026-11-28" and "verified" in waiting["reason"] and micro(waiting["balance"]) > 0
    (dispute,) = [a for a in as_json(statement(settled, "guild:gus"))["accounts"] if a["account"] == "dispute"]
    assert "dispute" in dispute["reason"]
    people.move("guild:cleo", "verified")
    release(settled, people, load_policy(None), role_of, "released", "2026-11-30")
    told = check_json(json_chunks(statement(settled, "guild:cleo")))
    accounts = {a["account"]: a for a in told["accounts"]}
    assert accounts["escrow"]["balance"] == "0.00" and accounts["payable"]["balance"] == waiting["balance"]
    assert [m["kind"] for m in accounts["payable"]["movements"]] == ["release"]
    check_csv(csv_chunks(statement(settled, "guild:cleo")))


def test_payments_withholding_and_returns_stand_in_the_statement(settled, people, tmp_path):
    vault = made_vault(tmp_path)
    store(settled, vault, "guild:dora", country="FR")
    order = ORDER
    made = plan(settled, people, TERMS, order, vault)
    assert [p.person for p in made.payments] == ["guild:dora"]
    book(settled, made, files_of(order, made.payments), vault)
    told = check_json(json_chunks(statement(settled, "guild:dora")))
    (payment,) = told["payments"]
    assert payment["rate"] == "0.15" and payment["account"] == "DE** **** 3000" and payment["returned"] is None
    (payable,) = [a for a in told["accounts"] if a["account"] == "payable"]
    assert [m["kind"] for m in payable["movements"]] == ["payout", "payout"] and 0 < micro(payable["balance"]) < MICRO // 100
    returned(settled, payment["payment"], "account closed", "2026-12-02")
    december = check_json(json_chunks(statement(settled, "guild:dora", period="2026-12")))
    assert [p["returned"] for p in december["payments"]] == ["2026-12-02"] and not december["lines"]
    (payable,) = [a for a in december["accounts"] if a["account"] == "payable"]
    assert micro(payable["brought_forward"]) < MICRO // 100 and [m["kind"] for m in payable["movements"]] == ["return", "return"]
    check_csv(csv_chunks(statement(settled, "guild:dora", period="2026-12")))


def test_a_reversed_run_stands_with_its_reversal(settled):
    reverse(settled, "run", "undone", "the scans were wrong", "2026-11-29")
    told = check_json(json_chunks(statement(settled, "guild:dora")))
    (payable,) = told["accounts"]
    assert payable["balance"] == "0.00" and {m["kind"] for m in payable["movements"]} == {"reversal"}


def test_owners_get_no_statement_and_leave_the_humans_figures_right(ledger, people, tmp_path):
    people.owners["film"] = ("Studio", "guild:dora")
    policy = policy_of(tmp_path, "[owners]\npart = 0.4\n")
    booked(ledger, people, policy, tmp_path, REPORTS, USAGE)
    books = Books(ledger, scope_of(ledger, "run"))
    assert books.people() == [f"guild:{name}" for name in ("cam", "cleo", "dora", "gus", "sam")]
    for person in books.people():
        check_json(json_chunks(books.statement(person)))


def test_a_payouts_statements_are_of_those_it_paid(settled, people, tmp_path):
    vault = made_vault(tmp_path)
    store(settled, vault, "guild:dora")
    made = plan(settled, people, TERMS, ORDER, vault)
    book(settled, made, files_of(ORDER, made.payments), vault)
    assert Books(settled, scope_of(settled, ORDER.run)).people() == ["guild:dora"]
    assert len(Books(settled, scope_of(settled, period=PERIOD)).people()) == 5


def test_a_period_takes_in_what_was_booked_in_it():
    for day, period in (
        ("2026-11-28", "2026"),
        ("2026-11-28", "2026-Q4"),
        ("2026-11-28", "2026-11"),
        ("2026-11-28", "2026-11-28"),
    ):
        assert within(day, period)
    for day, period in (("2026-11-28", "2026-1"), ("2026-11-28", "2026-Q3"), ("2026-01-01", "2026-Q4"), ("2026-11-28", "2027")):
        assert not within(day, period)


def test_unknown_people_runs_and_periods_are_told(settled):
    with pytest.raises(LedgerError, match='no run "nope"'):
        scope_of(settled, "nope")
    with pytest.raises(LedgerError, match="nothing in period 1999"):
        scope_of(settled, period="1999")
    with pytest.raises(LedgerError, match="nothing was ever credited to guild:nobody"):
        statement(settled, "guild:nobody")


def test_books_that_contradict_themselves_make_no_statement(settled):
    settled.conn.execute("drop trigger attribution_no_update")
    settled.conn.execute("update attribution set microcents = microcents + 1000000")
    with pytest.raises(LedgerError, match="byline ledger verify names what was changed"):
        statement(settled, "guild:dora")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.decimals(0, 10_000, places=8), st.lists(st.tuples(
            st.sampled_from(["film", "song", "poem"]), st.sampled_from(["copy", "remake", "style"]), st.decimals(0, 1, places=6)
        ), unique_by=lambda match: match[0], max_size=3)), min_size=1, max_size=6,
    ),
    st.booleans(),
)  # fmt: skip
def test_any_settlement_can_be_computed_again(people, tmp_path_factory, outputs, with_pool):
    folder = tmp_path_factory.mktemp("any")
    reports = [report(f"o{i}", *((w, r, f"{d:f}") for w, r, d in matches)) for i, (_, matches) in enumerate(outputs)]
    usage = [(f"o{i}", "KWD", f"{revenue:f}") for i, (revenue, _) in enumerate(outputs)]
    with Ledger.open(folder / "ledger.db", write=True, create=True) as ledger:
        policy = policy_of(folder, '[output]\nof_revenue = 0.333\n[relations]\nremake = "1/3"\nstyle = 0.01\n')
        booked(ledger, people, policy, folder, reports, usage, [("output", "KWD", "777.00000007")] if with_pool else [])
        books = Books(ledger, scope_of(ledger, "run"))
        for person in books.people():
            made = books.statement(person)
            check_json(json_chunks(made))
            check_csv(csv_chunks(made))
