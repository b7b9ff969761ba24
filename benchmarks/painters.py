"""Made-up painters: photographs painted over in random manners, and a manner carried over to another picture.

Strokes after Haeberli (SIGGRAPH 1990), edge-preserving smoothing from OpenCV, colour moments carried over after Reinhard et
al. (CG&A 2001), texture by nearest patches after Efros and Freeman (SIGGRAPH 2001). No network, so that what is learned from
them knows nothing of the networks it will meet.
"""

from __future__ import annotations

import cv2
import numpy as np

SOURCE_PATCHES = 1500


def painted(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8[h, w, 3]: the picture smoothed, outlined, in strokes or as it is; most often in other colours."""
    way = (lambda p, _: p, smoothed, outlined, stroked, stroked)[rng.integers(5)]
    lab = to_lab(way(picture, rng))
    if rng.random() < 0.7:
        turn, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 2.2)
        mixing = np.eye(3)
        mixing[1:, 1:] = strength * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        mixing[1:, 0] = rng.normal(0, 0.3, 2)
        mean = lab.reshape(-1, 3).mean(axis=0)
        lab = (lab - mean) @ mixing.T + mean + rng.normal(0, [6, 8, 8])
        lab[..., 0] = (lab[..., 0] - 50) * rng.uniform(0.7, 1.3) + 50
    if rng.random() < 0.08:
        lab[..., 1:] *= 0.05
    return to_rgb(lab)


def smoothed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return cv2.stylization(picture, sigma_s=float(rng.uniform(10, 60)), sigma_r=float(rng.uniform(0.2, 0.6)))


def outlined(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    flat = cv2.pyrMeanShiftFiltering(picture, 8, float(rng.uniform(15, 40)))
    lines = cv2.dilate(cv2.Canny(flat, 60, 150), np.ones((2, 2), np.uint8)) > 0
    return np.where(lines[..., None], flat // 4, flat)


def stroked(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = picture.shape[:2]
    result = cv2.GaussianBlur(picture, (0, 0), 4).copy()
    length, thickness, fixed = rng.uniform(3, 14), int(rng.integers(1, 4)), rng.random() < 0.4
    light = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 3)
    along = np.arctan2(cv2.Sobel(light, cv2.CV_32F, 0, 1), cv2.Sobel(light, cv2.CV_32F, 1, 0)) + np.pi / 2
    direction = rng.uniform(0, np.pi)
    for _ in range(int(height * width / rng.uniform(15, 60))):
        y, x = int(rng.integers(height)), int(rng.integers(width))
        angle = direction if fixed else along[y, x] + rng.normal() * 0.2
        dx, dy = length / 2 * np.cos(angle), length / 2 * np.sin(angle)
        colour = np.clip(picture[y, x] + rng.normal(0, 12, 3), 0, 255)
        cv2.line(result, (int(x - dx), int(y - dy)), (int(x + dx), int(y + dy)), colour.tolist(), thickness)
    return result


def carried_over(content: np.ndarray, style: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8[h, w, 3]: the content made of patches of the style, keeping some of its own light and colours."""
    own, theirs = to_lab(content), to_lab(style)
    coloured = moments_matched(own, theirs)
    share = rng.uniform(0.4, 1)
    light = share * values_matched(own[..., 0], theirs[..., 0]) + (1 - share) * own[..., 0]
    made = patched(np.dstack([light, coloured[..., 1:]]), theirs, int(rng.choice([6, 8, 12])), rng)
    keep_light, keep_colour, of_style = rng.uniform(0.4, 1), rng.uniform(0.4, 1), rng.uniform(0.6, 1)
    colour = of_style * coloured + (1 - of_style) * own
    mixed = [keep_light * made[..., 0] + (1 - keep_light) * own[..., 0]]
    mixed += [keep_colour * made[..., i] + (1 - keep_colour) * colour[..., i] for i in (1, 2)]
    return to_rgb(np.dstack(mixed))


def patched(target: np.ndarray, source: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """The target from the source's patches, nearest in blurred light and (less) colour, laid over each other by halves."""
    weights = np.array([1, 0.35, 0.35], np.float32)
    blurred, known = (cv2.GaussianBlur(x.astype(np.float32), (0, 0), 1.5) * weights for x in (target, source))
    height, width = source.shape[:2]
    ys, xs = rng.integers(0, height - size, SOURCE_PATCHES), rng.integers(0, width - size, SOURCE_PATCHES)
    patches = np.array([known[y : y + size, x : x + size].ravel() for y, x in zip(ys, xs, strict=True)])
    height, width = target.shape[:2]
    rows, columns = ([*range(0, n - size, size // 2), n - size] for n in (height, width))
    wanted = np.array([blurred[y : y + size, x : x + size].ravel() for y in rows for x in columns])
    chosen = np.argmin((patches**2).sum(axis=1) - 2 * wanted @ patches.T, axis=1)
    window = (np.outer(np.hanning(size + 2)[1:-1], np.hanning(size + 2)[1:-1]) ** 2)[..., None]
    total, weight = np.zeros(target.shape), np.full((height, width, 1), 1e-6)
    for (y, x), j in zip(((y, x) for y in rows for x in columns), chosen.tolist(), strict=True):
        total[y : y + size, x : x + size] += window * source[ys[j] : ys[j] + size, xs[j] : xs[j] + size]
        weight[y : y + size, x : x + size] += window
    return total / weight


def moments_matched(own: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Colours with the mean and covariance of the others."""
    a, b = own.reshape(-1, 3), theirs.reshape(-1, 3)
    mixing = power(np.cov(a.T), -0.5) @ power(np.cov(b.T), 0.5)
    return ((a - a.mean(axis=0)) @ mixing + b.mean(axis=0)).reshape(own.shape)


def power(covariance: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance + 0.5 * np.eye(3))
    return (vectors * values**exponent) @ vectors.T


def values_matched(own: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Lightness with the distribution of the other's."""
    result = np.empty(own.size)
    at = np.linspace(0, 1, own.size), np.linspace(0, 1, theirs.size)
    result[np.argsort(own, axis=None, kind="stable")] = np.interp(*at, np.sort(theirs, axis=None))
    return result.reshape(own.shape)


def shrunk(picture: np.ndarray, side: float) -> np.ndarray:
    """The picture at side x side pixels of area, or as it is where it is smaller."""
    scale = min(1.0, side / float(np.sqrt(picture.shape[0] * picture.shape[1])))
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return picture if scale == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def jpeg(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every other time as a JPEG file gives it back."""
    if rng.random() < 0.5:
        return picture
    quality = int(rng.integers(50, 95))
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def to_lab(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def to_rgb(lab: np.ndarray) -> np.ndarray:
    lab = lab.astype(np.float32)
    lab[..., 0] = np.clip(lab[..., 0], 0, 100)
    return np.rint(np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1) * 255).astype(np.uint8)
