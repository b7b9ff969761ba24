"""Works on their way into the registry: fingerprinted in workers, committed in batches, twins linked, every refusal told."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desk.console import Progress, now
from desk.files import PORTABLE
from desk.workers import Answer, Pool
from fingerprint import sha256_of
from fingerprint.errors import BylineError

if TYPE_CHECKING:
    from registry.hits import Credit
    from registry.store import Registry
    from registry.works import Entry, Outcome

TASK = "desk.tasks:register"
BATCH_WORKS = 64  # a kill loses at most this much computing, never a committed work
BATCH_S = 10.0
LOOKAHEAD = 500
KEPT_ROWS = 20


@dataclass(frozen=True)
class Wanted:
    """A work that somebody wants registered. file and line: where they said so, for a refusal."""

    name: str
    path: str
    file: str
    line: int | None = None
    work_id: str = ""
    title: str = ""
    licence: str = ""
    source: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    credits: tuple[Credit, ...] = ()
    holders: tuple[str, ...] = ()
    error: Mapping[str, str] | None = None

    def job(self) -> dict[str, Any]:
        """What a worker is told."""
        head: dict[str, Any] = {"path": self.path, "name": self.name, "wanted": self}
        return head | ({"error": self.error} if self.error is not None else {})


@dataclass
class ImportReport:
    """What became of the works. `tell` gets one row for each as it happens; a few accepted ones are kept for people."""

    tell: Callable[[dict[str, Any]], None]
    accepted: int = 0
    known: int = 0
    uncredited: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)
    twins: list[dict[str, Any]] = field(default_factory=list)
    accepted_rows: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, file: str, line: int | None, work: str, code: str, reason: str) -> None:
        """One work, or one row of a catalogue, was not registered, and why."""
        row = {"status": "refused", "file": file, "line": line, "work": work or None, "code": code, "reason": reason}
        self.refused.append(row)
        self.tell(row)

    def accept(self, entry: Entry) -> None:
        """One work is registered."""
        self.accepted += 1
        self.uncredited += not entry.credits
        row = {"status": "accepted", "work": entry.work_id, "title": entry.title, "medium": entry.medium}
        if len(self.accepted_rows) < KEPT_ROWS:
            self.accepted_rows.append(row)
        self.tell(row)

    def know(self, work: str) -> None:
        """One work was registered before."""
        self.known += 1
        self.tell({"status": "known", "work": work})

    def twin(self, work: str, other: str, how: str) -> None:
        """Two works with the same content are linked."""
        row = {"status": "twin", "work": work, "twin": other, "how": how}
        self.twins.append(row)
        self.tell(row)

    def totals(self) -> dict[str, int]:
        """The last row."""
        return {"accepted": self.accepted, "known": self.known, "refused": len(self.refused), "twins": len(self.twins)}


def work_id_of(path: str, sha256: str) -> str:
    """The id of a work that was given none: from its file's name and content, so that registering again finds it known."""
    stem = "".join(c if c.isalnum() else "-" for c in Path(path).stem.lower())
    return f"{'-'.join(stem.split('-'))[:40].strip('-') or 'work'}-{sha256[:8]}"


class Intake:
    """Puts works into one registry. The registry is written by this process alone; files are read by workers."""

    def __init__(self, registry: Registry, pool: Pool, report: ImportReport, progress: Progress, near_twins: bool) -> None:
        self._registry, self._pool, self._report, self._progress = registry, pool, report, progress
        self._near_twins = near_twins
        self._batch: list[tuple[Wanted, Entry, bytes]] = []
        self._committed_at = time.monotonic()
        self._checks: deque[dict[str, Any]] = deque()
        self._commits = 0

    def take(self, wanted: Iterable[Wanted]) -> None:
        """Register them. When it is stopped, or cannot go on, what has been fingerprinted is committed first."""
        try:
            for job, answer in self._pool.answers(self._jobs(wanted)):
                self._handle(job, answer)
            self._commit()
            for job, answer in self._pool.answers(self._waiting_checks()):
                self._handle(job, answer)
        except (KeyboardInterrupt, BylineError):
            self._commit()
            raise

    def _jobs(self, wanted: Iterable[Wanted]) -> Iterator[dict[str, Any]]:
        rest = iter(wanted)
        while chunk := list(itertools.islice(rest, LOOKAHEAD)):
            ids = [_id_before_reading(work) for work in chunk]
            known = self._registry.known([i for i in ids if i])
            for work, work_id in zip(chunk, ids, strict=True):
                yield from self._waiting_checks()
                if work_id in known:
                    self._report.know(work_id)
                    self._progress.step()
                else:
                    yield work.job()

    def _waiting_checks(self) -> Iterator[dict[str, Any]]:
        while self._checks:
            yield self._checks.popleft()

    def _handle(self, job: Mapping[str, Any], answer: Answer) -> None:
        if "twins_of" in job:
            self._link(str(job["twins_of"]), answer)
            return
        wanted: Wanted = job["wanted"]
        self._progress.step()
        if answer.error is not None:
            self._refuse(wanted, answer.error["code"], answer.error["message"])
        else:
            self._batch.append((wanted, _entry(wanted, answer.body), answer.body))
        if len(self._batch) >= BATCH_WORKS or time.monotonic() - self._committed_at > BATCH_S:
            self._commit()

    def _commit(self) -> None:
        batch, self._batch = self._batch, []
        self._committed_at = time.monotonic()
        if not batch:
            return
        outcomes = self._registry.add([entry for _, entry, _ in batch], now())
        self._commits += 1
        for (wanted, entry, body), outcome in zip(batch, outcomes, strict=True):
            self._settle(wanted, entry, body, outcome)

    def _settle(self, wanted: Wanted, entry: Entry, body: bytes, outcome: Outcome) -> None:
        if outcome.status == "known":
            self._report.know(entry.work_id)
        elif outcome.status != "accepted":
            self._refuse(wanted, outcome.status, f"{wanted.name}: {outcome.reason}")
        else:
            self._report.accept(entry)
            for conflict in outcome.conflicts:
                self._refuse(wanted, "conflict", f"{wanted.name}: a credit was left out: {conflict}")
            for other in outcome.twins:
                self._report.twin(entry.work_id, other, "same content")
            if self._near_twins and not outcome.twins:
                self._checks.append(
                    {"path": wanted.path, "name": wanted.name, "twins_of": entry.work_id, "state": self._commits, "body": body}
                )

    def _refuse(self, wanted: Wanted, code: str, reason: str) -> None:
        self._report.refuse(wanted.file, wanted.line, wanted.work_id, code, reason)

    def _link(self, work_id: str, answer: Answer) -> None:
        """Link the works that the check found. A check that fails costs the link, not the work."""
        for other in answer.head.get("twins", ()):
            if self._registry.link_twins(work_id, other, at=now()):  # its twin may have found it already
                self._report.twin(work_id, other, "nearly the same content")


def _id_before_reading(wanted: Wanted) -> str:
    """The id it has or will get, "" when that is not known yet: hashing a file is far cheaper than fingerprinting it again."""
    path = Path(wanted.path)
    if wanted.work_id or wanted.error is not None or path.suffix == PORTABLE or not path.is_file():
        return wanted.work_id
    try:
        return work_id_of(wanted.path, sha256_of(path))
    except OSError:
        return ""  # the worker that opens it says why


def _entry(wanted: Wanted, body: bytes) -> Entry:
    from fingerprint.portable import unpack_media
    from registry.works import Entry

    media = unpack_media(body)
    title = wanted.title or media.tags.get("title") or Path(wanted.path).stem
    return Entry(
        wanted.work_id or work_id_of(wanted.path, media.sha256), title, media.medium, media,
        wanted.licence, wanted.source, wanted.path, wanted.extra, wanted.credits, wanted.holders,
    )  # fmt: skip
