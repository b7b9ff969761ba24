"""Where a still lies: polygons of both sides, from the placement and from what agrees."""

import cv2
import numpy as np
import pytest
from test_image import IMAGE, SCHEMES, photo, still

from fingerprint.features import Media
from fingerprint.image_pixels import laid
from fingerprint.image_region import bounds, outlined, seen_box
from fingerprint.polygons import area, cut_to_unit, painted
from matcher.report import as_json
from matcher.scan import scan_media
from registry.memory import MemoryIndex

WORK = photo(1)
SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


@pytest.fixture(scope="module")
def index() -> MemoryIndex:
    return MemoryIndex([(f"w{i}", (IMAGE.features(still(photo(i))),)) for i in range(4)], SCHEMES)


def named(index: MemoryIndex, pixels: np.ndarray) -> dict:
    """The only listed match, as the report tells it."""
    (match,) = as_json(scan_media("output", Media("image", "", (IMAGE.probes(still(pixels)),)), index))["matches"]
    return match


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two convex polygons."""
    shared, _ = cv2.intersectConvexConvex(np.float32(a), np.float32(b))
    return shared / (area(np.float64(a)) + area(np.float64(b)) - shared)


def drawn(part: np.ndarray, corners: np.ndarray, ground: int = 160) -> np.ndarray:
    """The part between these corners on an even ground of 900 x 700."""
    height, width = part.shape[:2]
    canvas = np.full((700, 900, 3), ground, np.uint8)
    matrix = cv2.getPerspectiveTransform(np.float32([[0, 0], [width, 0], [width, height], [0, height]]), np.float32(corners))
    there = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, (900, 700)) > 127
    canvas[there] = cv2.warpPerspective(part, matrix, (900, 700))[there]
    return canvas


@pytest.mark.parametrize(
    "corners",
    [
        [[250, 200], [650, 200], [650, 467], [250, 467]],
        [[300, 120], [620, 300], [500, 513], [180, 333]],
        [[230, 180], [680, 230], [640, 500], [260, 450]],
    ],
    ids=["upright", "rotated", "in perspective"],
)
def test_an_inset_is_named_by_its_four_corners(index, corners):
    match = named(index, drawn(WORK, np.array(corners)))
    (segment,) = match["segments"]
    assert match["work"] == "w1"
    assert overlap(segment["output_polygon"], corners) > 0.9
    assert overlap(segment["work_polygon"], [[0, 0], [480, 0], [480, 320], [0, 320]]) > 0.9
    assert match["degree"] == pytest.approx(area(np.array(corners)) / (900 * 700), rel=0.12)
    x, y, w, h = segment["output"]
    low, high = np.min(segment["output_polygon"], axis=0), np.max(segment["output_polygon"], axis=0)
    assert (x, y, x + w, y + h) == pytest.approx((*low, *high), abs=0.01)


def test_a_part_of_a_work_in_an_inset_is_named_alone(index):
    part = WORK[60:260, 90:400]
    corners = np.array([[250, 200], [715, 200], [715, 500], [250, 500]])
    (segment,) = named(index, drawn(part, corners))["segments"]
    assert overlap(segment["output_polygon"], corners) > 0.75
    assert overlap(segment["work_polygon"], [[90, 60], [400, 60], [400, 260], [90, 260]]) > 0.75


def test_a_crop_fills_the_output(index):
    (segment,) = named(index, WORK[60:260, 90:400])["segments"]
    assert overlap(segment["output_polygon"], [[0, 0], [310, 0], [310, 200], [0, 200]]) > 0.97
    assert overlap(segment["work_polygon"], [[90, 60], [400, 60], [400, 260], [90, 260]]) > 0.95


def test_what_is_even_on_both_sides_belongs_to_its_surroundings():
    work = np.zeros((2, 32, 32), np.uint8) + np.uint8(90)
    work[0, 10:22, 10:22] = np.random.default_rng(1).integers(0, 256, (12, 12))
    output = cv2.resize(work[0], (320, 320), interpolation=cv2.INTER_NEAREST)
    assert seen_box(laid(output, np.eye(3)), work) == pytest.approx((0, 0, 1, 1))


def test_a_placement_outside_the_output_is_cut_to_it():
    shift = np.array([[1.0, 0, 0.25], [0, 1.0, 0], [0, 0, 1]])
    seen = outlined(shift, np.array([0.0, 0.0, 1.0, 1.0]))
    assert area(seen.output) == pytest.approx(0.75)
    assert seen.work.min(axis=0) == pytest.approx((0.25, 0.0)) and seen.work.max(axis=0) == pytest.approx((1.0, 1.0))


def test_polygons_are_cut_measured_and_painted():
    diamond = np.array([[0.5, -0.5], [1.5, 0.5], [0.5, 1.5], [-0.5, 0.5]])
    assert area(diamond) == pytest.approx(2.0) and area(cut_to_unit(diamond)) == pytest.approx(1.0)
    assert len(cut_to_unit(SQUARE + 3.0)) == 0
    assert painted(SQUARE * [1.0, 0.5], 1.0, 1.0, 10).mean() == pytest.approx(0.5)
    assert painted(diamond / 2, 1.0, 1.0, 41).mean() == painted(diamond[::-1] / 2, 1.0, 1.0, 41).mean() > 0.25
    assert bounds(((2.0, 3.0), (5.0, 3.0), (4.0, 9.0))) == (2.0, 3.0, 3.0, 6.0)
