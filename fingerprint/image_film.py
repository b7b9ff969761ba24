"""A still against a registered film: which second it shows. Whole hashes find it, the film's thumbs confirm it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fingerprint.features import Alignment, Evidence, Part
from fingerprint.hashing import hamming
from fingerprint.image_views import views
from fingerprint.pictures import WHOLE, WHOLE_NAME

# One unrelated picture of a film in 1,000 is as near as this over all views of a still; ten times fewer with every STEP bits.
CHANCE_DISTANCE, CHANCE_STEP, CHANCE_BASE = 92.0, 5.0, 3.0
FARTHEST = 80
LENGTH_S = 1.0
COPY_BITS = 48
CAP = 10.0


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """Evidence that the output, or a region of it, shows the film at one moment. work_span is in seconds."""
    ours, theirs = output.of(WHOLE_NAME, alignment.variant), work.of(WHOLE_NAME)
    if ours is None or theirs is None or ours.payload is None or theirs.payload is None:
        return []
    if not len(ours) or not len(theirs):
        return []
    # The hits lead to the film; the moment is the nearest of all its pictures, to the views that hit or to the whole.
    rows = np.unique(np.append(alignment.output_rows, 0))
    bits = np.stack([hamming(ours.payload[row, :32], theirs.payload[:, :32]) for row in rows.tolist()])
    row, column = np.unravel_index(int(bits.argmin()), bits.shape)
    nearest = float(bits[row, column])
    if nearest > FARTHEST:
        return []
    strength = min(CAP, CHANCE_BASE + (CHANCE_DISTANCE - nearest) / CHANCE_STEP - np.log10(len(theirs)))
    second = float(theirs.positions[column] * WHOLE.tick)
    span = (second, min(second + LENGTH_S, max(work.extent[0], second)))
    region = _pixels(ours.payload[rows[row]], output.extent)
    relation = "copy" if nearest <= COPY_BITS else "remake"
    claimed = np.array([rows[row]], np.int32)
    detail = {"bits": nearest}
    return [Evidence(relation, region, span, 1.0, float(strength), claimed, WHOLE_NAME, alignment.variant, detail)]


def _pixels(payload: npt.NDArray[np.uint8], extent: tuple[float, ...]) -> tuple[float, ...]:
    x0, y0, x1, y1 = views(payload[None]).box[0] * np.array([*extent[:2], *extent[:2]])
    return (float(x0), float(y0), float(x1 - x0), float(y1 - y0))
