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
        for taken in take(read_credits([file], frozenset, Unmatched()), registry.file.writing, batch_rows):
            done += taken.accepted + taken.known
            print(done, flush=True)


def start(path: Path, file: Path, batch_rows: int) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "run", str(path), str(file), str(batch_rows)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def kill(path: Path, file: Path, batch_rows: int, after_s: float) -> tuple[bool, int]:
    """Starts an import and kills it so long after its first transaction; whether it was still at work, and how many rows it had
    told to be safe.
    """
    with start(path, file, batch_rows) as child:
        assert child.stdout is not None
        told = [child.stdout.readline()]
        time.sleep(after_s)
        child.kill()
        told += child.stdout.readlines()
    return child.returncode != 0, max((int(line) for line in told if line.endswith("\n")), default=0)


def finish(path: Path, file: Path, batch_rows: int) -> float:
    """An import that comes through; the seconds from its first transaction to its end."""
    with start(path, file, batch_rows) as child:
        assert child.stdout is not None
        child.stdout.readline()
        began = time.monotonic()
        child.stdout.read()
    assert child.returncode == 0
    return time.monotonic() - began


def compare(rows: int, times: int, batch_rows: int, seed: int = 5) -> tuple[int, int, int]:
    """Kills so many imports while they are at work. How many registries came out of it, how many imports lost something that had
    been safe, and how many registries differ from that of an undisturbed import.
    """
    moments, ended, lost, different = random.Random(seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        empty, calm, shaken, file = (Path(folder) / name for name in ("empty.db", "calm.db", "shaken.db", "credits.csv"))
        make_registry(empty, rows // 20)
        write_credits(file, rows)
        shutil.copyfile(empty, calm)
        whole_s, expected = finish(calm, file, batch_rows), contents(calm)
        while times:
            for leftover in Path(folder).glob("shaken.db*"):
                leftover.unlink()
            shutil.copyfile(empty, shaken)
            hit = True
            while times and hit:
                hit, safe = kill(shaken, file, batch_rows, moments.random() * whole_s)
                times -= hit
                with open_registry(shaken) as registry:
                    lost += registry.stats()["credits"] < safe
            finish(shaken, file, batch_rows)
            ended, different = ended + 1, different + (contents(shaken) != expected)
    return ended, lost, different


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    ended, lost, different = compare(10_000, times, 200)
    print(f"{times} imports stopped by SIGKILL while they were at work, {lost} lost a credit that was safe; "
          f"{ended} registries came out of it, {different} differ from that of an undisturbed import")  # fmt: skip
    sys.exit(1 if lost or different else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        one_import(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
