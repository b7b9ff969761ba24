"""Scan reports, one JSON object a line, joined to the rows of usage that they answer, without holding them in memory."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from registry.tables import Refusal
from registry.text import storable
from residuals.ledger_schema import USAGE_IS_SETTLED
from residuals.lines import capped_lines

RELATIONS = ("copy", "remake", "style")

ANSWER = """
create temp table if not exists answer (usage integer primary key, sha256 text not null, matches blob not null, twice integer);
create temp table if not exists named (
    usage integer not null, place integer not null, work text not null, title text not null, relation text not null,
    degree text not null, spans text not null, primary key (usage, place)
) without rowid;
delete from answer;
delete from named;
"""
NOTE = (
    "insert into answer (usage, sha256, matches, twice) values (?, ?, ?, 0) "
    "on conflict (usage) do update set twice = twice or matches <> excluded.matches"
)
NAME = "insert or ignore into named (usage, place, work, title, relation, degree, spans) values (?, ?, ?, ?, ?, ?, ?)"
UNSETTLED = f"select id from usage u where period = ? and output in (?, ?, ?, ?) and not {USAGE_IS_SETTLED}"  # noqa: S608


class _Digits(str):
    """A number with a point, as the digits that stand in the report: spans are only shown, and degrees become exact from them."""


as_json = json.JSONEncoder(separators=(",", ":")).encode
decoded = json.JSONDecoder(parse_float=_Digits).decode


@dataclass(frozen=True)
class Named:
    """One work that a report names for an output. degree is exact; spans is JSON: what lies where on both sides."""

    work: str
    title: str
    relation: str
    degree: Decimal
    spans: str


@dataclass(frozen=True)
class Scan:
    """What a report says of one output: what is in it, which may be nothing; failed: it could not be read."""

    output: str
    sha256: str
    matches: tuple[Named, ...]
    failed: bool


def join(
    conn: sqlite3.Connection, path: Path, period: str, has_work: Callable[[str], bool], style: bool = False
) -> Iterator[Refusal]:
    """Notes for each unsettled row of usage in a period which report answers it; gives the reports that cannot be used.

    style: the work whose manner an output resembles most is noted too, with the share that no work explains as its degree.

    A row's output_id is the output's path as scanned, its file name with or without the suffix, or the SHA-256 of its bytes.
    Two different reports for one row answer nothing: which of them is right cannot be told.
    """
    for statement in ANSWER.split(";\n")[:-1]:
        conn.execute(statement)
    for number, _, text in capped_lines(path):
        if text is not None and not text.strip():
            continue
        try:
            scan = _scan(text, style)
            rows = _answered(conn, scan, period)
            _check(scan, rows, has_work)
        except ValueError as error:
            yield Refusal(str(path), number, "", str(error))
            continue
        _note(conn, scan, rows)
    for output in conn.execute("select u.output from answer a join usage u on u.id = a.usage where a.twice order by u.id"):
        yield Refusal(str(path), 0, "", f'output "{output[0]}" has two reports that differ; keep one of them')


def _answered(conn: sqlite3.Connection, scan: Scan, period: str) -> list[int]:
    name = scan.output.replace("\\", "/").rpartition("/")[2]
    keys = (storable(key) for key in (scan.output, name, name.rpartition(".")[0] or name, scan.sha256))
    return [number for (number,) in conn.execute(UNSETTLED, (period, *keys))]


def _check(scan: Scan, rows: list[int], has_work: Callable[[str], bool]) -> None:
    """Raises ValueError when somebody's money depends on a report that cannot be used."""
    if scan.failed and rows:
        raise ValueError(f'output "{scan.output}" could not be read when it was scanned; it stays open')
    unknown = next((match.work for match in scan.matches if rows and not has_work(match.work)), None)
    if unknown is not None:
        raise ValueError(f'work "{unknown}" is not in this registry; settle with the registry it was scanned against')


def _note(conn: sqlite3.Connection, scan: Scan, rows: list[int]) -> None:
    """Keeps what a report says for the rows of usage that it answers."""
    named = [(match.work, match.title, match.relation, str(match.degree), match.spans) for match in scan.matches]
    matches = hashlib.sha256(repr(named).encode()).digest() if rows else b""
    for usage in rows:
        conn.execute(NOTE, (usage, scan.sha256, matches))
        conn.executemany(NAME, [(usage, place, *values) for place, values in enumerate(named)])


def _scan(text: str | None, style: bool) -> Scan:
    """What a line says. Raises ValueError with the reason why it cannot be used."""
    if text is None:
        raise ValueError("the line is longer than a report can be; it holds reports of byline scan --json, one a line")
    try:
        row = decoded(text.strip())
    except (ValueError, RecursionError):
        raise ValueError("the line is no JSON object, or was cut off; scan that output again") from None
    if not isinstance(row, dict) or not isinstance(row.get("output"), str) or not isinstance(row.get("matches"), list):
        raise ValueError("the line is no report of byline scan --json; scan that output again")
    matches = tuple(_named(match) for match in row["matches"] if not (isinstance(match, dict) and match.get("candidate")))
    if style:
        matches += _resembled(row, {match.work for match in matches})
    if len({match.work for match in matches}) < len(matches):
        raise ValueError(f'the report of output "{row["output"]}" names a work twice; scan that output again')
    return Scan(row["output"], str(row.get("sha256") or ""), matches, "error" in row)


def _named(match: object) -> Named:
    if not isinstance(match, dict) or not isinstance(match.get("work"), str):
        raise ValueError("a match names no work")
    degree = _number(match.get("degree"))
    if degree is None:
        raise ValueError(f'the degree of work "{match["work"]}" is no number')
    if not 0 <= degree <= 1:
        raise ValueError(f'the degree of work "{match["work"]}" is not between 0 and 1')
    if match.get("relation") not in RELATIONS:
        raise ValueError(f'the relation of work "{match["work"]}" is none of {", ".join(RELATIONS)}')
    segments = [s for s in match.get("segments", ()) if isinstance(s, dict)]
    spans = [{"part": str(s.get("part")), "output": s.get("output"), "work": s.get("work")} for s in segments]
    return Named(match["work"], str(match.get("title", "")), match["relation"], degree, as_json(spans))


def _number(value: object) -> Decimal | None:
    """The exact number that a value of JSON is, if it is one."""
    if isinstance(value, bool) or not isinstance(value, (int, _Digits)):
        return None
    return Decimal(value)


def _resembled(row: dict[str, object], named: set[str]) -> tuple[Named, ...]:
    """The nearest work by manner, unless the output holds it anyway."""
    found = row.get("resemblance", [])
    rows = [r for r in found if isinstance(r, dict) and r.get("rank") == 1] if isinstance(found, list) else []
    degree = row.get("unexplained", 0)
    near = [{"work": r.get("work"), "title": r.get("title", ""), "relation": "style", "degree": degree} for r in rows[:1]]
    return tuple(match for match in map(_named, near) if match.work not in named)
