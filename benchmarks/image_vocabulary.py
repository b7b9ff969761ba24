"""Make fingerprint/image_vocabulary.npz from a folder of pictures: `python benchmarks/image_vocabulary.py FOLDER`.

Two codebooks of 1024 centres for the halves of a RootSIFT descriptor, and a whitened, randomly rotated projection for the
128-bit signatures. The shipped file was made from the stills lineup's registered pictures; another one is another scheme.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fingerprint.image_local import CELLS_PER_HALF, VOCABULARY, WORK_POINTS, detect  # noqa: E402
from fingerprint.image_open import decode  # noqa: E402

SEED = 20261123
POWER = -0.25  # between plain PCA (0) and full whitening (-0.5)


def centres_of(halves: np.ndarray) -> np.ndarray:
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 25, 1e-5)
    cv2.setRNGSeed(SEED)
    return cv2.kmeans(np.ascontiguousarray(halves), CELLS_PER_HALF, None, criteria, 1, cv2.KMEANS_RANDOM_CENTERS)[2]


def projection_of(descriptors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = descriptors.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((descriptors - mean).T))
    whitened = vectors * np.maximum(values, 1e-6) ** POWER
    turn = np.linalg.qr(np.random.default_rng(SEED).standard_normal((128, 128)))[0]
    matrix = turn @ whitened.T
    return mean, matrix / np.abs(matrix).max()


def main() -> None:
    folder = Path(sys.argv[1])
    found = [detect(decode(path).grey, WORK_POINTS).descriptors for path in sorted(folder.iterdir())]
    descriptors = np.concatenate(found)
    print(f"{len(descriptors)} descriptors")
    centres = np.stack([centres_of(descriptors[:, :64]), centres_of(descriptors[:, 64:])])
    mean, projection = projection_of(descriptors)
    np.savez_compressed(
        VOCABULARY,
        centres=np.clip(np.rint(centres * 255), 0, 255).astype(np.uint8),
        mean=mean.astype(np.float32),
        projection=np.rint(projection * 127).astype(np.int8),
    )


if __name__ == "__main__":
    main()
