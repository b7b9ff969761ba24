"""`byline people`: who is credited, as whom they are known, who vouches for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from desk.console import json_option, line, opened, registry_option, show
from desk.people_imports import import_credits
from desk.people_issuers import attest, issuer, verify
from desk.people_states import identify, merge, move, twins
from desk.words import NOUNS, count, plain


@click.group()
def people() -> None:
    """The credited humans: who they are, who vouches for them, credits from elsewhere."""


@people.command("list")
@registry_option
@click.option("--like", default="", metavar="TEXT", help="Only people with this text in their name.")
@json_option
def people_list(registry: Path, like: str, as_json: bool) -> None:
    """List everybody who is credited, by name."""
    columns = {
        "person": "person",
        "name": "name",
        "state": "state",
        "identifiers": "identifiers",
        "works": "works",
        "credits": "credits",
    }
    with opened(registry) as handle:
        show(handle.people(like=like), as_json, columns, "Nobody is credited here who fits.")


@people.command("show")
@click.argument("who", metavar="NAME|IDENTIFIER|NUMBER")
@registry_option
@json_option
def people_show(who: str, registry: Path, as_json: bool) -> None:
    """Show what a person is credited with. Several people may bear one name."""
    with opened(registry) as handle:
        for person in handle.person(who):
            click.echo(line(person) if as_json else "\n".join(_person(person)))


def _person(person: Mapping[str, Any]) -> Iterator[str]:
    known = "".join(f", {plain(i)}" for i in person["identifiers"])
    works = len({credit["work"] for credit in person["credits"]})
    yield f"{plain(person['name'])}  (person {person['person']}{known}, {person['state']}, {count(works, 'work')})"
    if person["other_names"]:
        yield f"  also credited as {plain(', '.join(person['other_names']))}"
    for m in person["moves"]:
        what = f"credit {plain(m['credit'])} {m['state']}" if m["credit"] else m["state"]
        yield f"  {what} since {plain(m['at'])}: {plain(m['by'])}, {plain(m['how'])}"
    for c in person["credits"]:
        gone = "" if c["state"] == "live" else f", {c['state']}"
        state = "" if c["credit_state"] == "claimed" else f"; credit {c['credit_state']}"
        medium = NOUNS.get(c["medium"], c["medium"])
        yield f'  {plain(c["role"])}: "{plain(c["title"])}" ({medium}, work {plain(c["work"])}{gone}){state}'


@people.command("roles")
@click.option("--like", default="", metavar="TEXT", help="Only roles with this text in one of their names.")
@json_option
def people_roles(like: str, as_json: bool) -> None:
    """List the roles that Byline knows, with what other vocabularies call them.

    A role that is not in the list is kept as it is written, and can be used like any other.
    """
    from registry.roles import VOCABULARIES, roles

    rows = [{"role": role.role, "department": role.department} | dict(role.names) for role in roles()]
    fitting = [row for row in rows if like.lower() in str(row).lower()]
    columns = {name: name for name in ("role", "department", *VOCABULARIES, "also")}
    show(fitting, as_json, columns, "No role is called like that; it can be used all the same.")


for command in (import_credits, move, identify, twins, merge, issuer, attest, verify):
    people.add_command(command)
