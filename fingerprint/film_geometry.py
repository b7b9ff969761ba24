"""Where a work's picture lies in an output's: one affine placement that the local features of all moments agree on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.features import Alignment, Fingerprint
from fingerprint.film_local import LOCAL, SIGNATURE, in_pixels, shapes
from fingerprint.film_sight import Float, Index
from fingerprint.hashing import UInt8, hamming
from fingerprint.image_local import Points

NEAR_BITS = 26  # of 96 between the signatures of one point seen twice
MOST_PAIRS = 500
MOST_PICTURES = 24  # pairs of pictures whose points are compared
LEAST_INLIERS = 5
CELLS = 12  # a side: agreeing points in one cell of the work's picture count once
NEAR_SHARE = 0.06  # of the work's longer side: how far a point may be from its place
SIZE_TOLERANCE = 0.5  # natural log
ANGLE_TOLERANCE = 0.5  # radians
LEAST_SIZE, LARGEST_SIZE = 0.15, 6.0


@dataclass(frozen=True)
class Placement:
    """matrix float64[2, 3] takes the work's unit square to the output's (mirrored outputs: to the mirrored one).

    pairs     which pairs agree
    distinct  how many different places of the work's picture they are
    """

    matrix: Float
    pairs: Index
    distinct: int


@dataclass(frozen=True)
class Pairs:
    """Points of the output and of the work that may be the same: places in pixels, shapes of the two pictures, seconds."""

    ours: Points
    theirs: Points
    our_shapes: Float
    their_shapes: Float
    our_times: Float
    their_times: Float
    rows: Index

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, chosen: Index) -> Pairs:
        """The chosen pairs."""
        ours, theirs = (
            Points(p.x[chosen], p.y[chosen], p.size[chosen], p.angle[chosen], p.descriptors[chosen])
            for p in (self.ours, self.theirs)
        )
        shapes_of = self.our_shapes[chosen], self.their_shapes[chosen]
        return Pairs(ours, theirs, *shapes_of, self.our_times[chosen], self.their_times[chosen], self.rows[chosen])

    def places(self) -> tuple[Float, Float]:
        """float64[n, 2] of both."""
        mine = np.stack([self.ours.x, self.ours.y], axis=1).astype(np.float64)
        return mine, np.stack([self.theirs.x, self.theirs.y], axis=1).astype(np.float64)


def placement(pairs: Pairs) -> Placement | None:
    """The placement that most pairs agree on, or None."""
    if len(pairs) < LEAST_INLIERS:
        return None
    inside = np.flatnonzero(_agreeing(pairs))
    if len(inside) < LEAST_INLIERS:
        return None
    mine, other = pairs.places()
    source = other[inside] / pairs.their_shapes[inside]
    matrix = _affine(source, mine[inside] / pairs.our_shapes[inside])
    if matrix is None:
        return None
    return Placement(matrix, inside, len(np.unique(np.floor(source * CELLS), axis=0)))


def pairs_of(probe: Fingerprint, work: Fingerprint, alignment: Alignment) -> Pairs | None:
    """Of each two pictures that share most hits, all points of the output's, each with the most alike of the work's; the best.

    Hits only tell which pictures may be the same: of a point seen twice, two in three fall into other words.
    """
    if probe.payload is None or work.payload is None or not len(alignment.output_rows):
        return None
    shared = np.stack([probe.positions[alignment.output_rows], alignment.work_rows], axis=1)
    pictures, hits = np.unique(shared, axis=0, return_counts=True)
    ours, theirs, bits = [], [], []
    for tick, position in pictures[np.argsort(-hits, kind="stable")][:MOST_PICTURES].tolist():
        a, b = np.searchsorted(probe.positions, [tick, tick + 1])
        c, d = np.searchsorted(work.positions, [position, position + 1])
        if c == d:
            continue
        far = hamming(_words(probe.payload[a:b])[:, None], _words(work.payload[c:d])[None])
        ours.append(np.arange(a, b))
        theirs.append(far.argmin(axis=1) + c)
        bits.append(far.min(axis=1))
    if not ours:
        return None
    far_bits = np.concatenate(bits)
    best = np.argsort(far_bits, kind="stable")[:MOST_PAIRS]
    best = best[far_bits[best] <= NEAR_BITS]
    return _pairs(probe, work, np.concatenate(ours)[best].astype(np.int64), np.concatenate(theirs)[best].astype(np.int64))


def _words(payload: UInt8) -> npt.NDArray[np.uint32]:
    """uint32[n, 3]: signatures as words, which are compared four times as fast as bytes."""
    return np.ascontiguousarray(payload[:, SIGNATURE]).view(np.uint32)


def _pairs(probe: Fingerprint, work: Fingerprint, our_rows: Index, their_rows: Index) -> Pairs | None:
    if probe.payload is None or work.payload is None:
        return None
    mine, other = probe.payload[our_rows], work.payload[their_rows]
    times = [np.asarray(p.positions[rows] * LOCAL.tick, np.float64) for p, rows in ((probe, our_rows), (work, their_rows))]
    return Pairs(in_pixels(mine), in_pixels(other), shapes(mine), shapes(other), times[0], times[1], our_rows)


def _agreeing(pairs: Pairs) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """The pairs that agree with the similarity which the best single pair stands for."""
    size = np.log(pairs.ours.size / pairs.theirs.size).astype(np.float64)
    turn = np.mod(pairs.ours.angle - pairs.theirs.angle, 2 * np.pi).astype(np.float64)
    mine, other = pairs.places()
    x, y = mine[:, 0] + 1j * mine[:, 1], other[:, 0] + 1j * other[:, 1]
    factor = np.exp(size + 1j * turn)
    shift = x - factor * y
    # row: whose similarity is tried; column: which pair is judged by it, in the work's pixels
    far = np.abs((x[None, :] - shift[:, None]) / factor[:, None] - y[None, :])
    span = max(float(np.ptp(other)), 64.0)
    agree = far < NEAR_SHARE * span
    agree &= np.abs(size[None, :] - size[:, None]) < SIZE_TOLERANCE
    agree &= np.abs(np.angle(np.exp(1j * (turn[None, :] - turn[:, None])))) < ANGLE_TOLERANCE
    likely = (size > np.log(LEAST_SIZE)) & (size < np.log(LARGEST_SIZE))
    votes = agree.sum(axis=1) * likely
    best = np.flatnonzero(votes >= votes.max() - 0.5)[0]
    return np.asarray(agree[best])


def _affine(source: Float, target: Float) -> Float | None:
    """float64[2, 3] by least squares, twice, the second time without what is far off; None when it degenerates."""
    keep = np.ones(len(source), bool)
    matrix: Float = np.zeros((2, 3))
    for _ in range(3):
        a = np.hstack([source[keep], np.ones((int(keep.sum()), 1))])
        matrix = np.asarray(np.linalg.lstsq(a, target[keep], rcond=1e-3)[0].T, np.float64)
        rest = np.linalg.norm(source @ matrix[:, :2].T + matrix[:, 2] - target, axis=1)
        keep = rest <= max(2.5 * float(np.median(rest[keep])), 0.004)
        if keep.sum() < LEAST_INLIERS:
            return None
    determinant = float(np.linalg.det(matrix[:, :2]))
    return matrix if 0.01 < abs(determinant) < 40 else None
