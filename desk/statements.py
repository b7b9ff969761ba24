"""`byline statements` and `byline why`: what each person was credited with, and why, as files and in the terminal."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from desk.console import Progress, ledger_option, line
from desk.payees import ledger_at
from desk.words import count, plain

if TYPE_CHECKING:
    from residuals.ledger import Ledger
    from residuals.statements import Statement

TEMPLATES = Path(__file__).with_name("templates")
FORMATS = ("html", "csv", "json")
INDEX = ("person", "name", "file", "account", "currency", "balance")
NAME_LENGTH = 60


def render(statement: Statement) -> str:
    """The page: self-contained, without scripts, the same bytes for the same statement."""
    from desk import statement_view as view

    shown = list(itertools.islice(statement.lines, view.LINES_SHOWN))
    numbers = view.pools(shown)
    css = (TEMPLATES / "statement.css").read_text(encoding="utf-8")
    runs = statement.scope.runs
    return str(
        _template().render(
            css=css, policy=_policy(css), name=plain(statement.name), person=plain(statement.person),
            run=plain(statement.scope.run),
            scope=view.scope_words(statement), first=min(r.date for r in runs), last=max(r.date for r in runs),
            summaries=list(view.summaries(statement)), groups=list(view.groups(shown, numbers)),
            pools=[view.pool_view(pool, number) for pool, number in numbers.items()], waiting=view.waiting(statement, shown),
            payments=view.payment_views(statement), head=statement.head, shown=f"{len(shown):,}",
            hidden=f"{statement.count - len(shown):,}" if len(shown) < statement.count else "",
        )
    )  # fmt: skip


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("statement.html")


def _policy(css: str) -> str:
    """Nothing but this very style sheet."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def file_name(person: str) -> str:
    """A file name for a person's key: readable, and different for different keys."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", person).strip("-")[:NAME_LENGTH]
    return f"{words or 'person'}-{hashlib.sha256(person.encode()).hexdigest()[:8]}"


@click.command()
@click.option("--run", "run", default="", help="Of this run.")
@click.option("--period", default="", help="Of this period: what was settled for it, and released and paid in it.")
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder to write to.")
@click.option("--person", default="", help="Only for the person with this key or name.")
@click.option(
    "--format", "formats", multiple=True, type=click.Choice(FORMATS), default=FORMATS, help="Repeat for several; else all."
)
@ledger_option
def statements(run: str, period: str, output: Path, person: str, formats: Sequence[str], ledger: Path) -> None:
    """Write a statement for each person: a page to read and print, CSV and JSON to compute with.

    index.csv lists them. The same ledger gives the same files, byte for byte.
    """
    from residuals.statement_files import csv_chunks, json_chunks
    from residuals.statements import Books, scope_of

    makers: Mapping[str, Callable[[Statement], Iterable[bytes]]] = {
        "html": lambda made: [render(made).encode()], "csv": csv_chunks, "json": json_chunks,
    }  # fmt: skip
    with ledger_at(ledger) as handle:
        key = _key(handle, person) if person else ""
        books = Books(handle, scope_of(handle, run, period), key)
        people = [key] if key else books.people()
        output.mkdir(parents=True, exist_ok=True)
        rows: list[Sequence[object]] = []
        with Progress("statements", len(people)) as progress:
            for who in people:
                made = books.statement(who)
                for suffix in formats:
                    _write(output / f"{file_name(who)}.{suffix}", makers[suffix](made))
                rows.extend(_index_rows(made, f"{file_name(who)}.{formats[0]}"))
                progress.step()
    from residuals.payout_csv import csv_pieces

    _write(output / "index.csv", csv_pieces(INDEX, rows))
    click.echo(f"{count(len(people), 'statement')} in {plain(str(output))}")


def _index_rows(made: Statement, file: str) -> Iterator[Sequence[object]]:
    from residuals.money import format_amount

    for s in made.standings:
        yield made.person, made.name, file, s.account.kind, s.account.currency, format_amount(s.balance)


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    """Whole or not at all; a statement is its reader's business only."""
    from residuals.sent import rename, write_aside

    rename(write_aside([path], [pieces]), [path])


def _key(ledger: Ledger, who: str) -> str:
    """The key of the one person that is meant. Raises LedgerError when there is nobody, or several."""
    from residuals.errors import LedgerError
    from residuals.statements import keys_of

    keys = keys_of(ledger, who)
    if len(keys) == 1:
        return keys[0]
    if keys:
        raise LedgerError(f"{len(keys)} people are credited as {who[:80]}: {', '.join(keys[:10])}; give one of these keys")
    raise LedgerError(f"{ledger.path}: nothing was ever credited to {who[:80]}; give the key or the whole name")


@click.command()
@click.argument("person", metavar="PERSON")
@click.option("--run", "run", default="", help="Only of this run.")
@click.option("--period", default="", help="Only of this period.")
@click.option("--json", "as_json", is_flag=True, help="Print the statement as one JSON object.")
@ledger_option
def why(person: str, run: str, period: str, as_json: bool, ledger: Path) -> None:
    """Show why PERSON (a key or a name) was credited what: from the pool to the output, the work, the weight, the amount."""
    from desk.why import told
    from residuals.statement_files import as_json as rows
    from residuals.statements import Books, scope_of

    with ledger_at(ledger) as handle:
        key = _key(handle, person)
        made = Books(handle, scope_of(handle, run, period), key).statement(key)
        for text in [line(rows(made))] if as_json else told(made):
            click.echo(text)
