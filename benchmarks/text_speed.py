"""What text costs: CPU seconds and bytes a million words to sign and index, and CPU milliseconds a query.

    python benchmarks/text_speed.py FILE... [--query FILE]

Bytes are the packed fingerprints and 10.2 for each posting, as benchmarks/registry_speed.py measures them. The registry is in
memory: lookups in SQLite come on top.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fingerprint import schemes, text
from fingerprint.documents import Document, read_document
from fingerprint.features import Media, Part, pack
from matcher.scan import scan_media
from registry.memory import MemoryIndex

POSTING_BYTES = 10.2  # 10.13 of ten million postings: docs/decisions/0002-postings.md
QUERY_WORDS = 1000


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("files", nargs="+", type=Path)
    ap.add_argument("--times", type=int, default=1, help="register every text so often, its words shifted in the alphabet")
    a = ap.parse_args()
    documents = [read_document(f) for f in a.files]
    parts, row = signed(documents)
    row |= indexed(parts)
    index = MemoryIndex([(f"{n}", (part,)) for n, part in enumerate(parts)], schemes())
    row |= queried(documents, index)
    row["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(row))


def signed(documents: list[Document]) -> tuple[list[Part], dict[str, float]]:
    text.features(documents[0])  # tables are read once
    began = time.process_time()
    parts = [text.features(d) for d in documents]
    spent = time.process_time() - began
    words = sum(len(p.of(text.STREAM) or ()) for p in parts)
    return parts, {"words": words, "sign_cpu_s_per_m": round(spent / words * 1e6, 3)}


def indexed(parts: list[Part]) -> dict[str, float]:
    """Packing, and sorting the postings as a registry does; bytes by scheme."""
    words = sum(len(p.of(text.STREAM) or ()) for p in parts)
    row, total = {}, 0.0
    began = time.process_time()
    for scheme in text.SCHEMES:
        own = [f for p in parts for f in p.fingerprints if f.scheme == scheme.name]
        if not own:  # of foreign texts alone, or with an extra
            continue
        size = sum(len(pack(f, scheme, brief=True)) for f in own)
        postings = sum(f.keys.size for f in own) if scheme.indexed else 0
        if scheme.indexed:
            np.sort(np.concatenate([f.keys.ravel() for f in own]))
        total += size + POSTING_BYTES * postings
        row[f"{scheme.name}_mb_per_m"] = round((size + POSTING_BYTES * postings) / words, 2)
        row[f"{scheme.name}_postings_per_m"] = round(postings / words * 1e6)
    row["index_cpu_s_per_m"] = round((time.process_time() - began) / words * 1e6, 3)
    return row | {"mb_per_m": round(total / words, 2)}


def queried(documents: list[Document], index: MemoryIndex) -> dict[str, float]:
    """Milliseconds for probes and for the scan, of 1,000 words out of each longer text."""
    made = scanned = 0.0
    queries = [d.words[len(d.words) // 2 :][: 6 * QUERY_WORDS] for d in documents if len(d.words) > 12 * QUERY_WORDS][:40]
    for query in queries:
        words = " ".join(query.split(" ")[:QUERY_WORDS])
        began = time.process_time()
        media = Media("text", "", (text.probes(Document(words, words)),))
        middle = time.process_time()
        scan_media("", media, index)
        scanned += time.process_time() - middle
        made += middle - began
    n = max(1, len(queries))
    return {"probe_ms": round(made / n * 1e3, 2), "scan_ms": round(scanned / n * 1e3, 2), "queries": len(queries)}


if __name__ == "__main__":
    main()
