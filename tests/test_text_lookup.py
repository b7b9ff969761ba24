"""What a scan of a text asks the registry for: late schemes only where nothing is explained, of a work only what is compared."""

from __future__ import annotations

from fingerprint import schemes
from fingerprint.documents import Document
from fingerprint.features import Media
from fingerprint.text import GRAMS, RARE, STREAM, features, probes
from matcher.find import LATE
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


def test_late_schemes_are_not_asked_where_a_copy_explains_the_output():
    index = Watched(work=WORK)
    (match,) = scanned(PASSAGE, index).matches
    assert match.listed and index.keys[GRAMS] > 0
    assert all(index.keys[scheme] < 20 for scheme in LATE)  # what is left at the very ends
    alone = Watched(work=WORK)
    scanned(FILLER, alone)
    both = Watched(work=WORK)
    scanned(FILLER + "\n\n" + PASSAGE, both)
    assert alone.keys[RARE] <= both.keys[RARE] <= alone.keys[RARE] + 20


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
