"""Two stills side by side: their thumbnails, and which points of the one lie on which of the other. In workers only."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from desk.evidence_film import Picture
from fingerprint.errors import UnreadableMedia
from fingerprint.streams import check_file

REFLECTIONS = frozenset({"mirror", "flip", "transpose", "transpose+turn"})  # the other dihedral views are turns
WORKING_SIDE = 640
MAX_PIXELS = 120_000_000
ORIENTATION = 0x0112
POINTS = 1500
LINES = 48
RATIO = 0.8
ERROR = 6.0  # pixels of the working picture by which a matched point may be off
LEAST = 6

Float = npt.NDArray[np.float64]


def open_still(path: Path) -> tuple[Picture, tuple[int, int]]:
    """The picture upright, BGR, longest side at most WORKING_SIDE, on white; and its (width, height) in the file."""
    from PIL import Image, ImageOps

    check_file(path)
    try:
        with warnings.catch_warnings(), Image.open(path) as opened:
            warnings.simplefilter("ignore")  # oddities of metadata; sizes are checked here
            width, height = opened.size
            if width * height > MAX_PIXELS:
                raise UnreadableMedia(path, "has more pixels than are drawn; save a smaller copy", "too-large")
            turned = opened.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
            opened.draft("RGB", (WORKING_SIDE, WORKING_SIDE))
            picture = ImageOps.exif_transpose(opened)
            picture.thumbnail((WORKING_SIDE, WORKING_SIDE))
            shown = picture.convert("RGBA")
            ground = Image.new("RGBA", shown.size, "white")
            rgb = np.asarray(Image.alpha_composite(ground, shown).convert("RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise UnreadableMedia(path, "cannot be decoded as a picture; export it again") from error
    return np.ascontiguousarray(rgb[..., ::-1]), (height, width) if turned else (width, height)


def reflected(variant: str) -> bool:
    """Whether the output has to be mirrored to look like the work; turns are nothing to local features."""
    return variant.removeprefix("bars").lstrip("+") in REFLECTIONS


def lines(output: Picture, work: Picture, output_box: Sequence[float] | None, work_box: Sequence[float] | None,
          mirrored: bool) -> list[list[float]]:  # fmt: skip
    """[x, y, x', y'] of points that agree in one perspective, as shares of width and height, at most LINES of them.

    Boxes are [x, y, w, h] as shares of the pictures. RootSIFT with Lowe's ratio test (IJCV 2004), geometry by MAGSAC.
    """
    cv2.setRNGSeed(0)
    cv2.setNumThreads(1)
    seen = output[:, ::-1] if mirrored else output
    if mirrored and output_box is not None:
        output_box = [1 - output_box[0] - output_box[2], *output_box[1:]]
    here, there = _features(seen, output_box), _features(work, work_box)
    if here is None or there is None:
        return []
    pairs = _agreeing(here, there)
    shares = pairs / np.array([[output.shape[1], output.shape[0], work.shape[1], work.shape[0]]], np.float64)
    if mirrored:
        shares[:, 0] = 1 - shares[:, 0]
    return [[round(float(v), 4) for v in row] for row in _spread(shares)]


def _features(picture: Picture, box: Sequence[float] | None) -> tuple[Float, npt.NDArray[np.float32]] | None:
    """Points [n, 2] in pixels and RootSIFT descriptors float32[n, 128] inside the box, widened a little."""
    mask = np.full(picture.shape[:2], 255, np.uint8)
    if box is not None:
        height, width = picture.shape[0], picture.shape[1]
        mask[:] = 0
        x, y, w, h = box
        mask[
            max(0, round((y - 0.03) * height)) : max(0, round((y + h + 0.03) * height)),
            max(0, round((x - 0.03) * width)) : max(0, round((x + w + 0.03) * width)),
        ] = 255
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_BGR2GRAY)
    finder: Any = cv2.SIFT_create(POINTS)  # type: ignore[attr-defined]
    points, described = finder.detectAndCompute(grey, mask)
    if described is None or len(points) < LEAST:
        return None
    root = np.sqrt(described / np.maximum(described.sum(axis=1, keepdims=True), 1e-9)).astype(np.float32)
    return np.array([p.pt for p in points], np.float64), root


def _agreeing(here: tuple[Float, npt.NDArray[np.float32]], there: tuple[Float, npt.NDArray[np.float32]]) -> Float:
    """Matched points [n, 4] that one homography explains; none when there are fewer than LEAST."""
    matches = cv2.BFMatcher().knnMatch(here[1], there[1], k=2)
    good = [m[0] for m in matches if len(m) == 2 and m[0].distance < RATIO * m[1].distance]
    if len(good) < LEAST:
        return np.zeros((0, 4))
    a = here[0][[m.queryIdx for m in good]]
    b = there[0][[m.trainIdx for m in good]]
    _, kept = cv2.findHomography(a, b, cv2.USAC_MAGSAC, ERROR, maxIters=5000, confidence=0.999)
    if kept is None or int(kept.sum()) < LEAST:
        return np.zeros((0, 4))
    chosen = kept.ravel().astype(bool)
    return np.hstack([a[chosen], b[chosen]])


def _spread(shares: Float) -> Float:
    """At most LINES rows, taken evenly over the height of the output."""
    if len(shares) <= LINES:
        return shares
    order = np.lexsort((shares[:, 0], shares[:, 1]))
    return np.asarray(shares[order[np.linspace(0, len(order) - 1, LINES).astype(int)]], np.float64)
