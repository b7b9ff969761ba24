"""The open file behind a registry: its connection, the writer's lock, and the blocks in which it is read and written."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from registry.errors import CorruptRegistry, RegistryError, as_registry_error
from registry.lock import WriterLock
from registry.merge import smallest, tidy
from registry.opening import connect, prepared
from registry.pages import Damaged

if TYPE_CHECKING:
    from sqlite_utils import Database


class Handle:
    """One connection, not to be shared between threads. `forget` is called whenever what was read may no longer hold."""

    def __init__(self, path: Path, write: bool, create: bool, wait: bool, forget: Callable[[], None]) -> None:
        self.path, self._forget = path, forget
        self._lock = WriterLock(path, wait) if write and (create or path.exists()) else None
        try:
            self.conn = connect(path, write, create)
            self._db = prepared(path, self.conn) if write else None
        except BaseException:
            if self._lock:
                self._lock.release()
            raise
        self._seen = -1

    def close(self) -> None:
        """Lets go of the file. A writer first folds its log into it."""
        if self._lock is None or self._db is None:
            self.conn.close()
            return
        try:
            with contextlib.suppress(Damaged, sqlite3.Error):  # an untidy index answers as well, the log is as safe
                tidy(self._db, smallest)
                self.conn.execute("pragma wal_checkpoint(truncate)")
            self.conn.close()
        finally:
            self._lock.release()
            self._lock = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Inside the block, and in blocks inside of it, everything is read from one state of the file."""
        with self.explained():
            if self.conn.in_transaction:
                yield self.conn
                return
            self.conn.execute("begin")
            try:
                self._notice_changes()
                yield self.conn
            finally:
                with contextlib.suppress(sqlite3.Error):  # in a damaged file even ending may fail, which is no news
                    self.conn.execute("rollback")

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """What is written inside the block is kept when it ends, all of it, or nothing when it raises."""
        db = self.writable()
        with self.explained():
            try:
                with db.atomic():
                    yield self.conn
            finally:
                self._forget()

    def writable(self) -> Database:
        """The file as a writer has it. Raises RegistryError when it was opened for reading only."""
        if self._db is None:
            raise RegistryError(f"{self.path}: the registry was opened for reading only")
        return self._db

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turns what SQLite or the index says inside the block into a RegistryError with advice."""
        try:
            yield
        except sqlite3.Error as error:
            raise as_registry_error(error, self.path) from error
        except Damaged as error:
            raise CorruptRegistry(
                f"{self.path}: the registry's index is damaged ({error}); run byline registry rebuild"
            ) from error

    def _notice_changes(self) -> None:
        """Has what is held in memory reloaded when another connection has committed."""
        version = int(self.conn.execute("pragma data_version").fetchone()[0])
        if version != self._seen:
            self._seen = version
            self._forget()
