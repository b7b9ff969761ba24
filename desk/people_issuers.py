"""`byline people issuer | attest | verify`: guilds and others who vouch for people with signed credentials."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from pathlib import Path

import click

from desk.console import Desk, json_option, opened, registry_option, show
from desk.files import write_whole
from desk.people_states import by_option, tell
from desk.words import count, plain

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
because_option = click.option("--because", required=True, help="Why; kept with it.")


def moment_of(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """A date, or a date and time; without a zone it is in UTC. A validity that ends with a date ends with that day."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f'"{plain(value)}" is no date; write it like 2027-12-31 or 2027-12-31T12:00:00Z') from None
    if parameter.name == "valid_until" and len(value) == len("2027-12-31"):
        moment = datetime.combine(moment.date(), time(23, 59, 59))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


date_option = click.option("--date", "at", callback=moment_of, metavar="DATE",
                           help="The date of today, if not that of this machine's clock.")  # fmt: skip


def _now(at: datetime | None) -> datetime:
    return at or datetime.now(UTC)


def _stamp(at: datetime | None) -> str:
    return _now(at).astimezone(UTC).isoformat(timespec="seconds")


@click.group("issuer", cls=Desk)
def issuer() -> None:
    """Keys of those who vouch for people, and which of them this registry trusts."""


@issuer.command("new")
@click.argument("name", metavar="GUILD")
@click.option("--key", "key", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Where to write the private key; the public one is put beside it, as FILE.pub.")  # fmt: skip
def issuer_new(name: str, key: Path) -> None:
    """Make the key pair of an issuer: Ed25519, the private key readable by nobody else."""
    from registry.attestations import new_key

    address = new_key(key)
    click.echo(f"{plain(name)}: {plain(str(key))} is the private key, keep it; {plain(str(key))}.pub is for everybody.")
    click.echo(f"Its address is {address}")


@issuer.command("trust")
@click.argument("name", metavar="GUILD")
@click.argument("public_key", type=FILE, metavar="PUBLIC_KEY")
@by_option
@because_option
@date_option
@registry_option
def issuer_trust(name: str, public_key: Path, who: str, because: str, at: datetime | None, registry: Path) -> None:
    """Put an issuer on the list of those whose credentials verify people."""
    from registry.attestations import read_public

    public = read_public(public_key)
    with opened(registry, write=True) as handle:
        address = handle.humans.trust(name, public, who, because, _stamp(at))
    click.echo(f"{plain(name)}: trusted as {address}")


@issuer.command("distrust")
@click.argument("name", metavar="GUILD")
@by_option
@because_option
@date_option
@registry_option
def issuer_distrust(name: str, who: str, because: str, at: datetime | None, registry: Path) -> None:
    """Take an issuer off the list. Who was verified by it stays so until somebody moves them; they are listed."""
    with opened(registry, write=True) as handle:
        keys = handle.humans.distrust(name, who, because, _stamp(at))
    click.echo(f"{plain(name)}: no longer trusted; {count(len(keys), 'person was', 'people were')} verified by its credentials")
    for key in keys:
        click.echo(f"  {plain(key)}")


@issuer.command("list")
@registry_option
@json_option
def issuer_list(registry: Path, as_json: bool) -> None:
    """List the trusted issuers."""
    columns = {name: name for name in ("name", "by", "because", "at", "address")}
    with opened(registry) as handle:
        show(handle.humans.issuers(), as_json, columns, "No issuer is trusted here.")


@click.command("attest")
@click.argument("person", metavar="PERSON")
@click.option("--issuer", "name", required=True, metavar="GUILD", help="Who attests it.")
@click.option("--key", required=True, type=FILE, metavar="FILE", help="The private key of the issuer.")
@click.option("--affiliation", default="", help="To what the person belongs; the issuer, if not given.")
@click.option("--valid-until", required=True, callback=moment_of, metavar="DATE", help="When the credential ends.")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="CREDENTIAL",
              help="Where to write it.")  # fmt: skip
@date_option
@registry_option
def attest(
    person: str, name: str, key: Path, affiliation: str, valid_until: datetime, output: Path, at: datetime | None, registry: Path
) -> None:
    """Sign a credential that a person is who they are: a W3C Verifiable Credential 2.0, as a JSON Web Token."""
    from registry.attestations import attest as sign
    from registry.attestations import read_private

    signing = read_private(key)
    with opened(registry) as handle:
        about = handle.humans.about(person)
    token = sign(signing, name, about, affiliation or name, _now(at), valid_until)
    write_whole(output, f"{token}\n".encode())
    until = valid_until.astimezone(UTC).isoformat(timespec="seconds")
    click.echo(f"{plain(str(output))}: {plain(name)} vouches for {plain(about['name'])} ({plain(about['key'])}) until {until}")


@click.command("verify")
@click.argument("credentials", type=click.Path(path_type=Path), metavar="CREDENTIAL...", nargs=-1, required=True)
@date_option
@registry_option
@json_option
def verify(credentials: Sequence[Path], at: datetime | None, registry: Path, as_json: bool) -> None:
    """Check credentials and verify the people they are about.

    One counts when a trusted issuer has signed it, it is valid now, its identifiers and name are those of one person here, and it
    was not used before. Else it is refused with the reason, nothing changes by it, and the exit status is 1.
    """
    from registry.attestations import BadCredential, read_credential

    refused = 0
    with opened(registry, write=True) as handle:
        for file in credentials:
            try:
                token = read_credential(file)
            except BadCredential as error:
                refused += 1
                click.echo(f"byline: {plain(str(error))}", err=True)
                continue
            try:
                moved = handle.humans.accept(token, _now(at))
            except BadCredential as error:
                refused += 1
                click.echo(f"byline: {plain(str(file))}: refused: {plain(str(error))}", err=True)
                continue
            tell(moved, as_json)
    if refused:
        raise SystemExit(1)
