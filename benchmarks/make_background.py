"""Make fingerprint/text_background.npz: how common words and word pairs are, from public-domain texts.

    python benchmarks/make_background.py FOLDER...

A word or pair enters only when at least MIN_TEXTS of the texts hold it, so that what is one text's own stays rare.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fingerprint.documents import read_document  # noqa: E402
from fingerprint.text_background import FILE, STEP, pair_hash, short_hash  # noqa: E402
from fingerprint.text_fold import fold, word_hashes  # noqa: E402

WORDS, PAIRS = 20_000, 32_000
MIN_TEXTS = 4
MOST_OF_ONE = 0.5  # of a word's count that one text may give: names of heroes stay out


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("files", nargs="+", type=Path)
    texts = [word_hashes(fold(read_document(f).words)) for f in sorted(ap.parse_args().files)]
    total = sum(map(len, texts))
    words, count = counted([short_hash(t) for t in texts], WORDS)
    share = dict(zip(words.tolist(), count.tolist(), strict=True))
    pairs, pair_count = counted([pair_hash(t[:-1], t[1:]) for t in texts], PAIRS)
    first = dict(
        zip(
            np.concatenate([pair_hash(t[:-1], t[1:]) for t in texts]).tolist(),
            np.concatenate([short_hash(t[:-1]) for t in texts]).tolist(),
            strict=True,
        )
    )
    given = np.array([share.get(first[p], c) for p, c in zip(pairs.tolist(), pair_count.tolist(), strict=True)])
    np.savez_compressed(
        FILE,
        words=np.diff(words, prepend=np.uint32(0)), word_rarity=steps(count / total),
        pairs=np.diff(pairs, prepend=np.uint32(0)), pair_rarity=steps(np.minimum(pair_count / given, 1.0)),
    )  # fmt: skip
    print(f"{total} words of {len(texts)} texts; {len(words)} words, {len(pairs)} pairs, {FILE.stat().st_size} bytes")


def counted(texts: list[np.ndarray], most: int) -> tuple[np.ndarray, np.ndarray]:
    """The `most` most frequent values that enough texts share, sorted, with their counts."""
    count: dict[int, int] = defaultdict(int)
    seen: dict[int, int] = defaultdict(int)
    top: dict[int, int] = defaultdict(int)
    for text in texts:
        for value, n in zip(*(column.tolist() for column in np.unique(text, return_counts=True)), strict=True):
            count[value] += n
            seen[value] += 1
            top[value] = max(top[value], n)
    common = [v for v in count if seen[v] >= MIN_TEXTS and top[v] <= max(MOST_OF_ONE * count[v], 3)]
    chosen = np.array(sorted(sorted(common, key=lambda v: (-count[v], v))[:most]), np.uint32)
    return chosen, np.array([count[v] for v in chosen.tolist()])


def steps(share: np.ndarray) -> np.ndarray:
    return np.clip(np.round(-np.log10(share) / STEP), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
