"""Music and noises of the sample media, synthesized: float32[n] at 48 kHz, mono, in [-1, 1]. Same code, same samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

RATE = 48000
Sound = npt.NDArray[np.float32]
Note = tuple[float, float, float, str, float]  # start in seconds, MIDI pitch, length in seconds, instrument, gain


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def _time(length_s: float) -> npt.NDArray[np.float64]:
    return np.arange(round(length_s * RATE)) / RATE


def _fade(t: npt.NDArray[np.float64], attack_s: float, release_s: float) -> npt.NDArray[np.float64]:
    return np.clip(t / attack_s, 0, 1) * np.clip((t[-1] - t) / release_s, 0, 1)


def reed(pitch: float, length_s: float) -> npt.NDArray[np.float64]:
    """Accordion-like: two detuned rows of harmonics with a slow beat."""
    t, f = _time(length_s), 440 * 2 ** ((pitch - 69) / 12)
    rows = [np.sin(2 * np.pi * f * k * d * t + k) / k**1.2 for k in range(1, 8) for d in (1.0, 1.004)]
    return np.sum(rows, axis=0) * _fade(t, 0.04, 0.08) * 0.25


def pluck(pitch: float, length_s: float) -> npt.NDArray[np.float64]:
    """Karplus and Strong's plucked string (Computer Music Journal, 1983)."""
    period = RATE / (440 * 2 ** ((pitch - 69) / 12))
    n = int(period - 0.5)
    burst = np.zeros(round(length_s * RATE))
    burst[:n] = _rng(round(pitch * 100)).uniform(-1, 1, n)
    feedback = np.zeros(n + 2)
    feedback[0], feedback[n], feedback[n + 1] = 1.0, -0.498, -0.498
    return lfilter([1.0], feedback, burst) * _fade(_time(length_s), 0.001, 0.05) * 0.5


def bell(pitch: float, length_s: float) -> npt.NDArray[np.float64]:
    """Frequency modulation with an inharmonic ratio."""
    t, f = _time(length_s), 440 * 2 ** ((pitch - 69) / 12)
    index = 3.0 * np.exp(-3 * t)
    return np.sin(2 * np.pi * f * t + index * np.sin(2 * np.pi * f * 2.76 * t)) * np.exp(-2.2 * t) * _fade(t, 0.002, 0.02)


def voice(pitch: float, length_s: float) -> npt.NDArray[np.float64]:
    """A sung vowel: a pulse train with vibrato through three formants."""
    t, f = _time(length_s), 440 * 2 ** ((pitch - 69) / 12)
    phase = 2 * np.pi * np.cumsum(f * (1 + 0.008 * np.sin(2 * np.pi * 5.4 * t) * np.clip(t * 3, 0, 1))) / RATE
    source = np.sum([np.sin(k * phase) / k for k in range(1, 24)], axis=0)
    formants = [(700, 110), (1180, 140), (2600, 220)] if round(pitch) % 2 else [(430, 90), (1950, 160), (2700, 220)]
    bands = [sosfilt(butter(1, [c - w, c + w], "band", fs=RATE, output="sos"), source) for c, w in formants]
    return np.sum(bands, axis=0) * _fade(t, 0.06, 0.1) * 0.6


def bass(pitch: float, length_s: float) -> npt.NDArray[np.float64]:
    """A filtered saw."""
    t, f = _time(length_s), 440 * 2 ** ((pitch - 69) / 12)
    saw = 2 * ((f * t) % 1.0) - 1
    return sosfilt(butter(2, 700, fs=RATE, output="sos"), saw) * np.exp(-2 * t) * _fade(t, 0.005, 0.03)


def drum(pitch: float, length_s: float) -> npt.NDArray[np.float64]:
    """36 is a kick, 38 a snare, 42 a closed hat."""
    t = _time(length_s)
    noise = _rng(round(pitch)).uniform(-1, 1, len(t))
    if pitch < 37:
        return np.sin(2 * np.pi * (48 * t - 9 * np.exp(-22 * t))) * np.exp(-9 * t)
    if pitch < 40:
        return (0.7 * noise + 0.5 * np.sin(2 * np.pi * 190 * t)) * np.exp(-18 * t)
    return np.diff(noise, prepend=0.0) * np.exp(-60 * t) * 0.5


INSTRUMENTS = {"reed": reed, "pluck": pluck, "bell": bell, "voice": voice, "bass": bass, "drum": drum}


def played(notes: list[Note], length_s: float, room_s: float = 0.25, seed: int = 1) -> Sound:
    """The notes mixed, in a small synthetic room."""
    mix = np.zeros(round(length_s * RATE))
    for start, pitch, length, instrument, gain in notes:
        at = round(start * RATE)
        wave = INSTRUMENTS[instrument](pitch, length)[: max(0, len(mix) - at)]
        mix[at : at + len(wave)] += gain * wave
    t = _time(room_s)
    echo = _rng(seed).standard_normal(len(t)) * np.exp(-t * 6.9 / room_s)
    wet = fftconvolve(mix, echo / np.sqrt(np.sum(echo**2)))[: len(mix)]
    return level(mix + 0.25 * wet)


def level(sound: npt.NDArray[np.floating]) -> Sound:
    """The sound with a peak of 0.8 and soft ends."""
    t = np.arange(len(sound)) / RATE
    faded = sound * _fade(t, 0.02, 0.3)
    return (0.8 * faded / max(1e-9, np.abs(faded).max())).astype(np.float32)


def walk(seed: int, scale: list[int], steps: int, start: int = 7) -> list[int]:
    """A melody of `steps` notes as a bounded walk over the scale, as MIDI pitches."""
    rng, at, line = _rng(seed), start, []
    for _ in range(steps):
        at = int(np.clip(at + rng.choice([-3, -2, -1, -1, 1, 1, 2, 4]), 0, len(scale) - 1))
        line.append(scale[at])
    return line


def harbour_waltz() -> Sound:
    """Three four, accordion over plucked chords, 26 s."""
    beat, scale = 60 / 168, [57, 59, 60, 62, 64, 65, 68, 69, 71, 72, 74, 76, 77, 80, 81]
    chords = [(45, 52, 57, 60), (50, 53, 57, 62), (52, 56, 59, 62), (45, 52, 57, 64)] * 3
    chords += [(53, 57, 60, 65), (48, 55, 60, 64), (52, 56, 59, 64), (45, 52, 57, 60)] * 3
    melody = walk(11, scale, 72)
    notes: list[Note] = []
    rhythm = [(0, 2), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1.5), (7.5, 0.5), (8, 1)]
    for bar, chord in enumerate(chords):
        notes.append((bar * 3 * beat, chord[0], 2.5 * beat, "pluck", 0.9))
        notes += [((bar * 3 + b) * beat, p, beat * 0.8, "pluck", 0.35) for b in (1, 2) for p in chord[1:]]
    for i, pitch in enumerate(melody[:64]):
        start, length = rhythm[i % 8]
        notes.append(((i // 8 * 9 + start) * beat, pitch, length * beat, "reed", 0.7))
    return played(notes, 26.0, 0.3, 2)


def night_shift() -> Sound:
    """Four on the floor, bass and bell arpeggios, 24 s."""
    beat, notes = 60 / 126, list[Note]()
    roots = [38, 38, 41, 36, 43, 43, 34, 36] * 2
    line = walk(23, [62, 65, 67, 69, 72, 74, 77, 79, 81, 84], 200, 4)
    for bar, root in enumerate(roots[:12]):
        for step in range(16):
            at = (bar * 4 + step / 4) * beat
            if step % 4 == 0:
                notes.append((at, 36, 0.3, "drum", 0.9))
            if step % 8 == 4:
                notes.append((at, 38, 0.25, "drum", 0.45))
            notes.append((at, 42, 0.08, "drum", 0.2 if step % 2 else 0.35))
            if step % 16 in (0, 3, 6, 8, 11, 14):
                notes.append((at, root + (12 if step == 11 else 0), 0.22, "bass", 0.8))
            if bar > 1 and step % 2 == bar % 2:
                notes.append((at, line[bar * 16 + step], 0.5, "bell", 0.25))
    return played(notes, 24.0, 0.15, 3)


def salt_and_thread() -> Sound:
    """A slow song: voice over picked strings, 30 s."""
    beat, notes = 60 / 76, list[Note]()
    chords = [(43, 50, 55, 59, 62), (40, 47, 55, 59, 64), (48, 55, 60, 64, 67), (50, 54, 57, 62, 66)]
    for bar in range(9):
        for step, string in enumerate((0, 2, 3, 4, 3, 2, 1, 3)):
            notes.append(((bar * 4 + step / 2) * beat, chords[bar % 4][string], 1.4, "pluck", 0.6))
    line = walk(37, [55, 57, 59, 62, 64, 66, 67, 69, 71, 74], 40, 5)
    at = 2.0 * beat
    for i, pitch in enumerate(line):
        length = (1.0, 0.5, 0.5, 1.5, 0.5, 1.0, 0.5, 2.0)[i % 8] * beat
        notes.append((at, pitch, length * 0.95, "voice", 0.8))
        at += length + (beat if i % 8 == 7 else 0)
    return played([n for n in notes if n[0] < 29.5], 30.0, 0.5, 4)


def stray_tune() -> Sound:
    """A piece that is not registered: bells alone in another mode, 16 s."""
    line = walk(91, [61, 63, 66, 68, 70, 73, 75, 78, 80, 82], 60, 3)
    gaps = np.cumsum(_rng(92).choice([0.18, 0.27, 0.36, 0.54], 60))
    notes: list[Note] = [(float(g), p, 0.9, "bell", 0.5) for g, p in zip(gaps, line, strict=True)]
    notes += [(1.9 * i, 49 + 5 * (i % 3), 1.8, "reed", 0.25) for i in range(8)]
    return played([n for n in notes if n[0] < 15.5], 16.0, 0.4, 5)


def sea(length_s: float, seed: int = 6) -> Sound:
    """Waves on a shore, and a buoy's bell now and then."""
    t = _time(length_s)
    noise = sosfilt(butter(1, [150, 1800], "band", fs=RATE, output="sos"), _rng(seed).standard_normal(len(t)))
    swell = 0.25 + 0.75 * np.sin(np.pi * t / 3.7) ** 4
    notes: list[Note] = [(s, p, 2.0, "bell", 0.6) for s, p in ((1.2, 67), (5.1, 62), (6.4, 74), (10.3, 67), (11.9, 60))]
    line = walk(61, [50, 53, 55, 57, 60, 62, 65, 67], 24, 3)
    notes += [(0.4 + 0.6 * i, p, 0.7, "reed", 0.3) for i, p in enumerate(line)]
    tune = played([n for n in notes if n[0] < length_s - 0.5], length_s, 0.4, 7)
    return level(0.12 * noise * swell + tune)


def street(length_s: float, seed: int = 8) -> Sound:
    """Traffic, a tram on its rails, and a street organ."""
    t = _time(length_s)
    noise = sosfilt(butter(2, 500, fs=RATE, output="sos"), _rng(seed).standard_normal(len(t)))
    rails = (np.sin(2 * np.pi * 1.9 * t) > 0.96) * _rng(seed + 1).standard_normal(len(t))
    line = walk(71, [60, 62, 64, 67, 69, 72, 74, 76, 79], 64, 5)
    notes: list[Note] = [(0.22 * i, p, 0.3, "reed" if i % 8 < 5 else "pluck", 0.4) for i, p in enumerate(line)]
    tune = played([n for n in notes if n[0] < length_s - 0.3], length_s, 0.2, 9)
    return level(0.1 * noise + 0.06 * rails + tune)


def speech(length_s: float, seed: int = 12) -> Sound:
    """Babble: vowels at a talker's pace, no words. What music is mixed under."""
    rng, notes, at = _rng(seed), list[Note](), 0.1
    while at < length_s - 0.4:
        length = float(rng.choice([0.09, 0.13, 0.18, 0.26]))
        notes.append((at, float(rng.integers(43, 52)), length, "voice", 0.8))
        at += length + float(rng.choice([0.02, 0.05, 0.3]))
    return played(notes, length_s, 0.12, seed)
