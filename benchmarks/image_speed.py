"""CPU time of the stages for one still: `python benchmarks/image_speed.py`. Both sides of each ratio in one run, medians.

A 6 megapixel JPEG: full decode by Pillow, against reduced decode plus the whole-picture hash (the first stage; bar 1.0).
A 1 megapixel JPEG: everything a registration and a scan compute.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from fingerprint import image_layout, image_local, image_pixels, image_views  # noqa: E402
from fingerprint.image import decode, features, probes  # noqa: E402

SEED = 5


def picture(width: int, height: int) -> Image.Image:
    """A picture with the spectrum of photographs: noise of all sizes, and some edges."""
    rng = np.random.default_rng(SEED)
    field = np.zeros((height, width, 3), np.float32)
    for side in (4, 8, 16, 32, 64, 128, 256, 512):
        coarse = rng.standard_normal((side * 2 // 3 + 1, side, 3)).astype(np.float32)
        field += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * (40 / side**0.5)
    canvas = np.clip(field * 2 + 128, 0, 255).astype(np.uint8)
    for _ in range(60):
        x, y, r = (int(v) for v in rng.integers((0, 0, width // 60), (width, height, width // 8)))
        cv2.circle(canvas, (x, y), r, [int(v) for v in rng.integers(0, 256, 3)], -1)
    return Image.fromarray(canvas)


def median_ms(work: Callable[[], object], times: int = 7) -> float:
    """Milliseconds of CPU time, median."""
    work()
    spent = []
    for _ in range(times):
        start = time.process_time()
        work()
        spent.append((time.process_time() - start) * 1e3)
    return statistics.median(spent)


def full(path: Path) -> None:
    with Image.open(path) as opened:
        opened.load()


def main() -> None:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder, "large.jpg"), Path(folder, "small.jpg")
        picture(3000, 2000).save(large, quality=90)
        picture(1224, 816).save(small, quality=90)
        whole = median_ms(lambda: full(large))
        first = median_ms(lambda: image_views.work_fingerprint(decode(large).grey))
        print(f"6 MP: full decode {whole:.1f} ms, first stage {first:.1f} ms, ratio {first / whole:.2f} (bar 1.0)")
        still = decode(small)
        print(f"1 MP: decode {median_ms(lambda: decode(small)):.1f} ms")
        for name, module in (("views", image_views), ("layout", image_layout), ("small", image_pixels), ("local", image_local)):
            print(f"  {name:7} features {median_ms(lambda m=module: m.work_fingerprint(still.grey)):6.1f} ms")
        asked = {"views": image_views.probe_fingerprint, "layout": image_layout.probe_fingerprints}
        asked["small"] = image_pixels.probe_fingerprint
        for name, probe in asked.items():
            print(f"  {name:7} probe    {median_ms(lambda p=probe: p(still.grey)):6.1f} ms")
        local = median_ms(lambda: image_local.probe_fingerprints(still.grey, image_local.seen(still.grey)))
        print(f"  local   probe    {local:6.1f} ms")
        print(f"1 MP: features {median_ms(lambda: features(still)):.1f} ms, probes {median_ms(lambda: probes(still)):.1f} ms")


if __name__ == "__main__":
    main()
