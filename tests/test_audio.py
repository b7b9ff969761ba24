"""Sound: decoding, landmarks, and the checks that decide whether a recording is in an output."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fingerprint.audio import AUDIO
from fingerprint.audio_compare import PEAK
from fingerprint.audio_decode import RATE, Sound, decode
from fingerprint.audio_landmark import LANDMARK, Change, change_of
from fingerprint.errors import UnreadableMedia
from fingerprint.features import Fingerprint, Media, Part, pack, unpack
from matcher.scan import scan_media
from registry.memory import MemoryIndex

Float32 = npt.NDArray[np.float32]
SCHEMES = {s.name: s for s in AUDIO.schemes}


def song(seed: int, seconds: float = 20.0, tempo: float = 1.0, pitch: float = 1.0) -> Float32:
    """Plucked notes of a random tune with three harmonics, played `tempo` times as fast and `pitch` times as high."""
    rng = np.random.default_rng(seed)
    out = np.zeros(int(seconds * RATE) + 2 * RATE, np.float32)
    t = np.arange(RATE) / RATE
    at = 0.0
    while at < seconds * tempo:
        hertz = 130.8 * 2 ** (rng.integers(0, 40) / 12)
        loud = rng.uniform(0.1, 0.3)
        note = sum(loud / k * np.sin(2 * np.pi * k * hertz * pitch * t) for k in (1, 2, 3)) * np.exp(-6 * t)
        start = int(at / tempo * RATE)
        if start < seconds * RATE:
            out[start : start + RATE] += note.astype(np.float32)
        at += rng.choice([0.12, 0.18, 0.25, 0.31])
    return out[: int(seconds * RATE)]


def heard(samples: Float32) -> Sound:
    return Sound(Path("memory.wav"), iter([np.atleast_2d(samples)]))


def write(path: Path, samples: Float32, codec: str, rate: int = 44100) -> Path:
    """The samples (mono [n] or [2, n] at RATE) in a file of PyAV's choosing."""
    import av

    layout = "mono" if samples.ndim == 1 else "stereo"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = layout
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(np.atleast_2d(samples)), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        frames = [*resampler.resample(frame), *resampler.resample(None)]
        fifo = av.AudioFifo()
        for piece in frames:
            fifo.write(piece)
        size = stream.codec_context.frame_size or 1024
        while (piece := fifo.read(size, partial=True)) is not None:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def index() -> MemoryIndex:
    return MemoryIndex([(f"w{i}", (AUDIO.features(heard(song(i))),)) for i in range(6)], SCHEMES)


def scan(samples: Float32, index: MemoryIndex) -> list[tuple[str, float, tuple[float, ...], tuple[float, ...], float]]:
    media = Media("audio", "", (AUDIO.probes(heard(samples)),))
    return [
        (m.work_id, m.score, m.segments[0][1].output_span, m.segments[0][1].work_span, m.segments[0][1].scale)
        for m in scan_media("q", media, index).matches
        if m.listed
    ]


def digest(fingerprint: Fingerprint) -> str:
    columns = [fingerprint.keys.astype("<i8"), fingerprint.positions.astype("<i4")]
    columns += [] if fingerprint.payload is None else [fingerprint.payload]
    return hashlib.sha256(b"".join(c.tobytes() for c in columns)).hexdigest()[:16]


def test_known_answers() -> None:
    """Sine notes on a fixed grid: these digests hold the schemes still."""
    t = np.arange(6 * RATE) / RATE
    steps = np.array([0, 7, 3, 12, 5, 19, 8, 15, 1, 10])[(t / 0.2).astype(int) % 10]
    samples = (0.4 * np.sin(2 * np.pi * 220 * 2 ** (steps / 12) * t) * np.exp(-4 * (t % 0.2))).astype(np.float32)
    part = AUDIO.features(heard(samples))
    packed = [pack(f, SCHEMES[f.scheme]) for f in part.fingerprints]
    every_installation = [f for f in part.fingerprints if not f.scheme.startswith("audio.melody")]
    assert [(f.scheme, len(f), digest(f)) for f in every_installation] == KNOWN
    for fingerprint, data in zip(part.fingerprints, packed, strict=True):
        again = unpack(data, SCHEMES)
        assert np.array_equal(again.keys, fingerprint.keys)
        assert np.array_equal(again.positions, fingerprint.positions)


def test_excerpt_in_noise_is_found_where_it_is(index: MemoryIndex) -> None:
    rng = np.random.default_rng(9)
    clip = song(2)[7 * RATE : 12 * RATE]
    bed = rng.normal(0, 0.7 * float(clip.std()), 11 * RATE).astype(np.float32)
    bed[3 * RATE : 8 * RATE] += clip
    [(work, score, output_span, work_span, scale)] = scan(bed, index)
    assert work == "w2"
    assert score > 5
    assert output_span == pytest.approx((3, 8), abs=0.75)
    assert work_span == pytest.approx((7, 12), abs=0.75)
    assert scale == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("tempo", "pitch"), [(1.17, 1.0), (0.84, 1.0), (1.0, 1.15), (1.0, 0.87), (1.08, 1.08), (0.9, 1.1)])
def test_other_tempo_and_pitch_are_found(index: MemoryIndex, tempo: float, pitch: float) -> None:
    [(work, _, _, work_span, scale)] = scan(song(4, 12.0, tempo, pitch), index)
    assert work == "w4"
    assert scale == pytest.approx(tempo, rel=0.01)
    assert work_span == pytest.approx((0, 12 * tempo), abs=0.7)


def test_backwards_is_found(index: MemoryIndex) -> None:
    [(work, _, output_span, work_span, scale)] = scan(song(1)[2 * RATE : 12 * RATE][::-1].copy(), index)
    assert work == "w1"
    assert scale == pytest.approx(-1, abs=0.01)
    assert output_span == pytest.approx((0, 10), abs=0.6)
    assert work_span == pytest.approx((2, 12), abs=0.6)


@pytest.mark.parametrize("speed", [1.12, 0.93])
def test_backwards_and_at_another_speed_is_found(index: MemoryIndex, speed: float) -> None:
    [(work, _, output_span, work_span, scale)] = scan(song(1, 10.0, speed, speed)[::-1].copy(), index)
    assert work == "w1"
    assert scale == pytest.approx(-speed, rel=0.01)
    assert output_span == pytest.approx((0, 10), abs=0.6)
    assert work_span == pytest.approx((0, 10 * speed), abs=0.7)


def test_a_loop_is_found_each_time_it_is_played(index: MemoryIndex) -> None:
    """What repeats exactly in the output is no sign that chance finds it everywhere."""
    media = Media("audio", "", (AUDIO.probes(heard(np.tile(song(3)[4 * RATE : int(6.5 * RATE)], 4))),))
    [match] = [m for m in scan_media("q", media, index).matches if m.listed]
    spans = sorted(e.output_span for _, e in match.segments)
    assert match.work_id == "w3"
    assert [start for start, _ in spans] == pytest.approx([0, 2.5, 5, 7.5], abs=0.5)


def test_two_works_in_a_row_and_at_once(index: MemoryIndex) -> None:
    row = np.concatenate([song(0)[: 6 * RATE], song(3)[5 * RATE : 11 * RATE]])
    assert {m[0] for m in scan(row, index)} == {"w0", "w3"}
    assert {m[0] for m in scan(song(0)[: 8 * RATE] + song(5)[: 8 * RATE], index)} == {"w0", "w5"}


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(10 * RATE, np.float32),
        np.random.default_rng(0).normal(0, 0.2, 10 * RATE).astype(np.float32),
        (0.4 * np.sin(2 * np.pi * 440 * np.arange(10 * RATE) / RATE)).astype(np.float32),
        song(77, 15.0),
    ],
    ids=["silence", "noise", "tone", "another song"],
)
def test_what_is_not_registered_names_nobody(index: MemoryIndex, samples: Float32) -> None:
    assert scan(samples, index) == []


def test_a_registered_tone_and_silence_name_nobody() -> None:
    tone = (0.4 * np.sin(2 * np.pi * 440 * np.arange(10 * RATE) / RATE)).astype(np.float32)
    beat = np.tile(np.concatenate([np.hanning(800) * 0.5, np.zeros(3200)]), 20).astype(np.float32)
    index = MemoryIndex(
        [(n, (AUDIO.features(heard(x)),)) for n, x in (("tone", tone), ("silence", 0 * tone), ("beat", beat))], SCHEMES
    )
    for other in (0.8 * tone[: 6 * RATE], 0 * tone, song(5)):
        assert scan(other, index) == []


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        *(("a.mp3", "libmp3lame", 44100), ("a.flac", "flac", 44100), ("a.opus", "libopus", 48000)),
        *(("a.wav", "pcm_s16le", 22050), ("a.mp4", "aac", 44100), ("a.aiff", "pcm_s16be", 44100)),
    ],
)
def test_formats_give_the_same_recording(index: MemoryIndex, tmp_path: Path, name: str, codec: str, rate: int) -> None:
    path = write(tmp_path / name, song(3)[4 * RATE : 10 * RATE], codec, rate)
    part = AUDIO.probes(decode(path))
    assert part.extent[0] == pytest.approx(6, abs=0.1)
    matches = scan_media("q", Media("audio", "", (part,)), index).matches
    assert [m.work_id for m in matches if m.listed] == ["w3"]


def test_inverted_channel_does_not_cancel(index: MemoryIndex) -> None:
    clip = song(2)[4 * RATE : 10 * RATE]
    part = AUDIO.probes(heard(np.stack([clip, -clip])))
    matches = scan_media("q", Media("audio", "", (part,)), index).matches
    assert [m.work_id for m in matches if m.listed] == ["w2"]


@pytest.fixture(scope="module")
def stereo() -> tuple[Float32, MemoryIndex]:
    """A piece for two players who sit apart, and an index that holds it among others."""
    left, right = song(20), song(21)
    piece = np.stack([left + 0.3 * right, 0.3 * left + right])
    works = [("both", (AUDIO.features(heard(piece)),))]
    return piece, MemoryIndex([*works, *((f"w{i}", (AUDIO.features(heard(song(i))),)) for i in range(3))], SCHEMES)


@pytest.mark.parametrize(
    "channels",
    [[[0, 1], [1, 0]], [[1, 0], [0, 0]], [[0, 1]], [[1, -1], [1, -1]], [[0.5, 0.5]], [[1, 0], [0, -1]], [[1, 0], [0, 0.2]]],
    ids=["swapped", "one channel", "one channel as mono", "mid removed", "side removed", "one inverted", "panned"],
)
def test_what_is_done_to_the_channels_does_not_hide_a_work(
    stereo: tuple[Float32, MemoryIndex], channels: list[list[float]]
) -> None:
    piece, index = stereo
    changed = (np.array(channels, np.float32) @ piece)[:, 5 * RATE : 13 * RATE]
    media = Media("audio", "", (AUDIO.probes(heard(changed)),))
    assert [m.work_id for m in scan_media("q", media, index).matches if m.listed] == ["both"]


def test_what_only_the_difference_of_two_channels_holds_is_found() -> None:
    """A voice in the middle, players at the sides: without the middle hardly a peak of the mix is left."""
    voice, players = song(30, 30), 0.3 * song(31, 30)
    works = [("song", (AUDIO.features(heard(np.stack([voice + players, voice - players]))),))]
    index = MemoryIndex([*works, *((f"w{i}", (AUDIO.features(heard(song(i))),)) for i in range(3))], SCHEMES)
    [(work_id, _, span, there, _)] = scan(players[8 * RATE : 20 * RATE], index)
    assert work_id == "song"
    assert span == pytest.approx((0, 12), abs=0.5)
    assert there == pytest.approx((8, 20), abs=0.5)


def test_a_mix_whose_channels_are_alike_stores_no_difference() -> None:
    same = song(30)
    for channels in (same, np.stack([same, same]), np.stack([same, -same]), np.stack([same, 0.98 * same])):
        part = AUDIO.features(heard(channels))
        assert [len(f) for f in part.fingerprints if f.scheme.startswith("audio.side")] == [0, 0]


def voice(hertz: float, size: float, pace: float, seed: int) -> Float32:
    """One sentence of 60 sounds (the same for every voice): formants `size` times as high, `pace` times as fast.

    A pulse train through two resonances for each sound (Klatt, JASA 1980, in its simplest form); the melody and the
    lengths of the sounds vary a little with `seed`, as no two readers speak alike.
    """
    from scipy.signal import lfilter

    script, own = np.random.default_rng(1), np.random.default_rng(seed)
    sounds = []
    for _ in range(60):
        first, second, length, lift = (
            script.uniform(250, 850),
            script.uniform(900, 2400),
            script.uniform(0.1, 0.3),
            script.random(),
        )
        samples = int(length / pace * own.uniform(0.8, 1.25) * RATE)
        tone = hertz * (1 + 0.3 * lift * np.linspace(1, 0.7, samples)) * own.uniform(0.95, 1.05)
        sound = np.diff(np.floor(np.cumsum(tone) / RATE), prepend=0.0)
        for formant, width in ((first * size, 80.0), (second * size, 120.0)):
            pole = np.exp(-np.pi * width / RATE)
            sound = lfilter([1 - pole], [1, -2 * pole * np.cos(2 * np.pi * formant / RATE), pole * pole], sound)
        sounds.append(sound * np.hanning(samples) ** 0.3)
    spoken = np.concatenate(sounds)
    return (0.2 * spoken / np.abs(spoken).max()).astype(np.float32)


def test_the_same_words_in_another_voice_are_no_copy() -> None:
    reader = voice(115, 1.0, 1.0, 2)
    index = MemoryIndex([("reading", (AUDIO.features(heard(reader)),))], SCHEMES)
    assert [m[0] for m in scan(reader[3 * RATE : 8 * RATE], index)] == ["reading"]
    for other in (voice(210, 1.17, 1.08, 3), voice(120, 1.05, 1.0, 4), voice(115, 1.0, 0.9, 5)):
        assert scan(other, index) == []


def test_another_performance_is_a_remake() -> None:
    """The same chords by another instrument, a little slower, three semitones up; another piece in that key is not it."""

    def chords(seed: int, tempo: float, up: int, overtones: tuple[float, ...]) -> Float32:
        rng = np.random.default_rng(seed)
        roots = rng.integers(0, 12, 40)
        t = np.arange(int(0.9 / tempo * RATE)) / RATE
        bars = []
        for root in roots:
            tones = [261.6 * 2 ** ((root + up + third) / 12) for third in (0, 4, 7)]
            bars.append(
                sum(a * np.sin(2 * np.pi * k * f * t) for f in tones for k, a in enumerate(overtones, 1)) * np.exp(-2 * t)
            )
        return (0.1 * np.concatenate(bars)).astype(np.float32)

    works = [(f"c{seed}", (AUDIO.features(heard(chords(seed, 1.0, 0, (1.0, 0.5, 0.3)))),)) for seed in (1, 2, 3)]
    media = Media("audio", "", (AUDIO.probes(heard(chords(2, 0.9, 3, (1.0, 0.1, 0.6, 0.3)))),))
    found = scan_media("q", media, MemoryIndex(works, SCHEMES)).matches
    best = found[0]
    assert (best.work_id, best.relation) == ("c2", "remake")
    assert best.score > 5
    assert best.segments[0][1].scale == pytest.approx(0.9, abs=0.06)
    assert best.segments[0][1].detail["semitones"] in (3.0, -3.0)
    assert [(m.work_id, round(m.score, 1), m.segments) for m in found[1:] if m.score >= 3] == []


def test_block_borders_leave_no_trace() -> None:
    samples = song(6, 40.0)
    whole = AUDIO.features(heard(samples))
    parts = [samples[i : i + 7777].reshape(1, -1) for i in range(0, len(samples), 7777)]
    pieces = AUDIO.features(Sound(Path("x"), iter(parts)))
    for a, b in zip(whole.fingerprints, pieces.fingerprints, strict=True):
        assert pack(a, SCHEMES[a.scheme]) == pack(b, SCHEMES[b.scheme])


def test_silence_gives_a_part_without_features() -> None:
    part = AUDIO.features(heard(np.zeros(3 * RATE, np.float32)))
    assert part.extent == (3.0,)
    assert [len(f) for f in part.fingerprints] == [0] * len(part.fingerprints)
    tiny = AUDIO.probes(heard(np.zeros(10, np.float32)))
    assert not any(len(f) for f in tiny.fingerprints)


def test_a_damaged_tail_is_dropped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", song(3), "libmp3lame")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(4000))
    assert AUDIO.features(decode(path)).extent[0] == pytest.approx(10, abs=1)


def _bad(folder: Path, case: str) -> Path:
    path = folder / "bad.wav"
    good = write(folder / "good.mp4", song(1, 2.0), "aac").read_bytes()
    content = {
        "empty": b"",
        "no-sound": b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0\x80>\0\0\2\0\x10\0data\0\0\0\0",
        "unreadable": good[: len(good) // 3],
    }
    if case != "missing":
        path.write_bytes(content[case])
    return path


@pytest.mark.parametrize("case", ["missing", "empty", "no-sound", "unreadable"])
def test_bad_files_say_what_is_wrong(tmp_path: Path, case: str) -> None:
    path = _bad(tmp_path, case)
    with pytest.raises(UnreadableMedia) as caught:
        AUDIO.features(decode(path))
    assert caught.value.code == case
    assert "\n" not in str(caught.value)


def test_a_change_is_told_by_its_name() -> None:
    for change in (Change(), Change(1.082, -3), Change(-1.0), Change(0.822, 12)):
        assert change_of(change.name) == change


def test_stored_size_stays_small() -> None:
    """Bytes of packed fingerprints and postings, scaled to an hour."""
    part = AUDIO.features(heard(song(8, 60.0)))
    size = sum(len(pack(f, SCHEMES[f.scheme])) + 16 * f.keys.size for f in part.fingerprints)
    assert size * 60 < 1_500_000
    assert isinstance(part, Part)
    assert {LANDMARK.name, PEAK.name} <= {f.scheme for f in part.fingerprints}


KNOWN: list[tuple[str, int, str]] = [
    ("audio.landmark.2", 24, "e9e2d1337cdb2863"),
    ("audio.peak.1", 31, "9e404660b0d78335"),
    ("audio.side.1", 0, "e3b0c44298fc1c14"),
    ("audio.sidepeak.1", 0, "e3b0c44298fc1c14"),
    ("audio.chroma.1", 13, "c8553b57a6bbb35d"),
    ("audio.turn.1", 5, "595e803c740e2851"),
]
