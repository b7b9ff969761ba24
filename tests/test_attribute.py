"""Attribution: segments put together, claims, listing, degree."""

import dataclasses
import math

import numpy as np
import pytest

from fingerprint.features import Evidence, Part
from matcher.attribute import attribute, covered, part_weights
from matcher.calibration import Calibration, Mapping, load
from matcher.verify import Finding
from registry.hits import Registered

PLAIN = Calibration({}, dict.fromkeys(("audio/copy", "film/copy", "image/copy"), (5.0, 1000)), 0.5)
SOUND = Part("audio", (100.0,), ())
PICTURE = Part("film", (100.0,), ())


def finding(work, span, strength, rows=(), part=0, relation="copy"):
    evidence = Evidence(relation, span, span, 1.0, strength, np.array(rows, np.int32), "audio.test.1")
    return Finding(part, Registered(0, work, "audio", (100.0,), {}), evidence)


def listed(matches):
    return {m.work_id: round(m.degree, 3) for m in matches if m.listed}


def test_strong_is_listed_weak_is_a_candidate_and_faint_is_dropped():
    matches = attribute(
        [finding("a", (0, 50), 9.0), finding("b", (50, 60), 2.0), finding("c", (60, 70), 0.1)], (SOUND,), PLAIN, 10
    )
    assert [(m.work_id, m.listed) for m in matches] == [("a", True), ("b", False)]
    assert listed(matches) == {"a": 0.5}
    assert matches[1].degree == 0.0


def test_segments_of_one_work_add_up():
    matches = attribute([finding("a", (0, 10), 3.0), finding("a", (20, 30), 3.0)], (SOUND,), PLAIN, 10)
    assert listed(matches) == {"a": 0.2}
    assert matches[0].score == pytest.approx(6.0)


def test_the_same_stretch_of_a_work_met_again_is_no_new_evidence():
    """As where a text repeats a sentence that holds a stock phrase."""
    once = finding("a", (0, 10), 3.0)
    again = dataclasses.replace(once, evidence=dataclasses.replace(once.evidence, output_span=(20.0, 30.0)))
    (match,) = attribute([once, again], (SOUND,), PLAIN, 10)
    assert len(match.segments) == 2, "both are told"
    assert match.score == pytest.approx(3.0) and not match.listed
    other = dataclasses.replace(again, evidence=dataclasses.replace(again.evidence, work_span=(20.0, 30.0)))
    assert attribute([once, other], (SOUND,), PLAIN, 10)[0].score == pytest.approx(6.0)


def test_the_same_place_seen_twice_counts_once():
    matches = attribute([finding("a", (0, 10), 3.0), finding("a", (1, 10), 2.9)], (SOUND,), PLAIN, 10)
    assert len(matches[0].segments) == 1
    assert not matches[0].listed


def test_claimed_rows_are_no_evidence_for_the_next_work():
    rows = range(100)
    matches = attribute([finding("a", (0, 50), 20.0, rows), finding("b", (0, 50), 19.0, rows)], (SOUND,), PLAIN, 10)
    assert listed(matches) == {"a": 0.5}
    assert all(m.work_id != "b" or (not m.listed and m.score < 5) for m in matches)


def test_two_works_at_once_with_their_own_rows_divide_the_stretch():
    matches = attribute(
        [finding("a", (0, 50), 20.0, range(100)), finding("b", (0, 50), 19.0, range(100, 200))], (SOUND,), PLAIN, 10
    )
    assert listed(matches) == {"a": 0.25, "b": 0.25}


def test_picture_and_sound_weigh_half_each_and_vote_together():
    both = [finding("a", (0, 100), 3.0, part=0), finding("a", (0, 100), 3.0, part=1)]
    matches = attribute(both, (PICTURE, SOUND), PLAIN, 10)
    assert listed(matches) == {"a": 1.0}
    sound_only = attribute([finding("a", (0, 100), 9.0, part=1)], (PICTURE, SOUND), PLAIN, 10)
    assert listed(sound_only) == {"a": 0.5}
    assert part_weights((PICTURE, SOUND, Part("text", (5.0,), ()))) == [0.5, 0.5, 0.0]


def test_still_degree_is_by_area():
    still = Part("image", (640.0, 480.0), ())
    matches = attribute([finding("a", (0.0, 0.0, 320.0, 480.0), 9.0)], (still,), PLAIN, 10)
    assert listed(matches) == {"a": 0.5}


def test_degrees_never_exceed_the_whole():
    found = [finding(w, (0, 100), 9.0, range(i * 10, i * 10 + 10)) for i, w in enumerate("abcdefg")]
    assert sum(m.degree for m in attribute(found, (SOUND,), PLAIN, 10)) == pytest.approx(1.0)


def test_order_of_findings_does_not_matter():
    found = [finding("a", (0, 50), 9.0, range(5)), finding("b", (40, 60), 9.0, range(5, 9)), finding("c", (0, 9), 7.0)]
    forward = attribute(found, (SOUND,), PLAIN, 10)
    backward = attribute(found[::-1], (SOUND,), PLAIN, 10)
    assert [(m.work_id, m.score, m.degree) for m in forward] == [(m.work_id, m.score, m.degree) for m in backward]


def test_covered():
    assert covered((0, 10), (5, 20)) == pytest.approx(0.5)
    assert covered((0, 10), (20, 30)) == 0
    assert covered((0, 0, 10, 10), (5, 5, 10, 10)) == pytest.approx(0.25)


def test_threshold_rises_with_the_registry_and_scores_are_capped():
    c = Calibration({"audio/audio.test.1/copy": Mapping(0.5, -1.0, 4.0)}, {"audio/copy": (3.0, 1000)}, 0.0)
    assert c.score("audio", "audio.test.1", "copy", 6.0) == pytest.approx(2.0)
    assert c.score("audio", "audio.test.1", "copy", 10.0) == pytest.approx(4.0)
    assert c.score("audio", "audio.test.1", "copy", 60.0) == pytest.approx(4.0 + math.log10(26.0))
    assert c.threshold("audio", "copy", 10) == 3.0
    assert c.threshold("audio", "copy", 9_000) == pytest.approx(3.0 + math.log10(9.0))
    assert c.threshold("audio", "copy", 10_000_000) == pytest.approx(4.0 + math.log10(1.0 + 3.0 / 0.5))


def test_in_a_registry_of_millions_certain_copies_are_listed_and_faint_ones_are_not():
    c = Calibration({"audio/audio.test.1/copy": Mapping(1.0, 0.0, 5.7)}, {"audio/copy": (3.5, 100)}, 0.0)
    needed = [c.threshold("audio", "copy", works) for works in (100, 10_000, 1_000_000, 2_000_000, 100_000_000)]
    assert needed == sorted(needed)
    assert c.score("audio", "audio.test.1", "copy", 12.0) >= needed[3] > c.score("audio", "audio.test.1", "copy", 9.0)
    assert c.score("audio", "audio.test.1", "copy", 12.0) < needed[4]


def test_still_degree_is_by_the_polygon_where_there_is_one():
    still = Part("image", (100.0, 100.0), ())
    diamond = ((50.0, 0.0), (100.0, 50.0), (50.0, 100.0), (0.0, 50.0))
    evidence = Evidence(
        "copy", (0, 0, 100, 100), (0, 0, 9, 9), 1.0, 9.0, np.array([], np.int32), "image.test.1", output_polygon=diamond
    )
    found = Finding(0, Registered(0, "a", "image", (9.0, 9.0), {}), evidence)
    assert listed(attribute([found], (still,), PLAIN, 10))["a"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("kind", sorted(load().accept))
def test_of_two_million_works_any_kind_of_evidence_can_still_name_one(kind: str):
    medium, relation = kind.split("/")
    certain = max(m.cap for name, m in load().mappings.items() if name.startswith(f"{medium}/")) + math.log10(1.0 + 6.0)
    assert load().threshold(medium, relation, 2_000_000) <= certain  # six orders more than what was measured
