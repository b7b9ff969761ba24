"""From usage and reports to people's accounts: exact, once, and by the policy."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.hits import Credited
from residuals.errors import LedgerError, RunDone
from residuals.ledger import Ledger
from residuals.money import MICROCENTS_PER_UNIT, format_amount
from residuals.policy import load_policy
from residuals.records import Account
from residuals.release import release, reverse
from residuals.settle import Inputs, settle
from residuals.usage import import_usage
from tests.money_makers import (
    DATE,
    PERIOD,
    FakePeople,
    booked,
    credit_with,
    credited,
    policy_of,
    report,
    role_of,
    write_reports,
    write_usage,
)

UNIT = MICROCENTS_PER_UNIT


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    with Ledger.open(tmp_path / "ledger.db", write=True, create=True) as ledger:
        yield ledger


@pytest.fixture
def people() -> FakePeople:
    """A film with three roles, two camera operators in one of them, and a song."""
    return FakePeople(
        {
            "film": [
                credited("dora", "director"),
                credited("cam", "camera operator"),
                credited("cleo", "camera operator", "claimed"),
                credited("gus", "gaffer", "verified", "disputed"),
            ],
            "song": [credited("sam", "singer"), credited("dora", "composer")],
            "bare": [],
        }
    )


def amounts(ledger: Ledger, currency: str = "EUR") -> dict[tuple[str, str, str], int]:
    return {(a.kind, a.who.removeprefix("guild:"), a.work): m for a, m in ledger.balances() if a.currency == currency and m}


def test_money_follows_degree_rate_role_and_state(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    reports = [report("a.mp4", ("film", "copy", "0.5"), ("song", "remake", "0.25"))]
    done = booked(ledger, people, load_policy(None), tmp_path, reports, [("a.mp4", "EUR", "2100")])
    # 210 EUR: half to the film, an eighth (0.25 x 0.5) to the song, the rest is not explained. Weights 10 : 4 : 3, and 8 : 10.
    film, song = 105 * UNIT, 2625 * UNIT // 100
    expected = {
        ("vendor", "Acme AI", ""): -210 * UNIT,
        ("unexplained", "Acme AI", ""): 210 * UNIT - film - song,
        ("payable", "cam", ""): film * 2 // 17,
        ("escrow", "cleo", "film"): film * 2 // 17,
        ("dispute", "gus", "film"): film * 3 // 17 + 1,
        ("payable", "sam", ""): song * 8 // 18,
    }
    found = amounts(ledger)
    dora = found.pop(("payable", "dora", ""))
    assert {k: v for k, v in found.items() if abs(v - expected[k]) > 1} == {}
    assert dora == film + song - sum(found[key] for key in found if key[0] not in ("vendor", "unexplained"))
    assert sum(done.money.values()) == 210 * UNIT
    assert (done.outputs, done.works) == (1, 2)
    assert ledger.verify(done.head) == ""


def test_the_same_run_and_the_same_usage_pay_once(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    rows = [report("a.mp4", ("film", "copy", "1"))]
    booked(ledger, people, load_policy(None), tmp_path, rows, [("a.mp4", "EUR", "10")])
    before = amounts(ledger)
    with pytest.raises(RunDone):
        booked(ledger, people, load_policy(None), tmp_path, rows, [])
    again = import_usage(ledger, tmp_path / "run-usage.csv", "Acme AI", DATE)
    assert again.before and not again.rows
    other = booked(ledger, people, load_policy(None), tmp_path, rows, [], name="other run")
    assert (other.outputs, other.transfers) == (0, 0)
    assert amounts(ledger) == before


def test_a_run_with_nothing_to_settle_leaves_its_name_free(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    policy = load_policy(None)
    empty = settle(ledger, people, policy, role_of, "night", DATE, Inputs("2026-11"))
    assert not empty.booked and not ledger.runs() and not empty.transfers
    done = booked(ledger, people, policy, tmp_path, [report("a", ("film", "copy", "1"))], [("a", "EUR", "1")], name="night")
    assert done.booked and done.transfers and [run.run for run in ledger.runs()] == ["night"]
    nothing = release(ledger, people, policy, role_of, "later", DATE)
    assert not nothing.booked and not ledger.has_run("later")
    assert reverse(ledger, "night", "undo", "wrong", DATE).booked
    assert ledger.verify() == ""


def test_a_preview_writes_nothing(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    rows, usage = [report("a.mp4", ("film", "copy", "1"))], [("a.mp4", "EUR", "10")]
    preview = booked(ledger, people, load_policy(None), tmp_path, rows, usage, keep=False)
    assert amounts(ledger) == {} and not ledger.runs()
    done = booked(ledger, people, load_policy(None), tmp_path, rows, [])
    assert (done.money, done.transfers) == (preview.money, preview.transfers)
    assert preview.money


def test_what_no_work_explains_goes_where_the_policy_says(people: FakePeople, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("work_id\nfilm\nsong\nnothing\nsong\n")
    found = {}
    for rule in ("hold", "return", "equal"):
        with Ledger.open(tmp_path / f"{rule}.db", write=True, create=True) as ledger:
            policy = policy_of(tmp_path, f'[output]\nunexplained = "{rule}"\nof_revenue = 1')
            reports = [report("a.mp4", ("song", "copy", "0.4"))]
            done = booked(ledger, people, policy, tmp_path, reports, [("a.mp4", "EUR", "100")], manifest=manifest)
            assert [(r.line, r.work_id) for r in done.refused] == [(4, "nothing")]
            found[rule] = amounts(ledger)
            assert ledger.verify() == ""
    assert found["hold"]["unexplained", "Acme AI", ""] == 60 * UNIT
    assert found["return"]["vendor", "Acme AI", ""] == -40 * UNIT
    assert found["equal"]["vendor", "Acme AI", ""] == -100 * UNIT
    film = sum(v for (kind, who, work), v in found["equal"].items() if who in ("cam", "cleo", "gus"))
    assert film == 30 * UNIT * 7 // 17 + (30 * UNIT * 7 % 17 * 2 >= 17)
    with Ledger.open(tmp_path / "none.db", write=True, create=True) as ledger, pytest.raises(LedgerError, match="--manifest"):
        booked(ledger, people, policy_of(tmp_path, '[output]\nunexplained = "equal"'), tmp_path, [], [])


def test_a_declared_pool_is_shared_by_revenue_and_late_outputs_get_nothing_of_it(
    ledger: Ledger, people: FakePeople, tmp_path: Path
) -> None:
    policy = load_policy(None)
    usage = [("a", "EUR", "1"), ("b", "EUR", "2"), ("c", "EUR", "0")]
    first = booked(
        ledger, people, policy, tmp_path, [report("a", ("song", "copy", "1"))], usage, [("output", "EUR", "10")], name="first"
    )
    assert (first.outputs, first.unanswered, first.unanswered_first) == (1, 2, ["b", "c"])
    assert sum(v for (kind, *_), v in amounts(ledger).items() if kind == "payable") == 333333333
    reports = [report(name, ("song", "copy", "1")) for name in ("b", "c", "late")]
    booked(ledger, people, policy, tmp_path, reports, [("late", "EUR", "5")], name="second")
    assert amounts(ledger)["vendor", "Acme AI", ""] == -10 * UNIT


def test_a_pool_of_outputs_without_revenue_is_shared_equally(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    usage = [(name, "EUR", "0") for name in "abc"]
    reports = [report(name, ("song", "copy", "1"), sha256=name * 64) for name in "abc"]
    booked(ledger, people, load_policy(None), tmp_path, reports, usage, [("output", "EUR", "10")])
    assert ledger.conn.execute("select basis from pool").fetchall() == [("pool 10.00 in equal parts for 3 outputs",)]
    parts = [row[0] for row in ledger.conn.execute("select microcents from output order by id")]
    assert parts == [333333334, 333333333, 333333333]


def test_a_training_pool_is_equal_by_work(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("work_id,title\nsong,x\nbare,y\nfilm,z\n")
    policy = load_policy(None)
    open_ = booked(ledger, people, policy, tmp_path, [], [], [("training", "JPY", "100")], name="open")
    assert open_.transfers == 0
    booked(ledger, people, policy, tmp_path, [], [], manifest=manifest, name="shared")
    found = amounts(ledger, "JPY")
    # by id: bare, film, song; the first gets the odd microcent
    assert found["unplaced", "", "bare"] == 3333333334
    assert found["vendor", "Acme AI", ""] == -100 * UNIT
    assert booked(ledger, people, policy, tmp_path, [], [], manifest=manifest, name="again").transfers == 0


def test_declared_shares_win_and_only_the_excess_is_disputed(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    people.works["song"] = [credited("sam", "singer", share="0.8"), credited("dora", "composer", share="0.5")]
    people.works["film"] = [credited("cam", "camera operator", share="0.25"), credited("gus", "gaffer")]
    people.works["bare"] = [credited("cam", "camera operator", share="0.25")]
    policy = policy_of(tmp_path, "[output]\nof_revenue = 1")
    for work in ("song", "film", "bare"):
        booked(ledger, people, policy, tmp_path, [report(work, (work, "copy", "1"))], [(work, "EUR", "13")], name=work)
    found = amounts(ledger)
    assert found["dispute", "", "song"] == 39 * UNIT // 10
    assert (found["payable", "sam", ""], found["payable", "dora", ""]) == (56 * UNIT // 10, 35 * UNIT // 10)
    assert (found["payable", "gus", ""], found["payable", "cam", ""]) == (975 * UNIT // 100, 65 * UNIT // 10)
    assert found["unplaced", "", "bare"] == 975 * UNIT // 100


def test_owners_get_what_the_policy_gives_them_and_nothing_by_default(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    people.owners["song"] = ("Big Studio", "Small Label")
    reports = [report("a", ("song", "copy", "1")), report("b", ("song", "copy", "1"))]
    booked(ledger, people, load_policy(None), tmp_path, reports[:1], [("a", "EUR", "100")], name="default")
    assert not any(kind == "owner" for kind, *_ in amounts(ledger))
    booked(ledger, people, policy_of(tmp_path, "[owners]\npart = 0.2"), tmp_path, reports[1:], [("b", "EUR", "100")], name="own")
    found = amounts(ledger)
    assert found["owner", "Big Studio", ""] == found["owner", "Small Label", ""] == UNIT


def test_a_guild_gives_its_own_weights(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    people.works["song"] = [
        credited("a", "singer", guild="Equity"),
        credited("b", "singer"),
        credited("c", "singer", guild="Equity"),
    ]
    policy = policy_of(tmp_path, '[output]\nof_revenue = 1\n[guilds."Equity"]\nsinger = 24')
    booked(ledger, people, policy, tmp_path, [report("a", ("song", "copy", "1"))], [("a", "EUR", "32")])
    assert {who: v // UNIT for (kind, who, _), v in amounts(ledger).items() if kind == "payable"} == {"a": 12, "b": 8, "c": 12}


def test_bad_reports_are_told_by_line_and_the_rest_is_settled(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    usage = [(name, "EUR", "1") for name in ("good", "unknown", "twice", "degree", "relation", "double", "cut", "failed")]
    reports = [
        report("good", ("song", "copy", "0.5")),
        report("unknown", ("nowhere", "copy", "0.5")),
        report("twice", ("song", "copy", "0.5")),
        report("twice", ("song", "copy", "0.6")),
        report("degree", ("song", "copy", "1.5")),
        report("relation", ("song", "theft", "0.5")),
        report("double", ("song", "copy", "0.5"), ("song", "remake", "0.1")),
        {**report("failed"), "error": {"code": "unreadable", "message": "x"}},
    ]
    done = booked(ledger, people, load_policy(None), tmp_path, reports, usage)
    assert done.outputs == 1 and done.unanswered == 7
    told = {row.line: row.reason for row in done.refused}
    assert "not in this registry" in told[2]
    assert "two reports that differ" in told[0]
    assert "not between 0 and 1" in told[5]
    assert "relation" in told[6]
    assert "names a work twice" in told[7]
    assert "could not be read" in told[8]


def test_reports_are_found_by_path_name_stem_or_hash(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    reports = [report(f"out/{i}.mp4", ("song", "copy", "1"), sha256=f"{i:064x}") for i in range(4)]
    usage = [("out/0.mp4", "EUR", "1"), ("1.mp4", "EUR", "1"), ("2", "EUR", "1"), (f"{3:064x}", "EUR", "1")]
    assert booked(ledger, people, load_policy(None), tmp_path, reports, usage).outputs == 4


def test_a_manner_is_paid_only_when_the_policy_says_so(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    near = [
        {"rank": 1, "work": "song", "title": "Song", "distance": 0.1},
        {"rank": 2, "work": "film", "title": "F", "distance": 0.2},
    ]
    rows = [{**report(name, ("film", "copy", "0.5")), "unexplained": 0.5, "resemblance": near} for name in ("a", "b")]
    booked(ledger, people, load_policy(None), tmp_path, rows[:1], [("a", "EUR", "100")], name="default")
    assert ("payable", "sam", "") not in amounts(ledger)
    policy = policy_of(tmp_path, "[relations]\nstyle = 0.1")
    booked(ledger, people, policy, tmp_path, rows[1:], [("b", "EUR", "100")], name="manner")
    found = amounts(ledger)
    assert found["payable", "sam", ""] == UNIT // 2 * 8 // 18
    assert found["unexplained", "Acme AI", ""] == 5 * UNIT + 45 * UNIT // 10


def test_escrow_is_released_in_full_when_the_person_is_verified(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    policy = load_policy(None)
    for name in ("a", "b"):
        booked(ledger, people, policy, tmp_path, [report(name, ("film", "copy", "1"))], [(name, "EUR", "17")], name=name)
    waiting = amounts(ledger)["escrow", "cleo", "film"]
    assert waiting == 4 * UNIT // 10
    assert release(ledger, people, policy, role_of, "nothing yet", DATE).transfers == 0
    people.move("guild:cleo", "verified")
    done = release(ledger, people, policy, role_of, "released", DATE)
    found = amounts(ledger)
    assert ("escrow", "cleo", "film") not in found and found["payable", "cleo", ""] == waiting
    assert done.money == {("escrow", "payable", "EUR"): waiting}
    with pytest.raises(RunDone):
        release(ledger, people, policy, role_of, "released", DATE)
    assert ledger.verify() == ""


def test_the_end_of_a_dispute_moves_its_money(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    policy = load_policy(None)
    booked(ledger, people, policy, tmp_path, [report("a", ("film", "copy", "1"))], [("a", "EUR", "17")])
    held = amounts(ledger)["dispute", "gus", "film"]
    before = amounts(ledger)
    people.works["film"][3] = credit_with(people.works["film"][3], credit_state="rejected")
    release(ledger, people, policy, role_of, "rejected", DATE)
    after = amounts(ledger)
    assert ("dispute", "gus", "film") not in after and ("payable", "gus", "") not in after
    gained = {
        who: after[kind, who, work] - before[kind, who, work] for kind, who, work in after if who in ("dora", "cam", "cleo")
    }
    assert sum(gained.values()) == held and gained["dora"] > gained["cam"] == gained["cleo"]


def test_unplaced_money_waits_for_a_credit(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    policy = load_policy(None)
    booked(ledger, people, policy, tmp_path, [report("a", ("bare", "copy", "1"))], [("a", "EUR", "10")])
    assert amounts(ledger)["unplaced", "", "bare"] == UNIT
    people.works["bare"] = [credited("late", "animator")]
    release(ledger, people, policy, role_of, "found", DATE)
    assert amounts(ledger)["payable", "late", ""] == UNIT


def test_two_that_turn_out_to_be_one_person_have_one_account(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    policy = load_policy(None)
    booked(ledger, people, policy, tmp_path, [report("a", ("song", "copy", "1"))], [("a", "EUR", "18")])
    both = amounts(ledger)["payable", "sam", ""] + amounts(ledger)["payable", "dora", ""]
    people.merged["guild:sam"] = "guild:dora"
    release(ledger, people, policy, role_of, "one", DATE)
    assert amounts(ledger)["payable", "dora", ""] == both
    assert ("payable", "sam", "") not in amounts(ledger)


def test_a_reversal_restores_every_balance_and_opens_the_usage(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    policy = load_policy(None)
    rows = [report("a", ("film", "copy", "0.7"))]
    booked(ledger, people, policy, tmp_path, rows, [("a", "EUR", "17")], name="wrong")
    booked_once = amounts(ledger)
    reverse(ledger, "wrong", "undo", "wrong policy", DATE)
    assert amounts(ledger) == {}
    with pytest.raises(LedgerError, match="was reversed before"):
        reverse(ledger, "wrong", "undo again", "x", DATE)
    with pytest.raises(LedgerError, match="there is no run"):
        reverse(ledger, "other", "undo other", "x", DATE)
    booked(ledger, people, policy, tmp_path, rows, [], name="right")
    assert amounts(ledger) == booked_once
    assert ledger.verify() == ""


def test_a_run_whose_money_has_gone_on_cannot_be_reversed(ledger: Ledger, people: FakePeople, tmp_path: Path) -> None:
    policy = load_policy(None)
    booked(ledger, people, policy, tmp_path, [report("a", ("film", "copy", "1"))], [("a", "EUR", "17")], name="one")
    people.move("guild:cleo", "verified")
    release(ledger, people, policy, role_of, "released", DATE)
    before = amounts(ledger)
    with pytest.raises(LedgerError, match="no longer on the escrow account of guild:cleo"):
        reverse(ledger, "one", "undo", "x", DATE)
    assert amounts(ledger) == before
    reverse(ledger, "released", "undo release", "x", DATE)
    reverse(ledger, "one", "undo", "x", DATE)
    assert amounts(ledger) == {}


def test_the_order_of_imports_is_nothing(people: FakePeople, tmp_path: Path) -> None:
    """Usage row by row, reports and credits from either end: the same balances, also where microcents are left over."""
    usage = [(f"o{i}", "EUR", f"0.0000010{i}") for i in range(7)]
    reports = [report(f"o{i}", ("film", "copy", "0.3333"), ("song", "remake", "0.1"), sha256=f"{i:064x}") for i in range(7)]
    found = []
    for step in (1, -1):
        with Ledger.open(tmp_path / f"order{step}.db", write=True, create=True) as ledger:
            for credits in people.works.values():
                credits.reverse()
            for number, row in enumerate(usage[::step]):
                path = write_usage(
                    tmp_path / f"{step}-{number}.csv", [row], [("output", "EUR", "0.00000101")] if number == 3 else []
                )
                import_usage(ledger, path, "Acme AI", DATE)
            path = write_reports(tmp_path / "r.jsonl", reports[::step])
            settle(ledger, people, load_policy(None), role_of, "run", DATE, Inputs(PERIOD, path))
            found.append(amounts(ledger))
    assert found[0] == found[1] and found[0]["vendor", "Acme AI", ""] == -101


states = st.sampled_from(["claimed", "documented", "corroborated", "verified", "disputed", "rejected", "estate"])
shares = st.one_of(st.none(), st.integers(0, 100).map(lambda n: Decimal(n) / 100))
some_credits = st.lists(
    st.builds(
        Credited, st.sampled_from([f"guild:{i}" for i in range(9)]), st.just("N"),
        st.sampled_from(["director", "gaffer", "singer", "x"]), shares, st.sampled_from(["", "G"]), states, states,
    ),
    max_size=7,
)  # fmt: skip
parts = st.integers(0, 1000).map(lambda n: str(Decimal(n) / 1000))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    works=st.lists(some_credits, min_size=1, max_size=4),
    owned=st.booleans(),
    degrees=st.lists(st.lists(st.integers(0, 10_000), min_size=1, max_size=4), min_size=1, max_size=5),
    revenues=st.lists(st.integers(0, 2**50), min_size=5, max_size=5),
    pool=st.one_of(st.none(), st.integers(0, 2**62)),
    rule=st.sampled_from(["hold", "return", "equal"]),
    rates=st.tuples(parts, parts, parts, parts, parts),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
    backwards=st.booleans(),
)
def test_nothing_is_lost_and_nothing_is_made(
    tmp_path_factory: pytest.TempPathFactory, works: list[list[Credited]], owned: bool, degrees: list[list[int]],
    revenues: list[int], pool: int | None, rule: str, rates: tuple[str, ...], currency: str, backwards: bool,
) -> None:  # fmt: skip
    """Sum in is sum out for any policy, weights, states and currency; nobody is below zero; the order of reports is nothing."""
    folder = tmp_path_factory.mktemp("money")
    names = [f"w{i}" for i in range(len(works))]
    people = FakePeople(dict(zip(names, works, strict=True)), dict.fromkeys(names, ("Owner",)) if owned else {})
    policy = policy_of(folder, POLICY.format(rule, *rates))
    reports = [_report(f"o{number}", names, row) for number, row in enumerate(degrees)]
    usage = [(row["output"], currency, format_amount(revenue)) for row, revenue in zip(reports, revenues, strict=False)]
    pools = [] if pool is None else [("output", currency, format_amount(pool)), ("training", currency, "7.00000001")]
    part = policy.of_revenue
    total = sum(r * part.numerator // part.denominator for r in revenues[: len(usage)]) if pool is None else pool + 700000001
    path = write_reports(folder / "r.jsonl", reports[::-1] if backwards else reports)
    (folder / "manifest.csv").write_text("\n".join(["work_id", *names]))
    inputs = Inputs(PERIOD, path, folder / "manifest.csv")
    with Ledger.open(folder / "l.db", write=True, create=True) as ledger:
        import_usage(ledger, write_usage(folder / "u.csv", usage, pools), "V", DATE)
        done = settle(ledger, people, policy, role_of, "run", DATE, inputs)
        assert sum(done.money.values()) == total
        once = _check(ledger, total - done.money["returned", currency], currency)
        assert settle(ledger, people, policy, role_of, "again", DATE, inputs).transfers == 0
        reverse(ledger, "run", "undo", "test", DATE)
        assert all(value == 0 for _, value in ledger.balances())
        settle(ledger, people, policy, role_of, "anew", DATE, inputs)
        assert _check(ledger, total - done.money["returned", currency], currency) == once
        assert ledger.verify() == ""


POLICY = """
[output]
unexplained = "{}"
of_revenue = {}
[owners]
part = {}
[relations]
copy = {}
remake = {}
[roles]
gaffer = {}
[guilds.G]
singer = 1
"""


def _report(output: str, works: list[str], degrees: list[int]) -> dict[str, object]:
    scale = max(1, -(-sum(degrees) // 10_000))
    pairs = enumerate(zip(works, degrees, strict=False))
    return report(output, *((work, ("copy", "remake")[i % 2], str(Decimal(d // scale) / 10_000)) for i, (work, d) in pairs))


def _check(ledger: Ledger, kept: int, currency: str) -> dict[Account, int]:
    """The balances that are not zero, which make zero together; nobody but the vendor is below it, and no pool is left over."""
    balances = {account: value for account, value in ledger.balances() if value}
    assert balances.get(Account("vendor", "V", "", currency), 0) == -kept
    assert sum(balances.values()) == 0
    assert all(value > 0 and account.kind != "pool" for account, value in balances.items() if account.kind != "vendor")
    return balances
