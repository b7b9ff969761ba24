"""Stills: every format, hostile files, whole hashes, local features, layouts, and the checks that decide."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from fingerprint import image_film, image_layout, image_local, image_pixels, image_views
from fingerprint.errors import UnreadableMedia
from fingerprint.features import Alignment, Fingerprint, Media, Part, make, pack, unpack
from fingerprint.hashing import UInt8, hamming
from fingerprint.image import IMAGE
from fingerprint.image_open import Still, decode
from fingerprint.image_plane import distinct, place, similarities, surprise, worth_placing
from fingerprint.image_weight import mark, told
from fingerprint.pictures import WHOLE, coefficients, hashes
from matcher.scan import scan_media
from registry.memory import MemoryIndex

SCHEMES = {s.name: s for s in IMAGE.schemes}
LINEUP = Path(__file__).resolve().parent.parent.parent / "shared" / "lineup" / "image"


def photo(seed: int, width: int = 480, height: int = 320) -> UInt8:
    """Colour picture uint8[h, w, 3] with structure of all sizes, another one for each seed."""
    rng = np.random.default_rng(seed)
    field = np.zeros((height, width, 3), np.float32)
    for side in (3, 6, 12, 24, 48, 96):
        coarse = rng.standard_normal((side, side, 3)).astype(np.float32)
        field += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * (60 / side**0.5)
    canvas = np.clip(field + 128, 0, 255).astype(np.uint8)
    for _ in range(40):
        x, y, r = (int(v) for v in rng.integers((0, 0, 5), (width, height, 45)))
        colour = [int(v) for v in rng.integers(0, 256, 3)]
        if rng.random() < 0.5:
            cv2.circle(canvas, (x, y), r, colour, -1)
        else:
            cv2.rectangle(canvas, (x, y), (x + 2 * r, y + r), colour, -1)
    return canvas


def still(pixels: UInt8) -> Still:
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return Still(np.ascontiguousarray(grey), grey.shape[1], grey.shape[0])


@pytest.fixture(scope="module")
def index() -> MemoryIndex:
    return MemoryIndex([(f"w{i}", (IMAGE.features(still(photo(i))),)) for i in range(8)], SCHEMES)


def found(index: MemoryIndex, pixels: UInt8) -> list[str]:
    """Ids of the listed works, best first."""
    report = scan_media("output", Media("image", "", (IMAGE.probes(still(pixels)),)), index)
    return [m.work_id for m in report.matches if m.listed]


def jpeg(pixels: UInt8, quality: int) -> UInt8:
    return cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def turned(pixels: UInt8, degrees: float) -> UInt8:
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(pixels, matrix, (width, height))


def pencil(grey: UInt8) -> UInt8:
    return cv2.divide(grey, np.maximum(cv2.GaussianBlur(grey, (0, 0), 6), 1), scale=240)


EDITS = {
    "jpeg 8": lambda p: jpeg(p, 8),
    "thumbnail": lambda p: cv2.resize(p, (96, 64), interpolation=cv2.INTER_AREA),
    "blur": lambda p: cv2.GaussianBlur(p, (0, 0), 3),
    "grey": lambda p: cv2.cvtColor(p, cv2.COLOR_RGB2GRAY),
    "bright": lambda p: np.clip(p.astype(int) + 50, 0, 255).astype(np.uint8),
    "mirror": lambda p: p[:, ::-1],
    "upside down": lambda p: p[::-1, ::-1],
    "quarter turn": lambda p: np.rot90(p),
    "turned 15 degrees": lambda p: turned(p, 15),
    "crop to a quarter": lambda p: p[70:230, 150:390],
    "mirrored crop": lambda p: p[60:260, 100:400][:, ::-1],
    "border": lambda p: cv2.copyMakeBorder(p, 60, 40, 80, 80, cv2.BORDER_CONSTANT, value=(255, 255, 255)),
    "negative": lambda p: 255 - p,
    "stretched": lambda p: cv2.resize(p, (480, 480)),
    "noise": lambda p: np.clip(p + np.random.default_rng(1).normal(0, 25, p.shape), 0, 255).astype(np.uint8),
    "painted": lambda p: cv2.medianBlur(p, 13) // 64 * 64 + 32,
    "pencil": lambda p: pencil(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_still_is_found_alone(index, edit):
    assert found(index, np.ascontiguousarray(EDITS[edit](photo(3)))) == ["w3"]


@pytest.mark.parametrize("seed", [100, 101, 102])
def test_a_foreign_still_names_nobody(index, seed):
    assert found(index, photo(seed)) == []


@pytest.mark.parametrize("value", [0, 128, 255])
def test_one_colour_names_nobody(index, value):
    assert found(index, np.full((240, 320), value, np.uint8)) == []


def test_a_logo_in_the_corner_of_both_names_nobody():
    logo = cv2.resize(photo(55)[:100, :100], (56, 56), interpolation=cv2.INTER_AREA)
    work, output = photo(20), photo(21)
    work[250:306, 400:456], output[20:76, 30:86] = logo, logo
    assert found(MemoryIndex([("w", (IMAGE.features(still(work)),))], SCHEMES), output) == []


def test_a_collage_names_its_works_and_where_they_are(index):
    canvas = np.full((400, 1000, 3), 255, np.uint8)
    canvas[40:360, 10:490], canvas[40:360, 510:990] = photo(1), photo(6)
    report = scan_media("output", Media("image", "", (IMAGE.probes(still(canvas)),)), index)
    spans = {m.work_id: m.segments[0][1].output_span for m in report.matches if m.listed}
    assert sorted(spans) == ["w1", "w6"]
    assert overlap(spans["w1"], (10, 40, 480, 320)) > 0.75
    assert overlap(spans["w6"], (510, 40, 480, 320)) > 0.75
    assert all(0.25 < m.degree < 0.5 for m in report.matches if m.listed)


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union of two boxes [x, y, w, h]."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(wide, 0.0) * max(high, 0.0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def test_a_picture_in_a_picture_is_found_at_its_place(index):
    canvas = photo(200, 960, 640)
    canvas[400:560, 650:890] = cv2.resize(photo(4), (240, 160), interpolation=cv2.INTER_AREA)
    report = scan_media("output", Media("image", "", (IMAGE.probes(still(canvas)),)), index)
    listed = [m for m in report.matches if m.listed]
    assert [m.work_id for m in listed] == ["w4"]
    evidence = listed[0].segments[0][1]
    # Working pictures are smaller than the output: the span is in the output's own pixels.
    assert overlap(evidence.output_span, (650, 400, 240, 160)) > 0.7
    assert overlap(evidence.work_span, (0, 0, 480, 320)) > 0.7


def test_a_copy_is_called_copy_and_a_redrawing_remake(index):
    relations = []
    for edit in ("jpeg 8", "pencil"):
        report = scan_media("o", Media("image", "", (IMAGE.probes(still(EDITS[edit](photo(3)))),)), index)
        relations.append(report.matches[0].relation)
    assert relations == ["copy", "remake"]


def test_same_pixels_give_the_same_bytes():
    for view in (IMAGE.features, IMAGE.probes):
        first, second = view(still(photo(9))), view(still(photo(9)))
        for a, b in zip(first.fingerprints, second.fingerprints, strict=True):
            assert np.array_equal(a.keys, b.keys) and np.array_equal(a.payload, b.payload)


def test_stored_fingerprints_survive_packing():
    for f in IMAGE.features(still(photo(9))).fingerprints:
        again = unpack(pack(f, SCHEMES[f.scheme]), SCHEMES)
        assert np.array_equal(again.keys, f.keys) and np.array_equal(again.payload, f.payload)
        assert np.array_equal(again.positions, f.positions)


def test_a_work_stays_small():
    packed = [pack(f, SCHEMES[f.scheme]) for f in IMAGE.features(still(photo(9, 1200, 800))).fingerprints]
    assert sum(map(len, packed)) < 13_000


# The whole-picture hash


def test_whole_hash_is_imagehash_of_the_same_picture():
    for seed in range(6):
        small = np.asarray(Image.fromarray(photo(seed)).convert("L").resize((64, 64), Image.Resampling.LANCZOS))
        theirs = imagehash.phash(Image.fromarray(small), hash_size=16).hash.ravel()
        assert np.array_equal(np.unpackbits(hashes(coefficients(small))[0]).astype(bool), theirs)


def test_each_turn_of_a_probe_undoes_that_turn():
    grey = still(photo(2)).grey
    work = image_views.work_fingerprint(grey).payload
    turns = {
        0: grey, 1: grey[:, ::-1], 2: grey[::-1], 3: grey[::-1, ::-1],
        4: grey.T, 5: grey.T[::-1], 6: grey.T[:, ::-1], 7: grey.T[::-1, ::-1],
    }  # fmt: skip
    for turn, picture in turns.items():
        probe = image_views.probe_fingerprint(np.ascontiguousarray(picture)).payload
        assert int(hamming(probe[:8, :32], work[:1]).argmin()) == turn
        point = np.array([0.2, 0.7])
        there = image_views.TURNS[turn] @ np.append(point, 1.0)
        smooth, original = cv2.GaussianBlur(np.ascontiguousarray(picture), (0, 0), 3), cv2.GaussianBlur(grey, (0, 0), 3)
        ours = smooth[int(point[1] * picture.shape[0]), int(point[0] * picture.shape[1])]
        theirs = original[int(there[1] * grey.shape[0]), int(there[0] * grey.shape[1])]
        assert abs(int(ours) - int(theirs)) <= 6


def test_borders_are_trimmed_and_pictures_are_not():
    grey = still(photo(2)).grey
    framed = cv2.copyMakeBorder(grey, 30, 50, 20, 70, cv2.BORDER_CONSTANT, value=255)
    assert np.abs(np.subtract(image_views.trimmed(framed), (20, 30, 500, 350))).max() <= 2
    assert image_views.trimmed(grey) == (0, 0, 480, 320)


def test_a_flat_still_has_no_hash():
    flat = np.full((100, 100), 77, np.uint8)
    for f in (image_views.work_fingerprint(flat), image_views.probe_fingerprint(flat), image_layout.work_fingerprint(flat)):
        assert len(f) == 0


# Local features


def test_mirrored_points_are_those_of_the_mirrored_picture():
    grey = still(photo(5)).grey
    ours = image_local.mirrored(image_local.detect(grey, 300), grey.shape[1])
    theirs = image_local.detect(np.ascontiguousarray(grey[:, ::-1]), 300)
    gap = np.hypot(ours.x[:, None] - theirs.x, ours.y[:, None] - theirs.y)
    turn = np.abs(np.mod(ours.angle[:, None] - theirs.angle + np.pi, 2 * np.pi) - np.pi)
    row, column = np.nonzero((gap < 1.5) & (turn < 0.2) & (np.abs(np.log(ours.size[:, None] / theirs.size)) < 0.1))
    assert len(np.unique(row)) > 150
    alike = (ours.descriptors[row] * theirs.descriptors[column]).sum(axis=1)
    assert np.median(alike) > 0.97


def test_places_come_back_out_of_the_payload():
    points = image_local.detect(still(photo(5)).grey, 100)
    again = image_local.places(image_local.payload(points, 480, 320), 480, 320)
    assert np.abs(again.x - points.x).max() < 0.05 and np.abs(again.y - points.y).max() < 0.05
    assert np.abs(np.log(again.size / points.size)).max() < 0.03


def test_one_pair_of_points_gives_the_similarity():
    def points(x, y, size, angle):
        columns = [np.array([v], np.float32) for v in (x, y, size, angle)]
        return image_local.Points(*columns, np.zeros((1, 128), np.float32))

    turn, shift = similarities(points(10, 20, 4, 0.0), points(100, 50, 8, np.pi / 2), np.array([[0, 0]]))
    # Twice as large, a quarter turn: one step right becomes two steps down.
    assert np.allclose(turn * (10 + 20j) + shift, 100 + 50j) and np.allclose(turn * (11 + 20j) + shift, 100 + 52j)


def test_pairs_must_agree_at_three_different_spots():
    def points(x: list[float]) -> image_local.Points:
        columns = [np.array(x, np.float32), np.full(len(x), 9.0), np.full(len(x), 4.0), np.zeros(len(x))]
        return image_local.Points(*(c.astype(np.float32) for c in columns), np.zeros((len(x), 128), np.float32))

    pairs = np.stack([np.arange(4), np.arange(4)], axis=1)
    assert worth_placing(points([10, 40, 70, 71]), points([110, 140, 170, 171]), pairs, 300.0)
    assert not worth_placing(points([10, 40, 41, 40]), points([110, 140, 141, 140]), pairs, 300.0)


def test_points_are_told_alike_for_stills_and_films():
    grey = still(photo(2)).grey
    both = image_local.seen(grey)
    (plain, mirror), (film, film_mirror) = (m.probe_fingerprints(grey, both) for m in (image_local, image_film))
    assert len(plain) == len(film) > len(mirror) == len(film_mirror) > 100
    # The same signatures, in film's form behind three bytes of the cell; its places in steps of a 255th of the sides.
    assert (plain.payload[:, :12] == film.payload[:, 3:15]).all()
    place = image_local.places(plain.payload, 255.0, 255.0)
    assert np.abs(place.x - film.payload[:, 15]).max() <= 0.51 and np.abs(place.y - film.payload[:, 16]).max() <= 0.51


def test_agreement_by_chance_is_no_surprise():
    assert surprise(3, 0.5) == 0.0 and surprise(12, 9.0) < 1.0
    assert surprise(30, 0.5) > 20 and surprise(30, 0.5) > surprise(30, 4.0)


def test_points_that_look_alike_are_one_of_a_kind_together():
    rng = np.random.default_rng(3)
    signatures = rng.integers(0, 256, (40, 16), np.uint8)
    signatures[:20] = signatures[0]
    zeros = np.zeros(40, np.float32)
    points = image_local.Points(np.arange(40, dtype=np.float32) * 20, zeros, zeros + 4, zeros, np.zeros((40, 0), np.float32))
    assert distinct(signatures, points, np.arange(20, 40)) == 1.0
    assert distinct(signatures, points, np.arange(20)) == pytest.approx(1 / 20)
    assert distinct(signatures, points, np.zeros(0, np.int64)) == 1.0


def test_what_repeats_itself_tells_less_and_a_mark_of_both_less_still():
    assert told(40.0, 1.0) == 40.0
    assert told(40.0, 0.2) < 10.0
    assert told(3.0, 0.1) == 3.0, "too few points to tell"
    assert mark(0.1, 0.3) > mark(0.3, 0.3) > mark(0.5, 0.3) == 0.0
    assert mark(0.1, 1.0) == 0.0


def test_a_caption_that_both_bear_names_nobody():
    def captioned(seed: int) -> UInt8:
        pixels = photo(seed)
        for words, y in (("MONDAY AGAIN", 50), ("NEVER THE CAT", 305)):
            for colour, thick in ((0, 12), (255, 4)):
                cv2.putText(pixels, words, (24, y), cv2.FONT_HERSHEY_DUPLEX, 1.7, (colour,) * 3, thick, cv2.LINE_AA)
        return pixels

    works = [(f"w{i}", (IMAGE.features(still(captioned(i))),)) for i in range(4)]
    index = MemoryIndex(works, SCHEMES)
    assert found(index, captioned(2)) == ["w2"]
    for seed in (50, 51, 52):
        assert found(index, captioned(seed)) == []


def test_unrelated_points_have_no_placement_of_note():
    a, b = (image_local.work_fingerprint(still(photo(s)).grey).payload for s in (30, 31))
    from fingerprint.image_plane import distances

    far = distances(a[:, :16], b[:, :16])
    assert np.array_equal(far, hamming(a[:, None, :16], b[None, :, :16]))
    placement = place(image_local.places(a, 480, 320), image_local.places(b, 480, 320), far, 577.0)
    assert placement is None or placement.surprise < 3


# Known answers: a changed bit is a new scheme


def gradient_picture() -> UInt8:
    """Integers only, so that every platform makes the same one."""
    y, x = np.mgrid[0:256, 0:256]
    return np.asarray(((x * x // 97 + y * y // 61 + x * y // 83 + 40 * ((x // 32 + y // 48) % 3)) % 256), np.uint8)


def digest(columns: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(columns).tobytes()).hexdigest()[:16]


def test_known_answer_whole():
    made = image_views.work_fingerprint(gradient_picture())
    assert (digest(made.payload[:1]), digest(made.keys[:1])) == WHOLE_ANSWER


def test_known_answer_layout():
    made = image_layout.work_fingerprint(gradient_picture())
    assert (digest(made.payload[:2]), digest(made.keys[:2])) == LAYOUT_ANSWER


def test_known_answer_local():
    steps = (np.arange(40)[:, None] * 37 + np.arange(128)[None, :] * 11 + np.arange(128)[None, :] ** 2) % 101
    root = np.sqrt(steps / steps.sum(axis=1, keepdims=True)).astype(np.float32)
    assert (digest(image_local.keys(root)), digest(image_local.signatures(root))) == LOCAL_ANSWER


def test_known_answer_small():
    assert digest(image_pixels.work_fingerprint(gradient_picture()).payload[:32]) == SMALL_ANSWER


WHOLE_ANSWER = ("4bd295a8ee43dadc", "2ac5c73fcd97b67d")
LAYOUT_ANSWER = ("da78857e7fdf2d94", "c573771d356771eb")
LOCAL_ANSWER = ("a2d6ba716773e5ea", "2b5c7478c2875a52")
SMALL_ANSWER = "f8e600f8610ff18c"


# Files


def near(path: Path, pixels: UInt8) -> float:
    """Mean difference in grey levels of the decoded file from these pixels, at 64 x 64."""
    ours = cv2.resize(decode(path).grey, (64, 64), interpolation=cv2.INTER_AREA).astype(int)
    grey = still(pixels).grey
    return float(np.abs(ours - cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA)).mean())


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".tiff", ".bmp", ".avif", ".jp2"])
def test_formats(tmp_path, suffix):
    path = tmp_path / f"still{suffix}"
    Image.fromarray(photo(1)).save(path)
    made = decode(path)
    assert (made.width, made.height) == (480, 320) and near(path, photo(1)) < 6


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "YCbCr", "LAB", "1", "I", "F"])
def test_modes(tmp_path, mode):
    path = tmp_path / ("still.jpg" if mode in ("CMYK", "YCbCr") else "still.tiff")
    Image.fromarray(photo(1)).convert("L" if mode in ("1", "I", "F") else "RGB").convert(mode).save(path)
    assert near(path, photo(1)) < (12 if mode != "1" else 25)


def test_sixteen_bits(tmp_path):
    grey = still(photo(1)).grey
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), grey.astype(np.uint16) * 257)
    assert near(path, photo(1)) < 2


def test_transparency_lies_on_neutral_grey(tmp_path):
    pixels = np.zeros((100, 100, 4), np.uint8)
    pixels[:50, :, 3] = 255
    path = tmp_path / "alpha.png"
    Image.fromarray(pixels).save(path)
    grey = decode(path).grey
    assert grey[10, 10] == 0 and grey[90, 90] == 128


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(tmp_path, orientation):
    upright = photo(1)
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.transpose(1, 0, 2),
        6: np.rot90(upright), 7: upright[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    path = tmp_path / "camera.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, quality=95)
    assert (decode(path).width, decode(path).height) == (480, 320) and near(path, upright) < 3


def test_a_large_jpeg_is_decoded_small_and_hashes_alike(tmp_path):
    large = cv2.resize(photo(1), (3000, 2000), interpolation=cv2.INTER_CUBIC)
    path = tmp_path / "large.jpg"
    Image.fromarray(large).save(path)
    made = decode(path)
    assert (made.width, made.height) == (3000, 2000) and max(made.grey.shape) == 640
    full = image_views.work_fingerprint(still(cv2.resize(large, (640, 427), interpolation=cv2.INTER_AREA)).grey)
    assert int(hamming(image_views.work_fingerprint(made.grey).payload[:1], full.payload[:1])[0]) <= 4


def test_one_pixel(tmp_path, index):
    path = tmp_path / "dot.png"
    Image.new("RGB", (1, 1), (9, 9, 9)).save(path)
    assert found(index, decode(path).grey) == []
    assert all(len(f) == 0 or f.scheme == "image.small.1" for f in IMAGE.features(decode(path)).fingerprints)


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1), (3, 3), (20, 2000)])
def test_odd_shapes(index, shape):
    grey = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert found(index, grey[:640, :640]) == []


def bomb(path: Path, side: int) -> Path:
    """A black PNG of side x side pixels: 30,000 x 30,000 take a hundred kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(1 + side // 8) * 1000) for _ in range(side // 1000)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("side", [12_000, 30_000])
def test_a_bomb_is_refused(tmp_path, side):
    with pytest.raises(UnreadableMedia, match="pixels") as caught:
        decode(bomb(tmp_path / "bomb.png", side))
    assert caught.value.code == "too-large"


def test_a_truncated_jpeg_is_salvaged_or_refused(tmp_path):
    whole = tmp_path / "whole.jpg"
    Image.fromarray(photo(1)).save(whole)
    data = whole.read_bytes()
    most, little = tmp_path / "most.jpg", tmp_path / "little.jpg"
    most.write_bytes(data[: int(len(data) * 0.8)])
    little.write_bytes(data[: int(len(data) * 0.2)])
    made = decode(most)
    assert (made.width, made.height) == (480, 320) and made.grey[:100].std() > 20
    with pytest.raises(UnreadableMedia, match="cut off") as caught:
        decode(little)
    assert caught.value.code == "truncated"


@pytest.mark.parametrize("name", ["text.jpg", "noise.png", "head.webp"])
def test_what_is_no_picture_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes({"text.jpg": b"Once upon a time. " * 90, "noise.png": bytes(range(256)) * 9, "head.webp": b"RIFF"}[name])
    with pytest.raises(UnreadableMedia):
        decode(path)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".gif", ".tiff", ".bmp", ".jpg", ".avif"])
def test_damage_is_refused_or_survived(tmp_path, suffix):
    whole = tmp_path / f"whole{suffix}"
    Image.fromarray(photo(1, 160, 120)).save(whole)
    data = whole.read_bytes()
    rng = np.random.default_rng(7)
    for trial in range(12):
        hurt = bytearray(data[: int(len(data) * (1.0 if trial % 2 else rng.uniform(0.05, 0.95)))])
        for at in rng.integers(0, len(hurt), 6):
            hurt[at] = int(rng.integers(0, 256))
        path = tmp_path / f"hurt{trial}{suffix}"
        path.write_bytes(bytes(hurt))
        try:
            IMAGE.features(decode(path))
        except UnreadableMedia as error:
            assert len(error.reason) > 20


# Films


def test_a_still_names_the_second_of_a_film():
    frames = np.stack([cv2.resize(still(photo(s)).grey, (64, 64), interpolation=cv2.INTER_AREA) for s in range(60, 80)])
    stored = make(WHOLE, np.arange(20, dtype=np.int32) * 50, hashes(coefficients(frames)))
    film = Part("film", (10.0,), (stored,))
    output = IMAGE.probes(still(photo(67)))
    alignment = Alignment(0, WHOLE.name, "", 1.0, 350.0, 1.0, np.array([0], np.int32), np.array([350], np.int32))
    (evidence,) = IMAGE.compare(output, film, alignment)
    assert evidence.work_span[0] == 3.5 and evidence.work_span[1] > 3.5
    assert evidence.output_span == pytest.approx((0, 0, 480, 320)) and evidence.strength > 5
    foreign = IMAGE.probes(still(photo(90)))
    assert image_film.compare(foreign, film, alignment) == []


def test_a_film_in_the_registry_is_found_by_a_still():
    frames = np.stack([cv2.resize(still(photo(s)).grey, (64, 64), interpolation=cv2.INTER_AREA) for s in range(60, 80)])
    stored: Fingerprint = make(WHOLE, np.arange(20, dtype=np.int32) * 50, hashes(coefficients(frames)))
    index = MemoryIndex([("film", (Part("film", (10.0,), (stored,)),))], SCHEMES)
    report = scan_media("o", Media("image", "", (IMAGE.probes(still(cv2.resize(photo(67), (120, 80)))),)), index)
    assert [m.work_id for m in report.matches if m.listed] == ["film"]


# The lineup's hardest negatives, when it is there


@pytest.mark.skipif(not LINEUP.exists(), reason="the lineup is not here")
def test_another_photograph_of_the_same_object_names_nobody():
    index = MemoryIndex([("toy", (IMAGE.features(decode(LINEUP / "works/i0199.jpg")),))], SCHEMES)
    assert found(index, decode(LINEUP / "outputs/q0096.jpg").grey) == []
