"""A bulk import killed at random moments: `python -m benchmarks.postings_kill DB` imports, `run` kills and looks."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.postings_data import BENCH, SCHEMES  # noqa: E402
from fingerprint.features import Media, Part, make  # noqa: E402
from fingerprint.hashing import Int64, mix  # noqa: E402
from registry.store import open_registry  # noqa: E402
from registry.works import Entry  # noqa: E402

BATCH = 8
FEATURES = 500


def keys_of(number: int) -> Int64:
    """The keys of work `number`, a tenth of them common."""
    own = np.arange(number * FEATURES, (number + 1) * FEATURES)
    own[::10] = np.arange(FEATURES // 10) % 13
    return mix(own, BENCH.name)


def entry(number: int) -> Entry:
    fingerprint = make(BENCH, np.arange(FEATURES, dtype=np.int32), keys=keys_of(number))
    return Entry(f"w{number}", "", "audio", Media("audio", f"{number:064x}", (Part("audio", (1.0,), (fingerprint,)),)))


def import_for_ever(path: Path) -> None:
    """Goes on where the registry ends, and says which works it has been told are safe."""
    with open_registry(path, create=True, schemes=SCHEMES, wait=True) as registry:
        number = registry.works_count()
        while True:
            for outcome in registry.add([entry(i) for i in range(number, number + BATCH)]):
                print(outcome.work_id, flush=True)
            number += BATCH


def run(path: Path, times: int, seed: int = 5) -> tuple[int, list[str], list[str]]:
    """Kills so many imports; gives how many works were acknowledged, which are lost or torn, and what `check` found."""
    moments, acknowledged = random.Random(seed), list[str]()
    lost, findings = list[str](), list[str]()
    for _ in range(times):
        with subprocess.Popen([sys.executable, __file__, str(path)], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            acknowledged.append(child.stdout.readline().strip())
            time.sleep(moments.random() * 0.7)
            child.kill()
            acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
        with open_registry(path, schemes=SCHEMES) as registry:
            findings += registry.check()
            known = registry.known(acknowledged)
            lost += [w for w in acknowledged if w not in known]
            lost += [w for w in random.Random(seed).sample(acknowledged, 8) if not _is_found(registry, w)]
            if registry.works_count() % BATCH:
                lost.append("half a batch")
    return len(acknowledged), lost, findings


def _is_found(registry: object, work_id: str) -> bool:
    hits = registry.lookup(BENCH.name, keys_of(int(work_id[1:])).reshape(-1, 1))  # type: ignore[attr-defined]
    ids, counts = np.unique(hits.fingerprint_id, return_counts=True)
    best = registry.registered(int(ids[counts.argmax()]))  # type: ignore[attr-defined]
    return best.work_id == work_id and counts.max() >= 0.9 * FEATURES


if __name__ == "__main__":
    import_for_ever(Path(sys.argv[1]))
