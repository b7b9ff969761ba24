"""What people do: one list of roles, with what other vocabularies call them (roles.csv).

The columns of roles.csv are codes of the MARC code list for relators (loc.gov/marc/relators), categories of IMDb's
title.principals, contributor roles of DDEX's allowed values, relationship types of MusicBrainz, roles of the CAWG identity
assertion, and other names. A role that is not in the list is kept as it is written, and can be used like any other.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from registry.text import folded

VOCABULARIES = ("marc", "imdb", "ddex", "musicbrainz", "cawg")
SHARED = "cawg"  # its few roles stand for many of ours, so they lead to none
FILE = Path(__file__).with_name("roles.csv")


@dataclass(frozen=True)
class Role:
    """One role of the list. names: what each vocabulary calls it, under "also" other names."""

    role: str
    department: str
    names: Mapping[str, tuple[str, ...]]


@cache
def roles() -> tuple[Role, ...]:
    """The list, in its order."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return tuple(_role(row) for row in csv.DictReader(file))


def _role(row: Mapping[str, str]) -> Role:
    names = {column: tuple(row[column].split(";")) if row[column] else () for column in (*VOCABULARIES, "also")}
    return Role(row["role"], row["department"], names)


@cache
def _aliases() -> dict[str, str]:
    """Every name that leads to one role, folded; our own before those of others."""
    found = {folded(role.role): role.role for role in roles()}
    for column in ("also", *VOCABULARIES):
        for role in roles() if column != SHARED else ():
            for name in role.names[column]:
                found.setdefault(folded(name), role.role)
                found.setdefault(_spaced(name), role.role)
    return found


@cache
def _of(vocabulary: str) -> dict[str, str]:
    return {folded(name): role.role for role in roles() for name in role.names[vocabulary]}


def _spaced(name: str) -> str:
    """A name as it is compared: FilmDirector and film_director like "film director"."""
    spaced = "".join(f" {c}" if c.isupper() and i and name[i - 1].islower() else c for i, c in enumerate(name))
    return folded(spaced.replace("_", " "))


def ours(role: str) -> str:
    """The role of our list that is meant, whatever vocabulary it is written in; "session player, guitar" is a session player.
    One that is not in the list is given back as it is.
    """
    whole = " ".join(role.split())
    for text in (whole, whole.partition(",")[0], whole.partition("(")[0]):
        found = _aliases().get(folded(text)) or _aliases().get(_spaced(text))
        if found:
            return found
    return whole


def from_vocabulary(vocabulary: str, name: str) -> str:
    """The role that this vocabulary means by the name; the name itself, when the list has none for it."""
    return _of(vocabulary).get(folded(name), name.replace("_", " "))


def known(role: str) -> bool:
    """Whether our list has this role, under whatever name."""
    return folded(ours(role)) in _aliases()
