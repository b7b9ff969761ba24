"""Usage: what an AI vendor reports, as CSV or JSON Lines. Each file counts once, each row once.

    output_id, currency, revenue, period          what the vendor earned with an output
    pool, currency, amount, period                a pool for the period: "output" or "training"

One file may hold both; fields that a row does not need are left empty. A period is 2026, 2026-Q4, 2026-11 or 2026-11-28.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from registry.tables import Refusal, Row, read_table
from registry.text import storable
from residuals.errors import MoneyError, UsageError
from residuals.ledger import Ledger
from residuals.ledger_schema import USAGE_IS_SETTLED
from residuals.lines import capped_lines
from residuals.money import as_written, currency_of, format_amount, parse_amount

COLUMNS = ("currency", "period")
PERIOD = re.compile(r"\d{4}(-(Q[1-4]|(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?))?", re.ASCII)
POOLS = ("output", "training")
CHUNK = 1 << 20
LONGEST = 500


@dataclass
class Imported:
    """What came of a file: rows taken, rows refused with the reason, and whether it had been imported before."""

    rows: int = 0
    pools: int = 0
    refused: list[Refusal] = field(default_factory=list)
    before: bool = False


def import_usage(ledger: Ledger, path: Path, vendor: str, date: str) -> Imported:
    """Takes a vendor's file into the ledger, in one transaction. Raises UsageError or CatalogueError for a useless file."""
    vendor = vendor_of(vendor)
    digest = file_hash(path)
    done = Imported()
    if ledger.conn.execute("select 1 from usage_file where sha256 = ?", (digest,)).fetchone():
        done.before = True
        return done
    with ledger.transaction():
        file = int(ledger.conn.execute("select coalesce(max(id), 0) + 1 from usage_file").fetchone()[0])
        ledger.conn.execute(
            "insert into usage_file (id, sha256, name, vendor, date) values (?, ?, ?, ?, ?)",
            (file, digest, storable(path.name), vendor, date),
        )
        for row in _rows(path):
            reason = row.reason if isinstance(row, Refusal) else _taken(ledger.conn, file, vendor, row, done)
            if reason:
                done.refused.append(Refusal(str(path), row.line, "", reason))
    return done


def vendor_of(name: str) -> str:
    """The vendor's name without blanks around it. Raises UsageError for an empty one."""
    if not name.strip():
        raise UsageError("the vendor's name is empty; say who reports, with --vendor")
    return storable(name.strip()[:LONGEST])


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits. Raises UsageError."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    return digest.hexdigest()


def _rows(path: Path) -> Iterator[Row | Refusal]:
    if path.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        return _json_rows(path)
    return read_table(path, COLUMNS)


def _json_rows(path: Path) -> Iterator[Row | Refusal]:
    for number, _, text in capped_lines(path):
        if text is None:
            yield Refusal(str(path), number, "", "the line is longer than a row can be; write one object a line")
        elif text.strip():
            yield _json_row(path, number, text)


def _json_row(path: Path, number: int, text: str) -> Row | Refusal:
    try:
        values = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return Refusal(str(path), number, "", "the line is no JSON object; write one object a line, or it was cut off")
    if not isinstance(values, dict):
        return Refusal(str(path), number, "", "the line is no JSON object; write one object a line")
    for key, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (str, int, Decimal, type(None))):
            return Refusal(str(path), number, "", f'"{key[:40]}" is neither text nor a number')
    return Row(number, {key.lower(): "" if value is None else as_written(value).strip() for key, value in values.items()})


def _taken(conn: sqlite3.Connection, file: int, vendor: str, row: Row, done: Imported) -> str:
    """Stores a row; why it cannot be used, or ""."""
    values = row.values
    try:
        currency, period = currency_of(values.get("currency", "")), _period(values.get("period", ""))
        if values.get("pool"):
            reason = _pool(conn, (file, row.line, vendor), currency, period, values)
        else:
            reason = _output(conn, (file, row.line, vendor), currency, period, values)
    except (MoneyError, UsageError) as error:
        return str(error)
    if not reason:
        done.pools, done.rows = done.pools + bool(values.get("pool")), done.rows + (not values.get("pool"))
    return reason


def _period(text: str) -> str:
    if not PERIOD.fullmatch(text):
        raise UsageError(f'the period "{text[:20]}" cannot be used; write 2026, 2026-Q4, 2026-11 or 2026-11-28')
    return text


def _pool(conn: sqlite3.Connection, where: tuple[int, int, str], currency: str, period: str, values: Mapping[str, str]) -> str:
    pool = values["pool"].lower()
    if pool not in POOLS:
        return f'the pool "{pool[:20]}" is unknown; write output or training'
    amount = parse_amount(values.get("amount", "") or values.get("revenue", ""))
    query = (
        "insert or ignore into usage_pool (file, line, vendor, currency, period, pool, microcents) values (?, ?, ?, ?, ?, ?, ?)"
    )
    if conn.execute(query, (*where, currency, period, pool, amount)).rowcount:
        return ""
    return f"the {pool} pool of {period} in {currency} was reported before; corrections are agreed and booked as reversals"


def _output(conn: sqlite3.Connection, where: tuple[int, int, str], currency: str, period: str, values: Mapping[str, str]) -> str:
    output = storable(values.get("output_id", ""))
    if not output or len(output) > LONGEST:
        return "the output_id is empty or too long; it is the output's file name or the SHA-256 of its bytes"
    query = "insert or ignore into usage (file, line, vendor, currency, period, output, revenue) values (?, ?, ?, ?, ?, ?, ?)"
    if conn.execute(query, (*where, currency, period, output, parse_amount(values.get("revenue", "")))).rowcount:
        return ""
    return f'output "{output}" was reported before for {period} in {currency}; corrections are agreed and booked as reversals'


def summary(ledger: Ledger) -> Iterator[dict[str, object]]:
    """What was reported, by vendor, period and currency: outputs, how many are settled, revenue and pools as text."""
    revenue: dict[tuple[str, str, str], list[int]] = {}
    rows = ledger.conn.execute(
        f"select vendor, period, currency, revenue, {USAGE_IS_SETTLED} from usage u"  # noqa: S608 - our own text
    )
    for vendor, period, currency, amount, settled in rows:
        counts = revenue.setdefault((vendor, period, currency), [0, 0, 0])
        for place, more in enumerate((1, settled, amount)):
            counts[place] += more
    pools: dict[tuple[str, str, str], list[str]] = {}
    for vendor, period, currency, pool, amount in ledger.conn.execute(
        "select vendor, period, currency, pool, microcents from usage_pool order by id"
    ):
        pools.setdefault((vendor, period, currency), []).append(f"{pool} {format_amount(amount)}")
    for key in sorted({*revenue, *pools}):
        outputs, settled, total = revenue.get(key, [0, 0, 0])
        yield {
            **dict(zip(("vendor", "period", "currency"), key, strict=True)), "outputs": outputs, "settled": settled,
            "revenue": format_amount(total), "pools": ", ".join(pools.get(key, [])),
        }  # fmt: skip
