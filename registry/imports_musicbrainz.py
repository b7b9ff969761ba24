"""Credits from recordings of MusicBrainz, as its web service gives them in JSON (musicbrainz.org/doc/MusicBrainz_API).

A recording credits its artists, those who stand in relations to it, and those in relations to the works that it performs. Groups,
orchestras and characters are no people: who is in them has to be credited by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from registry.hits import Credit
from registry.identifiers import BadIdentifier, person_identifier, work_identifier
from registry.imports_files import Given, Item, Unmatched
from registry.roles import from_vocabulary
from registry.tables import Refusal

VARIOUS = "89ad4ac3-39f7-470e-963a-56509c546377"
MOST_DEEP = 2  # relations of a recording to a work, of the work to its authors


def is_recording(row: Mapping[str, Any]) -> bool:
    """Whether an object is a recording, and not a row of ours."""
    return "id" in row and "work_id" not in row and ("artist-credit" in row or "relations" in row)


def read_recording(path: Path, line: int, row: Mapping[str, Any], works: frozenset[str], unmatched: Unmatched) -> Iterator[Item]:
    """The credits of one recording, if it is registered."""
    try:
        wanted = [i for i in _identifiers(row) if i in works]
        credits = list(_credits(row)) if wanted else []
    except BadIdentifier as error:
        yield Refusal(str(path), line, str(row.get("id")), str(error))
        return
    except (TypeError, KeyError, AttributeError, ValueError):
        yield Refusal(str(path), line, str(row.get("id")), "the recording is not in the form of MusicBrainz; see docs/people.md")
        return
    unmatched.works += not wanted
    if not wanted:
        return
    for role, artist, name in credits:
        yield _given(path, line, wanted[0], role, artist, name)


def _identifiers(row: Mapping[str, Any]) -> list[str]:
    isrcs = [work_identifier("isrc", str(isrc)) for isrc in row.get("isrcs") or []]
    return [work_identifier("musicbrainz", str(row["id"])), *isrcs]


def _credits(row: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Role, artist and the name under which they are credited."""
    for credit in row.get("artist-credit") or []:
        yield from_vocabulary("musicbrainz", "performer"), dict(credit["artist"]), str(credit.get("name") or "")
    yield from _relations(row, 1)


def _relations(row: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    for relation in row.get("relations") or []:
        kind = relation.get("target-type")
        if kind == "artist":
            attributes = [str(a) for a in relation.get("attributes") or []]
            role = ", ".join([from_vocabulary("musicbrainz", str(relation["type"])), *attributes])
            yield role, dict(relation["artist"]), str(relation.get("target-credit") or "")
        elif kind == "work" and depth < MOST_DEEP:
            yield from _relations(relation["work"], depth + 1)


def _given(path: Path, line: int, work: str, role: str, artist: Mapping[str, Any], credited: str) -> Item:
    name = str(artist.get("name") or "")
    if artist.get("type") not in (None, "", "Person") or artist.get("id") == VARIOUS or not name or name.startswith("["):
        kind = str(artist.get("type") or "nobody in particular").lower()
        return Refusal(
            str(path), line, work, f"{name or 'an artist'} ({role}) is {kind}, not a person; credit the humans by name"
        )
    try:
        identifiers = [person_identifier("musicbrainz", str(artist.get("id")))]
        for scheme, values in (("isni", artist.get("isnis")), ("ipi", artist.get("ipis"))):
            identifiers += [person_identifier(scheme, str(value)) for value in values or []]
    except BadIdentifier as error:
        return Refusal(str(path), line, work, f"{name}: {error}")
    others = (name,) if credited and credited != name else ()
    return Given(str(path), line, work, Credit(credited or name, role, identifiers[0], also=tuple(identifiers[1:])), others)
