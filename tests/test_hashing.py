"""What the media share: mixing, banding, distances, winnowing, packing."""

import dataclasses
import hashlib
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fingerprint.errors import BadFingerprint
from fingerprint.features import Scheme, cut, make, pack, unpack
from fingerprint.hashing import band_keys, hamming, mix, unmix, winnow

EXACT = Scheme("test.exact.1", "audio", 0.01, payload_width=3)
BANDED = Scheme("test.banded.1", "film", 0.01, payload_width=8, derive=lambda p: band_keys(p, "test.banded.1"))
TABLE = {s.name: s for s in (EXACT, BANDED)}


def test_known_answers_hold_the_keys_still():
    keys = mix(np.arange(4), "test.exact.1")
    assert hashlib.sha256(keys.astype("<i8").tobytes()).hexdigest()[:16] == KEYS
    bands = band_keys(np.arange(32, dtype=np.uint8).reshape(2, 16), "test.banded.1")
    assert hashlib.sha256(bands.astype("<i8").tobytes()).hexdigest()[:16] == BANDS


KEYS = "8837f14eaf153d78"
BANDS = "1251a67e9e96544d"


def test_schemes_never_share_keys():
    assert not set(mix(np.arange(1000), "a.1").tolist()) & set(mix(np.arange(1000), "a.2").tolist())


def test_mixing_can_be_undone():
    values = np.random.default_rng(4).integers(-(2**63), 2**63 - 1, 500, dtype=np.int64)
    assert (unmix(mix(values, "a.1"), "a.1") == values).all() and (unmix(mix(values, "a.1"), "a.2") != values).all()


def test_a_shared_band_is_a_shared_key():
    a = np.random.default_rng(2).integers(0, 256, (1, 32), dtype=np.uint8)
    b = ~a
    b[0, 6:8] = a[0, 6:8]
    same = band_keys(a, "x") == band_keys(b, "x")
    assert same.shape == (1, 16)
    assert same[0].nonzero()[0].tolist() == [3]


def test_hamming():
    a = np.array([[0, 255], [1, 1]], np.uint8)
    assert hamming(a, np.zeros((1, 2), np.uint8)).tolist() == [8, 2]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 12))
def test_winnowing_chooses_in_every_window(values, window):
    hashes = np.array(values, np.int64)
    chosen = winnow(hashes, window)
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    for start in range(max(1, len(values) - window + 1)):
        inside = chosen[(chosen >= start) & (chosen < start + window)]
        least = hashes[start : start + window].min()
        assert least in hashes[inside]


def test_a_shared_run_gives_a_shared_choice():
    dice = np.random.default_rng(3)
    run = dice.integers(0, 2**60, 12)
    for _ in range(50):
        a = np.concatenate([dice.integers(0, 2**60, dice.integers(0, 20)), run, dice.integers(0, 2**60, 7)])
        b = np.concatenate([dice.integers(0, 2**60, dice.integers(0, 20)), run, dice.integers(0, 2**60, 3)])
        assert set(a[winnow(a, 12)].tolist()) & set(b[winnow(b, 12)].tolist()) & set(run.tolist())


def example():
    dice = np.random.default_rng(4)
    positions = np.cumsum(dice.integers(0, 9, 500)).astype(np.int32)
    return make(EXACT, positions, dice.integers(0, 256, (500, 3), dtype=np.uint8), dice.integers(-(2**62), 2**62, 500))


@pytest.mark.parametrize("scheme", [EXACT, BANDED])
def test_packing_gives_back_the_same_columns(scheme):
    f = example()
    if scheme is BANDED:
        f = make(BANDED, f.positions, np.random.default_rng(5).integers(0, 256, (500, 8), dtype=np.uint8))
    g = unpack(pack(f, scheme), TABLE)
    for name in ("scheme", "variant"):
        assert getattr(f, name) == getattr(g, name)
    for name in ("keys", "positions", "payload"):
        assert np.array_equal(getattr(f, name), getattr(g, name))


def test_a_payload_that_hardly_packs_stands_in_an_ordinary_zlib_stream_as_it_is():
    f = example()
    packed = pack(f, EXACT)
    body = zlib.decompress(packed[4 + int.from_bytes(packed[:4], "little") :])
    payload = f.payload.T.tobytes()
    assert body.endswith(payload) and payload in packed
    alike = dataclasses.replace(f, payload=f.payload // 64)
    assert alike.payload.T.tobytes() not in pack(alike, EXACT)
    assert np.array_equal(unpack(pack(alike, EXACT), TABLE).payload, alike.payload)


@pytest.mark.parametrize(("positions", "bytes_a_step"), [([0, 5, 260], 1), ([0, 5, 261], 4), ([-1, 5, 6], 4), ([7, 5, 6], 4)])
def test_positions_come_back_from_steps_of_one_byte_or_four(positions, bytes_a_step: int):
    f = make(EXACT, np.array(positions, np.int32), np.zeros((3, 3), np.uint8), np.arange(3))
    packed = pack(f, EXACT, brief=True)
    assert len(zlib.decompress(packed[4 + int.from_bytes(packed[:4], "little") :])) == 3 * (bytes_a_step + 8 + 3)
    for data in (packed, pack(f, EXACT)):
        again = unpack(data, TABLE)
        assert all(np.array_equal(getattr(again, name), getattr(f, name)) for name in ("keys", "positions", "payload"))


@given(st.data())
def test_damaged_bytes_are_refused_not_crashed_on(data):
    packed = bytearray(pack(example(), EXACT))
    if data.draw(st.booleans()):
        packed = packed[: data.draw(st.integers(0, len(packed) - 1))]
    else:
        packed[data.draw(st.integers(0, 60))] ^= data.draw(st.integers(1, 255))
    try:
        unpack(bytes(packed), TABLE)
    except BadFingerprint as error:
        assert "damaged" in str(error) or "unknown" in str(error)


def test_unknown_scheme_is_named():
    other = dataclasses.replace(EXACT, name="test.future.9")
    with pytest.raises(BadFingerprint, match=r"test\.future\.9"):
        unpack(pack(dataclasses.replace(example(), scheme="test.future.9"), other), TABLE)


def test_a_head_without_end_is_refused():
    packed = pack(example(), EXACT)
    size = int.from_bytes(packed[:4], "little")
    padded = packed[4 : 4 + size] + b" " * (1 << 13)
    with pytest.raises(BadFingerprint, match="head"):
        unpack(len(padded).to_bytes(4, "little") + padded + packed[4 + size :], TABLE)


def test_a_claimed_size_is_not_believed():
    packed = pack(example(), EXACT)
    with pytest.raises(BadFingerprint):
        unpack(packed.replace(b'"n":500', b'"n":5e9'), TABLE)


def test_payloads_of_the_first_version_are_read_row_by_row():
    f = example()
    columns = np.diff(f.positions, prepend=np.int32(0)).astype("<i4").tobytes() + f.keys.astype("<i8").tobytes()
    head = b'{"keys":1,"n":500,"payload":3,"scheme":"test.exact.1"}'
    old = unpack(len(head).to_bytes(4, "little") + head + zlib.compress(columns + f.payload.tobytes()), TABLE)
    new = unpack(pack(f, EXACT), TABLE)
    assert (old.payload == f.payload).all() and (new.payload == f.payload).all() and (old.keys == new.keys).all()


@pytest.mark.parametrize(
    "head",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"scheme":"test.exact.1","n":1e999,"keys":1,"payload":3}',
        b'{"scheme":"test.exact.1","n":Infinity,"keys":1,"payload":3}',
        b'{"scheme":"test.exact.1","n":NaN,"keys":1,"payload":3}',
        b'{"scheme":"test.exact.1","n":' + b"9" * 5000 + b',"keys":1,"payload":3}',
        b'{"scheme":"test.exact.1","n":0,"keys":0,"payload":' + b"9" * 4000 + b"}",
        b'{"scheme":"test.exact.1","n":0,"keys":' + b"9" * 4000 + b',"payload":0}',
        b"[]",
        b"\xff\xfe",
    ],
)
def test_a_hostile_head_is_refused(head):
    with pytest.raises(BadFingerprint):
        unpack(len(head).to_bytes(4, "little") + head + zlib.compress(b""), TABLE)


def test_cut_keeps_positions():
    f = example()
    part = cut(f, 100, 200)
    assert len(part) and part.positions.min() >= 100 and part.positions.max() < 200
