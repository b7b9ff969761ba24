"""Redrawings for stress_still: painted, drawn, reduced to outlines, recoloured, bent as a hand bends; and their file formats."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from stress_still_edits import Picture, Rng, clipped, gray, in_rgb, longest, mapped

# Remakes.


def painted(picture: Picture, dice: Rng) -> Picture:
    """The commonest tone around each place, in its mean colour, as oil filters do."""
    radius, levels = int(dice.integers(3, 6)), 10
    grey = (gray(picture) / 256.0 * levels).astype(int)
    counts = np.stack([cv2.boxFilter((grey == n).astype(np.float32), -1, (2 * radius + 1,) * 2) for n in range(levels)])
    best = counts.argmax(axis=0)
    out = np.zeros(picture.shape, np.float32)
    for n in range(levels):
        share = (grey == n).astype(np.float32)
        total = np.maximum(cv2.boxFilter(share, -1, (2 * radius + 1,) * 2), 1e-6)[..., None]
        out = np.where((best == n)[..., None], cv2.boxFilter(picture * share[..., None], -1, (2 * radius + 1,) * 2) / total, out)
    return clipped(out)


def pencilled(picture: Picture, dice: Rng) -> Picture:
    grey = gray(picture).astype(np.float32)
    soft = cv2.GaussianBlur(255 - grey, (0, 0), float(dice.uniform(4, 12)))
    hatch = 1 + 0.12 * np.sin(np.add.outer(np.arange(grey.shape[0]), np.arange(grey.shape[1])) * 1.3)
    return in_rgb(np.clip(grey * 255 / np.maximum(255 - soft, 1), 0, 255) * hatch)


def outlined(picture: Picture, dice: Rng) -> Picture:
    """Edges in black on white, or in white on black."""
    grey = cv2.GaussianBlur(gray(picture), (0, 0), float(dice.uniform(1.2, 2.2)))
    edges = cv2.Canny(grey, 40, 110)
    edges = cv2.dilate(edges, np.ones((2, 2), np.uint8))
    return in_rgb(edges if dice.integers(2) else 255 - edges)


def inked(picture: Picture, dice: Rng) -> Picture:
    """Difference of Gaussians, thresholded softly: ink on paper (XDoG, Winnemoeller 2011)."""
    grey, sigma = gray(picture) / 255.0, float(dice.uniform(0.9, 1.8))
    edges = 18 * cv2.GaussianBlur(grey, (0, 0), sigma) - 17 * cv2.GaussianBlur(grey, (0, 0), 1.6 * sigma)
    return in_rgb(255 * np.where(edges > 0.6, 1.0, 1 + np.tanh(6 * (edges - 0.6))))


def watercoloured(picture: Picture, dice: Rng) -> Picture:
    soft = cv2.stylization(cv2.edgePreservingFilter(picture, flags=1, sigma_s=60, sigma_r=0.5), sigma_s=60, sigma_r=0.5)
    paper = cv2.resize(dice.normal(0, 14, (60, 60)).astype(np.float32), (picture.shape[1], picture.shape[0]))
    return clipped(soft * 0.8 + 55 + paper[..., None])


def clusters(picture: Picture, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Label of each pixel, and the count colours float32[count, 3], dark ones first."""
    pixels = cv2.bilateralFilter(picture, 7, 50, 7).reshape(-1, 3).astype(np.float32)
    cv2.setRNGSeed(1)
    _, labels, centres = cv2.kmeans(pixels, count, None, (3, 12, 1.0), 1, cv2.KMEANS_PP_CENTERS)
    order = centres.sum(axis=1).argsort()
    return order.argsort()[labels.ravel()].reshape(picture.shape[:2]), centres[order]


def palette_swapped(picture: Picture, dice: Rng) -> Picture:
    """A few flat colours, each another one; light and dark mostly keep their order."""
    count = int(dice.integers(5, 9))
    labels, _ = clusters(picture, count)
    colours = dice.uniform(0, 255, (count, 3))
    order = colours.sum(axis=1).argsort()
    a, b = dice.choice(count, 2, replace=False)
    order[[a, b]] = order[[b, a]]
    return clipped(colours[order])[labels]


def pixel_art(picture: Picture, dice: Rng) -> Picture:
    small = longest(picture, int(dice.integers(56, 90)))
    labels, centres = clusters(small, int(dice.integers(8, 16)))
    return np.kron(clipped(centres)[labels], np.ones((8, 8, 1), np.uint8))


def faceted(picture: Picture, dice: Rng) -> Picture:
    """Triangles of one colour each, as low-poly art."""
    h, w = picture.shape[:2]
    strong = cv2.goodFeaturesToTrack(gray(picture), 500, 0.01, 6)
    points = np.vstack(
        [strong.reshape(-1, 2), dice.uniform(0, 1, (250, 2)) * [w - 1, h - 1], [[0, 0], [w - 1, 0], [0, h - 1], [w - 1, h - 1]]]
    )
    net = cv2.Subdiv2D((0, 0, w, h))
    net.insert([(float(x), float(y)) for x, y in points])
    out = picture.copy()
    for triangle in net.getTriangleList().reshape(-1, 3, 2):
        if (triangle >= 0).all() and (triangle < [w, h]).all():
            corners = np.rint(triangle).astype(np.int32)
            x, y = np.clip(triangle.mean(axis=0).astype(int), 0, [w - 1, h - 1])
            cv2.fillConvexPoly(out, corners, [int(v) for v in picture[y, x]])
    return out


def tiled(picture: Picture, dice: Rng) -> Picture:
    """A mosaic of discs on dark."""
    step = max(6, int(max(picture.shape[:2]) / float(dice.uniform(45, 70))))
    small = cv2.resize(picture, (picture.shape[1] // step, picture.shape[0] // step), interpolation=cv2.INTER_AREA)
    out = np.full((small.shape[0] * step, small.shape[1] * step, 3), 25, np.uint8)
    for y, x in np.ndindex(small.shape[:2]):
        cv2.circle(out, (x * step + step // 2, y * step + step // 2), int(step * 0.47), [int(v) for v in small[y, x]], -1)
    return out


def bent(picture: Picture, dice: Rng) -> Picture:
    """Places moved by 1 to 2 % of the sides, then painted: as a hand follows a photograph."""
    h, w = picture.shape[:2]
    high = max(h, w) * float(dice.uniform(0.01, 0.02))
    move = [cv2.resize(dice.normal(0, high, (7, 7)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC) for _ in range(2)]
    y, x = np.mgrid[:h, :w]
    return painted(mapped(picture, x + move[0], y + move[1]), dice)


def stroked(picture: Picture, dice: Rng) -> Picture:
    """Thick strokes along the edges, in the picture's colours, a little off (Litwinowicz 1997)."""
    h, w = picture.shape[:2]
    soft = cv2.GaussianBlur(gray(picture), (0, 0), 4).astype(np.float32)
    angle = np.arctan2(cv2.Sobel(soft, -1, 0, 1), cv2.Sobel(soft, -1, 1, 0)) + np.pi / 2
    out, long = cv2.blur(picture, (9, 9)), max(h, w) / 35
    for _ in range(h * w // 40):
        x, y = int(dice.integers(w)), int(dice.integers(h))
        a, tone = float(angle[y, x]), picture[y, x].astype(int) + dice.integers(-20, 21, 3)
        end = (int(x + long * np.cos(a)), int(y + long * np.sin(a)))
        cv2.line(out, (x, y), end, [int(v) for v in np.clip(tone, 0, 255)], max(2, int(long / 4)))
    return out


# Files.

Write = Callable[[Picture, Path], None]


def saved(suffix: str, change: Callable[[Image.Image], Image.Image] = lambda i: i, **options: object) -> tuple[str, Write]:
    """Suffix and writer of a format by Pillow."""
    return suffix, lambda picture, path: change(Image.fromarray(picture)).save(path, **options)  # type: ignore[arg-type]


def _deep(picture: Picture, path: Path) -> None:
    cv2.imwrite(str(path), picture[..., ::-1].astype(np.uint16) * 257)


def _float(picture: Picture, path: Path) -> None:
    Image.fromarray(gray(picture).astype(np.float32) / 255).save(path)


def _animated(picture: Picture, path: Path) -> None:
    frames = [Image.fromarray(np.roll(longest(picture, 320), 3 * n, axis=1)) for n in range(4)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)


def _cut_off(picture: Picture, path: Path) -> None:
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=80)
    path.write_bytes(data.getvalue()[: int(len(data.getvalue()) * 0.8)])


def _clear(picture: Image.Image) -> Image.Image:
    """Transparent around an ellipse."""
    w, h = picture.size
    y, x = np.mgrid[:h, :w]
    alpha = np.where(((x / w - 0.5) * 2) ** 2 + ((y / h - 0.5) * 2) ** 2 < 1, 255, 0).astype(np.uint8)
    picture.putalpha(Image.fromarray(alpha))
    return picture


def _sideways(picture: Picture, path: Path) -> None:
    exif = struct.pack("<4sIHHHII", b"II*\0", 8, 1, 0x0112, 3, 1, 8) + b"\0" * 4
    Image.fromarray(np.rot90(picture, 3).copy()).save(path, quality=85, exif=b"Exif\0\0" + exif)


FORMATS: dict[str, tuple[str, Write]] = {
    "gif": saved(".gif"),
    "gif-animated": (".gif", _animated),
    "gif-animated-4": saved(".gif", lambda i: i.quantize(4)),
    "webp-1": saved(".webp", quality=1),
    "webp-alpha": saved(".webp", _clear, lossless=True),
    "tiff-16": (".tiff", _deep),
    "tiff-float": (".tif", _float),
    "tiff-cmyk": saved(".tif", lambda i: i.convert("CMYK"), compression="tiff_lzw"),
    "tiff-lab": saved(".tif", lambda i: i.convert("LAB")),
    "jpeg-cmyk": saved(".jpg", lambda i: i.convert("CMYK"), quality=60),
    "jpeg-progressive": saved(".jpg", quality=30, progressive=True),
    "jpeg-sideways": (".jpg", _sideways),
    "jpeg-cut-off": (".jpg", _cut_off),
    "png-16": (".png", _deep),
    "png-palette-8": saved(".png", lambda i: i.quantize(8)),
    "png-1-bit": saved(".png", lambda i: i.convert("1")),
    "png-grey-alpha": saved(".png", lambda i: _clear(i.convert("L"))),
    "png-oval": saved(".png", _clear),
    "bmp": saved(".bmp"),
    "jp2": saved(".jp2", quality_mode="rates", quality_layers=[120]),
    "avif": saved(".avif", quality=20),
}
USUAL = [saved(".jpg", quality=85), saved(".jpg", quality=50), saved(".png"), saved(".webp", quality=70)]
