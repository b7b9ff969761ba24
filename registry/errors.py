"""What can go wrong with a registry file, each as one sentence with advice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from fingerprint.errors import BylineError


class RegistryError(BylineError):
    """The registry cannot be used as asked."""

    code = "registry"


class MissingRegistry(RegistryError):
    """There is no file at that path."""

    code = "registry-missing"


class NotARegistry(RegistryError):
    """The file is something else."""

    code = "registry-foreign"


class CorruptRegistry(RegistryError):
    """The file is damaged."""

    code = "registry-corrupt"


class LockedRegistry(RegistryError):
    """Another process is writing."""

    code = "registry-locked"


class NewerRegistry(RegistryError):
    """The file was made by a newer version of Byline."""

    code = "registry-newer"


class OlderRegistry(RegistryError):
    """The file was made by an older version of Byline and has not been brought up to date."""

    code = "registry-older"


class ForbiddenRegistry(RegistryError):
    """No permission to read or write the file."""

    code = "registry-permission"


class FullDisk(RegistryError):
    """The disk is full; what was being written has been rolled back."""

    code = "disk-full"


class UnknownWork(RegistryError):
    """No work, or no person, of that name is registered."""

    code = "unknown-work"


REASONS: dict[int, tuple[type[RegistryError], str]] = {
    sqlite3.SQLITE_NOTADB: (NotARegistry, "is not a Byline registry; check the path given with --registry"),
    sqlite3.SQLITE_CORRUPT: (CorruptRegistry, "is damaged; restore a backup, or run byline registry check to see what is left"),
    sqlite3.SQLITE_BUSY: (LockedRegistry, "is being written by another process; try again when it has finished"),
    sqlite3.SQLITE_LOCKED: (LockedRegistry, "is being written by another process; try again when it has finished"),
    sqlite3.SQLITE_FULL: (FullDisk, "could not grow: the disk is full; nothing of the last batch was kept, free some space"),
    sqlite3.SQLITE_READONLY: (ForbiddenRegistry, "may not be written by this user; check the permissions of file and folder"),
    sqlite3.SQLITE_PERM: (ForbiddenRegistry, "may not be opened by this user; check the permissions of file and folder"),
    sqlite3.SQLITE_CANTOPEN: (ForbiddenRegistry, "cannot be opened; check the permissions of file and folder"),
    sqlite3.SQLITE_IOERR: (FullDisk, "could not be read or written: the disk refused; nothing of the last batch was kept"),
    sqlite3.SQLITE_TOOBIG: (RegistryError, "cannot hold a value as large as that; nothing of the last batch was kept"),
}


def as_registry_error(error: sqlite3.Error, path: object) -> RegistryError:
    """The RegistryError that says what `error` means for the registry at `path`."""
    code = getattr(error, "sqlite_errorcode", None)
    kind, reason = REASONS.get((code or 0) & 0xFF, (RegistryError, f"cannot be used: {error}"))
    if code is None and "closed" in str(error):
        reason = "has been closed"
    return kind(f"{path}: the registry {reason}")


@contextmanager
def explained(path: object) -> Iterator[None]:
    """Turns SQLite's errors inside the block into RegistryErrors."""
    try:
        yield
    except sqlite3.Error as error:
        raise as_registry_error(error, path) from error
