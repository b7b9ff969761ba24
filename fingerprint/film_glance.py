"""A first look at a long output that costs little: its key frames alone, and which of them are worth a closer look.

Key frames can be decoded without the frames between them, for a tenth of the cost of all (as near-duplicate video search
does when it samples I-frames). Encoders put one at most cuts and every ten seconds.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fingerprint import film_still
from fingerprint.features import Alignment, Fingerprint, Part, Span
from fingerprint.film_frames import Film
from fingerprint.film_geometry import pairs_of, placement
from fingerprint.film_local import LOCAL
from fingerprint.film_sight import FRAMES, HASH_BYTES
from fingerprint.hashing import hamming
from fingerprint.medium import Glance

SHORT_S = 45.0  # a shorter output is looked at whole at once
MOST_GAP_S = 12.0  # what lies between key frames further apart is always looked at closely
AROUND_S = 15.0  # on each side of a moment that is looked at closely
NEARLY_ALL = 0.7  # when so much of a film is to be looked at, all of it is
LEAD_BITS = 60  # of 256: a key frame this near to a registered picture is worth a closer look
LEAD_POINTS = 6  # or one with this many points on one placement


def first(film: Film) -> Film | None:
    """The film reduced to its key frames; None when it is short, or of pictures that each stand alone."""
    return None if film.still_reader or film.declared_s < SHORT_S else dataclasses.replace(film, within=())


def closer(film: Film, glance: Part, moments: list[Span]) -> Film | None:
    """The film reduced to what lies around these seconds and to where the glance saw nothing; None: nothing is left to see."""
    frames = glance.of(FRAMES.name)
    seen = np.zeros(0) if frames is None else frames.positions * FRAMES.tick
    edges = np.concatenate([[0.0], seen, [film.declared_s]])
    dark = [(float(edges[i]), float(edges[i + 1])) for i in np.flatnonzero(np.diff(edges) > MOST_GAP_S)]
    spans: list[Span] = []
    for start, end in sorted([*((a - AROUND_S, b + AROUND_S) for a, b in moments), *dark]):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((max(start, 0.0), end))
    if not spans:
        return None
    share = sum(b - a for a, b in spans) / film.declared_s
    return dataclasses.replace(film, within=None if share > NEARLY_ALL else tuple(spans))


def leads(output: Part, work: Part, alignment: Alignment) -> bool:
    """Whether a key frame and a picture of a work that share keys look alike, as a whole or by points of a part of it."""
    if work.medium == "image":
        return bool(film_still.compare(output, work, alignment))
    probe, theirs = output.of(alignment.scheme, alignment.variant), work.of(alignment.scheme)
    if probe is None or theirs is None or not len(theirs):
        return False
    if alignment.scheme == LOCAL.name:
        pairs = pairs_of(probe, theirs, alignment)
        place = None if pairs is None else placement(pairs)
        return place is not None and place.distinct >= LEAD_POINTS
    return _bits(probe, theirs, alignment) <= LEAD_BITS


def _bits(probe: Fingerprint, theirs: Fingerprint, alignment: Alignment) -> int:
    if probe.payload is None or theirs.payload is None:
        return 8 * HASH_BYTES
    rows = np.clip(np.searchsorted(theirs.positions, alignment.work_rows), 0, len(theirs) - 1)
    return int(hamming(probe.payload[alignment.output_rows, :HASH_BYTES], theirs.payload[rows, :HASH_BYTES]).min())


GLANCE = Glance(first, closer, leads)
