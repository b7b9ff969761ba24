"""Postings made anew from the stored fingerprints, which are the truth; and copies of the whole file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fingerprint.features import unpack
from registry.errors import ForbiddenRegistry, RegistryError, explained
from registry.merge import sweep
from registry.packing import Postings
from registry.postings import postings_of, write_segment
from registry.upgrade import forget
from registry.works import Schemes

if TYPE_CHECKING:
    from sqlite_utils import Database

AT_ONCE = 1 << 22  # postings in a segment of a rebuilt index, before merging

Progress = Callable[[int, int], None]


def rebuild(db: Database, schemes: Schemes, progress: Progress | None = None) -> None:
    """Every posting anew. The old ones serve readers until the new ones are whole; progress(done, all) counts fingerprints."""
    sweep(db)
    total = int(db.conn.execute("select count(*) from fingerprint where posted = 1").fetchone()[0])
    names = [row[0] for row in db.conn.execute("select distinct scheme from fingerprint where posted = 1 order by scheme")]
    done = 0
    for name in names:
        for runs in _batches(db.conn, name, schemes):
            with db.atomic():
                write_segment(db.conn, name, runs, live=False)
            done += len(runs)
            if progress:
                progress(done, total)
    with db.atomic():
        db.conn.execute("update segment set live = 1 - live")
        db.conn.execute("delete from tombstone")
        forget(db.conn, [row[0] for row in db.conn.execute("select id from fingerprint where part < 0").fetchall()])
        db.conn.execute("delete from scheme")
        db.conn.execute("insert into scheme select scheme, count(*) from fingerprint where posted = 1 group by scheme")
    sweep(db)


def _batches(conn: sqlite3.Connection, scheme: str, schemes: Schemes) -> Iterator[list[Postings]]:
    runs: list[Postings] = []
    size, last = 0, -1
    while True:
        row = conn.execute(
            "select id, data from fingerprint join packed on packed.fingerprint = id "
            "where scheme = ? and posted = 1 and id > ? order by id limit 1",
            (scheme, last),
        ).fetchone()
        if row is None:
            break
        last = row[0]
        runs.append(postings_of(last, unpack(row[1], schemes)))
        size += len(runs[-1])
        if size >= AT_ONCE:
            yield runs
            runs, size = [], 0
    if runs:
        yield runs


def backup(conn: sqlite3.Connection, source: Path, target: Path) -> None:
    """Copies the registry as it is now to `target`, whole or not at all; a writer may go on meanwhile."""
    if target.exists() and source.exists() and target.samefile(source):
        raise RegistryError(f"{target}: a backup cannot replace the registry itself; give another path")
    draft = target.with_name(target.name + ".part")
    try:
        draft.unlink(missing_ok=True)
        with explained(target), contextlib.closing(sqlite3.connect(draft)) as copy:
            conn.backup(copy)
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as error:
        raise ForbiddenRegistry(f"{target}: the backup cannot be written ({error.strerror}); check the folder") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
