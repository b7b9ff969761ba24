"""The handle on a registry file: `with open_registry(path) as registry`. It is the Index that the matcher scans against.

Readers open the file read-only and see one consistent state for each call, or for a whole `snapshot()`; they never wait
for a writer. There is one writer at a time, under a lock file; only it writes checkpoints.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import fingerprint
from fingerprint.features import Fingerprint, Media, Scheme, newest, unpack
from fingerprint.hashing import Int64
from registry import columns, identified, listing, people, postings, upgrade, verification, works
from registry.audit import changed, meta, note
from registry.check import check
from registry.errors import RegistryError
from registry.handle import Handle
from registry.hits import Credited, Hits, Registered, Rows, Work, no_hits
from registry.merge import Due, crowded, everything, give_back, merge, sizes_of, smallest, tidy
from registry.pages import Reader
from registry.postings import Directory
from registry.rebuild import Progress, backup, rebuild
from registry.upgrade import Outdated
from registry.version import SCHEMA
from registry.works import Batch, Entry, Outcome

if TYPE_CHECKING:
    from registry.humans import Humans

KEPT = 4096  # answers of registered() kept in memory


def open_registry(
    path: Path | str, write: bool = False, create: bool = False, schemes: Mapping[str, Scheme] | None = None, wait: bool = False
) -> Registry:
    """The registry in that file. `create` makes it when it is missing; `wait` waits for another writer to finish.

    schemes: those that its fingerprints may be of; without it, all that Byline knows. Raises RegistryError.
    """
    return Registry(Path(path), write or create, create, schemes, wait)


class Registry:
    """See registry.hits.Index for what the matcher asks; the rest is for the desk. Not to be shared between threads."""

    def __init__(self, path: Path, write: bool, create: bool, schemes: Mapping[str, Scheme] | None, wait: bool = False) -> None:
        self.path = path
        self._given_schemes = schemes
        self.file = Handle(path, write, create, wait, self._forget)
        self._reader = Reader()
        self._directories: dict[str, Directory] = {}
        self._stale: dict[str, Directory] = {}
        self._registered: dict[int, Registered] = {}
        self._held: dict[str, columns.Held] = {}

    @cached_property
    def schemes(self) -> Mapping[str, Scheme]:
        """Every scheme that a fingerprint here may be of."""
        return fingerprint.schemes() if self._given_schemes is None else self._given_schemes

    @cached_property
    def humans(self) -> Humans:
        """What is done with its people: states, merges, credentials."""
        from registry.humans import Humans  # what checks signatures is imported only where it is asked for

        return Humans(self.file.reading, self.file.writing)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file. A writer first folds its log into it."""
        self.file.close()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Self]:
        """Inside the block everything is answered from one state of the registry, whatever a writer does meanwhile."""
        with self.file.reading():
            yield self

    def _forget(self) -> None:
        """Drops what is held in memory; segments never change, so they are taken over where they still exist."""
        self._stale |= self._directories
        self._directories = {}
        self._registered.clear()

    def _directory(self, conn: sqlite3.Connection, scheme: str) -> Directory:
        if scheme not in self._directories:
            self._directories[scheme] = postings.load_directory(conn, scheme, self._stale.pop(scheme, None))
            known = (self._stale | self._directories).values()
            self._reader.keep_only({segment.id for directory in known for segment in directory.segments})
        return self._directories[scheme]

    # What the matcher asks: registry.hits.Index

    def lookup(self, scheme: str, keys: Int64) -> Hits:
        """See Index.lookup."""
        with self.file.reading() as conn:
            directory = self._directory(conn, scheme)
            if scheme not in self.schemes:
                return no_hits()
            most_hits = self.schemes[scheme].most_hits
            return postings.lookup(directory, postings.fetcher(conn), keys, self._reader, most_hits)

    def registered(self, fingerprint_id: int) -> Registered:
        """See Index.registered. Also answers for a work that has been withdrawn since the lookup."""
        if fingerprint_id not in self._registered:
            if len(self._registered) >= KEPT:
                self._registered.clear()
            with self.file.reading() as conn:
                self._registered[fingerprint_id] = works.registered(conn, fingerprint_id)
        return self._registered[fingerprint_id]

    def fingerprint(self, fingerprint_id: int) -> Fingerprint:
        """See Index.fingerprint. One of an older scheme comes in the newest that follows from it."""
        with self.file.reading() as conn:
            return newest(unpack(works.blob(conn, fingerprint_id), self.schemes, derive=False), self.schemes)

    def work(self, work_id: str) -> Work:
        """See Index.work. Raises UnknownWork."""
        with self.file.reading() as conn:
            return works.work(conn, work_id)

    def rows(self, scheme: str) -> Rows:
        """See Index.rows. Kept in memory until the registry changes."""
        with self.file.reading() as conn:
            known, held = self.schemes[scheme], self._held.get(scheme)
            self._held[scheme] = columns.read(conn, known, meta(conn, "revision"), self.schemes, held)
            return columns.as_rows(self._held[scheme])

    def holds(self, scheme: str) -> bool:
        """See Index.holds."""
        with self.file.reading() as conn:
            return self._directory(conn, scheme).fingerprints > 0

    def works_count(self) -> int:
        """See Index.works_count."""
        with self.file.reading() as conn:
            return int(meta(conn, "works"))

    def revision(self) -> dict[str, str | int]:
        """See Index.revision. Merging, rebuilding and backing up leave it as it is."""
        with self.file.reading() as conn:
            return {
                "id": meta(conn, "id"), "revision": int(meta(conn, "revision")),
                "works": int(meta(conn, "works")), "schema": SCHEMA,
            }  # fmt: skip

    # Works and people

    def add(self, entries: Iterable[Entry], at: str = "") -> list[Outcome]:
        """Registers the entries in one transaction: all of them, or when it fails none. at: the date for the audit rows."""
        with self.file.writing() as conn:
            batch = Batch(conn, self.schemes)
            outcomes = [batch.add(entry) for entry in entries]
            batch.finish()
            accepted = [o for o in outcomes if o.status == "accepted"]
            for outcome in accepted:
                note(conn, "registered", outcome.work_id, "", at)
            if accepted:
                changed(conn, len(accepted))
        self._tidy_if_possible()
        return outcomes

    def known(self, work_ids: Iterable[str]) -> dict[str, str]:
        """sha256 of the file of each of these works that is registered and not withdrawn."""
        with self.file.reading() as conn:
            rows = {w: works.sha256_of(conn, w) for w in work_ids}
        return {work_id: sha256 for work_id, sha256 in rows.items() if sha256 is not None}

    def withdraw(self, work_id: str, reason: str, at: str = "") -> bool:
        """Takes a work out of matching at once, keeping its rows; False when it was withdrawn before. Raises UnknownWork."""
        with self.file.writing() as conn:
            done = works.withdraw(conn, work_id, self.schemes)
            if done:
                note(conn, "withdrawn", work_id, reason, at)
                changed(conn, -1)
        return done

    def restore(self, work_id: str, reason: str, at: str = "") -> bool:
        """Undoes `withdraw`; False when the work was not withdrawn. Raises UnknownWork."""
        with self.file.writing() as conn:
            done = works.restore(conn, work_id, self.schemes)
            if done:
                note(conn, "restored", work_id, reason, at)
                changed(conn, 1)
        return done

    def link_twins(self, work_id: str, other: str, how: str = "near", at: str = "") -> bool:
        """Notes that two works have the same content; False when that was known. Both stay in matching."""
        with self.file.writing() as conn:
            done = works.link_twins(conn, work_id, other, how)
            if done:
                note(conn, "twins", work_id, f"{how}: {other}", at)
                changed(conn, 0)
        return done

    def works(self, medium: str = "", state: str = "live", like: str = "") -> Iterator[dict[str, Any]]:
        """The works in order of registration; see registry.listing.works."""
        with self.file.reading() as conn:
            yield from listing.works(conn, medium, state, like)

    def show(self, work_id: str) -> dict[str, Any]:
        """All that is known of one work. Raises UnknownWork."""
        with self.file.reading() as conn:
            return listing.show(conn, work_id)

    def people(self, like: str = "") -> Iterator[dict[str, Any]]:
        """Everybody credited; see registry.people.people."""
        with self.file.reading() as conn:
            yield from people.people(conn, like)

    def person(self, who: str) -> list[dict[str, Any]]:
        """Everybody of that name, identifier or number, with credits and the moves to their states. Raises UnknownWork."""
        with self.file.reading() as conn:
            return [row | {"moves": verification.moves(conn, row["person"])} for row in people.person(conn, who)]

    def identify(self, work_id: str, identifiers: Iterable[str], at: str = "") -> list[tuple[str, bool]]:
        """Notes identifiers of a work, all or none: each in its one form, and whether it is new. Raises UnknownWork or
        RegistryError.
        """
        with self.file.writing() as conn:
            rank = works.rank_of(conn, work_id)
            told = [(i, bool(identified.identify(conn, rank, [i]))) for i in identified.checked(identifiers)]
            for identifier in (i for i, new in told if new):
                note(conn, "identified", work_id, identifier, at)
        return told

    # What money asks

    def has_work(self, work_id: str) -> bool:
        """Whether a work of this id is registered, withdrawn or not."""
        with self.file.reading() as conn:
            return works.has(conn, work_id)

    def credited(self, work_id: str) -> tuple[Credited, ...]:
        """The credits of a work, in their order, each with the key and the state of its human. Raises UnknownWork."""
        with self.file.reading() as conn:
            return people.credited(conn, works.rank_of(conn, work_id))

    def holders(self, work_id: str) -> tuple[str, ...]:
        """The rights holders of a work. Raises UnknownWork."""
        with self.file.reading() as conn:
            return people.holders_of(conn, works.rank_of(conn, work_id))

    def payee(self, key: str) -> tuple[str, str]:
        """Name and state of the human with this key; of one who has been merged, those of the other. Raises UnknownWork."""
        with self.file.reading() as conn:
            return people.payee(conn, key)

    def current_key(self, key: str) -> str:
        """The key of the human that this key leads to: another one after a merge. Raises UnknownWork."""
        with self.file.reading() as conn:
            return people.key_of(conn, people.by_key(conn, key))

    def events(self, work_id: str = "") -> list[dict[str, str]]:
        """The audit rows, oldest first."""
        with self.file.reading() as conn:
            return listing.events(conn, work_id)

    # Fingerprints of older schemes

    def is_due(self) -> bool:
        """Whether an upgrade is due, as far as a quick look tells."""
        with self.file.reading() as conn:
            return upgrade.is_due(conn, self.schemes)

    def due(self) -> tuple[int, int]:
        """How many works `convert` has to do, and how many live ones are not as this version would register them."""
        with self.file.reading() as conn:
            return len(upgrade.convertible(conn, self.schemes, 0, -1)), len(upgrade.due(conn, self.schemes))

    def outdated(self, after: int, most: int) -> list[Outdated]:
        """See registry.upgrade.outdated."""
        with self.file.reading() as conn:
            return upgrade.outdated(conn, self.schemes, after, most)

    def convert(self, after: int, most: int, at: str = "") -> list[int]:
        """Converts in one transaction what can be converted of the next works behind rank `after`; their ranks, rising."""
        with self.file.writing() as conn:
            ranks = upgrade.convertible(conn, self.schemes, after, most)
            self._upgraded(conn, upgrade.convert(conn, self.schemes, ranks), at)
        self._tidy_if_possible()
        return ranks

    def renew(self, media: Mapping[int, Media], at: str = "") -> None:
        """Puts what was computed anew from the files of these works (by rank) in the place of what they had."""
        with self.file.writing() as conn:
            self._upgraded(conn, upgrade.renew(conn, self.schemes, media), at)
        self._tidy_if_possible()

    def _upgraded(self, conn: sqlite3.Connection, told: Mapping[int, str], at: str) -> None:
        for rank, detail in told.items():
            note(conn, "upgraded", works.id_of(conn, rank), detail, at)
        if told:
            changed(conn, 0)

    # The file

    def _tidy_if_possible(self) -> None:
        with contextlib.suppress(RegistryError):  # what was written is in; an untidy index answers as well, and is tidied later
            self._tidy(crowded)

    def _tidy(self, due: Due) -> None:
        db = self.file.writable()
        with self.file.explained():
            tidy(db, due)
        self._forget()

    def merge(self) -> None:
        """Puts the index in order: one segment a scheme, the postings of withdrawn works forgotten, free space given back."""
        self._tidy(everything)
        db = self.file.writable()
        with self.file.explained():
            for (scheme,) in self.file.conn.execute("select distinct scheme from tombstone order by scheme").fetchall():
                merge(db, scheme, [number for _, number in sizes_of(self.file.conn, scheme)])
            give_back(db)
        self._forget()

    def rebuild(self, progress: Progress | None = None) -> None:
        """Makes all postings anew from the stored fingerprints; progress(done, all) counts fingerprints."""
        db = self.file.writable()
        with self.file.explained():
            rebuild(db, self.schemes, progress)
        self._tidy(smallest)

    def check(self) -> list[str]:
        """What is wrong with the file, one sentence each; nothing when it is whole."""
        with self.file.reading() as conn:
            return check(conn, self.schemes)

    def backup(self, target: Path) -> None:
        """Copies the registry as it is now to `target`, whole or not at all."""
        with self.file.explained():
            backup(self.file.conn, self.path, target)

    def stats(self) -> dict[str, Any]:
        """Counts and sizes."""
        with self.file.reading() as conn:
            return listing.stats(conn) | upgrade.counts(conn, self.schemes) | {"revision": self.revision()}
