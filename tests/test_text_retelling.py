"""Retold passages: forms of words, names, order that tells, and the chain aligner that finds where to look."""

from __future__ import annotations

import random

import numpy as np
import pytest

from desk.evidence_text import retold
from desk.summary import summary
from fingerprint import schemes
from fingerprint.documents import Document
from fingerprint.features import Media, Scheme, make
from fingerprint.text import FORMS, RARE, ROMAN, features, probes
from fingerprint.text_background import rarity
from fingerprint.text_fold import fold, word_hashes
from fingerprint.text_forms import FILE, families, forms_of, names_and_numbers
from fingerprint.text_order import longest_chain, order_evidence
from matcher import find
from matcher.chains import chains
from matcher.report import as_json
from matcher.scan import scan_media
from registry.hits import Hits
from registry.memory import MemoryIndex

TALE = """The harbour of Varnholt lay frozen when the widow Quillan brought her lantern down to the chandlery. A smuggler was
waiting among the barrels, with a ledger and a pistol; he had walked nine miles over the marsh. She offered him sugar and
candles, he demanded the brooch of her grandmother. Outside the constable was drowsing beside the anchor. When the church
struck eleven she blew the lantern out, threw the ledger into the furnace and ran across the ice toward the lighthouse, and
the smuggler, cursing, stumbled over the anchor and was taken before daybreak."""
RETOLD = """One winter, with Varnholt's harbours all iced up, Mrs Quillan goes to the chandlery carrying lanterns. There, between
two barrels, stands someone who smuggles for a living; ledgers and pistols are his luggage, and the marshes have ruined his
boots. Candles and sugar do not interest him: it is grandmother's brooch or nothing. A drowsy constable dozes near an anchor.
At eleven all goes dark, the ledger lands in a furnace, and the widow flees to the lighthouse; the man trips over that same
anchor and sees daybreak from a cell."""
FILLER = """It is generally thought that nothing much can be done about such things, and most people would rather not talk of
them at all. He said so himself more than once, and she did not disagree with him. """


def document(text):
    return Document(text, text)


def ordinary(seed, sentences=400):
    """Plain English sentences of frequent words, the same for a seed."""
    dice = random.Random(seed)
    nouns = "house road river garden window letter horse morning evening table door street fire voice hand paper"
    verbs = "opened closed carried watched followed remembered left found lost kept"
    adjectives = "old quiet little white long cold dark pretty small great"
    nouns, verbs, adjectives = (words.split() for words in (nouns, verbs, adjectives))
    return " ".join(
        f"The {dice.choice(adjectives)} {dice.choice(nouns)} {dice.choice(verbs)} the {dice.choice(nouns)} of the "
        f"{dice.choice(adjectives)} {dice.choice(nouns)}."
        for _ in range(sentences)
    )


WORK = ordinary(1) + "\n" + TALE + "\n" + ordinary(2)
OTHERS = {f"other{n}": ordinary(10 + n) for n in range(5)}


def scanned(output, **works):
    index = MemoryIndex([(name, (features(document(text)),)) for name, text in works.items()], schemes())
    return scan_media("output", Media("text", "", (probes(document(output)),)), index)


def test_a_retelling_in_other_forms_and_other_words_is_named_with_its_place():
    (match,) = [m for m in scanned(RETOLD, work=WORK, **OTHERS).matches if m.listed]
    assert (match.work_id, match.relation) == ("work", "remake")
    start, end = match.segments[0][1].work_span
    tale = WORK.index(TALE)
    assert tale - 50 <= start < end <= tale + len(TALE) + 50
    assert match.segments[0][1].detail["in_order"] >= 8


def test_the_same_words_in_disorder_name_nobody():
    words = RETOLD.split()
    random.Random(3).shuffle(words)
    assert not [m for m in scanned(" ".join(words), work=WORK, **OTHERS).matches if m.listed]


def test_an_unrelated_tale_of_the_same_kind_names_nobody():
    unrelated = """In Dunmere a fisherman and his daughter mended nets beside the lighthouse. A storm had carried off the ferry,
    and the schoolmaster, who owed the miller money, had taken the last boat. They lit candles, ate herring and waited for
    the postman, who arrived at noon with a parcel of oranges from an uncle in Lisbon."""
    assert not [m for m in scanned(unrelated, work=WORK, **OTHERS).matches if m.listed]


def test_of_a_retelling_the_telling_words_are_marked_on_both_sides():
    output, work = "She sleeps by the lanterns of the abbey.", "There the widow slept, near the lantern and the abbey."
    here, there = retold(output, work)
    assert [run for run in here if run[0] != "other"] == [["near", "sleeps"], ["near", "lanterns"], ["same", "abbey"]]
    assert [run for run in there if run[0] != "other"] == [["near", "slept"], ["near", "lantern"], ["same", "abbey"]]
    assert retold("", "the of and") == ([], [["other", "the of and"]])


def test_evidence_says_which_scheme_spoke():
    report = scanned(RETOLD, work=WORK, **OTHERS)
    (match,) = [m for m in report.matches if m.listed]
    assert {e.scheme for _, e in match.segments} <= {FORMS, "text.words.1"}
    row = as_json(report)
    segment = next(s for s in row["matches"][0]["segments"] if s["scheme"] == FORMS)
    shared, ordered = round(segment["detail"]["words"]), round(segment["detail"]["in_order"])
    told = f"{shared} telling words in some form, {ordered} of them in the same order"
    assert told in " ".join(" ".join(summary(row)).split())


def test_forms_of_a_word_share_their_head():
    sleeps, slept, door = (word_hashes(fold(w)) for w in ("sleeps", "slept", "door"))
    plain = np.zeros(1, bool)
    one, two = forms_of(sleeps, plain), forms_of(slept, plain)
    assert set(one.form.tolist()) == set(two.form.tolist()) and slept[0] in one.form and sleeps[0] in one.form
    assert set(one.head.tolist()) == set(two.head.tolist()) and len(set(one.head.tolist())) == 1
    assert not set(forms_of(door, plain).form.tolist()) & set(one.form.tolist())
    assert (one.joint <= rarity(one.form)).all()  # any form is written at least as often as one of them


def test_a_word_in_no_family_is_its_own_form_and_a_name_is_rarer_than_an_unknown_word():
    quux = word_hashes(fold("Quuxly"))
    as_name, as_word = forms_of(quux, np.ones(1, bool)), forms_of(quux, np.zeros(1, bool))
    assert as_name.form.tolist() == as_name.head.tolist() == quux.tolist()
    assert as_name.joint[0] > as_word.joint[0]


def test_families_do_not_overlap():
    words = FILE.read_text(encoding="utf-8").split()
    assert len(words) == len(set(words)) == len(families().hashes)
    assert len(set(families().hashes.tolist())) == len(words)


def test_names_stand_in_the_middle_of_a_sentence():
    text = "He met Gurov in 1899. Then, Anna said no. Old age"
    starts = np.array([text.index(w) for w in ("He", "met", "Gurov", "1899", "Then", "Anna", "Old")], np.int32)
    assert names_and_numbers(text, starts).tolist() == [False, False, True, True, False, True, False]
    assert names_and_numbers("", np.zeros(0, np.int32)).tolist() == []


@pytest.mark.parametrize(
    ("values", "chain"), [([], []), ([5], [0]), ([3, 1, 2], [1, 2]), ([1, 2, 3], [0, 1, 2]), ([3, 2, 1], [2]), ([1, 1], [0])]
)
def test_longest_chain(values, chain):
    found = longest_chain(values)
    assert len(found) == len(chain)
    assert [values[k] for k in found] == sorted({values[k] for k in found})


def test_order_is_evidence_only_where_chance_would_not_give_it():
    dice = random.Random(4)
    drawn = [len(longest_chain(dice.sample(range(8), 8))) for _ in range(2000)]
    for length in (6, 7, 8):
        assert np.mean([d >= length for d in drawn]) <= 1.5 * 10 ** -order_evidence(length, 8) + 0.002
    assert order_evidence(2, 8) == 0.0 and order_evidence(8, 8) == pytest.approx(np.log10(40320))


CHAIN = Scheme("test.chain.1", "text", 1.0, aligner="chain", tolerance=1000.0, reach=900.0)


def test_keys_that_come_together_in_order_are_the_best_place():
    rng = np.random.default_rng(5)
    keys = make(CHAIN, np.arange(0, 600, 40, dtype=np.int32), keys=np.arange(15, dtype=np.int64))
    scattered = [(int(r), int(w), int(p)) for r, w, p in zip(rng.integers(0, 15, 300), rng.integers(0, 9, 300),
                                                             rng.integers(0, 200_000, 300), strict=True)]  # fmt: skip
    together = [(r, 4, 50_000 + 50 * r) for r in range(2, 9)]
    rows = np.array(sorted(scattered + together, key=lambda x: (x[1], x[0], x[2])), np.int32)
    hits = Hits(rows[:, 0], rows[:, 1], rows[:, 2], np.ones(len(rows), np.float32))
    best = chains(hits, keys, CHAIN)[0]
    assert best.fingerprint_id == 4 and set(range(2, 9)) <= set(best.output_rows.tolist())
    assert best.work_rows.min() >= 50_000 and best.work_rows.max() <= 51_000
    assert (np.diff(best.output_rows) >= 0).all()


def test_a_place_stands_out_of_the_chance_hits_of_ten_thousand_works():
    rng, n = np.random.default_rng(7), 30_000
    keys = make(CHAIN, np.arange(0, 600, 6, dtype=np.int32), keys=np.arange(100, dtype=np.int64))
    scattered = np.stack([rng.integers(0, 100, n), rng.integers(0, 10_000, n), rng.integers(0, 12_000, n)], axis=1)
    together = np.array([(r, 77, 5_000 + 50 * i) for i, r in enumerate(range(10, 70, 10))])
    rows = np.unique(np.concatenate([scattered, together]), axis=0)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 0], rows[:, 1]))].astype(np.int32)
    hits = Hits(rows[:, 0], rows[:, 1], rows[:, 2], np.full(len(rows), 1.5, np.float32))
    found = chains(hits, keys, CHAIN, 10_000)
    assert found[0].fingerprint_id == 77 and set(range(10, 70, 10)) <= set(found[0].output_rows.tolist())
    assert len(found) <= 16 < len(chains(hits, keys, CHAIN, 100)) <= 40
    assert all(a.support >= 0.3 + 1.5 * np.log10(50) for a in found)


def test_no_hits_and_lone_keys_give_no_place():
    keys = make(CHAIN, np.arange(5, dtype=np.int32), keys=np.arange(5, dtype=np.int64))
    none = np.zeros(0, np.int32)
    assert chains(Hits(none, none, none, np.zeros(0, np.float32)), keys, CHAIN) == []
    one = np.array([3], np.int32)
    assert chains(Hits(one, one, one, np.ones(1, np.float32)), keys, CHAIN) == []


def test_probes_hold_forms_and_the_registry_does_not():
    text = "The lanterns were carried down to Varnholt"
    assert features(document(text)).of(FORMS) is None
    probe, stored = probes(document(text)), features(document(text))
    assert probe.of(FORMS) is not None and len(probe.of(RARE)) > len(stored.of(RARE))
    assert (np.diff(probe.of(RARE).positions) >= 0).all()


@pytest.mark.parametrize("kind", ["Roman", "Arabic"])
def test_tables_of_contents_are_no_retelling_of_each_other(kind):
    tens, ones = ("", "X", "XX", "XXX", "XL"), ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
    numbers = [ten + one for ten in tens for one in ones] if kind == "Roman" else [str(k) for k in range(1, 46)]
    titles = [
        "THE HARBOUR",
        "A LANTERN",
        "THE WIDOW",
        "AN ANCHOR",
        "THE FURNACE",
        "OF CANDLES",
        "THE MARSH",
        "A BROOCH",
        "IN ICE",
    ]
    output = "CONTENTS\n\n" + "\n".join(f"{n}. {t}" for n, t in zip(numbers, titles * 5, strict=True))
    work = "CONTENTS\n\n" + "\n".join(f"{n}." for n in numbers) + "\n\n" + ordinary(4)
    assert scanned(output, work=work, **OTHERS).matches == ()


def test_words_in_capitals_are_no_numbers():
    assert [m.group() for m in ROMAN.finditer("I, IV, XIX; CIVIL MIX LIVID XL. CLIX")] == ["I", "IV", "XIX", "XL", "CLIX"]


def test_in_a_long_text_a_retelling_is_found_where_few_works_are_registered(monkeypatch):
    works = {"work": WORK, **OTHERS, **{f"more{n}": ordinary(40 + n, 900) for n in range(4)}}
    output = FILLER * 30 + RETOLD + " " + FILLER * 30
    asked = []
    monkeypatch.setattr(find, "chains", lambda hits, probe, *rest: asked.append(len(hits)) or chains(hits, probe, *rest))
    [match] = [m for m in scanned(output, **works).matches if m.listed]
    closely = len(asked)
    at = output.index(RETOLD)
    assert match.work_id == "work" and at - 50 <= match.segments[0][1].output_span[0] < at + len(RETOLD)
    asked.clear()
    monkeypatch.setattr(find, "FEW_ENOUGH", 0)
    scanned(output, **works)
    assert closely > 3 * len(asked), "a stretch at a time"


def test_a_long_text_may_say_nothing_for_a_while():
    quiet = "the of and to " * 3000
    found = scanned(f"{RETOLD} {quiet} {RETOLD}", work=WORK, **OTHERS)
    assert {m.work_id for m in found.matches if m.listed} == {"work"}
