"""A small grey copy of each registered still, and how well an output laid over it agrees.

The same photograph agrees wherever it is laid right; another photograph of the same object, or a texture that happens to
have similar corners, does not. Both are normalized against their surroundings, so that light, contrast and colour do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint, Scheme, make
from fingerprint.hashing import UInt8
from fingerprint.image_layout import FINE, SIDE, maps, maps_of_square, normalized_where, share_of
from fingerprint.image_views import trimmed

SMALL_NAME = "image.small.1"
PROBE_SIDE = 320
STEPS = 65535
MOST_USUAL = 0.9
LEAST_SHARE = 0.02
LEAST_CHANCE = 0.03  # standard deviation of a correlation by chance, at the richest

LEAST_SIZE = 1e-6  # of both maps' lengths together: less is empty
_near = np.minimum(np.arange(SIDE), SIDE - np.arange(SIDE)) <= 3
ELSEWHERE = 1.0 - (_near[:, None] & _near[None, :]).astype(np.float32)  # shifts that chance is told from
# The discrete Fourier transform of 32 places, half of it for real values, and the way back from that half, of both its parts.
FOURIER = np.exp(-2j * np.pi / SIDE * np.outer(np.arange(SIDE), np.arange(SIDE))).astype(np.complex64)
HALF = FOURIER[:, : SIDE // 2 + 1]
_twice = np.where(np.arange(SIDE // 2 + 1) % (SIDE // 2) == 0, 1.0, 2.0)[:, None] / SIDE**2
REAL, IMAGINARY = (_twice * HALF.T.real).astype(np.float32), (_twice * HALF.T.imag).astype(np.float32)

SMALL = Scheme(SMALL_NAME, "image", tick=1.0, payload_width=SIDE, indexed=False, aligner="none")

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Complex64 = npt.NDArray[np.complexfloating]


@dataclass(frozen=True)
class Overlay:
    """How an output laid over a work agrees with it.

    light, edges   correlation of the locally normalized maps, -1 to 1; 0 where nothing can be said
    light_z ...    the same in standard deviations of what the two maps give by chance
    covered        share of the work that lies under the output
    """

    light: float
    edges: float
    light_z: float
    edges_z: float
    covered: float


def work_fingerprint(grey: UInt8) -> Fingerprint:
    """uint8[65, 32]: light and edges of the picture stretched to 32 x 32, then the box without its border (4 x 2 bytes)."""
    height, width = grey.shape
    box = np.array(trimmed(grey), np.float64) / np.array([width, height, width, height])
    rows = np.zeros((2 * SIDE + 1, SIDE), np.uint8)
    rows[: 2 * SIDE] = maps(grey).reshape(2 * SIDE, SIDE)
    rows[2 * SIDE, :8] = np.rint(box * STEPS).astype("<u2").view(np.uint8)
    return make(SMALL, np.arange(len(rows), dtype=np.int32), rows)


def work_maps(small: Fingerprint | None) -> UInt8 | None:
    """uint8[2, 32, 32] of a registered still, or None when it has none."""
    if small is None or small.payload is None or len(small) <= 2 * SIDE:
        return None
    return small.payload[: 2 * SIDE].reshape(2, SIDE, SIDE)


def inner_box(small: Fingerprint | None) -> Float64:
    """x0, y0, x1, y1 of the registered picture without its border, as fractions of its sides."""
    if small is None or small.payload is None or len(small) <= 2 * SIDE:
        return np.array([0.0, 0.0, 1.0, 1.0])
    return np.asarray(small.payload[2 * SIDE, :8].copy().view("<u2").astype(np.float64) / STEPS)


def probe_fingerprint(grey: UInt8) -> Fingerprint:
    """uint8[h, w]: the output itself, longer side at most 320. Never stored."""
    scale = min(1.0, PROBE_SIDE / max(grey.shape))
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    return make(SMALL, np.arange(len(small), dtype=np.int32), small)


@dataclass(frozen=True)
class Laid:
    """An output in a work's frame: maps uint8[2, 32, 32], where it reaches bool[32, 32], both maps normalized there.

    normal float32[2, 32, 32], size float32[2] its length, spectrum complex64[2, 32, 17] its Fourier transform, share as in
    image_layout.share_of
    """

    maps: UInt8
    there: Bool
    mask: Float32
    normal: Float32
    size: Float32
    spectrum: Complex64
    share: Float32


def laid(output: UInt8, transform: Float64, box: Float64 | None = None) -> Laid:
    """`output` uint8[h, w] by `transform` (unit square of the output to that of the work), the same for many works.

    With a box (x0, y0, x1, y1, fractions of the work's sides), it reaches no farther than that.
    """
    both, there = warped(output, transform)
    there = there & _inside(box)
    mask = there.astype(np.float32)
    share = share_of(mask)
    normal = normalized_where(both, mask, share)
    return Laid(both, there, mask, normal, _length(normal), _spectrum(normal), share)


def overlay(own: Laid, work: UInt8) -> Overlay:
    """How an output laid over `work` uint8[2, 32, 32] agrees with it."""
    (light, edges), (light_z, edges_z) = correlation(own, normalized_where(work, own.mask, own.share)).tolist()
    covered = float(own.mask.mean())
    narrow = float(np.sqrt(max(covered, LEAST_SHARE)))  # a shifted map meets less of a small region than the unshifted one
    return Overlay(light, edges, narrow * light_z, narrow * edges_z, covered)


def _inside(box: Float64 | None) -> Bool:
    inside = np.zeros((SIDE, SIDE), bool)
    x0, y0, x1, y1 = (0, 0, SIDE, SIDE) if box is None else np.clip(np.rint(box * SIDE), 0, SIDE).astype(int).tolist()
    inside[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = True
    return inside


def _length(maps: Float32) -> Float32:
    return np.asarray(np.sqrt((maps**2).sum(axis=(1, 2))), np.float32)


def _spectrum(maps: Float32) -> Complex64:
    """complex64[2, 32, 17]: as numpy.fft.rfft2, which takes several times as long for pictures this small."""
    return np.asarray(FOURIER @ (maps @ HALF), np.complex64)


def correlation(own: Laid, work: Float32) -> Float64:
    """float64[2, 2]: cosines of the maps of both kinds, and how many standard deviations of chance that is; 0 when one is empty.

    Chance is what the same two maps give when one is shifted round: simple layouts agree with anything, rich ones do not.
    """
    size = own.size * _length(work)
    filled = size >= LEAST_SIZE
    per = np.where(filled, 1 / np.maximum(size, LEAST_SIZE), 0.0)
    both = FOURIER.conj() @ (own.spectrum * _spectrum(work).conj())
    shifted = both.real @ REAL + both.imag @ IMAGINARY  # at every shift, as by numpy.fft.irfft2
    spread = np.sqrt((shifted**2 * ELSEWHERE).sum(axis=(1, 2)) / ELSEWHERE.sum()) * per
    a = own.normal
    ways = np.stack([a, a[:, :, ::-1], a[:, ::-1], a[:, ::-1, ::-1]]).reshape(4, 2, -1)
    cosine, *turned = np.einsum("wkp,kp->wk", ways, work.reshape(2, -1)).astype(np.float64) * per
    # A disc on an even ground agrees with any other disc, also turned: only what is beyond that tells.
    usual = np.clip(np.sort(turned, axis=0)[1], 0.0, MOST_USUAL)
    beyond = np.where(cosine > 0, (cosine - usual) / (1.0 - usual), cosine)
    return np.stack([beyond, beyond / np.maximum(spread, LEAST_CHANCE)])


def warped(output: UInt8, transform: Float64) -> tuple[UInt8, Bool]:
    """uint8[2, 32, 32] maps of the output in the work's frame, and where it reaches."""
    height, width = output.shape
    pixels = np.diag([FINE, FINE, 1.0]) @ transform @ np.diag([1 / width, 1 / height, 1.0])
    scale = float(np.sqrt(abs(np.linalg.det(pixels[:2, :2])))) or 1e-6
    source = cv2.GaussianBlur(output, (0, 0), 0.4 / scale) if scale < 0.7 else output
    laid = cv2.warpPerspective(source, pixels, (FINE, FINE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    coarse = np.diag([SIDE / FINE, SIDE / FINE, 1.0]) @ pixels
    there = cv2.warpPerspective(np.full(output.shape, 255, np.uint8), coarse, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    return maps_of_square(np.asarray(laid, np.uint8)), np.asarray(there > 250, bool)
