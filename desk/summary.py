"""A report for people, in the terminal: what was found, where, how much, who made it, how sure, and what is left."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from desk import words

SEGMENTS_SHOWN = 5
WIDTH = 110
SAME_SPEED = 0.025
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
    lines.extend(_manner(row.get("resemblance", [])))
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
    counts = f"{words.count(read, 'output')} scanned: {named} with registered works in them"
    counts += f" ({words.count(works, 'work')}, {words.count(humans, 'person', 'people')} credited)" if named else ""
    lines = [f"{counts}, {read - named} without."]
    if failed:
        lines.append(f"{words.count(failed, 'output')} could not be read; see above.")
    if named:
        lines.extend(textwrap.wrap(words.CAUTION, WIDTH))
    return lines


def _reason(row: Mapping[str, Any]) -> str:
    message = str(row["error"]["message"])
    return message.removeprefix(f"{row['output']}: ")


def _match(match: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[str]:
    noun, verb = words.NOUNS.get(match["medium"], match["medium"]), words.RELATIONS[match["relation"]]
    yield f'{INDENT}{verb} "{words.plain(match["title"])}" ({noun}, work {words.plain(match["work"])})'
    halves = " (picture and sound count half each)" if {"film", "audio"} <= set(row["parts"]) else ""
    yield from _entry("how much", f"{words.percent(match['degree'])} of this output{halves}")
    segments: Sequence[Mapping[str, Any]] = match["segments"]
    for number, segment in enumerate(segments[:SEGMENTS_SHOWN]):
        yield from _entry("" if number else "where", _segment(segment, match["medium"], row["medium"]))
    if len(segments) > SEGMENTS_SHOWN:
        yield from _entry("", f"and {len(segments) - SEGMENTS_SHOWN} more places")
    yield from _entry("made by", words.people(row["credits"], match["work"]) or "nobody is credited in the registry")
    if match.get("twins"):
        twins = ", ".join(words.plain(t) for t in match["twins"])
        yield from _entry("same as", f"{twins} (registered with the same content)")
    if match.get("ambiguous"):
        yield from _entry("source", words.ambiguous(match["ambiguous"]))
    yield from _entry("how sure", words.sureness(match["score"]))


def _entry(label: str, text: str) -> list[str]:
    """A labelled line, wrapped; a person's name stays in one piece."""
    head = f"{INDENT * 2}{label:<11}"
    lines = textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)
    return [line.replace(words.HARD_SPACE, " ") for line in lines]


def _segment(segment: Mapping[str, Any], work_medium: str, output_medium: str) -> str:
    part = segment["part"]
    track = f"{words.TRACKS[part]} " if output_medium == "film" else ""
    here = words.place(part, segment["output"])
    there = words.place("image" if len(segment["work"]) == 4 else _line_medium(part, work_medium), segment["work"])
    speed = segment["scale"]
    pace = "" if part in ("image", "text") or abs(speed - 1) < SAME_SPEED else f", played at {speed:.2f} times the speed"
    variant = segment.get("variant", "")
    mirrored = ", mirrored" if "mirror" in variant else f", {words.told_in(variant)}" if variant in words.TELLINGS else ""
    return f"{track}{here}, from {there} of the work{pace}{mirrored}{words.telling(segment)}"


def _line_medium(part: str, work_medium: str) -> str:
    return work_medium if part == "image" else part


def _manner(alike: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if alike:
        yield f"{INDENT}in manner it is like ({words.MANNER}):"
    for place in alike:
        who, chance = words.resemblance(place)
        yield from _entry(f"rank {place['rank']}", f"{who}; {chance}")


def _rest(row: Mapping[str, Any], listed: Sequence[Mapping[str, Any]]) -> str:
    if not listed:
        works = row["registry"].get("works")
        among = f"none of the {works:,} registered works" if isinstance(works, int) else "no registered work"
        return f"{INDENT}{among} was found in it; that does not prove that none was used"
    return f"{INDENT}unexplained: {words.percent(row['unexplained'])} of this output matches nothing in the registry"
