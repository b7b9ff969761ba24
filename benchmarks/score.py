"""Recognition on the lineups through the command line: `make score`, or `python benchmarks/score.py --media audio text`.

Registers each lineup's works into a fresh registry, scans its outputs with --candidates, scores the report with the
lineup's own score.py, prints one table and writes benchmarks/results/<date>-score-<commit>.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINEUP = ROOT.parent / "shared" / "lineup"
RESULTS = Path(__file__).with_name("results")
FLOOR = {"image": 0.70, "text": 0.80, "film": 0.75, "audio": 0.60}
COLUMNS = ("muAP", "R@P1", "R@cleanneg", "P", "R", "falsely named", "span P", "span R", "names P", "names R")


def byline(*arguments: str, output: Path | None = None) -> float:
    """CPU seconds that this command took, children included. Exit status 1 means that some files were refused."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", "from desk.command import main; main()", *arguments]
    with (output or Path("/dev/null")).open("wb") as sink:
        status = subprocess.run(command, cwd=ROOT, stdout=sink, check=False).returncode
    if status > 1:
        sys.exit(f"byline {' '.join(arguments)} ended with status {status}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(medium: str, keep: Path) -> dict[str, object]:
    """Register, scan and score one lineup; the scorer's figures with our costs beside them."""
    lineup = LINEUP / medium
    registry, report = keep / f"{medium}.db", keep / f"{medium}.jsonl"
    tables = ("--catalog", str(lineup / "works.csv"), "--credits", str(lineup / "credits.csv"))
    register_s = byline("register", "--registry", str(registry), *tables)
    scan_s = byline("scan", "--registry", str(registry), str(lineup / "outputs"), "--json", "--candidates", output=report)
    scorer = [sys.executable, str(LINEUP / "score.py"), str(lineup), str(report), "--json"]
    result: dict[str, object] = json.loads(subprocess.run(scorer, capture_output=True, text=True, check=True).stdout)
    return result | {
        "register CPU s": round(register_s, 1),
        "scan CPU s": round(scan_s, 1),
        "registry MB": registry.stat().st_size / 1e6,
    }


def by_group(kinds: dict[str, dict[str, int]]) -> dict[str, str]:
    """found/true by group of kinds."""
    groups: dict[str, list[int]] = {}
    for kind, row in kinds.items():
        total = groups.setdefault(kind.split("/")[0], [0, 0])
        total[0] += row["found"]
        total[1] += row["true"]
    return {group: f"{found}/{true}" for group, (found, true) in sorted(groups.items()) if true}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--media", nargs="+", default=["image", "text", "film", "audio"], choices=sorted(FLOOR))
    parser.add_argument("--keep", type=Path, default=None, help="folder for the registries and reports")
    a = parser.parse_args()
    if not LINEUP.is_dir():
        sys.exit("the lineups are not here (../shared/lineup); nothing to score")
    keep = a.keep or Path(tempfile.mkdtemp(prefix="byline-score-"))
    keep.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    results = {medium: run(medium, keep) for medium in a.media}
    for medium, result in results.items():
        figures = result["figures"]
        assert isinstance(figures, dict)
        print(
            f"\n{medium}: "
            + "  ".join(f"{name} {figures[name]:.3f}" for name in COLUMNS)
            + f"  (floor of muAP {FLOOR[medium]:.2f})"
        )
        kinds = result["kinds"]
        assert isinstance(kinds, dict)
        print("  " + "  ".join(f"{group} {row}" for group, row in by_group(kinds).items()))
        costs = (result["register CPU s"], result["scan CPU s"], result["registry MB"])
        print("  register {} CPU s, scan {} CPU s, registry {:.1f} MB".format(*costs))
    RESULTS.mkdir(exist_ok=True)
    today = datetime.date.today().isoformat()
    name = RESULTS / f"{today}-score-{commit}.json"
    name.write_text(json.dumps({"date": today, "commit": commit, "media": results}, indent=1) + "\n")
    print(f"\nwritten to {name.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
