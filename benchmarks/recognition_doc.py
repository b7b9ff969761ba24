"""Puts the newest measured figures into docs/recognition.md: `python benchmarks/recognition_doc.py`.

Reads benchmarks/results/*-score-*.json (recall by kind), *-errors-*.json (falsely named outputs) and *-costs.json, and
writes what stands between the markers of the page. Nothing is measured here.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "recognition.md"
CALIBRATION = HERE.parent / "matcher" / "calibration.json"
MEDIA = {"audio": "Sound", "film": "Film", "image": "Stills", "text": "Text"}
SHORTEST_TOLD = 1000  # words, as fingerprint.text_style.LEAST_WORDS
GROUPS = (
    *("robustness", "timepitch", "temporal", "mixing", "cross-media"),
    *("verbatim", "excerpt", "needle", "format", "noise", "near", "hard", "mosaic"),
    *("remake", "negative"),
)


def newest(kind: str, medium: str) -> dict[str, Any]:
    """The newest results of that kind that hold the medium."""
    for file in sorted(RESULTS.glob(f"*-{kind}-*.json"), key=lambda f: (f.name[:10], f.stat().st_mtime), reverse=True):
        data = json.loads(file.read_text())
        if medium in data["media"]:
            return data["media"][medium] | {"commit": data["commit"], "date": data["date"]}
    raise SystemExit(f"no {kind} results for {medium}: run benchmarks/{'score' if kind == 'score' else 'error_curves'}.py")


def kinds_of(score: dict[str, Any]) -> list[str]:
    """One line for each group: its kinds with found/true, complete ones by name only."""
    lines = []
    for group in GROUPS:
        rows = {k.split("/", 1)[1]: v for k, v in score["kinds"].items() if k.startswith(group + "/")}
        if not rows:
            continue
        if group == "negative":
            named = sum(r["outputs with a false work"] for r in rows.values())
            lines.append(f"| negatives | {named} of {sum(r['outputs'] for r in rows.values())} named | {', '.join(rows)} |")
            continue
        found, true = (sum(r[name] for r in rows.values()) for name in ("found", "true"))
        parts = [k if r["found"] == r["true"] else f"**{k} {r['found']} of {r['true']}**" for k, r in rows.items()]
        lines.append(f"| {group} | {found} of {true} | {', '.join(parts)} |")
    return lines


def figures() -> str:
    """The block of what is found."""
    lines = []
    for medium, title in MEDIA.items():
        score, errors = newest("score", medium), errors_of(medium)
        f = score["figures"]
        named = f"{errors['falsely_named']} {'was' if errors['falsely_named'] == 1 else 'were'} falsely named"
        lines += [
            f"### {title}", "",
            f"{f['outputs']} outputs of the development lineup, through the command line at the default decision "
            f"({score['date']}, {score['commit']}): muAP {f['muAP']:.3f}, {100 * f['R']:.1f} % of the true works listed, "
            f"{100 * f['P']:.1f} % of the listed works true, {where(medium, f)}.", "",
            "| group | true works listed | kinds (complete, unless it says otherwise) |", "|---|---|---|", *kinds_of(score), "",
            f"Of {errors['outputs']:,} outputs without a registered work {named}: at most "
            f"{1000 * errors['bound_95']:.2f} in 1,000 with 95 % confidence ({errors['date']}): the lineup's negatives and "
            "cuts of registered works, scanned as if their own work were not registered.", "",
        ]  # fmt: skip
        if errors["curve"]:
            picture = f"![Share of true works missed against share of outputs falsely named, {medium}](media/errors-{medium}.svg)"
            lines += ["As the threshold moves:", "", picture, ""]
    return "\n".join(lines)


def errors_of(medium: str) -> dict[str, Any]:
    """The newest error curve; without one, what the calibration in use says of the medium."""
    if any(medium in json.loads(f.read_text())["media"] for f in RESULTS.glob("*-errors-*.json")):
        return newest("errors", medium)
    data = json.loads(CALIBRATION.read_text())
    return data["accept"][f"{medium}/copy"] | {"date": data["date"], "curve": None}


def where(medium: str, f: dict[str, float]) -> str:
    """How well the places are told: spans, or the regions of stills."""
    if medium != "image":
        return f"span precision {f['span P']:.3f} and recall {f['span R']:.3f}"
    told = json.loads((RESULTS / "still-regions.json").read_text())["kinds"]["collages and insets"]
    return f"named regions of made collages and insets overlap the true ones by {told['output_iou']:.2f} (mean IoU)"


def costs() -> str:
    """The block of costs: rows of benchmarks/results/*-costs.json, the newest."""
    files = sorted(RESULTS.glob("*-costs.json"))
    if not files:
        raise SystemExit("no costs have been kept")
    data = json.loads(files[-1].read_text())
    lines = [f"Measured {data['date']} ({data['note']}).", "", "| what | measured | aim |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {measured} | {aim} |" for what, measured, aim in data["rows"]), ""])


def manner() -> str:
    """The block of manner, of benchmarks/results/manner.json (benchmarks/style_trial.py)."""
    told = json.loads((RESULTS / "manner.json").read_text())
    still, texts = told["image"], {int(n): t for n, t in told["text"].items() if n.isdigit()}
    of = f"{still['unrelated_reported']:.1%} of {still['unrelated_outputs']}"
    lines = [
        f"Measured {told['date']}. Chance is what drawing works at random gives.", "",
        "| outputs | right person or work first | chance | reported, and rightly | unrelated outputs reported |",
        "|---|---|---|---|---|",
        f"| {still['outputs']} stills in the style of one of {still['works']} works "
        f"| {still['first']:.2f} (in five {still['among_five']:.2f}) "
        f"| {still['chance']:.3f} | {still['reported_and_right']:.2f} | {of} |",
    ]  # fmt: skip
    unrelated = f"{told['text']['unrelated_reported']:.1%} of {told['text']['unrelated_outputs']}"
    for n, t in sorted(texts.items()):
        silent = n < SHORTEST_TOLD
        told_of = "silent: too short" if silent else f"{t['reported_and_right']:.2f}"
        lines.append(
            f"| texts of {n:,} words by {t['authors']} authors with another work among {t['works']} | {t['first']:.2f} "
            f"| {t['chance']:.2f} | {told_of} | {'-' if silent else unrelated} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, block in (("figures", figures()), ("costs", costs()), ("manner", manner())):
        pattern = rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)"
        text = re.sub(pattern, lambda m, block=block: m.group(1) + block + m.group(2), text, flags=re.S)
    PAGE.write_text(text, encoding="utf-8")
    print(f"figures put into {PAGE.name}")


if __name__ == "__main__":
    main()
