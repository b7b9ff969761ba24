"""Make what manner is measured with: fingerprint/image_style.npz and fingerprint/text_style.npz.

    python benchmarks/make_manner.py image      about ten minutes; OMP_NUM_THREADS=1
    python benchmarks/make_manner.py again      the same from what it kept in .cache of the pictures it made
    python benchmarks/make_manner.py text       about a minute

Of stills: photographs of the development lineup are painted over in made-up manners (benchmarks/painters.py), and each manner
is carried over to other photographs. What differs between pictures of one manner is what a descriptor must not look at: a
discriminant analysis learns that. No painting of the lineup, and no output, is used. Of texts: means and deviations of the
commonest words and runs of letters in its public-domain works. Both files also hold a cohort, pictures and texts that are
registered nowhere, against which a resemblance must stand out (cohort normalization: Auckenthaler et al., DSP 10, 2000).
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "lineup"
CACHE = Path(__file__).with_name(".cache")
KEPT = CACHE / "manners.npz"
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from painters import carried_over, jpeg, painted, shrunk  # noqa: E402

from fingerprint import image_style, text_style  # noqa: E402
from fingerprint.documents import read_document  # noqa: E402
from fingerprint.image_open import colours, decode  # noqa: E402
from fingerprint.manner import BYTES_STILL, BYTES_TEXT, quantized  # noqa: E402
from fingerprint.text_fold import Folded, fold, gram_hashes, word_hashes  # noqa: E402

PHOTOGRAPHS = ("imagenet-sample-images", "NVlabs/SPADE")  # where the photographs come from that are painted over
TEXTONS, PATCHES_EACH, ROUNDS = 128, 150, 15
CARRIED = 3  # pictures to which each manner is carried over
SHRINKAGE = 0.3  # of the within-class covariance towards a multiple of the identity, in its mean variance
EVENED = 0.5  # 0: statistics as they are, the commonest colours decide; 1: in standard deviations, the rarest do
FLATTENED = 0.25  # power of its own variance by which each direction is divided
COHORT = 256
COHORT_TEXTS = 96
SAMPLE_WORDS, SAMPLES_EACH = 2000, 4
LEAST_SHARE_OF_TEXTS = 0.3  # a word that fewer texts hold says what is told, not how


def learn_stills() -> None:
    """Write image_style.npz."""
    photos = [shrunk(colours(decode(path)), image_style.SIDE) for path in photographs()]
    photos = [p for p in photos if image_style.reduced(p) is not None]
    rng = np.random.default_rng(1)
    textons = learned_textons(photos, rng)
    made = np.array([in_one_manner(photo, photos, textons, rng) for photo in photos])
    plain = np.array([described(p, textons) for p in photos])
    CACHE.mkdir(exist_ok=True)
    np.savez(KEPT, made=made, plain=plain, textons=textons)
    learn_projection(made, plain, textons)


def learn_projection(made: np.ndarray, plain: np.ndarray, textons: np.ndarray) -> None:
    """Write image_style.npz: made float32[n, 1 + CARRIED, d], plain float32[n, d]."""
    every = np.concatenate([plain, made.reshape(-1, made.shape[2])]).astype(np.float64)
    centre, deviation = every.mean(axis=0), every.std(axis=0)
    evened = 1 / (deviation**EVENED * deviation.mean() ** (1 - EVENED) + 1e-4)
    projection = evened[:, None] * discriminant((made - centre) * evened, (plain - centre) * evened)
    scale = np.abs(projection).max() / 127
    steps = np.rint(projection / scale).astype(np.int8)
    cohort = quantized((made[:COHORT, 0] - centre) @ (steps * scale), BYTES_STILL)
    save(image_style.FILE, textons=textons.astype(np.float16), centre=centre.astype(np.float32), projection=steps,
         scale=np.float32(scale), cohort=cohort)  # fmt: skip


def photographs() -> list[Path]:
    """The lineup's photographs, in its order."""
    rows = csv.DictReader((SHARED / "image" / "works.csv").open(encoding="utf-8"))
    return [SHARED / "image" / r["path"] for r in rows if any(p in r["source"] for p in PHOTOGRAPHS)]


def learned_textons(photos: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """float16 values, float32[3, 128, 75]: k-means of patches, at each scale."""
    found = []
    for level, stride in enumerate(image_style.STRIDES):
        rows = []
        for photo in photos[::2]:
            lab = image_style.reduced(photo)
            patches = image_style.squeezed(image_style.pyramid(weighted(lab))[level], stride)
            rows.append(patches[rng.choice(len(patches), min(PATCHES_EACH, len(patches)), replace=False)])
        found.append(k_means(np.concatenate(rows), TEXTONS, rng))
    return np.array(found).astype(np.float16).astype(np.float32)


def weighted(lab: np.ndarray) -> np.ndarray:
    return (lab - np.array([50, 0, 0], np.float32)) * np.array([image_style.LIGHT_WEIGHT, 1, 1], np.float32)


def k_means(rows: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Lloyd's algorithm; a centre without rows starts anew at one of them."""
    centres = rows[rng.choice(len(rows), k, replace=False)]
    for _ in range(ROUNDS):
        labels = image_style.nearest(rows, centres)
        centres = np.array([rows[labels == j].mean(axis=0) if (labels == j).any() else rows[rng.integers(len(rows))]
                            for j in range(k)])  # fmt: skip
    return centres


def in_one_manner(photo: np.ndarray, photos: list[np.ndarray], textons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float32[1 + CARRIED, d]: a photograph painted over, and its manner carried over to others."""
    style = painted(photo, rng)
    rows = [described(style, textons)]
    for _ in range(CARRIED):
        content = photos[rng.integers(len(photos))]
        seen = shrunk(style, image_style.SIDE * rng.uniform(0.6, 1.0)) if rng.random() < 0.6 else style
        rows.append(described(jpeg(carried_over(content, seen, rng), rng), textons))
    return np.array(rows)


def described(picture: np.ndarray, textons: np.ndarray) -> np.ndarray:
    """What image_style counts of a picture."""
    lab = image_style.reduced(picture)
    if lab is None:  # painted over until nothing was left
        small = cv2.resize(picture, (image_style.SIDE, image_style.SIDE)).astype(np.float32) / 255
        lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    return image_style.statistics(lab, textons)


def discriminant(made: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """float64[d, BYTES_STILL]: whitened within manners, then the directions in which manners differ most."""
    inside = (made - made.mean(axis=1, keepdims=True)).reshape(-1, made.shape[2])
    within = inside.T @ inside / len(inside)
    within += SHRINKAGE * np.trace(within) / len(within) * np.eye(len(within))
    values, vectors = np.linalg.eigh(within)
    whitening = vectors / np.sqrt(values)
    between = np.cov(np.concatenate([plain, made[:, 0]]).T)
    variances, directions = np.linalg.eigh(whitening.T @ between @ whitening)
    order = np.argsort(-variances, kind="stable")[:BYTES_STILL]
    return whitening @ (directions[:, order] / variances[order] ** FLATTENED)


def learn_texts() -> None:
    """Write text_style.npz."""
    rows = csv.DictReader((SHARED / "text" / "works.csv").open(encoding="utf-8"))
    texts = [fold(read_document(SHARED / "text" / r["path"]).words) for r in rows if r["licence"] == "public domain"]
    texts = [t for t in texts if len(t.words) >= text_style.LEAST_WORDS]
    hashed = [word_hashes(t) for t in texts]
    most = commonest(hashed, text_style.WORDS)
    english = [i for i, h in enumerate(hashed) if np.isin(h, most).mean() >= text_style.LEAST_COMMON]
    texts, hashed = [texts[i] for i in english], [hashed[i] for i in english]
    words = np.sort(commonest(hashed, text_style.WORDS))
    grams = np.sort(commonest([gram_hashes(t.letters, text_style.GRAM) for t in texts], text_style.GRAMS))
    samples = [s for text, hashes in zip(texts, hashed, strict=True) for s in sampled(text, hashes)]
    counted = np.array([text_style.shares(f, h, words, grams) for f, h in samples])
    mean, deviation = counted.mean(axis=0), np.maximum(counted.std(axis=0), 1e-9)
    save(text_style.FILE, words=words, grams=grams, mean=mean.astype(np.float32), deviation=deviation.astype(np.float32),
         cohort=np.zeros((0, BYTES_TEXT), np.uint8))  # fmt: skip
    text_style.usual.cache_clear()
    firsts = [sampled(text, hashes)[0] for text, hashes in zip(texts, hashed, strict=True)]
    cohort = [text_style.fingerprint(f, h).payload for f, h in firsts[:COHORT_TEXTS]]
    table = text_style.usual()
    save(text_style.FILE, words=words, grams=grams, mean=table.mean.astype(np.float32),
         deviation=table.deviation.astype(np.float32), cohort=np.concatenate([c for c in cohort if len(c)]))  # fmt: skip


def commonest(hashes: list[np.ndarray], count: int) -> np.ndarray:
    """uint64[count]: what has the largest mean share of a text, of what enough texts hold."""
    shares: Counter[int] = Counter()
    held: Counter[int] = Counter()
    for own in hashes:
        values, times = np.unique(own, return_counts=True)
        top = np.argsort(-times, kind="stable")[:4000]
        for value, n in zip(values[top].tolist(), times[top].tolist(), strict=True):
            shares[value] += n / len(own)
            held[value] += 1
    enough = [v for v, _ in sorted(shares.items(), key=lambda item: (-item[1], item[0]))
              if held[v] >= LEAST_SHARE_OF_TEXTS * len(hashes)]  # fmt: skip
    return np.array(enough[:count], np.uint64)


def sampled(text: Folded, hashes: np.ndarray) -> list[tuple[Folded, np.ndarray]]:
    """Stretches of SAMPLE_WORDS words, evenly over the text; all of a shorter one."""
    size = min(SAMPLE_WORDS, len(hashes))
    count = max(1, min(SAMPLES_EACH, len(hashes) // SAMPLE_WORDS))
    return [(stretch(text, start, start + size), hashes[start : start + size])
            for start in np.linspace(0, len(hashes) - size, count).astype(int)]  # fmt: skip


def stretch(text: Folded, start: int, end: int) -> Folded:
    """Words [start, end) of a folded text."""
    edges = np.append(text.words, len(text.letters))
    a, b = edges[start], edges[end]
    return Folded(text.letters[a:b], text.origin[a:b], text.words[start:end] - a, text.length)


def save(file: Path, **columns: np.ndarray) -> None:
    """The same bytes for the same columns; np.savez writes no clock."""
    np.savez_compressed(file, **columns)
    print(f"{file.name}: {file.stat().st_size / 1000:.0f} KB", {name: c.shape for name, c in columns.items()})


if __name__ == "__main__":
    if "image" in sys.argv[1:]:
        learn_stills()
    if "again" in sys.argv[1:]:
        with np.load(KEPT) as kept:
            learn_projection(kept["made"], kept["plain"], kept["textons"])
    if "text" in sys.argv[1:]:
        learn_texts()
