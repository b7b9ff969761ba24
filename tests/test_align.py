"""The line aligner: placements that hits agree on, whatever else is in them."""

import numpy as np

from fingerprint.features import Scheme, make
from matcher.align import align
from registry.hits import Hits, no_hits

ONE_TEMPO = Scheme("test.line.1", "audio", tick=1.0, tolerance=2, reach=50)
TEMPOS = Scheme("test.tempo.1", "audio", tick=1.0, tolerance=2, reach=200, scales=(0.8, 0.9, 1.0, 1.1, 1.25))


def probe(n, step=10):
    return make(ONE_TEMPO, np.arange(n, dtype=np.int32) * step, keys=np.arange(n, dtype=np.int64))


def hits_of(rows):
    """rows of (output_row, fingerprint_id, work_position)."""
    table = np.array(sorted(rows, key=lambda r: (r[1], r[0], r[2])), np.int32).reshape(-1, 3)
    return Hits(table[:, 0], table[:, 1], table[:, 2], np.ones(len(table), np.float32))


def test_no_hits_give_no_alignment():
    assert align(no_hits(), probe(5), ONE_TEMPO) == []


def test_offset_is_found_among_noise():
    dice = np.random.default_rng(1)
    noise = [(int(r), 0, int(p)) for r, p in zip(dice.integers(0, 40, 200), dice.integers(0, 5000, 200), strict=True)]
    true = [(r, 0, 10 * r + 777) for r in range(5, 25)]
    best = align(hits_of(noise + true), probe(40), ONE_TEMPO)[0]
    assert abs(best.offset - 777) <= 2
    assert best.scale == 1.0
    assert set(range(5, 25)) <= set(best.output_rows.tolist())


def test_tempo_is_found_and_refined():
    true = [(r, 3, round(1.08 * 10 * r + 100)) for r in range(40)]
    best = align(hits_of(true), probe(40), TEMPOS)[0]
    assert best.fingerprint_id == 3
    assert abs(best.scale - 1.08) < 0.02
    assert len(np.unique(best.output_rows)) >= 30


def test_two_runs_of_one_work_come_apart():
    first = [(r, 0, 10 * r) for r in range(10)]
    second = [(r, 0, 10 * r + 3000) for r in range(20, 35)]
    runs = align(hits_of(first + second), probe(40), ONE_TEMPO)
    assert [round(a.offset) for a in runs[:2]] == [3000, 0]


def test_a_gap_wider_than_reach_splits_a_run():
    rows = [(r, 0, 10 * r) for r in [*range(5), *range(20, 30)]]
    runs = align(hits_of(rows), probe(40), ONE_TEMPO)
    assert [len(a.output_rows) for a in runs] == [10, 5]


def test_best_supported_fingerprint_comes_first():
    rows = [(r, 1, 10 * r) for r in range(4)] + [(r, 2, 10 * r + 50) for r in range(12)]
    assert [a.fingerprint_id for a in align(hits_of(rows), probe(20), ONE_TEMPO)] == [2, 1]


def test_repeated_hits_of_one_row_count_once():
    rows = [(0, 1, p) for p in range(3)] * 5 + [(r, 2, 10 * r) for r in range(4)]
    found = align(hits_of(rows), probe(20), ONE_TEMPO)
    assert found[0].fingerprint_id == 2
