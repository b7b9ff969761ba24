"""The Medium record. A medium is a value, not a subclass: its functions and the schemes they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fingerprint.features import Alignment, Evidence, Fingerprint, Part, Scheme, Span


@dataclass(frozen=True)
class Glance:
    """A first look at a long output, which tells where it is worth looking closely.

    first   signal -> the same, of which `probes` sees only what costs little; None when it is to be seen whole at once
    closer  (signal, what `probes` saw of `first`, moments that led somewhere) -> the signal, of which `probes` now sees those
            moments with what surrounds them, and all that the glance could not see; None when nothing is left to see
    leads   (output part, work part, hits of one moment of the output on one moment of the work) -> are they alike?
    """

    first: Callable[[Any], Any]
    closer: Callable[[Any, Part, list[Span]], Any]
    leads: Callable[[Part, Part, Alignment], bool]


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
    glance     how a long output is looked at first; None: always whole
    distinct   (output part, its alignments) -> those worth comparing: where two views of the output lead to one place of a
               work, the one with more support. None: all
    likely     (output part, [(work part, alignment)]) -> those worth comparing, which one look at all of them together does not
               show to be chance. None: all
    explained  (output part, [(work part, evidence of a sure copy)]) -> do these leave nothing of the output to be looked
               for? None: they may always
    manner     signal -> Fingerprint of one row, or of none: how it is made, whatever it shows. None: not told of this medium
    for_films  signal -> Part: the probes, with what is looked up in films alone. None: there is nothing such
    """

    name: str
    suffixes: tuple[str, ...]
    schemes: tuple[Scheme, ...]
    decode: Callable[[Path], Any]
    features: Callable[[Any], Part]
    probes: Callable[[Any], Part]
    compare: Callable[[Part, Part, Alignment], list[Evidence]]
    glance: Glance | None = None
    distinct: Callable[[Part, list[Alignment]], list[Alignment]] | None = None
    likely: Callable[[Part, Sequence[tuple[Part, Alignment]]], list[Alignment]] | None = None
    explained: Callable[[Part, Sequence[tuple[Part, Evidence]]], bool] | None = None
    manner: Callable[[Any], Fingerprint] | None = None
    for_films: Callable[[Any], Part] | None = None
