"""A registry brought up to date: fingerprints of older schemes converted, or made again from the works' files.

Everything is done in batches, each whole or not at all; whoever is stopped goes on where the last batch ended, because
only what is still due is looked for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from desk.console import Progress, now
from desk.intake import BATCH_S, BATCH_WORKS
from desk.workers import Answer, Pool
from fingerprint.errors import BylineError

if TYPE_CHECKING:
    from fingerprint import Media
    from registry.store import Registry
    from registry.upgrade import Outdated

TASK = "desk.tasks:renew"
CONVERTED_AT_ONCE = 256  # works; a kill loses at most this much converting
LOOKAHEAD = 500
NOWHERE = {"code": "no-path", "message": "it is not known where its file is; withdraw it and register it again under another id"}


@dataclass
class Upgraded:
    """What became of the works that were due. left: one row for each that keeps its older fingerprints, with the reason."""

    converted: int = 0
    renewed: int = 0
    left: list[dict[str, Any]] = field(default_factory=list)


def upgrade(registry: Registry, jobs: int) -> Upgraded:
    """Brings the whole registry up to date, as far as that can be done."""
    done = Upgraded()
    to_convert, _ = registry.due()
    with Progress("converting", to_convert) as progress:
        rank = 0
        while ranks := registry.convert(rank, CONVERTED_AT_ONCE, now()):
            rank = ranks[-1]
            done.converted += len(ranks)
            progress.step(len(ranks))
    _, due = registry.due()
    if due:
        with Pool(TASK, {}, min(jobs, due)) as pool, Progress("fingerprinting again", due) as progress:
            _Renewal(registry, done, progress).take(pool)
    registry.merge()
    return done


class _Renewal:
    """Answers of the workers on their way into the registry."""

    def __init__(self, registry: Registry, done: Upgraded, progress: Progress) -> None:
        self._registry, self._done, self._progress = registry, done, progress
        self._batch: dict[int, Media] = {}
        self._committed_at = time.monotonic()

    def take(self, pool: Pool) -> None:
        """All works that are due. When it is stopped, what has been fingerprinted is committed first."""
        try:
            for job, answer in pool.answers(self._jobs()):
                self._handle(job, answer)
        except (KeyboardInterrupt, BylineError):
            self._commit()
            raise
        self._commit()

    def _jobs(self) -> Iterator[dict[str, Any]]:
        rank = 0
        while works := self._registry.outdated(rank, LOOKAHEAD):
            rank = works[-1].rank
            for work in works:
                job = {"path": work.path, "name": work.path, "sha256": work.sha256, "wanted": work}
                yield job if work.path else job | {"error": NOWHERE}

    def _handle(self, job: Mapping[str, Any], answer: Answer) -> None:
        from fingerprint.portable import unpack_media

        work: Outdated = job["wanted"]
        self._progress.step()
        if answer.error is None:
            self._batch[work.rank] = unpack_media(answer.body)
        else:
            row = {"status": "left", "work": work.work_id, "title": work.title, "schemes": list(work.schemes)}
            self._done.left.append(row | {"code": answer.error["code"], "reason": answer.error["message"]})
        if len(self._batch) >= BATCH_WORKS or time.monotonic() - self._committed_at > BATCH_S:
            self._commit()

    def _commit(self) -> None:
        batch, self._batch = self._batch, {}
        self._committed_at = time.monotonic()
        if batch:
            self._registry.renew(batch, now())
            self._done.renewed += len(batch)
