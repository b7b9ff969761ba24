"""Another recording of the same music is told from other music that has the same few chords."""

from __future__ import annotations

import numpy as np
import pytest

from fingerprint.audio_chroma import CELL_S, CHROMA, TURN, _lead, _path, _steady, compare, probe_turns, smoothed
from fingerprint.features import Alignment, Fingerprint, Part

TRIADS = np.array([[0, 4, 7], [5, 9, 0], [7, 11, 2], [9, 0, 4], [2, 5, 9]])
LISTED = 4.05  # strength from which a remake is listed


def cells(seed: int, seconds: float, chord_s: tuple[float, float], melody: float = 0.6) -> np.ndarray:
    """float64[n, 12]: triads of one key, each held for some time, under a melody of its own."""
    rng = np.random.default_rng(seed)
    count = int(seconds / CELL_S)
    made = rng.random((count, 12)) * 0.05
    at = 0
    while at < count:
        end = at + int(rng.uniform(*chord_s) / CELL_S)
        made[at:end, TRIADS[rng.integers(len(TRIADS))]] += 1
        at = end
    tune = np.array([0, 2, 4, 5, 7, 9, 11])[rng.integers(0, 7, count // 2 + 1)].repeat(2)[:count]
    made[np.arange(count), tune] += melody
    return made


def followed(output: Fingerprint, work: Fingerprint) -> float:
    """The strength of the evidence that the output follows the work; 0 for none."""
    probe = probe_turns(output)
    rows = np.arange(len(probe), dtype=np.int32)
    at = np.linspace(0, len(work) - 1, len(rows)).astype(np.int32)
    parts = [Part("audio", (len(f) * CHROMA.tick,), (f, probe)) for f in (output, work)]
    found = compare(parts[0], parts[1], Alignment(0, TURN.name, "", 1.0, 0.0, float(len(rows)), rows, at))
    return max((e.strength for e in found), default=0.0)


@pytest.mark.parametrize("chord_s", [(1.5, 3.0), (3.0, 7.0), (6.0, 14.0)])
def test_the_same_chords_in_another_order_are_no_remake(chord_s: tuple[float, float]) -> None:
    works = [smoothed(cells(100 + n, 240, chord_s), CHROMA) for n in range(6)]
    strengths = [followed(smoothed(cells(seed, 25, chord_s), CHROMA), work) for seed in range(6) for work in works]
    assert max(strengths) < LISTED


@pytest.mark.parametrize(("turned", "tempo"), [(0, 1.0), (3, 1.0), (7, 1.12), (2, 0.88)])
def test_the_same_music_is_followed_in_another_key_and_tempo(turned: int, tempo: float) -> None:
    work = cells(7, 120, (1.5, 3.0))
    there = (200 + np.arange(int(100 / tempo)) * tempo).astype(int)
    noise = np.random.default_rng(1).random((len(there), 12)) * 0.5
    output = np.roll(work[there], turned, axis=1) + noise
    assert followed(smoothed(output, CHROMA), smoothed(work, CHROMA)) >= LISTED


def test_two_chords_that_are_held_for_seconds_say_nothing() -> None:
    """Though they are the same two for the same seconds, and nothing else of the work is like them."""
    chords = np.array([[1, 0, 0, 0, 13, 0, 0, 1, 4, 0, 0, 6], [0, 7, 0, 0, 0, 0, 12, 0, 0, 0, 6, 0]]) / 13

    def held(seed: int) -> np.ndarray:
        return chords.repeat([20, 28], axis=0) + np.random.default_rng(seed).random((48, 12)) * 0.15

    for seed in range(20, 25):
        work = np.roll(cells(seed, 90, (2, 5), melody=1.0), 6, axis=1)
        work[100:148] = held(2)
        assert followed(smoothed(held(1), CHROMA), smoothed(work, CHROMA)) < 1.0


def likeness_along(columns: np.ndarray) -> np.ndarray:
    """float32[n, 160]: 1 where row and column meet, well below 0 elsewhere."""
    made = np.full((len(columns), 160), -2.0, np.float32)
    made[np.arange(len(columns)), columns] = 1.0
    return made


def test_what_keeps_its_tempo_counts_whole_and_what_wanders_in_part() -> None:
    rows = np.arange(60)
    steady = likeness_along(20 + np.rint(rows * 1.2).astype(int))
    assert _steady(steady)[0] == _path(steady)[0] == 60.0
    wandering = likeness_along(np.where(rows < 30, 20 + 2 * rows, 80 + (rows - 30) // 2))
    assert _path(wandering)[0] > 40.0
    assert _steady(wandering)[0] < 0.5 * _path(wandering)[0]


def test_a_long_performance_may_change_its_tempo_slowly() -> None:
    rows = np.arange(120)
    slowing = likeness_along(np.rint(rows * (1.15 - 0.001 * rows)).astype(int))
    assert _steady(slowing)[0] > 0.8 * _path(slowing)[0]


def test_a_lead_over_much_chance_counts_less() -> None:
    assert _lead(30.0, 17.0) == 13.0
    assert _lead(60.0, 34.0) == 13.0
    assert _lead(20.0, 7.0) == 13.0
    assert _lead(10.0, 12.0) < 0
