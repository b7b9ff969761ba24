"""Texts as SQLite can store them, and years in them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

YEAR_COLUMNS = ("year", "date", "created", "published")
YEAR = re.compile(r"(?<!\d)(1\d{3}|20\d{2})(?!\d)")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four: their full-width forms
IN_TITLE = re.compile(r"\((1\d{3}|20\d{2})\)\s*$")


def storable(text: str) -> str:
    """The text; a lone surrogate, as in a file name that is not UTF-8, becomes its escape. All else is kept, NUL too."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def folded(name: str) -> str:
    """The name for comparing: upper and lower case, kinds of blanks and forms of one character make no difference."""
    form = name if name.isascii() else unicodedata.normalize("NFKC", storable(name))
    return " ".join(form.casefold().split())


def inert(cell: object) -> str:
    """The cell of a table as text that no spreadsheet takes for a formula: with an apostrophe in front (OWASP, CSV injection)."""
    text = str(cell)
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip(" ").startswith(FORMULA) else text


def year_of(about: Mapping[str, object], title: str) -> int | None:
    """The year in which a work was made: of a catalogue's column year, date, created or published (of 1887-05-02 the year),
    else what stands in brackets at the end of its title; None when nothing tells.
    """
    columns = {str(name).strip().lower(): str(value) for name, value in about.items()}
    found = next((year for name in YEAR_COLUMNS if (year := YEAR.search(columns.get(name, "")))), None) or IN_TITLE.search(title)
    return int(found[1]) if found else None
