"""One text read twice by one synthesizer, at two pitches of its voice: the sounds and the rhythm agree, and it is no copy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from test_audio import SCHEMES, heard

from fingerprint.audio import AUDIO
from fingerprint.audio_decode import RATE
from fingerprint.features import Media
from matcher.scan import scan_media
from registry.memory import MemoryIndex

Float32 = npt.NDArray[np.float32]
VOWELS = np.array(
    [[270, 2290, 3010], [390, 1990, 2550], [530, 1840, 2480], [660, 1720, 2410], [730, 1090, 2440], [570, 840, 2410],
     [440, 1020, 2240], [300, 870, 2240], [640, 1190, 2390], [490, 1350, 1690]]
)  # fmt: skip
"""Formants in hertz (Peterson and Barney, JASA 1952)."""


def reading(text: int, voice_hz: float, seconds: float = 24.0) -> Float32:
    """Syllables of a random text: a hiss, then the harmonics of a voice, as loud as the vowel's three formants make them."""
    rng, breath = np.random.default_rng(text), np.random.default_rng(round(voice_hz * 100))
    out = np.zeros(int(seconds * RATE) + RATE, np.float32)
    at = 0.1
    while at < seconds - 0.6:
        hiss = breath.standard_normal(int(rng.uniform(0.03, 0.08) * RATE)) * 0.05
        start = int(at * RATE)
        out[start : start + len(hiss)] += hiss.astype(np.float32)
        length = rng.uniform(0.09, 0.28)
        t = np.arange(int(length * RATE)) / RATE
        glide = np.linspace(*rng.uniform(0.9, 1.15, 2), len(t))
        formants = VOWELS[rng.integers(10)] * rng.uniform(0.95, 1.05)
        turn = 2 * np.pi * np.cumsum(voice_hz * glide) / RATE
        vowel = np.zeros(len(t))
        for n in range(1, int(3600 / voice_hz)):
            vowel += (np.exp(-np.abs(n * voice_hz - formants) / 90).sum() + 0.01) * np.sin(n * turn)
        out[start + len(hiss) : start + len(hiss) + len(t)] += (vowel * np.hanning(len(t)) * 0.2).astype(np.float32)
        at += len(hiss) / RATE + length + rng.choice([0.0, 0.0, 0.05, 0.3])
    return out[: int(seconds * RATE)]


def named(output: Float32, work: Float32) -> float:
    """The work's score; 0 where it is no candidate."""
    index = MemoryIndex([("w", (AUDIO.features(heard(work)),))], SCHEMES)
    report = scan_media("output", Media("audio", "", (AUDIO.probes(heard(output)),)), index)
    return max((m.score for m in report.matches if m.listed), default=0.0)


@pytest.mark.parametrize("higher", [1.12, 1.2, 1.3])
def test_the_same_text_at_another_pitch_is_not_named(higher: float) -> None:
    assert named(reading(3, 95.0 * higher), reading(3, 95.0)) == 0.0


def test_a_reading_in_noise_as_loud_as_it_is_named() -> None:
    noise = np.random.default_rng(1).standard_normal(24 * RATE) * 0.05
    own = reading(3, 95.0)
    assert named((own + noise * np.sqrt(np.mean(own**2)) / 0.05).astype(np.float32)[6 * RATE : 18 * RATE], own) > 0.0
