"""What a file is, by its content: its medium, the parts it will give, its tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fingerprint.errors import UnreadableMedia
from fingerprint.streams import opened, read_head

COVER_CODECS = {"mjpeg", "png", "bmp", "gif", "webp"}
TAG_NAMES = ("title", "artist", "album", "composer", "date", "isrc")


@dataclass(frozen=True)
class Kind:
    """The medium of a file and the media of its parts, leading part first."""

    medium: str
    parts: tuple[str, ...]
    tags: Mapping[str, str] = field(default_factory=dict)


def sniff(path: Path) -> Kind:
    """The Kind of this file. Raises UnreadableMedia when it is none of film, audio, text, image."""
    head = read_head(path)
    if is_document(head):
        return Kind("text", ("text",))
    if is_picture(head):
        return Kind("film", ("film",)) if _is_animated(path) else Kind("image", ("image",))
    if _is_av(head, path):
        return _sniff_av(path)
    if looks_like_text(head):
        return Kind("text", ("text",))
    return _sniff_av(path)


def is_document(head: bytes) -> bool:
    """Document containers: PDF, RTF, and ZIP (EPUB, DOCX)."""
    return head.startswith((b"%PDF-", b"{\\rtf", b"PK\x03\x04")) or b"%PDF-" in head[:1024]


def is_picture(head: bytes) -> bool:
    """Still picture formats, which may turn out animated."""
    if head.startswith(
        (
            b"\xff\xd8\xff",
            b"\x89PNG\r\n\x1a\n",
            b"GIF87a",
            b"GIF89a",
            b"BM",
            b"II*\x00",
            b"MM\x00*",
            b"\x00\x00\x00\x0cjP  ",
        )
    ):
        return not head.startswith(b"BM") or looks_like_bmp(head)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return True
    return head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis", b"heic", b"heix", b"mif1")


def looks_like_bmp(head: bytes) -> bool:
    """BM also begins many English words: a bitmap has a known header size at byte 14."""
    return int.from_bytes(head[14:18], "little") in (12, 40, 52, 56, 64, 108, 124)


def looks_like_text(head: bytes) -> bool:
    """Mostly printable in some 8- or 16-bit encoding."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return True
    control = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in head)
    if b"\x00" in head:
        odd, even = head[1::2].count(0), head[::2].count(0)
        return max(odd, even) > 0.3 * len(head) / 2 and min(odd, even) < 0.02 * len(head) + 1
    return control <= 0.01 * len(head)


def _is_av(head: bytes, path: Path) -> bool:
    magics = (
        b"ID3",
        b"OggS",
        b"fLaC",
        b"\x1aE\xdf\xa3",
        b"RIFF",
        b"FORM",
        b"FLV",
        b"\x00\x00\x01\xba",
        b"\x00\x00\x01\xb3",
        b"RF64",
        b"wvpk",
        b"MAC ",
        b".snd",
        b"caff",
        b"\x30\x26\xb2\x75",
        b"#!AMR",
    )
    if head.startswith(magics) or head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return True
    return len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and not head.startswith(b"\xff\xfe")


def _is_animated(path: Path) -> bool:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            if picture.format == "TIFF":  # several pages are a document, not motion
                return False
            return getattr(picture, "n_frames", 1) > 1
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def _sniff_av(path: Path) -> Kind:
    with opened(path) as container:
        video = [s for s in container.streams.video if not _is_cover(s)]
        sound = list(container.streams.audio)
        words = [s for s in container.streams.subtitles if s.codec_context is not None]
        tags = {name: str(container.metadata.get(name, "")).strip() for name in TAG_NAMES}
        for stream in sound[:1]:  # Ogg keeps its tags in the stream
            tags = {
                n: v or str(stream.metadata.get(n, "") or stream.metadata.get(n.upper(), "")).strip() for n, v in tags.items()
            }
        if not video and not sound:
            raise UnreadableMedia(
                path,
                "holds no picture, sound or text that Byline can read; check that it is a media file",
                "unknown-type",
            )
        return Kind("film" if video else "audio", _parts(video, sound, words), {n: v for n, v in tags.items() if v})


def _is_cover(stream: Any) -> bool:
    """A cover picture in a music file is not film."""
    if "attached_pic" in str(stream.disposition).lower():
        return True
    return stream.codec_context is not None and stream.codec_context.name in COVER_CODECS and stream.frames == 1


def _parts(video: list[Any], sound: list[Any], words: list[Any]) -> tuple[str, ...]:
    parts = ["film"] if video else []
    parts += ["audio"] if sound else []
    return tuple(parts + (["text"] if words and video else []))
