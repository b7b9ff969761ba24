"""What money asks of a registry: who is credited on a work, and who is who."""

from __future__ import annotations

from typing import Protocol

from registry.hits import Credited


class People(Protocol):
    """A registry as the ledger's runs see it."""

    def has_work(self, work_id: str) -> bool:
        """Whether a work of this id was ever registered."""

    def credited(self, work_id: str) -> tuple[Credited, ...]:
        """The credits of a work, in their order."""

    def holders(self, work_id: str) -> tuple[str, ...]:
        """The rights holders of a work."""

    def payee(self, key: str) -> tuple[str, str]:
        """Name and state of a person."""

    def current_key(self, key: str) -> str:
        """The key under which a person goes now: another one after a merge."""

    def revision(self) -> dict[str, str | int]:
        """What identifies the state of the registry."""
