"""Translations and paraphrases of passages of the text lineup's works: `python benchmarks/stress_text_translated.py`.

benchmarks/translated.jsonl holds them, all written for this test: {work, start, language, kind, text}. kind "translation" and
"paraphrase" follow the work from code point `start` on; "original" tells another story of the same kind and follows none. The
lineup's works are the registry. Printed: works listed and first candidates by language and kind, originals falsely named, what
is missed.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from lab import load_lineup  # noqa: E402

from fingerprint import text  # noqa: E402
from fingerprint.documents import Document  # noqa: E402
from fingerprint.features import Media  # noqa: E402
from matcher.attribute import Match  # noqa: E402
from matcher.scan import scan_media  # noqa: E402

TEXTS = HERE / "translated.jsonl"
NEAR = 300.0  # code points by which the place that is told may lie before the passage


def best(matches: tuple[Match, ...], right: str) -> str:
    """How the right work stands: listed, candidate (the first), below (not first) or missed; false where another is listed."""
    if any(m.listed and m.work_id != right for m in matches):
        return "false"
    if any(m.listed for m in matches):
        return "listed"
    works = [m.work_id for m in matches]
    return "missed" if right not in works else "candidate" if works[0] == right else "below"


def main() -> None:
    index, _ = load_lineup("text", 2, "nothing at all")
    rows = [json.loads(line) for line in TEXTS.read_text(encoding="utf-8").splitlines()]
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        media = Media("text", "", (text.probes(Document(row["text"], row["text"])),))
        matches = scan_media("", media, index).matches
        found = best(matches, row["work"])
        counts[row["language"], row["kind"]][found] += 1
        if found == "false" or (found != "listed" and row["work"]):
            shown = [(m.work_id, round(m.score, 2), [e.variant for _, e in m.segments]) for m in matches[:3]]
            print(f"{found}: {row['language']} {row['kind']} of {row['work'] or 'none'}: {row['text'][:60]!r} {shown}")
        wrong = [
            e.work_span
            for m in matches
            if m.listed
            for _, e in m.segments
            if not _at(e.work_span, row["start"], len(row["text"]))
        ]
        if wrong and row["work"]:
            print(f"another place: {row['work']} {row['start']}, told {wrong}")
    for (language, kind), found_here in sorted(counts.items()):
        print(f"{language:<8} {kind:<12} {sum(found_here.values()):>3}  {dict(found_here)}")


def _at(span: tuple[float, ...], start: int, length: int) -> bool:
    return start - NEAR <= span[0] and span[1] <= start + 2 * length + NEAR


if __name__ == "__main__":
    main()
