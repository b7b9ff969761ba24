"""`byline registry`: what is in the file, whether it is sound, copies of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from desk.console import Progress, json_option, line, opened, registry_option
from desk.register import jobs_option
from desk.words import NOUNS, count, plain
from desk.workers import cores

LEFT = (
    "Works that are left keep their older fingerprints and are found by what this version can still read of them. Put their\n"
    "files, or portable fingerprints of them made by this version, where they were, and run it again."
)


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
    if counts["outdated_works"]:
        older, due = count(counts["older_fingerprints"], "fingerprint"), count(counts["outdated_works"], "work")
        yield f"{older} of an older scheme, {due} to be brought up to date by byline registry upgrade"
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


@registry_group.command()
@registry_option
@jobs_option
@json_option
def upgrade(registry: Path, jobs: int | None, as_json: bool) -> None:
    """Renew fingerprints that an older version of Byline made.

    What can be converted is converted; other works are fingerprinted again, if their files are where they were. It may be
    stopped at any time and run again. Works that could not be renewed keep what they have and are listed with the reason;
    the exit status is then 1.
    """
    from desk.upgrade import upgrade as bring_up_to_date

    with opened(registry, write=True) as handle:
        done = bring_up_to_date(handle, jobs or cores())
    for row in done.left:
        click.echo(line(row) if as_json else f"left: {plain(row['title'])} (work {plain(row['work'])}): {plain(row['reason'])}")
    totals = {"converted": done.converted, "fingerprinted_again": done.renewed, "left": len(done.left)}
    click.echo(line(totals) if as_json else f"{plain(str(registry))}: {_upgraded(totals)}.")
    if done.left:
        if not as_json:
            click.echo(LEFT)
        raise SystemExit(1)


def _upgraded(totals: Mapping[str, int]) -> str:
    if not any(totals.values()):
        return "up to date"
    converted, again, left = totals["converted"], totals["fingerprinted_again"], totals["left"]
    return f"{count(converted, 'work')} converted, {again:,} fingerprinted again, {left:,} left"
