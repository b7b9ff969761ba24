"""What a query costs as the registry grows: `python benchmarks/query_growth.py audio --works 100 1000 10000 100000`.

Real works of the dev lineup first, then works made up from them (see made_up_works), in a registry that grows. At
each size real outputs of about half a minute, of works that are registered and of works that are not, are scanned: CPU seconds,
median of REPEATS, lookup to report, without decoding and without computing the probes; of a film its picture alone. The
index is as `byline registry merge` leaves it. How alike real and made-up works are is told first, by what probes of other
works hit in as many hours of each. The result goes to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import datetime
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from lab import SHARED, cached, code_version  # noqa: E402

from benchmarks.made_up_works import Pool, made_up, pools, postings, prototypes, share_hit  # noqa: E402
from fingerprint import probe, schemes  # noqa: E402
from fingerprint.features import Media, Part  # noqa: E402
from matcher import find  # noqa: E402
from matcher.calibration import load  # noqa: E402
from matcher.scan import scan_media  # noqa: E402
from registry.audit import changed  # noqa: E402
from registry.packing import in_order  # noqa: E402
from registry.postings import write_segment  # noqa: E402
from registry.store import Registry, open_registry  # noqa: E402
from registry.works import Entry, count_live  # noqa: E402

BARS = {"audio": 0.3, "film": 0.5}  # CPU seconds at 10,000 works
BAR_AT = 10_000
SECONDS = {"audio": 180.0, "film": 180.0}  # of a made-up work
REAL = 100
BATCH = 1000
REPEATS = 3
PROBES = 6  # of each: registered, not registered
LENGTH_S = {"audio": (24.5, 36.0), "film": (14.0, 40.0)}  # of the outputs; the lineup has hardly a film of half a minute
SOURCES = {"audio": ("audio", "film"), "film": ("film", "audio", "image", "text", "documents")}
RESULTS = HERE / "results"

Output = tuple[str, list[str], Media]


def cpu(action: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of this process, and what came out."""
    start = time.process_time()
    result = action()
    return time.process_time() - start, result


def seconds_of(path: Path) -> float:
    """What the container says; 0 when it cannot be opened."""
    try:
        with av.open(str(path)) as container:
            return (container.duration or 0) / av.time_base
    except (av.FFmpegError, OSError):
        return 0.0


def real_works(medium: str) -> list[tuple[str, Media]]:
    """The lineup's works by id."""
    folder, version = SHARED / medium, code_version(SOURCES[medium])
    rows = csv.DictReader((folder / "works.csv").open(encoding="utf-8"))
    works = [(r["work_id"], cached(("extract", str(folder / r["path"]), version))) for r in rows]
    return [(work_id, media) for work_id, media in works if isinstance(media, Media)]


def chosen(medium: str) -> tuple[list[Output], list[Output]]:
    """Outputs of the right length that hold a work, and that hold none, spread over the lineup; only their leading track."""
    folder, version = SHARED / medium, code_version(SOURCES[medium])
    outputs = json.loads((folder / "truth.json").read_text())["outputs"]
    least, most = LENGTH_S[medium]
    fitting = [o for o in outputs if least <= seconds_of(folder / o["path"]) <= most]
    kinds = []
    for wanted in (True, False):
        some = [o for o in fitting if bool(o["works"]) == wanted]
        kinds.append([])
        for o in some[:: max(1, len(some) // PROBES)][:PROBES]:
            media = cached(("probe", str(folder / o["path"]), version))
            if isinstance(media, Media) and media.medium == medium:
                kinds[-1].append(
                    (o["path"], [w["work_id"] for w in o["works"]], dataclasses.replace(media, parts=media.parts[:1]))
                )
    return kinds[0], kinds[1]


def grow(registry: Registry, medium: str, pool: dict[str, Pool], count: int, rng: np.random.Generator) -> None:
    """So many made-up works more."""
    stock = {name: prototypes(p, SECONDS[medium], rng) for name, p in pool.items()}
    while count:
        batch = min(count, BATCH)
        with registry.file.writing() as conn:
            rank = int(conn.execute("select max(rank) + 1 from work").fetchone()[0])
            number = int(conn.execute("select max(id) + 1 from fingerprint").fetchone()[0])
            _write_rows(conn, medium, stock, range(rank, rank + batch), number)
            for place, (name, own) in enumerate(pool.items()):
                if schemes()[name].indexed:
                    rows = made_up(own, batch, SECONDS[medium], rng)
                    write_segment(conn, name, [in_order(postings(rows, number + place, len(pool)))])
                    count_live(conn, name, batch)
            changed(conn, batch)
        registry._tidy_if_possible()
        count -= batch


def _write_rows(conn: Any, medium: str, stock: dict[str, list[tuple[int, bytes]]], ranks: range, number: int) -> None:
    conn.executemany(
        "insert into work values (?, ?, '', ?, '', '', '', '', '', '{}', 'live', 1)", ((r, f"made up {r}", medium) for r in ranks)
    )
    extent = json.dumps([SECONDS[medium]])
    for rank in ranks:
        for name, packed in stock.items():
            n, data = packed[rank % len(packed)]
            indexed = schemes()[name].indexed
            conn.execute(
                "insert into fingerprint values (?, ?, 0, ?, ?, ?, ?, ?, ?)",
                (number, rank, medium, name, n, n * indexed, extent, int(indexed)),
            )
            conn.execute("insert into packed values (?, ?)", (number, data))
            number += 1


def measured(registry: Registry, outputs: list[Output]) -> dict[str, float]:
    """Medians over the outputs: CPU s of a scan, hits, alignments compared; and how many named the right works."""
    calibration = load()
    times, hits, compared, false, found = [], [], [], 0, 0
    with registry.snapshot():
        for name, truth, media in outputs:
            counter = Counter()
            with counter:
                report = scan_media(name, media, registry, calibration)
            again = [fresh(media) for _ in range(REPEATS)]
            times.append(statistics.median(cpu(lambda m=m: scan_media("", m, registry, calibration))[0] for m in again))
            hits.append(counter.hits)
            compared.append(counter.alignments)
            named = {m.work_id for m in report.matches if m.listed}
            false += bool(named - set(truth))
            found += bool(named & set(truth))
    return {
        "output_s": statistics.median(m.extent[0] for *_, m in outputs), "cpu_s": statistics.median(times),
        "most_cpu_s": max(times), "hits": statistics.median(hits),
        "alignments": statistics.median(compared), "outputs": len(outputs), "named": found, "falsely_named": false,
    }  # fmt: skip


def fresh(media: Media) -> Media:
    """The same probes as other objects, so that nothing that is kept of them is found again."""
    parts = tuple(dataclasses.replace(p, fingerprints=tuple(dataclasses.replace(f) for f in p.fingerprints)) for p in media.parts)
    return dataclasses.replace(media, parts=parts)


class Counter:
    """Counts hits and alignments of the scans inside the block."""

    def __init__(self) -> None:
        self.hits = self.alignments = 0

    def __enter__(self) -> None:
        self._lookup, self._verify = find.lookup, find.verify

        def lookup(*arguments: Any) -> Any:
            found = self._lookup(*arguments)
            self.hits += len(found)
            return found

        def check(number: int, part: Part, alignments: Any, *rest: Any) -> Any:
            self.alignments += len(alignments)
            return self._verify(number, part, alignments, *rest)

        find.lookup, find.verify = lookup, check

    def __exit__(self, *_: object) -> None:
        find.lookup, find.verify = self._lookup, self._verify


def likeness(
    works: list[Part], pool: dict[str, Pool], outputs: list[Output], medium: str, rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """For each scheme: share of probe keys with hits and hits a key, in the real works and in as many hours of made-up ones."""
    hours = sum(w.extent[0] for w in works) / 3600
    for name, own in pool.items():
        if not schemes()[name].indexed:
            continue
        count = max(1, round(hours * 3600 / SECONDS[medium]))
        made = np.sort(made_up(own, count, SECONDS[medium], rng).keys.ravel())
        real = np.sort(own.keys.ravel())
        keys = [f.keys.ravel() for *_, m in outputs for p in m.parts for f in p.fingerprints if f.scheme == name]
        probe_keys = np.concatenate([k for k in keys if len(k)])
        (real_share, real_hits), (made_share, made_hits) = share_hit(probe_keys, real), share_hit(probe_keys, made)
        yield {
            "scheme": name, "hours": round(hours, 2), "postings_per_s": [round(len(x) / hours / 3600, 2) for x in (real, made)],
            "share_of_keys_hit": [round(real_share, 4), round(made_share, 4)],
            "hits_per_key": [round(real_hits, 4), round(made_hits, 4)],
        }  # fmt: skip


def run(medium: str, sizes: list[int], folder: Path) -> dict[str, Any]:
    """All of it; the registries are in that folder, and made where they are not there yet."""
    rng = np.random.default_rng(1)
    works, (inside, outside) = real_works(medium), chosen(medium)
    named = {w for _, truth, _ in inside for w in truth}
    real = sorted(works, key=lambda w: w[0] not in named)[:REAL]
    sources = [m.parts[0] for w, m in works if w not in named and m.medium == medium]
    pool = pools(sources)
    result: dict[str, Any] = {"medium": medium, "real_works": len(real), "seconds": SECONDS[medium], "rows": []}
    result["likeness"] = list(likeness(sources, pool, [*inside, *outside], medium, rng))
    for row in result["likeness"]:
        print(row, flush=True)
    probing = [cpu(lambda o=o: probe(SHARED / medium / o[0]))[0] for o in inside[:2] + outside[:1]]
    result["decoding_and_probing_cpu_s"] = statistics.median(probing)
    version, before = code_version(SOURCES[medium]), None
    for size in sizes:
        path = folder / f"{medium}-{size}-{SECONDS[medium]:.0f}s-{version}.db"
        took = 0.0
        if not path.exists():
            took, _ = cpu(lambda p=path, b=before, n=size: _make(p, b, n, real, medium, pool, rng))
        before = path
        with open_registry(path) as registry:
            for kind, some in (("registered", inside), ("not registered", outside)):
                row = {"works": size, "probes": kind, "megabytes": round(path.stat().st_size / 1e6), **measured(registry, some)}
                result["rows"].append(row)
                print(f"{row}   (growing took {took:.0f} CPU s)", flush=True)
    _judge(result, medium)
    return result


def _make(
    path: Path, before: Path | None, size: int, real: list[tuple[str, Media]], medium: str, pool: dict[str, Pool], rng: Any
) -> None:
    """The registry of that size, grown from the one `before`. It is there when it is whole."""
    growing = path.with_suffix(".growing")
    if before is not None:
        shutil.copyfile(before, growing)
    with open_registry(growing, create=True) as registry:
        if before is None:
            registry.add([Entry(w, w, m.medium, m) for w, m in real])
        grow(registry, medium, pool, size - registry.works_count(), rng)
        registry.merge()
    growing.replace(path)


def _judge(result: dict[str, Any], medium: str) -> None:
    for kind in ("registered", "not registered"):
        rows = [r for r in result["rows"] if r["probes"] == kind]
        for a, b in zip(rows, rows[1:], strict=False):
            b["growth_exponent"] = round(math.log(b["cpu_s"] / a["cpu_s"]) / math.log(b["works"] / a["works"]), 3)
        for r in rows:
            if r["works"] == BAR_AT:
                r["bar_cpu_s"], r["passed"] = BARS[medium], r["cpu_s"] <= BARS[medium]
    for r in result["rows"]:
        mark = {True: "ok  ", False: "MISS"}.get(r.get("passed"), "    ")
        print(
            f"{mark} {medium} {r['works']:>7,} works, {r['probes']:<14} {r['cpu_s']:.3f} CPU s (most {r['most_cpu_s']:.2f}), "
            f"{r['hits']:,.0f} hits, {r['alignments']:,.0f} alignments compared, exponent {r.get('growth_exponent', '-')}"
        )


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("medium", choices=sorted(BARS))
    ap.add_argument("--works", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    ap.add_argument("--keep", type=Path, default=None, help="folder in which the registries stay, to be measured again")
    ap.add_argument("--seconds", type=float, default=0.0, help="of a made-up work; the result then has a name of its own")
    a = ap.parse_args()
    SECONDS[a.medium] = a.seconds or SECONDS[a.medium]
    with tempfile.TemporaryDirectory(prefix="byline-growth-") as folder:
        if a.keep:
            a.keep.mkdir(parents=True, exist_ok=True)
        result = run(a.medium, sorted(a.works), a.keep or Path(folder))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    result |= {"commit": commit.stdout.strip(), "date": datetime.date.today().isoformat(), "cores": os.cpu_count()}
    RESULTS.mkdir(exist_ok=True)
    length = f"-{a.seconds:.0f}s" if a.seconds else ""
    (RESULTS / f"query-growth-{a.medium}{length}.json").write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(any(r.get("passed") is False for r in result["rows"]))


if __name__ == "__main__":
    main()
