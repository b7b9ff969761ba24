"""Which of many placements of registered stills in an output are worth comparing: one look at all of them together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fingerprint.features import Alignment, Part
from fingerprint.hashing import hamming
from fingerprint.image_evidence import LEAST_SEEDS, payload_of
from fingerprint.image_layout import FARTHEST, KIND_COLUMN, LAYOUT_NAME, PROBE_BYTES, apart
from fingerprint.image_local import LOCAL_NAME, PAYLOAD_BYTES, SIGNATURE_BYTES
from fingerprint.image_plane import SEED_DISTANCE

MOST_LAYOUTS = 10  # works of the nearest layouts; among 98,000 parts of photographs a true one that its keys find is the nearest
EDGES_WORTH = 2.15  # bits of both layouts together that are as rare by chance as one of the edges alone

Pairs = Sequence[tuple[Part, Alignment]]
Bool = npt.NDArray[np.bool_]


def likely(output: Part, pairs: Pairs) -> list[Alignment]:
    """Of (work part, alignment) those whose work is a film, or that `image_evidence.compare` may find something in."""
    kept = np.ones(len(pairs), bool)
    for scheme, worth in ((LOCAL_NAME, _with_seeds), (LAYOUT_NAME, _nearest)):
        for variant in sorted({a.variant for _, a in pairs}):
            own = [i for i, (w, a) in enumerate(pairs) if (a.scheme, a.variant, w.medium) == (scheme, variant, output.medium)]
            if own:
                kept[own] = worth(output, [pairs[i] for i in own])
    return [a for keep, (_, a) in zip(kept, pairs, strict=True) if keep]


def _with_seeds(output: Part, pairs: Pairs) -> Bool:
    """Whether enough points of the output hit points that look like them."""
    ours = payload_of(output.of(LOCAL_NAME, pairs[0][1].variant), PAYLOAD_BYTES)
    theirs = [payload_of(work.of(LOCAL_NAME), PAYLOAD_BYTES) for work, _ in pairs]
    rows = np.concatenate([a.output_rows for _, a in pairs])
    signatures = np.concatenate([t[a.work_rows, :SIGNATURE_BYTES] for t, (_, a) in zip(theirs, pairs, strict=True)])
    near = hamming(ours[rows, :SIGNATURE_BYTES], signatures) <= SEED_DISTANCE
    pair = np.repeat(np.arange(len(pairs)), [len(a.output_rows) for _, a in pairs])
    seeds = np.unique(pair[near] * len(ours) + rows[near]) // max(len(ours), 1)
    return np.asarray(np.bincount(seeds, minlength=len(pairs)) >= LEAST_SEEDS)


def _nearest(output: Part, pairs: Pairs) -> Bool:
    """Whether the work is one of the nearest, and near enough."""
    ours = payload_of(output.of(LAYOUT_NAME, pairs[0][1].variant), PROBE_BYTES + 1)
    bits = [apart(ours, payload_of(work.of(LAYOUT_NAME), KIND_COLUMN + 1)) for work, _ in pairs]
    far = np.array([np.minimum(both, EDGES_WORTH * edges).min(initial=FARTHEST) for both, edges in bits])
    reached = [bool((both <= FARTHEST).any()) for both, _ in bits]
    nearest = np.zeros(len(pairs), bool)
    nearest[np.argsort(far, kind="stable")[:MOST_LAYOUTS]] = True
    return nearest & reached
