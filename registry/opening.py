"""Opening the file of a registry: what it is, whether this version can use it, the connection."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from registry.errors import (
    ForbiddenRegistry,
    MissingRegistry,
    NewerRegistry,
    NotARegistry,
    OlderRegistry,
    RegistryError,
    explained,
)
from registry.version import APPLICATION_ID, PAGE_BYTES, SCHEMA

if TYPE_CHECKING:
    from sqlite_utils import Database

SQLITE_HEAD = b"SQLite format 3\x00"
CACHE_KIB = 163_840  # of pages, taken only as they are read; the blocks of one query over eight segments fit
BUSY_MS = 10_000
SYNCHRONOUS = "full"  # a committed work survives a power cut


def inspect(path: Path, create: bool) -> None:
    """Raises the RegistryError that says why there is no usable file at `path`; an empty one will do when creating."""
    try:
        with path.open("rb") as file:
            head = file.read(len(SQLITE_HEAD))
    except FileNotFoundError:
        if not create:
            raise MissingRegistry(f"{path}: there is no registry here; byline register makes one") from None
        if not path.parent.is_dir():
            raise MissingRegistry(f"{path}: the folder {path.parent} does not exist; make it first") from None
        return
    except (OSError, ValueError) as error:
        raise _unopened(path, error) from None
    if head != SQLITE_HEAD and not (create and not head):
        raise NotARegistry(f"{path}: is not a Byline registry; check the path given with --registry")


def _unopened(path: Path, error: OSError | ValueError) -> RegistryError:
    if isinstance(error, (IsADirectoryError, PermissionError)) and path.is_dir():  # Windows gives the second for a folder
        return NotARegistry(f"{path}: is a folder, not a registry; give the path of a file")
    if isinstance(error, PermissionError):
        return ForbiddenRegistry(f"{path}: the registry may not be read by this user; check its permissions")
    return RegistryError(f"{path}: the registry cannot be opened: {error}")


def connect(path: Path, write: bool, create: bool) -> sqlite3.Connection:
    """A connection to a registry of this version; a writer brings an older one up to date, and makes a missing one."""
    inspect(path, create)
    with explained(path):
        conn = _opened(path, write, create)
        try:
            _settings(conn, write)
            _check_version(path, conn, write, create)
        except BaseException:
            conn.close()
            raise
        return conn


def prepared(path: Path, conn: sqlite3.Connection) -> Database:
    """The writer's handle on its connection, when the schema is up to date and what a killed writer left is swept away."""
    from sqlite_utils import Database  # readers do not wait for its import

    from registry.merge import sweep
    from registry.schema import migrate

    with explained(path):
        db = Database(conn, execute_plugins=False)
        migrate(db)
        sweep(db)
    return db


def _opened(path: Path, write: bool, create: bool) -> sqlite3.Connection:
    address = path.absolute().as_uri()
    if write:
        mode = "rwc" if create else "rw"
        return sqlite3.connect(f"{address}?mode={mode}", uri=True, timeout=BUSY_MS / 1000, isolation_level=None)
    conn = sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=BUSY_MS / 1000, isolation_level=None)
    try:
        conn.execute("select 1 from sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        conn.close()
        # On a medium that cannot be written there is no place for SQLite's shared memory; nobody else can write it either.
        beside = path.with_name(path.name + "-wal")
        if (error.sqlite_errorcode & 0xFF) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or beside.exists():
            raise
        conn = sqlite3.connect(f"{address}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return conn


def _settings(conn: sqlite3.Connection, write: bool) -> None:
    conn.execute(f"pragma cache_size = -{CACHE_KIB}")
    conn.execute("pragma foreign_keys = on")
    conn.execute("pragma trusted_schema = off")
    if not write:
        conn.execute("pragma query_only = on")
        return
    conn.execute(f"pragma page_size = {PAGE_BYTES}")
    conn.execute(f"pragma synchronous = {SYNCHRONOUS}")


def _check_version(path: Path, conn: sqlite3.Connection, write: bool, create: bool) -> None:
    application = int(conn.execute("pragma application_id").fetchone()[0])
    version = int(conn.execute("pragma user_version").fetchone()[0])
    if application != APPLICATION_ID:
        tables = {row[0] for row in conn.execute("select name from sqlite_master where type = 'table'")}
        # A writer that was killed while it made the file leaves an empty one; the next one goes on from there.
        if not (write and create and application == 0 and tables <= {"_sqlite_migrations", "sqlite_sequence"}):
            raise NotARegistry(f"{path}: is a SQLite database, but not a Byline registry; check the path given with --registry")
    elif version > SCHEMA:
        raise NewerRegistry(f"{path}: the registry was made by a newer version of Byline; upgrade Byline to use it")
    elif version < SCHEMA and not write:
        raise OlderRegistry(f"{path}: the registry was made by an older version of Byline; byline registry merge upgrades it")
    if write:
        conn.execute("pragma journal_mode = wal")
