"""Fingerprint, Part and Media: what a file becomes. Columns, not objects; packed to bytes without pickle."""

from __future__ import annotations

import dataclasses
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from fingerprint.errors import BadFingerprint
from fingerprint.hashing import Int32, Int64, UInt8
from fingerprint.polygons import Polygon

Span = tuple[float, float]
Bool = npt.NDArray[np.bool_]
MAGIC = b"BYLINEFP"
FORMAT = 1
MAX_UNPACKED_BYTES = 1 << 30
WORTH_PACKING = 5 / 6  # of a payload's bytes; hashes pack to .89 and more, and unpack thirty times as fast as they are
FEW_COLUMNS = 8
MOST_HEAD = 1 << 12  # bytes; heads are kept, so a hostile one must not be long
ZLIB_HEAD, LAST_BLOCK = b"\x78\x9c", b"\x03\x00"  # of RFC 1950; an empty block of RFC 1951 that ends the stream


@dataclass(frozen=True)
class Scheme:
    """How one kind of fingerprint is made and laid out. A changed bit in what it gives means a new name.

    name            "audio.landmark.1": medium, method, version
    medium          of the part it describes
    tick            size of one position step: seconds for film and audio, code points for text, 1 (a row number) for stills
    payload_width   bytes per feature kept beside the key, 0 for none
    derive          payload uint8[n, k] -> keys int64[n, b], when keys follow from the payload (perceptual hashes): they
                    are then not stored in the fingerprint. None: keys are stored, one per feature.
    indexed         False: never looked up, only read by `compare` (a word stream, a colour layout)
    aligner         "line" (output position x scale + offset = work position), "plane" (2-D, stills), "band" (1-D: fingerprints
                    are chosen as by "line", their hits are left for `compare` to chain), "chain" (as matcher.chains), "none"
    scales          tempo ratios work/output that the line aligner tries
    tolerance       width of an offset bin, in ticks
    reach           widest gap inside one aligned run, in ticks
    least           fewest rows of a probe that make an aligned run
    farthest        bits in which the payloads of two rows that share a key may differ and still be aligned; 0: any. Where many
                    rows share a position, the most alike of them counts
    compared        [first, end) of the payload's bytes that this is about; an end of 0: payload_width
    most_hits       hits that one lookup may give before its commonest keys are passed over: they tell least
    enough          strength of evidence after which further placements of the same fingerprint on the same rows are not compared
    stored          False: made only of what is looked up, no work has it
    turn            0: looked up with all others; 1, 2, ...: after them, in this order, where those before have found no copy
    ground          name of the scheme whose rows its evidence rests on: what is claimed there is claimed here. "": its own
    optional        made of some works only, or where an extra is installed: a registered part without it is not out of date
    successor       name of the scheme that has taken its place: this one is read and no longer made. "": it is made
    convert         its fingerprint -> one of the successor, where that follows from the stored columns alone. None: only the
                    file itself gives it
    """

    name: str
    medium: str
    tick: float
    payload_width: int = 0
    derive: Callable[[UInt8], Int64] | None = None
    indexed: bool = True
    aligner: str = "line"
    scales: tuple[float, ...] = (1.0,)
    tolerance: float = 2.0
    reach: float = 1e9
    least: int = 2
    farthest: int = 0
    compared: tuple[int, int] = (0, 0)
    most_hits: int = 1 << 18
    enough: float = float("inf")
    stored: bool = True
    turn: int = 0
    ground: str = ""
    optional: bool = False
    successor: str = ""
    convert: Callable[[Fingerprint], Fingerprint] | None = None


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """One scheme's view of one part of a file, as columns of one length n. Equal only to itself.

    keys       int64[n, b]; b = 1 for exact keys, several for banded hashes, 0 for schemes that are not indexed
    positions  int32[n], in ticks of the scheme, rising
    payload    uint8[n, k] or None
    variant    "" as it is; a probe may say "mirror", "pitch+2"... : what was done to the output before this view
    leads      bool[n, b] of a probe: which keys are looked up in the whole registry, the others only in what those lead to.
               None: all of them
    whole      of a probe that holds only rows that lead: gives the same with all its rows. None: it holds them
    """

    scheme: str
    keys: Int64
    positions: Int32
    payload: UInt8 | None = None
    variant: str = ""
    leads: Bool | None = None
    whole: Callable[[], Fingerprint] | None = None

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True)
class Part:
    """One track of a file: its picture, its sound, its words.

    extent        (seconds,) for film and audio, (code points,) for text, (width, height) in pixels for stills
    fingerprints  what was computed; probes may hold several variants of one scheme
    """

    medium: str
    extent: tuple[float, ...]
    fingerprints: tuple[Fingerprint, ...]

    def of(self, scheme: str, variant: str = "") -> Fingerprint | None:
        """The fingerprint of that scheme and variant, or None."""
        return next((f for f in self.fingerprints if f.scheme == scheme and f.variant == variant), None)


@dataclass(frozen=True)
class Media:
    """A whole file: its medium, its parts (a film gives its picture, its sound and its subtitles), its tags.

    sha256 is of the file's bytes; tags are lower-case ("title", "artist") and may be empty.
    """

    medium: str
    sha256: str
    parts: tuple[Part, ...]
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def extent(self) -> tuple[float, ...]:
        """Of the leading part: (seconds,), (code points,) or (width, height)."""
        return self.parts[0].extent if self.parts else (0.0,)


@dataclass(frozen=True)
class Alignment:
    """Hits of one output part on one registered fingerprint that agree with one placement.

    Line: work_position = scale * output_position + offset, in ticks. Plane: `transform` float64[2, 3] takes output pixels
    to work pixels. output_rows and work_rows are parallel: row numbers in the probe, and positions (line) or row numbers
    (plane) in the work. support is the summed rarity of the hits, each output row counted once.
    """

    fingerprint_id: int
    scheme: str
    variant: str
    scale: float
    offset: float
    support: float
    output_rows: Int32
    work_rows: Int32
    transform: np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None = None


@dataclass(frozen=True)
class Evidence:
    """What `compare` found for one alignment: where on both sides, and how strong.

    output_span, work_span   [start, end) in seconds or code points; for stills [x, y, w, h] in pixels
    output_polygon ...       of stills: the corners of the matched region, convex, in pixels; the span is its bounding box
    strength                 log10 of how much likelier this is under derivation than under chance, before calibration
    rows                     rows of the probe that it rests on: what is claimed here is not evidence for another work
    """

    relation: str
    output_span: tuple[float, ...]
    work_span: tuple[float, ...]
    scale: float
    strength: float
    rows: Int32
    scheme: str
    variant: str = ""
    detail: Mapping[str, float] = field(default_factory=dict)
    output_polygon: Polygon = ()
    work_polygon: Polygon = ()


def make(
    scheme: Scheme,
    positions: Int32,
    payload: UInt8 | None = None,
    keys: Int64 | None = None,
    variant: str = "",
    leads: Bool | None = None,
) -> Fingerprint:
    """A Fingerprint of `scheme`: keys derived from the payload where the scheme says so, else as given (int64[n])."""
    n = len(positions)
    if scheme.derive is not None and payload is not None:
        keys = scheme.derive(payload)
    if keys is None:
        keys = np.zeros((n, 0), np.int64)
    if keys.ndim == 1:
        keys = keys.reshape(n, 1)
    return Fingerprint(scheme.name, keys.astype(np.int64), positions.astype(np.int32), payload, variant, leads)


def newest(fingerprint: Fingerprint, schemes: Mapping[str, Scheme]) -> Fingerprint:
    """The same in the newest scheme that follows from its columns; the fingerprint itself when that is its own scheme."""
    while (convert := schemes[fingerprint.scheme].convert) is not None:
        fingerprint = convert(fingerprint)
    return fingerprint


def cut(fingerprint: Fingerprint, start: float, end: float) -> Fingerprint:
    """The rows whose position lies in [start, end), positions unchanged."""
    a, b = np.searchsorted(fingerprint.positions, [start, end])
    payload = None if fingerprint.payload is None else fingerprint.payload[a:b]
    leads = None if fingerprint.leads is None else fingerprint.leads[a:b]
    return dataclasses.replace(
        fingerprint, keys=fingerprint.keys[a:b], positions=fingerprint.positions[a:b], payload=payload, leads=leads
    )


def pack(fingerprint: Fingerprint, scheme: Scheme, brief: bool = False) -> bytes:
    """Bytes that `unpack` reads back: a JSON head and zlib-packed columns. Keys that can be derived are left out.

    The payload is written byte column by byte column: what changes slowly from row to row then packs to less. One that
    hardly does stands in the zlib stream as it is. Positions are written as steps from one to the next; `brief`: in one byte
    each where that will do, which unpacks twice as fast. A portable file's layout never changes, a registry's may.
    """
    steps = np.diff(fingerprint.positions, prepend=np.int32(0))
    short = brief and len(steps) > 0 and int(steps.min()) >= 0 and int(steps.max()) < 256
    columns = [steps.astype("u1" if short else "<i4").tobytes()]
    stored_keys = 0 if scheme.derive is not None else fingerprint.keys.shape[1]
    if stored_keys:
        columns.append(np.ascontiguousarray(fingerprint.keys, "<i8").tobytes())
    width = 0 if fingerprint.payload is None else fingerprint.payload.shape[1]
    payload = b"" if fingerprint.payload is None else np.ascontiguousarray(fingerprint.payload.T).tobytes()
    head = {"scheme": fingerprint.scheme, "n": len(fingerprint), "keys": stored_keys, "columns": width} | (
        {"step": 1} if short else {}
    )
    text = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    return struct.pack("<I", len(text)) + text + _deflated(b"".join(columns), payload)


def _deflated(columns: bytes, payload: bytes) -> bytes:
    """Both as one zlib stream, the payload in stored blocks when it is not worth packing."""
    if len(zlib.compress(payload, 1)) <= WORTH_PACKING * len(payload) or not payload:
        return zlib.compress(columns + payload, 6)
    blocks = []
    for data, level in ((columns, 6), (payload, 0)):
        deflater = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
        blocks.append(deflater.compress(data) + deflater.flush(zlib.Z_FULL_FLUSH))
    check = zlib.adler32(payload, zlib.adler32(columns))
    return ZLIB_HEAD + b"".join(blocks) + LAST_BLOCK + struct.pack(">I", check)


def unpack(data: bytes, schemes: Mapping[str, Scheme], derive: bool = True) -> Fingerprint:
    """The Fingerprint that `pack` wrote. Raises BadFingerprint for anything else; trusts no length it reads.

    Not `derive`: without keys that follow from the payload, which cost more than all the rest.
    """
    try:
        (size,) = struct.unpack_from("<I", data)
        if size > MOST_HEAD:
            raise ValueError("no head is so long")
        name, n, step, stored_keys, width, by_column = _head(bytes(data[4 : 4 + size]))
    except (struct.error, ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise BadFingerprint("the fingerprint's head cannot be read; it is damaged or not a Byline fingerprint") from error
    if name not in schemes:
        raise BadFingerprint(f'the fingerprint scheme "{name}" is unknown to this version of Byline; upgrade Byline')
    size = n * (4 + 8 * stored_keys + width)
    if min(n, stored_keys, width) < 0 or max(n, stored_keys, width, size) > MAX_UNPACKED_BYTES:
        raise BadFingerprint("the fingerprint claims an impossible size; it is damaged")
    positions, payload, keys = _columns(data[4 + len(json_head(data)) :], (n, step, stored_keys, width), by_column)
    if derive or stored_keys:
        return make(schemes[name], positions, payload, keys)
    return Fingerprint(name, keys, positions, payload)


@lru_cache(maxsize=1024)
def _head(text: bytes) -> tuple[str, int, str, int, int, bool]:
    """Scheme, rows, type of a step, stored keys and bytes of payload a row, and whether the payload is written by columns."""
    head = json.loads(text)
    step = "u1" if "step" in head and int(head["step"]) == 1 else "<i4"
    return str(head["scheme"]), int(head["n"]), step, int(head["keys"]), payload_width(head), "columns" in head


def payload_width(head: Mapping[str, Any]) -> int:
    """Bytes of payload a row. Heads of the first version call it "payload": theirs is written row by row."""
    return int(head["columns"] if "columns" in head else head["payload"])


def json_head(data: bytes) -> bytes:
    """The head's bytes, without its length."""
    (size,) = struct.unpack_from("<I", data)
    return data[4 : 4 + size]


def _columns(packed: bytes, layout: tuple[int, str, int, int], by_column: bool) -> tuple[Int32, UInt8 | None, Int64]:
    """Positions, payload and stored keys. layout: rows, type of a step, keys and payload bytes a row."""
    n, step, stored_keys, width = layout
    first = n * np.dtype(step).itemsize
    size = first + n * (8 * stored_keys + width)
    inflater = zlib.decompressobj()
    try:
        body = inflater.decompress(packed, size + 1)
    except zlib.error as error:
        raise BadFingerprint("the fingerprint's columns cannot be read; it is damaged") from error
    if len(body) != size or not inflater.eof:
        raise BadFingerprint("the fingerprint's columns do not have the length its head says; it is damaged")
    positions = np.cumsum(np.frombuffer(body, step, n), dtype=np.int32)
    keys = np.frombuffer(body[first : first + 8 * n * stored_keys], "<i8").reshape(n, stored_keys).astype(np.int64)
    rest = np.frombuffer(body, np.uint8, n * width, first + 8 * n * stored_keys)
    payload = _by_row(rest.reshape(width, n)) if by_column else rest.reshape(n, width)
    return positions, payload if width else None, keys


def _by_row(columns: UInt8) -> UInt8:
    """uint8[width, n] to uint8[n, width]; few columns one by one, which is several times faster."""
    width, n = columns.shape
    if not 0 < width <= FEW_COLUMNS:
        return np.ascontiguousarray(columns.T)
    rows = np.empty((n, width), np.uint8)
    for k in range(width):
        rows[:, k] = columns[k]
    return rows
