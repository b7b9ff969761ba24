"""`byline usage`, `byline residuals` and `byline ledger` as a person types them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from registry.hits import Credit
from registry.store import open_registry
from tests.conftest import json_lines, run
from tests.money_makers import PERIOD, report, write_reports, write_usage
from tests.registry_makers import SCHEMES, entry, media_of

DAY = ("--date", "2026-11-28")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a registry of one work, usage of three outputs and two reports."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BYLINE_REGISTRY", raising=False)
    monkeypatch.delenv("BYLINE_LEDGER", raising=False)
    credits = (Credit("Ada Okoro", "composer", "hmg:1"), Credit("Ben Li", "session player, oud", "hmg:2"))
    with open_registry(tmp_path / "byline.db", write=True, create=True, schemes=SCHEMES) as registry:
        registry.add([entry("song", media_of([1, 2, 3]), credits=credits)])
    write_usage(tmp_path / "usage.csv", [("a.mp3", "EUR", "140"), ("b.mp3", "EUR", "20"), ("c.mp3", "EUR", "1")])
    write_reports(tmp_path / "night.jsonl", [report("out/a.mp3", ("song", "copy", "0.5")), report("out/b.mp3")])
    return tmp_path


def settle(*more: object, name: str = "november") -> tuple[int, str]:
    given = ("--run", name, "--period", PERIOD, "--reports", "night.jsonl", *DAY)
    result = run("residuals", *(more or ("run",)), *given)
    return result.exit_code, result.output


def test_from_a_usage_file_to_balances(desk: Path) -> None:
    taken = run("usage", "import", "usage.csv", "--vendor", "Acme AI", *DAY)
    assert (taken.exit_code, taken.output) == (0, "usage.csv: 3 outputs, 0 pools, 0 rows refused.\n")
    again = run("usage", "import", "usage.csv", "--vendor", "Acme AI", *DAY)
    assert again.exit_code == 0 and "nothing counted again" in again.output
    status, text = settle("preview")
    assert status == 1 and "a preview, nothing was written" in text
    assert json_lines(run("residuals", "runs", "--json")) == []
    status, text = settle()
    assert status == 1 and "run november: 2 outputs, 1 work" in text
    assert "1 output without a usable report stay open: c.mp3" in text
    assert settle() == (0, 'ledger.db: run "november" is booked already; nothing was booked again\n')
    rows = {(r["kind"], r["who"]): r["amount"] for r in json_lines(run("ledger", "balances", "--json"))}
    assert rows == {
        ("escrow", "hmg:1"): "5.00",
        ("escrow", "hmg:2"): "2.00",
        ("unexplained", "Acme AI"): "9.00",
        ("vendor", "Acme AI"): "-16.00",
    }
    usage = json_lines(run("usage", "list", "--json"))
    assert [(row["outputs"], row["settled"], row["revenue"]) for row in usage] == [(3, 2, "161.00")]


def test_release_and_reversal(desk: Path) -> None:
    run("usage", "import", "usage.csv", "--vendor", "Acme AI", *DAY)
    settle()
    assert (
        run("residuals", "release", "--run", "december", *DAY).output
        == "run december: nothing is to be moved, no run was booked.\n"
    )
    undone = run("residuals", "reverse", "november", "--run", "undo", "--because", "wrong policy", *DAY)
    assert undone.exit_code == 0
    assert run("ledger", "balances").output == "Every account is empty.\n"
    assert [row["kind"] for row in json_lines(run("residuals", "runs", "--json"))] == ["settle", "reversal"]
    twice = run("residuals", "reverse", "november", "--run", "undo 2", "--because", "x", *DAY)
    assert twice.exit_code == 1 and "was reversed before" in twice.output


def test_verify_names_the_row_that_was_changed(desk: Path) -> None:
    run("usage", "import", "usage.csv", "--vendor", "Acme AI", *DAY)
    settle()
    whole = run("ledger", "verify")
    assert whole.exit_code == 0 and "whole; head " in whole.output
    head = json_lines(run("ledger", "verify", "--json"))[0]["head"]
    conn = sqlite3.connect(desk / "ledger.db")
    conn.execute("drop trigger transfer_no_update")
    conn.execute("update transfer set microcents = microcents + 1 where id = 2")
    conn.commit()
    conn.close()
    changed = run("ledger", "verify", "--head", head)
    assert changed.exit_code == 1
    assert 'fault: transfer 2 of run "november" was changed' in changed.output


def test_mistakes_get_one_sentence(desk: Path) -> None:
    (desk / "bad.csv").write_text("output_id,currency,revenue,period\nx,EUR,-1,2026-11\ny,EUR,1,2026-11\n")
    bad = run("usage", "import", "none.csv", "bad.csv", "--vendor", "Acme AI", *DAY)
    assert bad.exit_code == 1
    assert "none.csv: cannot be read" in bad.output
    assert "bad.csv, line 2: -1 is negative" in bad.output and "bad.csv: 1 output, 0 pools, 1 row refused." in bad.output
    assert run("usage", "import", "none.csv", "--vendor", "Acme AI", "--ledger", "none.db", *DAY).exit_code == 1
    assert not (desk / "none.db").exists()
    assert run("ledger", "verify", "--ledger", "none.db").output == (
        "byline: none.db: there is no ledger here; byline usage import makes one\n"
    )
    (desk / "policy.toml").write_text("[relations]\nremix = 1\n")
    wrong = run("residuals", "policy", "policy.toml")
    assert wrong.exit_code == 1 and "policy.toml, line 2: relations.remix is unknown" in wrong.output
    assert run("residuals", "run", "--run", "x", "--period", "2026-11", "--date", "tomorrow").exit_code == 2
    (desk / "cut.jsonl").write_text('{"output": "y", "sha256": "ab", "mat')
    cut = run("residuals", "run", "--run", "x", "--period", PERIOD, "--reports", "cut.jsonl", *DAY)
    assert cut.exit_code == 1 and "cut.jsonl, line 1: the line is no JSON object, or was cut off" in cut.output


def test_the_default_policy_is_printed_and_can_be_used(desk: Path) -> None:
    printed = run("residuals", "policy").output
    (desk / "mine.toml").write_text(printed)
    assert "can be used" in run("residuals", "policy", "mine.toml").output
