"""An import of credits: rows a second, peak memory and bytes of a file with a million rows, the first time and again.

    python benchmarks/import_speed.py [ROWS]

Half of the humans have an identifier, and stand on twenty works each; half are known by name alone.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fingerprint.features import Media, Part  # noqa: E402
from registry.store import open_registry  # noqa: E402
from registry.works import Entry  # noqa: E402

ROLES = (
    "director",
    "camera operator",
    "costume designer",
    "sound mixer",
    "gaffer",
    "grip",
    "editor",
    "composer",
    "dresser",
    "actor",
)
CREDITS_PER_WORK = 20


def make_registry(path: Path, works: int) -> None:
    """A registry with works that have nothing but an id."""
    with open_registry(path, create=True) as registry:
        for start in range(0, works, 5000):
            numbers = range(start, min(start + 5000, works))
            registry.add(
                [Entry(f"w{i}", f"Work {i}", "audio", Media("audio", f"{i:064x}", (Part("audio", (1.0,), ()),))) for i in numbers]
            )


def write_credits(path: Path, rows: int) -> None:
    """A file of that many credits, the same every time."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("work_id", "name", "role", "identifier", "share", "guild"))
        people = rows // CREDITS_PER_WORK
        for i in range(rows):
            work, place = divmod(i, CREDITS_PER_WORK)
            human = (work * 7919 + place * 104729) % max(1, people)
            known = f"guild:{human}" if place % 2 else ""
            table.writerow((f"w{work}", f"Human {human}", ROLES[place % 10], known, "", "G" if place % 2 else ""))


def main() -> None:
    from benchmarks.desk_speed import run  # brings libraries that an import of credits does not need

    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        registry, credits = Path(folder) / "r.db", Path(folder) / "credits.csv"
        make_registry(registry, -(-rows // CREDITS_PER_WORK))
        write_credits(credits, rows)
        before = registry.stat().st_size
        for what in ("first", "again"):
            began = time.perf_counter()
            _, cpu, peak = run("people", "import", "--registry", str(registry), str(credits))
            wall = time.perf_counter() - began
            grown = registry.stat().st_size - before
            print(f"{what}: {rows:,} rows in {cpu:.0f} CPU s ({rows / cpu:,.0f} rows/CPU s), {wall:.0f} s by the clock, "
                  f"peak {peak:.0f} MB, {grown:,} bytes more in the registry ({grown / rows:.0f} a row)", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
