"""Works made up for the registry's tests: fingerprints of three schemes, small and deterministic."""

from __future__ import annotations

import numpy as np

from fingerprint.features import Fingerprint, Media, Part, Scheme, make
from fingerprint.hashing import band_keys
from registry import opening
from registry.works import Entry

opening.SYNCHRONOUS = "off"  # no test pulls the plug, and waiting for the disk makes them slow

EXACT = Scheme("test.exact.1", "audio", 0.01)
BANDED = Scheme("test.banded.1", "film", 0.01, payload_width=8, derive=lambda p: band_keys(p, "test.banded.1", 2))
WORDS = Scheme("test.words.1", "audio", 1.0, payload_width=4, indexed=False, aligner="none")
SCHEMES = {s.name: s for s in (EXACT, BANDED, WORDS)}


def exact(keys: list[int], positions: list[int] | None = None) -> Fingerprint:
    """Of the exact scheme; positions 0, 1, 2, ... when none are given."""
    where = np.arange(len(keys), dtype=np.int32) if positions is None else np.array(positions, np.int32)
    return make(EXACT, where, keys=np.array(keys, np.int64))


def random_media(seed: int, n: int = 50, spread: int = 2**62) -> Media:
    """Sound with exact keys and words, picture with banded hashes; the same for the same arguments."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(-spread, spread, n)
    sound = make(EXACT, np.sort(rng.integers(0, 10_000, n)).astype(np.int32), keys=keys)
    hashes = rng.integers(0, 256, (n // 2, 8), dtype=np.uint8)
    picture = make(BANDED, np.arange(n // 2, dtype=np.int32), hashes)
    words = make(WORDS, np.arange(3, dtype=np.int32), rng.integers(0, 256, (3, 4), dtype=np.uint8))
    return Media("film", f"{seed:064x}", (Part("film", (12.5,), (picture,)), Part("audio", (12.5,), (sound, words))))


def media_of(keys: list[int], sha256: str = "", seconds: float = 10.0) -> Media:
    """One part with these exact keys."""
    return Media("audio", sha256 or f"{abs(hash(tuple(keys))):064x}", (Part("audio", (seconds,), (exact(keys),)),))


def entry(work_id: str, media: Media, **more: object) -> Entry:
    """An Entry with a title made of its id."""
    return Entry(work_id, f"Title of {work_id}", media.medium, media, **more)  # type: ignore[arg-type]
