"""A registry of people that lives in memory, reports and usage files, for the tests of residuals."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from registry.errors import UnknownWork
from registry.hits import Credited
from residuals.ledger import Ledger
from residuals.policy import Policy, load_policy
from residuals.settle import Inputs, Settlement, settle
from residuals.usage import import_usage

DATE = "2026-11-28"
PERIOD = "2026-11"


@dataclass
class FakePeople:
    """Works with credits, as residuals.people.People."""

    works: dict[str, list[Credited]] = field(default_factory=dict)
    owners: dict[str, tuple[str, ...]] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)

    def has_work(self, work_id: str) -> bool:
        return work_id in self.works

    def credited(self, work_id: str) -> tuple[Credited, ...]:
        if work_id not in self.works:
            raise UnknownWork(work_id)
        return tuple(self.works[work_id])

    def holders(self, work_id: str) -> tuple[str, ...]:
        return self.owners.get(work_id, ())

    def payee(self, key: str) -> tuple[str, str]:
        return next((c.name, c.person_state) for credits in self.works.values() for c in credits if c.person == key)

    def current_key(self, key: str) -> str:
        return self.merged.get(key, key)

    def revision(self) -> dict[str, str | int]:
        return {"id": "fake", "revision": 1}

    def move(self, person: str, state: str) -> None:
        """The person's state on all works."""
        for credits in self.works.values():
            credits[:] = [credit_with(c, person_state=state) if c.person == person else c for c in credits]


def credit_with(credit: Credited, **values: Any) -> Credited:
    return Credited(**{**credit.__dict__, **values})


def credited(
    person: str, role: str, state: str = "verified", credit_state: str = "claimed", share: str | None = None, guild: str = ""
) -> Credited:
    return Credited(
        f"guild:{person}", person.title(), role, None if share is None else Decimal(share), guild, state, credit_state
    )


def role_of(role: str) -> str:
    return role.split(",")[0].strip().casefold()


def report(output: str, *matches: tuple[str, str, str], sha256: str = "") -> dict[str, Any]:
    """A line of byline scan --json; matches are (work, relation, degree)."""
    return {
        "schema": 1, "output": output, "sha256": sha256 or "ab" * 32,
        "matches": [
            {"work": work, "title": work.title(), "relation": relation, "degree": "DEGREE" + degree, "score": 9,
             "segments": [{"part": "audio", "output": [0, 10], "work": [5, 15]}]}
            for work, relation, degree in matches
        ],
    }  # fmt: skip


def write_reports(path: Path, reports: list[dict[str, Any]]) -> Path:
    """Degrees are written as they are given, digit for digit."""
    text = "".join(json.dumps(row) + "\n" for row in reports)
    path.write_text(re.sub(r'"DEGREE([^"]*)"', r"\1", text), encoding="utf-8")
    return path


def write_usage(path: Path, rows: list[tuple[str, str, str]], pools: list[tuple[str, str, str]] = []) -> Path:  # noqa: B006
    """rows are (output, currency, revenue), pools (pool, currency, amount)."""
    lines = ["output_id,currency,revenue,period,pool,amount"]
    lines += [f"{output},{currency},{revenue},{PERIOD},," for output, currency, revenue in rows]
    lines += [f",{currency},,{PERIOD},{pool},{amount}" for pool, currency, amount in pools]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def policy_of(tmp_path: Path, text: str = "") -> Policy:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


def booked(
    ledger: Ledger,
    people: FakePeople,
    policy: Policy,
    folder: Path,
    reports: list[dict[str, Any]],
    usage: list[tuple[str, str, str]],
    pools: list[tuple[str, str, str]] = [],  # noqa: B006
    manifest: Path | None = None,
    name: str = "run",
    keep: bool = True,
) -> Settlement:
    """Imports the usage and settles it."""
    if usage or pools:
        done = import_usage(ledger, write_usage(folder / f"{name}-usage.csv", usage, pools), "Acme AI", DATE)
        assert not done.refused
    path = write_reports(folder / f"{name}-reports.jsonl", reports)
    return settle(ledger, people, policy, role_of, name, DATE, Inputs(PERIOD, path, manifest), keep)
