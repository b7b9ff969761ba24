"""The line aligner: placements that hits agree on, whatever else is in them."""

import dataclasses

import numpy as np

from fingerprint.features import Alignment, Evidence, Part, Scheme, make
from fingerprint.medium import Medium
from matcher.align import MOST_PLACES, align
from matcher.verify import verify
from registry.hits import Hits, Registered, no_hits

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


ALIKE = Scheme("test.alike.1", "film", tick=1.0, payload_width=2, tolerance=2, farthest=3, compared=(1, 2))
POINTS = dataclasses.replace(ALIKE, name="test.points.1", aligner="band")


def signed(scheme, positions, signs):
    """A fingerprint whose second byte of payload is what `compared` names."""
    payload = np.stack([np.arange(len(signs)), signs], axis=1).astype(np.uint8)
    return make(scheme, np.array(positions, np.int32), payload, np.arange(len(signs), dtype=np.int64))


def test_hits_that_share_a_key_but_are_not_alike_are_left_out():
    output = signed(ALIKE, range(0, 100, 10), [0] * 10)
    work = signed(ALIKE, range(0, 100, 10), [0b111] * 6 + [0xFF] * 4)
    (run,) = align(hits_of([(r, 0, 10 * r) for r in range(10)]), output, ALIKE, lambda _: work)
    assert run.output_rows.tolist() == list(range(6))


def test_of_rows_that_share_a_position_the_most_alike_counts_and_one_is_too_few():
    output = signed(POINTS, [0, 0, 5, 5], [0, 0, 0, 0])
    works = {0: signed(POINTS, [7, 7, 7], [0xFF, 0, 0xFF]), 1: signed(POINTS, [7, 8], [0, 0xFF])}
    hits = hits_of([(0, 0, 7), (2, 0, 7), (0, 1, 7), (2, 1, 8)])
    (found,) = align(hits, output, POINTS, works.__getitem__)
    assert (found.fingerprint_id, found.output_rows.tolist()) == (0, [0, 2])


def test_a_picture_that_stays_is_not_placed_at_every_second_of_the_work():
    output = signed(ALIKE, range(0, 100, 10), [0] * 10)
    work = signed(ALIKE, range(0, 1000, 10), [0] * 100)
    runs = align(hits_of([(r, 0, 10 * p) for r in range(10) for p in range(100)]), output, ALIKE, lambda _: work)
    assert len(runs) == MOST_PLACES


class OneWork:
    """As much of an index as `verify` asks for."""

    def registered(self, fingerprint_id):
        return Registered(fingerprint_id, "w", "film", (10.0,), {ALIKE.name: fingerprint_id})

    def fingerprint(self, _):
        return signed(ALIKE, [0], [0])


def test_what_sure_evidence_rests_on_is_not_compared_again():
    scheme = dataclasses.replace(ALIKE, enough=8.0)
    asked = []

    def compare(_output, _work, alignment):
        asked.append(alignment.offset)
        rows = np.arange(5, dtype=np.int32)
        strength = 9.0 if alignment.offset == 1 else 7.0
        return [Evidence("copy", (0.0, 1.0), (0.0, 1.0), 1.0, strength, rows, scheme.name)]

    film = Medium("film", (), (scheme,), lambda p: p, lambda s: s, lambda s: s, compare)

    def placed(offset, rows, variant=""):
        at = np.array(rows, np.int32)
        return Alignment(3, scheme.name, variant, 1.0, offset, 1.0, at, at)

    tried = [placed(0, [0, 1]), placed(1, [0, 1]), placed(2, [1, 2]), placed(3, [4, 9]), placed(4, [1, 2], "mirror")]
    found = verify(0, Part("film", (1.0,), ()), tried, OneWork(), {"film": film})
    assert asked == [0, 1, 3, 4]
    assert len(found) == 4


def test_moments_that_a_certain_copy_explains_are_not_compared_by_other_schemes():
    scheme, points = dataclasses.replace(ALIKE, enough=8.0), dataclasses.replace(ALIKE, name="points", least=2)
    asked = []

    def compare(_output, _work, alignment):
        asked.append((alignment.scheme, alignment.output_rows.tolist()))
        strength = 9.0 if alignment.scheme == scheme.name else 7.0
        return [Evidence("copy", (0.0, 4.0), (0.0, 4.0), 1.0, strength, np.arange(4, dtype=np.int32), alignment.scheme)]

    film = Medium("film", (), (scheme, points), lambda p: p, lambda s: s, lambda s: s, compare)
    seconds = signed(scheme, [round(s / scheme.tick) for s in range(10)], [0] * 10)
    output = Part("film", (10.0,), (seconds, dataclasses.replace(seconds, scheme="points")))

    def placed(name, rows):
        at = np.array(rows, np.int32)
        return Alignment(3, name, "", 1.0, 0.0, 1.0, at, at)

    tried = [
        placed(scheme.name, [0, 1, 2]),
        placed("points", [0, 1, 2, 5]),
        placed("points", [2, 3, 6, 7]),
        placed("points", [8, 9]),
    ]
    verify(0, output, tried, OneWork(), {"film": film})
    assert asked == [(scheme.name, [0, 1, 2]), ("points", [6, 7]), ("points", [8, 9])]
