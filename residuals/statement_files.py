"""A statement as JSON and as CSV: every number from which an amount follows, so that a reader can compute it again.

pool amount      x output revenue / revenue of all outputs            -> output amount (floor, or one microcent more)
output amount    by degree x rate of its works, the rest unexplained  -> work amount (largest remainder, ties to the earlier)
work amount      by the weights of its places                         -> amount      (largest remainder, ties to the earlier)
brought forward  + lines + movements                                  = balance
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from residuals.money import format_amount
from residuals.payout_csv import csv_pieces, units
from residuals.statement_lines import Line
from residuals.statements import REASONS, Standing, Statement

VERSION = 1
COLUMNS = (
    "record", "date", "run", "currency", "account", "work", "title", "role", "vendor", "pool", "pool_basis", "pool_amount",
    "pool_revenue", "output", "sha256", "output_revenue", "output_amount", "output_parts", "part", "spans", "relation", "degree",
    "rate", "shared", "work_amount", "weights", "place", "reason", "credit", "debit",
)  # fmt: skip


def as_json(statement: Statement) -> dict[str, Any]:
    """The statement as one JSON object; amounts are exact decimal texts, parts and places are counted from 1."""
    return _head(statement) | {"lines": [line_row(line) for line in statement.lines]} | _tail(statement)


def _head(statement: Statement) -> dict[str, Any]:
    scope = statement.scope
    return {
        "schema": VERSION, "person": statement.person, "name": statement.name, "run": scope.run or None,
        "period": scope.period or None,
        "runs": [{"run": r.run, "kind": r.kind, "period": r.period, "date": r.date, "hash": r.hash.hex()} for r in scope.runs],
    }  # fmt: skip


def _tail(statement: Statement) -> dict[str, Any]:
    return {
        "accounts": [_account(standing) for standing in statement.standings],
        "payments": [_payment(row) for row in statement.payments],
        "ledger_head": statement.head,
    }


def line_row(line: Line) -> dict[str, Any]:
    """One line with all that its amount follows from."""
    pool, output = line.pool, line.output
    return {
        "run": line.run.run, "date": line.run.date, "vendor": pool.vendor, "pool": pool.kind, "period": pool.period,
        "currency": pool.currency, "pool_amount": format_amount(pool.microcents), "pool_basis": pool.basis,
        "pool_revenue": None if pool.revenue is None else format_amount(pool.revenue),
        "output": output.name if output else None, "sha256": output.sha256 if output else None,
        "output_revenue": format_amount(output.revenue) if output else None,
        "output_amount": format_amount(output.microcents) if output else None,
        "output_parts": [{"degree": d, "rate": r, "amount": format_amount(m)} for d, r, m in output.parts] if output else [],
        "part": line.at + 1 if output else None, "shared": None if output else format_amount(line.shared),
        "work": line.work, "title": line.title, "role": line.role, "relation": line.relation, "degree": line.degree,
        "rate": line.rate, "spans": list(line.spans), "work_amount": format_amount(line.work_microcents),
        "weights": [str(weight) for weight in line.weights], "place": line.place + 1, "account": line.kind, "why": line.why,
        "amount": format_amount(line.microcents),
    }  # fmt: skip


def _account(standing: Standing) -> dict[str, Any]:
    account = standing.account
    return {
        "account": account.kind, "work": account.work, "currency": account.currency,
        "brought_forward": format_amount(standing.brought_forward), "lines": format_amount(standing.booked),
        "movements": [
            {
                "date": m.date, "run": m.run, "kind": m.kind, "reason": m.reason, "work": m.work,
                "amount": format_amount(m.microcents),
            }
            for m in standing.movements
        ],
        "balance": format_amount(standing.balance), "since": standing.since if standing.balance else "",
        "reason": REASONS[account.kind] if standing.balance else "",
    }  # fmt: skip


def _payment(row: Any) -> dict[str, Any]:
    keys = ("payment", "run", "date", "currency", "rate", "tax_country", "account", "returned", "returned_because")
    return {key: row[key] for key in keys} | {key: units(row[key], row["currency"]) for key in ("gross", "withheld", "net")}


def json_chunks(statement: Statement) -> Iterator[bytes]:
    """The JSON text piece by piece, a statement's line on a line of its own; the same bytes for the same statement."""
    yield f'{_text(_head(statement))[:-1]},\n"lines": ['.encode()
    for number, line in enumerate(statement.lines):
        yield f"{',' if number else ''}\n{_text(line_row(line))}".encode()
    yield f"\n],\n{_text(_tail(statement))[1:]}\n".encode()


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def csv_chunks(statement: Statement) -> Iterator[bytes]:
    """The CSV table piece by piece: for each account what was brought forward, lines, movements, and the balance."""
    return csv_pieces(COLUMNS, ([row.get(column) or "" for column in COLUMNS] for row in _rows(statement)))


def _rows(statement: Statement) -> Iterator[dict[str, Any]]:
    for standing in statement.standings:
        account = standing.account
        same = {"currency": account.currency, "account": account.kind, "work": account.work}
        yield same | _sides(standing.brought_forward) | {"record": "brought forward"}
        for line in statement.lines:
            if (line.kind, line.pool.currency) == (account.kind, account.currency) and account.work in ("", line.work):
                yield _line(line)
        for m in standing.movements:
            told = {"record": "movement", "date": m.date, "run": m.run, "reason": m.reason or m.kind}
            yield same | told | ({"work": m.work} if m.work else {}) | _sides(m.microcents)
        waits = {"reason": f"{REASONS[account.kind]}, since {standing.since}"} if standing.balance and account.work else {}
        yield same | waits | _sides(standing.balance) | {"record": "balance"}


def _line(line: Line) -> dict[str, Any]:
    row = line_row(line)
    parts = "; ".join(f"{p['degree']} x {p['rate']}" if p["degree"] else "rest" for p in row["output_parts"])
    spans = json.dumps(row["spans"], separators=(",", ":")) if row["spans"] else ""
    changed = {"output_parts": parts, "weights": " ".join(row["weights"]), "spans": spans, "reason": line.why}
    return row | changed | {"record": "line"} | _sides(line.microcents)


def _sides(microcents: int) -> dict[str, str]:
    """An amount in the column of its side, never with a sign, which spreadsheets could take for a formula."""
    return {"debit" if microcents < 0 else "credit": format_amount(abs(microcents))}
