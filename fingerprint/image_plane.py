"""Which placement of a work in an output their local features agree on, and how far that is from chance.

One pair of SIFT points gives a whole similarity (Hough voting, Lowe, IJCV 2004), so every likely pair is tried: no dice.
The best is refined by cv2.USAC_MAGSAC (Barath et al., CVPR 2020) with a fixed seed. Chance is measured on the same two
pictures, by shifting the placement, so that repeated texture is worth as little as it is (a contrario: Moisan & Stival,
IJCV 2004).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.hashing import Int64, UInt8
from fingerprint.image_local import Points

SEED_DISTANCE = 38  # of 128 bits: one random pair in 1,500 is as near
FAR = 48  # one in 60
LEVELS = (30, 38, 46)  # signature distances at which agreement is counted
RADII = (0.008, 0.025)  # of the output's working diagonal: a copy sits tightly, a redrawing loosely
SEEDS = 160
LEAST_SPOTS = 3  # at which seeds must agree on a placement
SPOT = 4  # pixels a side: points at one spot are one point with several angles
LEAST_FIT = 4
LEAST_SCALE = 0.05
SEED_REACH = 0.02  # of the output's diagonal
ANGLE = np.deg2rad(30.0)
SIZE = np.log(1.9)
LEAST_MAGSAC = 8
SHIFTS = 24
FAR_APART = 1 << 32

Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Complex = npt.NDArray[np.complexfloating]


@dataclass(frozen=True)
class Placement:
    """transform float64[3, 3] takes output pixels to work pixels (both working sizes). rows, work_rows: agreeing points.

    surprise is log10 of how unlikely so much agreement is by chance; agreeing the number of distinct places.
    """

    transform: Float64
    rows: Int64
    work_rows: Int64
    surprise: float
    agreeing: int
    expected: float
    radius: float


def distances(output: UInt8, work: UInt8) -> UInt8:
    """Signature distances uint8[n, m] in bits, of signatures uint8[n, 16] and uint8[m, 16]."""
    a, b = (np.ascontiguousarray(s).view(np.uint64) for s in (output, work))
    bits = np.bitwise_count(a[:, None, 0] ^ b[None, :, 0])
    bits += np.bitwise_count(a[:, None, 1] ^ b[None, :, 1])
    return np.asarray(bits, np.uint8)


def place(output: Points, work: Points, far: UInt8, diagonal: float) -> Placement | None:
    """The placement with most agreement, or None when there is none worth looking at."""
    seeds = _seeds(far)
    if len(seeds) < LEAST_SPOTS:
        return None
    transform = _best_similarity(output, work, seeds, SEED_REACH * diagonal)
    if transform is None:
        return None
    refined = _refined(output, work, far, transform, diagonal)
    found = [agreement(output, work, far, t, diagonal) for t in (transform, *refined)]
    return max(found, key=lambda p: (p.surprise, p.agreeing))


def distinct(signatures: UInt8, points: Points, rows: Int64) -> float:
    """Of these points of one picture: the mean of one over how many points elsewhere in it look the same, each its own too.

    1 where every point is the only one of its kind. The rim of a disc, a row of windows, letters of a caption, bricks: there
    many look the same, and what agrees on one of them agrees on all.
    """
    if not len(rows):
        return 1.0
    same = distances(np.ascontiguousarray(signatures[rows]), signatures) <= LEVELS[0]
    away = np.hypot(points.x[rows, None] - points.x[None], points.y[rows, None] - points.y[None]) > 2 * SPOT
    return float((1.0 / (1 + (same & away).sum(axis=1))).mean())


def worth_placing(output: Points, work: Points, pairs: Int64, diagonal: float) -> bool:
    """Whether these likely pairs [k, 2] hold three at different spots that agree on a placement."""
    return len(pairs) >= LEAST_SPOTS and _best_similarity(output, work, pairs, SEED_REACH * diagonal, fit=False) is not None


def _seeds(far: UInt8) -> Int64:
    """[k, 2] pairs that are each other's nearest, nearest first."""
    if not far.size:
        return np.zeros((0, 2), np.int64)
    row = np.arange(far.shape[0])
    column = far.argmin(axis=1)
    mutual = (far.argmin(axis=0)[column] == row) & (far[row, column] <= SEED_DISTANCE)
    pairs = np.stack([row[mutual], column[mutual]], axis=1)
    return np.asarray(pairs[np.argsort(far[pairs[:, 0], pairs[:, 1]], kind="stable")][:SEEDS], np.int64)


def similarities(output: Points, work: Points, pairs: Int64) -> tuple[Complex, Complex]:
    """complex[k] each: the similarity that a pair of points stands for, z -> turn * z + shift with places as complex numbers."""
    r, c = pairs.T
    turn = work.size[c] / output.size[r] * np.exp(1j * (work.angle[c] - output.angle[r]))
    return turn, work.x[c] + 1j * work.y[c] - turn * (output.x[r] + 1j * output.y[r])


def _best_similarity(output: Points, work: Points, pairs: Int64, tolerance: float, fit: bool = True) -> Float64 | None:
    """The similarity of one seed that most other seeds agree with, fitted again to those; float64[3, 3]."""
    turn, shift = similarities(output, work, pairs)
    z, w = (side.x[rows] + 1j * side.y[rows] for side, rows in ((output, pairs[:, 0]), (work, pairs[:, 1])))
    scale = np.abs(turn)
    size, direction = np.log(scale), turn / scale
    inside = (
        np.abs(w[None, :] - shift[:, None] - turn[:, None] * z[None, :]) <= tolerance * np.maximum(scale, LEAST_SCALE)[:, None]
    )
    inside &= np.abs(size[:, None] - size[None, :]) <= SIZE
    inside &= (direction[:, None] * direction[None, :].conj()).real >= np.cos(ANGLE)
    best = int(inside.sum(axis=1).argmax())
    agreeing = inside[best]
    # Of 20 works that chance leads to and that have three votes, one has them from different spots.
    if min(_different(z[agreeing]), _different(w[agreeing])) < LEAST_SPOTS:
        return None
    return _fitted(z[agreeing], w[agreeing], complex(turn[best]), complex(shift[best])) if fit else np.eye(3)


def _different(places: Complex) -> int:
    """How many spots these places are at."""
    return len({(x // SPOT, y // SPOT) for x, y in zip(places.real.tolist(), places.imag.tolist(), strict=True)})


def _fitted(z: Complex, w: Complex, turn: complex, shift: complex) -> Float64:
    """The similarity through these places z -> w where there are enough of them, else the one given; float64[3, 3]."""
    p, q = (np.stack([v.real, v.imag], axis=1).astype(np.float64) for v in (z, w))
    fitted = cv2.estimateAffinePartial2D(p, q, method=cv2.LMEDS)[0] if len(p) >= LEAST_FIT else None
    given = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
    return np.vstack([given if fitted is None else fitted, [0.0, 0.0, 1.0]])


def _alike(scale: Float64, other: Float64, turn: Float64) -> Bool:
    turned = np.abs(np.mod(turn + np.pi, 2 * np.pi) - np.pi)
    return np.asarray((np.abs(np.log(scale / other)) <= SIZE) & (turned <= ANGLE), bool)


def _refined(output: Points, work: Points, far: UInt8, transform: Float64, diagonal: float) -> list[Float64]:
    """An affine map and a homography through the points that agree with `transform`, where they are sane."""
    first = agreement(output, work, far, transform, diagonal)
    if len(first.rows) < LEAST_MAGSAC:
        return []
    p = np.stack([output.x[first.rows], output.y[first.rows]], axis=1).astype(np.float64)
    q = np.stack([work.x[first.work_rows], work.y[first.work_rows]], axis=1).astype(np.float64)
    tolerance = RADII[0] * diagonal * _scale(transform)
    cv2.setRNGSeed(1)
    affine = cv2.estimateAffine2D(p, q, method=cv2.USAC_MAGSAC, ransacReprojThreshold=tolerance)[0]
    cv2.setRNGSeed(1)
    plane = cv2.findHomography(p, q, cv2.USAC_MAGSAC, tolerance)[0]
    found = [] if affine is None else [np.vstack([affine, [0.0, 0.0, 1.0]])]
    found += [] if plane is None else [np.asarray(plane, np.float64)]
    return [t for t in found if sane(t, p)]


def sane(transform: Float64, points: Float64) -> bool:
    """No mirroring, no shear, squeeze or perspective that photographs of a page do not have, over these points."""
    corners = np.array([points.min(axis=0), points.max(axis=0)])
    grid = np.array([[x, y] for x in corners[:, 0] for y in corners[:, 1]])
    derivatives = [jacobian(transform, point) for point in grid]
    sizes = np.array([np.linalg.det(d) for d in derivatives])
    if (sizes <= 1e-4).any() or sizes.max() > 6 * sizes.min():
        return False
    return all(np.linalg.cond(d) < 3.0 for d in derivatives)


def jacobian(transform: Float64, point: Float64) -> Float64:
    """The 2 x 2 derivative of a homography at one point."""
    x, y, w = transform @ np.array([point[0], point[1], 1.0])
    top = transform[:2, :2] * w - np.outer([x, y], transform[2, :2])
    return np.asarray(top / w**2, np.float64)


def _scale(transform: Float64) -> float:
    return float(np.sqrt(abs(np.linalg.det(transform[:2, :2])))) or 1e-6


def project(transform: Float64, x: npt.NDArray[np.generic], y: npt.NDArray[np.generic]) -> Float64:
    """[n, 2]: points mapped by a homography."""
    mapped = np.stack([x, y, np.ones(len(x))], axis=1) @ transform.T
    return np.asarray(mapped[:, :2] / np.where(np.abs(mapped[:, 2:]) < 1e-9, 1e-9, mapped[:, 2:]), np.float64)


def agreement(output: Points, work: Points, far: UInt8, transform: Float64, diagonal: float) -> Placement:
    """How many points agree with `transform`, and how surprising that is beside shifted placements."""
    row, column, gap, distance = _gaps(output, work, far, transform)
    spots = _spots(output)[row], _spots(work)[column]
    best = (0.0, 0, 0.0, RADII[0], LEVELS[0])
    for radius in RADII:
        reach = radius * diagonal * _scale(transform)
        shift, pair = _discs(gap, reach)
        for level in LEVELS:
            chosen = distance[pair] <= level
            count, expected = _count(shift[chosen], [s[pair[chosen]] for s in spots])
            value = surprise(count, expected)
            if value > best[0]:
                best = (value, count, expected, radius, level)
    value, count, expected, radius, level = best
    inside = (distance <= level) & (np.hypot(gap[:, 0], gap[:, 1]) <= radius * diagonal * _scale(transform))
    rows, work_rows = one_to_one(row[inside], column[inside], distance[inside])
    return Placement(transform, rows, work_rows, value, count, expected, radius)


def _gaps(output: Points, work: Points, far: UInt8, transform: Float64) -> tuple[Int64, Int64, Float64, UInt8]:
    """Pairs whose signature, size and angle suit the transform: row, column, by how much they miss it, their distance."""
    row, column = np.nonzero(far <= FAR)
    scale, turn = _scale(transform), np.arctan2(transform[1, 0], transform[0, 0])
    ratio = (work.size[column] / output.size[row]).astype(np.float64)
    angle = (work.angle[column] - output.angle[row] - turn).astype(np.float64)
    like = _alike(ratio, np.full(len(ratio), scale), angle)
    row, column = row[like], column[like]
    mapped = project(transform, output.x, output.y)
    gap = mapped[row] - np.stack([work.x[column], work.y[column]], axis=1)
    return row, column, gap, far[row, column]


def _discs(gap: Float64, reach: float) -> tuple[Int64, Int64]:
    """Which pairs lie within `reach` of each placement: number 0 is the placement itself, the others are shifted ones."""
    angles = np.arange(SHIFTS) * (2 * np.pi / 8)
    away = reach * np.repeat([4.0, 7.0, 10.0], SHIFTS // 3)
    centres = np.vstack([[0.0, 0.0], np.stack([away * np.cos(angles), away * np.sin(angles)], axis=1)])
    near = np.flatnonzero((np.abs(gap) <= 11.5 * reach).all(axis=1))
    miss = gap[near, None, :] - centres[None]
    pair, shift = np.nonzero((miss**2).sum(axis=2) <= reach**2)
    return shift.astype(np.int64), near[pair].astype(np.int64)


def _count(shift: Int64, spots: list[Int64]) -> tuple[int, float]:
    """Different spots that agree with the placement, on the side that has fewer, and the mean of that over the shifts."""
    counts = []
    for spot in spots:
        different = np.unique(shift * FAR_APART + spot) // FAR_APART
        counts.append(np.bincount(different, minlength=SHIFTS + 1))
    least = np.minimum(counts[0], counts[1])
    return int(least[0]), float(least[1:].mean())


def _spots(points: Points) -> Int64:
    """One number for each spot."""
    return np.asarray(np.floor(points.y / SPOT).astype(np.int64) * 4096 + np.floor(points.x / SPOT).astype(np.int64), np.int64)


def surprise(count: int, expected: float) -> float:
    """-log10 of the chance of `count` or more where `expected` is usual: the Poisson tail, by its Chernoff bound.

    The pair that the placement was made from agrees by itself and does not count; half a pair is always expected.
    """
    usual = expected + 0.5
    rest = count - 2
    if rest <= usual:
        return 0.0
    return float((rest * np.log(rest / usual) - rest + usual) / np.log(10))


def one_to_one(row: Int64, column: Int64, distance: UInt8) -> tuple[Int64, Int64]:
    """Each row and each column at most once, nearest pairs first."""
    order = np.argsort(distance, kind="stable")
    seen_row: set[int] = set()
    seen_column: set[int] = set()
    kept = []
    for i in order.tolist():
        r, c = int(row[i]), int(column[i])
        if r not in seen_row and c not in seen_column:
            seen_row.add(r)
            seen_column.add(c)
            kept.append(i)
    return row[kept], column[kept]
