"""Leading keys: what they lead to in a registry is met with all keys, and nothing else is."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from fingerprint import schemes
from fingerprint.audio_compare import distinct
from fingerprint.audio_landmark import LANDMARK, OLD_LANDMARK, Change, Leads, keys_of, probe_landmarks
from fingerprint.audio_peaks import Peaks
from fingerprint.features import Alignment, Fingerprint, Media, Part, Scheme, make
from matcher import leads
from matcher.find import lookups
from registry.hits import Hits
from registry.memory import MemoryIndex
from registry.store import open_registry
from tests.registry_makers import entry

LINE = Scheme("test.lead.1", "audio", 0.01, tolerance=3.0, reach=500.0, least=3)
KNOWN = {LINE.name: LINE}


def index_of(works: list[Fingerprint]) -> MemoryIndex:
    return MemoryIndex([(f"w{i}", (Part("audio", (40.0,), (f,)),)) for i, f in enumerate(works)], KNOWN)


def work(seed: int) -> Fingerprint:
    rng = np.random.default_rng(seed)
    return make(LINE, np.sort(rng.integers(0, 4000, 80)).astype(np.int32), keys=rng.integers(0, 2**40, 80))


def view(own: Fingerprint, led: list[int], variant: str = "") -> Fingerprint:
    """The work's own keys 500 ticks later, beside keys that nobody has; only some rows lead, by their first key."""
    keys = np.stack([own.keys[:, 0], -own.keys[:, 0] - 1], axis=1)
    mask = np.zeros(keys.shape, bool)
    mask[led, 0] = True
    return make(LINE, own.positions + 500, keys=keys, variant=variant, leads=mask)


def moments(own: Fingerprint, count: int) -> list[int]:
    """Rows of so many different moments."""
    return np.unique(own.positions, return_index=True)[1][:count].tolist()


def test_two_leading_moments_that_agree_lead_to_all_hits():
    works = [work(i) for i in range(9)]
    probe = view(works[4], moments(works[4], 2))
    part = Part("audio", (50.0,), (probe,))
    (_, hits), *others = lookups(part, index_of(works), KNOWN)
    assert not others
    assert set(hits.fingerprint_id.tolist()) == {4}
    np.testing.assert_array_equal(hits.output_row, np.arange(80))
    np.testing.assert_array_equal(hits.work_position, works[4].positions)
    everywhere = dataclasses.replace(probe, leads=None)
    (_, full), *_ = lookups(Part("audio", (50.0,), (everywhere,)), index_of(works), KNOWN)
    np.testing.assert_array_equal(full.output_row, hits.output_row)
    np.testing.assert_array_equal(full.work_position, hits.work_position)


def test_a_registry_on_disk_leads_to_the_same_hits(tmp_path: Path):
    """It gives fingerprints without the keys that follow from their payload."""
    rng = np.random.default_rng(8)
    works = [
        make(LANDMARK, np.sort(rng.integers(0, 4000, 80)).astype(np.int32), rng.integers(0, 256, (80, 4), dtype=np.uint8))
        for _ in range(5)
    ]
    own = works[3]
    mask = np.zeros((80, 1), bool)
    mask[moments(own, 4)] = True
    part = Part("audio", (60.0,), (make(LANDMARK, own.positions + 90, keys=own.keys, leads=mask),))
    with open_registry(tmp_path / "r.db", create=True) as registry:
        parts = [Part("audio", (40.0,), (f,)) for f in works]
        registry.add([entry(f"w{i}", Media("audio", f"{i:064x}", (p,))) for i, p in enumerate(parts)])
        (_, hits), *_ = lookups(part, registry, schemes())
        assert {registry.registered(i).work_id for i in hits.fingerprint_id.tolist()} == {"w3"}
    assert len(np.unique(hits.output_row)) == 80
    np.testing.assert_array_equal(np.unique(hits.work_position), np.unique(own.positions))


def test_hits_that_are_alone_are_passed_over_before_anything_is_sorted():
    rng, n = np.random.default_rng(3), 4000
    views = [view(work(i), moments(work(i), 20), f"view{i}") for i in range(3)]
    asked = sum(len(leads.leading_keys(v)) for v in views)
    row, fingerprint_id = np.sort(rng.integers(0, asked, n)), rng.integers(0, 3000, n)
    order = np.lexsort((row, fingerprint_id))
    flat = Hits(*(c[order].astype(np.int32) for c in (row, fingerprint_id, rng.integers(0, 9000, n))), np.ones(n, np.float32))
    kept = leads.in_company(flat, views, LINE)
    which = leads.view_of(flat, views)
    assert which.tolist() == [r // 20 for r in flat.output_row.tolist()]
    pairs = Counter(zip(which.tolist(), flat.fingerprint_id.tolist(), strict=True))
    together = sum(count for count in pairs.values() if count > 1)
    assert together <= len(kept) < n // 2 + together
    again = Counter(zip(leads.view_of(kept, views).tolist(), kept.fingerprint_id.tolist(), strict=True))
    assert all(again[pair] == count for pair, count in pairs.items() if count > 1)
    assert len(leads.in_company(flat.of(slice(0, 0)), views, LINE)) == 0


def test_one_leading_moment_leads_nowhere():
    works = [work(i) for i in range(3)]
    (_, hits), *_ = lookups(Part("audio", (50.0,), (view(works[1], moments(works[1], 1)),)), index_of(works), KNOWN)
    assert len(hits) == 0


def test_one_moment_leads_when_as_many_rows_as_a_run_needs_agree():
    """As in two seconds of speech."""
    own = make(LINE, np.full(6, 700, np.int32), keys=np.arange(6) + 50)
    for count, met in ((LINE.least - 1, 0), (LINE.least, 6)):
        part = Part("audio", (2.0,), (view(own, list(range(count))),))
        (_, hits), *_ = lookups(part, index_of([own, work(2)]), KNOWN)
        assert len(hits) == met


def test_leads_that_agree_on_no_placement_lead_nowhere():
    own = work(1)
    probe = view(own, moments(own, 6))
    spread = dataclasses.replace(probe, positions=np.arange(80, dtype=np.int32) * 400)
    (_, hits), *_ = lookups(Part("audio", (400.0,), (spread,)), index_of([own]), KNOWN)
    assert len(hits) == 0


def test_each_view_is_met_in_what_it_leads_to_itself():
    works = [work(i) for i in range(4)]
    views = (view(works[0], moments(works[0], 3)), view(works[2], moments(works[2], 3), "other"))
    found = lookups(Part("audio", (50.0,), views), index_of(works), KNOWN)
    assert [set(h.fingerprint_id.tolist()) for _, h in found] == [{0}, {2}]
    assert [len(h) for _, h in found] == [80, 80]


def test_no_more_pairs_are_met_than_are_allowed(monkeypatch: pytest.MonkeyPatch):
    works = [work(i) for i in range(4)]
    views = (view(works[0], moments(works[0], 2)), view(works[2], moments(works[2], 9), "heavier"))
    monkeypatch.setattr(leads, "MOST", 1)
    found = lookups(Part("audio", (50.0,), views), index_of(works), KNOWN)
    assert [len(h) for _, h in found] == [0, 80]


def test_a_key_that_a_work_repeats_weighs_less_there():
    own = work(5)
    keys = own.keys.copy()
    keys[40:] = keys[40]
    repeated = make(LINE, own.positions, keys=keys)
    (_, hits), *_ = lookups(Part("audio", (50.0,), (view(repeated, moments(repeated, 5)),)), index_of([repeated]), KNOWN)
    once, often = hits.rarity[hits.output_row < 40], hits.rarity[hits.output_row >= 40]
    assert len(once) and len(often) and once.min() > often.max()


def test_strong_peaks_with_near_partners_lead():
    rng = np.random.default_rng(3)
    time = np.sort(rng.uniform(0, 3000, 400)).astype(np.float32)
    peaks = Peaks(time, rng.uniform(60, 200, 400).astype(np.float32), rng.integers(0, 8, 400), np.ones(400, np.float32))
    few, many = (probe_landmarks(peaks, 8, 8, lead) for lead in (Leads(1, 3), Leads(17, 6, cells=1)))
    assert few.leads is not None and many.leads is not None
    assert few.leads.shape == few.keys.shape and not few.leads[:, 1:].any()
    assert 0 < few.leads.sum() < many.leads.sum() < many.leads.size
    assert np.all(many.leads[few.leads[:, 0], 0]), "the fewer are among the more"


def test_a_landmark_at_other_pitches_stands_beside_itself():
    code = np.uint64(0b00101_00011_01010_10001_0000000)
    keys = keys_of(code + np.arange(128, dtype=np.uint64))
    np.testing.assert_array_equal(np.diff(keys), np.ones(127, np.int64))
    other = keys_of(np.array([code + np.uint64(1 << 7)]))
    assert abs(int(other[0]) - int(keys[0])) > 1 << 30


def test_landmarks_of_the_first_version_become_those_of_the_second():
    payload = np.random.default_rng(1).integers(0, 256, (50, 4), dtype=np.uint8)
    old = make(OLD_LANDMARK, np.arange(50, dtype=np.int32), payload)
    assert OLD_LANDMARK.convert is not None
    new = OLD_LANDMARK.convert(old)
    assert new.scheme == LANDMARK.name == schemes()[old.scheme].successor
    np.testing.assert_array_equal(new.payload, payload)
    np.testing.assert_array_equal(new.positions, old.positions)
    assert not np.isin(new.keys, old.keys).any()


def alignment(variant: str, offset: float, support: float, rows: list[int]) -> Alignment:
    column = np.array(rows, np.int32)
    return Alignment(3, LANDMARK.name, variant, 1.0, offset, support, column, column)


def test_views_that_place_the_same_are_compared_once():
    slower = Change(0.96).name
    ticks = np.arange(0, 3000, 100, dtype=np.int32)
    plain = make(LANDMARK, ticks, keys=np.arange(30))
    slow = make(LANDMARK, np.rint(ticks * 0.96).astype(np.int32), keys=np.arange(30), variant=slower)
    output = Part("audio", (24.0,), (plain, slow))
    whole = alignment("", 500.0, 90.0, list(range(30)))
    same = alignment(slower, 500.0 + 0.04 * 1000, 9.0, [8, 10, 12])  # at tick 1000 both say 1500
    elsewhere = alignment(slower, 900.0, 9.0, [8, 10, 12])
    outside = alignment(slower, 540.0, 9.0, [8, 10, 12])
    assert distinct(output, [whole, same, elsewhere]) == [whole, elsewhere]
    assert distinct(output, [outside, same]) == [outside], "of two equal ones the first"
    short = alignment("", 500.0, 90.0, [0, 1, 2])
    assert distinct(output, [short, same]) == [short, same], "what lies outside the other's stretch is looked at"
    assert distinct(output, [same, whole]) == [whole], "the heavier one stays, whichever comes first"
