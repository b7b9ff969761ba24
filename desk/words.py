"""Plain words for a report: how sure, where, how much. Says what was found, never who did what."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

NOUNS = {"film": "film", "audio": "audio", "text": "text", "image": "still"}
TRACKS = {"film": "picture", "audio": "sound", "text": "subtitles", "image": "picture"}
RELATIONS = {"copy": "contains part of", "remake": "closely follows part of", "style": "resembles the manner of"}
# ENFSI guideline for evaluative reporting (2015): from which log10 likelihood ratio on each word is used.
STRENGTHS = (
    (6.0, "extremely strong"),
    (4.0, "very strong"),
    (3.0, "strong"),
    (2.0, "moderately strong"),
    (1.0, "moderate"),
    (0.3, "weak"),
)
CAUTION = (
    "This is evidence of similarity. It does not show that a work was used to train a model, who used it, or that a law "
    "was broken. Not excluded: a shared third source, licensed use, quotation, a mistake in the registration."
)
# Variants of a text: the language that a work is told in, or that it is told in synonyms.
SYNONYMS = "synonyms"
TELLINGS = ("english", "german", "french", "spanish", "italian", "portuguese", "dutch", "russian", SYNONYMS)
MANNER = "resemblance, not evidence of use"
HARD_SPACE = "\u00a0"
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain(text: str) -> str:
    """The text with control and formatting characters spelled out, so that a file's name cannot steer the terminal."""
    return "".join(c if unicodedata.category(c) not in HIDDEN or c == "\u200d" else _spelled(c) for c in text)


def _spelled(character: str) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character) or (
        f"\\x{ord(character):02x}" if ord(character) < 0x100 else f"\\u{ord(character):04x}"
    )


def strength(score: float) -> str:
    """The word for a score (log10 likelihood ratio)."""
    return next((word for least, word in STRENGTHS if score >= least), "no")


def sureness(score: float) -> str:
    """The evidence in one sentence with both propositions. Beyond a million no set of test outputs reaches."""
    times = f"about {round(10**score, -1 if score >= 2 else 0):,.0f}" if score < 6 else "more than 1,000,000"
    given = "if it derives from this work, or both from one source, than if they were made independently"
    return f"{strength(score)} evidence: {times} times more likely {given}"


def percent(share: float) -> str:
    """A share in whole percent; small ones are not rounded away."""
    if 0 < share < 0.01:
        return "under 1 %"
    return f"{min(99, round(100 * share)) if share < 1 else 100} %"


def clock(seconds: float) -> str:
    """0:07.5, 12:03.0, 1:02:03.4"""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{head}:{rest // 10:02d}.{rest % 10}"


def place(medium: str, span: Sequence[float]) -> str:
    """Where in a part of that medium: a stretch of time, of characters, or an area."""
    if medium == "image":
        x, y, w, h = (round(v) for v in span)
        return f"the area {w} x {h} at ({x}, {y})"
    if medium == "text":
        return f"characters {round(span[0]):,} to {round(span[1]):,}"
    return f"{clock(span[0])} to {clock(span[1])}"


def size(row: Mapping[str, Any]) -> str:
    """How big an output is, from its report."""
    extent = row.get("extent") or [0]
    if row["medium"] == "image":
        return f"{round(extent[0])} x {round(extent[1])} pixels"
    if row["medium"] == "text":
        return f"{round(extent[0]):,} characters"
    return clock(extent[0])


def people(credits: Sequence[Mapping[str, Any]], work: str) -> str:
    """Names with roles for one work of a report: Ada Okoro (composer), Ben Li (singer). Hard spaces inside each."""
    roles: dict[str, list[str]] = {}
    for credit in credits:
        if credit["work"] == work:
            roles.setdefault(str(credit["name"]), []).append(str(credit["role"]))
    return ", ".join(f"{plain(name)} ({plain(', '.join(r))})".replace(" ", HARD_SPACE) for name, r in roles.items())


def resemblance(alike: Mapping[str, Any]) -> tuple[str, str]:
    """Whose manner an output resembles, and how often that is chance."""
    work = f'"{plain(str(alike["title"]))}" (work {plain(str(alike["work"]))})'
    names = ", ".join(plain(f"{p['name']} ({p['role']})") for p in alike["people"])
    who = f"{names}, nearest in {work}" if names else f"{work}; nobody is credited in the registry"
    return who, f"chance comes as near in {_one_in(float(alike['chance']))} outputs"


def _one_in(chance: float) -> str:
    return f"1 of {round(1 / chance, -1 if chance < 0.02 else 0):,.0f}" if chance > 0 else "hardly any"


def ambiguous(sources: Sequence[Mapping[str, Any]]) -> str:
    """Works that hold the same words, oldest first, in one sentence."""
    titles = [f'"{plain(str(s["title"]))}"' + (f" ({s['year']})" if "year" in s else "") for s in sources]
    return f"not certain, the same words stand in {', '.join(titles[:-1])} and {titles[-1]}"


def telling(segment: Mapping[str, Any]) -> str:
    """On what a retold passage of text rests, as the end of a sentence; "" for anything else."""
    found = segment.get("detail", {})
    if "sentences" in found:
        return f": {round(found['sentences'])} sentences that say the same, in the same order"
    if "in_order" not in found:
        return ""
    return f": {round(found['words'])} telling words in some form, {round(found['in_order'])} of them in the same order"


def told_in(variant: str) -> str:
    """How a text tells what a work does, by the variant of its segment: one of TELLINGS."""
    return "in other words" if variant == SYNONYMS else f"told in {variant.capitalize()}"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: 1 work, 12,000 works."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
