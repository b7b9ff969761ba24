"""Portable fingerprint files: a round trip, nothing of the media inside, and every damage refused in one sentence."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerprint import portable
from fingerprint.errors import BadFingerprint, UnreadableMedia
from fingerprint.features import Media, Part, pack
from fingerprint.portable import PREFIX, is_portable, pack_media, unpack_media
from tests.registry_makers import BANDED, EXACT, SCHEMES, exact, random_media


def media() -> Media:
    return dataclasses.replace(random_media(5), tags={"title": "Line\nbreak \N{SNOWMAN}"})


def same(a: Media, b: Media) -> None:
    assert (a.medium, a.sha256, a.tags) == (b.medium, b.sha256, b.tags)
    for left, right in zip(a.parts, b.parts, strict=True):
        assert (left.medium, left.extent) == (right.medium, right.extent)
        for f, g in zip(left.fingerprints, right.fingerprints, strict=True):
            assert f.scheme == g.scheme
            np.testing.assert_array_equal(f.keys, g.keys)
            np.testing.assert_array_equal(f.positions, g.positions)
            np.testing.assert_array_equal(f.payload, g.payload)


def test_written_and_read_again(tmp_path: Path):
    path = tmp_path / "song.fp"
    portable.write(media(), path, SCHEMES)
    same(portable.read(path, SCHEMES), media())
    assert is_portable(path)
    assert [p.name for p in tmp_path.iterdir()] == ["song.fp"]


def test_equal_media_give_equal_bytes_that_never_change():
    data = pack_media(media(), SCHEMES)
    assert data == pack_media(media(), SCHEMES)
    head, columns = head_and_columns(data)
    # zlib may pack differently elsewhere: what is held still is the layout and what is inside.
    assert {k: v for k, v in head.items() if k not in ("body", "parts")} == {
        "medium": "film", "sha256": f"{5:064x}", "tags": {"title": "Line\nbreak \N{SNOWMAN}"},
    }  # fmt: skip
    assert hashlib.sha256(columns).hexdigest() == "2b2d9a9708a2facca6c4c44bb6d1cd03981108a1207a0867bbd92521afd9a0e1"


def head_and_columns(data: bytes) -> tuple[dict, bytes]:
    _, _, size = PREFIX.unpack_from(data)
    head = json.loads(data[PREFIX.size : PREFIX.size + size])
    at, columns = PREFIX.size + size, []
    for part in head["parts"]:
        for f in part["fingerprints"]:
            packed = data[at : at + f["bytes"]]
            inner = int.from_bytes(packed[:4], "little")
            columns.append(packed[4 : 4 + inner] + zlib.decompress(packed[4 + inner :]))
            at += f["bytes"]
    return head, b"".join(columns)


def rebuilt(head: dict, body: bytes) -> bytes:
    """A portable file whose head has been tampered with."""
    head = head | {"body": hashlib.sha256(body).hexdigest()}
    text = json.dumps(head).encode()
    return PREFIX.pack(portable.MAGIC, portable.FORMAT, len(text)) + text + body


def parts_of(data: bytes) -> tuple[dict, bytes]:
    _, _, size = PREFIX.unpack_from(data)
    return json.loads(data[PREFIX.size : PREFIX.size + size]), data[PREFIX.size + size :]


def test_tampering_with_the_control_is_noticed_by_the_reader():
    same(unpack_media(rebuilt(*parts_of(pack_media(media(), SCHEMES))), SCHEMES), media())


TAMPERED = {
    "medium": {"medium": "smell"},
    "sha256": {"sha256": "not a digest"},
    "tags": {"tags": {"title": 5}},
    "tags no table": {"tags": ["title"]},
    "many tags": {"tags": {str(i): "" for i in range(1000)}},
    "no parts": {"parts": []},
    "parts no list": {"parts": 7},
    "parts nothing": {"parts": None},
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_head_that_lies_is_refused(change: dict):
    head, body = parts_of(pack_media(media(), SCHEMES))
    with pytest.raises(BadFingerprint, match="damaged"):
        unpack_media(rebuilt(head | change, body), SCHEMES)


@pytest.mark.parametrize(
    ("name", "value"), [("scheme", BANDED.name), ("n", 7), ("bytes", 10**12), ("bytes", -1), ("bytes", True), ("bytes", "x")]
)
def test_a_row_that_lies_is_refused(name: str, value: object):
    head, body = parts_of(pack_media(media(), SCHEMES))
    head["parts"][1]["fingerprints"][0][name] = value
    with pytest.raises(BadFingerprint, match="damaged"):
        unpack_media(rebuilt(head, body), SCHEMES)


@pytest.mark.parametrize("extent", [[], [-1.0], [1e300], ["x"], [None], [1.0, 2.0, 3.0], "12", 5])
def test_an_impossible_extent_is_refused(extent: object):
    head, body = parts_of(pack_media(media(), SCHEMES))
    head["parts"][0]["extent"] = extent
    with pytest.raises(BadFingerprint, match="damaged"):
        unpack_media(rebuilt(head, body), SCHEMES)


def one(f_bytes: bytes, scheme: str, n: int) -> bytes:
    row = {"scheme": scheme, "n": n, "bytes": len(f_bytes)}
    parts = [{"medium": "audio", "extent": [1.0], "fingerprints": [row]}]
    return rebuilt({"medium": "audio", "sha256": "0" * 64, "tags": {}, "parts": parts}, f_bytes)


def inner(head: object, body: bytes) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return len(text).to_bytes(4, "little") + text + zlib.compress(body)


BAD_INNER = {
    "bomb": inner({"scheme": EXACT.name, "n": 10, "keys": 1, "payload": 0}, bytes(50_000_000)),
    "huge": inner({"scheme": EXACT.name, "n": 10**9, "keys": 1, "payload": 0}, b""),
    "infinite": inner(b'{"scheme": "test.exact.1", "n": Infinity, "keys": 1, "payload": 0}', b""),
    "nested": inner(b"[" * 100_000, b""),
    "falling positions": pack(exact([1, 2], [5, 3]), EXACT),
    "negative positions": pack(exact([1, 2], [-5, 3]), EXACT),
    "wrong payload": inner({"scheme": BANDED.name, "n": 1, "keys": 0, "payload": 3}, bytes(7)),
    "no keys": inner({"scheme": EXACT.name, "n": 1, "keys": 0, "payload": 0}, bytes(4)),
    "many keys": inner({"scheme": EXACT.name, "n": 1, "keys": 9, "payload": 0}, bytes(76)),
    "empty": b"",
}


@pytest.mark.parametrize("data", BAD_INNER.values(), ids=BAD_INNER.keys())
def test_a_hostile_fingerprint_is_refused(data: bytes):
    scheme = BANDED.name if BANDED.name.encode() in data else EXACT.name
    n = 2 if b'"n":2' in data else 10 if b'"n": 10,' in data else 1
    with pytest.raises(BadFingerprint, match="damaged"):
        unpack_media(one(data, scheme, n), SCHEMES)


def test_an_unknown_scheme_asks_for_an_upgrade():
    with pytest.raises(BadFingerprint, match="upgrade Byline"):
        unpack_media(pack_media(media(), SCHEMES), {})


def test_a_newer_format_asks_for_an_upgrade():
    data = bytearray(pack_media(media(), SCHEMES))
    data[8] += 1
    with pytest.raises(BadFingerprint, match="newer version"):
        unpack_media(bytes(data), SCHEMES)


GOOD = pack_media(media(), SCHEMES)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, len(GOOD) - 1), bit=st.integers(0, 7), cut=st.integers(0, len(GOOD) - 1))
def test_every_flipped_bit_and_every_cut_is_refused(place: int, bit: int, cut: int):
    data = bytearray(GOOD)
    data[place] ^= 1 << bit
    for damaged in (bytes(data), GOOD[:cut], GOOD + b"x"):
        try:
            found = unpack_media(damaged, SCHEMES)
        except BadFingerprint:
            continue
        # A flipped bit in the head may leave a valid head; never other fingerprints.
        same(dataclasses.replace(found, medium="film", sha256=media().sha256, tags=media().tags, parts=()),
             dataclasses.replace(media(), parts=()))  # fmt: skip
        for part, expected in zip(found.parts, media().parts, strict=True):
            same(Media("", "", (Part("", (), part.fingerprints),)), Media("", "", (Part("", (), expected.fingerprints),)))


def test_files_that_are_none_are_refused_with_their_name(tmp_path: Path):
    text = tmp_path / "text.fp"
    text.write_text("hello")
    assert not is_portable(text)
    with pytest.raises(BadFingerprint, match=r"text\.fp: this is no portable fingerprint"):
        portable.read(text, SCHEMES)
    with pytest.raises(UnreadableMedia, match="no such file"):
        portable.read(tmp_path / "missing.fp", SCHEMES)
    with (tmp_path / "large.fp").open("wb") as file:
        file.truncate(portable.MAX_FILE_BYTES + 1)
    with pytest.raises(BadFingerprint, match="larger than any"):
        portable.read(tmp_path / "large.fp", SCHEMES)


def test_probes_are_not_written():
    probe = Media("audio", "0" * 64, (Part("audio", (1.0,), (dataclasses.replace(exact([1]), variant="mirror"),)),))
    with pytest.raises(ValueError, match="is a probe"):
        pack_media(probe, SCHEMES)
