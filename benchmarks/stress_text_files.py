"""Text written in the formats that Byline reads: what stress_text.py wraps outputs and works in."""

from __future__ import annotations

import html
import io
import re
import textwrap
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from sample_files import write_docx

WIDTH = 88
LINES_A_PAGE = 50
CUE_S = 3
CONTAINER = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text; one without blank lines is cut into lumps of a hundred words."""
    found = [p for p in text.split("\n\n") if p.strip()]
    if len(found) > 1:
        return found
    words = text.split()
    return [" ".join(words[k : k + 100]) for k in range(0, len(words), 100)]


def write_html(path: Path, text: str) -> None:
    body = "".join(f"<p class='x'>{html.escape(p).replace(' the ', ' <em>the</em> ')}</p>\n" for p in paragraphs(text))
    path.write_text(f"<!DOCTYPE html><html><head><title>x</title></head><body>\n{body}</body></html>", encoding="utf-8")


def write_markdown(path: Path, text: str) -> None:
    path.write_text("# Notes\n\n" + "\n\n".join(f"> {p}" for p in paragraphs(text)), encoding="utf-8")


def write_srt(path: Path, text: str) -> None:
    """Cues of eight words."""
    words = text.split()
    cues = [" ".join(words[k : k + 8]) for k in range(0, len(words), 8)]
    path.write_text(
        "".join(f"{n + 1}\n{_clock(n * CUE_S)} --> {_clock(n * CUE_S + 2)}\n{cue}\n\n" for n, cue in enumerate(cues)),
        encoding="utf-8",
    )


def write_vtt(path: Path, text: str) -> None:
    """The same as WebVTT, with settings and a speaker in some cues."""
    words = text.split()
    cues = [" ".join(words[k : k + 9]) for k in range(0, len(words), 9)]
    shown = "".join(
        f"{n}\n{_clock(n * CUE_S)[:8]}.000 --> {_clock(n * CUE_S + 2)[:8]}.000 align:start\n{'<v Ines>' * (n % 3 == 0)}{cue}\n\n"
        for n, cue in enumerate(cues)
    )
    path.write_text(f"WEBVTT\n\n{shown}", encoding="utf-8")


def write_tex(path: Path, text: str) -> None:
    """Sections of five paragraphs, with emphasis and references."""
    escaped = [re.sub(r"([#$%&_{}])", r"\\\1", p.replace("\\", " ")) for p in paragraphs(text)]
    shown = "".join(
        (f"\\section{{Part}}\\label{{p{n}}}\n" if n % 5 == 0 else "") + re.sub(r" (and) ", r" \\emph{\1} ", p) + " \\cite{x}\n\n"
        for n, p in enumerate(escaped)
    )
    path.write_text("\\documentclass{article}\n\\begin{document}\n" + shown + "\\end{document}\n", encoding="utf-8")


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},000"


def write_epub(path: Path, text: str) -> None:
    """A chapter for every twenty paragraphs."""
    whole = paragraphs(text)
    chapters = ["".join(f"<p>{html.escape(p)}</p>" for p in whole[k : k + 20]) for k in range(0, len(whole), 20)]
    items = "".join(f'<item id="c{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(len(chapters)))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OPS/book.opf", f"<package><manifest>{items}</manifest><spine>{spine}</spine></package>")
        for n, chapter in enumerate(chapters):
            archive.writestr(f"OPS/c{n}.xhtml", f"<html><body>{chapter}</body></html>")


def write_pdf(path: Path, text: str) -> None:
    """Pages of wrapped lines in Helvetica; letters that Latin-1 does not have are left out."""
    lines = [line for p in paragraphs(text) for line in [*textwrap.wrap(p, WIDTH), ""]]
    pages = [lines[k : k + LINES_A_PAGE] for k in range(0, len(lines), LINES_A_PAGE)]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]  # fmt: skip
    for n, page in enumerate(pages):
        shown = "".join(f"({_escaped(line)}) Tj T*\n" for line in page)
        stream = f"BT /F1 10 Tf 12 TL 40 760 Td\n{shown}ET".encode("latin-1", "ignore")
        about = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents {5 + 2 * n} 0 R/Resources<</Font<</F1 3 0 R>>>>>>"
        objects += [about.encode(), b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream)]
    path.write_bytes(_pdf_of(objects))


def _escaped(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _pdf_of(objects: list[bytes]) -> bytes:
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj%s endobj\n" % (number, body))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table))
    return out.getvalue()


def write_rtf(path: Path, text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}")
    shown = "".join(c if ord(c) < 128 else f"\\u{ord(c) if ord(c) < 32768 else 63}?" for c in escaped).replace("\n", "\\par\n")
    path.write_text("{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Times;}}\\f0 " + shown + "}", encoding="ascii", errors="ignore")


def write_word(path: Path, text: str) -> None:
    """Word knows no control characters."""
    write_docx(path, "".join(c for c in text if c.isprintable() or c in "\n\t"))


WRITERS: Mapping[str, Callable[[Path, str], None]] = {
    ".docx": write_word, ".epub": write_epub, ".html": write_html, ".md": write_markdown, ".pdf": write_pdf, ".rtf": write_rtf,
    ".srt": write_srt, ".vtt": write_vtt, ".tex": write_tex,
}  # fmt: skip
