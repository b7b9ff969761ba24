"""Pictures in pictures for stress_still: coverings, captions, photographs of screens and prints, pages, collages, blends."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from stress_still_edits import Picture, Rng, clipped, colour, cropped, jpeg, longest, resized, turned

WORDS = """
    when you said that nobody would ever notice the second monday of a very long week at work with my cat and your dog
""".split()  # noqa: SIM905


def font(size: int, name: str = "DejaVuSans-Bold.ttf") -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(name, max(8, size))


def words(dice: Rng, count: int) -> str:
    return " ".join(str(dice.choice(WORDS)) for _ in range(count))


def tiled_watermark(picture: Picture, dice: Rng) -> Picture:
    h, w = picture.shape[:2]
    layer = Image.new("L", (2 * w, 2 * h))
    draw, size = ImageDraw.Draw(layer), max(10, w // int(dice.integers(9, 16)))
    for y in range(0, 2 * h, int(2.2 * size)):
        draw.text((-(y % (3 * size)), y), "   ".join(["STOCKPIX"] * 20), fill=255, font=font(size))
    alpha = np.asarray(layer.rotate(float(dice.uniform(15, 45))))[h // 2 : h // 2 + h, w // 2 : w // 2 + w, None] / 255.0
    share = alpha * float(dice.uniform(0.3, 0.6))
    return clipped(picture * (1 - share) + 255 * share)


def stickered(picture: Picture, dice: Rng) -> Picture:
    """Discs, stars and labels over about 40 % of it."""
    whole = Image.fromarray(picture)
    draw, hidden = ImageDraw.Draw(whole), Image.new("1", whole.size)
    cover = ImageDraw.Draw(hidden)
    while np.asarray(hidden).mean() < 0.38:
        r = min(whole.size) * float(dice.uniform(0.07, 0.18))
        x, y = float(dice.uniform(0, whole.width)), float(dice.uniform(0, whole.height))
        shape = [(x + r * f * np.cos(a), y + r * f * np.sin(a)) for f, a in _outline(int(dice.integers(3)))]
        draw.polygon(shape, fill=colour(dice), outline=(255, 255, 255), width=3)
        cover.polygon(shape, fill=1)
        draw.text((x, y), words(dice, 1).upper(), fill=(0, 0, 0), font=font(int(r / 2.5)), anchor="mm")
    return np.asarray(whole)


def _outline(kind: int) -> list[tuple[float, float]]:
    points, inner = ((40, 1.0), (10, 0.5), (4, 1.0))[kind]
    return [(inner if i % 2 else 1.0, 2 * np.pi * i / points) for i in range(points)]


def barred(picture: Picture, dice: Rng) -> Picture:
    """Blinds: a third to a half of it hidden by stripes."""
    out, step = picture.copy(), int(min(picture.shape[:2]) * float(dice.uniform(0.08, 0.16)))
    thick = int(step * float(dice.uniform(0.35, 0.5)))
    for at in range(0, max(picture.shape[:2]), step):
        if step % 2:
            out[at : at + thick] = (30, 30, 30)
        else:
            out[:, at : at + thick] = (225, 225, 225)
    return out


def captioned(picture: Picture, dice: Rng, text: str = "") -> Picture:
    """White capitals with black edges, above and below."""
    whole = Image.fromarray(picture)
    draw, size = ImageDraw.Draw(whole), max(12, whole.width // 11)
    for anchor, y in (("ma", 4), ("md", whole.height - 4)):
        line = (text or words(dice, 3)).upper()
        draw.text((whole.width / 2, y), line, "white", font(size), anchor, stroke_width=size // 10, stroke_fill="black")
    return np.asarray(whole)


# One picture on a ground.


def quad(picture: Picture, dice: Rng, bend: float, ground: Picture) -> Picture:
    """The picture seen at an angle, on a ground of its size and half as much again."""
    h, w = picture.shape[:2]
    high, wide = ground.shape[:2]
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    scale = min(wide / w, high / h) * 0.8
    middle = np.array([wide / 2, high / 2], np.float32)
    placed = (corners - [w / 2, h / 2]) * scale + middle + dice.uniform(-bend, bend, (4, 2)) * [w * scale, h * scale]
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), float(dice.uniform(-14, 14)), 1.0)
    placed = placed @ turn[:, :2].T + turn[:, 2]
    matrix = cv2.getPerspectiveTransform(corners, placed.astype(np.float32))
    shown = cv2.warpPerspective(picture, matrix, (wide, high), flags=cv2.INTER_AREA)
    there = cv2.warpPerspective(np.full((h, w), 255, np.uint8), matrix, (wide, high))
    share = cv2.GaussianBlur(there, (0, 0), 0.8)[..., None] / 255.0
    return clipped(ground * (1 - share) + shown * share)


def room(dice: Rng, width: int, height: int) -> Picture:
    """An uneven wall or table."""
    coarse = dice.uniform(20, 220, (3, 4, 3)).astype(np.float32)
    return clipped(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) + dice.normal(0, 5, (height, width, 1)))


def glare(picture: Picture, dice: Rng) -> Picture:
    h, w = picture.shape[:2]
    y, x = np.mgrid[:h, :w]
    out = picture.astype(np.float32)
    for _ in range(int(dice.integers(1, 3))):
        cx, cy, r = dice.uniform(0.2, 0.8) * w, dice.uniform(0.2, 0.8) * h, dice.uniform(0.1, 0.25) * max(h, w)
        out += 190 * np.exp(-(((x - cx) / r) ** 2 + ((y - cy) / r) ** 2))[..., None]
    return clipped(out)


def screen(picture: Picture, dice: Rng) -> Picture:
    """A photograph of a screen: pixels of the screen against those of the camera, glare, an angle, a dark frame."""
    shown = longest(picture, 640)
    h, w = shown.shape[:2]
    y, x = np.mgrid[:h, :w]
    step = float(dice.uniform(2.05, 2.9))
    stripes = 1 + 0.16 * (np.cos(2 * np.pi * x / step) * np.cos(2 * np.pi * y / (1.1 * step)))[..., None]
    framed = cv2.copyMakeBorder(glare(clipped(shown * stripes), dice), 14, 24, 14, 14, cv2.BORDER_CONSTANT, value=(12, 12, 14))
    seen = quad(framed, dice, 0.09, room(dice, 800, 600))
    return jpeg(clipped(seen * 0.9 + dice.normal(0, 6, seen.shape)), int(dice.integers(35, 80)))


def printed(picture: Picture, dice: Rng) -> Picture:
    """A photograph of a print: paper, shade, warm light, an angle."""
    paper = cv2.copyMakeBorder(longest(picture, 600), 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=(244, 240, 230))
    seen = quad(paper, dice, 0.1, room(dice, 760, 640)).astype(np.float32)
    shade = np.linspace(float(dice.uniform(0.4, 0.7)), 1.05, seen.shape[1])[None, :, None]
    return jpeg(clipped(seen * shade * [1.0, 0.92, 0.75] + dice.normal(0, 4, seen.shape)), 70)


def page(picture: Picture, dice: Rng) -> Picture:
    """A page of a magazine: columns of words around the picture."""
    sheet = Image.new("RGB", (700, 900), (250, 248, 242))
    draw = ImageDraw.Draw(sheet)
    draw.text((30, 20), words(dice, 4).title(), (20, 20, 20), font(38, "DejaVuSerif-Bold.ttf"))
    for column in range(3):
        for line in range(46):
            draw.text((30 + 220 * column, 90 + 17 * line), words(dice, 5)[:30], (40, 40, 40), font(12, "DejaVuSerif.ttf"))
    shown = longest(picture, int(dice.integers(230, 430)))
    x, y = int(dice.integers(20, 680 - shown.shape[1])), int(dice.integers(90, 880 - shown.shape[0]))
    sheet.paste(Image.fromarray(shown), (x, y))
    return np.asarray(sheet)


def post(picture: Picture, dice: Rng, dark: bool | None = None) -> Picture:
    """A screenshot of a post: name, words, the picture, buttons."""
    dark = bool(dice.integers(2)) if dark is None else dark
    ground, ink = ((21, 24, 28), (235, 235, 235)) if dark else ((255, 255, 255), (20, 20, 20))
    shown = resized(picture, 480, round(480 * picture.shape[0] / picture.shape[1]))
    sheet = Image.new("RGB", (540, shown.shape[0] + 250), ground)
    draw = ImageDraw.Draw(sheet)
    draw.ellipse((24, 24, 72, 72), fill=colour(dice))
    draw.text((86, 28), "Somebody Online", ink, font(18))
    draw.text((86, 50), "@somebody · 3h", (120, 130, 140), font(14, "DejaVuSans.ttf"))
    draw.text((30, 90), f"{words(dice, 6)}\n{words(dice, 5)}", ink, font(17, "DejaVuSans.ttf"))
    sheet.paste(Image.fromarray(shown), (30, 150))
    for n, label in enumerate(("♡ 1.2K", "⟲ 340", "✉ 87", "⋯")):
        draw.text((40 + 125 * n, shown.shape[0] + 175), label, (120, 130, 140), font(18, "DejaVuSans.ttf"))
    draw.line((0, shown.shape[0] + 220, 540, shown.shape[0] + 220), (90, 90, 90), 2)
    return np.asarray(sheet)


def meme_card(picture: Picture, dice: Rng) -> Picture:
    """Words in black on white above it, a name on a bar below, the picture cropped."""
    shown = longest(cropped(picture, dice, 0.6, 0.9), 500)
    top = cv2.copyMakeBorder(shown, 110, 40, 16, 16, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    whole = Image.fromarray(top)
    draw = ImageDraw.Draw(whole)
    draw.text((16, 12), f"{words(dice, 5)}\n{words(dice, 4)}\n{words(dice, 4)}", "black", font(24, "LiberationSans-Bold.ttf"))
    draw.text((whole.width - 12, whole.height - 8), "made with memebox", (90, 90, 90), font(14), "rd")
    return np.asarray(whole)


def framed(picture: Picture, dice: Rng | None = None) -> Picture:
    """In the one ornate frame that all framed pictures have."""
    side = 48
    shown = resized(picture, 440, 330)
    sheet = cv2.copyMakeBorder(shown, side, side, side, side, cv2.BORDER_CONSTANT, value=(120, 82, 30))
    h, w = sheet.shape[:2]
    for n, (x, y) in enumerate([(x, y) for x in range(8, w, 26) for y in range(8, h, 26)]):
        if not (side - 8 < x < w - side + 8 and side - 8 < y < h - side + 8):
            cv2.circle(sheet, (x, y), 9, (214, 170 + 20 * (n % 3), 80), -1)
            cv2.line(sheet, (x - 7, y + 4), (x + 6, y - 5), (70, 40, 10), 2)
    return sheet


def branded(picture: Picture, dice: Rng | None = None) -> Picture:
    """With the one large logo and name in a corner."""
    out = longest(picture, 500)
    h, w = out.shape[:2]
    r = min(h, w) // 6
    cv2.circle(out, (w - r - 8, h - r - 8), r, (220, 30, 40), -1)
    cv2.circle(out, (w - r - 8, h - r - 8), int(r * 0.8), (255, 255, 255), max(2, r // 12))
    star = [(w - r - 8 + r * 0.7 * f * np.sin(a), h - r - 8 - r * 0.7 * f * np.cos(a)) for f, a in _outline(1)]
    cv2.fillPoly(out, [np.array(star, np.int32)], (255, 220, 0))
    whole = Image.fromarray(out)
    name, at = font(max(14, r // 2)), (w - 2 * r - 20, h - r)
    ImageDraw.Draw(whole).text(at, "NORTHSTAR tv", "white", name, "rm", stroke_width=2, stroke_fill="black")
    return np.asarray(whole)


def on_bricks(picture: Picture, dice: Rng | None = None) -> Picture:
    """On the one brick wall: two thirds of the area are wall."""
    fixed = np.random.default_rng(7)
    wall = np.full((480, 640, 3), 190, np.uint8)
    for row in range(20):
        for column in range(-1, 11):
            x, y = column * 64 + 32 * (row % 2), row * 24
            tone = [int(v) for v in np.array([150, 70, 50]) + fixed.integers(-25, 26, 3)]
            cv2.rectangle(wall, (x + 2, y + 2), (x + 60, y + 21), tone, -1)
    wall = clipped(wall + fixed.normal(0, 9, wall.shape))
    shown = longest(picture, 320)
    y, x = (480 - shown.shape[0]) // 2, (640 - shown.shape[1]) // 2
    wall[y : y + shown.shape[0], x : x + shown.shape[1]] = shown
    return wall


# Several pictures.


def pasted(ground: Picture, picture: Picture, x: int, y: int) -> None:
    h, w = ground.shape[:2]
    part = picture[: max(0, h - y), : max(0, w - x)]
    ground[y : y + part.shape[0], x : x + part.shape[1]] = part


def collage(pictures: list[Picture], dice: Rng) -> Picture:
    """A grid of 2 to 9 cut parts, some cells turned by a quarter or mirrored."""
    columns = int(np.ceil(len(pictures) ** 0.5)) if len(pictures) != 2 else 2
    rows = -(-len(pictures) // columns)
    side = 960 // columns
    gap = int(dice.integers(0, 14))
    sheet = np.full((rows * side, columns * side, 3), colour(dice), np.uint8)
    for n, picture in enumerate(pictures):
        part = cropped(picture, dice, 0.45, 0.9)
        part = np.rot90(part, int(dice.integers(4))) if dice.uniform() < 0.35 else part
        part = part[:, ::-1] if dice.uniform() < 0.3 else part
        h, w = part.shape[:2]
        cut = min(h, w) if dice.integers(2) else None
        part = part[(h - cut) // 2 : (h + cut) // 2, (w - cut) // 2 : (w + cut) // 2] if cut else part
        part = longest(np.ascontiguousarray(part), side - gap)
        pasted(sheet, part, n % columns * side + gap // 2, n // columns * side + gap // 2)
    return sheet


def scattered(pictures: list[Picture], dice: Rng) -> Picture:
    """Photographs with white edges on a table, turned, a little over one another."""
    sheet = room(dice, 1100, 800)
    spots = [(180, 170), (550, 180), (920, 170), (190, 590), (560, 600), (920, 590)]
    for n, picture in enumerate(pictures[: len(spots)]):
        photo = cv2.copyMakeBorder(longest(picture, 330), 12, 12, 12, 12, cv2.BORDER_CONSTANT, value=(250, 250, 250))
        h, w = photo.shape[:2]
        matrix = cv2.getRotationMatrix2D((w / 2, h / 2), float(dice.uniform(-35, 35)), 1.0)
        matrix[:, 2] += np.array(spots[n]) - [w / 2, h / 2]
        there = cv2.warpAffine(np.full((h, w), 255, np.uint8), matrix, (1100, 800))[..., None] / 255.0
        sheet = clipped(sheet * (1 - there) + cv2.warpAffine(photo, matrix, (1100, 800), flags=cv2.INTER_AREA) * there)
    return sheet


def inset(ground: Picture, picture: Picture, dice: Rng) -> Picture:
    """Turned, 12 to 25 % of the area, somewhere on the ground."""
    out = longest(ground, 900).copy()
    side = (float(dice.uniform(0.12, 0.25)) * out.shape[0] * out.shape[1]) ** 0.5
    aspect = (picture.shape[1] / picture.shape[0]) ** 0.5
    shown = resized(picture, round(side * aspect), round(side / aspect))
    there = turned(np.full_like(shown, 255), np.random.default_rng(state := int(dice.integers(1 << 30))))
    shown = turned(shown, np.random.default_rng(state))
    return shown if shown.shape[0] >= out.shape[0] or shown.shape[1] >= out.shape[1] else _laid(out, shown, there, dice)


def _laid(out: Picture, shown: Picture, there: Picture, dice: Rng) -> Picture:
    y, x = (int(dice.integers(0, a - b)) for a, b in zip(out.shape[:2], shown.shape[:2], strict=True))
    part = out[y : y + shown.shape[0], x : x + shown.shape[1]]
    part[:] = np.where((there == 255).all(axis=2, keepdims=True), shown, part)
    return out


def blended(a: Picture, b: Picture, dice: Rng) -> Picture:
    share = float(dice.uniform(0.3, 0.7))
    return clipped(longest(a, 500) * share + resized(b, longest(a, 500).shape[1], longest(a, 500).shape[0]) * (1 - share))


def exposed_twice(a: Picture, b: Picture, dice: Rng) -> Picture:
    first = longest(a, 500)
    return 255 - clipped((255.0 - first) * (255.0 - resized(b, first.shape[1], first.shape[0])) / 255)


def split(a: Picture, b: Picture, dice: Rng) -> Picture:
    """Two halves, parted by a slanting line."""
    first = longest(a, 500)
    h, w = first.shape[:2]
    y, x = np.mgrid[:h, :w]
    left = x / w + float(dice.uniform(-0.5, 0.5)) * (y / h - 0.5) < 0.5
    return np.where(left[..., None], first, resized(b, w, h))


def windowed(ground: Picture, picture: Picture, dice: Rng) -> Picture:
    """The picture as the ground of a desk top, windows of words over half of it."""
    out = Image.fromarray(resized(picture, 960, 600))
    draw = ImageDraw.Draw(out)
    for _ in range(2):
        x, y = int(dice.integers(20, 480)), int(dice.integers(20, 280))
        draw.rectangle((x, y, x + 430, y + 290), (246, 246, 246), (150, 150, 150))
        draw.rectangle((x, y, x + 430, y + 24), (70, 90, 130))
        for line in range(14):
            draw.text((x + 12, y + 34 + 18 * line), words(dice, 7), (30, 30, 30), font(13, "DejaVuSans.ttf"))
    draw.rectangle((0, 572, 960, 600), (35, 38, 45))
    return np.asarray(out)
