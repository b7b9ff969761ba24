"""Opening stills: any format to one small grey picture, decoded reduced where the format allows."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

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
SIDEWAYS = (5, 6, 7, 8)  # values of it that swap width and height
TOO_LARGE = "has {w} x {h} pixels, more than Byline decodes; save a smaller copy and scan that"
BROKEN = "cannot be decoded as a picture ({why}); it is truncated or damaged, export it again"


@dataclass(frozen=True)
class Still:
    """A picture as every stage sees it.

    grey            uint8[h, w], upright, longer side at most WORKING_SIDE
    width, height   in pixels of the original, upright
    path            the file, for what wants its colours too; None where there is none
    """

    grey: UInt8
    width: int
    height: int
    path: Path | None = None


T = TypeVar("T")


def decode(path: Path) -> Still:
    """The Still of a picture file. Raises UnreadableMedia."""
    return replace(_decoded(path, _still, _with_opencv), path=path)


def colours(still: Still) -> UInt8:
    """uint8[h, w, 3], RGB, upright: the picture decoded once more, a JPEG reduced. Greys where the file is not known.

    Apart from `decode`, which needs no colours, and whose greys must not change. Raises UnreadableMedia.
    """
    if still.path is None:
        return np.repeat(still.grey[..., None], 3, axis=2)
    return _decoded(still.path, _coloured, _coloured_with_opencv)


def _decoded(path: Path, with_pillow: Callable[[Path, bytes], T], with_opencv: Callable[[Path, bytes], T]) -> T:
    from PIL import Image, UnidentifiedImageError

    if check_file(path) > MAX_BYTES:
        raise UnreadableMedia(path, "is larger than a gigabyte; save a smaller copy and scan that", "too-large")
    data = path.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oddities of metadata, sizes checked below
            return with_pillow(path, data)
    except UnidentifiedImageError:
        return with_opencv(path, data)
    except Image.DecompressionBombError as error:
        reason = "has more pixels than Byline decodes; save a smaller copy and scan that"
        raise UnreadableMedia(path, reason, "too-large") from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, MemoryError, RuntimeError, struct.error) as error:
        raise UnreadableMedia(path, BROKEN.format(why=_why(error))) from error


def _why(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _still(path: Path, data: bytes) -> Still:
    picture, (width, height), orientation = _opened(path, data, "L")
    grey = _turned(_reduced(_grey(picture)), orientation)
    return Still(grey, *((height, width) if orientation in SIDEWAYS else (width, height)))


def _coloured(path: Path, data: bytes) -> UInt8:
    picture, _, orientation = _opened(path, data, "RGB")
    return _turned(_rgb(picture), orientation)


def _opened(path: Path, data: bytes, mode: str) -> tuple[Any, tuple[int, int], int]:
    """The picture with its pixels loaded, its size in full and its orientation; a JPEG in that mode and reduced."""
    from PIL import Image
    from PIL.JpegImagePlugin import JpegImageFile

    jpeg = data.startswith(b"\xff\xd8\xff")
    # Opened as what it is, a JPEG of any size can be drafted; Image.open refuses by the size it would have in full.
    picture: Any = JpegImageFile(io.BytesIO(data)) if jpeg else Image.open(io.BytesIO(data))
    width, height = picture.size
    orientation = picture.getexif().get(ORIENTATION, 1)
    if jpeg:
        picture.draft(mode if picture.mode in ("L", "RGB") else None, _working(width, height))
    if picture.size[0] * picture.size[1] > MAX_PIXELS:
        raise UnreadableMedia(path, TOO_LARGE.format(w=width, h=height), "too-large")
    _load(path, picture)
    return picture, (width, height), orientation


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


def _rgb(picture: Any) -> UInt8:
    """Any mode to uint8[h, w, 3]; transparency is laid on neutral grey, what has more than 8 bits is grey."""
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F", "L"):
        return np.repeat(_grey(picture)[..., None], 3, axis=2)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        pixels = np.asarray(picture.convert("RGBA")).astype(np.float32)
        alpha = pixels[..., 3:] / 255
        return np.asarray(np.rint(pixels[..., :3] * alpha + GROUND * (1 - alpha)), np.uint8)
    return np.asarray(picture.convert("RGB"))


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


def _turned(pixels: UInt8, orientation: int) -> UInt8:
    """Undo the camera's orientation tag (EXIF 2.32, tag 274)."""
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    flip_rows, flip_columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    pixels = pixels[::-1] if flip_rows else pixels
    pixels = pixels[:, ::-1] if flip_columns else pixels
    return np.ascontiguousarray(pixels)


def _with_opencv(path: Path, data: bytes) -> Still:
    grey = _read_by_opencv(path, data, cv2.IMREAD_GRAYSCALE)
    height, width = grey.shape
    return Still(_reduced(grey), width, height)


def _coloured_with_opencv(path: Path, data: bytes) -> UInt8:
    return np.asarray(cv2.cvtColor(_read_by_opencv(path, data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


def _read_by_opencv(path: Path, data: bytes, flag: int) -> UInt8:
    """Formats that Pillow does not know and OpenCV does (AVIF with older Pillows)."""
    if data[4:8] != b"ftyp":
        raise UnreadableMedia(path, "is not a picture of a known format; check what it is", "unknown-type")
    logging = cv2.utils.logging
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)  # it would write to the terminal what is raised here
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except cv2.error as error:
        raise UnreadableMedia(path, BROKEN.format(why=_why(error))) from error
    if pixels is None:
        reason = "is a picture in a format that cannot be decoded here (HEIC?); save it as JPEG or PNG"
        raise UnreadableMedia(path, reason, "unknown-type")
    return np.asarray(pixels, np.uint8)
