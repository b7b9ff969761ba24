"""A run under way: its transfers and what they rest on, written in batches inside one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence

from residuals.chain import START, TransferRow, content_hash, run_hash, transfer_hash
from residuals.errors import MoneyError
from residuals.money import checked, format_amount
from residuals.records import Account, Place

BATCH = 5_000
TRANSFER = (
    "insert into transfer (id, run, debit, credit, microcents, pool, place, work, reason, hash) "
    "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
ATTRIBUTION = (
    "insert into attribution (id, run, pool, output, work, title, relation, degree, rate, microcents, spans) "
    "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
OUTPUT = "insert into output (id, run, pool, output, sha256, revenue, microcents, unexplained) values (?, ?, ?, ?, ?, ?, ?, ?)"
POOL = "insert into pool (id, run, vendor, pool, period, currency, microcents, basis) values (?, ?, ?, ?, ?, ?, ?, ?)"
SPLIT = "insert into split (run, work, place, kind, who, name, role, weight, why) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
SETTLED = "insert into settled (kind, row, run) values (?, ?, ?)"
ACCOUNT = "select id from account where kind = ? and who = ? and work = ? and currency = ?"


class Run:
    """What one run books. Made by Ledger.run; `finish` is called there."""

    def __init__(self, conn: sqlite3.Connection, name: str, kind: str, period: str, date: str, detail: dict[str, object]) -> None:
        self.conn, self.name, self.kind, self.period, self.date, self.detail = conn, name, kind, period, date, detail
        self.id = self._next("run")
        self.first = self._transfer = self._next("transfer")
        self._pool, self._output, self._attribution = self._next("pool"), self._next("output"), self._next("attribution")
        self._first_account = self._next("account")
        self._accounts: dict[Account, int] = {}
        self._currency: dict[int, str] = {}
        self._changes: dict[int, int] = defaultdict(int)
        self._outputs: list[tuple[object, ...]] = []
        self._attributions: list[tuple[object, ...]] = []
        self._transfers: list[tuple[object, ...]] = []
        self._settled: list[tuple[object, ...]] = []
        self._settles = False
        conn.execute("insert into run (id, run, kind, period, date) values (?, ?, ?, ?, ?)", (self.id, name, kind, period, date))
        last = conn.execute("select hash from transfer order by id desc limit 1").fetchone()
        self._last: bytes = last[0] if last else START

    def _next(self, table: str) -> int:
        return int(self.conn.execute(f"select coalesce(max(id), 0) + 1 from {table}").fetchone()[0])  # noqa: S608 - our own names

    def account(self, account: Account) -> int:
        """The number of an account, which is made when it is new."""
        number = self._accounts.get(account)
        if number is None:
            values = (account.kind, account.who, account.work, account.currency)
            row = self.conn.execute(ACCOUNT, values).fetchone()
            if row is None:
                self.conn.execute("insert into account (kind, who, work, currency) values (?, ?, ?, ?)", values)
                row = self.conn.execute(ACCOUNT, values).fetchone()
            number = self._accounts[account] = int(row[0])
            self._currency[number] = account.currency
        return number

    def post(
        self,
        debit: int,
        credit: int,
        microcents: int,
        reason: str,
        work: str = "",
        pool: int | None = None,
        place: int | None = None,
    ) -> None:
        """Moves an amount above 0 from one account (by its number) to another; work, pool and place name the split it is of."""
        if microcents <= 0:
            raise MoneyError(f"{format_amount(microcents)} cannot be booked; a transfer moves more than nothing")
        if self._of(debit) != self._of(credit):
            raise MoneyError(f"{self._of(debit)} cannot be booked to an account in {self._of(credit)}")
        row: TransferRow = (self._transfer, self.id, debit, credit, checked(microcents), pool, place, work, reason)
        self._last = transfer_hash(self._last, row)
        self._transfers.append((*row, self._last))
        self._transfer += 1
        self._changes[debit] -= microcents
        self._changes[credit] += microcents
        if len(self._transfers) >= BATCH:
            self._write()

    def _of(self, account: int) -> str:
        """The currency of an account."""
        if account not in self._currency:
            row = self.conn.execute("select currency from account where id = ?", (account,)).fetchone()
            self._currency[account] = str(row[0])
        return self._currency[account]

    @property
    def transfers(self) -> int:
        """How many transfers the run has."""
        return self._transfer - self.first

    @property
    def is_empty(self) -> bool:
        """Whether the run moves nothing and settles nothing."""
        return not self.transfers and not self._settles

    def change(self, account: int) -> int:
        """By how much the run has changed an account so far."""
        return self._changes.get(account, 0)

    def pool(self, vendor: str, pool: str, period: str, currency: str, microcents: int, basis: str) -> int:
        """Notes money that is shared out; its number."""
        number, self._pool = self._pool, self._pool + 1
        self.conn.execute(POOL, (number, self.id, vendor, pool, period, currency, checked(microcents), basis))
        return number

    def output(self, pool: int, output: str, sha256: str, revenue: int, microcents: int, unexplained: int) -> int:
        """Notes the money of one output; its number."""
        number, self._output = self._output, self._output + 1
        self._outputs.append((number, self.id, pool, output, sha256, revenue, microcents, unexplained))
        return number

    def attribution(
        self,
        pool: int,
        output: int | None,
        work: str,
        title: str,
        relation: str,
        degree: str,
        rate: str,
        microcents: int,
        spans: str,
    ) -> None:
        """Notes what a work got of an output's money, or of a pool."""
        if len(self._attributions) >= BATCH:
            self._write()
        self._attributions.append(
            (self._attribution, self.id, pool, output, work, title, relation, degree, rate, microcents, spans)
        )
        self._attribution += 1

    def attributed(self) -> Iterator[tuple[str, int, int]]:
        """(work, pool, microcents) of all that was noted, by work, then pool, then in the order in which it was noted."""
        self._write()
        yield from self.conn.execute(
            "select work, pool, microcents from attribution where run = ? order by work, pool, id", (self.id,)
        )

    def split(self, work: str, places: Sequence[Place]) -> None:
        """Notes by which weights this run splits the money of a work; once for each work."""
        rows = [
            (self.id, work, i, place.kind, place.who, place.name, place.role, str(place.weight), place.why)
            for i, place in enumerate(places)
        ]
        self.conn.executemany(SPLIT, rows)

    def settle(self, kind: str, row: int) -> None:
        """Notes that a row of usage, or a declared pool, is settled: there is no second time."""
        self._settled.append((kind, row, self.id))
        self._settles = True

    def reverse(self, run: int) -> None:
        """Notes that another run is undone by this one: what it settled is open again."""
        self.conn.execute("insert into reversed (run, by) values (?, ?)", (run, self.id))
        self._settles = True

    def _write(self) -> None:
        self.conn.executemany(OUTPUT, self._outputs)
        self.conn.executemany(ATTRIBUTION, self._attributions)
        self.conn.executemany(TRANSFER, self._transfers)
        self.conn.executemany(SETTLED, self._settled)
        self._outputs.clear()
        self._attributions.clear()
        self._transfers.clear()
        self._settled.clear()

    def finish(self) -> None:
        """Writes what is left, the balances, and the run's own row with its hashes."""
        self._write()
        for account, change in sorted(self._changes.items()):
            row = self.conn.execute("select microcents from balance where account = ?", (account,)).fetchone()
            total = str((int(row[0]) if row else 0) + change)
            self.conn.execute(
                "insert into balance (account, microcents) values (?, ?) on conflict (account) do update set microcents = ?",
                (account, total, total),
            )
        accounts = (self._first_account, self._next("account") - 1)
        detail = json.dumps({**self.detail, "accounts": accounts}, sort_keys=True, separators=(",", ":"))
        content = content_hash(self.conn, self.id, accounts)
        before = self.conn.execute("select hash from seal order by run desc limit 1").fetchone()
        transfers = (self.first, self._transfer - self.first)
        columns = (self.id, self.name, self.kind, self.period, self.date, detail, *transfers)
        self.hash = run_hash(before[0] if before else START, self._last, content, columns)
        self.conn.execute(
            "insert into seal (run, detail, first_transfer, transfers, content, hash) values (?, ?, ?, ?, ?, ?)",
            (self.id, detail, *transfers, content, self.hash),
        )
