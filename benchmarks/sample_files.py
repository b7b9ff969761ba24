"""Writing the sample media: films, sound files, stills and a docx, without clocks or names of machines in them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import av
import cv2
import numpy as np
from sample_films import FPS, HEIGHT, WIDTH
from sample_pictures import Picture
from sample_sounds import RATE, Sound

Line = tuple[float, float, str]  # start and end in seconds, words

# Without mbtree: its assembly gives other bits from run to run on pictures of this size.
X264 = {"crf": "30", "preset": "slow", "threads": "1", "x264-params": "mbtree=0"}
ASS_HEAD = b"""[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,16
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def write_film(path: Path, pictures: Iterable[Picture], sound: Sound, lines: Iterable[Line] = ()) -> None:
    """H.264 and AAC in MP4, with a subtitle track when there are lines."""
    lines = list(lines)
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact", "movflags": "+faststart"}) as container:
        film: Any = container.add_stream("libx264", rate=FPS, options=X264)
        film.width, film.height, film.pix_fmt, film.codec_context.gop_size = WIDTH, HEIGHT, "yuv420p", 3 * FPS
        audio: Any = container.add_stream("aac", rate=RATE, options={"flags": "+bitexact"}, layout="mono", bit_rate=56000)
        words: Any = _subtitle_stream(container) if lines else None
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = i
            container.mux(film.encode(frame))
        container.mux(film.encode(None))
        _encode_sound(container, audio, sound)
        for start, end, text in lines:
            container.mux(_subtitle(words, start, end, text))


def _subtitle_stream(container: Any) -> Any:
    stream = container.add_stream("mov_text")
    stream.codec_context.time_base = Fraction(1, 1000)
    stream.codec_context.subtitle_header = ASS_HEAD
    return stream


def _subtitle(stream: Any, start: float, end: float, text: str) -> av.Packet:
    data = text.encode()
    packet = av.Packet(len(data).to_bytes(2, "big") + data)
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = round(1000 * start)
    packet.duration = round(1000 * (end - start))
    return packet


def _encode_sound(container: Any, stream: Any, sound: Sound, sample_format: str = "fltp") -> None:
    for at in range(0, len(sound), 4800):
        frame = av.AudioFrame.from_ndarray(sound[None, at : at + 4800], format=sample_format, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


SOUND_CODECS = {".mp3": ("libmp3lame", "mp3", "fltp"), ".m4a": ("aac", "ipod", "fltp"), ".opus": ("libopus", "ogg", "flt")}


def write_sound(path: Path, sound: Sound, bit_rate: int = 48000, title: str = "") -> None:
    """Mono MP3, AAC or Opus, by the suffix."""
    codec, container_format, sample_format = SOUND_CODECS[path.suffix]
    with av.open(str(path), "w", format=container_format, options={"fflags": "+bitexact"}) as container:
        if title:
            container.metadata["title"] = title
        stream: Any = container.add_stream(codec, rate=RATE, options={"flags": "+bitexact"}, layout="mono")
        stream.bit_rate = bit_rate
        stream.codec_context.format = sample_format
        _encode_sound(container, stream, sound, sample_format)


def write_still(path: Path, picture: Picture, quality: int = 82) -> None:
    """JPEG or WebP by the suffix."""
    kind = cv2.IMWRITE_WEBP_QUALITY if path.suffix == ".webp" else cv2.IMWRITE_JPEG_QUALITY
    done, data = cv2.imencode(path.suffix, picture, [kind, quality])
    if not done:
        raise RuntimeError(f"OpenCV could not write {path}")
    path.write_bytes(np.asarray(data).tobytes())


PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
WORDS = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
XML = '<?xml version="1.0" encoding="UTF-8"?>'
DOCX = {
    "[Content_Types].xml": f'{XML}<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
    "_rels/.rels": f'{XML}<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{OFFICE}" Target="word/document.xml"/></Relationships>',
}


def write_docx(path: Path, text: str) -> None:
    """The smallest Word document: one run a paragraph."""
    body = "".join(f'<w:p><w:r><w:t xml:space="preserve">{escape(line)}</w:t></w:r></w:p>' for line in text.split("\n"))
    document = f'{XML}<w:document xmlns:w="{WORDS}"><w:body>{body}</w:body></w:document>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in (DOCX | {"word/document.xml": document}).items():
            archive.writestr(zipfile.ZipInfo(part, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
