"""The notes of the music, heard by a small neural network where it is installed: another performance keeps them.

Basic Pitch (Bittner, Bosch, Rubinstein, Meseguer-Brocal and Ewert, ICASSP 2022) tells how surely each of 88 notes sounds and
begins. Its notes, unlike the peaks of a spectrum, are free of overtones. Folded to pitch classes they take the way of the chroma.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fingerprint.audio_chroma import CELL_S, CHROMA, TURN, Tones, smoothed
from fingerprint.audio_decode import RATE, Float32
from fingerprint.errors import BylineError
from fingerprint.features import Fingerprint, Scheme, make

MELODY = Scheme("audio.melody.1", "audio", CHROMA.tick, payload_width=6, indexed=False, aligner="none", optional=True)
MELODY_TURN = Scheme(
    "audio.melody-turn.1", "audio", TURN.tick, aligner="band", scales=TURN.scales, tolerance=TURN.tolerance, least=TURN.least,
    optional=True
)  # fmt: skip
NOTE_TONES = Tones(MELODY, MELODY_TURN, 2.0, -1.2)  # see docs/decisions/0008-notes-as-an-extra.md
MODEL = Path("saved_models") / "icassp_2022" / "nmp.onnx"  # in the package basic_pitch
MODEL_SHA256 = "2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec"
UP, DOWN = 441, 160  # 8000 samples a second become the 22,050 that the network was trained on
HEARD_RATE = RATE * UP // DOWN
WINDOW = 43844  # samples that the network takes at once
FRAME = 256  # samples between two of its frames
BEFORE = 1440  # samples at RATE that a window begins before what is kept of it: the network hears badly at the ends
STEP = 12960  # samples at RATE from one window to the next
TAKEN = 15920  # samples at RATE that give WINDOW and a little more
FIRST, KEPT = 16, 140  # the frames of a window that lie in its own STEP
LOWEST_CLASS = 9  # the first of the 88 notes is an A
MOST_S = 1200.0  # of a longer sound only the beginning is heard: an hour takes two minutes
QUIET = 1e-3  # a window with no sample above this is not looked at
NOTE, BEGIN = 0.3, 2.0  # weight of a note that sounds and of one that begins
FAINT = 0.1  # a cell in which no note is surer than this is silent


class Ear:
    """Hears blocks in order, as they are decoded; then `melody` tells what there was."""

    def __init__(self) -> None:
        self._held: Float32 = np.zeros(BEFORE, np.float32)
        self._windows = 0
        count = int(MOST_S / CELL_S) + 1
        self._cells = np.zeros((count, 12))
        self._surest = np.zeros(count)

    def hear(self, block: Float32) -> None:
        """Take in float32[c, n] at RATE: the first channel counts."""
        if self._windows * STEP < MOST_S * RATE:
            self._held = np.concatenate([self._held, block[0]])
            while len(self._held) >= TAKEN:
                self._take()

    def melody(self, seconds: float) -> Fingerprint:
        """Every half second the strength of the twelve pitch classes of the notes, 4 bits each. Silence: no rows."""
        while self._windows * STEP < min(seconds, MOST_S) * RATE:
            self._held = np.pad(self._held, (0, max(0, TAKEN - len(self._held))))
            self._take()
        count = int(min(seconds, MOST_S) / CELL_S) + 1
        cells = self._cells[:count] * (self._surest[:count, None] > FAINT)
        return smoothed(cells, MELODY) if cells.any() else make(MELODY, np.zeros(0, np.int32), np.zeros((0, 6), np.uint8))

    def _take(self) -> None:
        window, self._held = self._held[:TAKEN], self._held[STEP:]
        began, self._windows = self._windows * STEP - BEFORE, self._windows + 1
        if np.abs(window).max() < QUIET:
            return
        note, begin = _activations(window)
        when = ((began / RATE + (FIRST + np.arange(KEPT)) * FRAME / HEARD_RATE) / CELL_S).astype(np.int64)
        rows = np.flatnonzero(when < len(self._cells))
        np.add.at(self._cells, when[rows], _folded(NOTE * note + BEGIN * begin)[rows])
        np.maximum.at(self._surest, when[rows], note.max(axis=1)[rows])


def installed() -> bool:
    """Whether the network and what runs it are there."""
    return find_spec("onnxruntime") is not None and _model() is not None


def _model() -> Path | None:
    spec = find_spec("basic_pitch")
    places = [] if spec is None else [Path(p) / MODEL for p in spec.submodule_search_locations or ()]
    return next((p for p in places if p.is_file()), None)


def _activations(window: Float32) -> tuple[Float32, Float32]:
    """How surely each note sounds, and begins, in the frames that are kept of a window: float32[KEPT, 88] each, 0 to 1."""
    import scipy.signal

    risen = scipy.signal.resample_poly(window, UP, DOWN)[None, :WINDOW, None].astype(np.float32)
    note, begin = _session().run(["StatefulPartitionedCall:1", "StatefulPartitionedCall:2"], {"serving_default_input_2:0": risen})
    return note[0, FIRST : FIRST + KEPT], begin[0, FIRST : FIRST + KEPT]


def _folded(notes: Float32) -> npt.NDArray[np.float64]:
    """The 88 notes' strengths summed by pitch class: float64[n, 12]."""
    classes = np.zeros((len(notes), 12))
    np.add.at(classes.T, (np.arange(notes.shape[1]) + LOWEST_CLASS) % 12, notes.T)
    return classes


@cache
def _session() -> Any:
    """The network, on one thread as all of a worker. Another model than this scheme was made with is refused."""
    import onnxruntime

    path = _model()
    data = path.read_bytes() if path else b""
    if hashlib.sha256(data).hexdigest() != MODEL_SHA256:
        raise BylineError("basic-pitch holds another model than audio.melody.1 is made with; install basic-pitch 0.4.0")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
