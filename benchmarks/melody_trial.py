"""Whether the notes that a network hears find more remakes than the chroma of peaks: `python benchmarks/melody_trial.py`.

Needs the extra: `pip install '.[melody]' && pip install --no-deps basic-pitch==0.4.0`. Every output of the lineup's groups
`remake` and `negative` is compared with every work, without a first stage, once by the chroma of spectral peaks and once by that
of notes. Printed for each true pair: its lead over chance and the best lead of a wrong work. Then, for each way: how many true
pairs lead further than any false one, how the tail of the false ones falls (`Tones.decade`, `Tones.start`), and
CPU seconds an hour.
"""

from __future__ import annotations

import argparse
import csv
import json
import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from lab import CACHE, SHARED, code_version

from fingerprint.audio import PEAK_DEPTH
from fingerprint.audio_chroma import LEAST_TICKS, _lead, _likeness, _local, chroma, levels
from fingerprint.audio_decode import RATE, Float32, decode, mono, mono_or_both
from fingerprint.audio_melody import MOST_S, Ear, installed
from fingerprint.audio_peaks import find_peaks

TAIL = (-3.3, -1.3)  # log10 shares of the false pairs between which the fall of their leads is fitted
NONE = -9.0  # the lead of a pair too short to compare


@dataclass
class Clock:
    """CPU seconds by step, and seconds of sound."""

    sound_s: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)

    def add(self, step: str, since: float) -> None:
        self.spent[step] = self.spent.get(step, 0.0) + time.process_time() - since


def both_chromas(path: Path, channels: Callable[[Float32], Float32], clock: Clock) -> dict[str, Float32]:
    """float32[n, 12] of a file by either way, kept in the cache."""
    kept = CACHE / f"melody-{code_version(('audio',))}-{path.parent.name}-{path.name}"
    if not kept.exists():
        began = time.process_time()
        blocks = [channels(block) for block in decode(path).blocks]
        seconds = sum(block.shape[1] for block in blocks) / RATE
        clock.sound_s += min(seconds, MOST_S)
        clock.add("decode", began)
        began = time.process_time()
        peaks = chroma(find_peaks(iter(blocks), PEAK_DEPTH), seconds)
        clock.add("peaks and chroma", began)
        began = time.process_time()
        ear = Ear()
        for block in blocks:
            ear.hear(block)
        notes = ear.melody(seconds)
        clock.add("notes", began)
        CACHE.mkdir(exist_ok=True)
        kept.write_bytes(pickle.dumps({"peaks": levels(peaks), "notes": levels(notes)}))
    return pickle.loads(kept.read_bytes())  # noqa: S301


def leads(outputs: list[Float32], works: list[Float32]) -> np.ndarray:
    """float32[outputs, works]: how far the alignment of each pair leads over chance."""
    table = np.full((len(outputs), len(works)), NONE, np.float32)
    for i, a in enumerate(outputs):
        for j, b in enumerate(works):
            if min(len(a), len(b)) >= LEAST_TICKS:
                table[i, j] = _lead(_local(_likeness(a, b)))[1]
    return table


def fall(false: np.ndarray) -> tuple[float, float]:
    """decade and start of the straight line through the tail of the false pairs' leads."""
    lead = np.sort(false)[::-1]
    share = np.log10(np.arange(1, len(lead) + 1) / len(lead))
    rows = (share > TAIL[0]) & (share < TAIL[1])
    slope, intercept = np.polyfit(lead[rows], share[rows], 1)
    return -1 / slope, -intercept / slope


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("--lineup", type=Path, default=SHARED / "audio", help="a folder laid out as the lineups are")
    lineup = ap.parse_args().lineup
    if not installed():
        sys.exit("pip install '.[melody]' && pip install --no-deps basic-pitch==0.4.0")
    rows = list(csv.DictReader((lineup / "works.csv").open(encoding="utf-8")))
    truth = [o for o in json.loads((lineup / "truth.json").read_text())["outputs"] if o["group"] in ("remake", "negative")]
    clock = Clock()
    works = [both_chromas(lineup / r["path"], mono, clock) for r in rows]
    outputs = [both_chromas(lineup / o["path"], mono_or_both, clock) for o in truth]
    right = np.array([[r["work_id"] in {w["work_id"] for w in o["works"]} for r in rows] for o in truth])
    tables = {way: leads([o[way] for o in outputs], [w[way] for w in works]) for way in ("peaks", "notes")}
    for i, o in enumerate(truth):
        if right[i].any():
            found = [f"{way} {t[i][right[i]].max():5.1f} / {t[i][~right[i]].max():5.1f}" for way, t in tables.items()]
            print(f"{o['path']:20} {o['kind']:20} true / best wrong: {'   '.join(found)}")
    for way, table in tables.items():
        false = table[~right & (table > NONE)]
        decade, start = fall(false)
        true = np.where(right, table, NONE).max(axis=1)
        print(
            f"{way}: {(true > false.max()).sum()} of {right.any(axis=1).sum()} lead further than all {len(false)} false pairs"
            f" (at most {false.max():.1f}); decade {decade:.2f}, start {start:.2f}"
        )
    for step, spent in clock.spent.items():
        print(f"{step}: {spent / clock.sound_s * 3600:.1f} CPU s an hour of sound")


if __name__ == "__main__":
    main()
