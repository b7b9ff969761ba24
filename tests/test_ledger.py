"""The ledger keeps what was booked, whole and in order, and tells when somebody else changed it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from residuals.errors import LedgerError, MoneyError, RunDone
from residuals.ledger import Ledger
from residuals.money import LARGEST
from residuals.records import Account, Place

VENDOR = Account("vendor", "Acme AI", "", "EUR")
POOL = Account("pool", "Acme AI", "", "EUR")
ADA = Account("payable", "guild:1", "", "EUR")
BEN = Account("escrow", "guild:2", "w", "EUR")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with two runs."""
    path = tmp_path / "ledger.db"
    with Ledger.open(path, write=True, create=True) as ledger:
        book(ledger, "one")
        book(ledger, "two")
    return path


def book(ledger: Ledger, name: str, microcents: int = 1000) -> None:
    with ledger.run(name, "settle", "2026-11", "2026-11-28", {"policy": "p"}) as run:
        vendor, pooled, ada, ben = (run.account(a) for a in (VENDOR, POOL, ADA, BEN))
        pool = run.pool("Acme AI", "output", "2026-11", "EUR", microcents, "revenue")
        output = run.output(pool, "a.mp4", "0" * 64, microcents, microcents, 0)
        run.attribution(pool, output, "w", "A Work", "copy", "1", "1", microcents, "[]")
        run.split("w", [Place("payable", "guild:1", "Ada", "composer", 3), Place("escrow", "guild:2", "Ben", "singer", 1)])
        run.post(vendor, pooled, microcents, "output money")
        run.post(pooled, ada, microcents * 3 // 4, "", "w", pool, 0)
        run.post(pooled, ben, microcents - microcents * 3 // 4, "", "w", pool, 1)
        run.settle("usage", run.id)


def test_balances_follow_the_transfers(path: Path) -> None:
    with Ledger.open(path) as ledger:
        assert [ledger.balance(a) for a in (VENDOR, POOL, ADA, BEN)] == [-2000, 0, 1500, 500]
        assert sum(amount for _, amount in ledger.balances()) == 0
        assert ledger.balance(Account("tax", "US", "", "EUR")) == 0
        assert [run.run for run in ledger.runs()] == ["one", "two"]
        assert ledger.verify() == ""
        assert ledger.verify(ledger.head()) == ""


def test_the_same_run_is_booked_once(path: Path) -> None:
    with Ledger.open(path, write=True) as ledger:
        with pytest.raises(RunDone, match="nothing was booked again"):
            book(ledger, "two")
        assert ledger.balance(ADA) == 1500


def test_a_run_that_fails_leaves_nothing(path: Path) -> None:
    before = path.read_bytes()
    with Ledger.open(path, write=True) as ledger:
        with pytest.raises(MoneyError), ledger.run("three", "settle", "", "2026-11-28") as run:
            run.post(run.account(VENDOR), run.account(ADA), 5, "")
            run.post(run.account(VENDOR), run.account(ADA), 0, "")
        assert not ledger.has_run("three")
        assert ledger.verify() == ""
    assert path.read_bytes() == before


def test_money_does_not_change_its_currency(path: Path) -> None:
    with Ledger.open(path, write=True) as ledger, pytest.raises(MoneyError, match="USD cannot be booked"):  # noqa: SIM117
        with ledger.run("three", "settle", "", "2026-11-28") as run:
            run.post(run.account(Account("vendor", "x", "", "USD")), run.account(ADA), 5, "")


def test_sums_beyond_64_bits_are_exact(path: Path) -> None:
    with Ledger.open(path, write=True) as ledger:
        for i in range(3):
            with ledger.run(f"big {i}", "settle", "", "2026-11-28") as run:
                run.post(run.account(VENDOR), run.account(ADA), LARGEST, "")
        assert ledger.balance(ADA) == 3 * LARGEST + 1500
        assert ledger.verify() == ""
        with pytest.raises(MoneyError, match="more than one booking can hold"), ledger.run("more", "settle", "", "") as run:
            run.post(run.account(VENDOR), run.account(ADA), LARGEST + 1, "")


TABLES = ("account", "run", "seal", "transfer", "pool", "output", "attribution", "split", "settled")


@pytest.mark.parametrize("table", TABLES)
def test_rows_are_never_changed_and_never_deleted(path: Path, table: str) -> None:
    conn = sqlite3.connect(path)
    column = conn.execute(f"select name from pragma_table_info('{table}')").fetchone()[0]
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        conn.execute(f"update {table} set {column} = {column}")
    with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
        conn.execute(f"delete from {table}")
    conn.close()


TAMPERED = [
    ("update transfer set microcents = microcents + 1 where id = 5", "transfer 5 of run \"two\" was changed"),
    ("update transfer set credit = 4 where id = 2", "transfer 2 of run \"one\" was changed"),
    ("update transfer set reason = 'x' where id = 1", "transfer 1 of run \"one\" was changed"),
    ("update transfer set work = 'other' where id = 6", "transfer 6 of run \"two\" was changed"),
    ("update transfer set hash = zeroblob(32) where id = 4", "transfer 4 of run \"two\" was changed"),
    ("delete from transfer where id = 3", "transfer 3 of run \"one\" is missing"),
    ("insert into transfer select 7, 2, debit, credit, 1, pool, 0, '', '', hash from transfer where id = 6", "7 belongs"),
    ("update output set microcents = 0 where id = 2", "what run \"two\" is based on was changed"),
    ("update attribution set degree = '0.5' where id = 1", "what run \"one\" is based on was changed"),
    ("update split set who = 'guild:9' where run = 2 and place = 0", "what run \"two\" is based on was changed"),
    ("update account set who = 'guild:9' where kind = 'payable'", "what run \"one\" is based on was changed"),
    ("delete from settled where run = 1", "what run \"one\" is based on was changed"),
    ("update pool set microcents = 5 where run = 1", "what run \"one\" is based on was changed"),
    ("update run set date = '2025-01-01' where id = 1", "run \"one\" was changed"),
    ("delete from seal where run = 2", "run \"two\" has no seal"),
    ("update balance set microcents = '7' where account = 3", "the balance of account 3"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "fault"), TAMPERED)
def test_an_edit_behind_its_back_is_found_and_named(path: Path, statement: str, fault: str) -> None:
    with Ledger.open(path) as ledger:
        head = ledger.head()
    conn = sqlite3.connect(path)
    for table in TABLES:
        conn.execute(f"drop trigger {table}_no_update")
        conn.execute(f"drop trigger {table}_no_delete")
    assert conn.execute(statement).rowcount > 0
    conn.commit()
    conn.close()
    with Ledger.open(path) as ledger:
        assert fault in ledger.verify(head)


def test_runs_cut_off_at_the_end_are_found_by_the_noted_head(path: Path) -> None:
    with Ledger.open(path) as ledger:
        head = ledger.head()
    conn = sqlite3.connect(path)
    for table in TABLES:
        conn.execute(f"drop trigger {table}_no_delete")
    for table in ("settled", "split", "attribution", "output", "seal", "transfer"):
        conn.execute(f"delete from {table} where run = 2")
    conn.execute("delete from pool where run = 2")
    conn.execute("delete from run where id = 2")
    conn.executemany("update balance set microcents = ? where account = ?", [("-1000", 1), ("0", 2), ("750", 3), ("250", 4)])
    conn.commit()
    conn.close()
    with Ledger.open(path) as ledger:
        assert ledger.verify() == ""
        assert "runs were cut off" in ledger.verify(head)


def test_wrong_files_get_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="there is no ledger here"):
        Ledger.open(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("hello, this is no database at all")
    with pytest.raises(LedgerError, match="is not a ledger"):
        Ledger.open(tmp_path / "text.db")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("create table t (x)")
    other.commit()
    other.close()
    for write in (False, True):
        with pytest.raises(LedgerError, match="but not a ledger"):
            Ledger.open(tmp_path / "other.db", write=write)


def test_only_one_writes(path: Path) -> None:
    with Ledger.open(path, write=True), pytest.raises(LedgerError, match="the ledger is being written by another process"):
        Ledger.open(path, write=True)
