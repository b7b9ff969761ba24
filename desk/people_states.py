"""`byline people move | identify | twins | merge`: what humans decide about people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from desk.console import json_option, line, now, opened, registry_option
from desk.words import count, plain

by_option = click.option("--by", "who", required=True, help="Who says so.")


def told(moved: Any) -> str:
    """A move in one sentence."""
    change = f"still {moved.state}" if moved.was == moved.state else f"{moved.state}, before {moved.was}"
    return f"{plain(moved.name)} ({plain(moved.person)}): {change}"


def tell(moved: Any, as_json: bool) -> None:
    """A move as a JSON line or as a sentence."""
    row = {"person": moved.person, "name": moved.name, "was": moved.was, "state": moved.state}
    click.echo(line(row) if as_json else told(moved))


@click.command("move")
@click.argument("person", metavar="PERSON")
@click.argument("state", metavar="STATE")
@by_option
@click.option("--how", required=True, help="How they know, as in: passport seen.")
@click.option("--evidence", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A file that shows it; its SHA-256 is kept, the file is not.")  # fmt: skip
@click.option("--credit", default="", metavar="WORK:ROLE", help="Move this credit of theirs, not the person.")
@registry_option
@json_option
def move(person: str, state: str, who: str, how: str, evidence: Path, credit: str, registry: Path, as_json: bool) -> None:
    """Move a person, or a credit, to another state: claimed, documented, corroborated, verified, disputed, rejected, estate.

    PERSON is a name, an identifier, a key or a number. Who moved whom, when, how and the SHA-256 of the evidence stay on record.
    """
    from fingerprint import sha256_of
    from registry.verification import Vouching

    by = Vouching(who, how, sha256_of(evidence), now())
    with opened(registry, write=True) as handle:
        tell(handle.humans.move(person, state, by, credit), as_json)


@click.command("identify")
@click.argument("person", metavar="PERSON")
@click.argument("identifiers", nargs=-1, required=True, metavar="SCHEME:VALUE...")
@registry_option
@json_option
def identify(person: str, identifiers: tuple[str, ...], registry: Path, as_json: bool) -> None:
    """Say by which further identifiers a person is known: isni, orcid, ipi, imdb, musicbrainz, wikidata, or any other scheme."""
    with opened(registry, write=True) as handle:
        new = handle.humans.identify(person, identifiers)
    if as_json:
        click.echo(line({"person": person, "new": new}))
    else:
        click.echo(f"{plain(person)}: {', '.join(plain(i) for i in new) or 'nothing new'}")


@click.command("twins")
@registry_option
@json_option
def twins(registry: Path, as_json: bool) -> None:
    """List people of one name without a common identifier. They may be one person or several; nobody is merged by the name."""
    found = 0
    with opened(registry) as handle:
        for found, pair in enumerate(handle.humans.twins(), 1):  # noqa: B007 - counted for the sentence below
            click.echo(line(pair) if as_json else "\n".join(_pair(pair)))
    if not found and not as_json:
        click.echo("No two people here bear one name.")


def _pair(pair: dict[str, Any]) -> list[str]:
    lines = [plain(pair["name"])]
    for p in pair["people"]:
        known = ", ".join(plain(i) for i in p["identifiers"]) or "no identifier"
        works = ", ".join(plain(w) for w in p["works"][:5]) + (" ..." if len(p["works"]) > 5 else "")
        lines.append(f"  person {p['person']}: {known}, {p['state']}, {count(len(p['works']), 'work')}: {works}")
    return lines


@click.command("merge")
@click.argument("gone", metavar="PERSON")
@click.argument("kept", metavar="INTO")
@click.option("--because", required=True, help="How it is known that they are one.")
@by_option
@registry_option
@json_option
def merge(gone: str, kept: str, because: str, who: str, registry: Path, as_json: bool) -> None:
    """Make two people one: credits, names and identifiers of PERSON go to INTO. It stays on record and cannot be taken back."""
    with opened(registry, write=True) as handle:
        tell(handle.humans.merge(gone, kept, because, who, now()), as_json)
