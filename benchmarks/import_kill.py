"""Imports of credits killed at random moments, until one comes through; the registry must equal an undisturbed one.

    python benchmarks/import_kill.py [TIMES]

`python benchmarks/import_kill.py run REGISTRY FILE BATCH_ROWS` is one import, with so many rows in a transaction.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.import_speed import make_registry, write_credits  # noqa: E402
from registry.imports import take  # noqa: E402
from registry.imports_files import Unmatched, read_credits  # noqa: E402
from registry.store import open_registry  # noqa: E402

TABLES = ("person", "identifier", "person_name", "credit", "person_merge", "work_identifier")


def contents(path: Path) -> list[object]:
    """All that an import writes, and what `check` finds."""
    with open_registry(path) as registry:
        findings = registry.check()
    with sqlite3.connect(path) as conn:
        rows = [conn.execute(f"select * from {name} order by 1, 2").fetchall() for name in TABLES]  # noqa: S608
    conn.close()
    return [findings, *rows]


def one_import(path: Path, file: Path, batch_rows: int) -> None:
    """Imports, and says how many rows are safe after each transaction."""
    with open_registry(path, write=True, wait=True) as registry:
        done = 0
        for taken in take(read_credits([file], frozenset, Unmatched()), registry._writing, batch_rows):
            done += taken.accepted + taken.known
            print(done, flush=True)


def start(path: Path, file: Path, batch_rows: int) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "run", str(path), str(file), str(batch_rows)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def killed(path: Path, file: Path, times: int, batch_rows: int, seed: int = 5) -> tuple[int, int]:
    """Kills so many imports into the registry at random moments, then lets one end; how many were killed while they wrote, and
    in how many a credit that had been told to be safe was not there.
    """
    moments, hit, lost = random.Random(seed), 0, 0
    for _ in range(times):
        with start(path, file, batch_rows) as child:
            assert child.stdout is not None
            told = [child.stdout.readline()]  # it has begun
            time.sleep(moments.random() * 0.4)
            child.kill()
            told += child.stdout.readlines()
        safe = max((int(line) for line in told if line.endswith("\n")), default=0)
        hit += child.returncode != 0
        with open_registry(path) as registry:
            lost += registry.stats()["credits"] < safe
    with start(path, file, batch_rows) as child:
        child.communicate()
    assert child.returncode == 0
    return hit, lost


def compare(rows: int, times: int, batch_rows: int) -> tuple[int, int, bool]:
    """How many imports were killed while they wrote, how many lost what was safe, whether the end is that of one undisturbed."""
    with tempfile.TemporaryDirectory() as folder:
        calm, shaken, file = (Path(folder) / name for name in ("calm.db", "shaken.db", "credits.csv"))
        make_registry(calm, rows // 20)
        write_credits(file, rows)
        shutil.copyfile(calm, shaken)
        one_import(calm, file, batch_rows)
        hit, lost = killed(shaken, file, times, batch_rows)
        return hit, lost, contents(calm) == contents(shaken)


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    hit, lost, equal = compare(40_000, times, 200)
    print(f"{times} imports stopped by SIGKILL, {hit} of them while they wrote; {lost} lost a credit that was safe; "
          f"the registry {'equals' if equal else 'DIFFERS FROM'} that of an undisturbed import, row for row")  # fmt: skip
    sys.exit(0 if equal and not lost else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        one_import(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
