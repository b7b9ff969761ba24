"""Text out of containers: docx and epub (ZIP), pdf, rtf, and the subtitle track of a film."""

from __future__ import annotations

import html
import io
import posixpath
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.parsers import expat

from fingerprint.documents import HIDDEN, decoded, markup_words
from fingerprint.errors import UnreadableMedia
from fingerprint.streams import opened

MAX_MEMBERS = 20_000
MAX_MEMBER_BYTES = 64 << 20
MAX_TOTAL_BYTES = 256 << 20
MAX_RATIO = 200  # plain prose packs 3 to 4 times, sparse tables 50 times, zip bombs a thousand times
MAX_PAGES = 20_000
TOKEN = re.compile(rb"\\([a-z]{1,32})(-?\d{1,9})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)")
# Destinations of RTF that hold no words of the text.
SILENT = frozenset(
    {
        "fonttbl",
        "colortbl",
        "stylesheet",
        "info",
        "pict",
        "object",
        "header",
        "footer",
        "headerl",
        "headerr",
        "footerl",
        "footerr",
    }
    | {"listtable", "listoverridetable", "rsidtbl", "generator", "themedata", "colorschememapping", "datastore", "latentstyles"}
    | {"xmlnstbl", "fldinst", "bkmkstart", "bkmkend", "filetbl", "revtbl", "mmathPr"}
)
RTF_BREAKS = {"par": "\n", "line": "\n", "sect": "\n", "page": "\n", "tab": "\t", "cell": "\t", "row": "\n"}
RTF_SIGNS = {"emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•"}


def zipped_text(path: Path, data: bytes) -> str:
    """The text of a DOCX or EPUB."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if len(names) > MAX_MEMBERS:
                raise UnreadableMedia(path, f"the archive has more than {MAX_MEMBERS} members; it is not a document", "too-large")
            reader = _Members(path, archive)
            if "word/document.xml" in names:
                return docx_text(reader, names)
            if "META-INF/container.xml" in names:
                return epub_text(reader)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise UnreadableMedia(path, "the document cannot be unpacked; it is truncated or damaged, export it again") from error
    raise UnreadableMedia(path, "is a ZIP archive but neither DOCX nor EPUB; unpack it and give the files", "unknown-type")


class _Members:
    """Members of an untrusted archive, read with limits on each, on all together, and on how far they expand."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path, self._archive, self._total = path, archive, 0

    def read(self, name: str) -> bytes:
        """The member's bytes. The sizes that the archive declares are not trusted: what is read is counted."""
        try:
            info = self._archive.getinfo(name)
        except KeyError:
            raise UnreadableMedia(self.path, "a part of the document is missing; export it again") from None
        limit = min(MAX_MEMBER_BYTES, max(1 << 20, MAX_RATIO * info.compress_size), MAX_TOTAL_BYTES - self._total)
        with self._archive.open(info) as member:
            data = member.read(limit + 1)
        if len(data) > limit:
            raise UnreadableMedia(
                self.path, "expands to far more than its size (a ZIP bomb?); save the text as a plain file", "too-large"
            )
        self._total += len(data)
        return data


def parse_xml(path: Path, data: bytes, start: Any, end: Any = None, text: Any = None) -> None:
    """Feeds XML to the handlers start(name, attributes), end(name), text(characters); names without prefix.

    A document type, and with it every entity, is refused (billion laughs, external entities).
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise UnreadableMedia(path, "holds an XML document type or entities, which are refused; export it again", "xml-entities")

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: start(name.rpartition(":")[2], attributes)
    if end is not None:
        parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
    if text is not None:
        parser.CharacterDataHandler = text
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UnreadableMedia(path, "the document's XML is damaged; export it again") from error


def docx_text(reader: _Members, names: list[str]) -> str:
    """Paragraphs of the body and of the notes, one a line."""
    parts = [n for n in ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml") if n in names]
    return "\n".join(_docx_part(reader.path, reader.read(name)) for name in parts)


def _docx_part(path: Path, data: bytes) -> str:
    out: list[str] = []
    open_elements: list[str] = []
    signs = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": "\u00ad"}

    def start(name: str, _: dict[str, str]) -> None:
        open_elements.append(name)
        if name in signs and "pPr" not in open_elements:
            out.append(signs[name])

    def end(name: str) -> None:
        open_elements.pop()
        if name == "p":
            out.append("\n")

    def text(characters: str) -> None:
        if open_elements[-1] == "t" and "Fallback" not in open_elements:
            out.append(characters)

    parse_xml(path, data, start, end, text)
    return "".join(out)


def epub_text(reader: _Members) -> str:
    """The chapters in reading order."""
    package = ""

    def rootfile(name: str, attributes: dict[str, str]) -> None:
        nonlocal package
        if name == "rootfile" and not package:
            package = attributes.get("full-path", "")

    parse_xml(reader.path, reader.read("META-INF/container.xml"), rootfile)
    items: dict[str, tuple[str, str]] = {}
    spine: list[str] = []

    def collect(name: str, attributes: dict[str, str]) -> None:
        if name == "item":
            items[attributes.get("id", "")] = (attributes.get("href", ""), attributes.get("media-type", ""))
        elif name == "itemref":
            spine.append(attributes.get("idref", ""))

    parse_xml(reader.path, reader.read(package), collect)
    folder = posixpath.dirname(package)
    chapters = []
    for href, kind in [items[i] for i in dict.fromkeys(spine) if i in items]:
        if "html" in kind or href.endswith(("html", "htm")):
            name = posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))
            chapters.append(_without_markup(decoded(reader.path, reader.read(name))))
    return "\n".join(chapters)


def _without_markup(text: str) -> str:
    return markup_words(text).replace(HIDDEN, "")


def pdf_text(path: Path, data: bytes) -> str:
    """The text layer, page after page."""
    import pypdfium2

    pages = []
    try:
        document = pypdfium2.PdfDocument(data)
        try:
            if len(document) > MAX_PAGES:
                raise UnreadableMedia(path, f"has more than {MAX_PAGES} pages; split it", "too-large")
            for number in range(len(document)):
                pages.append(document[number].get_textpage().get_text_range())
        finally:
            document.close()
    except pypdfium2.PdfiumError as error:
        raise UnreadableMedia(
            path, f"the PDF cannot be opened ({error}); it is damaged or locked with a password, export it again"
        ) from error
    text = "\n".join(pages)
    if not text.strip():
        raise UnreadableMedia(path, "the PDF has pages but no text layer; run text recognition (OCR) on it first", "no-text")
    # PDFium marks a hyphen at a line's end with a code point that is no character.
    return text.replace("\r\n", "\n").replace("\ufffe", "\u00ad").replace("\x02", "\u00ad")


def rtf_text(path: Path, data: bytes) -> str:
    """The words of an RTF, without its control words and silent groups."""
    found = re.search(rb"\\ansicpg(\d{1,5})", data[:2048])
    codepage = f"cp{found[1].decode()}" if found else "cp1252"
    return _Rtf(codepage).text(data)


class _Rtf:
    """The state of an RTF reader: nested groups, each silent or not, each with its own count of fallback characters."""

    def __init__(self, codepage: str) -> None:
        try:
            b"".decode(codepage)
        except LookupError:
            codepage = "cp1252"
        self._codepage, self._out = codepage, list[str]()
        self._stack: list[tuple[bool, int]] = []
        self._silent, self._fallback, self._skip = False, 1, 0

    def text(self, data: bytes) -> str:
        """Everything that is shown."""
        for found in TOKEN.finditer(data):
            word, number, code, sign, brace, run = found.groups()
            if brace:
                self._group(brace == b"{")
            elif word:
                self._word(word.decode(), int(number) if number else None)
            elif code:
                self._show(bytes([int(code, 16)]).decode(self._codepage, "replace"))
            elif sign:
                self._sign(sign)
            elif run:
                self._show(run.decode(self._codepage, "replace"))
        return "".join(self._out)

    def _group(self, opens: bool) -> None:
        self._skip = 0
        if opens:
            self._stack.append((self._silent, self._fallback))
        elif self._stack:
            self._silent, self._fallback = self._stack.pop()

    def _word(self, word: str, number: int | None) -> None:
        if word in SILENT:
            self._silent = True
        elif word == "uc":
            self._fallback = number or 0
        elif word == "u" and number is not None:
            if not self._silent:
                self._out.append(chr(number % 65536))
            self._skip = self._fallback
        elif word in RTF_BREAKS or word in RTF_SIGNS:
            self._show(RTF_BREAKS.get(word) or RTF_SIGNS[word])

    def _sign(self, sign: bytes) -> None:
        if sign == b"*":
            self._silent = True
        elif sign in b"\r\n":
            self._show("\n")
        else:
            self._show({b"~": "\u00a0", b"-": "\u00ad", b"_": "-"}.get(sign) or sign.decode("latin-1"))

    def _show(self, shown: str) -> None:
        dropped, self._skip = min(self._skip, len(shown)), max(0, self._skip - len(shown))
        if not self._silent:
            self._out.append(shown[dropped:])


def subtitle_text(path: Path) -> str:
    """The lines of a film's first subtitle track that holds text, in order."""
    with opened(path) as container:
        tracks = [s for s in container.streams.subtitles if s.codec_context is not None]
        for track in tracks:
            container.seek(0)
            lines = [line for packet in container.demux(track) for line in _cue_lines(packet)]
            if any(line.strip() for line in lines):
                return "\n".join(lines)
    return ""


def _cue_lines(packet: Any) -> list[str]:
    lines = []
    for event in packet.decode():
        for rect in getattr(event, "rects", None) or [event]:
            shown = getattr(rect, "dialogue", b"") or getattr(rect, "text", b"")
            if not shown:
                ass = getattr(rect, "ass", b"") or b""
                shown = ass.split(b",", 8)[-1]
            text = shown.decode("utf-8", "replace") if isinstance(shown, bytes) else str(shown)
            lines.append(html.unescape(re.sub(r"\{\\[^{}]*\}|<[^<>]*>", "", text)).replace("\\N", "\n").replace("\\n", "\n"))
    return lines
