"""Edits of film pictures with random strength, for stress_film: each is drawn once for a film, then applied to every frame.

A drawn edit is a function of a frame uint8[h, w, 3] (RGB) and its second in the output; it gives the frame back, edited.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Frame = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Rng = np.random.Generator
Edit = Callable[[Frame, float], Frame]
Draw = Callable[[Rng], Edit]

SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
WORDS = ("and then nobody came", "SUBSCRIBE", "part two tomorrow", "wait for it", "Das ist nicht wahr", "no way!!")


def _levels(values: np.ndarray) -> Frame:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _gray(f: Frame) -> Frame:
    return np.asarray(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), np.uint8)


def _grey3(grey: Frame) -> Frame:
    return np.repeat(grey[..., None], 3, axis=2)


def _table(curve: np.ndarray) -> Edit:
    table = _levels(curve)
    return lambda f, t: table[f]


def bars(rng: Rng) -> Edit:
    """Letterbox, pillarbox or window box, black, white or of a colour."""
    y, x = [(rng.uniform(0.1, 0.3), 0.0), (0.0, rng.uniform(0.1, 0.4)), (rng.uniform(0.08, 0.2), rng.uniform(0.08, 0.2))][
        int(rng.integers(3))
    ]
    colour = [(0, 0, 0), (255, 255, 255), rng.integers(0, 255, 3).tolist()][int(rng.integers(3))]

    def edit(f: Frame, t: float) -> Frame:
        h, w = round(f.shape[0] * y), round(f.shape[1] * x)
        return np.asarray(cv2.copyMakeBorder(f, h, h, w, w, cv2.BORDER_CONSTANT, value=colour), np.uint8)

    return edit


def vertical(rng: Rng) -> Edit:
    """9:16 with the picture itself, blurred, above and below."""
    blur, cover = float(rng.uniform(6, 16)), float(rng.uniform(1.0, 1.4))

    def edit(f: Frame, t: float) -> Frame:
        width, height = 216, 384
        h, w = f.shape[:2]
        k = max(width / w, height / h)
        back = cv2.resize(f, (round(w * k) + 1, round(h * k) + 1))
        y, x = (back.shape[0] - height) // 2, (back.shape[1] - width) // 2
        back = cv2.GaussianBlur(back[y : y + height, x : x + width], (0, 0), blur)
        small = cv2.resize(f, (round(width * cover), round(width * cover * h / w)), interpolation=cv2.INTER_AREA)
        left = (small.shape[1] - width) // 2
        small = small[:height, left : left + width]
        top = (height - small.shape[0]) // 2
        back[top : top + small.shape[0]] = small
        return np.asarray(back, np.uint8)

    return edit


def rotate(rng: Rng) -> Edit:
    """2 to 15 degrees, zoomed or with black corners."""
    angle, zoom = float(rng.uniform(2, 15) * rng.choice([-1, 1])), float(rng.choice([1.0, 1.2]))

    def edit(f: Frame, t: float) -> Frame:
        h, w = f.shape[:2]
        return np.asarray(cv2.warpAffine(f, cv2.getRotationMatrix2D((w / 2, h / 2), angle, zoom), (w, h)), np.uint8)

    return edit


def turn(rng: Rng) -> Edit:
    """By 90, 180 or 270 degrees."""
    k = int(rng.integers(1, 4))
    return lambda f, t: np.rot90(f, k)


def crop(rng: Rng) -> Edit:
    """To 50 to 80 % of the area, anywhere, also in another shape."""
    area, shape = rng.uniform(0.5, 0.8), rng.uniform(0.8, 1.25)
    sy, sx = min(1.0, np.sqrt(area * shape)), min(1.0, np.sqrt(area / shape))
    y, x = rng.uniform(0, 1 - sy), rng.uniform(0, 1 - sx)

    def edit(f: Frame, t: float) -> Frame:
        h, w = f.shape[:2]
        return f[round(y * h) : round((y + sy) * h), round(x * w) : round((x + sx) * w)]

    return edit


def hue(rng: Rng) -> Edit:
    """All hues shifted, saturation changed."""
    shift, more = int(rng.integers(25, 155)), float(rng.uniform(0.6, 1.6))

    def edit(f: Frame, t: float) -> Frame:
        hsv = cv2.cvtColor(f, cv2.COLOR_RGB2HSV).astype(np.float32)
        hsv[..., 0] = (hsv[..., 0] + shift) % 180
        hsv[..., 1] = np.clip(hsv[..., 1] * more, 0, 255)
        return np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB), np.uint8)

    return edit


def contrast(rng: Rng) -> Edit:
    """Much more or much less of it."""
    factor, shift = float(rng.choice([0.3, 0.45, 1.8, 2.6])), float(rng.uniform(-40, 40))
    return _table((np.arange(256) - 128.0) * factor + 128 + shift)


def gamma(rng: Rng) -> Edit:
    return _table(255 * (np.arange(256) / 255) ** float(rng.choice([0.35, 0.5, 2.0, 3.0])))


def vignette(rng: Rng) -> Edit:
    strength = float(rng.uniform(1.0, 2.2))

    def edit(f: Frame, t: float) -> Frame:
        h, w = f.shape[:2]
        y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
        return _levels(f * np.exp(-strength * (x**2 + y**2) / 1.4)[..., None])

    return edit


def logo(rng: Rng) -> Edit:
    """Small, large or moving, anywhere."""
    size, speed = float(rng.choice([0.12, 0.2, 0.4])), float(rng.choice([0, 0, 0.25]))
    place, colour = rng.uniform(0, 1, 2), rng.integers(0, 255, 3).tolist()

    def edit(f: Frame, t: float) -> Frame:
        out = f.copy()
        h, w = f.shape[:2]
        r = round(size * h / 2)
        x, y = (r + np.abs((place + speed * t) % 2 - 1) * (np.array([w, h]) - 2 * r)).astype(int).tolist()
        cv2.circle(out, (x, y), r, colour, -1)
        cv2.putText(out, "TV7", (x - r // 2, y + r // 4), cv2.FONT_HERSHEY_DUPLEX, r / 40, (255, 255, 255), 1, cv2.LINE_AA)
        return out

    return edit


def subtitles(rng: Rng) -> Edit:
    """A line at the bottom, another one every two seconds, white on a box or with an edge."""
    box, first = bool(rng.integers(2)), int(rng.integers(len(WORDS)))

    def edit(f: Frame, t: float) -> Frame:
        out, (h, w) = f.copy(), f.shape[:2]
        text = WORDS[(first + int(t / 2)) % len(WORDS)]
        at = (max(2, w // 2 - 5 * len(text)), round(0.9 * h))
        if box:
            cv2.rectangle(out, (at[0] - 6, at[1] - 18), (w - at[0], at[1] + 8), (0, 0, 0), -1)
        cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 4, cv2.LINE_AA)
        cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
        return out

    return edit


def captions(rng: Rng) -> Edit:
    """Large words over the picture."""
    place, size = rng.uniform(0.15, 0.8, 3), float(rng.uniform(0.8, 1.5))

    def edit(f: Frame, t: float) -> Frame:
        out, (h, w) = f.copy(), f.shape[:2]
        for number, y in enumerate(place.tolist()):
            text = WORDS[(number + int(t)) % len(WORDS)]
            cv2.putText(out, text, (w // 12, round(y * h)), cv2.FONT_HERSHEY_DUPLEX, size, (255, 230, 0), 3, cv2.LINE_AA)
        return out

    return edit


def sticker(rng: Rng) -> Edit:
    """One to three smiling faces."""
    places, size = rng.uniform(0.2, 0.8, (int(rng.integers(1, 4)), 2)), float(rng.uniform(0.1, 0.22))

    def edit(f: Frame, t: float) -> Frame:
        out, (h, w) = f.copy(), f.shape[:2]
        r = round(size * h)
        for x, y in (places * [w, h]).astype(int).tolist():
            y += round(4 * np.sin(6 * t))
            cv2.circle(out, (x, y), r, (255, 210, 40), -1, cv2.LINE_AA)
            for side in (-1, 1):
                cv2.circle(out, (x + side * r // 3, y - r // 4), max(1, r // 7), (60, 30, 0), -1)
            cv2.ellipse(out, (x, y), (r // 2, r // 2), 0, 20, 160, (60, 30, 0), max(1, r // 10))
        return out

    return edit


def off_a_screen(rng: Rng) -> Edit:
    """Perspective, moire, blur, exposure that flickers, and a hand that shakes a little."""
    corners, margin = rng.uniform(-0.05, 0.05, (4, 2)), rng.uniform(0.03, 0.1)
    phase, pitch, blur = rng.uniform(0, 6, 4), float(rng.uniform(2.3, 3.6)), float(rng.uniform(0.6, 1.2))
    ground = rng.integers(10, 70, 3).tolist()

    def edit(f: Frame, t: float) -> Frame:
        h, w = f.shape[:2]
        unit = np.array([[margin, margin], [1 - margin, margin], [1 - margin, 1 - margin], [margin, 1 - margin]])
        shake = 0.006 * np.sin(np.array([2.1, 1.7]) * 2 * t + phase[:2])
        to = ((unit + corners + shake) * [w, h]).astype(np.float32)
        matrix = cv2.getPerspectiveTransform(np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32), to)
        y, x = np.mgrid[:h, :w]
        moire = 1 + 0.1 * np.sin(2 * np.pi * x / pitch + phase[2]) * np.sin(2 * np.pi * y / (1.1 * pitch))
        lit = f * moire[..., None] * (0.85 + 0.12 * np.sin(9 * t + phase[3]))
        shown = cv2.warpPerspective(_levels(lit), matrix, (w, h), borderValue=ground)
        return _levels(cv2.GaussianBlur(shown, (0, 0), blur) * 0.85 + 18)

    return edit


def grain(rng: Rng) -> Edit:
    sigma, seed = float(rng.uniform(15, 45)), int(rng.integers(1 << 30))

    def edit(f: Frame, t: float) -> Frame:
        noise = np.random.default_rng([seed, round(t * 1000)]).normal(0, sigma, f.shape)
        return _levels(f + noise)

    return edit


def fades(rng: Rng, seconds: float = 6.0) -> Edit:
    """In and out of black or white."""
    long, level = float(rng.uniform(0.5, 1.5)), int(rng.choice([0, 0, 255]))

    def edit(f: Frame, t: float) -> Frame:
        k = min(1.0, t / long, max(0.0, seconds - t) / long)
        return _levels(level + k * (f.astype(np.float32) - level))

    return edit


def edges(rng: Rng) -> Edit:
    low, dark = int(rng.integers(30, 70)), bool(rng.integers(2))

    def edit(f: Frame, t: float) -> Frame:
        lines = cv2.dilate(cv2.Canny(_gray(f), low, 2.5 * low), np.ones((2, 2), np.uint8))
        return _grey3(np.asarray(lines if dark else 255 - lines, np.uint8))

    return edit


def pencil(rng: Rng) -> Edit:
    sigma = float(rng.uniform(4, 10))

    def edit(f: Frame, t: float) -> Frame:
        grey = _gray(f)
        soft = cv2.GaussianBlur(255 - grey, (0, 0), sigma)
        return _grey3(np.asarray(cv2.divide(grey, 255 - soft, scale=245), np.uint8))

    return edit


def cartoon(rng: Rng) -> Edit:
    steps = int(rng.integers(4, 8))

    def edit(f: Frame, t: float) -> Frame:
        flat = cv2.bilateralFilter(cv2.bilateralFilter(f, 7, 60, 7), 7, 60, 7)
        flat = (flat // (256 // steps)) * (256 // steps) + 128 // steps
        lines = cv2.adaptiveThreshold(cv2.medianBlur(_gray(f), 5), 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 9, 4)
        return np.asarray(np.minimum(flat, lines[..., None]), np.uint8)

    return edit


def paint(rng: Rng) -> Edit:
    radius, more = int(rng.choice([5, 7, 9])), float(rng.uniform(1.1, 1.6))

    def edit(f: Frame, t: float) -> Frame:
        return _levels((cv2.medianBlur(f, radius) - 128.0) * more + 128)

    return edit


def posterize(rng: Rng) -> Edit:
    steps, colours = int(rng.integers(2, 4)), rng.permutation(rng.integers(0, 255, (4, 3)))

    def edit(f: Frame, t: float) -> Frame:
        return np.asarray(colours[np.minimum(_gray(f).astype(int) * (steps + 1) // 256, steps)], np.uint8)

    return edit


def style(rng: Rng, flicker: float = 0.0) -> Edit:
    """A strong colour map, the shapes bent a little and a texture over all; with `flicker` other bends in every frame."""
    maps = [cv2.COLORMAP_OCEAN, cv2.COLORMAP_TWILIGHT, cv2.COLORMAP_AUTUMN, cv2.COLORMAP_PINK, cv2.COLORMAP_PLASMA]
    chosen, seed = int(rng.choice(maps)), int(rng.integers(1 << 30))
    texture, bend = cv2.GaussianBlur(rng.normal(0, 90, (400, 700)), (0, 0), 1.6), float(rng.uniform(2, 5))

    def edit(f: Frame, t: float) -> Frame:
        h, w = f.shape[:2]
        own = np.random.default_rng([seed, round(t * 1000) if flicker else 0])
        waves = [cv2.resize(own.normal(0, bend, (5, 8)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC) for _ in "xy"]
        y, x = np.mgrid[:h, :w].astype(np.float32)
        bent = cv2.remap(cv2.medianBlur(f, 7), x + waves[0], y + waves[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        grey = _gray(np.asarray(bent, np.uint8)) * (1 + flicker * own.uniform(-1, 1)) + flicker * own.uniform(-60, 60)
        coloured = cv2.applyColorMap(_levels(grey), chosen)[..., ::-1]
        return _levels(coloured + cv2.resize(texture, (w, h))[..., None] * 1.5)

    return edit


def both(*draws: Draw) -> Draw:
    """One edit after the other."""

    def draw(rng: Rng) -> Edit:
        drawn = [d(rng) for d in draws]

        def edit(f: Frame, t: float) -> Frame:
            for one in drawn:
                f = np.ascontiguousarray(one(f, t))
            return f

        return edit

    return draw


def any_of(rng: Rng, count: int) -> Edit:
    """So many of the common edits, at random."""
    pool = [mirror, crop, gamma, contrast, hue, logo, subtitles, grain, gray, sepia, bars, rotate, captions]
    return both(*(pool[i] for i in rng.choice(len(pool), count, replace=False)))(rng)


def mirror(rng: Rng) -> Edit:
    return lambda f, t: f[:, ::-1]


def gray(rng: Rng) -> Edit:
    return lambda f, t: _grey3(_gray(f))


def sepia(rng: Rng) -> Edit:
    return lambda f, t: _levels(f @ SEPIA.T)


def inverted(rng: Rng) -> Edit:
    return lambda f, t: 255 - f


def as_it_is(rng: Rng) -> Edit:
    return lambda f, t: f


PLAIN: dict[str, Draw] = {
    "bars": bars, "mirror": mirror, "rotate-small": rotate, "turn": turn, "crop": crop, "grey": gray, "sepia": sepia,
    "hue": hue, "contrast": contrast, "gamma": gamma, "inverted": inverted, "vignette": vignette, "logo": logo,
    "subtitles": subtitles, "captions": captions, "sticker": sticker, "off-a-screen": off_a_screen, "grain": grain,
    "fades": fades, "three-edits": lambda rng: any_of(rng, 3),
}  # fmt: skip
RESTYLED: dict[str, Draw] = {
    "edges": edges, "pencil": pencil, "cartoon": cartoon, "paint": paint, "posterize": posterize, "style": style,
    "style-flicker": lambda rng: style(rng, 0.25),
}  # fmt: skip
