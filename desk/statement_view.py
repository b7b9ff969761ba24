"""A statement for human eyes: what the page and the terminal both say, in plain words and exact figures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from desk.words import TRACKS, place, plain
from residuals.money import MICROCENTS_PER_UNIT, format_amount, minor_digits
from residuals.payout_csv import units
from residuals.statements import REASONS

if TYPE_CHECKING:
    from residuals.statement_lines import Line, Pool
    from residuals.statements import Standing, Statement

SPANS_SHOWN = 4
AREA = 4  # numbers of a span of a still: x, y, width, height
LINES_SHOWN = 2_000
POOLS = {"output": "output money", "training": "training money"}
RELATIONS = {"copy": "copy", "remake": "remake", "style": "style", "training": "trained on this work", "equal": "equal part"}
KINDS = {"payable": "payable", "escrow": "in escrow", "dispute": "in dispute"}
MOVES = {"release": "Released to you or held", "return": "Payments that came back", "reversal": "Corrections", "payout": "Paid"}


def money(microcents: int, currency: str) -> tuple[str, str]:
    """An amount with all its eight decimals in two parts: what a bank can pay, and what is beyond."""
    whole, part = divmod(abs(microcents), MICROCENTS_PER_UNIT)
    digits, decimals = minor_digits(currency), f"{part:08d}"
    head = f"{'-' if microcents < 0 else ''}{whole:,}"
    return (f"{head}.{decimals[:digits]}", decimals[digits:]) if digits else (head, f".{decimals}")


def flat(amount: tuple[str, str]) -> str:
    """Both parts of an amount in one; zeros beyond what a bank can pay left out."""
    return f"{amount[0]}{amount[1].rstrip('0')}".rstrip(".")


def spans(line: Line) -> list[str]:
    """Where in the output, and where in the work: the first few places."""
    told = [_span(span) for span in line.spans[:SPANS_SHOWN]]
    more = len(line.spans) - len(told)
    return [text for text in told if text] + ([f"and {more} more {'place' if more == 1 else 'places'}"] if more else [])


def _span(span: Mapping[str, Any]) -> str:
    """One place on both sides; of a still in a film the one is an area and the other a stretch of time."""
    part = str(span.get("part"))
    try:
        sides = [_place(part, [float(v) for v in span[side]]) for side in ("output", "work")]
    except (KeyError, TypeError, ValueError, IndexError):
        return ""
    track = "" if part == "text" else f"{TRACKS.get(part, part)} "
    return plain(f"{track}{sides[0]}: the work's {sides[1]}")


def _place(part: str, values: Sequence[float]) -> str:
    medium = "image" if len(values) == AREA else "text" if part == "text" else "film"
    return place(medium, values).removeprefix("the ")


def pools(lines: Sequence[Line]) -> dict[Pool, int]:
    """The pools of these lines, numbered from 1 in the order in which they are met."""
    return {pool: number for number, pool in enumerate(dict.fromkeys(line.pool for line in lines), 1)}


def pool_view(pool: Pool, number: int) -> dict[str, Any]:
    """What one pool is, as texts."""
    basis = plain(pool.basis)
    if pool.revenue is not None:
        basis += f"; the revenue of all its outputs is {format_amount(pool.revenue)}"
    return {"number": number, "vendor": plain(pool.vendor), "kind": POOLS.get(pool.kind, plain(pool.kind)), "period": pool.period,
            "currency": pool.currency, "amount": money(pool.microcents, pool.currency), "basis": basis}  # fmt: skip


def line_view(line: Line, numbers: Mapping[Pool, int]) -> dict[str, Any]:
    """What one line says, as texts."""
    output, currency = line.output, line.pool.currency
    beside = [f"{d} x {r}" for i, (d, r, _) in enumerate(output.parts[:-1]) if i != line.at] if output else []
    return {
        "pool": numbers[line.pool], "run": plain(line.run.run), "currency": currency,
        "output": plain(output.name) if output else "", "sha256": output.sha256 if output else "",
        "revenue": flat(money(output.revenue, currency)) if output else "",
        "from": money(output.microcents if output else line.shared, currency),
        "share": f"{line.degree} x {line.rate}" if output else line.rate, "beside": plain(", ".join(beside)),
        "relation": RELATIONS.get(line.relation, plain(line.relation)), "of_work": money(line.work_microcents, currency),
        "weight": f"{line.weights[line.place]:,} of {sum(line.weights):,}", "why": plain(line.why), "spans": spans(line),
        "kind": KINDS.get(line.kind, line.kind), "waits": line.kind != "payable", "amount": money(line.microcents, currency),
    }  # fmt: skip


def groups(lines: Sequence[Line], numbers: Mapping[Pool, int]) -> Iterator[dict[str, Any]]:
    """The lines by work and role, with what they add up to."""
    for (work, role), found in itertools.groupby(lines, key=lambda line: (line.work, line.role)):
        of = list(found)
        title = next((line.title for line in of if line.title), work)
        sums: dict[str, int] = {}
        for line in of:
            sums[line.pool.currency] = sums.get(line.pool.currency, 0) + line.microcents
        yield {
            "title": plain(title), "work": plain(work), "role": plain(role), "lines": [line_view(line, numbers) for line in of],
            "sums": [(currency, money(total, currency)) for currency, total in sums.items()],
        }  # fmt: skip


def summaries(statement: Statement) -> Iterator[dict[str, Any]]:
    """For each currency how the payable balance came about, and what waits."""
    for currency, found in itertools.groupby(statement.standings, key=lambda s: s.account.currency):
        of = list(found)
        payable = [s for s in of if s.account.kind == "payable"]
        waiting = sum(s.balance for s in of if s.account.kind != "payable")
        rows = [
            ("Brought forward", sum(s.brought_forward for s in payable)),
            ("Credited, see below", sum(s.booked for s in payable)),
        ]
        rows += _moves(payable)
        yield {
            "currency": currency, "rows": [(word, money(amount, currency)) for word, amount in rows],
            "balance": money(sum(s.balance for s in payable), currency), "waiting": money(waiting, currency) if waiting else None,
        }  # fmt: skip


def _moves(payable: Sequence[Standing]) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for move in (m for standing in payable for m in standing.movements):
        word = (
            "Withheld for tax"
            if move.reason.startswith("withheld") and move.kind == "payout"
            else MOVES.get(move.kind, move.kind)
        )
        sums[word] = sums.get(word, 0) + move.microcents
    return sorted(sums.items(), key=lambda pair: pair[1] < 0)


def waiting(statement: Statement, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """What is held for this person, why and since when; the works' titles are those in the lines."""
    titles = {line.work: line.title for line in lines if line.title}
    return [
        {
            "kind": KINDS[s.account.kind], "work": plain(titles.get(s.account.work, s.account.work)), "since": s.since,
            "reason": REASONS[s.account.kind], "currency": s.account.currency, "amount": money(s.balance, s.account.currency),
        }
        for s in statement.standings if s.balance and s.account.kind != "payable"
    ]  # fmt: skip


def payment_views(statement: Statement) -> list[dict[str, Any]]:
    """The payments of the scope, account numbers masked."""
    return [
        {key: plain(str(row[key] or "")) for key in ("payment", "date", "currency", "rate", "tax_country", "account", "returned",
                                                     "returned_because")}
        | {key: units(row[key], row["currency"]) for key in ("gross", "withheld", "net")}
        for row in statement.payments
    ]  # fmt: skip


def scope_words(statement: Statement) -> str:
    """What it covers: a run, a period, or everything."""
    scope = statement.scope
    if scope.run:
        return f"run {plain(scope.run)}"
    return f"period {plain(scope.period)}" if scope.period else f"everything up to {scope.runs[-1].date}"
