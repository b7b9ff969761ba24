"""A report for people, in the terminal: what was found, where, how much, who made it, how sure, and what is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from desk import words

SEGMENTS_SHOWN = 5
INDENT = "  "


def summary(row: Mapping[str, Any]) -> list[str]:
    """Lines for one output's report row."""
    if "error" in row:
        return [words.plain(row["output"]), f"{INDENT}not read: {words.plain(_reason(row))}"]
    lines = [f"{words.plain(row['output'])}  ({words.NOUNS[row['medium']]}, {words.size(row)})"]
    listed = [m for m in row["matches"] if not m.get("candidate")]
    for match in listed:
        lines.extend(_match(match, row))
    lines.append(_rest(row, listed))
    weaker = [m for m in row["matches"] if m.get("candidate")]
    if weaker:
        lines.append(f"{INDENT}weaker matches, too weak to name anyone:")
        lines.extend(
            f'{INDENT * 2}"{words.plain(m["title"])}" (work {words.plain(m["work"])}), {words.strength(m["score"])} evidence'
            for m in weaker
        )
    return lines


def ending(read: int, named: int, failed: int, works: int, humans: int) -> list[str]:
    """The last lines of a scan: counts, and what none of it proves."""
    counts = f"{_count(read, 'output')} scanned: {named} with registered works in them"
    counts += f" ({_count(works, 'work')}, {_count(humans, 'person', 'people')} credited)" if named else ""
    lines = [f"{counts}, {read - named} without."]
    if failed:
        lines.append(f"{_count(failed, 'output')} could not be read; see above.")
    if named:
        lines.append(words.CAUTION)
    return lines


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _reason(row: Mapping[str, Any]) -> str:
    message = str(row["error"]["message"])
    return message.removeprefix(f"{row['output']}: ")


def _match(match: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[str]:
    verb = words.RELATIONS[match["relation"]]
    part = "" if match["relation"] != "copy" or match["degree"] > 0.95 else "part of "
    noun = words.NOUNS.get(match["medium"], match["medium"])
    work = f'"{words.plain(match["title"])}" ({noun}, work {words.plain(match["work"])})'
    yield f"{INDENT}{verb} {part}{work}"
    yield f"{INDENT * 2}how much   {words.percent(match['degree'])} of this output"
    segments: Sequence[Mapping[str, Any]] = match["segments"]
    for number, segment in enumerate(segments[:SEGMENTS_SHOWN]):
        yield f"{INDENT * 2}{'where' if not number else '':<10} {_segment(segment, match['medium'])}"
    if len(segments) > SEGMENTS_SHOWN:
        yield f"{INDENT * 2}{'':<10} and {len(segments) - SEGMENTS_SHOWN} more places"
    made = words.people(row["credits"], match["work"])
    yield f"{INDENT * 2}made by    {made or 'nobody is credited in the registry'}"
    if match.get("twins"):
        yield f"{INDENT * 2}same as    {', '.join(words.plain(t) for t in match['twins'])} (registered with the same content)"
    yield f"{INDENT * 2}how sure   {words.sureness(match['score'])}"


def _segment(segment: Mapping[str, Any], work_medium: str) -> str:
    part = segment["part"]
    here = words.place(part, segment["output"])
    there = words.place("image" if len(segment["work"]) == 4 else _line_medium(part, work_medium), segment["work"])
    speed = segment["scale"]
    pace = "" if part in ("image", "text") or abs(speed - 1) < 0.01 else f", played at {speed:.2f} times the speed"
    return f"{words.TRACKS[part]} {here}, from {there} of the work{pace}"


def _line_medium(part: str, work_medium: str) -> str:
    return work_medium if part == "image" else part


def _rest(row: Mapping[str, Any], listed: Sequence[Mapping[str, Any]]) -> str:
    if not listed:
        works = row["registry"].get("works")
        among = f"none of the {works:,} registered works" if isinstance(works, int) else "no registered work"
        return f"{INDENT}{among} was found in it; that does not prove that none was used"
    return f"{INDENT}unexplained: {words.percent(row['unexplained'])} of this output matches nothing in the registry"
