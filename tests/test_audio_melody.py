"""The notes of the music as an extra: works with and without it in one registry, and the network itself where it is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fingerprint import audio, audio_melody
from fingerprint.audio import AUDIO
from fingerprint.audio_chroma import levels
from fingerprint.audio_decode import RATE, Sound
from fingerprint.audio_melody import FIRST, FRAME, HEARD_RATE, KEPT, MELODY, MELODY_TURN, MOST_S, Ear, installed
from fingerprint.errors import BylineError
from fingerprint.features import Media, Part, pack, unpack
from matcher.scan import scan_media
from registry.memory import MemoryIndex

Float32 = npt.NDArray[np.float32]
SCHEMES = {s.name: s for s in AUDIO.schemes}
NAMES = {MELODY.name, MELODY_TURN.name}
needs_network = pytest.mark.skipif(not installed(), reason="needs the extra that hears notes")


def tune(seed: int, tempo: float = 1.0, raised: int = 0, seconds: float = 40.0) -> Float32:
    """Sines: a random tune of half-second notes over held fifths that change every two seconds."""
    rng = np.random.default_rng(seed)
    high, low = rng.integers(60, 77, 200) + raised, rng.integers(45, 57, 50) + raised
    t = np.arange(int(seconds * RATE)) / RATE
    beat = (t * tempo / 0.5).astype(int)
    notes = [high[beat], low[beat // 4], low[beat // 4] + 7]
    phases = [np.cumsum(440 * 2 ** ((n - 69) / 12)) / RATE for n in notes]
    return np.asarray(sum(0.2 * np.sin(2 * np.pi * p) for p in phases), np.float32)


def heard(samples: Float32) -> Sound:
    return Sound(Path("memory.wav"), iter([samples[i : i + 32 * RATE][None] for i in range(0, len(samples), 32 * RATE)]))


def spectral(window: Float32) -> tuple[Float32, Float32]:
    """Stands in for the network: a note sounds as the spectrum is loud around it, and none begins."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(window, 2048), 4096)
    starts = np.rint((FIRST + np.arange(KEPT)) * FRAME * RATE / HEARD_RATE).astype(int)
    power = np.abs(np.fft.rfft(frames[starts] * np.hanning(4096), axis=1)) / 1024
    bins = np.rint(27.5 * 2 ** (np.arange(88) / 12) * 4096 / RATE).astype(int) % power.shape[1]
    note = np.minimum(power[:, bins], 1).astype(np.float32)
    return note, np.zeros_like(note)


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "installed", lambda: True)
    monkeypatch.setattr(audio_melody, "_activations", spectral)


def without(monkeypatch: pytest.MonkeyPatch, samples: Float32, view: str) -> Part:
    """The features or probes that an installation without the extra makes."""
    with monkeypatch.context() as patch:
        patch.setattr(audio, "installed", lambda: False)
        return (AUDIO.features if view == "features" else AUDIO.probes)(heard(samples))


def found(part: Part, index: MemoryIndex) -> list[tuple[str, set[str]]]:
    matches = scan_media("q", Media("audio", "", (part,)), index).matches
    return [(m.work_id, {e.scheme for _, e in m.segments}) for m in matches if m.listed]


def test_made_only_where_installed(listening: None, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = without(monkeypatch, tune(1), "features")
    full = AUDIO.features(heard(tune(1)))
    assert NAMES.isdisjoint(f.scheme for f in plain.fingerprints)
    assert {f.scheme for f in full.fingerprints} - {f.scheme for f in plain.fingerprints} == NAMES
    for f in plain.fingerprints:
        same = full.of(f.scheme)
        assert same is not None
        assert pack(f, SCHEMES[f.scheme]) == pack(same, SCHEMES[f.scheme])
    for f in full.fingerprints:
        assert np.array_equal(unpack(pack(f, SCHEMES[f.scheme]), SCHEMES).keys, f.keys)


def test_the_pitch_classes_are_those_that_sound(listening: None) -> None:
    t = np.arange(6 * RATE) / RATE
    ear = Ear()
    ear.hear(np.asarray(sum(0.2 * np.sin(2 * np.pi * f * t) for f in (261.63, 329.63, 392.0)), np.float32)[None])
    strengths = levels(ear.melody(6.0))
    assert len(strengths) == 13
    assert [set(np.argsort(-row)[:3]) for row in strengths[1:11]] == [{0, 4, 7}] * 10


def test_block_borders_leave_no_trace(listening: None) -> None:
    samples = tune(6, seconds=12.0)
    whole = AUDIO.features(heard(samples))
    pieces = AUDIO.features(Sound(Path("x"), iter([samples[None, i : i + 7777] for i in range(0, len(samples), 7777)])))
    for name in NAMES:
        a, b = whole.of(name), pieces.of(name)
        assert a is not None and b is not None
        assert pack(a, SCHEMES[name]) == pack(b, SCHEMES[name])


def test_silence_has_no_notes(listening: None) -> None:
    part = AUDIO.features(heard(np.zeros(12 * RATE, np.float32)))
    assert [len(f) for f in part.fingerprints] == [0] * len(part.fingerprints)
    assert {f.scheme for f in part.fingerprints} >= NAMES


def test_a_long_sound_is_heard_at_its_beginning_only(listening: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_melody, "MOST_S", 8.0)
    assert MOST_S > 8.0
    ear, piece = Ear(), tune(2, seconds=20.0)
    for start in range(0, len(piece), RATE):
        ear.hear(piece[None, start : start + RATE])
    assert len(ear.melody(20.0)) == 17


def test_another_performance_is_found_by_its_notes(listening: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Works registered with and without the extra, outputs looked up with and without it: all four are read."""
    works = [(f"w{i}", (AUDIO.features(heard(tune(i))),)) for i in range(4)]
    mixed = MemoryIndex([*works, ("plain", (without(monkeypatch, tune(9), "features"),))], SCHEMES)
    played = tune(2, tempo=1.1, raised=3, seconds=30.0)
    part = AUDIO.probes(heard(played))
    notes_only = Part("audio", part.extent, tuple(f for f in part.fingerprints if f.scheme in NAMES))
    assert found(notes_only, mixed) == [("w2", {MELODY_TURN.name})]
    assert [work for work, _ in found(part, mixed)] == ["w2"]
    assert all(MELODY_TURN.name not in names for _, names in found(without(monkeypatch, played, "probes"), mixed))
    assert [work for work, _ in found(AUDIO.probes(heard(tune(9, seconds=20.0))), mixed)] == ["plain"]
    assert found(AUDIO.probes(heard(tune(77, seconds=30.0))), mixed) == []


def test_another_model_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "nmp.onnx"
    other.write_bytes(b"another")
    monkeypatch.setattr(audio_melody, "_model", lambda: other)
    audio_melody._session.cache_clear()
    pytest.importorskip("onnxruntime")
    with pytest.raises(BylineError, match="install basic-pitch"):
        audio_melody._session()


@needs_network
def test_the_network_hears_a_chord() -> None:
    audio_melody._session.cache_clear()
    t = np.arange(6 * RATE) / RATE
    plucked = sum(0.2 / k * np.sin(2 * np.pi * f * k * t) for f in (261.63, 329.63, 392.0) for k in (1, 2, 3)) * np.exp(-(t % 1))
    ear = Ear()
    ear.hear(np.asarray(plucked, np.float32)[None])
    assert [set(np.argsort(-row)[:3]) for row in levels(ear.melody(6.0))[2:10]] == [{0, 4, 7}] * 8
