"""Films of one series: the same ground, frame or template, and other things happening. None may be taken for another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from test_film import features, probes, write

from fingerprint import schemes
from fingerprint.features import Media
from fingerprint.film_line import Line
from fingerprint.film_motion import changes
from fingerprint.film_sight import Sight
from matcher.calibration import load
from matcher.scan import scan_media
from registry.memory import MemoryIndex

WIDTH, HEIGHT, FPS, SECONDS = 480, 270, 12, 8
Rng = np.random.Generator
Episode = Callable[[Rng, Rng], Iterator[np.ndarray]]


def seconds() -> list[float]:
    return [number / FPS for number in range(SECONDS * FPS)]


def words(rng: Rng, length: int) -> str:
    return "".join(chr(int(c)) for c in rng.choice([*range(97, 123), 32, 32, 32, 32], length))


def soft(rng: Rng, shape: tuple[int, int], sigma: float) -> np.ndarray:
    noise = cv2.GaussianBlur(rng.normal(0, 1, shape), (0, 0), sigma)
    return (noise - noise.min()) / np.ptp(noise)


def slides(series: Rng, own: Rng) -> Iterator[np.ndarray]:
    """One template, other words on each page."""
    head, foot, step = *series.integers(60, 180, 2).tolist(), float(own.uniform(2, 4))
    pages = [(words(own, 22), [words(own, int(own.integers(20, 42))) for _ in range(own.integers(2, 6))]) for _ in range(6)]
    for t in seconds():
        frame, page = np.full((HEIGHT, WIDTH), 250, np.uint8), int(t / step)
        frame[:46], frame[-16:] = head, foot
        cv2.putText(frame, pages[page][0], (16, 31), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2, cv2.LINE_AA)
        for line, text in enumerate(pages[page][1]):
            if t - page * step > 0.3 * line:
                cv2.circle(frame, (26, 80 + 32 * line), 4, head, -1)
                cv2.putText(frame, text, (40, 85 + 32 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 40, 1, cv2.LINE_AA)
        yield frame


def call(series: Rng, own: Rng) -> Iterator[np.ndarray]:
    """Four people who sit where they always sit, and speak."""
    grounds = [(soft(series, (125, 230), 10) * series.integers(80, 220) + 20).astype(np.uint8) for _ in range(4)]
    skin, phase, speed = series.integers(110, 220, 4), own.uniform(0, 6, (4, 3)), own.uniform(0.4, 1.4, (4, 3))
    for t in seconds():
        frame = np.full((HEIGHT, WIDTH), 25, np.uint8)
        for n in range(4):
            face, level = grounds[n].copy(), int(skin[n])
            sway = np.sin(speed[n] * [t, 2 * t, 6 * t] + phase[n])
            x, y = int(115 + 10 * sway[0]), int(70 + 4 * sway[1])
            cv2.ellipse(face, (x, 130), (60, 40), 0, 0, 360, 255 - level, -1)
            cv2.ellipse(face, (x, y), (26, 34), 0, 0, 360, level, -1, cv2.LINE_AA)
            cv2.ellipse(face, (x, y + 16), (7, int(1 + 5 * abs(sway[2]))), 0, 0, 360, 60, -1)
            top, left = 6 + 132 * (n // 2), 6 + 238 * (n % 2)
            frame[top : top + 125, left : left + 230] = face
        yield frame


def news(series: Rng, own: Rng) -> Iterator[np.ndarray]:
    """One studio and one speaker, other pictures, another headline, another ticker."""
    ground = (soft(series, (HEIGHT, WIDTH), 30) * 150 + 30).astype(np.uint8)
    pictures = [(soft(own, (110, 170), s) * own.integers(80, 255)).astype(np.uint8) for s in (3, 6, 10, 4)]
    ticker, headline, phase = words(own, 400), words(own, 26), own.uniform(0, 6, 3)
    for t in seconds():
        frame, x, y = ground.copy(), int(130 + 5 * np.sin(1.3 * t + phase[0])), int(120 + 2 * np.sin(3 * t + phase[1]))
        cv2.ellipse(frame, (x, HEIGHT), (80, 90), 0, 0, 360, 45, -1)
        cv2.ellipse(frame, (x, y), (34, 46), 0, 0, 360, 180, -1, cv2.LINE_AA)
        cv2.ellipse(frame, (x, 140), (9, int(1 + 6 * abs(np.sin(7 * t + phase[2])))), 0, 0, 360, 60, -1)
        frame[30:140, 280:450] = pictures[int(t / 3.5) % 4]
        frame[190:226], frame[232:254] = 60, 240
        cv2.putText(frame, headline, (14, 214), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 2, cv2.LINE_AA)
        shown = ticker[int(8 * t) : int(8 * t) + 70]
        cv2.putText(frame, shown, (-int(8 * t % 1 * 8), 248), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 20, 1, cv2.LINE_AA)
        yield frame


def scanned(path: Path, index: MemoryIndex) -> set[str]:
    """The works that are named in the film."""
    report = scan_media(str(path), Media("film", "", (probes(path),)), index, load())
    return {m.work_id for m in report.matches if m.listed}


@pytest.mark.parametrize("episode", [slides, call, news])
def test_another_episode_is_not_named_and_a_part_is(episode: Episode, tmp_path):
    number = [*episode.__name__.encode()]
    frames = [list(episode(np.random.default_rng([1, *number]), np.random.default_rng([2, n, *number]))) for n in range(3)]
    paths = [write(tmp_path / f"{n}.mp4", f, FPS) for n, f in enumerate(frames)]
    index = MemoryIndex([(name, (features(p),)) for name, p in zip(("first", "second"), paths, strict=False)], schemes(), {})
    assert scanned(paths[2], index) == set()
    part = write(tmp_path / "part.mp4", frames[0][2 * FPS : 6 * FPS], FPS, crf="30")
    assert scanned(part, index) == {"first"}


def sight(levels: np.ndarray) -> Sight:
    """Pictures of which only the fine structure is told, four a second."""
    none = np.zeros(levels.shape, np.float32)
    return Sight(np.arange(len(levels)) / 4, none, none, levels.astype(np.float32))


def test_what_repeats_itself_in_the_work_tells_nothing():
    """One movement to and fro, in step with a work that moves so all the time; and a movement that never comes again."""
    rng = np.random.default_rng(4)
    ground, there = rng.normal(0, 20, 256), rng.normal(0, 4, 256)
    beats = ground + np.where(np.arange(160) % 7 < 3, 1.0, -1.0)[:, None] * there
    ours, theirs = beats[:80] + rng.normal(0, 2, (80, 256)), beats + rng.normal(0, 2, (160, 256))
    told, motion, elsewhere = changes(sight(ours), sight(theirs), Line(1.0, 0.0), 0.9)
    assert told < 0
    assert elsewhere > motion - 0.1
    once = ground + np.cumsum(rng.normal(0, 2, (160, 256)), axis=0)
    assert changes(sight(once[:80]), sight(once), Line(1.0, 0.0), 0.9)[0] > 8
