"""Checking an alignment of films: picture by picture along the line, from edge to edge, against chance.

What stays the same all through a run counts once; only what changes in the same way on both sides, and better than at
other moments, adds evidence, so that another hour of the same fixed camera is not named.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprint.features import Alignment, Evidence, Fingerprint, Part
from fingerprint.film_geometry import Pairs, pairs_of, placement
from fingerprint.film_line import NEAR_S, SEARCH_S, Line, along, drifts_apart, extended, fitted, placed, refined
from fingerprint.film_local import LOCAL
from fingerprint.film_motion import BESIDE_S, changes
from fingerprint.film_sight import (
    FRAMES,
    HASH_BYTES,
    THUMBS,
    Float,
    Index,
    Sight,
    View,
    box_view,
    decoys,
    masked,
    placed_view,
    registered,
    seen,
    telling_cells,
)
from fingerprint.hashing import hamming
from fingerprint.pictures import WHOLE, WHOLE_NAME

BOX_UNIT = 250.0  # of a box edge in a probe's payload
# Similarity of unrelated pictures: each step above zero is ten times rarer.
CHANCE_ZERO, CHANCE_STEP = 0.14, 0.056
CHANCE_SHARE = 0.7  # of what wrongly turned pictures share
PICTURE_CAP = 4.0  # log10 that the typical picture of a run can give
CELL_WORTH = 0.25  # and what each of its cells can: a thing on a plain ground has only its place, which others have as well
REACH_S = 60.0  # how far beyond its hits a run may go
PLACED_S = 15.0  # of the hits' surroundings decide where the line lies
PIECE_S = 2.5  # a run without agreeing changes is tried again in pieces
MOST_PIECES = 6
MOVES_ALIKE = 0.7  # as much as its pictures are alike
LIKELY_BITS = 106  # of 256: hits whose hashes are further apart than this are chance
MOST_PLACEMENTS = 6  # of one work in one output
COPY_SIMILAR = 0.6
LEAST_ALIKE = 0.15  # of the pictures around the hits
POINT_ZERO, POINT_WORTH, POINT_CAP = 6, 0.3, 4.0  # log10 for each point that agrees on a placement
# log10 of how rare an edit is: mirrored; otherwise turned; a part or an inset; at another speed; backwards.
MIRROR_PRIOR, TURNED_PRIOR, PART_PRIOR, SPEED_PRIOR, BACK_PRIOR = -0.7, -2.0, -1.0, -2.0, -1.5
SEARCH_PRIOR = -1.0  # placements tried for each alignment

DRIFTS, DRIFT_PRIOR = 1.2, -2.0  # of runs in which so little changes alike: log10 of how rarely a copy ends without a cut
UNUSUAL_SPEED = 0.03
SLOWEST, FASTEST, EXTREME_PRIOR = 0.45, 2.2, -3.0


@dataclass(frozen=True)
class Case:
    """One alignment under examination; `times` are the seconds of the probe's rows, `bonus` is what its points tell."""

    output: Part
    work: Part
    alignment: Alignment
    frames: Fingerprint
    whole: Fingerprint
    thumbs: Fingerprint
    view: View
    times: Float
    prior: float
    bonus: float = 0.0


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """Evidence of the runs of pictures that an alignment leads to. The output is seen as the alignment's hits place it."""
    frames, whole, thumbs = output.of(FRAMES.name), work.of(WHOLE_NAME), work.of(THUMBS.name)
    probe = output.of(alignment.scheme, alignment.variant)
    if frames is None or whole is None or thumbs is None or probe is None or not len(thumbs) or not len(whole):
        return []
    times = np.asarray(probe.positions * WHOLE.tick, np.float64)
    common = (output, work, alignment, frames, whole, thumbs)
    if alignment.scheme == LOCAL.name:
        return _compare_points(probe, work.of(LOCAL.name), times, common)
    if not _likely(probe, whole, alignment):
        return []
    case = Case(*common, _box_view(probe, alignment), times, _turn_prior(alignment.variant))
    return _runs(case, times[alignment.output_rows])


Common = tuple[Part, Part, Alignment, Fingerprint, Fingerprint, Fingerprint]


def _compare_points(probe: Fingerprint, theirs: Fingerprint | None, times: Float, common: Common) -> list[Evidence]:
    """Placement after placement: the points that agree, the moments they are from, the run that grows from there."""
    pairs = None if theirs is None else pairs_of(probe, theirs, common[2])
    found: list[Evidence] = []
    mirror = common[2].variant == "mirror"
    for _ in range(MOST_PLACEMENTS):
        place = None if pairs is None else placement(pairs)
        if pairs is None or place is None or place.distinct < POINT_ZERO:
            break
        inside = pairs.of(place.pairs)
        line, near = _moments(inside)
        seeds, rows = inside.our_times[near], np.unique(inside.rows[near]).astype(np.int32)
        bonus = min(POINT_WORTH * (place.distinct - POINT_ZERO), POINT_CAP)
        prior = PART_PRIOR + (MIRROR_PRIOR if mirror else 0.0)
        alignment = dataclasses.replace(common[2], scale=line.scale, offset=line.offset / WHOLE.tick, output_rows=rows)
        case = Case(*common[:2], alignment, *common[3:], placed_view(place.matrix, mirror), times, prior, bonus)
        runs = _runs(case, seeds)
        found.extend(runs)
        used = np.zeros(len(pairs), bool)
        used[place.pairs[near]] = True
        for e in runs:
            used[place.pairs] |= (inside.our_times >= e.output_span[0]) & (inside.our_times < e.output_span[1])
        pairs = pairs.of(np.flatnonzero(~used))
    return found


def _moments(pairs: Pairs) -> tuple[Line, npt.NDArray[np.bool_]]:
    """The speed and offset on which most pairs of points lie in time, and which those are."""
    best, line, near = -1.0, Line(1.0, 0.0), np.ones(len(pairs), bool)
    for scale in LOCAL.scales:
        offsets = pairs.their_times - scale * pairs.our_times
        close = np.abs(offsets[:, None] - offsets[None, :]) <= LOCAL.tolerance * LOCAL.tick
        votes = close.sum(axis=1) * (1.0 if scale == 1.0 else 0.8)
        top = int(votes.argmax())
        if votes[top] > best:
            best, near = float(votes[top]), close[top]
            line = Line(scale, float(np.median(offsets[near])))
    return line, near


def _likely(probe: Fingerprint, theirs: Fingerprint, alignment: Alignment) -> bool:
    """Whether the nearest of the hits are nearer than chance brings them."""
    if probe.payload is None or theirs.payload is None:
        return False
    rows = np.clip(np.searchsorted(theirs.positions, alignment.work_rows), 0, len(theirs) - 1)
    bits = hamming(probe.payload[alignment.output_rows, :HASH_BYTES], theirs.payload[rows, :HASH_BYTES])
    return float(np.quantile(bits, 0.25)) <= LIKELY_BITS


def _box_view(probe: Fingerprint, alignment: Alignment) -> View:
    if probe.payload is None or probe.payload.shape[1] < HASH_BYTES + 4:
        return box_view(np.array([0.0, 1.0, 0.0, 1.0]), alignment.variant)
    boxes = probe.payload[np.unique(alignment.output_rows), HASH_BYTES:]
    return box_view(np.median(boxes, axis=0).astype(np.float64) / BOX_UNIT, alignment.variant)


def _turn_prior(variant: str) -> float:
    turn = variant.removeprefix("bars").strip("+")
    return 0.0 if not turn else MIRROR_PRIOR if turn == "mirror" else TURNED_PRIOR


def _runs(case: Case, seeds: Float) -> list[Evidence]:
    """The run that grows from all seeds; where its changes do not agree, those that grow from pieces of them (loops)."""
    line = Line(case.alignment.scale, case.alignment.offset * WHOLE.tick)
    found = _run(case, seeds, line)
    if found and found[0].detail["moving"] > 0 and found[0].detail["motion"] > MOVES_ALIKE * found[0].detail["similarity"]:
        return found
    pieces: list[Evidence] = []
    step = max(PIECE_S, float(np.ptp(seeds)) / MOST_PIECES)
    for start in np.arange(seeds.min(), seeds.max(), step).tolist():
        part = seeds[(seeds >= start) & (seeds < start + step)]
        if (
            len(part) > 1
            and np.ptp(seeds) > PIECE_S
            and not any(e.output_span[0] <= part.mean() < e.output_span[1] for e in pieces)
        ):
            pieces.extend(
                e for e in _run(case, part, Line(1.0, float(line.at(part).mean() - part.mean()))) if e.detail["moving"] > 0
            )
    return pieces or found


def _run(case: Case, seeds: Float, line: Line) -> list[Evidence]:
    reach, core = (_window(case.frames, seeds, s) for s in (REACH_S, 0.5))
    ours = seen(case.frames, case.view, reach)
    near = ours.of(slice(core.start - reach.start, core.stop - reach.start))
    around = _registered(case, line, near.times, PLACED_S)
    if not len(near.times) or not len(around.times):
        return []
    line = placed(near, around, line)
    if np.median(along(near, around, line, SEARCH_S)[0]) < LEAST_ALIKE:
        return []
    others = _registered(case, line, ours.times, BESIDE_S)
    if not len(others.times):
        return []
    run = extended(along(ours, others, line, SEARCH_S)[0], ours, seeds)
    for _ in range(2):
        line = fitted(ours.of(run), others, line)
        alike, at = along(ours, others, line, NEAR_S)
        run = extended(alike, ours, seeds)
    return _weighed(case, ours, others, line, run, alike, at) if run.stop - run.start >= 2 else []


def _window(frames: Fingerprint, seeds: Float, reach_s: float) -> slice:
    """The frames that the run can reach."""
    a, b = np.searchsorted(frames.positions * FRAMES.tick, [seeds.min() - reach_s, seeds.max() + reach_s])
    return slice(int(a), int(b))


def _registered(case: Case, line: Line, times: Float, slack_s: float) -> Sight:
    """The work's pictures that the line can pass, also when its slope is a fifth off."""
    rows = slice(0, 0)
    if len(times):
        ends = line.at(times[[0, -1]])
        slack = slack_s + 0.2 * abs(ends[1] - ends[0])
        a, b = np.searchsorted(case.thumbs.positions * THUMBS.tick, [ends.min() - slack, ends.max() + slack])
        rows = slice(int(a), int(b))
    theirs = registered(case.whole, case.thumbs, rows)
    return theirs if case.view.cells is None else masked(theirs, case.view.cells)


def _weighed(case: Case, ours: Sight, others: Sight, line: Line, run: slice, alike: Float, at: Index) -> list[Evidence]:
    typical = float(np.median(alike[run]))
    chance = max(0.0, float(np.median(decoys(ours.of(run), others, at[run]), axis=1).max()))
    cap = min(PICTURE_CAP, CELL_WORTH * telling_cells(ours.of(run)))
    still = float(np.clip((typical - CHANCE_SHARE * chance - CHANCE_ZERO) / CHANCE_STEP, -PICTURE_CAP, cap))
    moving, motion, elsewhere = changes(ours.of(run), others, line, typical)
    prior = case.prior + SEARCH_PRIOR + _speed_prior(line.scale, typical)
    if moving < DRIFTS and drifts_apart(ours, run, line, float(others.times[-1])):
        prior += DRIFT_PRIOR
    bonus = case.bonus if moving >= 0 else 0.0  # points of a ground that stays are no answer to changes that disagree
    strength = still + moving + prior + bonus
    if strength <= 0:
        return []
    detail = {
        "similarity": typical, "chance": chance, "still": still, "moving": moving, "motion": motion,
        "elsewhere": elsewhere, "prior": prior, "points": bonus,
    }  # fmt: skip
    return [_evidence(case, ours, run, refined(ours.of(run), others, line), strength, detail)]


def _speed_prior(scale: float, typical: float) -> float:
    """log10 of how rare this speed is: rarer still for pictures that were changed as well."""
    prior = BACK_PRIOR if scale < 0 else 0.0
    speed = abs(scale)
    if abs(speed - 1.0) <= UNUSUAL_SPEED:
        return prior
    prior += SPEED_PRIOR + (SPEED_PRIOR if typical < COPY_SIMILAR else 0.0)
    return prior if speed == 0.0 or SLOWEST <= speed <= FASTEST else prior + EXTREME_PRIOR


def _evidence(case: Case, ours: Sight, run: slice, line: Line, strength: float, detail: dict[str, float]) -> Evidence:
    start = float(ours.times[run.start])
    end = float(ours.times[run.stop]) if run.stop < len(ours.times) else case.output.extent[0]
    edges = sorted(np.clip(line.at(np.array([start, end])), 0.0, max(case.work.extent[0], 0.0)).tolist())
    rows = _rows(case, start, end)
    relation = "copy" if detail["similarity"] >= COPY_SIMILAR or case.alignment.scheme == LOCAL.name else "remake"
    spans = (start, end), (edges[0], edges[1])
    return Evidence(relation, *spans, line.scale, strength, rows, case.alignment.scheme, case.alignment.variant, detail)


def _rows(case: Case, start: float, end: float) -> npt.NDArray[np.int32]:
    """Rows of the probe that no other work may rest on: all of the run's hashes; of its points those that hit."""
    if case.alignment.scheme == LOCAL.name:
        rows = np.unique(case.alignment.output_rows)
        return rows[(case.times[rows] >= start) & (case.times[rows] < end)].astype(np.int32)
    return np.flatnonzero((case.times >= start) & (case.times < end)).astype(np.int32)
