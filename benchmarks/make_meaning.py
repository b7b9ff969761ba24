"""Make fingerprint/text_meaning.npz: principal components and cells of what sentences mean, from public-domain texts.

    python benchmarks/make_meaning.py FILE...

Needs the extra `semantic`. Of each FILE in English EACH sentences from all over it are taken; those given were the public-domain
works of the development lineup. The components are those of their vectors less their mean; the cells are spherical k-means
(Dhillon and Modha, Machine Learning 42, 2001), begun with evenly spaced sentences. No sentence can be told from them.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fingerprint import text_meaning
from fingerprint.documents import read_document
from fingerprint.text_meaning import FILE, SIZE, encoded, packed, sentences, unpacked

EACH = 250  # sentences of a text
CELLS = 4096
ROUNDS = 12


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("files", nargs="+", type=Path)
    files = sorted(ap.parse_args().files)
    began, vectors = time.process_time(), np.concatenate([of_text(f) for f in files])
    print(f"{len(vectors)} sentences of {len(files)} texts in {time.process_time() - began:.0f} CPU s")
    mean = vectors.mean(axis=0).astype(np.float16)
    _, _, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    axes = axes[:SIZE].T.astype(np.float16)
    low = (vectors - mean.astype(np.float32)) @ axes.astype(np.float32)
    cells = packed(centres(unpacked(packed(unit(low)))))
    np.savez_compressed(FILE, mean=mean, axes=axes, cells=cells.view(np.int8))
    print(f"{FILE.stat().st_size} bytes")


def of_text(file: Path) -> np.ndarray:
    """float32[n, 384]: vectors of EACH sentences of a text, none of one that is not in English."""
    words = read_document(file).words
    found = [] if text_meaning._is_foreign(words) else sentences(words)
    chosen = [found[k] for k in np.unique(np.linspace(0, len(found) - 1, EACH).astype(int))] if found else []
    return encoded([re.sub(r"\s+", " ", words[a:b]).strip() for a, b in chosen])


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def centres(vectors: np.ndarray) -> np.ndarray:
    """float32[CELLS, n] of length 1."""
    cells = vectors[np.linspace(0, len(vectors) - 1, CELLS).astype(int)].copy()
    for _ in range(ROUNDS):
        own = np.concatenate([(vectors[i : i + 4096] @ cells.T).argmax(axis=1) for i in range(0, len(vectors), 4096)])
        sums = np.zeros_like(cells)
        np.add.at(sums, own, vectors)
        empty = np.bincount(own, minlength=CELLS) == 0
        sums[empty] = cells[empty]
        cells = unit(sums)
    return cells


if __name__ == "__main__":
    main()
