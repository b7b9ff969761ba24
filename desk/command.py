"""`byline`: the command line. Nothing heavy is imported here; each command imports what it needs when it runs."""

from __future__ import annotations

import click

from desk.console import Desk
from desk.money import ledger_group, residuals, usage
from desk.payees import payees
from desk.payout import payout
from desk.people import people
from desk.register import fingerprint, register
from desk.scanning import scan
from desk.statements import statements, why
from desk.upkeep import registry_group
from desk.works import works


@click.group(cls=Desk, context_settings={"max_content_width": 110})
@click.version_option(package_name="byline", prog_name="byline")
def main() -> None:
    """Find which registered works are inside an AI output, and name the humans credited on them.

    Register works with their credits, scan outputs, read who made what is in them. Everything happens on this machine.
    """


for command in (
    register,
    scan,
    works,
    people,
    usage,
    residuals,
    ledger_group,
    payees,
    payout,
    statements,
    why,
    fingerprint,
    registry_group,
):
    main.add_command(command)
