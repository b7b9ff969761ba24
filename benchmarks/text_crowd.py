"""How many works of text are still found in a large registry: `python benchmarks/text_crowd.py --works 1000 10000`.

All works of the dev lineup and made-up ones (as in text_growth) in one registry; the lineup's outputs are scanned against it and
scored. `--unfair` draws a made-up work's keys from those of the works themselves, so that the names of each novel soon stand in
dozens of works. What the outputs are and what is true stays the same; the threshold rises with the registry, as it does in use.
The result goes to benchmarks/results/text-crowd.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from lab import CACHE, SHARED, cached, code_version, failures  # noqa: E402
from text_growth import WORDS, FairPool, Pool, grow, real_works  # noqa: E402

from fingerprint import text  # noqa: E402
from fingerprint.features import Media  # noqa: E402
from matcher.calibration import load  # noqa: E402
from matcher.report import as_json, failure  # noqa: E402
from matcher.scan import scan_media  # noqa: E402
from registry.store import Registry, open_registry  # noqa: E402
from registry.works import Entry  # noqa: E402

LINEUP = SHARED / "text"
RESULT = HERE / "results" / "text-crowd.json"


def outputs() -> list[tuple[str, Any]]:
    """The lineup's outputs, probed."""
    version = code_version(("text", "documents"))
    paths = [o["path"] for o in json.loads((LINEUP / "truth.json").read_text())["outputs"]]
    return [(p, cached(("probe", str(LINEUP / p), version))) for p in paths]


def scored(registry: Registry, some: list[tuple[str, Any]], report: Path, tell: bool) -> dict[str, Any]:
    """Recall and what is wrongly named, and the CPU time of a scan."""
    calibration, lines, took = load(), [], []
    with registry.snapshot():
        for path, media in some:
            if not isinstance(media, Media):
                lines.append(failure(path, media[1], media[2], {}))
                continue
            began = time.process_time()
            lines.append(as_json(scan_media(path, media, registry, calibration), candidates=True))
            took.append(1e3 * (time.process_time() - began))
    report.write_text("".join(json.dumps(line) + "\n" for line in lines))
    if tell:
        failures(LINEUP, lines)
    command = [sys.executable, str(SHARED / "score.py"), str(LINEUP), str(report), "--json"]
    figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    chosen = {name: figures["figures"][name] for name in ("muAP", "P", "R", "falsely named")}
    return chosen | {"cpu_ms": round(statistics.median(took), 1), "mean_cpu_ms": round(statistics.mean(took), 1)}


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("--works", type=int, nargs="+", default=[1000, 10_000])
    ap.add_argument("--unfair", action="store_true", help="made-up works with the very keys of the real ones")
    ap.add_argument("--folder", type=Path, default=CACHE, help="where the registries are kept")
    ap.add_argument("--failures", action="store_true")
    ap.add_argument("--keep", action="store_true", help="write the result to benchmarks/results")
    a = ap.parse_args()
    works = real_works()
    parts = [m.parts[0] for _, m, _ in works]
    words = sum(len(p.of(text.STREAM) or ()) for p in parts)
    kind = Pool if a.unfair else FairPool
    rows = []
    for size in sorted(a.works):
        path = a.folder / f"text-crowd-{'unfair' if a.unfair else 'fair'}-{size}.db"
        with open_registry(path, create=True) as registry:
            if not registry.works_count():
                registry.add([Entry(w, w, m.medium, m) for w, m, _ in works])
                pools = {s.name: kind(s.name, parts, words, WORDS) for s in text.SCHEMES if s.stored and not s.optional}
                grow(registry, pools, size - registry.works_count(), np.random.default_rng(1))
            rows.append({"works": size} | scored(registry, outputs(), CACHE / f"text-crowd-{size}.jsonl", a.failures))
            print(rows[-1], flush=True)
    if a.keep:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False)
        result = {"fair": not a.unfair, "rows": rows, "commit": commit.stdout.strip()}
        RESULT.write_text(json.dumps(result | {"date": datetime.date.today().isoformat()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
