"""What a person got of each output and every number it was computed from, read from the ledger and computed again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Any

from residuals.ledger import Ledger
from residuals.money import apportion
from residuals.records import RunRow

PLACES = (
    "select work, place, kind, role, why from split where who = ? and run = ? and kind in ('payable', 'escrow', 'dispute') "
    "order by work, place"
)
WEIGHTS = "select weight from split where run = ? and work = ? order by place"
ATTRIBUTIONS = (
    "select id, pool, output, title, relation, degree, rate, microcents, spans from attribution "
    "where run = ? and work = ? order by id"
)
POOL = "select vendor, pool, period, currency, microcents, basis from pool where id = ?"
OUTPUT = "select output, sha256, revenue, microcents, unexplained from output where id = ?"
BEFORE = "select output, degree, rate, microcents from attribution where id < ? order by id desc"
AFTER = "select output, degree, rate, microcents from attribution where id >= ? order by id"
ALLOTTED = (
    "select u.revenue, a.microcents from usage u join allotted a on a.usage = u.id "
    "where vendor = ? and period = ? and currency = ?"
)
UNEXPLAINED = "select unexplained from output where pool = ?"


@dataclass(frozen=True)
class Pool:
    """Money that a run shared out. revenue: of all outputs among which a declared pool was divided; None where none was."""

    vendor: str
    kind: str
    period: str
    currency: str
    microcents: int
    basis: str
    revenue: int | None


@dataclass(frozen=True)
class Output:
    """One output's money, and how it went to the works in it: (degree, rate, microcents) each, the last what none explains."""

    name: str
    sha256: str
    revenue: int
    microcents: int
    parts: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class Line:
    """What one credit got of one output (of a pool that is shared equally: output is None, shared is what was divided).

    at: which of the output's parts is this work's; weights: of all places of the work's split, place is this credit's.
    """

    run: RunRow
    pool: Pool
    output: Output | None
    shared: int
    at: int
    work: str
    title: str
    role: str
    relation: str
    degree: str
    rate: str
    work_microcents: int
    spans: tuple[dict[str, Any], ...]
    weights: tuple[int, ...]
    place: int
    kind: str
    why: str
    microcents: int


class Lines:
    """Reads lines from a ledger; pools that many lines share are kept at hand."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.conn = ledger, ledger.conn
        self._pool = lru_cache(1 << 10)(self._read_pool)
        self._left = lru_cache(1 << 10)(self._read_left)

    def of(self, person: str, run: RunRow) -> Iterator[Line]:
        """The lines of a person in one run, by work, credit and output."""
        for work, place, kind, role, why in self.conn.execute(PLACES, (person, run.id)).fetchall():
            weights = tuple(int(row[0]) for row in self.conn.execute(WEIGHTS, (run.id, work)))
            for row in self.conn.execute(ATTRIBUTIONS, (run.id, work)):
                yield self._line(run, work, place, kind, role, why, weights, row)

    def _line(
        self, run: RunRow, work: str, place: int, kind: str, role: str, why: str, weights: tuple[int, ...], row: tuple[Any, ...]
    ) -> Line:
        number, pool, output, title, relation, degree, rate, microcents, spans = row
        about, at = self._read_output(output, number) if output is not None else (None, 0)
        of = self._pool(pool)
        shared = 0 if about else (of.microcents if of.kind == "training" else self._left(pool))
        return Line(
            run, of, about, shared, at, work, title, role, relation, degree, rate, microcents, tuple(json.loads(spans)),
            weights, place, kind, why, apportion(microcents, weights)[place],
        )  # fmt: skip

    def _read_pool(self, number: int) -> Pool:
        vendor, kind, period, currency, microcents, basis = self.conn.execute(POOL, (number,)).fetchone()
        revenue = divided_revenue(self.conn, vendor, period, currency) if basis.startswith("pool ") else None
        return Pool(vendor, kind, period, currency, microcents, basis, revenue)

    def _read_output(self, number: int, attribution: int) -> tuple[Output, int]:
        """The output of an attribution with its parts, which were noted one after another; which of them it is."""
        name, sha256, revenue, microcents, unexplained = self.conn.execute(OUTPUT, (number,)).fetchone()
        before = self._while_of(BEFORE, number, attribution)[::-1]
        parts = (*before, *self._while_of(AFTER, number, attribution), ("", "", unexplained))
        return Output(name, sha256, revenue, microcents, parts), len(before)

    def _while_of(self, query: str, output: int, attribution: int) -> list[tuple[str, str, int]]:
        rows = takewhile(lambda row: row[0] == output, self.conn.execute(query, (attribution,)))
        return [(degree, rate, microcents) for _, degree, rate, microcents in rows]

    def _read_left(self, pool: int) -> int:
        """What no work explained of a pool: that was divided equally."""
        return sum(row[0] for row in self.conn.execute(UNEXPLAINED, (pool,)))


class LinesOf:
    """A person's lines over some runs, read anew each time they are asked for, so that a million of them need no memory."""

    def __init__(self, lines: Lines, person: str, runs: Sequence[RunRow]) -> None:
        self._lines, self._person, self._runs = lines, person, runs

    def __iter__(self) -> Iterator[Line]:
        for run in self._runs:
            yield from self._lines.of(self._person, run)


def divided_revenue(conn: sqlite3.Connection, vendor: str, period: str, currency: str) -> int:
    """The revenue of all outputs among which a declared pool was divided; what was reported after that got nothing of it."""
    rows = conn.execute(ALLOTTED, (vendor, period, currency)).fetchall()
    total, pool = sum(revenue for revenue, _ in rows), sum(part for _, part in rows)
    return sum(revenue for revenue, part in rows if part or revenue * pool < total)
