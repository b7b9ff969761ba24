"""Perceptual hashes beside faiss, MinHash bands beside datasketch: the same blocks serve both."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fingerprint.features import Media, Part, Scheme, make
from fingerprint.hashing import Int64, UInt8, band_keys, hamming, mix
from registry.postings import postings_of, write_segment
from registry.store import Registry, open_registry
from registry.works import Entry

HASHES, QUERIES, RADIUS = 1_000_000, 1000, 31
BANDED = Scheme("bench.hash.1", "image", 1.0, payload_width=32, derive=lambda p: band_keys(p, "bench.hash.1", 2))
DOCUMENTS, PERMUTATIONS, BANDS = 50_000, 128, 32
MINHASH = Scheme("bench.minhash.1", "text", 1.0)
ODD = np.uint64(0x9E3779B97F4A7C15)

FAISS = """
import json, sys, time
import numpy as np
hashes, queries = np.load(sys.argv[1]), np.load(sys.argv[2])
try:
    import faiss
    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryFlat(256)
    index.add(hashes)
    index.range_search(queries[:10], 32)
    start = time.process_time()
    ends, _, found = index.range_search(queries, 32)
    spent, name = time.process_time() - start, "faiss " + faiss.__version__
    pairs = [[int(q), int(i)] for q in range(len(queries)) for i in found[ends[q]:ends[q + 1]]]
except ImportError:
    words, asked = hashes.view(np.uint64), queries.view(np.uint64)
    start = time.process_time()
    pairs = [[q, int(i)] for q in range(100) for i in np.flatnonzero(np.bitwise_count(words ^ asked[q]).sum(1) < 32)]
    spent, name = (time.process_time() - start) * len(queries) / 100, "numpy popcount, for want of faiss"
print(json.dumps({"name": name, "spent": spent, "pairs": pairs}))
"""


def _one_work(registry: Registry, work_id: str, scheme: Scheme, fingerprint: Any) -> None:
    media = Media(scheme.medium, work_id.ljust(64, "0"), (Part(scheme.medium, (1.0,), (fingerprint,)),))
    registry.add([Entry(work_id, "", scheme.medium, media)])


def bench_hashes(table: Any, folder: Path, python: str, cpu: Callable[..., Any], median_cpu: Callable[..., float]) -> None:
    """256-bit hashes within 31 bits: all true pairs as the exact search finds them, distances spread evenly from 0 to 31."""
    rng = np.random.default_rng(3)
    hashes = rng.integers(0, 256, (HASHES, 32), dtype=np.uint8)
    asked = rng.choice(HASHES, QUERIES, replace=False)
    bits = np.unpackbits(hashes[asked], axis=1)
    for row, distance in enumerate(rng.integers(0, RADIUS + 1, QUERIES)):
        bits[row, rng.choice(256, distance, replace=False)] ^= 1
    queries = np.packbits(bits, axis=1)
    np.save(folder / "hashes.npy", hashes)
    np.save(folder / "queries.npy", queries)
    command = [python, "-c", FAISS, str(folder / "hashes.npy"), str(folder / "queries.npy")]
    other = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    with open_registry(folder / "hashes.db", create=True, schemes={BANDED.name: BANDED}) as registry:
        _one_work(registry, "hashes", BANDED, make(BANDED, np.arange(HASHES, dtype=np.int32), hashes))
        found: set[tuple[int, int]] = set()
        spent = median_cpu(lambda: found.update(_near(registry, hashes, queries)))
    truth = {(q, i) for q, i in other["pairs"]}
    among = {pair for pair in found if pair[0] in {q for q, _ in truth}} if len(truth) < QUERIES else found
    recall, ratio = len(found & truth) / len(truth), other["spent"] / spent
    table.add(
        f"256-bit, radius 31, 1 M hashes against {other['name']}", ">= 4x at recall >= 0.98",
        ratio >= 4 and recall >= 0.98 and among <= truth | found, ratio=ratio, recall=recall,
        ours_per_s=QUERIES / spent, other_per_s=QUERIES / other["spent"],
    )  # fmt: skip


def _near(registry: Registry, hashes: UInt8, queries: UInt8) -> set[tuple[int, int]]:
    """Pairs (query, hash) within the radius: band keys looked up, the whole hash checked."""
    hits = registry.lookup(BANDED.name, band_keys(queries, BANDED.name, 2))
    pairs = np.unique(hits.output_row.astype(np.int64) << 32 | hits.work_position)
    row, position = pairs >> 32, pairs & 0xFFFFFFFF
    near = hamming(queries[row], hashes[position]) <= RADIUS
    return set(zip(row[near].tolist(), position[near].tolist(), strict=True))


def minhash_keys(signatures: np.ndarray[Any, Any]) -> Int64:
    """uint64[n, 128] MinHash values to int64[n, 32] keys: bands of four, each a polynomial of its values, mixed."""
    rows = signatures.astype(np.uint64, copy=False).reshape(len(signatures), BANDS, -1)
    keys = np.broadcast_to(np.arange(BANDS, dtype=np.uint64), rows.shape[:2])
    for column in range(rows.shape[2]):
        keys = keys * ODD
        keys += rows[:, :, column]
    return mix(keys, MINHASH.name)


def bench_minhash(table: Any, folder: Path, cpu: Callable[..., Any]) -> None:
    """Building the band index of signatures that are there; then candidates of near duplicates, which must be the same."""
    from datasketch import MinHash, MinHashLSH

    rng = np.random.default_rng(4)
    signatures = rng.integers(0, 2**32 - 1, (DOCUMENTS, PERMUTATIONS), dtype=np.uint64)
    asked = rng.choice(DOCUMENTS, QUERIES, replace=False)
    queries = np.where(
        rng.random((QUERIES, PERMUTATIONS)) < 0.4, rng.integers(0, 2**32 - 1, 128, dtype=np.uint64), signatures[asked]
    )
    sketches = [MinHash(num_perm=PERMUTATIONS, hashvalues=s, scheme="legacy") for s in signatures]
    lsh = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, PERMUTATIONS // BANDS))

    def insert() -> None:
        for number, sketch in enumerate(sketches):
            lsh.insert(number, sketch)

    theirs = cpu(insert)[0]
    expected = [set(lsh.query(MinHash(num_perm=PERMUTATIONS, hashvalues=q, scheme="legacy"))) for q in queries]
    with open_registry(folder / "minhash.db", create=True, schemes={MINHASH.name: MINHASH}) as registry:

        def build() -> None:
            """Like datasketch, without storing the signatures."""
            with registry._must_write().atomic():
                made = make(MINHASH, np.arange(DOCUMENTS, dtype=np.int32), keys=minhash_keys(signatures))
                write_segment(registry.file.conn, MINHASH.name, [postings_of(0, made)])
            registry._forget()

        ours = cpu(build)[0]
        hits = registry.lookup(MINHASH.name, minhash_keys(queries))
    found: list[set[int]] = [set() for _ in range(QUERIES)]
    for row, position in zip(hits.output_row.tolist(), hits.work_position.tolist(), strict=True):
        found[row].add(position)
    recalls = [float(np.mean([int(a) in s for a, s in zip(asked, side, strict=True)])) for side in (found, expected)]
    ratio = theirs / ours
    table.add(
        "MinHash band build against datasketch MinHashLSH", ">= 8x, equal recall", ratio >= 8 and found == expected,
        ratio=ratio, ours_s=ours, datasketch_s=theirs, our_recall=recalls[0], their_recall=recalls[1],
    )  # fmt: skip
