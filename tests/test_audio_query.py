"""Sound: what need not be looked for, as what has been found explains it, and works that chance puts forward."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from test_audio import SCHEMES, heard, song

import matcher.find
from fingerprint.audio import AUDIO
from fingerprint.audio_chroma import _likeness, _local
from fingerprint.audio_chroma_sieve import reached
from fingerprint.audio_landmark import LANDMARK
from fingerprint.features import Media
from fingerprint.hashing import Int64
from matcher.scan import scan_media
from registry.hits import Hits
from registry.memory import MemoryIndex

RATE = 8000


@pytest.fixture(scope="module")
def index() -> MemoryIndex:
    return MemoryIndex([(f"w{i}", (AUDIO.features(heard(song(i, 30))),)) for i in range(3)], SCHEMES)


def keys_asked(samples: npt.NDArray[np.float32], index: MemoryIndex, monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], int]:
    """The works that are named, and how many keys were looked up for it."""
    asked = 0
    plainly = matcher.find.lookup

    def lookup(scheme: str, fingerprint: object, *rest: object) -> Hits:
        nonlocal asked
        keys: Int64 = fingerprint.keys  # type: ignore[attr-defined]
        asked += keys.size
        return plainly(scheme, fingerprint, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(matcher.find, "lookup", lookup)
    report = scan_media("output", Media("audio", "", (AUDIO.probes(heard(samples)),)), index)
    return {m.work_id for m in report.matches if m.listed}, asked


def test_an_output_that_one_work_explains_is_told_with_few_keys(index: MemoryIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    named, few = keys_asked(song(0, 30)[5 * RATE : 25 * RATE], index, monkeypatch)
    assert named == {"w0"}
    _, all_of_them = keys_asked(song(7, 20), index, monkeypatch)
    assert few < all_of_them / 5


def test_a_faster_work_under_a_plain_one_is_still_looked_for(index: MemoryIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    both = song(0, 30)[5 * RATE : 25 * RATE] + song(1, 20, tempo=1.08)
    assert keys_asked(both, index, monkeypatch)[0] == {"w0", "w1"}


def test_a_work_behind_a_plain_one_is_still_looked_for(index: MemoryIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    both = np.concatenate([song(0, 30)[5 * RATE : 25 * RATE], song(1, 8, tempo=1.08)])
    assert keys_asked(both, index, monkeypatch)[0] == {"w0", "w1"}


def test_many_works_aligned_at_once_reach_what_each_does() -> None:
    rng = np.random.default_rng(5)

    def levels(n: int) -> npt.NDArray[np.float32]:
        some = rng.random((n, 12)).astype(np.float32)
        return np.asarray(some / np.linalg.norm(some, axis=1, keepdims=True), np.float32)

    ours, works = levels(37), [levels(n) for n in (120, 16, 300)]
    for work, best in zip(works, reached(ours, works), strict=True):
        assert best == pytest.approx(_local(_likeness(ours, work)), abs=1e-4)


def test_views_hold_what_leads_and_give_all_of_their_landmarks() -> None:
    """What leads is told from few peaks: the same rows as of all landmarks."""
    for seconds in (6.0, 12.0, 20.0):
        probes = AUDIO.probes(heard(song(3, seconds)))
        views = [f for f in probes.fingerprints if f.whole is not None]
        assert len(views) > 100
        some, every = 0, 0
        for view in views:
            assert view.whole is not None
            whole = view.whole()
            assert whole.leads is not None and whole.whole is None and whole.variant == view.variant
            leading = whole.leads[:, 0]
            np.testing.assert_array_equal(view.keys, whole.keys[leading])
            np.testing.assert_array_equal(view.positions, whole.positions[leading])
            some, every = some + len(view), every + len(whole)
        assert 0 < some < every / (1 if seconds < 15 else 10)


def test_a_view_that_leads_somewhere_is_met_with_all_its_landmarks(index: MemoryIndex) -> None:
    """Hits and evidence are the same as when all landmarks are made beforehand, but for views that lead nowhere."""
    part = AUDIO.probes(heard(song(1, 20, tempo=1.08)))
    whole = dataclasses.replace(part, fingerprints=tuple(f.whole() if f.whole else f for f in part.fingerprints))
    of_some = {f.variant: hits for f, hits in matcher.find.lookups(part, index, SCHEMES) if f.scheme == LANDMARK.name}
    of_all = {f.variant: hits for f, hits in matcher.find.lookups(whole, index, SCHEMES) if f.scheme == LANDMARK.name}
    assert sum(map(len, of_some.values())) > 100
    for variant, hits in of_all.items():
        assert len(hits) == len(of_some.get(variant, ())), variant
        if len(hits):
            np.testing.assert_array_equal(hits.output_row, of_some[variant].output_row)
    first, second = (matcher.find.part_findings(0, p, index) for p in (part, whole))
    assert [(f.registered.work_id, f.evidence.strength) for f in first] == [
        (f.registered.work_id, f.evidence.strength) for f in second
    ]
