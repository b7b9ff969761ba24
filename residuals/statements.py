"""Statements: what one person was credited with, and why, what waits, what was withheld and paid, and what is carried.

A statement covers a run or a period. For each account: brought forward + lines + movements = balance at the end of what is
covered; lines are computed again from their basis and compared with what was booked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date as calendar
from typing import Any

from residuals.errors import LedgerError
from residuals.ledger import Ledger
from residuals.records import Account, RunRow
from residuals.sent import payments
from residuals.statement_lines import Lines, LinesOf

KINDS = ("payable", "escrow", "dispute")
BY_DATE = ("release", "payout", "return")  # runs of no settled period: they count for the period in which they were booked
ACCOUNTS = "select id, kind, who, work, currency from account where kind in ('payable', 'escrow', 'dispute') and who <> ''"
TRANSFERS = "select run, debit, credit, microcents, place, reason, work from transfer where run <= ?"
OF_PERSON = " and (debit in (select id from account where who = ?) or credit in (select id from account where who = ?))"
NAMES = "select who, name from split where run = ? and kind in ('payable', 'escrow', 'dispute') and who <> ''"
REASONS = {
    "payable": "",
    "escrow": "waits until the person, or the credit, is verified",
    "dispute": "waits until the dispute about the credit has ended",
}


@dataclass(frozen=True)
class Scope:
    """What a statement covers: the runs, in order of booking, and how to call them."""

    run: str
    period: str
    runs: tuple[RunRow, ...]

    @property
    def last(self) -> int:
        """The number of the last run: balances are as of its end."""
        return self.runs[-1].id


@dataclass(frozen=True)
class Movement:
    """What changed an account other than lines: released, paid, withheld, returned, reversed. microcents may be negative."""

    date: str
    run: str
    kind: str
    reason: str
    work: str
    microcents: int


@dataclass
class Standing:
    """One account over the scope. since: when its balance last rose from nothing."""

    account: Account
    balance: int = 0
    since: str = ""
    booked: int = 0
    lines: int = 0
    movements: list[Movement] = field(default_factory=list)

    @property
    def brought_forward(self) -> int:
        """The balance before the first run that is covered, and from runs in between that are not."""
        return self.balance - self.booked - sum(m.microcents for m in self.movements)


@dataclass(frozen=True)
class Statement:
    """All that is said to one person. name: as credited; lines are `count` many; payments: as in sent.payments."""

    person: str
    name: str
    scope: Scope
    lines: LinesOf
    count: int
    standings: Sequence[Standing]
    payments: Sequence[Mapping[str, Any]]
    head: str


def scope_of(ledger: Ledger, run: str = "", period: str = "") -> Scope:
    """The runs of that name, or of that period, or all. Raises LedgerError when there are none."""
    runs = tuple(r for r in ledger.runs() if (not run or r.run == run) and (not period or _within(r, period)))
    if not runs:
        what = f'no run "{run[:40]}"' if run else f"nothing in period {period[:20]}" if period else "nothing"
        raise LedgerError(f"{ledger.path}: there is {what} in this ledger; byline residuals runs lists what there is")
    return Scope(run, period, runs)


def _within(run: RunRow, period: str) -> bool:
    return run.period == period or (run.kind in BY_DATE and within(run.date, period))


def within(day: str, period: str) -> bool:
    """Whether a day lies in a period like 2026, 2026-Q4, 2026-11 or 2026-11-28."""
    if "Q" in period:
        return period == f"{day[:4]}-Q{(calendar.fromisoformat(day).month + 2) // 3}"
    return day == period or day.startswith(f"{period}-")


class Books:
    """A ledger read once over a scope, for one person or all; gives their statements."""

    def __init__(self, ledger: Ledger, scope: Scope, person: str = "") -> None:
        self.ledger, self.scope, self.head = ledger, scope, ledger.head()
        self._lines = Lines(ledger)
        self._runs = {run.id: run for run in scope.runs}
        self._names: dict[str, str] = {}
        for run in scope.runs:
            self._names.update(ledger.conn.execute(NAMES, (run.id,)))
        self._standings: dict[str, list[Standing]] = defaultdict(list)
        for standing in _standings(ledger, scope, self._runs, person):
            self._standings[standing.account.who].append(standing)

    def people(self) -> list[str]:
        """Everybody with a line or a movement in the scope, by key; for a period also who only has a balance carried."""
        carried = not self.scope.run
        active = (who for who, found in self._standings.items() if any(s.movements or (carried and s.balance) for s in found))
        return sorted({*self._names, *active})

    def statement(self, person: str) -> Statement:
        """The statement of one person. Raises LedgerError for somebody who has none, and when the books contradict themselves."""
        standings = sorted(
            self._standings.get(person, []), key=lambda s: (s.account.currency, KINDS.index(s.account.kind), s.account.work)
        )
        lines = LinesOf(self._lines, person, [run for run in self.scope.runs if run.kind == "settle"])
        count = self._check(lines, standings)
        if not count and not standings:
            raise LedgerError(
                f"{self.ledger.path}: nothing was ever credited to {person[:80]}; byline ledger balances lists the keys"
            )
        shown = [s for s in standings if s.balance or s.booked or s.movements or s.account.kind == "payable"]
        paid = [
            row
            for row in payments(self.ledger, person=person)
            if row["run"] in {r.run for r in self.scope.runs} or _came_back(row, self.scope)
        ]
        return Statement(person, self._name(person), self.scope, lines, count, shown, paid, self.head)

    def _name(self, person: str) -> str:
        if person in self._names:
            return self._names[person]
        row = self.ledger.conn.execute("select name from split where who = ? order by run desc limit 1", (person,)).fetchone()
        return str(row[0]) if row else person

    def _check(self, lines: LinesOf, standings: Sequence[Standing]) -> int:
        """How many lines there are. What is printed must be what was booked."""
        sums: dict[tuple[str, str, str], int] = defaultdict(int)
        count = 0
        for count, line in enumerate(lines, 1):  # noqa: B007 - counted
            sums[line.kind, line.work if line.kind != "payable" else "", line.pool.currency] += line.microcents
        booked = {(s.account.kind, s.account.work, s.account.currency): s.booked for s in standings if s.booked}
        if booked != {key: total for key, total in sums.items() if total}:
            raise LedgerError(
                f"{self.ledger.path}: what was booked is not what the outputs, degrees and weights kept in the ledger say; "
                "byline ledger verify names what was changed"
            )
        return count


def _came_back(row: Mapping[str, Any], scope: Scope) -> bool:
    return any(run.kind == "return" and run.run == f"{row['payment']}-returned" for run in scope.runs)


def _standings(ledger: Ledger, scope: Scope, runs: Mapping[int, RunRow], person: str) -> Iterator[Standing]:
    """Every account of people as of the end of the scope, from one pass over the transfers until then."""
    accounts = {
        number: Standing(Account(*account))
        for number, *account in ledger.conn.execute(ACCOUNTS + (" and who = ?" if person else ""), (person,) if person else ())
    }
    dates = {run.id: run.date for run in ledger.runs()}
    query = TRANSFERS + (OF_PERSON if person else "") + " order by id"
    for number, debit, credit, microcents, place, reason, work in ledger.conn.execute(
        query, (scope.last, *((person, person) if person else ()))
    ):
        for account, change in ((debit, -microcents), (credit, microcents)):
            standing = accounts.get(account)
            if standing is None:
                continue
            if not standing.balance:
                standing.since = dates[number]
            standing.balance += change
            run = runs.get(number)
            if run is None:
                continue
            if run.kind == "settle" and place is not None:
                standing.booked += change
            else:
                standing.movements.append(Movement(run.date, run.run, run.kind, reason, work, change))
    yield from accounts.values()


def keys_of(ledger: Ledger, who: str) -> list[str]:
    """The keys of the people that a key or a name means, as credited; empty when nobody is."""
    if ledger.conn.execute(
        "select 1 from account where who = ?1 and kind in ('payable', 'escrow', 'dispute')", (who,)
    ).fetchone():
        return [who]
    rows = ledger.conn.execute(
        "select distinct who from split where (who = ?1 or name = ?1) and kind in ('payable', 'escrow', 'dispute') order by who",
        (who,),
    )
    return [row[0] for row in rows if row[0]]
