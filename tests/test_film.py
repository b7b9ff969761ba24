"""Film pictures: decoding, fingerprints, and the checks that decide whether a film is in an output."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from fingerprint import schemes
from fingerprint.errors import UnreadableMedia
from fingerprint.features import Evidence, Fingerprint, Media, Part, make, newest, pack, unpack
from fingerprint.film import FILM
from fingerprint.film_frames import _time, chunks, decode
from fingerprint.film_local import LOCAL, Found, fewer
from fingerprint.film_views import content_box
from fingerprint.hashing import hamming, mix
from fingerprint.image_local import SIGN_BITS
from fingerprint.pictures import WHOLE
from matcher.scan import scan_media
from registry.memory import MemoryIndex

SCHEMES = {s.name: s for s in FILM.schemes}
SIZE = (320, 180)
KNOWN_POSITIONS = [0, 100, 200, 300]
KNOWN_HASH = "f14a70e843d4eca43d0b1b9bd8b3e359cf2a1e462e0fc1376e51b78a94452aad"
KNOWN_POINTS = 100
KNOWN_SIGNATURE = "7667f5bfb56c114c1d5123bf"
KNOWN_STEP = 14
KNOWN_THUMB = [-2, -2, 0, 1, -1, -1, 0, 0]
Pictures = list[np.ndarray]


def scene(seed: int, seconds: float, fps: int = 12, size: tuple[int, int] = SIZE) -> Pictures:
    """A still ground of many shapes, before which six others move each in its own way; a new ground every three seconds."""
    width, height = size
    frames = []
    for number in range(int(seconds * fps)):
        t = number / fps
        rng = np.random.default_rng([seed, int(t / 3)])
        frame = np.full((height, width), int(rng.integers(60, 190)), np.uint8)
        for _ in range(40):
            corner, side, level = rng.integers(0, (width, height)), rng.integers(8, 60, 2), int(rng.integers(0, 255))
            cv2.rectangle(frame, corner.tolist(), (corner + side).tolist(), level, -1)
        for _ in range(6):
            start, speed = rng.uniform(0, 1, 2), rng.uniform(-0.25, 0.25, 2)
            x, y = np.mod(start + speed * (t % 3), 1) * (width, height)
            cv2.circle(frame, (int(x), int(y)), int(rng.integers(10, 28)), int(rng.integers(0, 255)), -1)
        frames.append(frame)
    return frames


def write(path: Path, frames: Iterable[np.ndarray], fps: float = 12, codec: str = "libx264", **options: str) -> Path:
    """Grey pictures uint8[h, w] as a film."""
    frames = list(frames)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1000))
        stream.height, stream.width = frames[0].shape
        stream.pix_fmt = {"gif": "rgb8"}.get(codec, "yuv420p")
        stream.options = options
        for grey in frames:
            frame = av.VideoFrame.from_ndarray(np.stack([grey] * 3, axis=2), format="rgb24").reformat(format=stream.pix_fmt)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def features(path: Path) -> Part:
    return FILM.features(FILM.decode(path))


def probes(path: Path) -> Part:
    return FILM.probes(FILM.decode(path))


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> tuple[Pictures, Part]:
    """A registered film of nine seconds."""
    frames = scene(1, 9)
    return frames, features(write(tmp_path_factory.mktemp("works") / "work.mp4", frames))


@pytest.fixture(scope="module")
def index(work, tmp_path_factory) -> MemoryIndex:
    """It, and two others."""
    folder = tmp_path_factory.mktemp("others")
    others = [(f"other{s}", (features(write(folder / f"{s}.mp4", scene(s, 6))),)) for s in (2, 3)]
    return MemoryIndex([("work", (work[1],)), *others], SCHEMES)


def found(index: MemoryIndex, path: Path) -> dict[str, tuple[float, list[Evidence]]]:
    """Works that a scan finds, also weakly: id -> (score, evidence)."""
    report = scan_media("output", Media("film", "", (probes(path),)), index)
    return {m.work_id: (m.score, [e for _, e in m.segments]) for m in report.matches}


def crop(f: np.ndarray) -> np.ndarray:
    return cv2.resize(f[15:165, 30:290], SIZE)


def inset(f: np.ndarray) -> np.ndarray:
    """Half as wide, in a corner of a ground of its own."""
    ground = scene(77, 0.1)[0].copy()
    ground[85:175, 150:310] = cv2.resize(f, (160, 90), interpolation=cv2.INTER_AREA)
    return ground


EDITS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda f: f,
    "darker": lambda f: (f // 2 + 10).astype(np.uint8),
    "letterbox": lambda f: cv2.copyMakeBorder(f, 60, 60, 0, 0, cv2.BORDER_CONSTANT, value=16),
    "pillarbox": lambda f: cv2.copyMakeBorder(f, 0, 0, 80, 80, cv2.BORDER_CONSTANT, value=16),
    "mirror": lambda f: f[:, ::-1],
    "negative": lambda f: 255 - f,
    "upright": lambda f: np.rot90(f),
    "smaller": lambda f: cv2.resize(f, (160, 90), interpolation=cv2.INTER_AREA),
    "crop": crop,
    "inset": inset,
}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_excerpt_is_found_at_its_place(edit, work, index, tmp_path):
    output = write(tmp_path / "output.mp4", [np.ascontiguousarray(EDITS[edit](f)) for f in work[0][36:96]])
    matches = found(index, output)
    assert set(matches) == {"work"}
    score, evidence = matches["work"]
    assert score > 5
    best = max(evidence, key=lambda e: e.strength)
    assert best.output_span == pytest.approx((0, 5), abs=0.5) and best.work_span == pytest.approx((3, 8), abs=0.5)
    assert best.scale == pytest.approx(1, abs=0.03)


def test_two_seconds_between_foreign_pictures(work, index, tmp_path):
    output = write(tmp_path / "output.mp4", [*scene(50, 3), *work[0][60:84], *scene(51, 3)])
    (best,) = found(index, output)["work"][1]
    assert best.output_span == pytest.approx((3, 5), abs=0.3) and best.work_span == pytest.approx((5, 7), abs=0.3)


@pytest.mark.parametrize(("fps", "scale"), [(24, 2.0), (9, 0.75)])
def test_speed_is_told(fps, scale, work, index, tmp_path):
    output = write(tmp_path / "output.mp4", work[0], fps=fps)
    evidence = found(index, output)["work"][1]
    assert max(evidence, key=lambda e: e.strength).scale == pytest.approx(scale, rel=0.03)


def test_backwards(work, index, tmp_path):
    output = write(tmp_path / "output.mp4", work[0][::-1])
    assert max(found(index, output)["work"][1], key=lambda e: e.strength).scale == pytest.approx(-1, abs=0.03)


def test_unrelated_film_finds_nothing(index, tmp_path):
    assert found(index, write(tmp_path / "output.mp4", scene(60, 5))) == {}


def test_another_hour_of_a_fixed_camera_is_not_named(tmp_path):
    """The same ground, other things moving before it."""
    ground = scene(5, 0.1)[0]

    def hour(seed: int) -> Pictures:
        rng = np.random.default_rng(seed)
        paths = rng.uniform(-0.3, 0.3, (4, 2)), rng.uniform(0, 1, (4, 2))
        frames = []
        for number in range(72):
            frame = ground.copy()
            for speed, start in zip(*paths, strict=True):
                x, y = np.mod(start + speed * number / 12, 1) * SIZE
                cv2.circle(frame, (int(x), int(y)), 18, 250, -1)
            frames.append(frame)
        return frames

    own = MemoryIndex([("camera", (features(write(tmp_path / "work.mp4", hour(1))),))], SCHEMES)
    other = found(own, write(tmp_path / "other.mp4", hour(2)))
    same = found(own, write(tmp_path / "same.mp4", hour(1)[12:60], crf="32"))
    assert same["camera"][0] > 5
    assert other.get("camera", (0.0, []))[0] < 5


@pytest.mark.parametrize("level", [0, 128, 255])
def test_one_colour_has_no_hash_and_no_points(level, tmp_path):
    path = write(tmp_path / "flat.mp4", [np.full((90, 160), level, np.uint8)] * 20)
    for part in (features(path), probes(path)):
        assert all(len(f) == 0 for f in part.fingerprints if schemes()[f.scheme].indexed)


def test_stored_bytes_round_trip_and_are_the_same_each_time(work, tmp_path):
    path = write(tmp_path / "again.mp4", work[0][:24])
    first, second = features(path), features(path)
    for a, b in zip(first.fingerprints, second.fingerprints, strict=True):
        packed = pack(a, SCHEMES[a.scheme])
        assert packed == pack(b, SCHEMES[b.scheme])
        back = unpack(packed, SCHEMES)
        assert (back.keys == a.keys).all() and (back.positions == a.positions).all() and (back.payload == a.payload).all()


def test_registered_film_is_small(work):
    """At most 4.5 MB an hour, postings of ten bytes included, though all moves and every three seconds bring a new shot."""
    size = sum(len(pack(f, SCHEMES[f.scheme])) + 10.1 * f.keys.size for f in work[1].fingerprints)
    assert size * 400 < 4_500_000


@pytest.mark.parametrize("name", ["a.mkv", "a.mov", "a.avi", "a.webm", "a.mpg", "a.gif"])
def test_containers(name, work, index, tmp_path):
    codec = {"a.avi": "mpeg4", "a.webm": "libvpx", "a.mpg": "mpeg2video", "a.gif": "gif"}.get(name, "libx264")
    twice = 2 if name == "a.mpg" else 1  # MPEG-1 and 2 know only the usual rates
    options = {"deadline": "realtime", "cpu-used": "8"} if codec == "libvpx" else {}
    frames = [f for f in work[0][36:72] for _ in range(twice)]
    output = write(tmp_path / name, frames, fps=12 * twice, codec=codec, **options)
    assert found(index, output)["work"][0] > 5


@pytest.mark.parametrize("name", ["a.webp", "a.png"])
def test_animated_pictures(name, work, index, tmp_path):
    pictures = [Image.fromarray(f) for f in work[0][36:84]]
    pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], duration=83, lossless=True)
    part = probes(tmp_path / name)
    assert part.extent[0] == pytest.approx(4, abs=0.1)
    assert found(index, tmp_path / name)["work"][0] > 5


def test_rotation_in_the_metadata_is_honoured(work, tmp_path):
    plain = write(tmp_path / "plain.mp4", work[0][:12])
    with av.open(str(plain)) as source:
        if not hasattr(source.streams.video[0], "set_display_rotation") and not hasattr(av.VideoFrame, "rotation"):
            pytest.skip("this PyAV does not tell rotation")
    data = bytearray(plain.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version and flags, times, ids, layer... up to the matrix
    matrix = np.frombuffer(bytes(data[at : at + 36]), ">i4").copy()
    assert matrix.tolist() == [65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30]
    data[at : at + 36] = np.array([0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30], ">i4").tobytes()
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(data)
    (chunk,) = chunks(decode(turned), 4.0)
    straight = next(iter(chunks(decode(plain), 4.0))).grey[0]
    assert chunk.grey.shape[1:] == straight.T.shape
    far = [np.abs(np.rot90(straight, k).astype(int) - chunk.grey[0]).mean() for k in (1, 3)]
    assert far[1] < 3 < far[0]


def test_truncated_film_gives_what_it_still_has(tmp_path):
    whole = write(tmp_path / "whole.mkv", scene(8, 6))
    data = whole.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(data[: len(data) * 6 // 10])
    part = features(cut)
    assert 0.5 < part.extent[0] < 5.5 and len(part.fingerprints[0]) > 2


def test_damaged_middle_is_passed_over(tmp_path):
    data = bytearray(write(tmp_path / "whole.mp4", scene(8, 6), g="12").read_bytes())
    rng = np.random.default_rng(0)
    third = len(data) // 3
    data[third : third + 2000] = rng.integers(0, 256, 2000, dtype=np.uint8).tobytes()
    (tmp_path / "bad.mp4").write_bytes(data)
    assert len(features(tmp_path / "bad.mp4").fingerprints[0]) > 2


def test_film_of_one_picture(tmp_path):
    path = write(tmp_path / "one.mp4", scene(9, 0.1))
    assert len(features(path).fingerprints[0]) == 1 and len(probes(path).fingerprints) > 5


def test_film_of_one_pixel(tmp_path):
    path = write(tmp_path / "dot.mkv", [np.full((2, 2), 90, np.uint8)] * 5)
    assert features(path).extent[0] > 0


def test_broken_timestamps_become_rising_ones():
    """Missing, falling back, leaping away: one frame after the last."""
    last, found = -0.1, []
    for time in (0.0, 0.1, None, 0.05, 1e6, 0.6, 0.6):
        last = _time(SimpleNamespace(time=time), 0.0, last, 10.0)
        found.append(last)
    assert found == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7])


BAD = {
    "empty.mp4": b"",
    "text.mp4": b"This is a text that calls itself a film.\n" * 50,
    "noise.mp4": bytes(np.random.default_rng(1).integers(0, 256, 5000, dtype=np.uint8)),
    "head.webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    "head.png": b"\x89PNG\r\n\x1a\n\x00\x00",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_raise_one_sentence(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(BAD[name])
    with pytest.raises(UnreadableMedia) as raised:
        features(path)
    assert str(path) in str(raised.value) and "\n" not in raised.value.reason


def test_sound_only_holds_no_pictures(tmp_path):
    path = tmp_path / "sound.mka"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(UnreadableMedia, match="no pictures"):
        decode(path)


def test_long_still_film_keeps_little(tmp_path):
    """Hours of one picture: a frame each quarter of an hour, as a camera's time lapse would have it."""
    path = write(tmp_path / "long.mkv", [scene(6, 0.1)[0]] * 30, fps=0.001)
    part = features(path)
    assert part.extent[0] > 29_000 and len(part.fingerprints[0]) <= 31


def test_bars_come_in_pairs():
    grey = np.stack(scene(3, 0.5))
    assert content_box(grey) == (0, 180, 0, 320)
    barred = np.stack([cv2.copyMakeBorder(f, 40, 40, 0, 0, cv2.BORDER_CONSTANT, value=0) for f in grey])
    y0, y1, x0, x1 = content_box(barred)
    assert 40 <= y0 <= 46 and 214 <= y1 <= 220 and (x0, x1) == (0, 320)
    sky = np.stack([cv2.copyMakeBorder(f, 60, 0, 0, 0, cv2.BORDER_CONSTANT, value=230) for f in grey])
    assert content_box(sky)[:2] == (0, 240)


def test_plain_ground_beside_a_figure_is_no_bar():
    """Its edge is the figure's, wherever that happens to be; bars end along a whole line."""
    grey = np.full((6, 180, 320), 128, np.uint8)
    for number, picture in enumerate(grey):
        cv2.ellipse(picture, (160, 120), (40 + 4 * number, 60), 0, 0, 360, 60, -1)
    assert content_box(grey) == (0, 180, 0, 320)
    boxed = np.stack([cv2.copyMakeBorder(f, 60, 60, 90, 90, cv2.BORDER_CONSTANT, value=0) for f in grey])
    y0, y1, x0, x1 = content_box(boxed)
    assert 60 <= y0 <= 66 and 234 <= y1 <= 240 and 90 <= x0 <= 96 and 404 <= x1 <= 410


def test_known_answers(work):
    """The schemes hold still. The film is made losslessly, so that only rounding may differ between platforms."""
    part = work[1]
    whole = part.of(WHOLE.name)
    assert whole is not None and whole.payload is not None
    assert whole.positions[:4].tolist() == KNOWN_POSITIONS
    assert hamming(whole.payload[0], np.frombuffer(bytes.fromhex(KNOWN_HASH), np.uint8)) <= 6
    thumbs = part.of("film.thumb.2")
    assert thumbs is not None and thumbs.payload is not None
    assert not thumbs.payload[0, :32].any() and thumbs.payload[0, 32] == KNOWN_STEP
    assert np.abs(thumbs.payload[0, 33:41].view(np.int8).astype(int) - KNOWN_THUMB).max() <= 1
    local = part.of("film.local.2")
    assert local is not None and local.payload is not None and local.keys.shape == (len(local), 1)
    assert local.positions[0] == 0 and abs(len(local) - KNOWN_POINTS) <= KNOWN_POINTS // 20
    assert hamming(local.payload[:10, 3:15], np.frombuffer(bytes.fromhex(KNOWN_SIGNATURE), np.uint8)).min() <= 6


def test_local_features_of_the_first_version_become_those_of_the_second(work):
    """As the first version stored them: the key mixed twice, 128 signs, places of two bytes, more points of more pictures."""
    new = work[1].of("film.local.2")
    assert new is not None and new.payload is not None
    cells = new.payload[:, :3].astype(np.int64) @ np.array([1, 1 << 8, 1 << 16])
    words = (cells << SIGN_BITS) + (new.payload[:, 3] >> 2)
    payload = np.zeros((len(new), 24), np.uint8)
    payload[:, :12] = new.payload[:, 3:15]
    for column, share in ((16, 15), (18, 16)):
        payload[:, column : column + 2] = (new.payload[:, share].astype("<u2") * 257).view(np.uint8).reshape(-1, 2)
    payload[:, 20:] = new.payload[:, 17:]
    old = Fingerprint("film.local.1", mix(mix(words, "image.local.1"), "film.local.1")[:, None], new.positions, payload)
    back = newest(old, SCHEMES)
    assert back.scheme == "film.local.2" and (back.keys == new.keys).all() and (back.payload == new.payload).all()
    again = newest(dataclasses.replace(old, positions=old.positions // 10), SCHEMES)  # pictures ten times as near
    assert 0 < len(again) < len(new) and set(np.diff(np.unique(again.positions))) <= {*range(150, 10_000)}


def test_an_output_with_many_pictures_looks_fewer_points_of_each_up():
    points = np.zeros((700, LOCAL.payload_width), np.uint8)
    picture = Found(0, np.arange(2800).reshape(700, 4), points)
    for pictures, plain, mirror in ((1, (700, 4), (350, 2)), (20, (200, 3), (100, 2)), (500, (100, 2), (50, 2))):
        for variant, (limit, cells) in (("", plain), ("mirror", mirror)):
            some, many = fewer([picture] * pictures, variant)
            assert many == cells
            assert {f.keys.shape for f in some} == {(limit, cells)}
            assert {len(f.payload) for f in some} == {limit}


def test_thumbs_of_the_first_version_become_those_of_the_second(work, index, tmp_path):
    pictures = np.stack([cv2.resize(f, (16, 16), interpolation=cv2.INTER_AREA) for f in work[0][::3]])
    ticks = np.round(np.arange(len(pictures)) * 25).astype(np.int32)
    shape = np.full((len(pictures), 2), 144, np.uint8)
    old = make(SCHEMES["film.thumb.1"], ticks, np.hstack([shape, pictures.reshape(len(pictures), -1)]))
    new = newest(old, SCHEMES)
    assert new.scheme == "film.thumb.2" and (new.positions == ticks).all() and not new.payload[:, :32].any()
    part = Part("film", work[1].extent, tuple(new if f.scheme == "film.thumb.2" else f for f in work[1].fingerprints))
    excerpt = write(tmp_path / "excerpt.mp4", work[0][36:96])
    assert found(MemoryIndex([("work", (part,))], SCHEMES), excerpt)["work"][0] > 5


def test_parts_are_values(work):
    assert all(dataclasses.is_dataclass(f) for f in work[1].fingerprints)
    assert len({hashlib.sha256(pack(f, SCHEMES[f.scheme])).digest() for f in work[1].fingerprints}) == 3
