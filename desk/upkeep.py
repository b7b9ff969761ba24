"""`byline registry`: what is in the file, whether it is sound, copies of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from desk.console import Progress, json_option, line, opened, registry_option
from desk.words import NOUNS, count, plain


@click.group("registry")
def registry_group() -> None:
    """Look after the registry's file."""


@registry_group.command()
@registry_option
@json_option
def stats(registry: Path, as_json: bool) -> None:
    """Count works, people, fingerprints and bytes."""
    with opened(registry) as handle:
        counts = handle.stats()
    click.echo(line(counts) if as_json else "\n".join(_stats(counts)))


def _stats(counts: Mapping[str, Any]) -> Iterator[str]:
    works = counts["works"]
    media = ", ".join(f"{n:,} {NOUNS.get(m, m)}" for m, n in works.items())
    yield f"{count(sum(works.values()), 'work')}{f' ({media})' if media else ''}, {counts['withdrawn']:,} withdrawn"
    humans, credits, twins = counts["people"], counts["credits"], counts["twins"]
    yield f"{count(humans, 'person', 'people')}, {count(credits, 'credit')}, {count(twins, 'twin link')}"
    for name, s in counts["schemes"].items():
        yield (
            f"{plain(name)}: {count(s['fingerprints'], 'fingerprint')}, {count(s['features'], 'feature')}, "
            f"{count(s['postings'], 'posting')} in {count(s['segments'], 'segment')}, {s['bytes']:,} bytes"
        )
    yield f"{counts['bytes']:,} bytes on disk, {counts['free_bytes']:,} of them free"


@registry_group.command()
@registry_option
@json_option
def check(registry: Path, as_json: bool) -> None:
    """Check that the file is whole and that its index fits its fingerprints. The exit status is 1 when it does not."""
    with opened(registry) as handle:
        problems = list(handle.check())
    for problem in problems:
        click.echo(line({"problem": problem}) if as_json else f"problem: {plain(problem)}")
    if problems:
        raise SystemExit(1)
    if not as_json:
        click.echo(f"{plain(str(registry))}: whole.")


@registry_group.command()
@click.argument("destination", type=click.Path(dir_okay=False, path_type=Path))
@registry_option
def backup(destination: Path, registry: Path) -> None:
    """Copy the registry to DESTINATION, also while it is being written."""
    with opened(registry) as handle:
        handle.backup(destination)
    click.echo(f"{plain(str(destination))}: {destination.stat().st_size:,} bytes.")


@registry_group.command()
@registry_option
def rebuild(registry: Path) -> None:
    """Make the index anew from the stored fingerprints."""
    with opened(registry, write=True) as handle, Progress("rebuilding", 0) as progress:
        handle.rebuild(progress.at)
    click.echo(f"{plain(str(registry))}: rebuilt.")


@registry_group.command()
@registry_option
def merge(registry: Path) -> None:
    """Put the index in order after many small registrations; forget the postings of withdrawn works."""
    with opened(registry, write=True) as handle:
        handle.merge()
    click.echo(f"{plain(str(registry))}: merged.")
