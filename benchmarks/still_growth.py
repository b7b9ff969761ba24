"""What a still of one megapixel costs, all stages, as the registry grows: `python benchmarks/still_growth.py`.

Real works of the stills' lineup first, then works made up from them, in one registry file that grows. At each size outputs of
the lineup, brought to one megapixel, of works that are registered and of works that are not, are decoded, probed and scanned:
CPU seconds of one thread, medians. Exit status 1 when a bar is missed.

A made-up work has its rows from many real ones: local features drawn at random, their words moved to neighbouring cells of the
vocabulary anew for every work; hashes whose bands come from different works, some bits the other way round. Its stored
columns are those of one of PROTOTYPES works before the keys were moved: a chance hit then leads to a signature that belongs
to that word, as among real works. How alike both are is told by what probes hit in as many real and made-up works.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from lab import SHARED, cached, code_version  # noqa: E402

from benchmarks.made_up_works import Rows, postings, share_hit  # noqa: E402
from benchmarks.query_growth import cpu, measured  # noqa: E402
from fingerprint import probe, schemes  # noqa: E402
from fingerprint.features import Fingerprint, Media, Part, make, pack  # noqa: E402
from fingerprint.hashing import mix, unmix  # noqa: E402
from fingerprint.image_local import CELLS_PER_HALF, LOCAL_NAME, SIGN_BITS, vocabulary  # noqa: E402
from registry.audit import changed  # noqa: E402
from registry.packing import in_order  # noqa: E402
from registry.postings import write_segment  # noqa: E402
from registry.store import Registry, open_registry  # noqa: E402
from registry.works import Entry, count_live  # noqa: E402

BAR_CPU_S, BAR_AT = 0.15, 100_000
SIDE = 1224, 816  # one megapixel
QUALITY = 90
EXTENT = 1000.0, 750.0  # of a made-up work
REAL, OUTPUTS = 100, 12  # works registered as they are; outputs of each sort
PROTOTYPES = 1000
MOVED, NEIGHBOURS = 0.5, 8  # of the halves of a word, to one of so many
FLIPPED = 0.08  # of the bits of a hash
BATCH = 1000
RESULTS = HERE / "results"

Rng = np.random.Generator
Output = tuple[str, list[str], Media]


class Maker:
    """Makes works up from real ones, all columns of one scheme after the other."""

    def __init__(self, works: list[Part], rng: Rng) -> None:
        self.rng = rng
        self.stock = {f.scheme: self._prototypes(works, f.scheme) for f in works[0].fingerprints}
        self.near = [_neighbours(centres) for centres in vocabulary().centres]

    def _prototypes(self, works: list[Part], name: str) -> list[Fingerprint]:
        """As many rows as some real work has, each row, and each band of a hash, from any; what is never looked up as it is."""
        own = [f for f in (w.of(name) for w in works) if f is not None and len(f) and f.payload is not None]
        chosen = [own[i] for i in self.rng.integers(0, len(own), PROTOTYPES)]
        if not schemes()[name].indexed:
            return chosen
        if name == LOCAL_NAME:
            keys, payload = np.concatenate([f.keys for f in own]), np.concatenate([f.payload for f in own])
            drawn = [np.sort(self.rng.integers(0, len(keys), len(f))) for f in chosen]
            return [make(schemes()[name], f.positions, payload[r], keys[r]) for f, r in zip(chosen, drawn, strict=True)]
        return [make(schemes()[name], f.positions, self._mixed(f, own)) for f in chosen]

    def _mixed(self, like: Fingerprint, own: list[Fingerprint]) -> np.ndarray:
        """Payload with every two bytes of the hash from another work's row of the same kind."""
        payload = like.payload.copy()
        for at in range(0, 32, 2):
            other = own[int(self.rng.integers(0, len(own)))]
            payload[:, at : at + 2] = other.payload[np.arange(len(payload)) % len(other), at : at + 2]
        return payload

    def rows(self, name: str, works: int) -> Rows:
        """So many works, their keys other than the prototypes'."""
        chosen = [self.stock[name][i % PROTOTYPES] for i in range(works)]
        work = np.repeat(np.arange(works), [len(f) for f in chosen])
        positions, payload = np.concatenate([f.positions for f in chosen]), np.concatenate([f.payload for f in chosen])
        if name == LOCAL_NAME:
            keys = self._moved(np.concatenate([f.keys for f in chosen])[:, 0])
        else:
            turned = payload.copy()
            turned[:, :32] ^= np.packbits(self.rng.random((len(payload), 256), np.float32) < FLIPPED, axis=1)
            keys = schemes()[name].derive(turned)
        return Rows(work, positions, keys, payload)

    def _moved(self, keys: np.ndarray) -> np.ndarray:
        """Words whose halves are often a neighbour's."""
        words = unmix(keys, LOCAL_NAME)
        moved = np.zeros(len(words), np.int64)
        for near, half in zip(self.near, np.divmod(words >> SIGN_BITS, CELLS_PER_HALF), strict=True):
            other = near[half, self.rng.integers(0, NEIGHBOURS, len(words))]
            moved = moved * CELLS_PER_HALF + np.where(self.rng.random(len(words)) < MOVED, other, half)
        return mix((moved << SIGN_BITS) + (words & ((1 << SIGN_BITS) - 1)), LOCAL_NAME)[:, None]


def _neighbours(centres: np.ndarray) -> np.ndarray:
    return np.argsort(((centres[:, None] - centres[None]) ** 2).sum(axis=2), axis=1)[:, 1 : NEIGHBOURS + 1]


def grow(registry: Registry, maker: Maker, count: int) -> None:
    """So many made-up works more."""
    known = schemes()
    packed = {name: [(len(f), pack(f, known[name], brief=True)) for f in own] for name, own in maker.stock.items()}
    while count > 0:
        batch = min(count, BATCH)
        with registry.file.writing() as conn:
            rank = int(conn.execute("select max(rank) + 1 from work").fetchone()[0])
            number = int(conn.execute("select max(id) + 1 from fingerprint").fetchone()[0])
            _write_rows(conn, packed, range(rank, rank + batch), number)
            for place, name in enumerate(packed):
                if known[name].indexed:
                    write_segment(conn, name, [in_order(postings(maker.rows(name, batch), number + place, len(packed)))])
                    count_live(conn, name, batch)
            changed(conn, batch)
        registry._tidy_if_possible()
        count -= batch


def _write_rows(conn: Any, packed: dict[str, list[tuple[int, bytes]]], ranks: range, number: int) -> None:
    """Works and their fingerprints; the n-th of a batch has the n-th prototype."""
    conn.executemany(
        "insert into work values (?, ?, '', 'image', '', '', '', '', '', '{}', 'live', 1)", ((r, f"made up {r}") for r in ranks)
    )
    known, extent = schemes(), json.dumps(EXTENT)
    for i, rank in enumerate(ranks):
        for name, some in packed.items():
            n, data = some[i % len(some)]
            indexed = known[name].indexed
            row = (number, rank, "image", name, n, n * indexed, extent, int(indexed))
            conn.execute("insert into fingerprint values (?, ?, 0, ?, ?, ?, ?, ?, ?)", row)
            conn.execute("insert into packed values (?, ?)", (number, data))
            number += 1


def real_works() -> list[tuple[str, Media]]:
    """The lineup's works by id."""
    folder = SHARED / "image"
    jobs = ((p.stem, ("extract", str(p), code_version(("image", "film")))) for p in sorted((folder / "works").iterdir()))
    return [(work_id, media) for work_id, job in jobs if isinstance(media := cached(job), Media)]


def chosen(folder: Path) -> tuple[list[Output], list[Output], dict[str, float]]:
    """Outputs that hold works and that hold none, brought to one megapixel in `folder`; median CPU s of decoding and probing."""
    outputs = json.loads((SHARED / "image" / "truth.json").read_text())["outputs"]
    spent: dict[str, list[float]] = {"registered": [], "not registered": []}
    sorts: dict[str, list[Output]] = {"registered": [], "not registered": []}
    for sort, some in sorts.items():
        fitting = [o for o in outputs if (sort == "registered") == bool(o["works"]) and "blank" not in o["kind"]]
        for o in fitting[:: max(1, len(fitting) // OUTPUTS)][:OUTPUTS]:
            picture = cv2.imread(str(SHARED / "image" / o["path"]))
            if picture is None:
                continue
            path = folder / f"{Path(o['path']).stem}.jpg"
            cv2.imwrite(str(path), cv2.resize(picture, SIDE, interpolation=cv2.INTER_CUBIC), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            probe(path, films=False)
            took, media = cpu(lambda p=path: probe(p, films=False))
            spent[sort].append(took)
            some.append((o["path"], [w["work_id"] for w in o["works"]], media))
    return sorts["registered"], sorts["not registered"], {sort: statistics.median(s) for sort, s in spent.items()}


def likeness(works: list[Part], maker: Maker, outputs: list[Output]) -> Iterator[dict[str, Any]]:
    """For each scheme: share of probe keys with hits and hits a key, in the real works and in as many made-up ones."""
    for name in maker.stock:
        if not schemes()[name].indexed:
            continue
        real = np.sort(np.concatenate([f.keys.ravel() for f in (w.of(name) for w in works) if f is not None]))
        made = np.sort(maker.rows(name, len(works)).keys.ravel())
        keys = np.concatenate([f.keys.ravel() for *_, m in outputs for f in m.parts[0].fingerprints if f.scheme == name])
        shares = [share_hit(keys, known) for known in (real, made)]
        yield {"scheme": name, "postings": [len(real), len(made)]} | {
            what: [round(s[i], 4) for s in shares] for i, what in enumerate(("share_of_keys_hit", "hits_per_key"))
        }


def run(sizes: list[int], path: Path) -> dict[str, Any]:
    """All of it."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(1)
    works = real_works()
    with tempfile.TemporaryDirectory(prefix="byline-stills-") as folder:
        inside, outside, probing = chosen(Path(folder))
    named = {w for _, truth, _ in inside for w in truth}
    sources = [m.parts[0] for w, m in works if w not in named]
    maker = Maker(sources, rng)
    result: dict[str, Any] = {"decode_and_probe_cpu_s": probing, "likeness": list(likeness(sources, maker, outside)), "rows": []}
    print(json.dumps(result, indent=1), flush=True)
    with open_registry(path, create=True) as registry:
        first = sorted(works, key=lambda w: w[0] not in named)[:REAL]
        if not registry.works_count():
            registry.add([Entry(w, w, m.medium, m) for w, m in first])
        for size in sizes:
            took, _ = cpu(lambda n=size: grow(registry, maker, n - registry.works_count()))
            registry.merge()
            for sort, some in (("registered", inside), ("not registered", outside)):
                figures = measured(registry, some)
                figures |= {"scan_cpu_s": figures.pop("cpu_s"), "works": size, "probes": sort}
                figures["all_stages_cpu_s"] = round(figures["scan_cpu_s"] + probing[sort], 4)
                result["rows"].append(figures | {"megabytes": round(path.stat().st_size / 1e6)})
                print(f"{figures}   (growing took {took:.0f} CPU s)", flush=True)
    judge(result)
    return result


def judge(result: dict[str, Any]) -> None:
    """Growth exponents, and what is within the bar."""
    for sort in ("registered", "not registered"):
        rows = [r for r in result["rows"] if r["probes"] == sort]
        for a, b in zip(rows, rows[1:], strict=False):
            b["growth_exponent"] = round(math.log(b["scan_cpu_s"] / a["scan_cpu_s"]) / math.log(b["works"] / a["works"]), 3)
        for r in rows:
            if r["works"] == BAR_AT:
                r["bar_cpu_s"], r["passed"] = BAR_CPU_S, r["all_stages_cpu_s"] <= BAR_CPU_S
    for r in result["rows"]:
        mark, exponent = {True: "ok  ", False: "MISS"}.get(r.get("passed"), "    "), r.get("growth_exponent", "-")
        print(
            f"{mark} {r['works']:>9,} works, {r['probes']:<14} all stages {r['all_stages_cpu_s']:.3f} CPU s, lookup "
            f"to report {r['scan_cpu_s']:.3f}, {r['hits']:,.0f} hits, {r['alignments']:,.0f} compared, exponent {exponent}"
        )


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("--works", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    ap.add_argument("--registry", type=Path, default=None, help="where to make the registry, or one made before; else temporary")
    ap.add_argument("--dry", action="store_true", help="write no result")
    a = ap.parse_args()
    with tempfile.TemporaryDirectory(prefix="byline-growth-") as folder:
        result = run(sorted(a.works), a.registry or Path(folder) / "growth.db")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    result |= {"commit": commit.stdout.strip(), "date": datetime.date.today().isoformat(), "cores": os.cpu_count()}
    if not a.dry:
        (RESULTS / "query-growth-image.json").write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(any(r.get("passed") is False for r in result["rows"]))


if __name__ == "__main__":
    main()
