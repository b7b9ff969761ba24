"""Opening stills: any format to one small grey picture, decoded reduced where the format allows."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fingerprint.errors import UnreadableMedia
from fingerprint.hashing import UInt8
from fingerprint.streams import check_file

WORKING_SIDE = 640  # longer side that all stages work at
MAX_PIXELS = 120_000_000  # decoded in full; a JPEG is decoded at an eighth, so it may have 64 times as many
MAX_BYTES = 1 << 30
GROUND = 128  # neutral grey under transparent pictures: dark and light drawings both stay visible
LEAST_SALVAGED = 0.5  # share of a truncated picture's rows that must be there
ORIENTATION = 0x0112
TOO_LARGE = "has {w} x {h} pixels, more than Byline decodes; save a smaller copy and scan that"
BROKEN = "cannot be decoded as a picture ({why}); it is truncated or damaged, export it again"


@dataclass(frozen=True)
class Still:
    """A picture as every stage sees it.

    grey            uint8[h, w], upright, longer side at most WORKING_SIDE
    width, height   in pixels of the original, upright
    """

    grey: UInt8
    width: int
    height: int


def decode(path: Path) -> Still:
    """The Still of a picture file. Raises UnreadableMedia."""
    from PIL import Image, UnidentifiedImageError

    if check_file(path) > MAX_BYTES:
        raise UnreadableMedia(path, "is larger than a gigabyte; save a smaller copy and scan that", "too-large")
    data = path.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oddities of metadata, sizes checked below
            return _still(path, data)
    except UnidentifiedImageError:
        return _with_opencv(path, data)
    except Image.DecompressionBombError as error:
        reason = "has more pixels than Byline decodes; save a smaller copy and scan that"
        raise UnreadableMedia(path, reason, "too-large") from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, MemoryError, RuntimeError, struct.error) as error:
        raise UnreadableMedia(path, BROKEN.format(why=_why(error))) from error


def _why(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _still(path: Path, data: bytes) -> Still:
    from PIL import Image
    from PIL.JpegImagePlugin import JpegImageFile

    jpeg = data.startswith(b"\xff\xd8\xff")
    # Opened as what it is, a JPEG of any size can be drafted; Image.open refuses by the size it would have in full.
    picture: Any = JpegImageFile(io.BytesIO(data)) if jpeg else Image.open(io.BytesIO(data))
    width, height = picture.size
    orientation = picture.getexif().get(ORIENTATION, 1)
    if jpeg:
        picture.draft("L" if picture.mode in ("L", "RGB") else None, _working(width, height))
    if picture.size[0] * picture.size[1] > MAX_PIXELS:
        raise UnreadableMedia(path, TOO_LARGE.format(w=width, h=height), "too-large")
    _load(path, picture)
    return _upright(_reduced(_grey(picture)), width, height, orientation)


def _working(width: int, height: int) -> tuple[int, int]:
    """The working size of a picture of that size."""
    scale = min(1.0, WORKING_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _load(path: Path, picture: Any) -> None:
    """Decode the pixels; of a truncated file keep what is there, if that is most of it."""
    try:
        picture.load()
        return
    except OSError as error:
        if "truncated" not in str(error):
            raise
    picture.tile = []  # what was decoded so far stays, the rest is black
    rows = np.asarray(picture.convert("L")).max(axis=1)
    there = int(np.flatnonzero(rows)[-1]) + 1 if rows.any() else 0
    if there < LEAST_SALVAGED * len(rows):
        share = f"only {100 * there // len(rows)} % of it is there"
        raise UnreadableMedia(path, f"the file is cut off, {share}; get the whole file", "truncated")


def _grey(picture: Any) -> UInt8:
    """Any mode to uint8 grey; transparency is laid on neutral grey, more than 8 bits are scaled down."""
    if picture.mode.startswith("I;16"):
        return np.asarray(np.asarray(picture).astype(np.uint16) >> 8, np.uint8)
    if picture.mode in ("I", "F"):
        return _scaled(np.asarray(picture).astype(np.float64))
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        pixels = np.asarray(picture.convert("RGBA"))
        alpha = pixels[..., 3].astype(np.float32) / 255
        light = cv2.cvtColor(pixels, cv2.COLOR_RGBA2GRAY).astype(np.float32)
        return np.asarray(np.rint(light * alpha + GROUND * (1 - alpha)), np.uint8)
    if picture.mode == "L":
        return np.asarray(picture)
    return np.asarray(cv2.cvtColor(np.asarray(picture.convert("RGB")), cv2.COLOR_RGB2GRAY), np.uint8)


def _scaled(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> UInt8:
    """Integer or float pixels without a fixed range, by the range they most likely have."""
    values = np.nan_to_num(values)
    top = float(values.max(initial=0.0))
    unit = 255.0 if top <= 1.0 else 1.0 if top <= 255 else 255.0 / 65535 if top <= 65535 else 255.0 / top
    return np.asarray(np.clip(np.rint(values * unit), 0, 255), np.uint8)


def _reduced(grey: UInt8) -> UInt8:
    height, width = grey.shape
    if max(width, height) <= WORKING_SIDE:
        return np.ascontiguousarray(grey)
    return np.asarray(cv2.resize(grey, _working(width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _upright(grey: UInt8, width: int, height: int, orientation: int) -> Still:
    """Undo the camera's orientation tag (EXIF 2.32, tag 274)."""
    if orientation in (5, 6, 7, 8):
        grey, width, height = grey.T, height, width
    flip_rows, flip_columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    grey = grey[::-1] if flip_rows else grey
    grey = grey[:, ::-1] if flip_columns else grey
    return Still(np.ascontiguousarray(grey), width, height)


def _with_opencv(path: Path, data: bytes) -> Still:
    """Formats that Pillow does not know and OpenCV does (AVIF with older Pillows)."""
    if data[4:8] != b"ftyp":
        raise UnreadableMedia(path, "is not a picture of a known format; check what it is", "unknown-type")
    logging = cv2.utils.logging
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)  # it would write to the terminal what is raised here
    try:
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error as error:
        raise UnreadableMedia(path, BROKEN.format(why=_why(error))) from error
    if grey is None:
        reason = "is a picture in a format that cannot be decoded here (HEIC?); save it as JPEG or PNG"
        raise UnreadableMedia(path, reason, "unknown-type")
    height, width = grey.shape
    return Still(_reduced(np.asarray(grey, np.uint8)), width, height)
