"""Files that nobody should be able to hurt Byline with, made cheaply."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import av
import numpy as np
from PIL import Image

SAMPLES = Path(__file__).resolve().parent.parent / "sample_media"
DOCX_XML = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>%s</w:t>'
DOCX_END = "</w:r></w:p></w:body></w:document>"
LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip
PAGE = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"


def cut(source: str, target: Path, share: float) -> Path:
    """The first part of a sample file."""
    data = (SAMPLES / source).read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def wav(target: Path, samples: np.ndarray, rate: int = 44100) -> Path:
    """Mono 16-bit PCM."""
    data = samples.astype("<i2").tobytes()
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16) + b"data" + struct.pack("<I", len(data))
    target.write_bytes(b"RIFF" + struct.pack("<I", len(head) + len(data)) + head + data)
    return target


def plain_png(target: Path, width: int, height: int) -> Path:
    """A black 1-bit picture of any size: a gigapixel takes 100 kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(1)
    row = bytes(1 + (width + 7) // 8)
    pixels = b"".join(packer.compress(row * min(1000, height - i)) for i in range(0, height, 1000)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    target.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    return target


def one_colour(target: Path) -> Path:
    """A red still."""
    Image.new("RGB", (320, 240), (200, 30, 30)).save(target)
    return target


def zipped(target: Path, members: dict[str, bytes]) -> Path:
    """A ZIP, packed hard."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target


def docx(target: Path, words: str, before: str = "") -> Path:
    """A Word document with one paragraph."""
    return zipped(target, {"word/document.xml": (before + DOCX_XML % words + DOCX_END).encode()})


def docx_bomb(target: Path) -> Path:
    """100 MB of words in 400 kB."""
    return docx(target, "bomb " * 20_000_000)


def epub_bomb(target: Path) -> Path:
    """The same as a book."""
    container = b'<container><rootfiles><rootfile full-path="a.opf"/></rootfiles></container>'
    package = b'<package><manifest><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/></spine></package>'
    page = b"<html><body><p>" + b"bomb " * 20_000_000 + b"</p></body></html>"
    return zipped(target, {"META-INF/container.xml": container, "a.opf": package, "a.xhtml": page})


def docx_laughs(target: Path) -> Path:
    """Billion laughs."""
    return docx(target, "&i;", before=LAUGHS)


def long_silent_film(target: Path, hours: float = 10.0) -> Path:
    """A black film without sound, one picture every ten seconds."""
    from fractions import Fraction

    with av.open(str(target), "w") as container:
        stream = container.add_stream("mpeg4", rate=1)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1)
        black = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
        for i in range(int(hours * 360)):
            black.pts = 10 * i
            container.mux(stream.encode(black))
        container.mux(stream.encode(None))
    return target
