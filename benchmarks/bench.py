"""Every speed measurement, one after the other: `make bench`, `make bench-large` (postings at 50 million).

Each script prints its own figures with the floor it is compared with; all of it is also kept, dated and with the commit,
in benchmarks/results/<date>-bench-<commit>.txt.
"""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LINEUP_TEXT = ROOT.parent / "shared" / "lineup" / "text" / "works"
PEOPLE_AND_MONEY = [["import_speed.py", "100000"], ["residuals_speed.py"]]


def scripts(large: bool) -> list[list[str]]:
    """The commands, cheapest first. Text is measured on real novels, so it needs the lineup."""
    novels = sorted(LINEUP_TEXT.glob("*.txt"), key=lambda p: (-p.stat().st_size, p.name))[:8]
    words = [["text_speed.py", *map(str, novels)]] if novels else []
    films = [["film_speed.py"]] if novels else []
    postings = ["registry_speed.py", *(["--large"] if large else [])]
    return [["image_speed.py"], *words, ["audio_speed.py"], *films, ["desk_speed.py"], *PEOPLE_AND_MONEY, postings]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--large", action="store_true")
    a = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    kept, failed = [], []
    for name, *arguments in scripts(a.large):
        print(f"\n== {name}", flush=True)
        done = subprocess.run(
            [sys.executable, str(HERE / name), *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
        )
        print(done.stdout, end="", flush=True)
        kept.append(f"== {name}\n{done.stdout}")
        failed += [name] if done.returncode else []
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    file = results / f"{datetime.date.today().isoformat()}-bench-{commit.strip() or 'unknown'}.txt"
    file.write_text("\n".join(kept))
    print(f"\nwritten to {file.relative_to(ROOT)}")
    if failed:
        sys.exit(f"these ended with an error or missed a bar: {', '.join(failed)}")


if __name__ == "__main__":
    main()
