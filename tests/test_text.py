"""Text: folding, fingerprints that hold still, and passages found through edits with their spans."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest

from fingerprint import extract, probe, schemes
from fingerprint.documents import Document
from fingerprint.features import pack, unpack
from fingerprint.text import GRAMS, RARE, SCHEMES, STREAM, decode, features, probes
from fingerprint.text_background import rarity, rarity_after
from fingerprint.text_fold import fold, gram_hashes, word_hashes
from matcher.scan import scan_media
from registry.memory import MemoryIndex

SYLLABLES = ("ka", "lo", "mi", "ten", "ru", "sha", "ve", "dor", "in", "pel", "gar", "ost", "bri", "num", "tal", "ek")
STORED = [s for s in SCHEMES if s.stored and not s.optional]
PROVERB = "A stitch in time saves nine, and where there's a will there's a way."


def document(text):
    return Document(text, text)


def made_up(seed, words=400):
    """Prose of words that no language has, with sentences, the same for a seed on every platform."""
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choice(SYLLABLES) for _ in range(rng.randint(1, 4))) for _ in range(1500)]
    text = [rng.choice(vocabulary) for _ in range(words)]
    return " ".join(w.capitalize() + "," if n % 11 == 0 else w + "." if n % 11 == 10 else w for n, w in enumerate(text))


def spelled(text):
    """The folded words as their places in the text."""
    folded = fold(text)
    ends = np.append(folded.words[1:], len(folded.origin)) - 1 if len(folded.words) else []
    return [text[folded.origin[a] : folded.origin[b] + 1] for a, b in zip(folded.words, ends, strict=True)]


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Don’t “QUOTE” café", "dont quote cafe"),
        ("ﬁne eﬀort, Straße, Œuvre", "fine effort strasse oeuvre"),
        ("Ｆｕｌｌ ｗｉｄｔｈ 𝐛𝐨𝐥𝐝", "full width bold"),
        ("shаrрly рrоmіsеd Νοw", "sharply promised Now"),
        ("ze\u200bro wi\u00addth jo\u2060in \ufeffmark", "zero width join mark"),
        ("ques-\n  tion quest\u00ad\nion mail-box", "question question mailbox"),
        ("_emph_ **strong** `code` don't", "emph strong code dont"),
        ("I   f e l t   a   f u n e r a l   i n   m y", "I felt a funeral in my"),
        ("one--two", "one two"),
    ],
)
def test_retyped_text_folds_to_the_same_words(written, plain):
    assert word_hashes(fold(written)).tolist() == word_hashes(fold(plain)).tolist()


def test_words_keep_their_places():
    assert spelled("“Well-\nknown,” ﬁre  Ｗide 漢字") == ["Well-\nknown", "ﬁre", "Ｗide", "漢", "字"]
    assert spelled("...\n") == [] and spelled("") == []


def test_grams_do_not_see_spaces_and_differ_by_letters():
    one, two = (gram_hashes(fold(t).letters, 12) for t in ("the quick brown fox jumps", "The quickbrown\nfox, jumps"))
    assert one.tolist() == two.tolist() and len(set(one.tolist())) == len(one) == 21 - 12 + 1
    naive = [gram_hashes(fold("thequickbrownfoxjumps").letters[i : i + 12], 12)[0] for i in range(10)]
    assert one.tolist() == naive
    assert len(gram_hashes(fold("short").letters, 12)) == 0


def test_common_words_and_pairs_are_known():
    words = "of the and Zebrafish question"
    common = rarity(word_hashes(fold(words)))
    assert common[:3].max() < 2 < common[4] < common[3] == 6.0
    of_the = rarity_after(word_hashes(fold("of the")))
    assert of_the[1] < rarity(word_hashes(fold("of the")))[1]


def test_known_answers_hold_the_fingerprints_still():
    part = features(document(made_up(1) + "\n" + PROVERB))
    digests = {f.scheme: hashlib.sha256(pack_columns(f)).hexdigest()[:16] for f in part.fingerprints}
    assert {scheme: digests[scheme] for scheme in ANSWERS} == ANSWERS


def pack_columns(fingerprint):
    return (
        fingerprint.positions.astype("<i4").tobytes() + fingerprint.keys.astype("<i8").tobytes() + fingerprint.payload.tobytes()
    )


ANSWERS = {"text.winnow.1": "df9998cac52fa369", "text.rare.1": "c31e724b486eeb49", "text.words.1": "2946495ed4a5e8a9"}


def test_fingerprints_survive_bytes_and_are_thin():
    part = features(document(made_up(2, 5000)))
    for scheme, fingerprint in zip(STORED, part.fingerprints, strict=True):
        back = unpack(pack(fingerprint, scheme), schemes())
        assert back.scheme == scheme.name and (back.keys == fingerprint.keys).all()
        assert (back.positions == fingerprint.positions).all() and (back.payload == fingerprint.payload).all()
    letters = len(fold(made_up(2, 5000)).letters)
    assert len(part.of(GRAMS)) < letters / 17
    assert len(part.of(STREAM)) == 5000 and len(part.of(RARE)) <= 5000


def scanned(output, **works):
    index = MemoryIndex([(name, (features(document(text)),)) for name, text in works.items()], schemes())
    from fingerprint.features import Media

    return scan_media("output", Media("text", "", (probes(document(output)),)), index)


def listed(output, **works):
    return [m.work_id for m in scanned(output, **works).matches if m.listed]


WORK, OTHER, FILLER = made_up(3, 2000), made_up(4, 2000), made_up(5, 150)
AT, TO = WORK.index(WORK.split(" ")[700] + " " + WORK.split(" ")[701]), 0
PASSAGE = " ".join(WORK.split(" ")[700:760])


def every(n, change):
    return lambda words: [change(w, k) if k % n == n - 1 else w for k, w in enumerate(words)]


def swapped(words):
    return [w for a, b in zip(words[::2], words[1::2], strict=False) for w in (b, a)]


def noisy(words):
    rng = random.Random(7)
    return list("".join(rng.choice("abcdefgh") if c.isalpha() and rng.random() < 0.08 else c for c in " ".join(words)).split(" "))


@pytest.mark.parametrize(
    "edit",
    [
        lambda w: w,
        every(4, lambda w, k: f"quux{k}"),
        every(3, lambda w, k: w + f" zyx{k}"),
        lambda words: [w for k, w in enumerate(words) if k % 5],
        swapped,
        noisy,
        lambda words: ["\u200b".join(w) for w in words],
        lambda words: [" ".join(w) + "  " for w in words],
        lambda words: list("".join(words)),
        lambda words: ["".join(words)],
        lambda words: [w.upper().replace("A", "А") for w in words],
        lambda words: [w + ("\n" if k % 7 == 0 else "") for k, w in enumerate(words)],
    ],
    ids=[
        "exact",
        "every4",
        "inserted",
        "dropped",
        "swapped",
        "noise",
        "zero-width",
        "spaced",
        "letters",
        "one-word",
        "homoglyph",
        "rewrapped",
    ],
)
def test_an_edited_passage_is_found_with_its_spans(edit):
    copied = " ".join(edit(PASSAGE.split(" ")))
    output = FILLER + "\n\n" + copied + "\n\n" + made_up(6, 150)
    report = scanned(output, work=WORK, other=OTHER)
    assert [m.work_id for m in report.matches if m.listed] == ["work"]
    spans = [e for _, e in report.matches[0].segments]
    at, to = min(e.output_span[0] for e in spans), max(e.output_span[1] for e in spans)
    start = len(FILLER) + 2
    slack = 0.12 * len(copied)
    assert abs(at - start) <= slack and abs(to - start - len(copied)) <= slack
    assert abs(min(e.work_span[0] for e in spans) - WORK.index(PASSAGE)) <= slack
    assert abs(max(e.work_span[1] for e in spans) - WORK.index(PASSAGE) - len(PASSAGE)) <= slack


def test_exact_spans_are_exact():
    output = FILLER + " " + PASSAGE
    (segment,) = scanned(output, work=WORK).matches[0].segments
    start, end = (int(x) for x in segment[1].output_span)
    assert output[start:end] == PASSAGE.strip(".,")
    start, end = (int(x) for x in segment[1].work_span)
    assert WORK[start:end] == PASSAGE.strip(".,")


def test_thirty_words_of_a_long_work_name_it_and_a_proverb_does_not():
    novel = made_up(8, 40_000)
    words = novel.split(" ")
    quoted = " ".join(words[20_000:20_030])
    assert listed(FILLER + " " + quoted, novel=novel, other=OTHER) == ["novel"]
    with_proverb = novel + " " + PROVERB + " " + OTHER
    assert listed(FILLER + " " + PROVERB, novel=with_proverb) == []
    licence = "The software is provided as is, without warranty of any kind, express or implied, including but not limited to"
    assert listed(FILLER + " " + licence, novel=novel + licence) == []


def test_a_retelling_with_the_same_names_in_order_is_a_remake_and_in_disorder_is_nothing():
    names = [f"Zor{a}{b}in" for a in SYLLABLES[:6] for b in SYLLABLES[8:12]]
    tale = " ".join(f"{name} {made_up(20 + n, 12)}" for n, name in enumerate(names))
    work = made_up(9, 3000) + " " + tale + " " + made_up(10, 3000)
    told = " ".join(f"{name} {made_up(60 + n, 6)}" for n, name in enumerate(names))
    (match,) = [m for m in scanned(FILLER + " " + told, work=work, other=OTHER).matches if m.listed]
    assert (match.work_id, match.relation) == ("work", "remake")
    (segment,) = [e for _, e in match.segments]
    assert segment.work_span[0] >= work.index(tale) - 400 and segment.work_span[1] <= work.index(tale) + len(tale) + 400
    disorder = " ".join(f"{name} {made_up(60 + n, 6)}" for n, name in enumerate(names[i] for i in shuffled(len(names))))
    assert listed(FILLER + " " + disorder, work=work, other=OTHER) == []


def shuffled(n):
    order = list(range(n))
    random.Random(1).shuffle(order)
    return order


def test_several_works_in_one_output_are_told_apart():
    two = " ".join(OTHER.split(" ")[100:150])
    report = scanned(PASSAGE + "\n" + two, work=WORK, other=OTHER)
    assert sorted(m.work_id for m in report.matches if m.listed) == ["other", "work"]
    degrees = {m.work_id: m.degree for m in report.matches}
    assert abs(degrees["work"] - len(PASSAGE) / (len(PASSAGE) + len(two))) < 0.05


def test_a_text_finds_the_whole_of_itself():
    (segment,) = scanned(WORK, work=WORK, other=OTHER).matches[0].segments
    assert segment[1].output_span == segment[1].work_span and segment[1].relation == "copy"
    assert segment[1].output_span[1] - segment[1].output_span[0] > 0.99 * len(WORK)


@pytest.mark.parametrize("text", ["", " \n\t", "...", "ok", "a " * 3000, "ha" * 5000, "\ud800 \udfff", "0" * 4000])
def test_texts_without_words_find_nothing(text):
    assert scanned(text, work=WORK, other=OTHER).matches == ()
    assert scanned(PASSAGE, strange=text).matches == ()


def test_equal_files_give_equal_fingerprints(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(WORK, encoding="utf-8")
    first, second = extract(path), extract(path)
    assert [pack(f, s) for f, s in zip(first.parts[0].fingerprints, STORED, strict=True)] == [
        pack(f, s) for f, s in zip(second.parts[0].fingerprints, STORED, strict=True)
    ]
    assert first.medium == "text" and first.extent == (len(WORK),)
    assert len(probe(path).parts[0].of(GRAMS)) > len(first.parts[0].of(GRAMS))


def test_white_space_gives_a_part_without_features(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n\n", encoding="utf-8")
    part = features(decode(path))
    assert part.extent == (2.0,) and [len(f) for f in part.fingerprints] == [0, 0, 0, 0, 0]


def test_blocks_choose_the_same_grams(monkeypatch):
    whole = features(document(WORK)).of(GRAMS)
    monkeypatch.setattr("fingerprint.text.BLOCK", 997)
    parts = features(document(WORK)).of(GRAMS)
    assert whole.positions.tolist() == parts.positions.tolist() and (whole.keys == parts.keys).all()


def test_letters_of_one_kind_do_not_flood_the_index():
    assert len(features(document("a" * 100_000)).of(GRAMS)) <= 1


@pytest.mark.parametrize("letters", range(16))
def test_a_text_of_a_few_letters_is_read(letters):
    short = Document("abcdefghijklmnop"[:letters], "abcdefghijklmnop"[:letters])
    grams = [len(view(short).of(GRAMS)) for view in (features, probes)]
    assert grams == [0, 0] if letters < 12 else grams[1] >= grams[0]
