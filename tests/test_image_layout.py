"""Layouts of stills: their keys, what an output tries of them, older registries, and how an overlay is judged."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fingerprint import image_likely
from fingerprint.features import Alignment, newest, pack, unpack
from fingerprint.hashing import UInt8, hamming
from fingerprint.image import IMAGE
from fingerprint.image_layout import (
    FARTHEST,
    FORMS,
    HASH_BYTES,
    KIND_COLUMN,
    LAYOUT,
    LAYOUT_NAME,
    MIRROR,
    OLD_LAYOUT,
    OLD_NAME,
    WIDE,
    apart,
    likely_forms,
    normalized,
    normalized_where,
    old_keys,
    probe_fingerprints,
    wide_bits,
    wide_keys,
    work_fingerprint,
)
from fingerprint.image_open import Still
from fingerprint.image_pixels import ELSEWHERE, laid, overlay, probe_fingerprint, work_maps
from fingerprint.image_pixels import work_fingerprint as small_copy
from fingerprint.pictures import hashes

SCHEMES = {s.name: s for s in IMAGE.schemes}
SIDEWAYS = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])


def drawing(seed: int, width: int = 240, height: int = 180) -> UInt8:
    """Grey picture uint8[h, w] of discs and bars, another one for each seed."""
    rng = np.random.default_rng(seed)
    field = cv2.resize(rng.integers(60, 200, (5, 7)).astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(25):
        x, y, r = (int(v) for v in rng.integers((0, 0, 6), (width, height, 40)))
        cv2.circle(field, (x, y), r, int(rng.integers(256)), -1)
    return np.asarray(field, np.uint8)


def test_every_bit_is_in_one_column_and_one_diagonal():
    assert WIDE.shape == (32, 16)
    for half in (WIDE[:16], WIDE[16:]):
        assert np.array_equal(np.sort(half.ravel()), np.arange(256))


def test_an_output_asks_for_every_key_of_its_own_layout():
    work, (plain, mirror) = work_fingerprint(drawing(1)), probe_fingerprints(drawing(1))
    assert work.keys.shape == (2, 64)
    assert all(np.isin(w, p).all() for w, p in zip(work.keys, plain.keys, strict=True))
    _, turned = probe_fingerprints(drawing(1)[:, ::-1].copy())
    assert (mirror.variant, turned.variant) == (MIRROR, MIRROR)
    assert np.isin(work.keys, turned.keys).mean() > 0.9  # but for rounding of a mirrored picture's coefficients


def test_bits_that_are_nearly_certain_are_tried_the_other_way_round():
    low = np.random.default_rng(2).normal(0, 10, (1, 16, 16)).astype(np.float32)
    payload = np.append(hashes(low), np.zeros((1, 1), np.uint8), axis=1)
    gap = np.abs(low.ravel() - np.median(low))
    asked = wide_keys(likely_forms(low, wide_bits(payload), FORMS), payload[:, KIND_COLUMN])
    for key in (3, 20):  # a column and a diagonal
        bits = np.unpackbits(payload[0, :HASH_BYTES])
        bits[WIDE[key][np.argsort(gap[WIDE[key]])[:2]]] ^= 1  # the two least certain
        other = LAYOUT.derive(np.append(np.packbits(bits), 0)[None].astype(np.uint8))[0, 32 + key]
        assert other != LAYOUT.derive(payload)[0, 32 + key] and np.isin(other, asked)


def test_kinds_and_versions_share_no_key():
    payload = np.zeros((2, 33), np.uint8)
    payload[1, KIND_COLUMN] = 1
    light, edges = LAYOUT.derive(payload)
    assert len(np.unique(np.concatenate([light, edges, *old_keys(payload)]))) == 2 * 64 + 2 * 32


def test_a_fingerprint_of_the_first_version_becomes_one_of_the_second():
    made = work_fingerprint(drawing(3))
    old = unpack(pack(made, LAYOUT).replace(LAYOUT_NAME.encode(), OLD_NAME.encode(), 1), SCHEMES)
    assert (old.scheme, old.keys.shape[1]) == (OLD_NAME, 32) and OLD_LAYOUT.successor == LAYOUT_NAME
    new = newest(old, SCHEMES)
    assert new.scheme == LAYOUT_NAME and np.array_equal(new.keys, made.keys) and np.array_equal(new.payload, made.payload)


def test_edges_alone_are_near_enough():
    rng = np.random.default_rng(4)
    output = np.zeros((2, 33), np.uint8)
    work = output.copy()
    work[0, :HASH_BYTES] = 255  # light is a negative
    work[1, :HASH_BYTES] = np.packbits(rng.permutation(256) < 60)
    both, edges = apart(output, work)
    assert (both.tolist(), edges.tolist()) == ([[FARTHEST]], [[60]])
    assert hamming(output[0, :HASH_BYTES], work[0, :HASH_BYTES]) == 256


def test_only_the_nearest_layouts_and_points_with_seeds_are_compared():
    def part(seed: int, how=IMAGE.features):
        return how(Still(drawing(seed), 240, 180))

    output, works = part(0, IMAGE.probes), [part(i) for i in range(30)]
    rows = np.arange(2, dtype=np.int32)
    layouts = [(w, Alignment(i, LAYOUT_NAME, "", 1.0, 0.0, 1.0, rows, rows)) for i, w in enumerate(works)]
    points = [(w, Alignment(i, "image.local.1", "", 1.0, 0.0, 1.0, rows, rows)) for i, w in enumerate(works)]
    kept = image_likely.likely(output, layouts)
    assert kept[0].fingerprint_id == 0 and len(kept) <= image_likely.MOST_LAYOUTS
    assert image_likely.likely(output, points) == []
    film = part(1)
    other = [(type(film)("film", (9.0,), ()), layouts[1][1])]
    assert image_likely.likely(output, other) == [layouts[1][1]]
    assert image_likely.likely(output, []) == []


def test_squares_are_normalized_together_as_each_alone():
    squares = np.stack([cv2.resize(drawing(i), (32, 32)) for i in range(2)])
    both = normalized_where(squares, np.ones((32, 32), np.float32))
    assert np.abs(both - np.stack([normalized(s) for s in squares])).max() < 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_chance_is_told_as_by_a_fourier_transform(seed: int):
    output, work = probe_fingerprint(drawing(seed)).payload, work_maps(small_copy(drawing(seed + 10)))
    own = laid(output, np.eye(3))
    seen = overlay(own, work)
    for kind, z, beyond in ((0, seen.light_z, seen.light), (1, seen.edges_z, seen.edges)):
        a, b = own.normal[kind].astype(np.float64), normalized_where(work, own.mask)[kind].astype(np.float64)
        size = np.sqrt((a**2).sum() * (b**2).sum())
        shifted = np.fft.irfft2(np.fft.rfft2(a) * np.conj(np.fft.rfft2(b)), s=a.shape) / size
        spread = np.sqrt((shifted[ELSEWHERE > 0] ** 2).mean())
        assert z == pytest.approx(beyond / max(spread, 0.03), rel=1e-3)
    same = overlay(own, own.maps)
    assert min(same.light, same.edges) > 0.999


def test_a_mirrored_drawing_is_laid_the_right_way():
    work = work_maps(small_copy(drawing(5)))
    output = probe_fingerprint(drawing(5)[:, ::-1].copy()).payload
    assert overlay(laid(output, SIDEWAYS), work).light > 0.95 > overlay(laid(output, np.eye(3)), work).light
