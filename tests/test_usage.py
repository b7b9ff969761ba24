"""What vendors send: every row once, bad rows told by their line, nothing half taken in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.tables import CatalogueError
from residuals.errors import UsageError
from residuals.ledger import Ledger
from residuals.lines import capped_lines
from residuals.usage import Imported, import_usage, summary
from tests.money_makers import DATE

HEAD = "output_id,currency,revenue,period,pool,amount\n"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    with Ledger.open(tmp_path / "ledger.db", write=True, create=True) as ledger:
        yield ledger


def taken(ledger: Ledger, path: Path, data: str | bytes) -> Imported:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return import_usage(ledger, path, "Acme AI", DATE)


def count(ledger: Ledger, table: str = "usage") -> int:
    return int(ledger.conn.execute(f"select count(*) from {table}").fetchone()[0])


def test_csv_and_json_lines_say_the_same(ledger: Ledger, tmp_path: Path) -> None:
    done = taken(ledger, tmp_path / "a.csv", HEAD + "a.mp4,EUR,1.5,2026-11,,\n,EUR,,2026-11,training,1000\n")
    assert (done.rows, done.pools, done.refused) == (1, 1, [])
    rows = [
        {"output_id": "b.mp4", "currency": "eur", "revenue": 1.5, "period": "2026-11"},
        {"output_id": "c.mp4", "currency": "EUR", "revenue": "0.00000001", "period": "2026-11"},
        {"pool": "output", "amount": 7, "currency": "JPY", "period": "2026"},
    ]
    done = taken(ledger, tmp_path / "b.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert (done.rows, done.pools, done.refused) == (2, 1, [])
    assert list(summary(ledger)) == [
        {"vendor": "Acme AI", "period": "2026", "currency": "JPY", "outputs": 0, "settled": 0, "revenue": "0.00",
         "pools": "output 7.00"},
        {"vendor": "Acme AI", "period": "2026-11", "currency": "EUR", "outputs": 3, "settled": 0, "revenue": "3.00000001",
         "pools": "training 1000.00"},
    ]  # fmt: skip


def test_the_same_file_counts_once_whatever_its_name(ledger: Ledger, tmp_path: Path) -> None:
    assert taken(ledger, tmp_path / "a.csv", HEAD + "a,EUR,1,2026-11,,\n").rows == 1
    again = taken(ledger, tmp_path / "b.csv", HEAD + "a,EUR,1,2026-11,,\n")
    assert again.before and not again.rows
    other = taken(ledger, tmp_path / "c.csv", HEAD + "a,EUR,2,2026-11,,\nb,EUR,1,2026-11,,\n")
    assert other.rows == 1 and "was reported before" in other.refused[0].reason
    assert count(ledger) == 2


BAD_ROWS = [
    ("a,XXX,1,2026-11,,", "no currency"),
    ("a,EUR,-1,2026-11,,", "negative"),
    ("a,EUR,0.000000001,2026-11,,", "finer than a microcent"),
    ("a,EUR,99999999999999,2026-11,,", "more than one booking can hold"),
    ("a,EUR,12 euros,2026-11,,", "no amount"),
    ("a,EUR,,2026-11,,", "no amount"),
    (",EUR,1,2026-11,,", "output_id is empty"),
    ("a,EUR,1,November,,", "the period"),
    ("a,EUR,1,2026-13,,", "the period"),
    (",EUR,1,2026-11,bonus,1", "the pool"),
    (",EUR,1,2026-11,training,-4", "negative"),
    ("a,EUR,1", "has 3 fields"),
]


@pytest.mark.parametrize(("row", "why"), BAD_ROWS)
def test_a_bad_row_is_told_with_its_line_and_the_rest_is_taken(ledger: Ledger, tmp_path: Path, row: str, why: str) -> None:
    done = taken(ledger, tmp_path / "a.csv", f"{HEAD}ok,EUR,1,2026-11,,\n{row}\nok2,EUR,1,2026-11,,\n")
    assert done.rows == 2
    assert [refusal.line for refusal in done.refused] == [3]
    assert why in done.refused[0].reason


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"output_id": "a", "currency": "EUR", "rev', "cut off"),
        ("[1, 2]", "no JSON object"),
        ('{"output_id": ["a"], "currency": "EUR", "revenue": 1, "period": "2026"}', "neither text nor a number"),
        ('{"output_id": "a", "currency": "EUR", "revenue": 1e-9, "period": "2026"}', "finer than a microcent"),
        ('{"output_id": "a", "currency": "EUR", "revenue": true, "period": "2026"}', "neither text nor a number"),
        ('{"output_id": "a", "currency": "EUR", "revenue": 1e999999999, "period": "2026"}', "no amount"),
        ("[" * 100_000, "no JSON object"),
    ],
)
def test_bad_json_lines(ledger: Ledger, tmp_path: Path, line: str, why: str) -> None:
    good = '{"output_id": "ok", "currency": "EUR", "revenue": 1, "period": "2026"}'
    done = taken(ledger, tmp_path / "a.jsonl", f"{line}\n{good}\n")
    assert done.rows == 1 and done.refused[0].line == 1 and why in done.refused[0].reason


def test_files_of_no_use_leave_nothing(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        import_usage(ledger, tmp_path / "none.csv", "Acme AI", DATE)
    with pytest.raises(UsageError, match="vendor's name is empty"):
        import_usage(ledger, tmp_path / "none.csv", " ", DATE)
    with pytest.raises(CatalogueError, match="missing"):
        taken(ledger, tmp_path / "columns.csv", "output,money\na,1\n")
    with pytest.raises(CatalogueError, match="UTF-8"):
        taken(ledger, tmp_path / "latin.csv", HEAD.encode() + "caf\xe9,EUR,1,2026-11,,\n\xff\xfe\n".encode("latin-1"))
    with pytest.raises(UsageError, match="line 2: is not UTF-8"):
        taken(
            ledger, tmp_path / "latin.jsonl", b'{"output_id": "ok", "currency": "EUR", "revenue": 1, "period": "2026"}\n"\xe9"\n'
        )
    assert count(ledger) == count(ledger, "usage_file") == 0


def test_an_unclosed_quote_costs_no_other_row(ledger: Ledger, tmp_path: Path) -> None:
    done = taken(ledger, tmp_path / "a.csv", HEAD + 'ok,EUR,1,2026-11,,\n"cut,EUR,1,2026-11')
    assert done.rows == 1 and len(done.refused) == 1 and done.refused[0].line == 3


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path) -> None:
    """It is one refusal, and the lines after it are read."""
    path = tmp_path / "long.jsonl"
    with path.open("wb") as file:
        file.write(b"one\n")
        file.write(b"x" * 3000)
        file.write(b"\ntwo\nthree")
    found = [(number, text and text.strip()) for number, _, text in capped_lines(path, 1000)]
    assert found == [(1, "one"), (2, None), (3, "two"), (4, "three")]
    offsets = [offset for _, offset, _ in capped_lines(path, 1000)]
    assert [path.read_bytes()[o : o + 3] for o in offsets] == [b"one", b"xxx", b"two", b"thr"]
