"""The manner of a still: how its colours, its small patches and the steps between neighbouring pixels are distributed.

What stands where does not count, so that another picture in the same manner comes near and another view of the same thing
need not. Three statistics, as Gatys, Ecker and Bethge (CVPR 2016) and the texture models before them take style to be a
stationary statistic of a picture:
  palette    a joint histogram of CIE L*a*b* colours
  patches    a histogram of the nearest of 128 textons (Leung and Malik, IJCV 2001; Varma and Zisserman, PAMI 2009), colour
             patches of 5 x 5 pixels with their contrast squeezed, at three scales
  pattern    uniform local binary patterns (Ojala, Pietikainen and Maenpaa, PAMI 2002) of lightness, at the same scales
Square roots of all three (Hellinger) are projected by a discriminant analysis (Fisher 1936; Hatch, Kajarekar and Stolcke 2006
for the within-class whitening) learned by benchmarks/make_manner.py from photographs painted over in made-up manners.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from fingerprint.features import Fingerprint, Scheme, make
from fingerprint.hashing import UInt8
from fingerprint.manner import BYTES_STILL, quantized

STYLE = Scheme("image.style.1", "image", tick=1.0, payload_width=BYTES_STILL, indexed=False, aligner="none")
FILE = Path(__file__).with_name("image_style.npz")
SIDE = 256  # square root of the area that is looked at, in pixels
LEAST_SIDE = 48  # pixels of the shorter side: of less there are too few patches
FLAT = 2.0  # deviation of L* below which a still is blank
LEVELS, PATCH, STRIDES = 3, 5, (4, 2, 1)
MEAN_KEPT = 0.3  # of a patch's mean colour, against its contrast: the palette tells colours already
SQUEEZE = 3.0  # L*a*b* units at which contrast begins to count by its logarithm
LIGHT_WEIGHT = 0.7  # of L*, whose range is wider
PALETTE = (5, 9, 9)  # steps of L*, a*, b*
CHROMA = 60.0  # range of a* and b* that is told apart
STEP = 1.0  # L* by which a neighbour must be lighter

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Learned:
    """What make_manner learned: textons float32[3, 128, 75], centre float32[d], projection float32[d, 192]."""

    textons: Float32
    centre: Float32
    projection: Float32


@lru_cache(maxsize=1)
def learned() -> Learned:
    """The shipped file."""
    with np.load(FILE, allow_pickle=False) as data:
        projection = (data["projection"] * data["scale"]).astype(np.float32)
        return Learned(data["textons"].astype(np.float32), data["centre"].astype(np.float32), projection)


def fingerprint(colours: UInt8) -> Fingerprint:
    """One row of 192 bytes for uint8[h, w, 3] (RGB); none for what is blank or tiny."""
    lab = reduced(colours)
    if lab is None:
        return make(STYLE, np.zeros(0, np.int32), np.zeros((0, BYTES_STILL), np.uint8))
    known = learned()
    vector = np.asarray((statistics(lab, known.textons) - known.centre) @ known.projection, np.float32)
    return make(STYLE, np.zeros(1, np.int32), quantized(vector[None, :], BYTES_STILL))


def reduced(colours: UInt8) -> Float32 | None:
    """float32[h, w, 3], L*a*b* of the picture at SIDE x SIDE pixels of area; None for what is blank or tiny."""
    height, width = colours.shape[:2]
    scale = min(1.0, SIDE / float(np.sqrt(height * width)))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if min(size) < LEAST_SIDE:
        return None
    small = cv2.resize(colours, size, interpolation=cv2.INTER_AREA) if scale < 1 else colours
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    return None if float(lab[..., 0].std()) < FLAT else lab


def statistics(lab: Float32, textons: Float32) -> Float32:
    """float32[d]: square roots of the palette, of three histograms of textons and of three of patterns."""
    weighted = (lab - np.array([50, 0, 0], np.float32)) * np.array([LIGHT_WEIGHT, 1, 1], np.float32)
    levels = pyramid(weighted)
    patches = [_shares(nearest(squeezed(level, stride), known), len(known))
               for level, stride, known in zip(levels, STRIDES, textons, strict=True)]  # fmt: skip
    patterns = [_pattern(level[..., 0] / LIGHT_WEIGHT) for level in levels]
    return np.asarray(np.sqrt(np.concatenate([_palette(lab), *patches, *patterns])), np.float32)


def pyramid(lab: Float32) -> list[Float32]:
    """The picture at three sizes, each half the one before."""
    levels = [lab]
    for _ in range(LEVELS - 1):
        height, width = levels[-1].shape[:2]
        levels.append(np.asarray(cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.float32))
    return levels


def squeezed(lab: Float32, stride: int) -> Float32:
    """float32[n, 75]: patches around every stride-th pixel, with less of their mean colour and their contrast squeezed."""
    views = np.lib.stride_tricks.sliding_window_view(lab, (PATCH, PATCH), axis=(0, 1))[::stride, ::stride]
    patches = views.reshape(-1, 3, PATCH * PATCH).astype(np.float32)
    mean = patches.mean(axis=2, keepdims=True)
    flat = (patches - (1 - MEAN_KEPT) * mean).reshape(len(patches), -1)
    size = np.sqrt((flat**2).mean(axis=1, keepdims=True))
    return np.asarray(flat / (size + SQUEEZE) * np.log1p(size / SQUEEZE), np.float32)


def nearest(patches: Float32, textons: Float32) -> npt.NDArray[np.intp]:
    """Which texton each patch is nearest to."""
    return np.asarray(np.argmin((textons**2).sum(axis=1) - 2 * (patches @ textons.T), axis=1), np.intp)


def _shares(labels: npt.NDArray[np.integer], count: int) -> npt.NDArray[np.float64]:
    return np.bincount(labels.ravel(), minlength=count) / max(1, labels.size)


def _palette(lab: Float32) -> npt.NDArray[np.float64]:
    """Shares of colours in every fourth pixel, each divided between the eight steps around it."""
    low, span = np.array([0, -CHROMA, -CHROMA]), np.array([100, 2 * CHROMA, 2 * CHROMA])
    top = np.array(PALETTE) - 1
    places = np.clip((lab[::2, ::2].reshape(-1, 3) - low) / span * top, 0, top - 1e-3)
    floor = places.astype(np.int64)
    above = places - floor
    shares = np.zeros(int(np.prod(PALETTE)))
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(corner, above, 1 - above).prod(axis=1)
        shares += np.bincount(np.ravel_multi_index(tuple((floor + corner).T), PALETTE), weight, len(shares))
    return shares / len(places)


def _pattern(light: Float32) -> npt.NDArray[np.float64]:
    """Shares of the 59 uniform patterns of eight neighbours."""
    centre = light[1:-1, 1:-1] + STEP
    height, width = light.shape
    code = np.zeros(centre.shape, np.uint8)
    for bit, (dy, dx) in enumerate(((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))):
        code |= (light[1 + dy : height - 1 + dy, 1 + dx : width - 1 + dx] > centre).astype(np.uint8) << bit
    return _shares(_uniform()[code], 59)


@lru_cache(maxsize=1)
def _uniform() -> npt.NDArray[np.int64]:
    """Row of each of the 256 codes: those of at most two changes around the circle have one each, the others share the last."""
    changes = [bin(code ^ (code >> 1 | (code & 1) << 7)).count("1") for code in range(256)]
    rows = np.full(256, 58)
    rows[[code for code in range(256) if changes[code] <= 2]] = np.arange(58)
    return rows
