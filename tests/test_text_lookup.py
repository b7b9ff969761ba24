"""What a scan of a text asks the registry for: late schemes only where nothing is explained, of a work only what is compared."""

from __future__ import annotations

import numpy as np
import pytest

from fingerprint import schemes
from fingerprint.documents import Document
from fingerprint.features import Alignment, Media
from fingerprint.text import GRAMS, RARE, STREAM, features, probes
from fingerprint.text_compare import FEW_POOR, PROMISING, REACH, promises, promising
from fingerprint.text_minhash import MINHASH
from matcher import find
from matcher.scan import scan_media
from matcher.verify import StoredPart
from registry.memory import MemoryIndex
from tests.test_text import made_up


class Watched(MemoryIndex):
    """Notes what it is asked for."""

    def __init__(self, **works):
        super().__init__([(w, (features(Document(t, t)),)) for w, t in works.items()], schemes())
        self.keys, self.unpacked = dict.fromkeys(schemes(), 0), []

    def lookup(self, scheme, keys):
        self.keys[scheme] += keys.size
        return super().lookup(scheme, keys)

    def fingerprint(self, fingerprint_id):
        found = super().fingerprint(fingerprint_id)
        self.unpacked.append(found.scheme)
        return found


WORK, FILLER = made_up(3, 2000), made_up(5, 200)
PASSAGE = " ".join(WORK.split(" ")[700:900])


def scanned(output, index):
    return scan_media("", Media("text", "", (probes(Document(output, output)),)), index)


@pytest.mark.parametrize("at_once", [1024, 8])
def test_what_a_copy_explains_is_asked_for_with_grams_alone_of_a_long_text_with_those_that_lead(monkeypatch, at_once):
    monkeypatch.setattr(find, "AT_ONCE", at_once)
    index = Watched(work=WORK)
    (match,) = scanned(PASSAGE, index).matches
    grams = probes(Document(PASSAGE, PASSAGE)).of(GRAMS)
    assert match.listed and grams.leads.sum() < len(grams) / 2
    assert index.keys[GRAMS] == (len(grams) if len(grams) <= at_once else grams.leads.sum())
    assert all(index.keys[scheme] == 0 for scheme in (RARE, MINHASH))
    alone = Watched(work=WORK)
    scanned(FILLER, alone)
    both = Watched(work=WORK)
    scanned(FILLER + "\n\n" + PASSAGE, both)
    # Only the last words of the filler, right before the passage, are passed over with it.
    assert 0 <= alone.keys[RARE] - both.keys[RARE] < 20


def test_grams_that_lead_are_those_that_a_work_stores():
    grams, own = probes(Document(PASSAGE, PASSAGE)).of(GRAMS), features(Document(PASSAGE, PASSAGE)).of(GRAMS)
    assert np.array_equal(grams.positions[grams.leads[:, 0]], own.positions)
    assert np.array_equal(grams.keys[grams.leads[:, 0]], own.keys)


def test_rows_looked_up_in_portions_hit_as_in_one():
    words = FILLER + " " + PASSAGE
    output = probes(Document(words, words))
    index, rows = Watched(work=WORK), np.arange(len(output.of(RARE)))[3:]
    whole, parts = (find._hits_of_rows(output.of(RARE), rows, index, (), portion) for portion in (1000, 10))
    assert len(whole) > 20 and whole.output_row.min() >= 3
    for column in ("output_row", "fingerprint_id", "work_position", "rarity"):
        assert np.array_equal(getattr(whole, column), getattr(parts, column))


def test_of_many_works_that_letter_seeds_meet_the_most_promising_are_looked_at():
    output = probes(Document(PASSAGE, PASSAGE))

    def met(number, rows, places):
        return Alignment(number, GRAMS, "", 1.0, 0.0, 9.0 - number / 100, np.array(rows, np.int32), np.array(places, np.int32))

    at = output.of(GRAMS).positions
    lone = [met(i, [i % 9], [5000]) for i in range(100)]
    band = met(200, range(8), at[:8] + 100)
    scattered = met(201, range(8), np.arange(8) * (REACH[GRAMS] + 500))
    promised = promises(output, [*lone, band, scattered])
    assert promised[100] >= PROMISING and promised[101] == promised[:8].max() < promised[100] / 2
    poor = [*lone, scattered]
    few = promising(output, [*poor, band])
    rich = sum(promised[np.arange(102) != 100] >= PROMISING)
    assert band in few and rich < len(poor) / 2 and len(few) == max(1 + rich, FEW_POOR)
    assert promising(output, [band]) == [band] and promising(output, []) == []


def test_of_a_work_only_what_is_compared_is_unpacked_and_once():
    index = Watched(work=WORK, other=made_up(4, 2000))
    scanned(PASSAGE, index)
    assert STREAM in index.unpacked and GRAMS not in index.unpacked and RARE not in index.unpacked
    assert index.unpacked.count(STREAM) <= 2


def test_a_stored_part_gives_what_its_fingerprints_have_become():
    own = {f.scheme: f for f in features(Document(WORK, WORK)).fingerprints}
    by_id = {0: own[GRAMS], 1: own[STREAM]}
    part = StoredPart("text", (1.0,), (), {"text.older.1": 0, STREAM: 1}, by_id.__getitem__)
    assert part.of(STREAM) is own[STREAM] and part.of(GRAMS) is own[GRAMS]
    assert part.of(RARE) is None and part.of(STREAM, "mirror") is None
