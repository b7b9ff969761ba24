"""The portable fingerprint file (`.fp`): all that was computed from a media file and nothing of it; read with suspicion.

Layout: b"BYLINEFP", version uint16, head length uint32 (little-endian), the head as JSON, then the packed fingerprints one
after the other. The head holds medium, sha256 of the source's bytes, tags, and for each part its medium, extent and the
scheme, number of features and packed size of each fingerprint; and the sha256 of all that follows the head.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import fingerprint
from fingerprint.errors import BadFingerprint
from fingerprint.features import (
    FORMAT,
    MAGIC,
    MAX_UNPACKED_BYTES,
    Fingerprint,
    Media,
    Part,
    Scheme,
    json_head,
    newest,
    pack,
    payload_width,
    unpack,
)
from fingerprint.streams import check_file

SUFFIX = ".fp"
MEDIA = ("film", "audio", "text", "image")
PREFIX = struct.Struct("<8sHI")
MAX_FILE_BYTES = 256 << 20
MAX_HEAD_BYTES = 1 << 20
MAX_FINGERPRINTS = 256
MAX_TAGS = 64
MAX_TAG_LENGTH = 10_000
MAX_EXTENT = 1e10
DAMAGED = "the portable fingerprint is damaged; ask for it again"


def is_portable(head: bytes | Path) -> bool:
    """Whether these first bytes, or this file's, are those of a portable fingerprint."""
    if isinstance(head, Path):
        check_file(head)
        with head.open("rb") as file:
            head = file.read(len(MAGIC))
    return head.startswith(MAGIC)


def pack_media(media: Media, schemes: Mapping[str, Scheme] | None = None) -> bytes:
    """The bytes of a portable file; equal media give equal bytes."""
    known = fingerprint.schemes() if schemes is None else schemes
    packed: list[bytes] = []
    parts = []
    for part in media.parts:
        rows = []
        for f in part.fingerprints:
            if f.variant:
                raise ValueError(f"variant {f.variant!r} of {f.scheme} is a probe; a portable file holds features")
            packed.append(pack(f, known[f.scheme]))
            rows.append({"scheme": f.scheme, "n": len(f), "bytes": len(packed[-1])})
        parts.append({"medium": part.medium, "extent": [float(x) for x in part.extent], "fingerprints": rows})
    body = b"".join(packed)
    head = {
        "medium": media.medium, "sha256": media.sha256, "tags": dict(media.tags), "parts": parts,
        "body": hashlib.sha256(body).hexdigest(),
    }  # fmt: skip
    text = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    return PREFIX.pack(MAGIC, FORMAT, len(text)) + text + body


def unpack_media(data: bytes, schemes: Mapping[str, Scheme] | None = None) -> Media:
    """The Media in the bytes of a portable file, older schemes converted where that can be done from their columns alone.

    Raises BadFingerprint; trusts nothing it reads.
    """
    head, body = _opened(data)
    known = fingerprint.schemes() if schemes is None else schemes
    try:
        return _media(head, body, known)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError, struct.error) as error:
        raise BadFingerprint(DAMAGED) from error


def write(media: Media, path: Path, schemes: Mapping[str, Scheme] | None = None) -> None:
    """Writes the portable file, whole or not at all."""
    data = pack_media(media, schemes)
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Path, schemes: Mapping[str, Scheme] | None = None) -> Media:
    """The Media in a portable file. Raises BadFingerprint, or UnreadableMedia when the file cannot be opened."""
    size = check_file(path)
    try:
        if size > MAX_FILE_BYTES:
            raise BadFingerprint("the portable fingerprint is larger than any that Byline makes; ask for it again")
        return unpack_media(path.read_bytes(), schemes)
    except BadFingerprint as error:
        raise BadFingerprint(f"{path}: {error}") from error


def _opened(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The head, and the body when it is the one the head speaks of."""
    if len(data) < PREFIX.size or not data.startswith(MAGIC):
        raise BadFingerprint("this is no portable fingerprint; make one with byline fingerprint")
    _, version, size = PREFIX.unpack_from(data)
    if version != FORMAT:
        raise BadFingerprint("the portable fingerprint is of a newer version of Byline; upgrade Byline")
    text, body = data[PREFIX.size : PREFIX.size + size], data[PREFIX.size + size :]
    try:
        head = json.loads(text) if size <= MAX_HEAD_BYTES else None
    except (ValueError, RecursionError) as error:
        raise BadFingerprint(DAMAGED) from error
    if not isinstance(head, dict) or head.get("body") != hashlib.sha256(body).hexdigest():
        raise BadFingerprint(DAMAGED)
    return head, body


def _media(head: dict[str, Any], body: bytes, schemes: Mapping[str, Scheme]) -> Media:
    rows = [f for part in head["parts"] for f in part["fingerprints"]]
    _check(0 < len(rows) <= MAX_FINGERPRINTS and sum(_size(f["bytes"]) for f in rows) == len(body))
    _check(head["medium"] in MEDIA and len(head["sha256"]) == 64 and not set(head["sha256"]) - set("0123456789abcdef"))
    parts, start, room = [], 0, MAX_UNPACKED_BYTES
    for part in head["parts"]:
        found = []
        for f in part["fingerprints"]:
            packed = body[start : start + f["bytes"]]
            start += f["bytes"]
            room -= _unpacked_bytes(packed)
            _check(room >= 0)
            found.append(newest(_fingerprint(packed, f["scheme"], f["n"], schemes), schemes))
        _check(part["medium"] in MEDIA and len({f.scheme for f in found}) == len(found))
        parts.append(Part(part["medium"], _extent(part["extent"]), tuple(found)))
    return Media(head["medium"], head["sha256"], tuple(parts), _tags(head["tags"]))


def _check(holds: bool) -> None:
    if not holds:
        raise BadFingerprint(DAMAGED)


def _size(value: object) -> int:
    _check(type(value) is int and 0 <= value <= MAX_FILE_BYTES)
    return int(str(value))


def _unpacked_bytes(packed: bytes) -> int:
    """What this fingerprint claims to need in memory, its keys derived."""
    claimed = json.loads(json_head(packed)[:1000])
    return int(claimed["n"]) * (4 + 8 * int(claimed["keys"]) + 4 * payload_width(claimed))


def _fingerprint(packed: bytes, name: str, n: int, schemes: Mapping[str, Scheme]) -> Fingerprint:
    """One fingerprint, if its columns are what its scheme says."""
    found = unpack(packed, schemes)
    scheme = schemes[found.scheme]
    width = 0 if found.payload is None else found.payload.shape[1]
    _check(found.scheme == name and len(found) == n and width == scheme.payload_width)
    _check(found.keys.shape[1] > 0 or not scheme.indexed or not n)
    _check(scheme.derive is not None or found.keys.shape[1] <= 1)
    _check(bool(np.all(np.diff(found.positions) >= 0)) and (not n or found.positions[0] >= 0))
    return found


def _extent(values: object) -> tuple[float, ...]:
    if not isinstance(values, list):
        raise BadFingerprint(DAMAGED)
    extent = tuple(float(x) for x in values)
    _check(1 <= len(extent) <= 2 and all(math.isfinite(x) and 0 <= x <= MAX_EXTENT for x in extent))
    return extent


def _tags(tags: dict[str, Any]) -> dict[str, str]:
    _check(len(tags) <= MAX_TAGS and all(isinstance(v, str) and len(k) + len(v) <= MAX_TAG_LENGTH for k, v in tags.items()))
    return tags
