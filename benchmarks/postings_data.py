"""The postings that are measured: works of 4,000, keys by a power law, the same for the same size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fingerprint.features import Media, Part, Scheme, make
from fingerprint.hashing import Int64, mix
from registry.hits import Credit
from registry.packing import Postings
from registry.works import Entry

PER_WORK = 4000
TICKS = 5
BENCH = Scheme("bench.keys.1", "audio", 0.01)
SCHEMES = {BENCH.name: BENCH}
PLANTED = 2  # works in a query
KNOWN = 0.8  # of a query's keys are theirs


class Data:
    """`works` works of PER_WORK postings. sorted_run: all of them by (key, id, position)."""

    def __init__(self, keys: Int64) -> None:
        self.keys = keys
        self.n = len(keys)
        self.works = self.n // PER_WORK
        self.longest = int(np.unique_counts(keys).counts.max())

    def pieces(self, count: int) -> Iterator[Postings]:
        """The postings of `count` stretches of works, each sorted."""
        edges = [self.works * i // count * PER_WORK for i in range(count + 1)]
        for start, end in zip(edges, edges[1:], strict=False):
            order = np.argsort(self.keys[start:end], kind="stable")
            at = order + start
            positions = ((at % PER_WORK) * TICKS).astype(np.int32)
            yield Postings(self.keys[at], (at // PER_WORK).astype(np.int32), positions)

    def planted_works(self, count: int, seed: int = 0) -> list[int]:
        """The works that a query of this size holds parts of."""
        works = max(PLANTED, -(-int(count * KNOWN) // PER_WORK))
        return [(7 + 97 * i + 13 * seed) % self.works for i in range(works)]

    def planted(self, count: int, seed: int = 0) -> Int64:
        """Keys of some works, a stretch of each, and unknown ones between them: int64[count, 1]."""
        rng = np.random.default_rng(1000 + seed)
        works = self.planted_works(count, seed)
        each = int(count * KNOWN) // len(works)
        found = np.concatenate([self.keys[w * PER_WORK : w * PER_WORK + each] for w in works])
        return np.concatenate([found, self._unknown(rng, count - len(found))]).reshape(-1, 1)

    def unknown(self, count: int) -> Int64:
        """Keys that stand nowhere: int64[count, 1]."""
        return self._unknown(np.random.default_rng(77), count).reshape(-1, 1)

    @staticmethod
    def _unknown(rng: np.random.Generator, count: int) -> Int64:
        return rng.integers(-(2**63), 2**63 - 1, count)


def make_data(n: int, seed: int = 1) -> Data:
    """n postings; the commonest key stands in about 0.6 % of them."""
    rng = np.random.default_rng(seed)
    return Data(mix((3 * n * rng.random(n) ** (1 / 0.3)).astype(np.int64), BENCH.name))


def entry_of(data: Data, number: int) -> Entry:
    """A work that is not among them, with keys of the same kind and three credits."""
    rng = np.random.default_rng(500 + number)
    keys = mix((3 * data.n * rng.random(PER_WORK) ** (1 / 0.3)).astype(np.int64), BENCH.name)
    fingerprint = make(BENCH, (np.arange(PER_WORK) * TICKS).astype(np.int32), keys=keys)
    media = Media("audio", f"{number:064x}", (Part("audio", (200.0,), (fingerprint,)),))
    credits = tuple(Credit(f"Person {number} {i}", "composer") for i in range(3))
    return Entry(f"new {number}", f"Title {number}", "audio", media, credits=credits)
