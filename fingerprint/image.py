"""Stills: whole-picture hashes find most copies at once, local features checked by geometry and pixels find the rest."""

from __future__ import annotations

from dataclasses import replace

from fingerprint import (
    image_evidence,
    image_film,
    image_layout,
    image_likely,
    image_local,
    image_pixels,
    image_style,
    image_views,
)
from fingerprint.features import Alignment, Evidence, Fingerprint, Part
from fingerprint.image_open import Still, colours, decode
from fingerprint.medium import Medium
from fingerprint.pictures import WHOLE

SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".jp2", ".heic", ".heif",
)  # fmt: skip


def features(still: Still) -> Part:
    """What the registry stores: whole hashes, a small grey copy, 300 local features, the manner."""
    grey = still.grey
    made = tuple(m.work_fingerprint(grey) for m in (image_views, image_layout, image_pixels, image_local))
    return Part("image", (float(still.width), float(still.height)), (*made, manner(still)))


def manner(still: Still) -> Fingerprint:
    """How the picture is made, whatever it shows."""
    return image_style.fingerprint(colours(still))


def probes(still: Still) -> Part:
    """What a scan looks up: hashes of views and regions, more local features, also mirrored; and the picture to compare."""
    return _probes(still, image_local.seen(still.grey))


def for_films(still: Still) -> Part:
    """The same, with the points that are looked up in films alone: they cost as much as all the rest."""
    points = image_local.seen(still.grey)
    part = _probes(still, points)
    of_films = image_film.probe_fingerprints(still.grey, (image_local.seen_larger(still.grey), points[1]))
    return replace(part, fingerprints=(*part.fingerprints, *of_films))


def _probes(still: Still, points: tuple[image_local.Seen, image_local.Seen]) -> Part:
    grey = still.grey
    layouts, local = image_layout.probe_fingerprints(grey), image_local.probe_fingerprints(grey, points)
    whole, small = image_views.probe_fingerprint(grey), image_pixels.probe_fingerprint(grey)
    made = (whole, *layouts, small, *local, image_film.frame(grey))
    return Part("image", (float(still.width), float(still.height)), made)


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """Evidence that `work`, a still or a film, is in the output."""
    if work.medium == "film":
        return image_film.compare(output, work, alignment)
    return image_evidence.compare(output, work, alignment)


IMAGE = Medium(
    "image",
    SUFFIXES,
    (WHOLE, image_layout.LAYOUT, image_layout.OLD_LAYOUT, image_local.LOCAL, image_pixels.SMALL, image_style.STYLE),
    decode,
    features,
    probes,
    compare,
    for_films=for_films,
    likely=image_likely.likely,
    manner=manner,
)
