"""Edits of one picture for stress_still: light and colour, quality, geometry. Each takes uint8[h, w, 3] RGB and the dice."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

Picture = np.ndarray
Rng = np.random.Generator
Edit = Callable[[Picture, Rng], Picture]


def clipped(values: np.ndarray) -> Picture:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def gray(picture: Picture) -> np.ndarray:
    """uint8[h, w]."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def in_rgb(grey: np.ndarray) -> Picture:
    return np.repeat(clipped(grey.astype(np.float32))[..., None], 3, axis=2)


def resized(picture: Picture, width: int, height: int) -> Picture:
    kind = cv2.INTER_AREA if width * height < picture.shape[0] * picture.shape[1] else cv2.INTER_CUBIC
    return cv2.resize(picture, (max(8, width), max(8, height)), interpolation=kind)


def longest(picture: Picture, side: int) -> Picture:
    scale = side / max(picture.shape[:2])
    return resized(picture, round(picture.shape[1] * scale), round(picture.shape[0] * scale))


def jpeg(picture: Picture, quality: int) -> Picture:
    data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].copy()


def colour(dice: Rng) -> tuple[int, int, int]:
    r, g, b = (int(v) for v in dice.integers(0, 256, 3))
    return r, g, b


# Light and colour.


def channels_swapped(picture: Picture, dice: Rng) -> Picture:
    order = [(2, 1, 0), (1, 2, 0), (2, 0, 1), (1, 0, 2), (0, 2, 1)][int(dice.integers(5))]
    return picture[..., list(order)].copy()


def inverted(picture: Picture, dice: Rng) -> Picture:
    return 255 - picture


def duotone(picture: Picture, dice: Rng) -> Picture:
    dark, light = np.array(colour(dice)) * 0.35, 255 - np.array(colour(dice)) * 0.35
    share = gray(picture)[..., None] / 255.0
    return clipped(dark * (1 - share) + light * share)


def posterized(picture: Picture, dice: Rng) -> Picture:
    levels = int(dice.integers(2, 5)) - 1
    return clipped(np.rint(picture / 255.0 * levels) * (255 / levels))


def solarized(picture: Picture, dice: Rng) -> Picture:
    at = int(dice.integers(90, 170))
    return np.where(picture > at, 255 - picture, picture)


def underexposed(picture: Picture, dice: Rng) -> Picture:
    dark = picture.astype(np.float32) * float(dice.uniform(0.06, 0.18))
    return clipped(dark + dice.normal(0, 2.5, picture.shape))


def overexposed(picture: Picture, dice: Rng) -> Picture:
    return clipped(picture * float(dice.uniform(1.7, 2.6)) + 40)


def equalized(picture: Picture, dice: Rng) -> Picture:
    tool = cv2.createCLAHE(float(dice.uniform(4, 12)), (6, 6))
    return np.stack([tool.apply(np.ascontiguousarray(picture[..., c])) for c in range(3)], axis=2)


def hazy(picture: Picture, dice: Rng) -> Picture:
    h, w = picture.shape[:2]
    fog = cv2.resize(dice.uniform(0, 1, (4, 5)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)[..., None]
    share = np.clip(0.35 + 0.5 * fog, 0.2, 0.85)
    return clipped(picture * (1 - share) + 235 * share)


def halftoned(picture: Picture, dice: Rng) -> Picture:
    """Dots on a turned grid, as newspapers print."""
    grey, cell, turn = gray(picture) / 255.0, float(dice.uniform(4, 8)), float(dice.uniform(0, np.pi / 2))
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]]
    u, v = (x * np.cos(turn) + y * np.sin(turn)) / cell, (y * np.cos(turn) - x * np.sin(turn)) / cell
    dots = 0.5 + 0.25 * (np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v))
    return in_rgb(np.where(grey > dots, 255.0, 0.0))


def dithered(picture: Picture, dice: Rng) -> Picture:
    """Error diffusion to few colours, or to black and white."""
    whole = Image.fromarray(picture)
    if dice.integers(2):
        return np.asarray(whole.convert("1").convert("RGB"))
    return np.asarray(whole.quantize(int(dice.integers(4, 10)), dither=Image.Dither.FLOYDSTEINBERG).convert("RGB"))


def ordered(picture: Picture, dice: Rng) -> Picture:
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) * 16 + 8
    grey, zoom = gray(picture), int(dice.integers(1, 4))
    h, w = (s // zoom for s in grey.shape)
    small = cv2.resize(grey, (w, h), interpolation=cv2.INTER_AREA)
    black = np.where(small > np.tile(bayer, (h // 4 + 1, w // 4 + 1))[:h, :w], 255, 0)
    return in_rgb(np.kron(black, np.ones((zoom, zoom))))


def one_bit(picture: Picture, dice: Rng) -> Picture:
    grey = cv2.GaussianBlur(gray(picture), (0, 0), 1.0)
    return in_rgb(np.where(grey > np.quantile(grey, float(dice.uniform(0.35, 0.65))), 255.0, 0.0))


# Quality.


def thumbnail(picture: Picture, dice: Rng) -> Picture:
    return longest(picture, 64)


def thumbnail_upscaled(picture: Picture, dice: Rng) -> Picture:
    return longest(jpeg(longest(picture, int(dice.integers(64, 100))), 60), 600)


def jpeg_chain(picture: Picture, dice: Rng) -> Picture:
    for _ in range(6):
        picture = longest(jpeg(picture, int(dice.integers(6, 35))), int(dice.integers(240, 520)))
    return jpeg(picture, int(dice.integers(5, 12)))


def jpeg_5(picture: Picture, dice: Rng) -> Picture:
    return jpeg(picture, 5)


def motion_blurred(picture: Picture, dice: Rng) -> Picture:
    length = int(max(picture.shape[:2]) * float(dice.uniform(0.02, 0.05))) | 1
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1
    turn = cv2.getRotationMatrix2D((length / 2, length / 2), float(dice.uniform(0, 180)), 1)
    line = cv2.warpAffine(line, turn, (length, length))
    return cv2.filter2D(picture, -1, line / line.sum())


def blurred(picture: Picture, dice: Rng) -> Picture:
    return cv2.GaussianBlur(picture, (0, 0), max(picture.shape[:2]) * float(dice.uniform(0.008, 0.02)))


def noisy(picture: Picture, dice: Rng) -> Picture:
    if dice.integers(2):
        return clipped(picture + dice.normal(0, float(dice.uniform(30, 60)), picture.shape))
    hit = dice.uniform(0, 1, picture.shape[:2])
    share = float(dice.uniform(0.05, 0.15))
    return np.where((hit < share)[..., None], 0, np.where((hit > 1 - share)[..., None], 255, picture)).astype(np.uint8)


def tilt_shifted(picture: Picture, dice: Rng) -> Picture:
    h, w = picture.shape[:2]
    away = np.clip(np.abs(np.arange(h) / h - float(dice.uniform(0.3, 0.7))) * 4 - 0.25, 0, 1)[:, None, None]
    soft = cv2.GaussianBlur(picture, (0, 0), max(h, w) * 0.02)
    return clipped((picture * (1 - away) + soft * away) * 1.15 - 10)


def glitched(picture: Picture, dice: Rng) -> Picture:
    """Bands shifted sideways, channels apart, scan lines."""
    out = picture.copy()
    for _ in range(int(dice.integers(6, 14))):
        at, high = int(dice.integers(0, out.shape[0] - 8)), int(dice.integers(3, max(4, out.shape[0] // 12)))
        out[at : at + high] = np.roll(out[at : at + high], int(dice.integers(-40, 41)), axis=1)
    out[..., 0], out[..., 2] = np.roll(out[..., 0], 5, axis=1), np.roll(out[..., 2], -5, axis=1)
    out[::3] //= 2
    return out


# Geometry.


def mapped(picture: Picture, x: np.ndarray, y: np.ndarray) -> Picture:
    return cv2.remap(picture, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def polar(picture: Picture) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Radius (1 at the corners) and angle of each pixel, and the middle."""
    h, w = picture.shape[:2]
    y, x = np.mgrid[:h, :w]
    cx, cy = w / 2, h / 2
    return np.hypot(x - cx, y - cy) / np.hypot(cx, cy), np.arctan2(y - cy, x - cx), cx, cy


def fisheye(picture: Picture, dice: Rng) -> Picture:
    radius, angle, cx, cy = polar(picture)
    bent = radius * (1 + float(dice.uniform(0.12, 0.3)) * (radius**2 - 1) * dice.choice([-1, 1])) * np.hypot(cx, cy)
    return mapped(picture, cx + bent * np.cos(angle), cy + bent * np.sin(angle))


def swirled(picture: Picture, dice: Rng) -> Picture:
    radius, angle, cx, cy = polar(picture)
    angle = angle + float(dice.uniform(0.25, 0.6)) * dice.choice([-1, 1]) * (1 - np.clip(radius, 0, 1))
    return mapped(picture, cx + radius * np.hypot(cx, cy) * np.cos(angle), cy + radius * np.hypot(cx, cy) * np.sin(angle))


def waved(picture: Picture, dice: Rng) -> Picture:
    h, w = picture.shape[:2]
    y, x = np.mgrid[:h, :w]
    high, long = max(h, w) * float(dice.uniform(0.008, 0.018)), max(h, w) * float(dice.uniform(0.15, 0.4))
    return mapped(picture, x + high * np.sin(2 * np.pi * y / long), y + high * np.sin(2 * np.pi * x / long))


def squeezed(picture: Picture, dice: Rng) -> Picture:
    factor = float(dice.uniform(1.6, 2.2))
    h, w = picture.shape[:2]
    return resized(picture, round(w / factor), h) if dice.integers(2) else resized(picture, w, round(h / factor))


def turned(picture: Picture, dice: Rng) -> Picture:
    """By any angle, the corners filled."""
    h, w = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), float(dice.uniform(10, 350)), 1.0)
    cos, sin = np.abs(matrix[0, :2])
    wide, high = int(w * cos + h * sin), int(w * sin + h * cos)
    matrix[:, 2] += (wide - w) / 2, (high - h) / 2
    return cv2.warpAffine(picture, matrix, (wide, high), flags=cv2.INTER_CUBIC, borderValue=colour(dice))


def cropped(picture: Picture, dice: Rng, least: float, most: float) -> Picture:
    """A part of that share of the area, upright, with sides as it comes; where there is something to see."""
    h, w = picture.shape[:2]
    best = picture
    for _ in range(12):
        share, aspect = float(dice.uniform(least, most)), float(dice.uniform(0.75, 1.33))
        wide, high = min(w, round(w * (share * aspect) ** 0.5)), min(h, round(h * (share / aspect) ** 0.5))
        x, y = int(dice.integers(0, w - wide + 1)), int(dice.integers(0, h - high + 1))
        best = picture[y : y + high, x : x + wide]
        if gray(best).std() > 25:
            break
    return best.copy()


def crop_tenth(picture: Picture, dice: Rng) -> Picture:
    return cropped(picture, dice, 0.1, 0.14)


def crop_turned_mirrored(picture: Picture, dice: Rng) -> Picture:
    """A tenth to a quarter, mirrored, turned by any angle and cut square again."""
    part = cropped(picture, dice, 0.2, 0.4)[:, ::-1]
    h, w = part.shape[:2]
    side = int(min(h, w) / 1.25)
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), float(dice.uniform(0, 360)), 1.0)
    matrix[:, 2] += (side - w) / 2, (side - h) / 2
    return cv2.warpAffine(part, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def mirrored_dark(picture: Picture, dice: Rng) -> Picture:
    return clipped(cropped(picture, dice, 0.5, 0.8)[:, ::-1] * 0.5)
