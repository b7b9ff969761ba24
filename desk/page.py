"""The evidence page: one self-contained HTML file, the same bytes for the same inputs, that fetches and runs nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from desk import page_view, words
from desk.workers import Answer, Limits, Pool, cores
from fingerprint.errors import BylineError

TASK = "desk.evidence_task:task"
LIMITS = Limits(memory_bytes=1 << 30, floor_s=60.0, s_per_mb=0.5)
TEMPLATES = Path(__file__).with_name("templates")
PICTURED = 60  # matches that are shown with pictures; the others by their figures
OUTPUTS_SHOWN = 400  # at length; the others in the list only
PAGE_BYTES = 24 << 20  # of pictures on one page

Row = Mapping[str, Any]


def write_page(rows: Sequence[Row], paths: Sequence[Path], registry: Any, destination: Path) -> None:
    """Write the page for these report rows to `destination`. paths are the scanned files, one for each row.

    Media are decoded in worker processes. The works' own files are shown when they are still what was registered.
    """
    known = {m["work"]: _about(registry, m["work"]) for row in rows for m in row["matches"]}
    evidence = _evidence(rows[:OUTPUTS_SHOWN], paths[:OUTPUTS_SHOWN], known)
    text = render(rows, evidence, known)
    temporary = destination.with_name(destination.name + ".part")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(destination)
    finally:
        temporary.unlink(missing_ok=True)


def render(rows: Sequence[Row], evidence: Sequence[Mapping[tuple[str, str], Row]], known: Mapping[str, Row]) -> str:
    """The page's HTML. evidence holds, for each row, what was drawn by (work, part)."""
    css = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    views = []
    for number, row in enumerate(rows):
        shown = evidence[number] if number < len(evidence) else {}
        views.append(page_view.output_view(number, row, shown, known, _threshold(row)))
    return str(
        _environment().get_template("page.html").render(
            css=css, policy=_policy(css), outputs=views, shown=OUTPUTS_SHOWN, humans=page_view.humans(rows),
            counts=page_view.counts(views), caution=words.CAUTION, levels=page_view.LEVELS, registry=_revision(rows),
            tool=tool_version(), calibration=_calibration(),
        )
    )  # fmt: skip


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _policy(css: str) -> str:
    """Nothing but this very style sheet and pictures inside the page."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def tool_version() -> str:
    """The installed version of Byline."""
    try:
        return version("byline")
    except PackageNotFoundError:
        return "unknown"


def _threshold(row: Row) -> float:
    """The least score that names a copy in an output of this medium."""
    from matcher.calibration import load

    works = row["registry"].get("works")
    return load().threshold(str(row["medium"]), "copy", works if isinstance(works, int) else 1)


def _calibration() -> dict[str, str]:
    """When the thresholds were measured, and with how many outputs."""
    from matcher.calibration import FILE

    data = json.loads(FILE.read_text(encoding="utf-8"))
    measured = {name.split("/")[0]: int(a.get("outputs", 0)) for name, a in data["accept"].items()}
    return {"date": str(data.get("date", "")), "outputs": f"{sum(measured.values()):,}"}


def _revision(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """What identifies the registry's state, from the first row: one scan has one."""
    return [(words.plain(str(k)), words.plain(str(v))) for k, v in sorted(rows[0]["registry"].items())] if rows else []


def _about(registry: Any, work_id: str) -> Row:
    """What the registry tells of a work beyond the report: its path, digest and licence; nothing when it tells nothing."""
    tell = getattr(registry, "show", None)
    if tell is None:
        return {}
    try:
        told = tell(work_id)
    except BylineError:  # withdrawn since the scan
        return {}
    return told if isinstance(told, Mapping) else {}


def _evidence(rows: Sequence[Row], paths: Sequence[Path], known: Mapping[str, Row]) -> list[dict[tuple[str, str], Row]]:
    """For each row what its listed matches look like, by (work, part)."""
    jobs = list(_jobs(rows, paths, known))[:PICTURED]
    shown: list[dict[tuple[str, str], Row]] = [{} for _ in rows]
    if not jobs:
        return shown
    room = PAGE_BYTES
    for job, answer in _answers(jobs):
        room -= len(answer.body)
        evidence: dict[str, Any] = inlined(answer) if room >= 0 else {"kind": "none", "why": "left out to keep this page small"}
        evidence["at_hand"] = bool(job["work"]) and not evidence.get("work_unreadable")
        shown[job["row"]][job["match"], job["part"]] = evidence
    return shown


def _answers(jobs: list[dict[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Answer]]:
    """(job, answer). Where a worker failed, once more without the work's file, which may be to blame."""
    again = []
    with Pool(TASK, {}, min(cores(), len(jobs)), LIMITS) as pool:
        for job, answer in pool.answers(jobs):
            if answer.error is not None and job["work"]:
                again.append({**job, "work": ""})
            else:
                yield job, answer
        yield from pool.answers(again)


def _jobs(rows: Sequence[Row], paths: Sequence[Path], known: Mapping[str, Row]) -> Iterator[dict[str, Any]]:
    """One for each track of each listed match, the best match of every output first."""
    files: dict[tuple[str, str], bool] = {}
    ranked = []
    for number, (row, path) in enumerate(zip(rows, paths, strict=True)):
        for rank, match in enumerate(m for m in row["matches"] if not m.get("candidate")):
            ranked.append((rank, number, row, path, match))
    for _, number, row, path, match in sorted(ranked, key=lambda r: r[:2]):
        if not _unchanged(path, row["sha256"], files):
            continue
        own = str(known[match["work"]].get("path") or "")
        there = own if own and _unchanged(Path(own), known[match["work"]].get("sha256"), files) else ""
        for part in sorted({s["part"] for s in match["segments"]}):
            yield {
                "path": str(path), "name": row["output"], "work": there, "part": part, "work_medium": match["medium"],
                "segments": match["segments"], "row": number, "match": match["work"],
            }  # fmt: skip


def _unchanged(path: Path, sha256: Any, seen: dict[tuple[str, str], bool]) -> bool:
    """Whether the file is there and still the very one: a page must not show another picture under this digest."""
    key = (str(path), str(sha256))
    if key not in seen:
        seen[key] = isinstance(sha256, str) and _digest(path) == sha256
    return seen[key]


def _digest(path: Path) -> str:
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return ""


def inlined(answer: Answer) -> dict[str, Any]:
    """The answer with its picture numbers turned into data URIs."""
    if answer.error is not None:
        return {"kind": "none", "why": words.plain(str(answer.error["message"]))}
    head = dict(answer.head)
    uris, at = [], 0
    for size in head.pop("sizes"):
        uris.append("data:image/jpeg;base64," + base64.b64encode(answer.body[at : at + size]).decode())
        at += size
    head["pictures"] = uris
    return head
