"""Payees from a CSV file: good rows are stored, the others told with their line. The same file twice changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fingerprint.errors import BylineError
from registry.tables import Refusal, Row, read_table
from residuals.payees import BadPayee, check_key, payee_of, write_payee
from residuals.payout_tables import transaction
from residuals.vault import Vault

REQUIRED = ("person", "name", "town", "country")
BATCH = 1_000


@dataclass
class ImportReport:
    """How an import went: payees stored and left as they were, rows refused (the person's key stands in work_id)."""

    stored: int = 0
    unchanged: int = 0
    refused: list[Refusal] = field(default_factory=list)


def import_payees(
    conn: sqlite3.Connection, path: Path, known: Callable[[str], bool], vault: Vault, date: str, encoding: str = ""
) -> ImportReport:
    """Stores the rows of a table; known tells whether the registry has a person. Raises CatalogueError for a useless file.

    Stored in batches: when it is killed, running it again stores the rest.
    """
    check_key(conn, vault)
    report, seen = ImportReport(), dict[str, int]()
    batch: list[Row] = []
    for row in read_table(path, REQUIRED, encoding):
        if isinstance(row, Refusal):
            report.refused.append(row)
            continue
        batch.append(row)
        if len(batch) == BATCH:
            _store(conn, path, batch, known, vault, date, report, seen)
            batch.clear()
    _store(conn, path, batch, known, vault, date, report, seen)
    report.refused.sort(key=lambda refusal: refusal.line)
    return report


def _store(
    conn: sqlite3.Connection, path: Path, rows: list[Row], known: Callable[[str], bool], vault: Vault, date: str,
    report: ImportReport, seen: dict[str, int],
) -> None:  # fmt: skip
    with transaction(conn):
        for row in rows:
            person = row.values["person"]
            try:
                if person in seen:
                    raise BadPayee(f"the person stands in line {seen[person]} already; keep one of the two rows")
                payee = payee_of(person, row.values)
                if not known(person):
                    raise BadPayee("the registry does not know this person; byline people list shows the keys")
                changed = write_payee(conn, payee, vault, date)
            except BylineError as error:
                report.refused.append(Refusal(str(path), row.line, person, str(error)))
                continue
            seen[person] = row.line
            report.stored += bool(changed)
            report.unchanged += not changed
