"""What only the difference of two channels holds: a few landmarks of it, and its strongest peaks, beside those of the mix.

A recording with its middle removed is mostly this. Its landmarks have the keys that the mix's would have, so that those of an
output are looked up as they are; the schemes keep the two apart.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fingerprint.audio_decode import HIDDEN, Float32, mid_and_side
from fingerprint.audio_landmark import LANDMARK, landmarks
from fingerprint.audio_peaks import TICK, Peaks
from fingerprint.features import Fingerprint, Scheme

SIDE = dataclasses.replace(LANDMARK, name="audio.side.1")
SIDE_PEAK = Scheme("audio.sidepeak.1", "audio", TICK, payload_width=1, indexed=False, aligner="none")
WORTH = 0.002  # of the mix's energy: a difference with less is what a codec leaves
DEPTH, FIRSTS = 2, 1  # ranks of the peaks, and of those that landmarks begin with: a third as many as of the mix


def side(block: Float32) -> Float32:
    """float32[1, n]: the difference of the channels, silence where it is not worth storing or taken for the mix (see `mono`)."""
    if block.shape[0] == 2:
        middle, difference = mid_and_side(block)
        loud, beside = float(np.vdot(middle, middle)), float(np.vdot(difference, difference))
        if beside >= WORTH * loud and loud >= HIDDEN * beside:
            return difference
    return np.zeros((1, block.shape[1]), np.float32)


def side_landmarks(peaks: Peaks) -> Fingerprint:
    """What the registry stores of the difference's peaks."""
    return dataclasses.replace(landmarks(peaks, DEPTH, FIRSTS), scheme=SIDE.name)
