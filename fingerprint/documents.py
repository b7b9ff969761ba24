"""Documents to text: which format a file is, by its content, and the words in it with their place in the file.

Plain formats (txt, md, html, srt, vtt, tex, fountain, adoc, rst, source code) keep every code point of the file, so that spans
can be marked in the file itself; what is not text there (tags, cue times, commands) is masked. From docx, epub, pdf, rtf and the
subtitles of a film the text is extracted, and spans count in the extracted text.
"""

from __future__ import annotations

import codecs
import html
import re
from dataclasses import dataclass
from pathlib import Path

from fingerprint.errors import UnreadableMedia
from fingerprint.streams import check_file, read_head

MAX_FILE_BYTES = 256 << 20
MAX_CODE_POINTS = 16 << 20  # some 3 million words
HIDDEN = "\u200b"  # takes the place of what is not text: the fold passes over it
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Possessive, and what is not closed runs to the end of the file, as in browsers: linear on hostile markup.
INSIDE_TAG = r"""(?:[^>"']|"[^"]*(?:"|\Z)|'[^']*(?:'|\Z))*+(?:>|\Z)"""
MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)"
    rf"|<(script|style|template|noscript|svg|head|title)\b{INSIDE_TAG}.*?(?:</\1\s*>|\Z)"
    r"|<!\[CDATA\[|\]\]>"
    rf"|</?([a-zA-Z][a-zA-Z0-9]*){INSIDE_TAG}"
    r"|<[!?][^>]*+(?:>|\Z)"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});",
    re.DOTALL | re.IGNORECASE,
)
INLINE = frozenset(
    {
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "ins",
        "kbd",
        "mark",
        "q",
        "s",
        "samp",
    }
    | {"small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var", "wbr"}
)
IS_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!doctype\s+html|<html|<head|<body)\b", re.IGNORECASE | re.DOTALL
)
IS_SRT = re.compile(r"\s*\d+[ \t]*\r?\n\s*\d{1,3}:\d\d:\d\d[,.]\d{1,3}[ \t]*-->")
IS_VTT = re.compile(r"\ufeff?WEBVTT(?:[ \t\r\n]|\Z)")
CUE_MARKUP = re.compile(r"<[^<>\n]*>|\{\\[^{}\n]*\}")
CUE_TIME = re.compile(r"(?:\d{1,3}:)?\d{1,3}:\d\d[,.]\d{1,3}[ \t]*-->")

IS_TEX = re.compile(
    r"\s*+(?:%[^\n]*\n\s*+)*+\\(?:documentclass|documentstyle|begin\s*\{|(?:sub)*section\*?\s*\{|chapter\*?\s*\{)"
)
TEX_BODY = "\\begin{document}"
# Commands whose arguments are no prose, with these; all others without. Bounded, so that hostile text takes no time.
TEX_MARKUP = re.compile(
    r"(?<!\\)%[^\n]*"
    r"|\\(?:begin|end)\s*\{[^{}\n]{0,64}+\}(?:\[[^\]\n]{0,200}+\])?(?:\{[lrcp|@.*0-9\s]{0,64}+\})?"
    r"|\\(?:label|[a-zA-Z]*ref|[a-zA-Z]*cite[a-z]*|includegraphics|input|include|bibliography[a-z]*|usepackage|pagestyle|thispagestyle"
    r"|[hv]space|url|href|set[a-z]+|(?:re)?newcommand|index)\b\*?(?:\s*\[[^\]\n]{0,200}+\])*+(?:\{[^{}\n]{0,500}+\})*+"
    r"|\\[a-zA-Z]+\*?(?:\[[^\]\n]{0,200}+\])?"
    r"|\\[^a-zA-Z]|[{}$]++|~",
)


@dataclass(frozen=True)
class Document:
    """The text of a file as spans count it, and the same with what is no words masked; both of one length."""

    text: str
    words: str


def read_document(path: Path) -> Document:
    """The Document in this file. Raises UnreadableMedia."""
    from fingerprint import documents_packed as packed

    size = check_file(path)
    if is_film(read_head(path)):  # of any size: it is streamed
        return extracted(path, packed.subtitle_text(path))
    if size > MAX_FILE_BYTES:
        raise UnreadableMedia(path, f"is larger than {MAX_FILE_BYTES >> 20} MiB; split the text into several files", "too-large")
    data = path.read_bytes()
    if data.startswith(b"PK\x03\x04"):
        return extracted(path, packed.zipped_text(path, data))
    if b"%PDF-" in data[:1024]:
        return extracted(path, packed.pdf_text(path, data))
    if data.startswith(b"{\\rtf"):
        return extracted(path, packed.rtf_text(path, data))
    return plain(path, decoded(path, data))


def is_film(data: bytes) -> bool:
    """Whether these bytes begin a film container, whose subtitles are then the text."""
    return data.startswith((b"\x1aE\xdf\xa3", b"RIFF", b"OggS", b"\x00\x00\x01\xba")) or data[4:8] in (
        b"ftyp",
        b"moov",
        b"mdat",
        b"wide",
        b"free",
    )


def extracted(path: Path, text: str) -> Document:
    """A Document of text that was taken out of a container."""
    return plain_checked(path, text, text)


def plain_checked(path: Path, text: str, words: str) -> Document:
    """The Document, unless it is too long."""
    if len(text) > MAX_CODE_POINTS:
        raise UnreadableMedia(
            path, f"holds more than {MAX_CODE_POINTS >> 20} Mi characters; split it into several files", "too-large"
        )
    return Document(text, words)


def plain(path: Path, text: str) -> Document:
    """A Document whose spans count in the file's own characters."""
    if IS_VTT.match(text) or IS_SRT.match(text):
        return plain_checked(path, text, cue_words(text))
    if IS_HTML.match(text[:4096]):
        return plain_checked(path, text, markup_words(text))
    if IS_TEX.match(text):
        return plain_checked(path, text, tex_words(text))
    return plain_checked(path, text, text)


def decoded(path: Path, data: bytes) -> str:
    """Bytes of a text file as code points, newlines as they are: by its byte order mark, as UTF-8, else as detected."""
    for bom, encoding in BOMS:
        if data.startswith(bom):
            return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _guessed(path, data)


def _guessed(path: Path, data: bytes) -> str:
    declared = re.search(rb"(?:charset|encoding)\s*=\s*[\"']?([A-Za-z0-9_\-]{2,40})", data[:2048])
    if declared:
        try:
            return data.decode(declared[1].decode("ascii"))
        except (LookupError, UnicodeDecodeError):
            pass
    from charset_normalizer import from_bytes

    best = from_bytes(data[: 1 << 18]).best()
    if best is None:
        raise UnreadableMedia(path, "is text in no known encoding; save it as UTF-8", "encoding")
    return data.decode(best.encoding, "replace")


def markup_words(text: str) -> str:
    """HTML with tags, comments and scripts masked and character references replaced in place; the length is kept."""
    return MARKUP.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    whole = found[0]
    if whole[0] == "&":
        character = html.unescape(whole)
        return (character if len(character) <= len(whole) and character != whole else " ").ljust(len(whole), HIDDEN)
    inline = found[2] is not None and found[2].lower() in INLINE
    return HIDDEN * len(whole) if inline else "\n" + HIDDEN * (len(whole) - 1)


def cue_words(text: str) -> str:
    """SubRip or WebVTT with numbers, times, settings and tags masked; the length is kept."""
    lines, keep = text.split("\n"), []
    inside = False
    for line in lines:
        if CUE_TIME.match(line.lstrip()):
            inside = True
            keep.append(HIDDEN * len(line))
        elif not line.strip():
            inside = False
            keep.append(line)
        elif inside:
            keep.append(CUE_MARKUP.sub(lambda m: HIDDEN * len(m[0]), line))
        else:
            keep.append(HIDDEN * len(line))
    return "\n".join(keep)


def tex_words(text: str) -> str:
    """LaTeX with its preamble, commands and comments masked: what all such files say alike is nobody's. The length is kept."""
    body = max(text.find(TEX_BODY), 0)
    return HIDDEN * body + TEX_MARKUP.sub(_masked_command, text[body:])


def _masked_command(found: re.Match[str]) -> str:
    whole = found[0]
    apart = whole in ("~", "\\\\") or whole.startswith(("\\begin", "\\end", "%"))
    return (" " if apart else HIDDEN) + HIDDEN * (len(whole) - 1)
