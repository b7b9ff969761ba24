"""`byline`: the command line. A command's module is imported when it is typed, so that `byline --help` is there at once."""

from __future__ import annotations

from importlib import import_module

import click

from desk.console import Desk

# Name: module, what it is called there, and the first sentence of its help, which a test compares.
COMMANDS = {
    "register": ("desk.register", "register", "Register works with the humans credited on them."),
    "scan": ("desk.scanning", "scan", "Find registered works in AI outputs."),
    "works": ("desk.works", "works", "List, show and withdraw works."),
    "people": (
        "desk.people",
        "people",
        "The credited humans: who they are, who vouches for them, credits from elsewhere.",
    ),
    "usage": ("desk.usage", "usage", "Take in what AI vendors report of their outputs."),
    "residuals": ("desk.residuals", "residuals", "Share money out among the humans behind the works found in outputs."),
    "ledger": ("desk.ledger", "ledger_group", "Look at the ledger, and check that nobody has changed it."),
    "payees": ("desk.payees", "payees", "Keep where each person's money goes: name, town, country, account."),
    "payout": ("desk.payout", "payout", "Pay verified people from the ledger; book back what the bank returns."),
    "statements": (
        "desk.statements",
        "statements",
        "Write a statement for each person: a page to read and print, CSV and JSON to compute with.",
    ),
    "why": (
        "desk.statements",
        "why",
        "Show why PERSON (a key or a name) was credited what: from the pool to the output, the work, the weight, the amount.",
    ),
    "fingerprint": ("desk.register", "fingerprint", "Write portable fingerprints."),
    "registry": ("desk.upkeep", "registry_group", "Look after the registry's file."),
}


class Byline(Desk):
    """The top of the command line: it knows its commands by name and sentence before they are imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are met."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in the help, as click writes it."""
        room = formatter.width - 6 - max(map(len, COMMANDS))
        rows = [(name, click.Command(name, help=told).get_short_help_str(room)) for name, (_, _, told) in COMMANDS.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=Byline, context_settings={"max_content_width": 110})
@click.version_option(package_name="byline", prog_name="byline")
def main() -> None:
    """Find which registered works are inside an AI output, name the humans credited on them, and pay them.

    Register works with their credits, scan outputs, read who made what is in them. Everything happens on this machine.
    """
