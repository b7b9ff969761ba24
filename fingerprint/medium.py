"""The Medium record. A medium is a value, not a subclass: four functions and the schemes they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fingerprint.features import Alignment, Evidence, Part, Scheme


@dataclass(frozen=True)
class Medium:
    """One kind of media.

    name       "film", "audio", "text", "image"
    suffixes   file names that are tried when a folder is walked; what a file is gets decided by its content
    schemes    every scheme it can make or read, those that others have succeeded too
    decode     path -> signal: a stream, never the whole of a long file in memory. Raises UnreadableMedia.
    features   signal -> Part: what the registry stores
    probes     signal -> Part: what is looked up; may be denser, and hold variants (mirrored, pitch-shifted, cropped)
    compare    (output part, work part, alignment) -> list of Evidence: the medium's own verification. The work part holds
               the stored fingerprints, never media.
    """

    name: str
    suffixes: tuple[str, ...]
    schemes: tuple[Scheme, ...]
    decode: Callable[[Path], Any]
    features: Callable[[Any], Part]
    probes: Callable[[Any], Part]
    compare: Callable[[Part, Part, Alignment], list[Evidence]]
