"""How often outputs are falsely named and works missed as the threshold moves: `python benchmarks/error_curves.py`.

Reads the pairs that `calibrate.py` drew (benchmarks/.cache/pairs-<medium>.json: the lineup's outputs and thousands of cuts
scanned without their own work) and puts the calibration in use on them. Prints, for each medium, the rate of falsely named
outputs at the default decision with its 95 % bound (Clopper-Pearson), writes the detection-error trade-off (Martin et al.,
Eurospeech 1997) as docs/media/errors-<medium>.svg and the figures behind it as JSON into benchmarks/results/.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import subprocess
from pathlib import Path

from calibrate import upper_bound
from lab import CACHE, ROOT, SHARED

from matcher.calibration import Calibration, load

NOT_FOUND = -99.0
MARGINS = [step / 10 for step in range(-60, 41)]
ALLOWED = 1 / 1000
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 400, 70, 50
LEAST_RATE, LEAST_MISSED = 1e-4, 1e-2


def margin(row: dict, medium: str, works: int, calibration: Calibration) -> float:
    """How far the score of a pair is above the threshold of its relation; below 0 it is not listed."""
    best: dict[str, tuple[float, str]] = {}
    for name, strength in row["strengths"].items():
        part, scheme, relation = name.split("/")
        score = calibration.score(part, scheme, relation, strength)
        best[part] = max(best.get(part, (NOT_FOUND, "")), (score, relation))
    total = sum(score for score, _ in best.values() if score > 0)
    return total - calibration.threshold(medium, max(best.values())[1], works)


def margins(medium: str) -> tuple[dict[str, float], list[float]]:
    """Of each output without a registered work the best margin of any work; and the margin of each true pair."""
    kept = json.loads((CACHE / f"pairs-{medium}.json").read_text())
    truth = {o["path"]: o for o in json.loads((SHARED / medium / "truth.json").read_text())["outputs"]}
    calibration, works = load(), kept["works"]
    wrong: dict[str, float] = {}
    right: list[float] = []
    for path, found in kept["drawn"].items():
        of_work = {row["work"]: margin(row, medium, works, calibration) for row in found}
        wanted = {w["work_id"] for w in truth[path]["works"] if w["relation"] != "style"}
        right += [of_work.get(work, NOT_FOUND) for work in sorted(wanted)]
        if not truth[path]["works"]:
            wrong[path] = max(of_work.values(), default=NOT_FOUND)
    for number, found in enumerate(kept["extra"]):
        wrong[f"cut {number}"] = max((margin(row, medium, works, calibration) for row in found), default=NOT_FOUND)
    return wrong, right


def curve(wrong: list[float], right: list[float]) -> list[dict[str, float]]:
    """For each margin the share of outputs falsely named and of true pairs missed when the threshold is moved by it."""
    return [
        {
            "moved": moved,
            "falsely_named": sum(m >= moved for m in wrong) / len(wrong),
            "missed": sum(m < moved for m in right) / len(right),
        }
        for moved in MARGINS
    ]


def drawn(medium: str, points: list[dict[str, float]], outputs: int, now: dict[str, float]) -> str:
    """The curve as SVG, both axes logarithmic."""
    top, right = 20, 20
    wide, high = WIDTH - LEFT - right, HEIGHT - BOTTOM - top

    def x(rate: float) -> float:
        return LEFT + wide * (math.log10(max(rate, LEAST_RATE)) - math.log10(LEAST_RATE)) / -math.log10(LEAST_RATE)

    def y(rate: float) -> float:
        return top + high * math.log10(max(rate, LEAST_MISSED)) / math.log10(LEAST_MISSED)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for rate in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
        lines.append(f'<path d="M{x(rate):.1f} {top}V{top + high}" stroke="#ddd"/>')
        label = f"{rate:g}" if rate > LEAST_RATE else f"{rate:g} or none"
        lines.append(f'<text x="{x(rate):.1f}" y="{top + high + 16}" text-anchor="middle">{label}</text>')
    for rate in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0):
        lines.append(f'<path d="M{LEFT} {y(rate):.1f}H{LEFT + wide}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y(rate) + 4:.1f}" text-anchor="end">{rate:g}</text>')
    path = " ".join(f"{x(p['falsely_named']):.1f},{y(p['missed']):.1f}" for p in points)
    lines += [
        f'<path d="M{x(ALLOWED):.1f} {top}V{top + high}" stroke="#b00" stroke-dasharray="4 3"/>',
        f'<text x="{x(ALLOWED) + 5:.1f}" y="{top + 14}" fill="#b00">1 in 1,000</text>',
        f'<polyline points="{path}" fill="none" stroke="#046" stroke-width="2"/>',
        f'<circle cx="{x(now["falsely_named"]):.1f}" cy="{y(now["missed"]):.1f}" r="5" fill="#046"/>',
        f'<text x="{x(now["falsely_named"]) + 9:.1f}" y="{y(now["missed"]) - 8:.1f}">the default</text>',
        f'<text x="{LEFT + wide / 2}" y="{HEIGHT - 10}" text-anchor="middle">share of {outputs:,} outputs without '
        f"a registered work that are falsely named ({medium})</text>",
        f'<text transform="translate(16 {top + high / 2}) rotate(-90)" text-anchor="middle">share of true works missed</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def measured(medium: str) -> dict[str, object]:
    """The figures of one medium; its picture is written."""
    wrong, right = margins(medium)
    points = curve(list(wrong.values()), right)
    named = sorted(name for name, m in wrong.items() if m >= 0)
    now = next(p for p in points if p["moved"] == 0.0)
    (ROOT / "docs" / "media" / f"errors-{medium}.svg").write_text(drawn(medium, points, len(wrong), now))
    bound = upper_bound(len(named), len(wrong))
    print(
        f"{medium}: {len(named)} of {len(wrong):,} outputs falsely named, at most {1000 * bound:.2f} in 1,000 (95 %); "
        f"{now['missed']:.3f} of {len(right)} true works missed {named[:5]}"
    )
    worst = sorted(((round(m, 2), name) for name, m in wrong.items()), reverse=True)[:5]
    return {
        "outputs": len(wrong), "falsely_named": len(named), "bound_95": round(bound, 5), "true_pairs": len(right),
        "missed": round(now["missed"], 4), "nearest": worst, "curve": points,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--media", nargs="+", default=["audio", "film"])
    a = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    result = {medium: measured(medium) for medium in a.media}
    today = datetime.date.today().isoformat()
    file = Path(__file__).with_name("results") / f"{today}-errors-{commit.strip()}.json"
    file.write_text(json.dumps({"date": today, "commit": commit.strip(), "media": result}, indent=1) + "\n")
    print(f"written to {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
