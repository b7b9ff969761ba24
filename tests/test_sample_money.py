"""From the sample catalogue to a bank file: people verified by their guilds, one vendor's usage, one run, statements, payments.

What a scan said of the sample outputs is kept in data/sample_night.jsonl, so that the amounts do not move with the fourth decimal
of a degree; that a scan says so still is checked. BYLINE_UPDATE=1 writes it and the golden amounts anew.
"""

from __future__ import annotations

import json
import os
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SAMPLES, json_lines, run

DATA = Path(__file__).parent / "data"
NIGHT, GOLDEN = DATA / "sample_night.jsonl", DATA / "sample_money.json"
UPDATE = bool(os.environ.get("BYLINE_UPDATE"))
DAY = ("--date", "2026-11-30")
GUILDS = {
    "Screen Crafts Guild": "screen-crafts-guild.pub",
    "Harbour Musicians": "harbour-musicians.pub",
    "Register of Hands": "register-of-hands.pub",
}
PAIN = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}


def ok(*arguments: object, status: int = 0) -> list[str]:
    result = run(*arguments)
    assert result.exit_code == status, result.output
    return result.stdout.splitlines()


def rows(*arguments: object) -> list[dict[str, Any]]:
    return json_lines(run(*arguments, "--json"))


@pytest.fixture(scope="module")
def society(sample_registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which the sample society has verified, settled and paid."""
    folder = tmp_path_factory.mktemp("society")
    shutil.copy(sample_registry, folder / "byline.db")
    shutil.copy(NIGHT, folder / "night.jsonl")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("BYLINE_REGISTRY", "BYLINE_LEDGER", "BYLINE_KEY"):
            patch.delenv(name, raising=False)
        for guild, file in GUILDS.items():
            ok("people", "issuer", "trust", guild, SAMPLES / "people" / file, "--by", "the board", "--because", "a member", *DAY)
        ok("people", "verify", *sorted((SAMPLES / "people").glob("*.jwt")), *DAY)
        ok("people", "move", "hmg:1330", "disputed", "--credit", "music-harbour-waltz:recording engineer", "--by", "the society",
           "--how", "another engineer claims the session", "--evidence", SAMPLES / "credits.csv")  # fmt: skip
        ok("usage", "import", SAMPLES / "usage.csv", "--vendor", "Example Generator", *DAY)
        ok("residuals", "run", "--run", "2026-11", "--period", "2026-11", "--reports", "night.jsonl",
           "--manifest", SAMPLES / "training.csv", "--policy", SAMPLES / "policy.toml", *DAY)  # fmt: skip
        ok("payees", "key", "new", "payees.key")
        ok("payees", "import", SAMPLES / "payees.csv", "--key", "payees.key")
        pay()
        ok("statements", "--run", "2026-11", "-o", "statements")
        yield folder


def pay() -> list[str]:
    given = ("--run", "2026-12", "--currency", "EUR", "--date", "2026-12-01", "--policy", SAMPLES / "policy.toml")
    return ok("payout", "run", *given, "--key", "payees.key", "-o", "pay.xml")


def test_amounts_are_the_golden_ones(society: Path) -> None:
    payments = [[row["payment"], row["person"], row["net"], row["withheld"]] for row in rows("payout", "list")]
    found = {
        "balances": [[r["kind"], r["who"], r["work"], r["currency"], r["amount"]] for r in rows("ledger", "balances")],
        "payments": payments,
    }
    if UPDATE:
        GOLDEN.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8")), "run make docs when this is meant"


def test_all_that_came_in_went_to_somebody(society: Path) -> None:
    balances = [(row["kind"], Decimal(row["amount"])) for row in rows("ledger", "balances")]
    assert sum(amount for _, amount in balances) == 0
    assert sum(amount for kind, amount in balances if kind == "vendor") == Decimal("-214.395")
    assert {"payable", "escrow", "dispute", "unexplained", "vendor", "bank", "tax"} == {kind for kind, _ in balances}
    assert ok("ledger", "verify")[0].startswith("ledger.db: whole")


def test_verified_people_are_paid_and_nobody_else(society: Path) -> None:
    paid = {row["person"] for row in rows("payout", "list")}
    verified = {
        person for row in rows("people", "list") if row["state"] == "verified" for person in row["identifiers"] or [row["key"]]
    }
    assert paid <= verified
    assert {"scg:2210", "scg:4402"} <= paid  # camera, sound
    assert {
        "radreg:SE-30117",
        "radreg:AN-118",
        "work:text-report:Lieselotte Arrow",
    } <= paid  # radiologist, annotator, transcriptionist
    waiting = {row["who"] for row in rows("ledger", "balances", "--kind", "escrow")}
    assert "work:film-lantern:Marguerite Oyelaran" in waiting and waiting.isdisjoint(paid)
    disputed = rows("ledger", "balances", "--kind", "dispute")
    assert [(row["who"], row["work"]) for row in disputed] == [("hmg:1330", "music-harbour-waltz")]


def test_the_bank_file_says_what_was_booked_and_can_be_made_again(society: Path) -> None:
    file = (society / "pay.xml").read_bytes()
    tree = ElementTree.fromstring(file)
    amounts = [Decimal(node.text or "") for node in tree.iterfind(".//p:InstdAmt", PAIN)]
    assert (
        sum(amounts) == Decimal(tree.findtext(".//p:CtrlSum", "", PAIN)) == sum(Decimal(r["net"]) for r in rows("payout", "list"))
    )
    assert len(tree.findall(".//p:Cdtr/p:PstlAdr/p:TwnNm", PAIN)) == len(amounts) == 15
    assert "nobody was paid again" in pay()[-2 if "pay.xml" in pay()[-1] else -1] + " ".join(pay())
    assert (society / "pay.xml").read_bytes() == file


def test_the_radiologist_can_follow_the_money(society: Path) -> None:
    """The second profession: a report, with those who read, took and wrote it down, found in an AI-written text."""
    text = "\n".join(ok("why", "Dr. Amara Lindqvist", "--run", "2026-11"))
    for told in ("radiologist", "second-opinion.docx", "characters", "x 1 (copy)", "x 10 of 23", "8.08820048 EUR"):
        assert told in text
    roles = {row["name"]: row["role"] for row in rows("works", "show", "text-report")[0]["credits"]}
    assert set(roles.values()) == {"radiologist", "radiographer", "annotator", "transcriptionist"}


def test_an_unverified_member_is_paid_in_full_once_verified(
    society: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("byline.db", "ledger.db"):
        shutil.copy(society / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    key = "work:film-lantern:Marguerite Oyelaran"
    held = [row["amount"] for row in rows("ledger", "balances", "--kind", "escrow", "--who", key)]
    ok("people", "move", key, "verified", "--by", "the society", "--how", "passport seen", "--evidence", SAMPLES / "works.csv")
    ok("residuals", "release", "--run", "release", "--policy", SAMPLES / "policy.toml", *DAY)
    assert [row["amount"] for row in rows("ledger", "balances", "--kind", "payable", "--who", key)] == held != []


def test_a_scan_still_says_so(sample_registry: Path, tmp_path: Path) -> None:
    """The kept reports name the works that a scan names now, and as much of them."""
    fresh = tmp_path / "night.jsonl"
    outputs = sorted(path for path in (SAMPLES / "outputs").iterdir() if "broken" not in path.name)
    ok("scan", "--registry", sample_registry, *outputs, "--output", fresh)
    if UPDATE:
        reports = (json.loads(line) for line in fresh.read_text().splitlines())
        NIGHT.write_text("".join(json.dumps(_kept(row)) + "\n" for row in reports), encoding="utf-8")
    for kept, now in zip(_lines(NIGHT), _lines(fresh), strict=True):
        assert Path(now["output"]).name == kept["output"]
        degrees = {match["work"]: match["degree"] for match in now["matches"]}
        assert degrees == pytest.approx({match["work"]: match["degree"] for match in kept["matches"]}, abs=0.03)


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    """A report without what is of this machine or of this registry's file."""
    return {**row, "output": Path(row["output"]).name, "registry": {}}


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
