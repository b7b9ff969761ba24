"""Large registries: looking up all views at once and counting only the likeliest gives what the long way gives."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.made_up_works import made_up, pools, postings, share_hit
from fingerprint import schemes
from fingerprint.audio_landmark import LANDMARK
from fingerprint.features import Fingerprint, Media, Part, Scheme, make
from matcher import shortlist
from matcher.align import align
from matcher.find import lookups
from registry import memory
from registry.hits import Hits
from registry.memory import MAX_POSTINGS_PER_KEY, MemoryIndex, most_postings
from registry.store import open_registry
from tests.registry_makers import entry

LINE = Scheme("test.line.1", "audio", 0.01, tolerance=3.0, reach=500.0, least=3)
SPEEDS = dataclasses.replace(LINE, name="test.speeds.1", scales=(1.0, 0.8, 1.25), least=4)
BAND = dataclasses.replace(LINE, name="test.band.1", aligner="band", scales=(0.8, 1.0, 1.25), least=4)
KNOWN = {s.name: s for s in (LINE, SPEEDS, BAND)}
COMMON = 300  # different keys: so few that works share many by chance


def work(scheme: Scheme, seed: int, n: int = 60) -> Fingerprint:
    rng = np.random.default_rng(seed)
    return make(scheme, np.sort(rng.integers(0, 4000, n)).astype(np.int32), keys=rng.integers(0, COMMON, n))


def probe(scheme: Scheme, works: list[Fingerprint], variant: str = "") -> Fingerprint:
    """Parts of three of the works at other places, and chance; two keys a row."""
    rng = np.random.default_rng(9)
    columns = [(f.positions[10:40] + shift, f.keys[10:40, 0]) for f, shift in zip(works[::7], (0, 900, -200), strict=False)]
    columns.append((rng.integers(0, 4000, 100), rng.integers(0, COMMON, 100)))
    positions, keys = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.argsort(positions, kind="stable")
    both = np.stack([keys, rng.integers(0, COMMON, len(keys))], axis=1)[order]
    return make(scheme, positions[order].astype(np.int32), keys=both, variant=variant)


def parts(count: int) -> tuple[list[Part], Part]:
    """Works of the three schemes, and a part that holds probes of them; one is also looked up backwards."""
    made = [Part("audio", (40.0,), tuple(work(s, 10 * i + j) for j, s in enumerate(KNOWN.values()))) for i in range(count)]
    views = [probe(s, [p.fingerprints[j] for p in made]) for j, s in enumerate(KNOWN.values())]
    back = dataclasses.replace(views[0], keys=views[0].keys[::-1, :1], variant="back")
    return made, Part("audio", (40.0,), (*views, back))


def same(a: Hits, b: Hits) -> None:
    for name in ("output_row", "fingerprint_id", "work_position", "rarity"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("enough", [1 << 18, 20_000, 500])
def test_views_looked_up_together_hit_as_each_alone(tmp_path, monkeypatch, enough: int):
    """In both indexes; also when the commonest keys have to be passed over, as long as that is asked of each alike."""
    made, output = parts(24)
    monkeypatch.setattr(memory, "ENOUGH_HITS", enough)
    index = MemoryIndex([(f"w{i}", (part,)) for i, part in enumerate(made)], KNOWN)
    with open_registry(tmp_path / "r.db", create=True, schemes=KNOWN) as registry:
        for start in range(0, 24, 8):
            works = enumerate(made[start : start + 8], start)
            registry.add([entry(f"w{i}", Media("audio", f"{i:064x}", (part,))) for i, part in works])
        for (a, hits), (b, others) in zip(lookups(output, index, KNOWN), lookups(output, registry, KNOWN), strict=True):
            assert a is b
            same(hits, others)
            if enough == 1 << 18:
                same(hits, index.lookup(a.scheme, a.keys))
                assert len(hits) > 500


def test_the_commonest_keys_are_passed_over_when_there_are_too_many_hits(monkeypatch):
    counts, asked = np.array([5, 900, 40, 900, 1]), np.array([1, 1, 2, 3, 1])
    assert most_postings(counts, asked) == MAX_POSTINGS_PER_KEY
    monkeypatch.setattr(memory, "ENOUGH_HITS", 500)
    assert most_postings(counts, asked) == 899
    monkeypatch.setattr(memory, "ENOUGH_HITS", 50)
    assert most_postings(counts, asked) == 39
    monkeypatch.setattr(memory, "ENOUGH_HITS", -8)
    assert most_postings(counts, asked) == 0


@pytest.mark.parametrize("counted", [1, 3, 40])
def test_counting_only_the_likeliest_finds_the_same_placements(monkeypatch, counted: int):
    made, output = parts(60)
    index = MemoryIndex([(f"w{i}", (part,)) for i, part in enumerate(made)], KNOWN)
    found = lookups(output, index, KNOWN)
    monkeypatch.setattr(shortlist, "MAX_FINGERPRINTS", 5)
    monkeypatch.setattr(shortlist, "COUNTED", 1000)
    long_way = [align(hits, view, KNOWN[view.scheme]) for view, hits in found]
    monkeypatch.setattr(shortlist, "COUNTED", counted)
    assert sum(map(len, long_way)) > 10
    for (view, hits), expected in zip(found, long_way, strict=True):
        runs = align(hits, view, KNOWN[view.scheme])
        assert [(r.fingerprint_id, r.offset, r.scale, r.support) for r in runs[: len(expected)]] == [
            (r.fingerprint_id, r.offset, r.scale, r.support) for r in expected
        ]


def landmarks(seed: int) -> Part:
    rng = np.random.default_rng(seed)
    positions = np.sort(rng.integers(0, 8000, 900)).astype(np.int32)
    common = rng.integers(0, 40, 900)
    cells = np.where(rng.random(900) < 0.3, common, rng.integers(0, 1 << 27, 900)).astype("<u4")
    return Part("audio", (64.0,), (make(LANDMARK, positions, cells.view(np.uint8).reshape(-1, 4)),))


def test_made_up_works_have_the_real_ones_density_and_no_long_runs_of_them():
    real = [landmarks(i) for i in range(6)]
    pool = pools(real)[LANDMARK.name]
    rows = made_up(pool, 20, 60.0, np.random.default_rng(2))
    rate = len(rows.work) / (20 * 60.0)
    assert rate == pytest.approx(6 * 900 / (6 * 64.0), rel=0.1)
    assert rows.positions.min() >= 0 and rows.positions.max() <= 60.0 / schemes()[LANDMARK.name].tick
    held_out = landmarks(99).fingerprints[0].keys
    (share, _), (made_share, _) = (share_hit(held_out, np.sort(k.ravel())) for k in (pool.keys, rows.keys))
    assert 0.1 < made_share < share + 0.1, "common keys are common there too"
    copied = np.isin(rows.keys.ravel(), pool.keys.ravel()).mean()
    assert copied < 0.6, "rare keys are other keys"
    columns = postings(rows, 7, 3)
    assert set(np.unique(columns.ids).tolist()) == {7 + 3 * i for i in range(20)}
