"""A settlement: usage and scan reports in, transfers out, by one policy. Vendors' money becomes works', then people's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from registry.tables import Refusal
from residuals.errors import LedgerError
from residuals.ledger import Ledger
from residuals.ledger_schema import USAGE_IS_SETTLED
from residuals.manifest import registered_in
from residuals.money import apportion
from residuals.people import People
from residuals.policy import Policy
from residuals.scans import join
from residuals.sharing import Sharing
from residuals.usage import file_hash

FIRST = 20
POOLS = "select vendor, currency, microcents from usage_pool where period = ? and pool = 'output' order by id"
ROWS = "select id, revenue from usage where vendor = ? and period = ? and currency = ? order by output"
ALLOTTED = "select count(*) from allotted a join usage u on u.id = a.usage where vendor = ? and period = ? and currency = ?"


@dataclass
class Settlement:
    """What a run did: outputs and works, money by (kind of account, currency), and what stayed open and why.

    booked: whether it stands in the ledger now; not after a preview, nor when there was nothing to settle.
    """

    run: str
    outputs: int = 0
    works: int = 0
    transfers: int = 0
    money: Counter[tuple[str, str]] = field(default_factory=Counter)
    unanswered: int = 0
    unanswered_first: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    head: str = ""
    booked: bool = False


@dataclass(frozen=True)
class Inputs:
    """What is settled: a period's usage, with lines of `byline scan --json` and the works that went into training."""

    period: str
    reports: Path | None = None
    manifest: Path | None = None


def settle(
    ledger: Ledger,
    registry: People,
    policy: Policy,
    role_of: Callable[[str], str],
    name: str,
    date: str,
    inputs: Inputs,
    keep: bool = True,
    step: Callable[[int], None] = lambda done: None,
) -> Settlement:
    """Settles what is open of a period, all of it or nothing; with keep False nothing is written.

    Raises RunDone for a run booked before, other BylineErrors for files that cannot be used at all.
    """
    if policy.unexplained == "equal" and not inputs.manifest:
        told = 'the policy shares what no work explains among the works of a training manifest (unexplained = "equal")'
        raise LedgerError(f"{told}; give it with --manifest")
    done = Settlement(name)
    detail: dict[str, object] = {
        "policy": policy.name,
        "policy_sha256": policy.sha256,
        "registry": registry.revision(),
        "reports_sha256": file_hash(inputs.reports) if inputs.reports else "",
        "manifest_sha256": file_hash(inputs.manifest) if inputs.manifest else "",
    }
    with ledger.run(name, "settle", inputs.period, date, detail, keep) as run:
        known = lru_cache(1 << 16)(registry.has_work)
        works = registered_in(ledger.conn, registry, inputs.manifest, done.refused) if inputs.manifest else 0
        sharing = Sharing(run, registry, policy, role_of, works)
        if inputs.reports:
            done.refused += join(ledger.conn, inputs.reports, inputs.period, known, policy.relations["style"] > 0)
            _allot(ledger, inputs.period)
            done.outputs = sharing.outputs(step)
        sharing.training(bool(inputs.manifest))
        done.works = sharing.humans(step)
        done.money = sharing.money
        _note_open(ledger, inputs.period, done)
    done.transfers, done.head, done.booked = run.transfers, ledger.head(), keep and not run.is_empty
    return done


def _allot(ledger: Ledger, period: str) -> None:
    """Fixes which part of a declared output pool each output has, by revenue, when the pool is shared for the first time.

    Outputs that are reported after that get nothing of it: it has been divided.
    """
    for vendor, currency, total in ledger.conn.execute(POOLS, (period,)).fetchall():
        rows = ledger.conn.execute(ROWS, (vendor, period, currency)).fetchall()
        if not rows:
            continue
        shared = ledger.conn.execute(ALLOTTED, (vendor, period, currency)).fetchone()[0]
        revenues = [revenue for _, revenue in rows]
        parts = [0] * len(rows) if shared else apportion(total, revenues if any(revenues) else [1] * len(rows))
        pairs = ((number, part) for (number, _), part in zip(rows, parts, strict=True))
        ledger.conn.executemany("insert or ignore into allotted (usage, microcents) values (?, ?)", pairs)


def _note_open(ledger: Ledger, period: str, done: Settlement) -> None:
    """Outputs of the period that stay open, because no report answers them."""
    count = f"select count(*) from usage u where period = ? and not {USAGE_IS_SETTLED}"  # noqa: S608 - our own text
    first = f"select output from usage u where period = ? and not {USAGE_IS_SETTLED} order by id limit ?"  # noqa: S608 - our own text
    done.unanswered = ledger.conn.execute(count, (period,)).fetchone()[0]
    done.unanswered_first = [row[0] for row in ledger.conn.execute(first, (period, FIRST))]
