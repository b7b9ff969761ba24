"""Media file in, fingerprints out. Pure: no storage, no network, no print.

`extract(path)` gives what a registry stores, `probe(path)` what a scan looks up; MEDIA is the table of the four media.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from fingerprint.errors import BadFingerprint, BylineError, UnreadableMedia

if TYPE_CHECKING:
    from fingerprint.features import Alignment, Evidence, Fingerprint, Media, Part, Scheme, Span
    from fingerprint.medium import Medium

__all__ = [
    "Alignment",
    "BadFingerprint",
    "BylineError",
    "Evidence",
    "Fingerprint",
    "Media",
    "Part",
    "Scheme",
    "Span",
    "UnreadableMedia",
    "extract",
    "glance",
    "look_closer",
    "manner_of",
    "media_table",
    "probe",
    "schemes",
    "tick_of",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """The types, on first use: whoever only catches errors does not wait for NumPy."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from fingerprint import features

        return getattr(features, name)


def media_table() -> Mapping[str, Medium]:
    """The four media by name. Imported on first use: OpenCV and PyAV are heavy."""
    from fingerprint.table import MEDIA

    return MEDIA


def schemes() -> Mapping[str, Scheme]:
    """Every scheme of every medium by name."""
    return MappingProxyType({s.name: s for m in media_table().values() for s in m.schemes})


def tick_of(part: Part, scheme: Scheme) -> float:
    """What one step of positions in that scheme is in this part: of what a film is looked up by in stills, the film's own."""
    return scheme.tick if scheme.medium in (part.medium, "film") else media_table()[part.medium].schemes[0].tick


def extract(path: Path | str) -> Media:
    """What the registry stores of this file. Raises UnreadableMedia."""
    return _media(Path(path), "features")


def probe(path: Path | str, films: bool = True) -> Media:
    """What a scan of this file looks up; without `films`, where none are registered. Raises UnreadableMedia."""
    return _media(Path(path), "for_films" if films else "probes")


def glance(path: Path | str) -> Media | None:
    """A first look at a long output: of its leading part only what costs little, of the others all that a scan looks up.

    None when the file is to be probed whole at once. Raises UnreadableMedia.
    """
    from fingerprint.sniff import sniff

    path = Path(path)
    medium = media_table()[sniff(path).parts[0]]
    reduced = None if medium.glance is None else medium.glance.first(medium.decode(path))
    return None if reduced is None else _media(path, "probes", medium.probes(reduced))


def look_closer(path: Path | str, seen: Media, moments: list[Span]) -> Media:
    """What a scan of this file looks up, now of its leading part also what surrounds these seconds. `seen` is the glance's."""
    from dataclasses import replace

    path, part = Path(path), seen.parts[0]
    medium = media_table()[part.medium]
    reduced = None if medium.glance is None else medium.glance.closer(medium.decode(path), part, moments)
    return seen if reduced is None else replace(seen, parts=(medium.probes(reduced), *seen.parts[1:]))


def manner_of(path: Path | str) -> Fingerprint | None:
    """How the leading part of this file is made, whatever it shows; None for a medium of which that is not told.

    Raises UnreadableMedia.
    """
    from fingerprint.sniff import sniff

    path = Path(path)
    medium = media_table()[sniff(path).parts[0]]
    return None if medium.manner is None else medium.manner(medium.decode(path))


def _media(path: Path, view: str, leading: Part | None = None) -> Media:
    """The media of this file; its leading part is the one given, or made as the others are."""
    from fingerprint.features import Media
    from fingerprint.sniff import sniff

    table = media_table()
    kind = sniff(path)
    parts = [leading] if leading else []
    for name in kind.parts[len(parts) :]:
        medium = table[name]
        make = getattr(medium, view) or medium.probes
        parts.append(make(medium.decode(path)))
    return Media(kind.medium, sha256_of(path), tuple(parts), kind.tags)


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
