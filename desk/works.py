"""`byline works`: what is registered, who made it, and taking it out of matching."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from desk.console import json_option, line, now, opened, registry_option, show
from desk.words import NOUNS, count, plain

if TYPE_CHECKING:
    from registry.store import Registry

MEDIA = click.Choice(tuple(NOUNS))
STATES = click.Choice(("live", "withdrawn", "all"))


@click.group()
def works() -> None:
    """List, show and withdraw works."""


@works.command("list")
@registry_option
@click.option("--medium", type=MEDIA, help="Only works of this medium.")
@click.option("--like", default="", metavar="TEXT", help="Only works with this text in their title or id.")
@click.option("--state", type=STATES, default="live", show_default=True, help="Live works are matched, withdrawn ones are not.")
@json_option
def works_list(registry: Path, medium: str | None, like: str, state: str, as_json: bool) -> None:
    """List registered works in the order of registration."""
    columns = {"work": "work", "title": "title", "medium": "medium", "licence": "licence", "state": "state"}
    with opened(registry) as handle:
        rows = handle.works(medium=medium or "", state="" if state == "all" else state, like=like)
        show(rows, as_json, columns, "No works are registered here that fit.")


@works.command("show")
@click.argument("work_ids", nargs=-1, required=True, metavar="WORK...")
@registry_option
@json_option
def works_show(work_ids: tuple[str, ...], registry: Path, as_json: bool) -> None:
    """Show all that is known of a work: credits, holders, twins, fingerprints, what happened to it."""
    with opened(registry) as handle:
        for work_id in work_ids:
            about = handle.show(work_id)
            click.echo(line(about) if as_json else "\n".join(_about(about)) + "\n")


def _about(work: Mapping[str, Any]) -> Iterator[str]:
    yield f'{plain(work["work"])}  "{plain(work["title"])}" ({NOUNS.get(work["medium"], work["medium"])}, {work["state"]})'
    yield from (f"  identifier   {plain(identifier)}" for identifier in work["identifiers"])
    yield from (f"  made by      {_credit(credit)}" for credit in work["credits"])
    yield from (f"  {name:<12} {plain(work[name])}" for name in ("licence", "source", "path", "sha256") if work[name])
    yield from (f"  holder       {plain(holder)}" for holder in work["holders"])
    yield from (f"  same as      {plain(twin)}" for twin in work["twins"])
    yield from (f"  {plain(name):<12} {plain(str(value))}" for name, value in work["extra"].items())
    for f in work["fingerprints"]:
        yield f"  fingerprint  {f['scheme']}, {count(f['features'], 'feature')}, {f['bytes']:,} bytes"
    for event in work["events"]:
        yield f"  {event['at']}  {plain(event['kind'])} {plain(event['detail'])}".rstrip()


def _credit(credit: Mapping[str, Any]) -> str:
    share = "" if credit["share"] is None else f", declared share {percent_of(credit['share'])}"
    known = f"  {plain(credit['identifier'])}" if credit["identifier"] else ""
    return f"{plain(credit['name'])} ({plain(credit['role'])}{share}){known}"


def percent_of(share: str) -> str:
    """An exact share in percent: "0.25" is 25 %, "0.33333" is 33.333 %."""
    percent = format(Decimal(share).scaleb(2).normalize(), "f")
    return f"{percent} %"


reason_option = click.option("--reason", default="", help="Why; kept with the work.")


@works.command("identify")
@click.argument("work_id", metavar="WORK")
@click.argument("identifiers", nargs=-1, required=True, metavar="SCHEME:VALUE...")
@registry_option
@json_option
def works_identify(work_id: str, identifiers: tuple[str, ...], registry: Path, as_json: bool) -> None:
    """Say by which identifiers a work is known elsewhere: isrc, iswc, isan, eidr, isbn, doi, imdb, musicbrainz.

    Credits that are imported find the work by them.
    """
    with opened(registry, write=True) as handle:
        for identifier, new in handle.identify(work_id, identifiers, now()):
            row = {"work": work_id, "identifier": identifier, "status": "noted" if new else "already noted"}
            click.echo(line(row) if as_json else f"{plain(work_id)}: {plain(identifier)} {row['status']}")


@works.command("withdraw")
@click.argument("work_ids", nargs=-1, required=True, metavar="WORK...")
@registry_option
@reason_option
@json_option
def works_withdraw(work_ids: tuple[str, ...], registry: Path, reason: str, as_json: bool) -> None:
    """Take works out of matching, from the next scan on.

    That they were registered, and that they were withdrawn, stays on record.
    """
    with opened(registry, write=True) as handle:
        _each(handle, work_ids, "withdrawn", lambda work_id: handle.withdraw(work_id, reason, now()), as_json)


@works.command("restore")
@click.argument("work_ids", nargs=-1, required=True, metavar="WORK...")
@registry_option
@reason_option
@json_option
def works_restore(work_ids: tuple[str, ...], registry: Path, reason: str, as_json: bool) -> None:
    """Put withdrawn works back into matching."""
    with opened(registry, write=True) as handle:
        _each(handle, work_ids, "restored", lambda work_id: handle.restore(work_id, reason, now()), as_json)


def _each(handle: Registry, work_ids: tuple[str, ...], status: str, act: Callable[[str], bool], as_json: bool) -> None:
    """Do something to each work; all of them must be there before the first is touched."""
    for work_id in work_ids:
        handle.work(work_id)
    for work_id in work_ids:
        row = {"work": work_id, "status": status if act(work_id) else f"already {status}"}
        click.echo(line(row) if as_json else f"{plain(work_id)}: {row['status']}")
