"""Texts that hold the same passage: which work an output has it from cannot be told from the output.

A passage that two works share equally is a quotation in one of them, or in both. Where their years are known the older one is
named and the other is told of; where not, both are named. What stands in many works is common property and names nobody.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fingerprint.features import Part
from registry.hits import Work

if TYPE_CHECKING:
    from matcher.attribute import Match

ALIKE = 0.9  # share of the rows of either work that the other one has as well
AS_STRONG = 0.85  # of the stronger one's evidence
MANY = 4  # works that hold a passage from which it is common property, unless it is
LONG = 60  # rows (words) long: then the works hold one another
TEXT = "text"

Rows = frozenset[tuple[int, str, int]]
About = Callable[[str], Work]
OLDEST, YOUNGER, UNDATED, COMMON = "oldest", "younger", "undated", "common"


def by_source(matches: Sequence[Match], parts: tuple[Part, ...], about: About) -> list[Match]:
    """The matches, best first, each with the works that share its passages equally; the oldest of such works first of them.

    Works that are registered as having the same content are one source, which the report says already.
    """
    rest = list(matches)
    result: list[Match] = []
    while rest:
        first, rest = rest[0], rest[1:]
        mine = _rows(first, parts)
        others = [m for m in rest if mine and _alike(first, mine, m, parts)]
        twins = about(first.work_id).twins if others else ()
        others = [m for m in others if m.work_id not in twins]
        rest = [m for m in rest if m not in others]
        result.extend(_settled([first, *others], about, len(mine)) if others else [first])
    return result


def _rows(match: Match, parts: tuple[Part, ...]) -> Rows:
    """Rows of the output's words on which a copy of text rests; none for anything else."""
    if match.relation != "copy" or any(parts[p].medium != TEXT for p, _ in match.segments):
        return frozenset()
    return frozenset((p, e.variant, row) for p, e in match.segments if e.relation == "copy" for row in e.rows.tolist())


def _alike(first: Match, mine: Rows, other: Match, parts: tuple[Part, ...]) -> bool:
    theirs = _rows(other, parts)
    if not theirs or len(mine & theirs) < ALIKE * max(len(mine), len(theirs)):
        return False
    return _strength(other) >= AS_STRONG * _strength(first)


def _strength(match: Match) -> float:
    return sum(e.strength for _, e in match.segments if e.relation == "copy")


def _settled(group: list[Match], about: About, rows: int) -> list[Match]:
    """The group, oldest first, each with the others and with what it is among them."""
    years = {m.work_id: about(m.work_id).year for m in group}
    group = sorted(group, key=lambda m: (years[m.work_id] is None, years[m.work_id] or 0))
    ids = [m.work_id for m in group]
    if len(group) >= MANY and rows < LONG:
        sources = [COMMON] * len(group)
    elif None in years.values() or years[ids[0]] == years[ids[1]]:
        sources = [UNDATED] * len(group)
    else:
        sources = [OLDEST] + [YOUNGER] * (len(group) - 1)
    return [
        dataclasses.replace(m, source=source, ambiguous=tuple(i for i in ids if i != m.work_id))
        for m, source in zip(group, sources, strict=True)
    ]
