"""The chain from a pool to a person's amount, line by line for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from desk import statement_view as view
from desk.words import plain

if TYPE_CHECKING:
    from residuals.statement_lines import Line
    from residuals.statements import Statement


def told(statement: Statement) -> Iterator[str]:
    """What the statement's page says, as lines of text."""
    yield f"{plain(statement.name)}  ({plain(statement.person)}, {view.scope_words(statement)})"
    lines = list(statement.lines)
    numbers = view.pools(lines)
    for pool, number in numbers.items():
        p = view.pool_view(pool, number)
        yield f"  pool {number}: {p['vendor']}, {p['kind']} {p['period']}, {view.flat(p['amount'])} {p['currency']}, {p['basis']}"
    for group in view.groups(lines, numbers):
        yield ""
        yield f'"{group["title"]}" (work {group["work"]}), {group["role"]}'
        for row in group["lines"]:
            yield f"  {row['output'] or row['relation']}  (pool {row['pool']}, run {row['run']})"
            yield from (f"    {text}" for text in row["spans"])
            yield f"    {_chain(row)}"
        for currency, total in group["sums"]:
            yield f"  = {view.flat(total)} {currency}"
    yield from _end(statement, lines)


def _chain(row: Mapping[str, Any]) -> str:
    beside = f" beside {row['beside']}" if row["beside"] else ""
    revenue = f"revenue {row['revenue']}: " if row["revenue"] else ""
    held = f", {row['kind']}" if row["waits"] else ""
    why = f" ({row['why']})" if row["why"] else ""
    of_work = view.flat(row["of_work"])
    return (
        f"{revenue}{view.flat(row['from'])} x {row['share']} ({row['relation']}{beside}) -> the work's {of_work} "
        f"x {row['weight']}{why} -> {view.flat(row['amount'])} {row['currency']}{held}"
    )


def _end(statement: Statement, lines: Sequence[Line]) -> Iterator[str]:
    for row in view.waiting(statement, lines):
        yield ""
        what = f"{view.flat(row['amount'])} {row['currency']} of {row['work']}"
        yield f"held: {what}, {row['kind']} since {row['since']}; {row['reason']}"
    for payment in view.payment_views(statement):
        back = f", came back {payment['returned']}: {payment['returned_because']}" if payment["returned"] else ""
        yield (
            f"payment {payment['payment']} of {payment['date']}: {payment['gross']} - {payment['withheld']} withheld "
            f"({payment['rate']}, {payment['tax_country']}) = {payment['net']} {payment['currency']}{back}"
        )
    for summary in view.summaries(statement):
        yield ""
        for word, amount in (*summary["rows"], ("Payable, carried", summary["balance"])):
            yield f"  {word:<28} {view.flat(amount):>24} {summary['currency']}"
