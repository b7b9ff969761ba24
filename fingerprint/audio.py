"""The audio medium: spectral-peak landmarks to find a recording, its stored peaks to be sure of it."""

from __future__ import annotations

import dataclasses
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from fingerprint.audio_changed import Changed
from fingerprint.audio_chroma import CHROMA, PEAK_TONES, TURN, chroma, probe_turns, turns
from fingerprint.audio_chroma import compare as follow
from fingerprint.audio_chroma_sieve import by_chance
from fingerprint.audio_compare import PEAK, distinct
from fingerprint.audio_compare import compare as recheck
from fingerprint.audio_decode import RATE, Float32, Sound, decode, mono, mono_or_both
from fingerprint.audio_explained import STRONGEST, explained
from fingerprint.audio_landmark import (
    BACKWARDS,
    LANDMARK,
    OLD_LANDMARK,
    Change,
    Leads,
    backwards,
    landmarks,
    led,
    played,
    probe_landmarks,
)
from fingerprint.audio_melody import MELODY, MELODY_TURN, NOTE_TONES, Ear, installed
from fingerprint.audio_peaks import TICK, Peaks, local_peaks, ranked
from fingerprint.audio_side import DEPTH as SIDE_DEPTH
from fingerprint.audio_side import SIDE, SIDE_PEAK, side, side_landmarks
from fingerprint.features import Alignment, Evidence, Fingerprint, Part, Scheme, make
from fingerprint.medium import Medium

SUFFIXES = (
    *(".mp3", ".m4a", ".aac", ".ogg", ".oga", ".opus", ".flac", ".wav", ".aif", ".aiff", ".aifc", ".wma"),
    *(".ac3", ".amr", ".au", ".caf", ".mka", ".wv", ".ape", ".mp2"),
)
STORED_DEPTH = 4
LANDMARK_DEPTH = 3
PEAK_DEPTH = 12  # of the peaks that compare and the chroma look among
# A stored landmark is met when its two partners are among those of the probe. On nine edits that were missed, 8 partners met
# half as many landmarks again as 6 did; peaks of rank 8 to 11 added an eighth, for half as many keys again.
PROBE_DEPTH, PROBE_FAN = 8, 8
BACK_DEPTH, BACK_FAN = 6, 4
LONG_S, LONG_DEPTH, LONG_FAN = 1200.0, 6, 3  # a longer probe is thinner, to bound memory
CHANGED_S, WINDOW_S = 300.0, 15.0  # of a longer probe only that much is looked for changed, in windows spread over it
TEMPOS = tuple(round(1.04**k, 3) for k in range(-6, 6) if k)  # 0.79 to 1.217, none further off than 2 %
RAISES = (-15, -12, -9, -6, -3, 3, 6, 9, 12, 15)  # steps: 3.75 semitones down to 3.75 up
AXES = (
    *(Change(tempo) for tempo in TEMPOS),
    *(Change(1.0, raised) for raised in RAISES),
    *(played(tempo) for tempo in TEMPOS[1:]),
)
GRID = tuple(Change(t, r) for t in TEMPOS for r in RAISES if abs(r - played(t).raised) > 1)
BACKWARDS_AXES = tuple(Change(-c.tempo, c.raised) for c in AXES if c.tempo != 1.0)
AXES_DEPTH, AXES_FAN = 6, 6  # half as many landmarks again as with 4 and 4, which is what the many views of the grid get
GRID_DEPTH, GRID_FAN = 4, 4
BACKWARDS_AXES_DEPTH, BACKWARDS_AXES_FAN = 4, 5
# What an output leads with, by its seconds: a lookup costs by its keys, and a short output has few. Of 515 true pairs these leave
# fewer than two leading hits to none of more than 15 s, with a twentieth of the plain keys and a thirtieth of the others.
EVERY = Leads(99, 99, cells=3)
LEADS = ((5.0, EVERY), (15.0, Leads(17, 99, cells=3)), (math.inf, Leads(17, 6)))
SIDE_LEADS = ((5.0, EVERY), (15.0, Leads(5, 4, cells=3)), (math.inf, Leads(5, 4)))
BACK_LEADS = ((5.0, EVERY), (15.0, Leads(17, 99, cells=3)), (math.inf, Leads(5, 4)))
AXES_LEADS = ((5.0, EVERY), (8.0, Leads(17, 5)), (15.0, Leads(17, 3)), (math.inf, Leads(1, 2)))
GRID_LEADS = ((5.0, EVERY), (8.0, Leads(9, 3)), (15.0, Leads(1, 2)), (math.inf, Leads(1, 1)))
BACKWARDS_AXES_LEADS = ((5.0, EVERY), (8.0, Leads(9, 3)), (15.0, Leads(1, 3)), (math.inf, Leads(1, 2)))

Tiers = tuple[tuple[float, Leads], ...]


def features(sound: Sound) -> Part:
    """What the registry stores: the strongest peaks, a few landmarks between them, the chroma and its turns, and those of notes
    where the extra that hears them is installed.
    """
    (found, beside), notes, seconds = _listen(sound, mono, side)
    tones = chroma(found, seconds)
    stored = found.of(found.rank < STORED_DEPTH)
    aside = (side_landmarks(beside), _peaks(beside.of(beside.rank < SIDE_DEPTH), scheme=SIDE_PEAK))
    heard = [part for melody in notes for part in (melody, turns(melody, MELODY_TURN))]
    return Part("audio", (seconds,), (landmarks(found, LANDMARK_DEPTH), _peaks(stored), *aside, tones, turns(tones), *heard))


def probes(sound: Sound) -> Part:
    """What is looked up: more peaks, more landmarks, also backwards and with other tempos and pitches; more turns."""
    [found], notes, seconds = _listen(sound, mono_or_both)
    depth, fan = (PROBE_DEPTH, PROBE_FAN) if seconds <= LONG_S else (LONG_DEPTH, LONG_FAN)
    plain, beside = led(found, depth, fan, (leads_of(LEADS, seconds), leads_of(SIDE_LEADS, seconds)))
    beside = dataclasses.replace(beside, scheme=SIDE.name)
    tones = chroma(found, seconds)
    heard = [part for melody in notes for part in (melody, probe_turns(melody, MELODY_TURN))]
    peaks = (_peaks(found), _peaks(found.of(found.rank < STORED_DEPTH), STRONGEST))
    return Part("audio", (seconds,), (plain, beside, *peaks, *_changed(found, seconds), tones, probe_turns(tones), *heard))


def _changed(found: Peaks, seconds: float) -> list[Fingerprint]:
    """The landmarks backwards, and as they would be at other tempos and pitches; of those only what leads.

    Tempo alone, pitch alone and speed (both together) are what is mostly done to a recording, so they get more landmarks
    than tempo and pitch each by an amount of its own.
    """
    windows = _windows(found, seconds)
    turned = backwards(windows, round(seconds / TICK))
    return [
        probe_landmarks(turned, BACK_DEPTH, BACK_FAN, leads_of(BACK_LEADS, seconds), BACKWARDS),
        *Changed(windows, AXES_DEPTH, AXES_FAN, leads_of(AXES_LEADS, seconds), AXES).views(),
        *Changed(windows, GRID_DEPTH, GRID_FAN, leads_of(GRID_LEADS, seconds), GRID).views(),
        *Changed(
            turned, BACKWARDS_AXES_DEPTH, BACKWARDS_AXES_FAN, leads_of(BACKWARDS_AXES_LEADS, seconds), BACKWARDS_AXES
        ).views(),
    ]


def leads_of(tiers: Tiers, seconds: float) -> Leads:
    """What a probe of that length leads with."""
    return next(lead for most, lead in tiers if seconds <= most)


def compare(output: Part, work: Part, alignment: Alignment) -> list[Evidence]:
    """What the landmarks' or the chroma's own check makes of this placement."""
    tones = TONES.get(alignment.scheme)
    return follow(output, work, alignment, tones) if tones else recheck(output, work, alignment)


def likely(output: Part, placed: Sequence[tuple[Part, Alignment]]) -> list[Alignment]:
    """The alignments of landmarks, and those of turns on which the chromas agree better than chance."""
    chance = {
        id(a) for name, tones in TONES.items() for a in by_chance(output, [p for p in placed if p[1].scheme == name], tones)
    }
    return [a for _, a in placed if id(a) not in chance]


def _windows(found: Peaks, seconds: float) -> Peaks:
    """The peaks of at most CHANGED_S seconds, in windows spread evenly."""
    if seconds <= CHANGED_S:
        return found
    every = seconds / (CHANGED_S / WINDOW_S)
    return found.of(found.time * TICK % every < WINDOW_S)


def _listen(sound: Sound, *mixes: Callable[[Float32], Float32]) -> tuple[list[Peaks], list[Fingerprint], float]:
    """The peaks of each of these mixes of the channels, the melody of the first (none without the extra that hears it), and the
    seconds. A few blocks are held at a time.
    """
    samples = 0
    ears = [Ear()] if installed() else []

    def blocks() -> Iterator[list[Float32]]:
        nonlocal samples
        for block in sound.blocks:
            samples += block.shape[1]
            mixed = [mix(block) for mix in mixes]
            for ear in ears:
                ear.hear(mixed[0])
            yield mixed

    streams = [map(operator.itemgetter(n), copy) for n, copy in enumerate(itertools.tee(blocks(), len(mixes)))]
    pieces = list(zip(*map(local_peaks, streams), strict=True))
    heard = [ranked([piece[n] for piece in pieces], PEAK_DEPTH) for n in range(len(mixes))]
    return heard, [ear.melody(samples / RATE) for ear in ears], samples / RATE


def _peaks(found: Peaks, variant: str = "", scheme: Scheme = PEAK) -> Fingerprint:
    ticks = np.rint(found.time).astype(np.int32)
    order = np.argsort(ticks, kind="stable")
    return make(
        scheme, ticks[order], np.clip(np.rint(found.pitch[order]), 0, 255).astype(np.uint8).reshape(-1, 1), variant=variant
    )


TONES = {tones.turn.name: tones for tones in (PEAK_TONES, NOTE_TONES)}
SCHEMES = (LANDMARK, OLD_LANDMARK, PEAK, SIDE, SIDE_PEAK, CHROMA, TURN, MELODY, MELODY_TURN)
AUDIO = Medium(
    "audio", SUFFIXES, SCHEMES, decode, features, probes, compare, distinct=distinct, likely=likely, explained=explained
)
