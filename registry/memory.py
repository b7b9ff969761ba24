"""An index that lives in memory: for experiments and tests; gives the same Hits as the one in SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from fingerprint.features import Fingerprint, Part, Scheme
from fingerprint.hashing import Int64
from registry.hits import Hits, Registered, Rows, Work, no_hits

MAX_POSTINGS_PER_KEY = 2000
# Hits that one lookup may give: so many, and one more for each key. Beyond that the commonest keys are passed over: they tell
# least. A film's key pictures or a song's landmarks give a tenth of it in a registry of a hundred works.
ENOUGH_HITS, HITS_PER_KEY = 1 << 18, 1


def most_postings(counts: Int64, asked: Int64, most_hits: int = ENOUGH_HITS) -> int:
    """How common a key may be so that all hits of keys not commoner are few enough.

    counts: live postings of each different key; asked: how often the key stands in the probe. At most MAX_POSTINGS_PER_KEY.
    most_hits: what is enough for the scheme.
    """
    order = np.argsort(counts, kind="stable")
    hits = np.cumsum((counts * asked)[order])
    fitting = int(np.searchsorted(hits, min(most_hits, ENOUGH_HITS) + HITS_PER_KEY * int(asked.sum()), "right"))
    if fitting == len(order):
        return MAX_POSTINGS_PER_KEY
    return min(MAX_POSTINGS_PER_KEY, int(counts[order[fitting]]) - 1)


class MemoryIndex:
    """Built once from (work_id, parts); see registry.hits.Index for what it answers."""

    def __init__(
        self,
        works: Iterable[tuple[str, tuple[Part, ...]]],
        schemes: Mapping[str, Scheme],
        about: Mapping[str, Work] | None = None,
    ) -> None:
        self._fingerprints: list[Fingerprint] = []
        self._registered: list[Registered] = []
        works = list(works)
        self._about = about or {}
        self._count = len(works)
        self._most_hits = {name: scheme.most_hits for name, scheme in schemes.items()}
        for work_id, parts in works:
            for part in parts:
                siblings = {f.scheme: len(self._fingerprints) + i for i, f in enumerate(part.fingerprints)}
                for f in part.fingerprints:
                    self._registered.append(Registered(len(self._fingerprints), work_id, part.medium, part.extent, siblings))
                    self._fingerprints.append(f)
        self._postings = {name: self._sorted(name) for name, scheme in schemes.items() if scheme.indexed}

    def _sorted(self, scheme: str) -> tuple[Int64, Int64, Int64, int]:
        chosen = [(i, f) for i, f in enumerate(self._fingerprints) if f.scheme == scheme and len(f)]
        if not chosen:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), 0
        keys = np.concatenate([f.keys.ravel() for _, f in chosen])
        ids = np.concatenate([np.full(f.keys.size, i, np.int64) for i, f in chosen])
        positions = np.concatenate([np.repeat(f.positions, f.keys.shape[1]) for _, f in chosen]).astype(np.int64)
        order = np.lexsort((positions, ids, keys))
        return keys[order], ids[order], positions[order], len(chosen)

    def lookup(self, scheme: str, keys: Int64) -> Hits:
        """See Index.lookup."""
        known, ids, positions, n = self._postings.get(scheme, (np.zeros(0, np.int64),) * 3 + (0,))
        probes, place, asked = np.unique(keys.ravel(), return_inverse=True, return_counts=True)
        counts = np.searchsorted(known, probes, "right") - np.searchsorted(known, probes, "left")
        counts[counts > most_postings(counts, asked, self._most_hits.get(scheme, ENOUGH_HITS))] = 0
        count, low = counts[place], np.searchsorted(known, probes, "left")[place]
        total = int(count.sum())
        if not total:
            return no_hits()
        probe = np.repeat(np.arange(len(place)), count)
        where = np.repeat(low - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(total)
        rarity = np.log10(n / count[probe] + 1).astype(np.float32)
        row = (probe // max(keys.shape[1], 1)).astype(np.int32)
        order = np.lexsort((positions[where], row, ids[where]))
        where = where[order]
        return Hits(row[order], ids[where].astype(np.int32), positions[where].astype(np.int32), rarity[order])

    def registered(self, fingerprint_id: int) -> Registered:
        """See Index.registered."""
        return self._registered[fingerprint_id]

    def fingerprint(self, fingerprint_id: int) -> Fingerprint:
        """See Index.fingerprint."""
        return self._fingerprints[fingerprint_id]

    def rows(self, scheme: str) -> Rows:
        """See Index.rows."""
        found = [(i, f.payload) for i, f in enumerate(self._fingerprints) if f.scheme == scheme and len(f) == 1]
        payloads = [payload for _, payload in found if payload is not None]
        return Rows(
            np.array([i for i, _ in found], np.int32), np.concatenate(payloads) if payloads else np.zeros((0, 0), np.uint8)
        )

    def holds(self, scheme: str) -> bool:
        """See Index.holds."""
        return scheme in self._postings and len(self._postings[scheme][0]) > 0

    def works_count(self) -> int:
        """See Index.works_count."""
        return self._count

    def work(self, work_id: str) -> Work:
        """See Index.work."""
        return self._about.get(work_id) or Work(work_id, work_id, "")

    def revision(self) -> dict[str, str | int]:
        """See Index.revision."""
        return {"id": "memory", "works": self._count}
