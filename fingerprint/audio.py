"""The audio medium: spectral-peak landmarks to find a recording, its stored peaks to be sure of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fingerprint.audio_compare import PEAK, compare
from fingerprint.audio_decode import RATE, Float32, Sound, decode, mono
from fingerprint.audio_landmark import LANDMARK, Change, changed_landmarks, landmarks, probe_landmarks
from fingerprint.audio_peaks import Peaks, find_peaks
from fingerprint.features import Fingerprint, Part, make
from fingerprint.medium import Medium

SUFFIXES = (".mp3", ".m4a", ".aac", ".ogg", ".oga", ".opus", ".flac", ".wav", ".aif", ".aiff", ".aifc", ".wma", ".ac3", ".amr", ".au", ".caf", ".mka", ".wv", ".ape", ".mp2")  # fmt: skip
STORED_DEPTH, STORED_FAN = 4, 1
PROBE_DEPTH, PROBE_FAN = 12, 8
CHANGED_DEPTH, CHANGED_FAN = 8, 4
TEMPOS = tuple(round(1.03**k, 3) for k in range(-6, 7))
RAISES = tuple(range(-13, 14, 2))
CHANGES = tuple(Change(t, p) for t in TEMPOS for p in (*RAISES, 0) if (t, p) != (1.0, 0))


def features(sound: Sound) -> Part:
    """What the registry stores: the strongest peaks and a few landmarks between them."""
    found, seconds = _listen(sound, STORED_DEPTH)
    return Part("audio", (seconds,), (landmarks(found, STORED_DEPTH, STORED_FAN), _peaks(found)))


def probes(sound: Sound) -> Part:
    """What is looked up: more peaks, more landmarks."""
    found, seconds = _listen(sound, PROBE_DEPTH)
    plain = probe_landmarks(found, PROBE_DEPTH, PROBE_FAN)
    changed = changed_landmarks(found, CHANGED_DEPTH, CHANGED_FAN, CHANGES)
    return Part("audio", (seconds,), (plain, _peaks(found), *changed))


def _listen(sound: Sound, depth: int) -> tuple[Peaks, float]:
    samples = 0

    def blocks() -> Iterator[Float32]:
        nonlocal samples
        for block in sound.blocks:
            samples += block.shape[1]
            yield mono(block)

    found = find_peaks(blocks(), depth)
    return found, samples / RATE


def _peaks(found: Peaks) -> Fingerprint:
    ticks = np.rint(found.time).astype(np.int32)
    order = np.argsort(ticks, kind="stable")
    return make(PEAK, ticks[order], np.clip(np.rint(found.pitch[order]), 0, 255).astype(np.uint8).reshape(-1, 1))


AUDIO = Medium("audio", SUFFIXES, (LANDMARK, PEAK), decode, features, probes, compare)
