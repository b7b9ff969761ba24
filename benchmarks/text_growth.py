"""What a query of text costs as the registry grows: `python benchmarks/text_growth.py --works 100 1000 10000 100000 1000000`.

Real works of the dev lineup first, then works made up from their fingerprints, in one registry file that grows. A made-up work
has as many grams, rare words and passages as a stretch of WORDS words of the real ones. Every key is drawn by itself from all
keys of all real works; one that stands in r of them becomes one that stands in r - 1, one that stands in a single work a new one:
so often has a further text keys that were seen r times or never (Good, Biometrika 1953). What `compare` reads beside (streams of
words) comes from a few prototypes drawn from the works. At each size passages of real works (1,000 words) and of texts that are
not registered are scanned: CPU milliseconds, median over the queries of the least of REPEATS, lookup to report, and the probes'
own. The result goes to benchmarks/results/query-growth-text.json, with other WORDS than usual to one named after them.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from lab import SHARED, cached, code_version  # noqa: E402

from fingerprint import schemes, text  # noqa: E402
from fingerprint.documents import Document, read_document  # noqa: E402
from fingerprint.errors import UnreadableMedia  # noqa: E402
from fingerprint.features import Fingerprint, Media, Part, make, pack  # noqa: E402
from fingerprint.hashing import mix  # noqa: E402
from matcher.calibration import load  # noqa: E402
from matcher.scan import scan_media  # noqa: E402
from registry.audit import changed  # noqa: E402
from registry.packing import Postings, in_order  # noqa: E402
from registry.postings import write_segment  # noqa: E402
from registry.store import Registry, open_registry  # noqa: E402
from registry.works import Entry, count_live  # noqa: E402

LINEUP = SHARED / "text"
WORDS = 2000  # of a made-up work, usually; 10,000 of them are 20 million words
QUERY_WORDS = 1000
REAL = 100
QUERIES = 12  # of each kind
PROTOTYPES = 50
BATCH = 5000
REPEATS = 3
BAR_MS, BAR_AT = 15.0, 20.0  # million words
MANY = 12  # works from which a key counts as common: so often met that one more or less is all the same
RESULT = HERE / "results" / "query-growth-text{}.json"


def real_works() -> list[tuple[str, Media, Path]]:
    """The lineup's works by id, with their files."""
    version = code_version(("text", "documents"))
    rows = csv.DictReader((LINEUP / "works.csv").open(encoding="utf-8"))
    found = [(r["work_id"], cached(("extract", str(LINEUP / r["path"]), version)), LINEUP / r["path"]) for r in rows]
    return [(w, media, path) for w, media, path in found if isinstance(media, Media)]


def queries(paths: list[Path]) -> list[Part]:
    """Probes of QUERY_WORDS words out of the middle of each of these texts that are long enough."""
    found = []
    for path in paths:
        try:
            words = read_document(path).words.split()
        except UnreadableMedia:
            continue
        if len(words) > 3 * QUERY_WORDS:
            passage = " ".join(words[len(words) // 2 :][:QUERY_WORDS])
            found.append(text.probes(Document(passage, passage)))
    return found[:: max(1, len(found) // QUERIES)][:QUERIES]


class Pool:
    """All keys and payloads of one scheme in the real works, and how many there are for each word."""

    def __init__(self, scheme: str, parts: list[Part], words: int, length: int) -> None:
        """words: of all `parts`; length: words of a made-up work."""
        own = [f for p in parts if (f := p.of(scheme)) is not None and len(f)]
        self.scheme = schemes()[scheme]
        self.keys = np.concatenate([f.keys for f in own])
        self.payload = np.concatenate([f.payload for f in own if f.payload is not None])
        self.length, self.per_work = length, max(1, round(length * len(self.keys) / words))

    def drawn(self, works: int, dice: np.random.Generator) -> np.ndarray:
        """int64[works * per_work, b]: keys, each from another place; bands of a passage each from another passage."""
        size = (works * self.per_work, self.keys.shape[1])
        return np.take_along_axis(self.keys, dice.integers(0, len(self.keys), size), axis=0)

    def prototype(self, dice: np.random.Generator) -> Fingerprint:
        """What `compare` reads of a made-up work."""
        rows = dice.integers(0, len(self.payload), self.per_work)
        return make(self.scheme, self.positions(1), self.payload[rows])

    def positions(self, works: int) -> np.ndarray:
        """int32[works * per_work]: spread evenly, six code points a word."""
        return np.tile(np.linspace(0, 6 * self.length, self.per_work, endpoint=False).astype(np.int32), works)


class FairPool(Pool):
    """A Pool whose keys stand in one real work fewer than those that are drawn."""

    def __init__(self, scheme: str, parts: list[Part], words: int, length: int) -> None:
        super().__init__(scheme, parts, words, length)
        own = [f for p in parts if (f := p.of(scheme)) is not None and len(f)]
        works = np.repeat(np.arange(len(own)), [f.keys.size for f in own])
        pairs = np.unique(np.stack([self.keys.ravel(), works]), axis=1)
        self.known, standing = np.unique(pairs[0], return_counts=True)
        self.standing = np.minimum(standing, MANY)
        self.classes = [self.known[self.standing == r] for r in range(MANY + 1)]

    def drawn(self, works: int, dice: np.random.Generator) -> np.ndarray:
        """See Pool.drawn."""
        keys = super().drawn(works, dice)
        if not self.scheme.indexed:
            return keys
        flat = keys.ravel()
        standing = self.standing[np.searchsorted(self.known, flat)]
        for r in range(1, MANY):
            rows = np.flatnonzero(standing == r)
            less = self.classes[r - 1]
            if r == 1 or not len(less):
                flat[rows] = mix(dice.integers(0, 1 << 62, len(rows)).astype(np.uint64), "new key")
            else:
                flat[rows] = less[dice.integers(0, len(less), len(rows))]
        return flat.reshape(keys.shape)


def grow(registry: Registry, pools: dict[str, Pool], count: int, dice: np.random.Generator) -> None:
    """So many made-up works more."""
    stock = {name: [(own.per_work, pack(own.prototype(dice), own.scheme, brief=True)) for _ in range(PROTOTYPES)]
             for name, own in pools.items()}  # fmt: skip
    while count > 0:
        batch = min(count, BATCH)
        with registry.file.writing() as conn:
            rank = int(conn.execute("select max(rank) + 1 from work").fetchone()[0])
            number = int(conn.execute("select max(id) + 1 from fingerprint").fetchone()[0])
            _write_rows(conn, stock, range(rank, rank + batch), number, next(iter(pools.values())).length)
            for place, (name, own) in enumerate(pools.items()):
                if own.scheme.indexed:
                    write_segment(conn, name, [in_order(_postings(own, batch, number + place, len(pools), dice))])
                    count_live(conn, name, batch)
            changed(conn, batch)
        registry._tidy_if_possible()
        count -= batch


def _postings(own: Pool, works: int, first_id: int, step: int, dice: np.random.Generator) -> Postings:
    keys = own.drawn(works, dice)
    bands = keys.shape[1]
    ids = np.repeat((first_id + step * np.arange(works)).astype(np.int32), own.per_work * bands)
    return Postings(keys.ravel(), ids, np.repeat(own.positions(works), bands))


def _write_rows(conn: Any, stock: dict[str, list[tuple[int, bytes]]], ranks: range, number: int, length: int) -> None:
    extent = json.dumps([6.0 * length])
    conn.executemany(
        "insert into work values (?, ?, '', 'text', '', '', '', '', '', '{}', 'live', 1)", ((r, f"made up {r}") for r in ranks)
    )
    rows, blobs = [], []
    for rank in ranks:
        for name, packed in stock.items():
            n, data = packed[rank % len(packed)]
            indexed = schemes()[name].indexed
            rows.append((number, rank, "text", name, n, n * indexed, extent, int(indexed)))
            blobs.append((number, data))
            number += 1
    conn.executemany("insert into fingerprint values (?, ?, 0, ?, ?, ?, ?, ?, ?)", rows)
    conn.executemany("insert into packed values (?, ?)", blobs)


def measured(registry: Registry, probes: list[Part]) -> dict[str, float]:
    """Milliseconds of a scan over the queries, and how many of them named a work."""
    calibration, times, named = load(), [], 0
    with registry.snapshot():
        for part in probes:
            media = Media("text", "", (part,))
            took = []
            for _ in range(REPEATS):
                began = time.process_time()
                report = scan_media("", media, registry, calibration)
                took.append(time.process_time() - began)
            times.append(1e3 * min(took))
            named += any(m.listed for m in report.matches)
    return {
        "cpu_ms": round(statistics.median(times), 2),
        "most_cpu_ms": round(max(times), 2),
        "queries": len(times),
        "named": named,
    }


def run(sizes: list[int], path: Path, length: int) -> dict[str, Any]:
    """All of it."""
    dice = np.random.default_rng(1)
    works = real_works()
    parts = [m.parts[0] for _, m, _ in works]
    words = sum(len(p.of(text.STREAM) or ()) for p in parts)
    pools: dict[str, Pool] = {s.name: FairPool(s.name, parts, words, length) for s in text.SCHEMES if s.stored and not s.optional}
    real = sum(len(p.of(text.STREAM) or ()) for p in parts[:REAL])
    inside, outside = queries([p for *_, p in works[:REAL]]), queries([p for *_, p in works[REAL:]])
    began = time.process_time()
    queries([p for *_, p in works[:REAL]][:20])
    result: dict[str, Any] = {"real_works": REAL, "words_a_work": length, "query_words": QUERY_WORDS, "rows": []}
    with open_registry(path, create=True) as registry:
        registry.add([Entry(w, w, m.medium, m) for w, m, _ in works[:REAL]])
        for size in sizes:
            began = time.process_time()
            grow(registry, pools, size - registry.works_count(), dice)
            grown = time.process_time() - began
            registry.merge()  # as the other media are measured: as `byline registry merge` leaves it
            for kind, probes in (("registered", inside), ("not registered", outside)):
                row = {"works": size, "million_words": round((real + (size - REAL) * length) / 1e6, 1), "probes": kind,
                       "megabytes": round(path.stat().st_size / 1e6), **measured(registry, probes)}  # fmt: skip
                _judge(row, result["rows"])
                print(f"{row}   (growing took {grown:.0f} CPU s)", flush=True)
    return result


def _judge(row: dict[str, Any], before: list[dict[str, Any]]) -> None:
    """Adds the row, with its growth over the last one of its kind and the bar."""
    last = next((r for r in reversed(before) if r["probes"] == row["probes"]), None)
    if last:
        row["growth_exponent"] = round(math.log(row["cpu_ms"] / last["cpu_ms"]) / math.log(row["works"] / last["works"]), 3)
    if 0.9 * BAR_AT <= row["million_words"] <= 1.2 * BAR_AT:
        row["bar_ms"], row["passed"] = BAR_MS, row["cpu_ms"] <= BAR_MS
    before.append(row)


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("--works", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    ap.add_argument("--words", type=int, default=WORDS, help="of a made-up work")
    ap.add_argument("--registry", type=Path, default=None, help="where to make the registry; else in a temporary folder")
    ap.add_argument("--keep", action="store_true", help="write the result to benchmarks/results")
    a = ap.parse_args()
    with tempfile.TemporaryDirectory(prefix="byline-growth-") as folder:
        result = run(sorted(a.works), a.registry or Path(folder) / "growth.db", a.words)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    result |= {"commit": commit.stdout.strip(), "date": datetime.date.today().isoformat(), "cores": os.cpu_count()}
    if a.keep:
        Path(str(RESULT).format("" if a.words == WORDS else f"-{a.words}")).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
