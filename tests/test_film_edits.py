"""Edits of films beyond the usual ones, and stills out of films: found at their place; what only looks like it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from test_film import SIZE, Pictures, features, found, scene, write

from fingerprint import schemes
from fingerprint.features import Evidence
from matcher.look import output_probes
from matcher.scan import findings
from registry.memory import MemoryIndex

WIDTH, HEIGHT = SIZE
Edit = Callable[[np.ndarray, float], np.ndarray]


@pytest.fixture(scope="module")
def frames() -> Pictures:
    """A film of nine seconds, three shots."""
    return scene(1, 9)


@pytest.fixture(scope="module")
def index(frames, tmp_path_factory) -> MemoryIndex:
    """It, and two others."""
    folder = tmp_path_factory.mktemp("works")
    made = {"work": frames, "other2": scene(2, 6), "other3": scene(3, 6)}
    works = [(name, (features(write(folder / f"{name}.mp4", pictures)),)) for name, pictures in made.items()]
    return MemoryIndex(works, schemes())


def blurred_sides(f: np.ndarray, t: float) -> np.ndarray:
    """9:16 before its own middle, blurred."""
    back = cv2.GaussianBlur(cv2.resize(f, (570, 320))[:, 195:375], (0, 0), 9)
    back[109:210] = cv2.resize(f, (180, 101), interpolation=cv2.INTER_AREA)
    return back


def off_centre(f: np.ndarray, t: float) -> np.ndarray:
    """A corner that is 56 % of the picture."""
    return f[45:180, 80:320]


def tilted(f: np.ndarray, t: float) -> np.ndarray:
    return cv2.warpAffine(f, cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 9, 1.0), SIZE)


def off_a_screen(f: np.ndarray, t: float) -> np.ndarray:
    """Seen from the side, by a hand that shakes, at an exposure that flickers."""
    to = np.array([[20, 14], [305, 22], [296, 170], [28, 160]], np.float32) + np.float32(2 * np.sin(5 * t))
    matrix = cv2.getPerspectiveTransform(np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32), to)
    lit = np.clip(f * (0.75 + 0.2 * np.sin(9 * t)), 0, 255).astype(np.uint8)
    return cv2.GaussianBlur(cv2.warpPerspective(lit, matrix, SIZE, borderValue=30), (0, 0), 0.9)


def moving_logo(f: np.ndarray, t: float) -> np.ndarray:
    out = f.copy()
    cv2.circle(out, (40 + int(45 * t), 60), 30, 255, -1)
    return out


def coloured_window(f: np.ndarray, t: float) -> np.ndarray:
    return cv2.copyMakeBorder(f, 30, 30, 60, 60, cv2.BORDER_CONSTANT, value=170)


EDITS: dict[str, Edit] = {e.__name__: e for e in (blurred_sides, off_centre, tilted, off_a_screen, moving_logo, coloured_window)}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_excerpt_is_found_at_its_place(edit, frames, index, tmp_path):
    pictures = [np.ascontiguousarray(EDITS[edit](f, n / 12)) for n, f in enumerate(frames[36:96])]
    best = best_of(index, write(tmp_path / "output.mp4", [f[: f.shape[0] // 2 * 2] for f in pictures]))
    assert best.output_span == pytest.approx((0, 5), abs=0.5) and best.work_span == pytest.approx((3, 8), abs=0.5)
    assert best.scale == pytest.approx(1, abs=0.03)


def best_of(index: MemoryIndex, path: Path) -> Evidence:
    """The strongest evidence for the only work that is found."""
    matches = found(index, path)
    assert set(matches) == {"work"} and matches["work"][0] > 4
    return max(matches["work"][1], key=lambda e: e.strength)


def test_speed_is_told_of_mirrored_and_cropped_pictures(frames, index, tmp_path):
    pictures = [np.ascontiguousarray(f[:, ::-1]) for f in frames]
    assert best_of(index, write(tmp_path / "mirror.mp4", pictures, fps=16)).scale == pytest.approx(4 / 3, rel=0.02)
    pictures = [np.ascontiguousarray(f[20:170, 40:310]) for f in frames]
    assert best_of(index, write(tmp_path / "crop.mp4", pictures, fps=16)).scale == pytest.approx(4 / 3, rel=0.03)


def still(index: MemoryIndex, grey: np.ndarray, path: Path) -> list[tuple[str, Evidence]]:
    """Findings of a still among the films."""
    Image.fromarray(grey).save(path)
    return [(f.registered.work_id, f.evidence) for f in findings(output_probes(path, index), index)]


STILLS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "crop": lambda f: f[40:180, 90:310],
    "shrunk": lambda f: cv2.resize(f[2:178, 4:316], (150, 85), interpolation=cv2.INTER_AREA),
    "mirrored crop": lambda f: f[30:170, 10:220][:, ::-1],
    "faint": lambda f: (f // 3 + 80)[5:170, 30:320],
}


@pytest.mark.parametrize("edit", STILLS)
def test_part_of_a_still_names_the_film_and_its_second(edit, frames, index, tmp_path):
    hits = still(index, np.ascontiguousarray(STILLS[edit](frames[54])), tmp_path / "still.png")
    assert {work for work, _ in hits} == {"work"}
    best = max((e for _, e in hits), key=lambda e: e.strength)
    assert best.strength > 3.5 and best.work_span[0] == pytest.approx(4.5, abs=1.0)


def test_region_of_a_still_is_where_the_film_is(frames, index, tmp_path):
    page = scene(77, 0.1, size=(640, 400))[0]
    page[180:360, 40:360] = frames[54]
    hits = still(index, page, tmp_path / "page.png")
    best = max((e for work, e in hits if work == "work"), key=lambda e: e.strength)
    assert best.output_span == pytest.approx((40, 180, 320, 180), abs=12)


def test_still_of_another_film_names_nothing(index, tmp_path):
    assert still(index, scene(60, 1)[0], tmp_path / "still.png") == []


def figure(width: int, height: int, level: int) -> np.ndarray:
    """Somebody in the middle of a plain ground."""
    picture = np.full((HEIGHT, WIDTH), 128, np.uint8)
    cv2.ellipse(picture, (WIDTH // 2, HEIGHT - height // 2), (width, height), 0, 0, 360, level, -1)
    cv2.circle(picture, (WIDTH // 2, HEIGHT - height - height // 2), width // 2, level, -1)
    return picture


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> MemoryIndex:
    """A film of a figure that grows and shrinks."""
    film = [figure(30 + n % 7, 60, 60) for n in range(72)]
    path = write(tmp_path_factory.mktemp("plain") / "work.mp4", film)
    return MemoryIndex([("figure", (features(path),))], schemes())


@pytest.mark.parametrize("other", [(42, 52, 20), (36, 45, 20), (30, 50, 20)])
def test_figure_before_a_plain_ground_is_not_any_such_figure(other, plain, tmp_path):
    """Such pictures have nearly the same low frequencies, whatever the figure is."""
    assert max((e.strength for _, e in still(plain, figure(*other), tmp_path / "still.png")), default=0.0) < 3


def test_part_of_a_film_of_a_figure_before_a_plain_ground_is_found(plain, tmp_path):
    """Wherever the figure's edges are in that part; another figure is not found."""
    part = write(tmp_path / "part.mp4", [figure(30 + n % 7, 60, 60) for n in range(20, 60)])
    assert found(plain, part)["figure"][0] > 4
    assert found(plain, write(tmp_path / "other.mp4", [figure(40 + n % 5, 56, 30) for n in range(40)])) == {}
