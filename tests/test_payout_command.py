"""`byline payees`, `payout`, `statements`, `why`: what people type and read; no account number is ever printed whole."""

from __future__ import annotations

import contextlib
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import json_lines, run
from money_makers import FakePeople, booked, credited, report
from payout_makers import BRITISH, FRENCH, GERMAN

from residuals.ledger import Ledger
from residuals.policy import load_policy

POLICY = """
[minimum_payout]
EUR = 5
[withholding]
FR = 0.15
[debtor]
name = "Residuals Collective"
iban = "NL91ABNA0417164300"
bic = "ABNANL2A"
town = "Amsterdam"
country = "NL"
"""
ORDER = ("--run", "P-1", "--currency", "EUR", "--date", "2026-11-30")
HOSTILE = "<script>alert(1)</script>\"'&=cmd|calc\u202e"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with a settled ledger, a key, a policy; the registry is in memory."""
    people = FakePeople(
        {"film": [credited("dora", "director"), credited("cam", "camera operator"), credited("cleo", "gaffer", "claimed")]}
    )
    monkeypatch.chdir(tmp_path)
    for module in ("desk.payees", "desk.payout"):
        monkeypatch.setattr(f"{module}.opened", lambda path: contextlib.nullcontext(people))
    monkeypatch.delenv("BYLINE_KEY", raising=False)
    monkeypatch.delenv("BYLINE_LEDGER", raising=False)
    Path("policy.toml").write_text(POLICY)
    assert run("payees", "key", "new", "key").exit_code == 0
    with Ledger.open(Path("ledger.db"), write=True, create=True) as ledger:
        line = report("a.mp4", ("film", "copy", "0.5"))
        line["matches"][0]["title"] = f"Film {HOSTILE}"
        booked(ledger, people, load_policy(None), tmp_path, [line], [("a.mp4", "EUR", "1000")])
    return people


@pytest.fixture
def printed(monkeypatch):
    """Everything that was printed, to look for account numbers."""
    texts: list[str] = []

    def told(*arguments: object):
        result = run(*arguments)
        texts.append(result.output)
        return result

    yield told
    for number in (GERMAN, BRITISH, FRENCH, "NL91ABNA0417164300"):
        assert number not in "".join(texts) and number[4:] not in "".join(texts)


def stored(printed, person: str, iban: str, country: str = "DE"):
    Path("iban").write_text(iban + "\n")
    where = ("--name", person, "--town", "Berlin", "--country", country, "--iban-file", "iban", "--key", "key")
    return printed("payees", "set", f"guild:{person}", *where)


def test_payees_are_set_shown_listed_and_sealed_anew(desk, printed):
    result = stored(printed, "dora", GERMAN)
    assert (result.exit_code, result.output) == (0, "guild:dora: stored\n")
    assert stored(printed, "dora", GERMAN).output == "guild:dora: nothing changed\n"
    shown = printed("payees", "show", "guild:dora").output
    assert "DE** **** 3000" in shown and "Berlin, DE" in shown
    assert json_lines(printed("payees", "list", "--json"))[0]["iban"] == "DE** **** 3000"
    assert "DE** **** 3000" in printed("payees", "list").output
    printed("payees", "key", "new", "new")
    assert "1 account number sealed" in printed("payees", "rekey", "--old", "key", "--new", "new").output
    wrong = stored(printed, "cam", FRENCH)
    assert wrong.exit_code == 1 and wrong.output.startswith("byline: key: is not the key that the account numbers")
    assert len(wrong.output.splitlines()) == 1


def test_an_account_number_with_a_wrong_digit_is_refused_and_not_repeated(desk, printed):
    result = stored(printed, "dora", "DE89370400440532013001")
    assert result.exit_code == 1 and "check digits" in result.output and "0532013" not in result.output
    missing = printed("payees", "show", "guild:dora")
    assert missing.exit_code == 1 and "no payee details are stored" in missing.output


def test_an_import_tells_bad_rows_and_stores_the_others(desk, printed):
    Path("payees.csv").write_text(
        f"person,name,town,country,iban\nguild:dora,=Dora,Berlin,DE,{GERMAN}\nguild:cam,Cam,,FR,{FRENCH}\n"
        f"guild:cleo,Cleo,Paris,FR,{FRENCH[:-1]}9\n"
    )
    result = printed("payees", "import", "payees.csv", "--key", "key")
    assert result.exit_code == 1
    assert "payees.csv, line 3: the town missing" in result.output and "line 4: the IBAN cannot be right" in result.output
    assert "1 payee stored, 0 unchanged, 2 rows refused." in result.output
    rows = json_lines(printed("payees", "import", "payees.csv", "--key", "key", "--json"))
    assert rows[-1] == {"stored": 0, "unchanged": 1, "refused": 2} and rows[0]["line"] == 3


def test_a_payout_from_preview_to_return(desk, printed):
    stored(printed, "dora", GERMAN)
    stored(printed, "cam", FRENCH, "FR")
    options = (*ORDER, "--policy", "policy.toml")
    preview = printed("payout", "preview", *options)
    assert preview.exit_code == 0 and "2 people would be paid" in preview.output and "DE** **** 3000" in preview.output
    assert not json_lines(printed("payout", "list", "--json"))
    without = printed("payout", "run", *options, "-o", "out.xml")
    assert without.exit_code == 1 and "give --key" in without.output and not Path("out.xml").exists()
    paid = printed("payout", "run", *options, "-o", "out.xml", "--key", "key")
    assert paid.exit_code == 0 and "P-1: 2 people paid" in paid.output
    data = Path("out.xml").read_bytes()
    assert GERMAN.encode() in data and FRENCH.encode() in data
    again = printed("payout", "run", *options, "-o", "out.xml", "--key", "key")
    assert again.exit_code == 0 and "nobody was paid again" in again.output and Path("out.xml").read_bytes() == data
    assert printed("payout", "file", "P-1", "-o", "copy.xml", "--key", "key").exit_code == 0
    assert Path("copy.xml").read_bytes() == data
    rows = json_lines(printed("payout", "list", "--json"))
    assert [(row["payment"], row["withheld"]) for row in rows][0] == ("P-1-000001", "1.76")
    assert "ledger.db: whole" in printed("ledger", "verify").output
    back = printed("payout", "returned", "P-1-000001", "--reason", "account closed", "--date", "2026-12-01")
    assert back.exit_code == 0 and "P-1-000001 is booked back; guild:cam is owed 11.7" in back.output
    twice = printed("payout", "returned", "P-1-000001", "--reason", "account closed")
    assert twice.exit_code == 1 and "booked back already" in twice.output
    nobody = printed("payout", "run", "--run", "P-2", *options[2:], "-o", "p2.xml", "--key", "key")
    assert nobody.exit_code == 1 and "came back (account closed)" in nobody.output and "nobody can be paid" in nobody.output


def test_a_payment_changed_behind_the_ledgers_back_is_named(desk, printed):
    stored(printed, "dora", GERMAN)
    printed("payout", "run", *ORDER, "--policy", "policy.toml", "-o", "out.xml", "--key", "key")
    with Ledger.open(Path("ledger.db"), write=True) as ledger:
        ledger.conn.execute("drop trigger payment_no_update")
        ledger.conn.execute("update payment set bic = 'THIEFDEF'")
    result = printed("ledger", "verify")
    assert result.exit_code == 1 and 'fault: the payments of payout "P-1" were changed' in result.output


def test_people_who_cannot_be_paid_are_listed_with_the_reason(desk, printed):
    rows = json_lines(printed("payout", "preview", *ORDER, "--policy", "policy.toml", "--json"))
    assert [(row.get("person"), row.get("code")) for row in rows] == [
        ("guild:cam", "no-payee"),
        ("guild:dora", "no-payee"),
        (None, None),
    ]
    assert rows[-1]["payments"] == 0 and rows[-1]["left_out"] == 2


def test_orders_that_cannot_be_carried_out_say_so_in_one_sentence(desk, printed):
    for changes, reason in (
        (("--policy", "policy.toml", "--currency", "USD"), "USD cannot be paid by pain.001"),
        ((), "does not say who pays"),
        (("--policy", "policy.toml", "--date", "tomorrow"), 'the date "tomorrow" cannot be read'),
        (("--policy", "none.toml"), "none.toml: the policy cannot be read"),
        (("--policy", "policy.toml", "--ledger", "none.db"), "none.db: there is no ledger here"),
    ):
        paying = printed("payout", "run", *ORDER, *changes, "-o", "out.xml")
        assert paying.exit_code == 1 and reason in paying.output and not Path("none.db").exists()
        result = printed("payout", "preview", *ORDER, *changes)
        assert result.exit_code == 1 and reason in result.output and len(result.output.splitlines()) == 1


class Page(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)


def test_statements_are_files_that_run_nothing_and_are_the_same_each_time(desk, printed):
    stored(printed, "dora", GERMAN)
    printed("payout", "run", *ORDER, "--policy", "policy.toml", "-o", "out.xml", "--key", "key")
    result = printed("statements", "--period", "2026-11", "-o", "st")
    assert result.exit_code == 0 and result.output == "3 statements in st\n"
    files = {path.name: path.read_bytes() for path in Path("st").iterdir()}
    assert len(files) == 10 and "index.csv" in files
    printed("statements", "--period", "2026-11", "-o", "again")
    assert files == {path.name: path.read_bytes() for path in Path("again").iterdir()}
    html = next(data.decode() for name, data in files.items() if name.startswith("guild-dora") and name.endswith("html"))
    page = Page(html)
    assert "script" not in page.tags and "img" not in page.tags and not [a for a, _ in page.attributes if a.startswith("on")]
    assert not [value for name, value in page.attributes if name in ("src", "href")]
    assert "&lt;script&gt;alert(1)" in html and "\u202e" not in html and "\\u202e" in html
    assert "default-src &#39;none&#39;" in html and "@page" in html and "table-header-group" in html and "counter(pages)" in html
    for data in files.values():
        assert GERMAN.encode() not in data
    assert re.search("DE\\*\\* \\*\\*\\*\\* 3000", html) and "0.5 \u00d7 1" in html
    if os.name == "posix":
        assert Path("st/index.csv").stat().st_mode & 0o77 == 0


def test_one_statement_in_one_format(desk, printed):
    assert printed("statements", "--run", "run", "--person", "Cleo", "--format", "json", "-o", "st").exit_code == 0
    (path,) = Path("st").glob("*.json")
    told = json.loads(path.read_text())
    assert told["person"] == "guild:cleo" and told["accounts"][0]["account"] == "escrow" and told["accounts"][0]["since"]
    for arguments, reason in (
        (("--run", "nope"), 'no run "nope"'),
        (("--person", "Nobody"), "nothing was ever credited to Nobody"),
    ):
        result = printed("statements", *arguments, "-o", "st")
        assert result.exit_code == 1 and reason in result.output


def test_why_shows_the_chain_from_pool_to_amount(desk, printed):
    text = printed("why", "Dora").output
    assert "pool 1: Acme AI, output money 2026-11, 100.00 EUR, revenue x 1/10" in text
    assert "a.mp4  (pool 1, run run)" in text and "sound 0:00.0 to 0:10.0: the work's 0:05.0 to 0:15.0" in text
    assert "revenue 1,000.00: 100.00 x 0.5 x 1 (copy) -> the work's 50.00 x 10 of 17 -> 29.41176471 EUR" in text
    assert "\u202e" not in text
    held = printed("why", "guild:cleo", "--run", "run").output
    assert "in escrow" in held and "waits until the person, or the credit, is verified" in held
    assert json_lines(printed("why", "Dora", "--json"))[0]["lines"][0]["amount"] == "29.41176471"
    assert printed("why", "Nobody").exit_code == 1


def test_a_page_of_very_many_lines_says_what_it_leaves_to_the_other_files(desk, printed, monkeypatch):
    with Ledger.open(Path("ledger.db"), write=True) as ledger:
        lines = [report(f"{i}.mp4", ("film", "copy", "0.25")) for i in range(5)]
        usage = [(f"{i}.mp4", "EUR", "10") for i in range(5)]
        booked(ledger, desk, load_policy(None), Path.cwd(), lines, usage, name="many")
    monkeypatch.setattr("desk.statement_view.LINES_SHOWN", 2)
    printed("statements", "--run", "many", "--person", "Dora", "-o", "st")
    (page,) = (path.read_text() for path in Path("st").glob("*.html"))
    assert "Shown are the first 2 lines. 3 more are in the CSV and JSON files" in page and page.count(".mp4") == 2
    assert next(Path("st").glob("guild*.csv")).read_text().count(".mp4") == 5


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (
            {"part": "image", "output": [0, 0, 640, 480], "work": [5.5, 6.5]},
            "picture area 640 x 480 at (0, 0): the work's 0:05.5 to 0:06.5",
        ),
        (
            {"part": "text", "output": [0, 1766], "work": [694, 2460]},
            "characters 0 to 1,766: the work's characters 694 to 2,460",
        ),
        (
            {"part": "film", "output": [0, 4.25], "work": ["60.5", "64.75"]},
            "picture 0:00.0 to 0:04.2: the work's 1:00.5 to 1:04.8",
        ),
        ({"part": "film", "output": None, "work": []}, ""),
    ],
)
def test_places_are_told_by_what_each_side_is(span, said):
    from desk.statement_view import _span

    assert _span(span) == said
