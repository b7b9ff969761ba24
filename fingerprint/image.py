"""image: decode, features, probes, compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fingerprint.errors import UnreadableMedia
from fingerprint.features import Alignment, Evidence, Part
from fingerprint.medium import Medium


def decode(path: Path) -> Any:
    raise UnreadableMedia(path, "image is not built yet")


def features(signal: Any) -> Part:
    raise AssertionError(signal)


def probes(signal: Any) -> Part:
    return features(signal)


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    return []


IMAGE = Medium("image", (), (), decode, features, probes, compare)
