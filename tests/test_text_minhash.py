"""MinHash of passages: known answers, estimates near the truth, and a passage that only it finds."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_text import made_up

from fingerprint import schemes
from fingerprint.documents import Document
from fingerprint.features import Alignment, Media, pack, unpack
from fingerprint.text import FORMS, GLOSS, GLOSS_WORDS, GRAMS, RARE, SCHEMES, STREAM, features, probes
from fingerprint.text_background import rarity
from fingerprint.text_fold import fold, word_hashes
from fingerprint.text_meaning import MEANING
from fingerprint.text_minhash import (
    ALIKE,
    LEAST_WORDS,
    MINHASH,
    PERMUTATIONS,
    SCHEME,
    STRIDE,
    WORDS,
    alike,
    equal_values,
    overlapping,
    side_by_side,
)
from fingerprint.text_style import STYLE
from matcher.scan import scan_media
from registry.memory import MemoryIndex

FILL = ["of", "and", "the", "in", "to", "with", "for", "that", "on", "at", "by", "from", "his", "her", "was", "is", "it"]


def telling(seed, words):
    return made_up(seed, words).split(" ")


def hashed(words):
    folded = fold(" ".join(words))
    return word_hashes(folded), folded.origin[folded.words]


def passage(words):
    return side_by_side(*hashed(words))


def test_known_answers_hold_the_signatures_still():
    fingerprint = passage(telling(1, 400))
    columns = fingerprint.positions.astype("<i4").tobytes() + fingerprint.keys.astype("<i8").tobytes()
    assert fingerprint.keys.shape == (3, 8)
    assert hashlib.sha256(columns + fingerprint.payload.tobytes()).hexdigest()[:16] == ANSWER


ANSWER = "92b3b14f71b8b836"


def test_values_are_those_of_datasketch():
    from datasketch import MinHash

    words = telling(2, WORDS)
    hashes = word_hashes(fold(" ".join(words)))
    whole = MinHash(num_perm=PERMUTATIONS, seed=1, scheme="affine32", hashfunc=lambda h: h >> 32)
    whole.update_batch(hashes[rarity(hashes) >= 3.0].tolist())
    assert (passage(words).payload.view("<u2")[0] == whole.hashvalues & 0xFFFF).all()


def test_the_same_words_in_any_order_give_the_same_bytes():
    words = telling(3, WORDS)
    a, b = passage(words), passage(sorted(words))
    assert (a.payload == b.payload).all() and pack(a, SCHEME) == pack(passage(words), SCHEME)
    back = unpack(pack(a, SCHEME), schemes())
    assert (back.keys == a.keys).all() and (back.payload == a.payload).all() and (back.positions == a.positions).all()


def of_sets(*sets):
    """Signatures of sets of numbers, as if they were rare words."""
    rng = np.random.default_rng(7)
    numbers = rng.integers(0, 2**63, 5000).astype(np.uint64)
    rows = [side_by_side(numbers[np.array(sorted(s))], np.arange(len(s), dtype=np.int32)).payload for s in sets]
    return [r[:1] for r in rows]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(20, 60), st.integers(0, 4000))
def test_the_estimate_is_near_the_true_similarity(shared, own, first):
    a = set(range(first, first + shared + own))
    b = set(range(first + own, first + own + shared + own))
    truth = len(a & b) / len(a | b)
    estimate = equal_values(*of_sets(a, b))[0] / PERMUTATIONS
    deviation = (truth * (1 - truth) / PERMUTATIONS) ** 0.5
    assert abs(estimate - truth) <= 4.5 * deviation + 1.5 / PERMUTATIONS


def test_estimates_are_not_biased():
    errors = []
    for n in range(100):
        a, b = set(range(40 * n, 40 * n + 60)), set(range(40 * n + 20, 40 * n + 80))
        errors.append(equal_values(*of_sets(a, b))[0] / PERMUTATIONS - 0.5)
    assert abs(float(np.mean(errors))) < 0.05


@pytest.mark.parametrize(
    ("words", "stored", "looked_up"),
    [(0, 0, 0), (LEAST_WORDS - 1, 0, 0), (LEAST_WORDS, 1, 1), (WORDS, 1, 1), (187, 1, 3), (188, 2, 4), (500, 4, 14)],
)
def test_passages_cover_the_text(words, stored, looked_up):
    hashes, starts = hashed(telling(4, words))
    a, b = side_by_side(hashes, starts), overlapping(hashes, starts)
    assert (len(a), len(b)) == (stored, looked_up)
    assert a.positions.tolist() == starts[::WORDS].tolist()[:stored]
    assert b.positions.tolist() == starts[::STRIDE].tolist()[:looked_up]


def test_a_passage_of_few_different_words_is_left_out():
    assert len(passage(["kaloten", "shavedor", "pelgarin"] * 100)) == 0
    assert len(passage(FILL * 20)) == 0


def test_a_text_meets_itself_and_chance_meetings_are_dropped():
    hashes, starts = hashed(telling(5, 1000))
    ours, theirs = overlapping(hashes, starts), side_by_side(hashes, starts)
    rows = np.flatnonzero(np.isin(ours.positions, theirs.positions)).astype(np.int32)
    itself = Alignment(0, MINHASH, "", 1.0, 0.0, 1.0, rows, ours.positions[rows])
    (group,) = alike(ours, theirs, itself)
    assert group[0].tolist() == group[1].tolist() == ours.positions[rows].tolist()
    strange = replace(ours, payload=np.random.default_rng(1).integers(0, 256, ours.payload.shape, dtype=np.uint8))
    assert equal_values(strange.payload[:8], theirs.payload[:8]).max() < ALIKE
    assert alike(strange, theirs, itself) == [] and alike(ours, None, itself) == []


def scanned(words, index, without=()):
    text = " ".join(words)
    part = probes(Document(text, text))
    part = replace(part, fingerprints=tuple(f for f in part.fingerprints if f.scheme not in without))
    return scan_media("output", Media("text", "", (part,)), index)


def test_a_passage_with_a_word_put_in_after_every_word_is_found_by_minhash_alone():
    work, other = telling(3, 2000), telling(4, 2000)
    texts = (("work", " ".join(work)), ("other", " ".join(other)))
    index = MemoryIndex([(name, (features(Document(t, t)),)) for name, t in texts], schemes())
    rng = random.Random(8)
    output = [w for word in work[500:650] for w in (word, rng.choice(FILL))]
    assert not any(m.relation == "copy" for m in scanned(output, index, without=(MINHASH,)).matches)
    (match,) = scanned(output, index).matches
    assert match.work_id == "work" and match.listed
    ((_, segment),) = match.segments
    assert segment.scheme == STREAM
    start, end = len(" ".join(work[:500])) + 1, len(" ".join(work[:650]))
    slack = 0.12 * (end - start)
    assert abs(segment.work_span[0] - start) < slack and abs(segment.work_span[1] - end) < slack
    assert scanned(telling(5, 300), index).matches == ()


def test_datasketch_is_not_needed():
    code = "import sys; from fingerprint import text; text.features(text.Document(*2 * ['word ' * 300])); "
    code += "sys.exit('datasketch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_schemes_of_a_text_are_all_known():
    every = {GRAMS, RARE, STREAM, MINHASH, FORMS, GLOSS, GLOSS_WORDS, STYLE.name, MEANING}
    assert {s.name for s in SCHEMES} == every <= set(schemes())
