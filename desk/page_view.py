"""What an evidence page says and draws, as plain values for the template. Pure: report rows and evidence in, values out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from desk import words
from desk.page_bars import HUES, TRACK_LABELS, bar, links, tracks
from desk.page_figures import figure

Row = Mapping[str, Any]
LEVELS = ("weak", "moderate", "moderately strong", "strong", "very strong", "extremely strong")
OUTPUT_NOUNS = {"film": "film", "audio": "recording", "text": "text", "image": "still"}
WORK_NOUNS = {"film": "film", "audio": "music or sound", "text": "text", "image": "still"}
FOUND_IN = {"film": "The picture of this film", "audio": "The sound of this film", "text": "The subtitles of this film"}
PLACES_SHOWN = 8
CAP = 6.0
TELLING_SPEED, TELLING_S = 0.015, 0.4
MOMENT_S = 0.2
PITCH = re.compile(r"pitch([+-]\d+(?:\.\d+)?)$")
SIDEWAYS = "turned on its side"
VIEWS = {
    "mirror": "mirrored", "flip": "upside down, mirrored", "turn": "turned by half",
    "transpose": f"{SIDEWAYS}, mirrored", "transpose+mirror": SIDEWAYS, "transpose+flip": SIDEWAYS,
    "transpose+turn": f"{SIDEWAYS}, mirrored",
}  # fmt: skip
REGISTERED = (("licence", "Licence"), ("source", "Source"), ("sha256", "SHA-256 of the registered file"))
VERBS = (("copy", "contains part of"), ("remake", "closely follows part of"), ("style", "resembles the manner of"))
RELATIONS = {
    "copy": "Copy: the same material, perhaps changed",
    "remake": "Followed closely: the same course or layout, made anew",
    "style": "Resemblance in manner, not evidence of use",
}


def output_view(
    number: int, row: Row, shown: Mapping[tuple[str, str], Row], known: Mapping[str, Row], threshold: float
) -> dict[str, Any]:
    """One output. `shown` is the evidence by (work, part), `known` what the registry says of each work."""
    view: dict[str, Any] = {"id": f"output-{number}", "name": words.plain(row["output"]), "sha256": row["sha256"]}
    view["short"] = view["name"].replace("\\", "/").rsplit("/", 1)[-1] or view["name"]
    if "error" in row:
        message = str(row["error"]["message"]).removeprefix(f"{row['output']}: ")
        reason = words.plain(message[:1].upper() + message[1:]).rstrip(".") + "."
        return view | {"tone": "error", "headline": [["This file could not be read.", ""]], "error": reason}
    listed = [m for m in row["matches"] if not m.get("candidate")]
    view["about"] = f"{OUTPUT_NOUNS[row['medium']]}, {words.size(row)}"
    view["tone"] = "found" if listed else "nothing"
    view["headline"] = headline(row, listed)
    view["matches"] = [match_view(i, m, row, shown, known) for i, m in enumerate(listed)]
    view["bar"] = bar(row, listed)
    view["rest"] = words.percent(row["unexplained"])
    view["tracks"] = tracks(row, listed) if len(listed) > 1 or row["medium"] == "film" else []
    view["halves"] = row["medium"] == "film" and bool(listed)
    view["weaker"] = [weaker_view(m, row) for m in row["matches"] if m.get("candidate")]
    view["searched"] = searched(row, threshold)
    view["alike"] = [
        {
            "rank": place["rank"],
            **dict(zip(("who", "chance"), words.resemblance(place), strict=True)),
            "distance": place["distance"],
        }
        for place in row.get("resemblance", [])
    ]
    return view


def headline(row: Row, listed: Sequence[Row]) -> list[list[str]]:
    """[[words, title], ...]: what was found, in one sentence; titles apart so that they can be set as titles."""
    if not listed:
        return [["Nothing above the threshold was found.", ""]]
    noun = OUTPUT_NOUNS[row["medium"]]
    pieces: list[list[str]] = []
    subject = _subject(row, listed[0], noun)
    for kind, verb in VERBS:
        group = [m for m in listed if m["relation"] == kind]
        for i, match in enumerate(group):
            lead = "" if i == 0 else (" and " if i == len(group) - 1 else ", ")
            if i == 0:
                lead = f"{subject} {verb} " if not pieces else f"; it {verb} "
            pieces.append([lead, words.plain(match["title"])])
    return [*pieces, [".", ""]]


def _subject(row: Row, first: Row, noun: str) -> str:
    parts = {s["part"] for m in row["matches"] if not m.get("candidate") for s in m["segments"]}
    if row["medium"] == "film" and len(parts) == 1:
        return FOUND_IN.get(next(iter(parts)), "This film")
    return f"This {noun}"


def searched(row: Row, threshold: float) -> str:
    """What it means that nothing, or nothing more, was found."""
    works = row["registry"].get("works")
    among = f"{works:,} registered works" if isinstance(works, int) and works != 1 else "the registered works"
    return (
        f"Compared with {among}. A work is named when what was found is at least {times(threshold)} times likelier if the "
        "output derives from it than by chance. That nothing was found does not prove that nothing was used."
    )


def times(score: float) -> str:
    """A score as a factor: 40, 4,000. Beyond a million no set of test outputs reaches."""
    return "1 million" if score >= CAP else f"{round(10**score, -max(0, int(score))):,.0f}"


def match_view(
    number: int, match: Row, row: Row, shown: Mapping[tuple[str, str], Row], known: Mapping[str, Row]
) -> dict[str, Any]:
    """One work found in the output."""
    about = known.get(match["work"], {})
    parts = sorted({s["part"] for s in match["segments"]}, key=("film", "audio", "text", "image").index)
    return {
        "hue": number % HUES, "title": words.plain(match["title"]), "work": words.plain(match["work"]),
        "noun": WORK_NOUNS.get(match["medium"], match["medium"]), "relation": relation(match),
        "degree": words.percent(match["degree"]), "strength": words.strength(match["score"]),
        "level": level(match["score"]), "score": f"{match['score']:.1f}", "sure": sure(match),
        "people": people(row["credits"], match["work"]), "twins": [words.plain(t) for t in match.get("twins", [])],
        "parts": [part_view(p, match, row, shown.get((match["work"], p)), about) for p in parts],
        "registered": [[n, words.plain(str(about[k]))] for k, n in REGISTERED if about.get(k)],
        "manner": match["relation"] == "style",
        "ambiguous": words.ambiguous(match["ambiguous"]) if match.get("ambiguous") else "",
    }  # fmt: skip


def relation(match: Row) -> str:
    """What kind of match it is, in plain words."""
    return RELATIONS.get(match["relation"], str(match["relation"]))


def level(score: float) -> int:
    """0 to 6 on the verbal scale."""
    return 0 if words.strength(score) == "no" else LEVELS.index(words.strength(score)) + 1


def sure(match: Row) -> str:
    """The evidence with both propositions."""
    verb = "if this output derives from the work, or both from one source, than if they were made independently"
    about = "more than" if match["score"] >= CAP else "about"
    return f"What was found is {about} {times(match['score'])} times more probable {verb}."


def people(credits: Sequence[Row], work: str) -> list[dict[str, str]]:
    """Name, roles and identifier of the humans on one work, in the registry's order."""
    found: dict[tuple[str, str], list[str]] = {}
    for credit in credits:
        if credit["work"] == work:
            found.setdefault((str(credit["name"]), str(credit.get("identifier", ""))), []).append(str(credit["role"]))
    return [
        {"name": words.plain(n), "identifier": words.plain(i), "roles": words.plain(", ".join(r))} for (n, i), r in found.items()
    ]


def part_view(part: str, match: Row, row: Row, evidence: Row | None, about: Row) -> dict[str, Any]:
    """One track of one match: its places in words, the timeline of both sides, and the evidence that was drawn."""
    segments = [s for s in match["segments"] if s["part"] == part]
    view: dict[str, Any] = {
        "part": part,
        "label": TRACK_LABELS[part],
        "places": [place(s, match, row) for s in segments[:PLACES_SHOWN]],
    }
    view["changed"] = any(p["note"] for p in view["places"])
    view["more"] = max(0, len(segments) - PLACES_SHOWN)
    view["links"] = links(part, segments, match, row, evidence, about)
    view["figure"] = figure(evidence)
    view["schemes"] = ", ".join(sorted({words.plain(str(s["scheme"])) for s in segments}))
    view["in_passages"] = view["figure"]["kind"] == "passages" and len(view["figure"]["passages"]) == len(segments)
    return view


def place(segment: Row, match: Row, row: Row) -> dict[str, str]:
    """One segment in words: here, there, and what was done to it."""
    part, there = segment["part"], match["medium"] if segment["part"] == "image" else segment["part"]
    if len(segment["work"]) == 4:
        there = "image"
    notes = changes(str(segment.get("variant", "")))
    if part in ("film", "audio") and there != "image" and _off_pace(segment):
        notes.append(f"{abs(segment['scale']):.2f} times the speed")
    if segment["scale"] < 0:
        notes.append("backwards")
    return {"here": _where(part, segment["output"], row), "there": _where(there, segment["work"]), "note": ", ".join(notes)}


def _off_pace(segment: Row) -> bool:
    """Whether the speed differs by so much that the places, known to about half a second, can tell."""
    off = abs(abs(segment["scale"]) - 1)
    return bool(off >= TELLING_SPEED and off * (segment["output"][1] - segment["output"][0]) >= TELLING_S)


def _where(medium: str, span: Sequence[float], row: Row | None = None) -> str:
    if medium == "image" and row is not None and span[2] * span[3] >= 0.98 * row["extent"][0] * row["extent"][1]:
        return "the whole picture"
    if medium in ("film", "audio") and span[1] - span[0] < MOMENT_S:
        return f"at {words.clock(span[0])}"
    return words.place(medium, span)


def changes(variant: str) -> list[str]:
    """What had to be undone in the output to find the work, in plain words; small steps of a search grid tell nothing."""
    pitch = PITCH.search(variant)
    if pitch:
        steps = round(float(pitch[1]))
        return [f"{abs(steps)} semitone{'s' if abs(steps) > 1 else ''} {'lower' if steps > 0 else 'higher'}"] if steps else []
    if variant in words.TELLINGS:
        return [words.told_in(variant)]
    barred = variant.startswith("bars")
    view = variant.removeprefix("bars").lstrip("+")
    return [*(["with borders"] if barred else []), *([VIEWS.get(view, words.plain(view))] if view else [])]


def weaker_view(match: Row, row: Row) -> dict[str, str]:
    """A candidate: too weak to name anyone."""
    first = match["segments"][0] if match["segments"] else None
    return {
        "title": words.plain(match["title"]), "work": words.plain(match["work"]), "strength": words.strength(match["score"]),
        "score": f"{match['score']:.1f}", "where": words.place(first["part"], first["output"]) if first else "",
        "explained_by": words.plain(match.get("explained_by", "")),
    }  # fmt: skip


def humans(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Everybody credited on a work that was found: roles, works, and the outputs they stand in, by name."""
    titles = {m["work"]: m["title"] for row in rows for m in row["matches"]}
    found: dict[tuple[str, str], dict[tuple[str, str], list[int]]] = {}
    for number, row in enumerate(rows):
        for credit in row["credits"]:
            person = found.setdefault((str(credit["name"]), str(credit.get("identifier", ""))), {})
            outputs = person.setdefault((str(credit["role"]), str(credit["work"])), [])
            if number not in outputs:
                outputs.append(number)
    return [
        {
            "name": words.plain(name), "identifier": words.plain(identifier),
            "credits": [
                {"role": words.plain(role), "title": words.plain(str(titles.get(work, work))), "outputs": outputs}
                for (role, work), outputs in sorted(credited.items())
            ],
        }
        for (name, identifier), credited in sorted(found.items(), key=lambda item: (item[0][0].casefold(), item[0]))
    ]  # fmt: skip


def counts(views: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many outputs are of each tone."""
    return {tone: sum(v["tone"] == tone for v in views) for tone in ("found", "nothing", "error")}
