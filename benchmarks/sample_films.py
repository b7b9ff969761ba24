"""Films of the sample media, drawn frame by frame: shots are functions of time giving uint8[240, 320, 3], RGB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import cv2
import numpy as np
from sample_pictures import Picture, as_picture, fractal, ramp, rng

WIDTH, HEIGHT, FPS = 320, 240, 15
Shot = Callable[[float], Picture]
Cut = tuple[Shot, float]  # a shot and how many seconds it stands


@lru_cache(maxsize=32)
def _noise(seed: int, coarsest: int = 4, wide: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return fractal(seed, WIDTH * wide, HEIGHT, coarsest, 6)


def _sky(colours: list[tuple[int, int, int]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    down = np.repeat(np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None], WIDTH, axis=1)
    return ramp(down, colours)


def lantern_boat(t: float) -> Picture:
    """Night sea, moon, and a boat with a lantern going right."""
    picture = _sky([(10, 16, 40), (34, 50, 92), (70, 92, 130)]) + 30 * (_noise(101)[..., None] - 0.5)
    picture[150:] = 0.4 * picture[150:] + 40 * np.roll(_noise(102, 24), int(14 * t), 1)[150:, :, None]
    canvas = as_picture(picture)
    cv2.circle(canvas, (250, 48), 20, (206, 226, 236), -1, 16)
    for wave in range(9):
        y, shift = 158 + 9 * wave, int(30 * np.sin(0.9 * t + wave))
        cv2.line(canvas, (230 + shift, y), (270 + shift, y), (150, 178, 196), 1 + wave // 4, 16)
    x, y = int(40 + 22 * t), int(160 + 3 * np.sin(2.2 * t))
    hull = np.array([(x - 34, y), (x + 34, y), (x + 22, y + 16), (x - 24, y + 16)])
    cv2.fillPoly(canvas, [hull], (40, 52, 84), 16)
    cv2.fillPoly(canvas, [np.array([(x, y - 4), (x, y - 66), (x + 32, y - 12)])], (176, 196, 212), 16)
    cv2.circle(canvas, (x - 26, y - 16), int(7 + 1.5 * np.sin(9 * t)), (90, 200, 255), -1, 16)
    return canvas


def lantern_close(t: float) -> Picture:
    """Close: the lantern swings before wooden planks."""
    canvas = as_picture(ramp(_noise(111, 3), [(46, 30, 24), (104, 72, 48), (150, 110, 74)]))
    for plank in range(7):
        cv2.line(canvas, (plank * 50 - 10, 0), (plank * 50 + 8, HEIGHT), (20, 26, 36), 3, 16)
    swing = 0.45 * np.sin(2.4 * t)
    x, y = int(160 + 130 * np.sin(swing)), int(20 + 120 * np.cos(swing))
    cv2.line(canvas, (160, -10), (x, y - 34), (30, 34, 40), 3, 16)
    cv2.rectangle(canvas, (x - 24, y - 34), (x + 24, y + 38), (44, 50, 60), -1)
    cv2.rectangle(canvas, (x - 18, y - 26), (x + 18, y + 30), (96, 190, 250), -1)
    cv2.ellipse(canvas, (x, y + 6), (7, int(15 + 4 * np.sin(11 * t))), 0, 0, 360, (220, 246, 255), -1, 16)
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH]
    light = np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 9000)
    return as_picture(canvas * (0.35 + 1.1 * light[..., None]))


def lighthouse(t: float) -> Picture:
    """A lighthouse on a rock, its beam turning."""
    canvas = as_picture(
        _sky([(24, 26, 52), (60, 56, 90), (120, 90, 100)])
        + 40 * (np.roll(_noise(121, 3, 2), int(8 * t), 1)[:, :WIDTH, None] - 0.5)
    )
    beam = canvas.copy()
    reach = 260 * np.cos(1.1 * t)
    cv2.fillPoly(beam, [np.array([(200, 66), (int(200 + reach), 20), (int(200 + reach), 130)])], (190, 236, 250), 16)
    canvas = cv2.addWeighted(canvas, 0.5, beam, 0.5, 0)
    rock = np.array([(110, 240), (150, 190), (186, 168), (232, 172), (276, 206), (320, 240)])
    cv2.fillPoly(canvas, [rock], (36, 40, 48), 16)
    cv2.fillPoly(canvas, [np.array([(184, 176), (190, 78), (212, 78), (220, 176)])], (214, 220, 226), 16)
    for band in range(3):
        cv2.rectangle(canvas, (187 - band, 96 + 28 * band), (215 + band, 108 + 28 * band), (60, 60, 176), -1)
    cv2.rectangle(canvas, (192, 58), (210, 78), (110, 220, 255) if np.cos(1.1 * t) > -2 else (0, 0, 0), -1)
    cv2.fillPoly(canvas, [np.array([(188, 58), (201, 44), (214, 58)])], (50, 44, 120), 16)
    for foam in range(12):
        x = 100 + foam * 19 + int(5 * np.sin(3 * t + foam))
        cv2.ellipse(canvas, (x, 236), (14, 5 + foam % 4), 0, 180, 360, (216, 222, 220), 2, 16)
    return canvas


def dawn(t: float) -> Picture:
    """Dawn on the shore: birds over the dunes, the camera panning."""
    shift = int(18 * t)
    canvas = as_picture(_sky([(150, 180, 214), (240, 206, 170), (250, 178, 120)]) + 20 * (_noise(131)[..., None] - 0.5))
    cv2.circle(canvas, (90 + shift // 4, 130), 24, (170, 226, 255), -1, 16)
    for layer, base in enumerate((140, 168, 200)):
        top = base - 50 * np.roll(_noise(132 + layer, 5, 2)[40], -shift * (layer + 1) // 2)[:WIDTH]
        ground = np.arange(HEIGHT)[:, None] > top[None, :]
        texture = 0.7 + 0.5 * np.roll(_noise(140 + layer, 20, 2), -shift * (layer + 1) // 2, 1)[:, :WIDTH]
        tint = np.array([(150, 176, 190), (110, 150, 176), (80, 118, 150)][layer])
        canvas = np.where(ground[..., None], as_picture(tint * texture[..., None]), canvas)
    for bird in range(7):
        x, y = int(300 - 26 * t + 17 * bird) % WIDTH, int(50 + 8 * bird + 6 * np.sin(2 * t + bird))
        wing = int(6 * np.sin(8 * t + bird))
        cv2.polylines(canvas, [np.array([(x - 9, y - wing), (x, y), (x + 9, y - wing)])], False, (40, 36, 40), 2, 16)
    return canvas


def paper_skyline(t: float) -> Picture:
    """A city of paper cut-outs, in three planes moving at three speeds."""
    canvas = as_picture(_sky([(238, 226, 204), (250, 236, 214), (244, 206, 180)]))
    for plane, (low, tone, speed) in enumerate(((120, (206, 188, 176), 8), (150, (160, 150, 170), 17), (185, (96, 92, 120), 30))):
        source, x = rng(200 + plane), -int(speed * t)
        while x < WIDTH:
            width, top = int(source.integers(24, 52)), int(low - source.integers(0, 80))
            cv2.rectangle(canvas, (x, top), (x + width, HEIGHT), tone, -1)
            cv2.line(canvas, (x + width, top), (x + width, HEIGHT), tuple(int(0.8 * c) for c in tone), 2)
            for row in range(top + 8, HEIGHT, 14):
                for column in range(x + 5, x + width - 7, 11):
                    lit = source.random() < 0.35 + 0.1 * np.sin(t)
                    cv2.rectangle(canvas, (column, row), (column + 5, row + 7), (120, 214, 250) if lit else (70, 66, 84), -1)
            x += width + int(source.integers(0, 10))
    return canvas


def night_train(t: float) -> Picture:
    """A train's windows passing, with heads in them."""
    canvas = as_picture(ramp(np.roll(_noise(211, 8, 2), -int(160 * t), 1)[:, :WIDTH], [(14, 18, 30), (30, 40, 60), (60, 70, 84)]))
    cv2.rectangle(canvas, (0, 60), (WIDTH, 190), (84, 60, 150), -1)
    cv2.rectangle(canvas, (0, 170), (WIDTH, 178), (210, 214, 220), -1)
    for window in range(9):
        x = (window * 90 - int(75 * t)) % 810 - 90
        cv2.rectangle(canvas, (x, 78), (x + 70, 150), (150, 214, 240), -1)
        cv2.rectangle(canvas, (x, 78), (x + 70, 150), (40, 36, 60), 3)
        source = rng(220 + window)
        for seat in range(2):
            head = (x + 20 + 30 * seat, int(source.integers(110, 122)))
            coat = tuple(int(c) for c in source.integers(30, 200, 3))
            cv2.ellipse(canvas, (head[0], 150), (14, 26), 0, 180, 360, coat, -1, 16)
            cv2.circle(canvas, head, 9, (110, 150, 200), -1, 16)
    for wheel in range(6):
        x = (wheel * 70 - int(75 * t)) % 420 - 40
        cv2.circle(canvas, (x, 198), 13, (40, 40, 46), -1, 16)
        cv2.line(canvas, (x, 198), (x + int(12 * np.cos(6 * t)), 198 + int(12 * np.sin(6 * t))), (150, 150, 160), 2, 16)
    return canvas


def kites(t: float) -> Picture:
    """Kites over a roof with washing."""
    canvas = as_picture(
        _sky([(96, 160, 210), (170, 206, 226), (226, 230, 220)])
        + 50 * np.clip(np.roll(_noise(231, 3, 2), int(6 * t), 1)[:, :WIDTH, None] - 0.5, 0, 1)
    )
    for kite, colour in enumerate(((60, 70, 220), (60, 190, 230), (150, 90, 60), (90, 170, 80))):
        x = int(60 + 64 * kite + 26 * np.sin(0.8 * t + 2 * kite))
        y = int(50 + 16 * kite + 18 * np.cos(1.1 * t + kite))
        cv2.line(canvas, (x, y + 16), (40 + 80 * kite, 196), (90, 90, 96), 1, 16)
        cv2.fillPoly(canvas, [np.array([(x, y - 20), (x + 14, y), (x, y + 20), (x - 14, y)])], colour, 16)
        cv2.line(canvas, (x, y - 20), (x, y + 20), (30, 30, 40), 1, 16)
    cv2.rectangle(canvas, (0, 190), (WIDTH, HEIGHT), (92, 112, 150), -1)
    for brick in range(60):
        x, y = (brick % 12) * 28 - 14 * (brick // 12 % 2), 192 + 10 * (brick // 12)
        cv2.rectangle(canvas, (x, y), (x + 26, y + 8), (70 + brick % 5 * 8, 90 + brick % 7 * 6, 140 + brick % 3 * 14), -1)
    for sheet in range(5):
        x, sway = 16 + 62 * sheet, int(6 * np.sin(2 * t + sheet))
        shape = np.array([(x, 164), (x + 44, 164), (x + 44 + sway, 206), (x + sway, 206)])
        cv2.fillPoly(canvas, [shape], (226 - 20 * sheet, 222, 200 + 10 * sheet), 16)
    return canvas


def stray_shot(t: float) -> Picture:
    """A film that is not registered: balls rolling on a checkered floor."""
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH]
    floor = ((xx + 30 * t) // 32 + yy // 24) % 2
    canvas = as_picture(np.where(floor[..., None] > 0, (200, 190, 170), (70, 90, 80)) * (0.6 + 0.5 * _noise(301, 6)[..., None]))
    for ball in range(6):
        x, y = int(40 + 50 * ball + 30 * np.sin(t + ball)), int(120 + 80 * np.sin(0.7 * t + 1.7 * ball))
        cv2.circle(canvas, (x, y), 22, [(60, 60, 200), (200, 120, 40), (60, 180, 90)][ball % 3], -1, 16)
        cv2.circle(canvas, (x - 7, y - 8), 6, (240, 240, 240), -1, 16)
    return canvas


LANTERN = [(lantern_boat, 4.0), (lantern_close, 3.0), (lighthouse, 4.0), (dawn, 4.0)]
PAPER_CITY = [(paper_skyline, 4.0), (night_train, 4.0), (kites, 4.0)]


def frames(cuts: list[Cut]) -> Iterator[Picture]:
    """All frames of the shots in order; drawn as BGR, given as RGB."""
    for shot, seconds in cuts:
        for i in range(round(seconds * FPS)):
            yield np.ascontiguousarray(shot(i / FPS)[..., ::-1])
