"""The ledger: transfers of microcents between accounts in a SQLite file of its own, append-only and chained by hashes.

One row moves one amount from `debit` to `credit`, so no row can be out of balance. What a run is based on (the money of each
output, what each work got of it, by which weights it was split) is kept beside its transfers, so that each amount can be
computed again. Corrections are new rows.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from registry.lock import WriterLock
from residuals.booking import Run
from residuals.chain import first_fault
from residuals.errors import LedgerError, RunDone, explained
from residuals.ledger_schema import APPLICATION_ID, SCHEMA, migrate
from residuals.records import Account, RunRow

if TYPE_CHECKING:
    from types import TracebackType

BUSY_S = 10
CACHE_KIB = 65_536
LONGEST_NAME = 100
SQLITE_HEAD = b"SQLite format 3\x00"


class Ledger:
    """An open ledger; close it, or use it as a context manager. One process writes at a time."""

    def __init__(self, path: Path, conn: sqlite3.Connection, lock: WriterLock | None, is_new: bool = False) -> None:
        self.path, self.conn, self._lock, self._is_new = path, conn, lock, is_new

    @classmethod
    def open(cls, path: Path, write: bool = False, create: bool = False) -> Ledger:
        """The ledger at `path`. Raises LedgerError or RegistryError with what to do."""
        is_new = not _inspect(path, create)
        with explained(path):
            lock = WriterLock(path) if write else None
        try:
            with explained(path):
                return cls(path, _connected(path, write, create), lock, is_new)
        except BaseException:
            if lock:
                lock.release()
            raise

    @contextlib.contextmanager
    def run(
        self, name: str, kind: str, period: str, date: str, detail: dict[str, object] | None = None, keep: bool = True
    ) -> Iterator[Run]:
        """A run under way: all of it is booked when the block ends, nothing when it raises or is killed, or when keep is False.

        A run that has nothing to book is not booked either: its name stays free. Raises RunDone when a run of this name is in
        the ledger.
        """
        if not name.strip() or len(name) > LONGEST_NAME:
            raise LedgerError("a run needs a name of at most 100 characters; give one with --run")
        if self.has_run(name):
            raise RunDone(f'{self.path}: run "{name}" is booked already; nothing was booked again')
        with self.transaction(keep):
            self.conn.execute("savepoint run")
            run = Run(self.conn, name, kind, period, date, detail or {})
            yield run
            run.finish()
            if run.is_empty:
                self.conn.execute("rollback to run")

    @contextlib.contextmanager
    def transaction(self, keep: bool = True) -> Iterator[None]:
        """What is written inside the block is kept when it ends, and not at all when it raises, is killed or keep is False."""
        with explained(self.path):
            self.conn.execute("begin immediate")
            try:
                yield
                self.conn.execute("commit" if keep else "rollback")
            except BaseException:
                self.conn.execute("rollback")
                raise

    def has_run(self, name: str) -> bool:
        """Whether a run of this name is booked."""
        return self.conn.execute("select 1 from run where run = ?", (name,)).fetchone() is not None

    def runs(self, kind: str = "", period: str = "") -> list[RunRow]:
        """The runs in the order of booking."""
        rows = self.conn.execute(
            "select id, r.run, kind, period, date, detail, first_transfer, transfers, hash from run r "
            "join seal s on s.run = r.id "
            "where (?1 = '' or kind = ?1) and (?2 = '' or period = ?2) order by id",
            (kind, period),
        )
        return [RunRow(*row) for row in rows]

    def balance(self, account: Account) -> int:
        """Credits minus debits of an account, in microcents; 0 for one that was never used. Exact beyond 64 bits."""
        row = self.conn.execute(
            "select b.microcents from account a join balance b on b.account = a.id where kind = ? and who = ? and work = ? "
            "and currency = ?",
            (account.kind, account.who, account.work, account.currency),
        ).fetchone()
        return int(row[0]) if row else 0

    def balances(self, kind: str = "", who: str = "") -> Iterator[tuple[Account, int]]:
        """Every account that was used with its balance, by kind, who, work, currency."""
        rows = self.conn.execute(
            "select kind, who, work, currency, b.microcents from account a join balance b on b.account = a.id "
            "where (?1 = '' or kind = ?1) and (?2 = '' or who = ?2) order by kind, who, work, currency",
            (kind, who),
        )
        for kind_, who_, work, currency, microcents in rows:
            yield Account(kind_, who_, work, currency), int(microcents)

    def head(self) -> str:
        """The hash of the last run: who has noted it down can tell whether anything before was changed or cut off."""
        row = self.conn.execute("select hash from seal order by run desc limit 1").fetchone()
        return row[0].hex() if row else ""

    def verify(self, head: str = "") -> str:
        """Which row was changed behind the ledger's back, as a sentence naming the first; "" when all is whole.

        head: a hash noted earlier, which must still stand in the ledger.
        """
        with explained(self.path):
            return first_fault(self.conn, head)

    def close(self) -> None:
        """Let go of the file. One that was made in vain, because nothing could be taken in, is removed."""
        in_vain = self._is_new and not self._holds_anything()
        self._is_new = False
        self.conn.close()
        if in_vain:
            self.path.unlink()
        if self._lock:
            self._lock.release()
            self._lock = None

    def _holds_anything(self) -> bool:
        tables = [row[0] for row in self.conn.execute("select name from sqlite_master where type = 'table'")]
        return any(self.conn.execute(f'select exists (select 1 from "{name}")').fetchone()[0] for name in tables)  # noqa: S608 - our own names

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _inspect(path: Path, create: bool) -> bool:
    """Whether there is a ledger already, as far as its first bytes tell. Raises LedgerError when the path cannot be used."""
    try:
        with path.open("rb") as file:
            head = file.read(len(SQLITE_HEAD))
    except FileNotFoundError:
        if not create:
            raise LedgerError(f"{path}: there is no ledger here; byline usage import makes one") from None
        if not path.parent.is_dir():
            raise LedgerError(f"{path}: the folder {path.parent} does not exist; make it first") from None
        return False
    except OSError as error:
        raise LedgerError(f"{path}: the ledger cannot be opened ({error.strerror}); check the path") from None
    if head != SQLITE_HEAD and not (create and not head):
        raise LedgerError(f"{path}: is not a ledger; check the path given with --ledger")
    return bool(head)


def _connected(path: Path, write: bool, create: bool) -> sqlite3.Connection:
    mode = ("rwc" if create else "rw") if write else "ro"
    address = f"{path.absolute().as_uri()}?mode={mode}"
    conn = sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None)
    try:
        conn.execute(f"pragma cache_size = -{CACHE_KIB}")
        conn.execute("pragma foreign_keys = on")
        conn.execute("pragma trusted_schema = off")
        _check_version(path, conn, write)
        if write:
            conn.execute("pragma synchronous = full")
            migrate(conn)
        else:
            conn.execute("pragma query_only = on")
    except BaseException:
        conn.close()
        raise
    return conn


def _check_version(path: Path, conn: sqlite3.Connection, write: bool) -> None:
    application = int(conn.execute("pragma application_id").fetchone()[0])
    version = int(conn.execute("pragma user_version").fetchone()[0])
    tables = conn.execute("select count(*) from sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and not (write and not tables):
        raise LedgerError(f"{path}: is a SQLite database, but not a ledger; check the path given with --ledger")
    if version > SCHEMA:
        raise LedgerError(f"{path}: the ledger was made by a newer version of Byline; upgrade Byline to use it")
    if version < SCHEMA and not write:
        raise LedgerError(
            f"{path}: the ledger was made by an older version of Byline; the next byline usage import brings it up to date"
        )
