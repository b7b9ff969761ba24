"""What can go wrong with money, each as one sentence with advice."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from fingerprint.errors import BylineError
from registry.errors import RegistryError, as_registry_error


class MoneyError(BylineError, ValueError):
    """An amount or a currency that cannot be used."""

    code = "money"


class LedgerError(BylineError):
    """The ledger cannot be used as asked."""

    code = "ledger"


class RunDone(LedgerError):
    """A run of this name is in the ledger already; nothing is booked twice."""

    code = "run-done"


class PolicyError(BylineError):
    """A line of the policy cannot be used."""

    code = "policy"


class UsageError(BylineError):
    """A vendor's file cannot be used at all."""

    code = "usage"


@contextlib.contextmanager
def explained(path: object) -> Iterator[None]:
    """Turns SQLite's errors inside the block into LedgerErrors that say what they mean for the ledger at `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _of_ledger(as_registry_error(error, path)) from error
    except RegistryError as error:  # of the lock, which is the registry's
        raise _of_ledger(error) from error


def _of_ledger(error: RegistryError) -> LedgerError:
    text = str(error)
    for registrys, ledgers in (
        ("Byline registry", "ledger"),
        ("byline registry", "byline ledger"),
        ("the registry", "the ledger"),
    ):
        text = text.replace(registrys, ledgers)
    return LedgerError(text.replace("--registry", "--ledger"))
