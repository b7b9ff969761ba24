"""How postings are stored and searched, beside the plain way in SQLite: `make bench`, `make bench-large` for 50 M.

Both sides of every row run here, one after the other, on one core, in CPU time, median of REPEATS; the hits must be equal.
The plain way is a row table `posting (key, id, position) without rowid` with a prepared statement for each key.
The result goes to benchmarks/results/postings-SIZE.json with date and commit.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import postings_others, postings_plain  # noqa: E402
from benchmarks.postings_data import BENCH, PER_WORK, SCHEMES, Data, entry_of, make_data  # noqa: E402
from fingerprint.hashing import Int64  # noqa: E402
from registry import memory, postings  # noqa: E402
from registry.hits import Hits  # noqa: E402
from registry.merge import write_blocks  # noqa: E402
from registry.packing import Postings, exact_layout  # noqa: E402
from registry.store import Registry, open_registry  # noqa: E402

REPEATS = 5
PIECE = 1 << 18
RESULTS = Path(__file__).with_name("results")


def cpu(action: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of this process, and what came out."""
    start = time.process_time()
    result = action()
    return time.process_time() - start, result


def median_cpu(action: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Median CPU seconds; the first run, which warms the caches, does not count."""
    action()
    return statistics.median(cpu(action)[0] for _ in range(repeats))


def bytes_written(action: Callable[[], Any]) -> int:
    """Bytes that this process hands to the system while it acts."""

    def written() -> int:
        lines = Path("/proc/self/io").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("wchar")))

    start = written()
    action()
    return written() - start


class Table:
    """The rows of the result."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, check: str, bar: str, passed: bool | None, **figures: float | str) -> None:
        """One check: passed None means that it has no bar."""
        told = {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in figures.items()}
        self.rows.append({"check": check, "bar": bar, "passed": passed, **told})
        mark = {True: "ok  ", False: "MISS", None: "    "}[passed]
        print(mark, check, f"[{bar}]", ", ".join(f"{k} {v}" for k, v in told.items()), flush=True)


def load_ours(path: Path, data: Data, pieces: int = 1) -> float:
    """Loads presorted postings as that many segments, of as many stretches of works; gives CPU seconds."""
    spent = 0.0
    with open_registry(path, create=True, schemes=SCHEMES) as registry:
        _insert_works(registry, data.works)
        for runs in data.pieces(pieces):
            spent += cpu(lambda runs=runs: _load_segment(registry, runs))[0]
        spent += cpu(lambda: registry.file.conn.execute("pragma wal_checkpoint(truncate)"))[0]
    return spent


def _load_segment(registry: Registry, run: Postings) -> None:
    """One segment, in pieces of about 256,000 postings that end between two keys, as when segments are merged."""
    cuts = np.searchsorted(run.keys, run.keys[PIECE::PIECE], "left").tolist()
    edges = zip([0, *cuts], [*cuts, len(run)], strict=True)
    db = registry._must_write()
    segment, stop = write_blocks(db, exact_layout(run), (run.of(slice(a, b)) for a, b in edges))
    with db.atomic():
        postings.note_segment(db.conn, BENCH.name, segment, stop)


def _insert_works(registry: Registry, works: int) -> None:
    """The rows that postings hang on; without the fingerprints themselves, which are no part of this comparison."""
    conn = registry.file.conn
    with registry._must_write().atomic():
        conn.executemany(
            "insert into work values (?, ?, '', 'audio', '', '', '', '', '', '{}', 'live', 1)",
            ((i + 1, f"work {i}") for i in range(works)),
        )
        conn.executemany(
            "insert into fingerprint values (?, ?, 0, 'audio', ?, ?, ?, '[1.0]', 1)",
            ((i, i + 1, BENCH.name, PER_WORK, PER_WORK) for i in range(works)),
        )
        conn.execute("insert into scheme values (?, ?)", (BENCH.name, works))
        conn.execute("update meta set value = ? where name = 'works'", (str(works),))


def equal(a: Hits, b: Hits) -> bool:
    """Whether two lookups gave the same."""
    columns = ("output_row", "fingerprint_id", "work_position", "rarity")
    return all(np.array_equal(getattr(a, c), getattr(b, c)) for c in columns)


def bench_loading(table: Table, data: Data, ours: Path, plain: Path) -> None:
    t_ours, t_plain = load_ours(ours, data), postings_plain.load(plain, data)
    ratio = t_plain / t_ours
    table.add(
        "bulk load of presorted postings, CPU", ">= 10x", ratio >= 10, ratio=ratio,
        ours_M_per_s=data.n / 1e6 / t_ours, plain_M_per_s=data.n / 1e6 / t_plain,
    )  # fmt: skip
    with open_registry(ours, schemes=SCHEMES) as registry:
        blocks = registry.file.conn.execute("select count(*) from block").fetchone()[0]
        directory = registry.file.conn.execute("select sum(length(first_keys)) from segment").fetchone()[0]
    each = (blocks * 4096 + directory) / data.n
    table.add("bytes per posting", "<= 17.5, packed <= 11", each <= 11, ours=each, plain=plain.stat().st_size / data.n)


def bench_queries(table: Table, data: Data, ours: Path, plain: Path) -> None:
    bar = 5 if data.n >= 50_000_000 else 3
    with open_registry(ours, schemes=SCHEMES) as registry, postings_plain.reading(plain) as conn:
        for name, keys, planted, least in (
            ("500 keys of planted works", data.planted(500), data.planted_works(500), None),
            ("5,000-key query warm", data.planted(5000), data.planted_works(5000), bar),
            ("50,000 keys of planted works", data.planted(50_000), data.planted_works(50_000), None),
            ("5,000 keys that are nowhere", data.unknown(5000), [], None),
        ):
            repeats = REPEATS if len(keys) <= 5000 else 1
            t_ours = median_cpu(lambda keys=keys: registry.lookup(BENCH.name, keys), repeats)
            t_plain = median_cpu(lambda keys=keys: postings_plain.lookup(conn, keys, data.works), repeats)
            hits = registry.lookup(BENCH.name, keys)
            same = equal(hits, postings_plain.lookup(conn, keys, data.works))
            ids, each = np.unique(hits.fingerprint_id, return_counts=True)
            planted_first = set(ids[np.argsort(-each)][: len(planted)].tolist()) == set(planted)
            ratio, bound = t_plain / t_ours, f">= {least}x, " if least else ""
            table.add(
                name, f"{bound}equal hits, planted works first", same and planted_first and ratio >= (least or 0),
                ratio=ratio, ours_ms=1000 * t_ours, plain_ms=1000 * t_plain, hits=len(hits), equal_hits=str(same),
            )  # fmt: skip


def bench_one_work(table: Table, data: Data, ours: Path, plain: Path) -> None:
    """Each registered alone, committed and folded into the file; then withdrawn."""
    fresh = [entry_of(data, i) for i in range(REPEATS)]
    own, rows, whole, gone_ours, gone_rows, size_ours, size_rows = [], [], [], [], [], [], []
    with open_registry(ours, write=True, schemes=SCHEMES) as registry, postings_plain.writing(plain) as conn:
        fold = lambda c: c.execute("pragma wal_checkpoint(truncate)").fetchone()  # noqa: E731
        for i, entry in enumerate(fresh):
            keys = entry.media.parts[0].fingerprints[0].keys
            run = postings.postings_of(data.works + 1000 + i, entry.media.parts[0].fingerprints[0])
            size_ours.append(bytes_written(lambda run=run: own.append(cpu(lambda: _add_postings(registry, run))[0])))
            whole.append(cpu(lambda entry=entry: (registry.add([entry]), fold(registry.file.conn)))[0])
            size_rows.append(bytes_written(lambda run=run: rows.append(cpu(lambda: postings_plain.add(conn, run))[0])))
            assert len(registry.lookup(BENCH.name, keys)) >= PER_WORK
            gone_ours.append(cpu(lambda entry=entry: (registry.withdraw(entry.work_id, ""), fold(registry.file.conn)))[0])
            gone_rows.append(cpu(lambda run=run: postings_plain.remove(conn, run))[0])
            left = registry.lookup(BENCH.name, keys)
            assert not any(
                registry.registered(f).work_id == entry.work_id
                for f in np.unique(left.fingerprint_id)
                if f >= data.works and f < data.works + 1000
            )
    m = statistics.median
    bytes_ratio, cpu_ratio, gone_ratio = m(size_rows) / m(size_ours), m(rows) / m(own), m(gone_rows) / m(gone_ours)
    table.add("register one work of 4,000 postings: bytes written", ">= 200x", bytes_ratio >= 200,
              ratio=bytes_ratio, ours_kB=m(size_ours) / 1e3, plain_kB=m(size_rows) / 1e3)  # fmt: skip
    table.add("register one work of 4,000 postings: CPU", ">= 20x", cpu_ratio >= 20,
              ratio=cpu_ratio, ours_ms=1000 * m(own), plain_ms=1000 * m(rows))  # fmt: skip
    table.add("the same, with work, credits and packed fingerprint", "none", None, ours_ms=1000 * m(whole))
    table.add("withdraw one work: gone from the next lookup; CPU", ">= 50x", gone_ratio >= 50,
              ratio=gone_ratio, ours_ms=1000 * m(gone_ours), plain_ms=1000 * m(gone_rows))  # fmt: skip


def _works_of(registry: Registry, hits: Hits, least: int) -> set[str]:
    """The works that were hit, of those registered after the bulk load; bare postings belong to none."""
    ids = np.unique(hits.fingerprint_id)
    return {registry.registered(i).work_id for i in ids[(ids >= least) & (ids < least + 1000)].tolist()}


def _add_postings(registry: Registry, run: Postings) -> None:
    with registry._must_write().atomic():
        postings.write_segment(registry.file.conn, BENCH.name, [run])
    registry.file.conn.execute("pragma wal_checkpoint(truncate)").fetchone()
    registry._forget()


def bench_segments(table: Table, data: Data, folder: Path) -> None:
    load_ours(folder / "eight.db", data, 8)
    load_ours(folder / "one.db", data, 1)
    keys = data.planted(5000)
    with open_registry(folder / "one.db", schemes=SCHEMES) as one, open_registry(folder / "eight.db", schemes=SCHEMES) as eight:
        times = [median_cpu(lambda r=r: r.lookup(BENCH.name, keys)) for r in (one, eight)]
        same = equal(one.lookup(BENCH.name, keys), eight.lookup(BENCH.name, keys))
    ratio = times[1] / times[0]
    table.add("query with 8 segments / with 1", "<= 4x, equal hits", ratio <= 4 and same, ratio=ratio,
              one_ms=1000 * times[0], eight_ms=1000 * times[1])  # fmt: skip
    (folder / "eight.db").unlink()


def bench_memory(table: Table, data: Data, folder: Path) -> None:
    """In a process of its own: a search of 5,000 keys, twenty times with other keys, and what it took at most."""
    np.save(folder / "keys.npy", np.concatenate([data.planted(5000, seed) for seed in range(20)]))
    command = [sys.executable, __file__, "--search", str(folder / "one.db"), str(folder / "keys.npy")]
    peak = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    table.add("peak RSS while searching", "<= 300 MB", peak <= 300, MB=peak, postings_M=data.n / 1e6)


def search(path: Path, keys: Path) -> None:
    """What bench_memory runs: prints the peak of the resident memory in MB."""
    found: Int64 = np.load(keys)
    with open_registry(path, schemes=SCHEMES) as registry:
        for start in range(0, len(found), 5000):
            registry.lookup(BENCH.name, found[start : start + 5000])
    status = Path("/proc/self/status").read_text().splitlines()  # ru_maxrss would begin with the parent's
    print(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024)


def bench_kills(table: Table, folder: Path, times: int) -> None:
    from benchmarks import postings_kill

    acknowledged, lost, findings = postings_kill.run(folder / "kill.db", times)
    table.add(
        f"kill -9 at {times} random moments of a bulk import", "nothing lost, check clean", not lost and not findings,
        acknowledged_works=acknowledged, lost=len(lost), findings=len(findings),
    )  # fmt: skip


def machine() -> dict[str, Any]:
    """Where this was measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(), "commit": commit, "cores": os.cpu_count(),
        "python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "numpy": np.__version__,
    }  # fmt: skip


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--millions", type=int, default=10)
    ap.add_argument("--large", action="store_true", help="50 million postings; what does not depend on their number is left out")
    ap.add_argument("--kills", type=int, default=20)
    ap.add_argument("--faiss-python", default=sys.executable, help="an interpreter that has faiss-cpu")
    ap.add_argument("--search", nargs=2, type=Path, metavar=("DB", "KEYS"), help=argparse.SUPPRESS)
    a = ap.parse_args()
    if a.search:
        search(*a.search)
        return
    memory.ENOUGH_HITS = 1 << 62  # the plain way passes over no key but those over the cap
    millions = 50 if a.large else a.millions
    table, data = Table(), make_data(millions * 1_000_000)
    with tempfile.TemporaryDirectory(prefix="byline-bench-") as name:
        folder = Path(name)
        ours, plain = folder / "ours.db", folder / "plain.db"
        bench_loading(table, data, ours, plain)
        bench_queries(table, data, ours, plain)
        bench_one_work(table, data, ours, plain)
        plain.unlink()
        bench_segments(table, data, folder)
        bench_memory(table, data, folder)
        if not a.large:
            postings_others.bench_hashes(table, folder, a.faiss_python, cpu, median_cpu)
            postings_others.bench_minhash(table, folder, cpu)
            bench_kills(table, folder, a.kills)
    RESULTS.mkdir(exist_ok=True)
    result = {"machine": machine(), "postings": data.n, "longest_list": data.longest, "rows": table.rows}
    (RESULTS / f"postings-{millions}M.json").write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(any(row["passed"] is False for row in table.rows))


if __name__ == "__main__":
    main()
