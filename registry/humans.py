"""What is done with the people of a registry: `registry.humans`. Each call is one transaction: all of it, or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from registry import imports, imports_files, issuers, people, verification
from registry.audit import changed
from registry.imports import Taken
from registry.imports_files import Unmatched
from registry.verification import Moved, Vouching

Connection = Callable[[], AbstractContextManager[sqlite3.Connection]]


class Humans:
    """A handle that belongs to a Registry."""

    def __init__(self, reading: Connection, writing: Connection) -> None:
        self._reading, self._writing = reading, writing

    def about(self, who: str) -> dict[str, Any]:
        """All that is known of one person, with the moves that led to their state. Raises UnknownWork or Refused."""
        with self._reading() as conn:
            number = verification.one(conn, who)
            return people.about(conn, number) | {"moves": verification.moves(conn, number)}

    def move(self, who: str, state: str, by: Vouching, credit: str = "") -> Moved:
        """Moves a person, or their credit "WORK:ROLE", to a state. Raises UnknownWork or Refused."""
        with self._writing() as conn:
            person = verification.one(conn, who)
            place = verification.credit_of(conn, person, credit) if credit else None
            moved = verification.move(conn, person, state, by, place)
            changed(conn, 0)
        return moved

    def identify(self, who: str, identifiers: tuple[str, ...]) -> list[str]:
        """Notes further identifiers of a person; those that are new. Raises UnknownWork or Refused."""
        with self._writing() as conn:
            new = verification.identify(conn, verification.one(conn, who), identifiers)
            changed(conn, 0)
        return new

    def merge(self, gone: str, kept: str, because: str, who: str, at: str) -> Moved:
        """Makes one person of two: the first goes into the second. Raises UnknownWork or Refused."""
        with self._writing() as conn:
            moved = verification.merge(
                conn, verification.one(conn, gone), verification.one(conn, kept), because, who, at
            )  # fmt: skip
            changed(conn, 0)
        return moved

    def twins(self) -> Iterator[dict[str, Any]]:
        """People of one name without a common identifier, by name."""
        with self._reading() as conn:
            yield from verification.twins(conn)

    def count_twins(self) -> int:
        """How many names several people bear."""
        with self._reading() as conn:
            return verification.count_twins(conn)

    def take_in(self, paths: Iterable[Path], unmatched: Unmatched) -> Iterator[Taken]:
        """Puts the credits of these files to the registered works, batch by batch; each is told when it is safe."""

        @cache
        def known() -> frozenset[str]:
            with self._reading() as conn:
                return imports.known_identifiers(conn)

        yield from imports.take(imports_files.read_credits(paths, known, unmatched), self._writing)

    # Who vouches for whom

    def trust(self, name: str, public: str, who: str, because: str, at: str) -> str:
        """Puts an issuer's public key on the list of trusted ones; its address. Raises Refused."""
        with self._writing() as conn:
            return issuers.trust(conn, name, public, who, because, at)

    def distrust(self, name: str, who: str, because: str, at: str) -> list[str]:
        """Takes an issuer off the list; the keys of those whom its credentials have verified. Raises Refused."""
        with self._writing() as conn:
            return issuers.distrust(conn, name, who, because, at)

    def issuers(self) -> list[dict[str, Any]]:
        """The trusted issuers."""
        with self._reading() as conn:
            return issuers.trusted(conn)

    def accept(self, token: str, now: datetime) -> Moved:
        """Verifies whom a credential vouches for. Raises BadCredential with the reason, and then changes nothing."""
        with self._writing() as conn:
            moved = issuers.accept(conn, token, now)
            changed(conn, 0)
        return moved
