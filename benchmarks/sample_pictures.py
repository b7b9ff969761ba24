"""Stills of the sample media, drawn by program: uint8[480, 640, 3], BGR. Same code, same pixels."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
WIDTH, HEIGHT = 640, 480


def rng(seed: int) -> np.random.Generator:
    """The one source of randomness."""
    return np.random.Generator(np.random.PCG64(seed))


def fractal(seed: int, width: int = WIDTH, height: int = HEIGHT, coarsest: int = 4, octaves: int = 7) -> Plane:
    """Fractal noise in [0, 1]: octaves of smoothed random grids."""
    source, plane = rng(seed), np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cells = coarsest * 2**octave
        grid = source.random((cells + 1, cells + 1), dtype=np.float32)
        plane += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(0.55**octave)
    return (plane - plane.min()) / np.float32(np.ptp(plane))


def ramp(value: Plane, colours: list[tuple[int, int, int]]) -> npt.NDArray[np.float32]:
    """Values in [0, 1] to colours, linearly between the stops (given as RGB, returned as BGR)."""
    stops = np.linspace(0, 1, len(colours))
    table = np.array(colours, np.float32)[:, ::-1]
    return np.stack([np.interp(value, stops, table[:, c]) for c in range(3)], axis=-1).astype(np.float32)


def as_picture(values: npt.NDArray[np.floating]) -> Picture:
    """Rounded and clipped."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def tidal_flats() -> Picture:
    """Fractal ridges under a low sun, with their reflection."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    glow = np.exp(-(((x - 430) / 260) ** 2 + ((y - 190) / 120) ** 2))
    picture = ramp(np.clip(y / 330, 0, 1), [(43, 62, 96), (122, 133, 160), (232, 178, 128), (246, 214, 160)])
    picture += 60 * glow[..., None] + 26 * (fractal(3, coarsest=6) - 0.5)[..., None]
    picture[(x - 430) ** 2 + (y - 205) ** 2 < 26**2] = (205, 238, 255)
    for layer in range(5):
        top = 215 + 24 * layer - (95 - 13 * layer) * fractal(20 + layer, coarsest=3 + layer)[100]
        ground = y > top[None, :]
        texture = fractal(40 + layer, coarsest=24, octaves=5)
        shade = 0.55 + 0.85 * texture
        tint = np.array([(168, 146, 150), (140, 120, 128), (112, 112, 104), (84, 106, 96), (66, 96, 92)][layer], np.float32)
        picture = np.where(ground[..., None], tint * shade[..., None], picture)
    mirror, shore = picture[330 - np.arange(HEIGHT - 330)], 330
    ripple = np.clip(np.arange(WIDTH) + 6 * np.sin(np.arange(HEIGHT - shore) / 2.3)[:, None], 0, WIDTH - 1).astype(int)
    mirror = np.take_along_axis(mirror, ripple[..., None], axis=1)
    picture[shore:] = 0.62 * mirror + 0.3 * ramp(fractal(61, coarsest=20)[shore:], [(60, 70, 90), (210, 180, 150)])
    return _with_posts(as_picture(picture))


def _with_posts(canvas: Picture) -> Picture:
    """Mooring posts, pools and birds, so that there is something to hold on to."""
    source = rng(62)
    for _ in range(46):
        x, y = int(source.integers(0, WIDTH)), int(source.integers(345, HEIGHT))
        size = (y - 300) / 120
        if source.random() < 0.55:
            axes = (int(34 * size), int(6 * size) + 1)
            cv2.ellipse(canvas, (x, y), axes, 0, 0, 360, (150, 176, 214), -1, 16)
            cv2.ellipse(canvas, (x, y + 1), axes, 0, 20, 200, (44, 54, 70), 2, 16)
        else:
            cv2.line(canvas, (x, y), (x + int(3 * size), y - int(34 * size)), (38, 44, 56), int(5 * size) + 1, 16)
            cv2.line(canvas, (x, y), (x + int(12 * size), y + int(9 * size)), (58, 62, 74), int(3 * size) + 1, 16)
    for _ in range(18):
        x, y, span = int(source.integers(40, 600)), int(source.integers(30, 170)), int(source.integers(4, 11))
        cv2.ellipse(canvas, (x - span, y), (span, span // 2), 0, 200, 340, (30, 30, 36), 1, 16)
        cv2.ellipse(canvas, (x + span, y), (span, span // 2), 0, 200, 340, (30, 30, 36), 1, 16)
    return canvas


def tin_orchard() -> Picture:
    """Brush strokes along a flow: trees on a striped hill."""
    source, angle = rng(5), fractal(6, coarsest=3) * 6
    canvas = as_picture(ramp(fractal(7), [(190, 205, 190), (232, 226, 196), (214, 190, 150)]))
    for _ in range(2600):
        px, py = int(source.integers(0, WIDTH)), int(source.integers(0, HEIGHT))
        turn = float(angle[py, px]) + (0.0 if py > 260 else 1.3)
        shade = int(source.integers(-35, 35))
        base = (120, 150, 96) if py > 260 + 30 * np.sin(px / 90) else (205, 170, 120)
        end = (px + int(22 * np.cos(turn)), py + int(14 * np.sin(turn)))
        cv2.line(canvas, (px, py), end, [int(np.clip(c + shade, 0, 255)) for c in base], int(source.integers(2, 6)), 16)
    for row, scale in ((262, 0.55), (318, 0.8), (392, 1.15)):
        for column in range(5):
            _tin_tree(canvas, source, int(60 + 130 * column + 50 * source.random()), row, scale)
    return canvas


def _tin_tree(canvas: Picture, source: np.random.Generator, x: int, y: int, scale: float) -> None:
    cv2.line(canvas, (x, y), (x + int(6 * scale), y - int(70 * scale)), (48, 58, 82), max(2, int(9 * scale)), 16)
    for _ in range(int(150 * scale)):
        radius, turn = 46 * scale * np.sqrt(source.random()), 2 * np.pi * source.random()
        leaf = (x + int(radius * np.cos(turn)), y - int(88 * scale) + int(0.8 * radius * np.sin(turn)))
        light = int(110 + 70 * np.cos(turn + 0.8) + source.integers(-30, 30))
        axes = (int(7 * scale) + 1, int(3 * scale) + 1)
        colour = (light, int(light * 0.95) + 10, int(light * (0.7 + 0.4 * source.random())))
        cv2.ellipse(canvas, leaf, axes, float(source.integers(0, 180)), 0, 360, colour, -1, 16)


def market_at_noon() -> Picture:
    """Awnings, crates, fruit and long shadows."""
    source = rng(8)
    canvas = as_picture(ramp(fractal(9, coarsest=40, octaves=4), [(214, 196, 164), (240, 226, 198)]))
    for row in range(3):
        for column in range(4):
            _stall(canvas, source, 20 + column * 158 + 40 * (row % 2) - 20, 28 + row * 150)
    for _ in range(26):
        x, y = int(source.integers(10, WIDTH - 10)), int(source.integers(60, HEIGHT - 30))
        cv2.ellipse(canvas, (x + 16, y + 15), (18, 5), 20, 0, 360, (120, 140, 150), -1, 16)
        coat = tuple(int(c) for c in source.integers(30, 210, 3))
        cv2.ellipse(canvas, (x, y + 8), (7, 12), 0, 0, 360, coat, -1, 16)
        cv2.circle(canvas, (x, y - 8), 5, (96, 130, 178), -1, 16)
    grain = (fractal(10, coarsest=64, octaves=4) - 0.5)[..., None]
    return as_picture(canvas + 30 * grain)


def _stall(canvas: Picture, source: np.random.Generator, x: int, y: int) -> None:
    colour = tuple(int(c) for c in source.integers(40, 220, 3))
    cv2.rectangle(canvas, (x + 14, y + 16), (x + 140, y + 110), (138, 156, 170), -1)
    for stripe in range(9):
        paint = colour if stripe % 2 else (236, 240, 242)
        left = x + stripe * 14
        cv2.fillPoly(canvas, [np.array([(left, y + 40), (left + 14, y + 40), (left + 11, y), (left - 3, y)])], paint, 16)
        cv2.ellipse(canvas, (left + 7, y + 40), (7, 7), 0, 0, 180, paint, -1, 16)
    for crate in range(4):
        left, top = x + 4 + crate * 31, y + 66
        cv2.rectangle(canvas, (left, top), (left + 27, top + 34), (60, 98, 140), -1)
        fruit = tuple(int(c) for c in source.choice([(40, 60, 210), (40, 150, 220), (60, 170, 90), (120, 50, 110)]))
        for _ in range(12):
            spot = (left + int(source.integers(4, 24)), top + int(source.integers(4, 20)))
            cv2.circle(canvas, spot, 4, [int(np.clip(c + source.integers(-25, 25), 0, 255)) for c in fruit], -1, 16)
            cv2.circle(canvas, (spot[0] - 1, spot[1] - 1), 1, (235, 240, 245), -1, 16)


def chart_of_a_small_country() -> Picture:
    """A map: contour lines, a coast, roads and names."""
    land = fractal(14, coarsest=3, octaves=6)
    picture = ramp(land, [(150, 184, 196), (176, 204, 206), (226, 218, 178), (206, 190, 138), (168, 140, 100), (240, 236, 226)])
    picture -= 22 * (np.abs((land * 28) % 1 - 0.5) > 0.42)[..., None]
    picture[np.abs(land - 0.4) < 0.006] = (70, 60, 50)
    canvas, source = as_picture(picture + 14 * (fractal(15, coarsest=80, octaves=3) - 0.5)[..., None]), rng(16)
    names = ["Orlamund", "Veil", "Saint Tamm", "Kesh", "Lower Ash", "Pell", "Tarn End", "Nine Wells", "Brack", "Ostra"]
    towns = [(int(source.integers(40, WIDTH - 90)), int(source.integers(30, HEIGHT - 20))) for _ in names]
    for a, b in zip(sorted(towns), sorted(towns)[1:], strict=False):
        bend = ((a[0] + b[0]) // 2 + int(source.integers(-40, 40)), (a[1] + b[1]) // 2 + int(source.integers(-40, 40)))
        cv2.polylines(canvas, [np.array([a, bend, b])], False, (58, 72, 176), 2, 16)
    for name, town in zip(names, towns, strict=True):
        cv2.circle(canvas, town, 5, (250, 250, 250), -1, 16)
        cv2.circle(canvas, town, 5, (30, 30, 40), 2, 16)
        cv2.putText(canvas, name, (town[0] + 9, town[1] + 5), cv2.FONT_HERSHEY_COMPLEX_SMALL, 0.75, (34, 30, 40), 1, 16)
    cv2.rectangle(canvas, (8, 8), (WIDTH - 9, HEIGHT - 9), (60, 60, 70), 2)
    return canvas


def stray_still() -> Picture:
    """A picture that is not registered: tiles of rings and wedges."""
    source = rng(77)
    canvas = as_picture(ramp(fractal(78, coarsest=5), [(30, 40, 60), (110, 60, 90), (230, 170, 110)]))
    for row in range(6):
        for column in range(8):
            centre, turn = (40 + 80 * column, 40 + 80 * row), int(source.integers(0, 360))
            colour = tuple(int(c) for c in source.integers(60, 255, 3))
            cv2.ellipse(canvas, centre, (32, 32), turn, 0, int(source.integers(90, 300)), colour, -1, 16)
            cv2.circle(canvas, centre, int(source.integers(8, 30)), (20, 20, 30), 2, 16)
    return as_picture(canvas + 40 * (fractal(79, coarsest=50, octaves=4) - 0.5)[..., None])
