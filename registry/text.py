"""Texts as SQLite can store them."""

from __future__ import annotations


def storable(text: str) -> str:
    """The text; a lone surrogate, as in a file name that is not UTF-8, becomes its escape. All else is kept, NUL too."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
