"""A settlement at scale: outputs with one work each, twenty credits a work, from usage file and reports to the ledger.

    python benchmarks/residuals_speed.py [--outputs 1000000] [--works 50000] [--people 50000]

The result goes to benchmarks/results/residuals-speed.json. Told are shares (one
credit's part of one output's money) per CPU second, transfers, peak memory, bytes, and what verifying takes.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from registry.hits import Credited
from residuals.ledger import Ledger
from residuals.policy import load_policy
from residuals.settle import Inputs, settle
from residuals.usage import import_usage

RESULT = Path(__file__).with_name("results") / "residuals-speed.json"
CREDITS = 20
ROLES = (
    "director", "screenwriter", "cinematographer", "editor", "production designer", "costume designer", "camera operator",
    "camera operator", "sound mixer", "gaffer", "key grip", "composer", "session player", "session player", "session player",
    "colourist", "actor", "actor", "actor", "actor",
)  # fmt: skip
STATES = ("verified", "verified", "verified", "claimed")


class Crew:
    """A registry in which every work has twenty credits, three of four people verified."""

    def __init__(self, works: int, people: int) -> None:
        self.works, self.people = works, people

    def has_work(self, work_id: str) -> bool:
        return 0 <= int(work_id[1:]) < self.works

    def credited(self, work_id: str) -> tuple[Credited, ...]:
        first = int(work_id[1:]) * 7
        rows = []
        for place, role in enumerate(ROLES):
            person = (first + place * 131) % self.people
            share = Decimal("0.1") if place == 0 and first % 5 == 0 else None
            rows.append(Credited(f"guild:{person}", f"Person {person}", role, share, "", STATES[person % 4], "claimed"))
        return tuple(rows)

    def holders(self, work_id: str) -> tuple[str, ...]:
        return ()

    def payee(self, key: str) -> tuple[str, str]:
        return key, "verified"

    def current_key(self, key: str) -> str:
        return key

    def revision(self) -> dict[str, str | int]:
        return {"id": "made up", "revision": 1}


def write_inputs(folder: Path, outputs: int, works: int) -> tuple[Path, Path]:
    """A usage file and reports, as a night would leave them."""
    usage, reports = folder / "usage.csv", folder / "reports.jsonl"
    with usage.open("w", encoding="utf-8") as u, reports.open("w", encoding="utf-8") as r:
        u.write("output_id,currency,revenue,period\n")
        for i in range(outputs):
            u.write(f"o{i}.mp4,EUR,{1 + i % 97}.{i % 100:02d},2026-11\n")
            segment = {"part": "film", "output": [0.0, 7.5], "work": [12.0, 19.5], "scale": 1.0, "score": 9.1, "scheme": "x"}
            match = {"work": f"w{i * 7919 % works}", "title": "A Film", "medium": "film", "relation": "copy", "score": 9.1,
                     "degree": 0.1 + (i % 90) / 100, "segments": [segment]}  # fmt: skip
            r.write(json.dumps({"schema": 1, "output": f"night/o{i}.mp4", "sha256": f"{i:064x}", "matches": [match]}) + "\n")
    return usage, reports


def timed(results: dict[str, object], name: str, started: float) -> float:
    now = time.process_time()
    results[f"{name}_cpu_s"] = round(now - started, 2)
    print(f"{name}: {now - started:.1f} CPU s", flush=True)
    return now


def main() -> None:
    """Measures and keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outputs", type=int, default=100_000)
    parser.add_argument("--works", type=int, default=50_000)
    parser.add_argument("--people", type=int, default=50_000)
    given = parser.parse_args()
    results: dict[str, object] = vars(given) | {"credits_a_work": CREDITS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        usage, reports = write_inputs(folder, given.outputs, given.works)
        with Ledger.open(folder / "ledger.db", write=True, create=True) as ledger:
            at = time.process_time()
            import_usage(ledger, usage, "Acme AI", "2026-11-30")
            at = timed(results, "usage_import", at)
            crew = Crew(given.works, given.people)
            done = settle(ledger, crew, load_policy(None), str, "run", "2026-11-30", Inputs("2026-11", reports))
            at = timed(results, "settle", at)
            assert ledger.verify() == ""
            timed(results, "verify", at)
            assert sum(microcents for _, microcents in ledger.balances()) == 0
        shares = done.outputs * CREDITS
        spent = results["settle_cpu_s"]
        assert isinstance(spent, float)
        results |= {
            "shares": shares, "shares_per_cpu_s": round(shares / spent), "transfers": done.transfers,
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "ledger_bytes": (folder / "ledger.db").stat().st_size,
        }  # fmt: skip
    print(json.dumps(results, indent=1), flush=True)
    RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
