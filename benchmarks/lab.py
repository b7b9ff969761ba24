"""Quick experiments on one lineup, in memory: `python benchmarks/lab.py audio --kinds`.

Fingerprints are kept in benchmarks/.cache by file and by the source of the package, so that only a changed medium is
computed again. Nothing here is part of the product; `make score` goes through the command line.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import pickle
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "lineup"
CACHE = Path(__file__).with_name(".cache")
sys.path.insert(0, str(ROOT))

from fingerprint import UnreadableMedia, extract, media_table, probe, schemes  # noqa: E402
from matcher.calibration import load  # noqa: E402
from matcher.report import as_json, failure  # noqa: E402
from matcher.scan import scan_media  # noqa: E402
from registry.hits import Credit, Work  # noqa: E402
from registry.memory import MemoryIndex  # noqa: E402
from registry.text import year_of  # noqa: E402


def code_version(media: tuple[str, ...]) -> str:
    """Digest of the sources that decide the fingerprints of these media."""
    files = [
        f
        for f in sorted(f for f in (ROOT / "fingerprint").rglob("*") if f.suffix in (".py", ".npz"))
        if not f.stem.startswith(("film", "audio", "image", "text", "documents", "table")) or f.stem.startswith(media)
    ]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:16]


def cached(job: tuple[str, str, str]) -> object:
    """Media, or UnreadableMedia."""
    view, path, version = job
    where = CACHE / hashlib.sha256(f"{view}|{path}|{version}".encode()).hexdigest()
    if where.exists():
        return pickle.loads(where.read_bytes())  # noqa: S301
    try:
        result: object = (extract if view == "extract" else probe)(path)
    except UnreadableMedia as error:
        result = ("error", error.code, str(error))
    CACHE.mkdir(exist_ok=True)
    temporary = where.with_suffix(f".{os.getpid()}")
    temporary.write_bytes(pickle.dumps(result))
    temporary.replace(where)
    return result


def load_lineup(
    medium: str, jobs: int, only: str = "", lineup: Path | None = None
) -> tuple[MemoryIndex, list[tuple[str, object]]]:
    """The index of the lineup's works and the probes of its outputs. `lineup`: a folder laid out as the lineups are."""
    lineup = lineup or SHARED / medium
    media = {
        "film": ("film", "audio", "image", "text", "documents"),
        "audio": ("audio", "film"),
        "image": ("image", "film"),
        "text": ("text", "documents"),
    }[medium]
    version = code_version(media)
    rows = list(csv.DictReader((lineup / "works.csv").open(encoding="utf-8")))
    credits = defaultdict(list)
    for row in csv.DictReader((lineup / "credits.csv").open(encoding="utf-8")):
        credits[row["work_id"]].append(Credit(row["name"].strip(), row["role"]))
    outputs = [o for o in json.loads((lineup / "truth.json").read_text())["outputs"] if only in o["kind"]]
    with ProcessPoolExecutor(jobs) as pool:
        works = list(pool.map(cached, [("extract", str(lineup / r["path"]), version) for r in rows], chunksize=4))
        probes = list(pool.map(cached, [("probe", str(lineup / o["path"]), version) for o in outputs], chunksize=4))
    for r, w in zip(rows, works, strict=True):
        if isinstance(w, tuple):
            print(r["work_id"], w, file=sys.stderr)
    about = {r["work_id"]: work_of(r, tuple(credits[r["work_id"]])) for r in rows}
    index = MemoryIndex(
        [(r["work_id"], w.parts) for r, w in zip(rows, works, strict=True) if not isinstance(w, tuple)],
        schemes(),
        about,
    )
    return index, [(o["path"], p) for o, p in zip(outputs, probes, strict=True)]


def work_of(row: dict[str, str], credits: tuple[Credit, ...]) -> Work:
    """The work of a row of works.csv, as a registry would tell of it."""
    return Work(row["work_id"], row["title"], row["medium"], credits, (), year_of(row, row["title"]))


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("medium", choices=["audio", "film", "image", "text"])
    ap.add_argument("--kinds", action="store_true")
    ap.add_argument("--only", default="", help="outputs whose kind holds this text")
    ap.add_argument("--failures", action="store_true", help="print each output whose listed works are not the true ones")
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--report", type=Path, default=None)
    ap.add_argument("--lineup", type=Path, default=None, help="another folder laid out as the lineups are")
    a = ap.parse_args()
    t0 = time.time()
    lineup = (a.lineup or SHARED / a.medium).resolve()
    index, outputs = load_lineup(a.medium, a.jobs, a.only, lineup)
    t1, c1 = time.time(), time.process_time()
    media_table()
    calibration = load()
    lines = []
    for path, media in outputs:
        if isinstance(media, tuple):
            lines.append(failure(path, media[1], media[2], {}))
        else:
            lines.append(as_json(scan_media(path, media, index, calibration), candidates=True))
    print(
        f"fingerprints {t1 - t0:.1f} s, matching {time.process_time() - c1:.2f} CPU s for {len(outputs)} outputs",
        file=sys.stderr,
    )
    report = a.report or CACHE / f"{a.medium}.jsonl"
    report.write_text("".join(json.dumps(line) + "\n" for line in lines))
    if a.failures:
        failures(lineup, lines)
    if not a.only:
        subprocess.run(
            [
                sys.executable,
                str(SHARED / "score.py"),
                str(lineup),
                str(report),
                *(["--kinds"] if a.kinds else []),
            ],
            check=False,
        )


def stressed(
    medium: str, about: str, render: Callable[[Path, int, int], None], scan: Callable[[Path, int, str], list[dict]]
) -> tuple[Path, list[dict]]:
    """The command line of a stress lineup: rendered where it is not yet, scanned, told. Its folder and the reports."""
    ap = argparse.ArgumentParser(description=about)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--each", type=int, default=6, help="outputs of each kind")
    ap.add_argument("--only", default="", help="outputs whose kind holds this text")
    ap.add_argument("--jobs", type=int, default=1)
    a = ap.parse_args()
    folder = CACHE / f"stress-{medium}-{a.seed}-{a.each}"
    if not (folder / "truth.json").exists():
        render(folder, a.seed, a.each)
    lines = scan(folder, a.jobs, a.only)
    report = folder / "report.jsonl"
    report.write_text("".join(json.dumps(line) + "\n" for line in lines))
    failures(folder, lines)
    if not a.only:
        subprocess.run([sys.executable, str(SHARED / "score.py"), str(folder), str(report), "--kinds"], check=True)
    return folder, lines


def failures(lineup: Path, lines: list[dict]) -> None:
    truth = {o["path"]: o for o in json.loads((lineup / "truth.json").read_text())["outputs"]}
    for line in lines:
        o = truth[line["output"]]
        want = {w["work_id"] for w in o["works"] if w["relation"] != "style"}
        listed = {m["work"] for m in line["matches"] if not m.get("candidate")}
        if want != listed:
            top = [
                (m["work"], m["relation"], m["score"], "cand" if m.get("candidate") else "LISTED") for m in line["matches"][:4]
            ]
            print(line["output"], o["kind"], "want", sorted(want), "top", top, line.get("error", ""))


if __name__ == "__main__":
    main()
