"""What sentences mean, as an extra: works with and without it, and the network itself where it is installed."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from desk.words import telling
from fingerprint import schemes, text, text_meaning, text_meaning_compare
from fingerprint.documents import Document
from fingerprint.errors import BylineError
from fingerprint.features import Fingerprint, Media, Part, make, pack, unpack
from fingerprint.text_meaning import (
    ASKED,
    CLIP,
    LEAST_WORDS,
    MEANING,
    MOST_WORDS,
    NEAREST,
    NOT_ENGLISH,
    ROW,
    SIZE,
    WIDTH,
    Float32,
    codebook,
    components,
    in_english,
    installed,
    meaning_keys,
    nearest_cells,
    packed,
    sentences,
    unpacked,
)
from fingerprint.text_meaning_compare import best_paths, gains
from matcher.report import as_json
from matcher.scan import scan_media
from registry.memory import MemoryIndex

SCHEMES = {s.name: s for s in text.SCHEMES}
needs_network = pytest.mark.skipif(not installed(), reason="needs the extra that tells what sentences mean")
SYNONYMS = """
boat vessel, house dwelling, road highway, child infant, doctor physician, money cash, forest woodland, stone rock, king monarch,
soldier warrior, garden orchard, letter message, river stream, storm tempest, window casement, dinner supper, horse stallion,
sword blade, picture painting, song melody, teacher tutor, ship steamer, hill mound, thief robber, friend companion, hat bonnet,
coat cloak, fire blaze, street avenue, lamp lantern, gift present, prison jail, battle combat, field meadow, wall rampart,
dream vision, voice tone, island isle, farmer peasant, market bazaar, church chapel, bread loaf, wine claret, chair stool
"""
PAIRS = [pair.split() for pair in SYNONYMS.split(",")]
THINGS, OTHER = [a for a, _ in PAIRS], dict(PAIRS)
BESIDE = "anvil basket pillow engine saddle kettle hammer carpet bottle ladder mirror needle pepper rabbit turtle whistle"
APART = BESIDE.split()
FIRST = {b: a for a, b in PAIRS}
FILLER = "and then it was that he had been at the some of them for her with all who would not"
WORDS = FILLER.split()


def meanings(sentences: Sequence[str]) -> Float32:
    """Stands in for the network: a sentence means the things that are in it, in whatever order and by whatever name, and a little
    of how it is said.
    """
    found = []
    for sentence in sentences:
        things = [FIRST.get(w, w) for w in re.findall(r"\w+", sentence.lower()) if w not in WORDS]
        vector = sum((_vector(thing) for thing in things), np.zeros(WIDTH)) + 1.2 * _vector(sentence)
        found.append(vector / np.linalg.norm(vector))
    return np.array(found, np.float32).reshape(-1, WIDTH)


def _vector(text: str) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(text.encode())).standard_normal(WIDTH)


@pytest.fixture
def understanding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "installed", lambda: True)
    monkeypatch.setattr(text_meaning, "_network", lambda: meanings)
    monkeypatch.setattr(text_meaning_compare, "KNOWN", 0.3)  # its sentences are far from any prose


def tale(seed: int, count: int, things: Sequence[str] = THINGS) -> list[list[str]]:
    """So many sentences of five things each."""
    dice = random.Random(seed)
    return [dice.sample(things, 5) for _ in range(count)]


def told(sentences: Sequence[Sequence[str]], seed: int = 0) -> str:
    """Between the things stand words that make it English, others for each seed."""
    dice = random.Random(seed)
    return " ".join(" ".join(f"{dice.choice(WORDS)} {w} {dice.choice(WORDS)}" for w in s).capitalize() + "." for s in sentences)


def retold(sentences: Sequence[Sequence[str]], seed: int) -> str:
    """Each sentence in another order, every thing by another name: no word that tells anything is left."""
    dice = random.Random(seed)
    return told([[OTHER[w] for w in dice.sample(s, len(s))] for s in sentences], seed)


def media(part: Part) -> Media:
    return Media("text", "0" * 64, (part,))


def document(words: str) -> Document:
    return Document(words, words)


def spans(words: str) -> Iterator[str]:
    for start, end in sentences(words):
        yield words[start:end].strip()


def test_sentences_are_neither_too_short_nor_too_long():
    words = 'He said: "No." Then the old man went away; nobody saw him again, and nobody asked.\n\nThe end of it all came late.'
    assert list(spans(words)) == [
        'He said: "No." Then the old man went away;',
        "nobody saw him again, and nobody asked.",
        "The end of it all came late.",
    ]
    long = ", ".join(["one two three four five six seven eight nine"] * 12) + "."
    assert [len(s.split()) for s in spans(long)] == [36, 36, 36]
    assert sentences("") == [] and sentences("...\n\n -- ") == []


def test_sentences_cover_the_text_in_order():
    dice = random.Random(4)
    words = "".join(dice.choice(("word ", "so ", ". ", "! ", "\n\n", ", ", "; ", '" ', "end.")) for _ in range(4000))
    found = sentences(words)
    assert all(a < b <= c for (a, b), (c, _) in zip(found, found[1:], strict=False))
    counts = [len(re.findall(r"\w+", words[a:b])) for a, b in found]
    assert max(counts) < MOST_WORDS + LEAST_WORDS and min(counts[:-1]) >= LEAST_WORDS
    assert sum(counts) == len(re.findall(r"\w+", words))


def test_vectors_survive_their_bytes():
    vectors = np.random.default_rng(1).standard_normal((50, SIZE)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    clipped = np.clip(vectors, -CLIP, CLIP)
    clipped /= np.linalg.norm(clipped, axis=1, keepdims=True)
    assert np.abs(unpacked(packed(vectors)) - clipped).max() < 0.003
    assert np.linalg.norm(unpacked(packed(vectors)), axis=1) == pytest.approx(1.0, abs=1e-5)


def test_the_codebook_is_of_unit_cells_all_different():
    book = codebook()
    assert book.axes.shape == (WIDTH, SIZE) and book.mean.shape == (WIDTH,)
    assert np.linalg.norm(book.cells, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert len(np.unique(packed(book.cells), axis=0)) > 0.99 * len(book.cells)
    assert np.abs(book.axes.T @ book.axes - np.eye(SIZE)).max() < 0.01


def test_a_row_holds_the_vector_the_nearness_and_the_cell(understanding):
    words = told(tale(1, 5))
    stored = text_meaning.registered(words)
    vectors = components(meanings([re.sub(r"\s+", " ", s) for s in spans(words)]))
    likeness = vectors @ codebook().cells.T
    assert stored.payload is not None and stored.payload.shape == (5, ROW)
    assert unpacked(stored.payload) == pytest.approx(vectors, abs=1e-6)
    assert stored.payload[:, SIZE] / 255 == pytest.approx(np.sort(likeness, axis=1)[:, -NEAREST:].mean(axis=1), abs=0.003)
    cells = np.ascontiguousarray(stored.payload[:, SIZE + 1 :]).view("<u2")[:, 0]
    assert cells.tolist() == likeness.argmax(axis=1).tolist()
    probe = text_meaning.asked(words)
    assert probe.keys.shape == (5, ASKED) and (probe.keys[:, :1] == stored.keys).all()
    assert all(len(set(row)) == ASKED for row in probe.keys.tolist())
    assert (stored.keys == meaning_keys(stored.payload)).all()


def test_the_nearest_cells_are_those_of_a_full_sort_whatever_stands_beside():
    vectors = np.random.default_rng(3).standard_normal((text_meaning.AT_ONCE + 9, SIZE)).astype(np.float32)
    cells, near = nearest_cells(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    likeness = vectors @ codebook().cells.T
    order = np.argsort(-likeness, axis=1)[:, :ASKED]
    assert (cells == order).mean() > 0.999
    assert near * np.linalg.norm(vectors, axis=1) == pytest.approx(np.sort(likeness, axis=1)[:, -NEAREST:].mean(axis=1), abs=1e-4)
    assert [c.shape for c in nearest_cells(vectors[:0])] == [(0, ASKED), (0,)]


def test_sentences_of_another_language_are_near_to_everything(understanding):
    latin = "Tunc per ignem impetu nocivo expers transiit. Quibus factis juravit se patrem tuum quoque immortalem. "
    stored = text.features(document(f"{told(tale(2, 30))} {latin * 2}{told(tale(4, 30))}")).of(MEANING)
    assert stored is not None and stored.payload is not None
    assert np.flatnonzero(stored.payload[:, SIZE] == NOT_ENGLISH).tolist() == [
        31,
        32,
    ]  # those at the edges may be English of few words
    assert in_english(["Evening, Parson.", "He stops."]).all() and in_english([]).shape == (0,)


def test_the_fingerprint_is_read_back_from_its_bytes(understanding):
    stored = text.features(document(told(tale(2, 6)))).of(MEANING)
    assert stored is not None and len(stored) == 6
    back = unpack(pack(stored, SCHEMES[MEANING]), schemes())
    assert (back.keys == stored.keys).all() and (back.positions == stored.positions).all()
    assert back.payload is not None and (back.payload == stored.payload).all()


def test_best_path_follows_the_order_and_pays_for_what_it_passes():
    gain = np.full((4, 6), -0.5)
    gain[0, 1], gain[1, 2], gain[2, 4], gain[3, 0] = 0.2, 0.2, 0.25, 0.28
    score, path = best_paths(gain, np.array([0]))[0]
    assert path == [(0, 1), (1, 2), (2, 4)] and score == pytest.approx(0.65 - 0.01)
    assert best_paths(gain, np.array([0]))[1][1] == [(3, 0)]
    assert best_paths(np.full((3, 3), -0.1), np.array([0])) == []


def test_no_path_leads_from_one_stretch_of_the_work_to_another():
    gain = np.full((2, 4), -0.5)
    gain[0, 1], gain[1, 2] = 0.2, 0.3
    assert best_paths(gain, np.array([0]))[0][1] == [(0, 1), (1, 2)]
    assert best_paths(gain, np.array([0, 2]))[0][1] == [(1, 2)]


def index_of(works: dict[str, str]) -> MemoryIndex:
    return MemoryIndex([(name, (text.features(document(words)),)) for name, words in works.items()], schemes())


def test_a_passage_that_says_the_same_is_found_where_it_stands(understanding):
    story = tale(3, 60)
    index = index_of({"other": told(tale(9, 60), 9), "story": told(story)})
    before, after = (told(tale(seed, 6, APART), seed) for seed in (20, 21))
    passage = retold(story[20:32], 7)
    output = f"{before} {passage} {after}"
    report = as_json(scan_media("o", media(text.probes(document(output))), index), candidates=True)
    [match] = [m for m in report["matches"] if m["work"] == "story"]
    assert match["relation"] == "remake" and not match.get("candidate")
    assert not any(m["work"] == "other" and not m.get("candidate") for m in report["matches"])
    segment = max((s for s in match["segments"] if s["scheme"] == MEANING), key=lambda s: s["output"][1] - s["output"][0])
    assert segment["output"] == pytest.approx([len(before) + 1, len(before) + 1 + len(passage)], abs=60)
    assert segment["work"] == pytest.approx([len(told(story[:20])) + 1, len(told(story[:32])) + 1], abs=90)
    assert "sentences that say the same" in telling(segment)


def test_the_same_sentences_in_another_order_say_less(understanding):
    story = tale(3, 60)
    index = index_of({"story": told(story)})
    shuffled = random.Random(1).sample(story[20:32], 12)
    strengths = [
        max((f.evidence.strength for f in _found(retold(s, 7), index) if f.evidence.scheme == MEANING), default=0.0)
        for s in (story[20:32], shuffled)
    ]
    assert strengths[0] > 2 * strengths[1]


def test_nothing_is_claimed_of_matter_that_the_codebook_does_not_speak_of(understanding, monkeypatch):
    story = tale(3, 60)
    index, passage = index_of({"story": told(story)}), retold(story[20:32], 7)
    assert any(f.evidence.scheme == MEANING for f in _found(passage, index))
    monkeypatch.setattr(text_meaning_compare, "KNOWN", 0.54)
    assert not any(f.evidence.scheme == MEANING for f in _found(passage, index))


def test_sentences_of_another_language_are_no_matter_that_is_known():
    def text_of(near: int) -> Fingerprint:
        payload = np.full((10, SIZE + 3), near, np.uint8)
        return make(SCHEMES[MEANING], np.arange(10, dtype=np.int32), payload)

    path = [(2, 3), (3, 4)]
    prose, commands, latin = text_of(160), text_of(120), text_of(NOT_ENGLISH)
    assert text_meaning_compare._known(prose, prose, path)
    assert not any(text_meaning_compare._known(prose, other, path) for other in (commands, latin))
    assert not text_meaning_compare._known(latin, prose, path)


def test_what_an_output_says_again_and_again_counts_for_less():
    rows = np.random.default_rng(8).standard_normal((130, SIZE)).astype(np.float32)
    work, output = rows[:60], rows[60:120].copy()
    output[0] = work[20] + 0.7 * rows[120]
    once = output.copy()
    for k, row in enumerate((16, 32, 48)):
        output[row] = work[20] + 0.7 * rows[121 + k]
    told_once, told_often = (gains(_of(said), _of(work), np.arange(60), np.arange(60))[1][0, 20] for said in (once, output))
    assert told_once == pytest.approx(text_meaning_compare.AT_MOST) and told_often < 0.15


def _of(vectors: np.ndarray) -> Fingerprint:
    """A text of sentences with these vectors."""
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    cells, near = nearest_cells(unit)
    near = np.rint(255 * near).astype(np.uint8)
    payload = np.hstack([packed(unit), near[:, None], cells[:, :1].astype("<u2").view(np.uint8)])
    return make(SCHEMES[MEANING], np.arange(len(unit), dtype=np.int32), payload)


def _found(words: str, index: MemoryIndex):
    from matcher.find import findings

    return findings(media(text.probes(document(words))), index)


def test_one_sentence_alone_is_no_retelling(understanding):
    story = tale(3, 60)
    before, after = (told(tale(seed, 4, APART), seed) for seed in (5, 6))
    probe = text.probes(document(f"{before} {retold(story[30:31], 7)} {after}"))
    assert not any(m.listed for m in scan_media("o", media(probe), index_of({"story": told(story)})).matches)


def test_what_is_copied_is_told_as_a_copy(understanding):
    story = tale(3, 60)
    whole = told(story)
    index = index_of({"story": whole})
    report = scan_media("o", media(text.probes(document(whole[len(told(story[:20])) : len(told(story[:32]))]))), index)
    assert [m.relation for m in report.matches] == ["copy"]
    assert all(e.scheme != MEANING for _, e in report.matches[0].segments)


def test_texts_that_are_not_english_have_no_meaning(understanding):
    words = "Einen ganzen trüben, dunklen und lautlosen Herbsttag lang war ich durch einen öden Landstrich geritten. " * 4
    assert len(text_meaning.registered(words)) == 0
    assert text_meaning.asked(words).keys.shape == (0, ASKED)


def test_registries_with_and_without_it_are_read_by_both(understanding, monkeypatch):
    story = tale(3, 40)
    with_it = text.features(document(told(story)))
    with monkeypatch.context() as patch:
        patch.setattr(text, "installed", lambda: False)
        without_it = text.features(document(told(story)))
        plain_probe = text.probes(document(told(story[5:25])))
    assert without_it.of(MEANING) is None and with_it.of(MEANING) is not None
    assert [f.scheme for f in with_it.fingerprints if f.scheme != MEANING] == [f.scheme for f in without_it.fingerprints]
    for stored in (with_it, without_it):
        for probe in (plain_probe, text.probes(document(told(story[5:25])))):
            report = scan_media("o", media(probe), MemoryIndex([("story", (stored,))], schemes()))
            assert [m.work_id for m in report.matches] == ["story"]


def test_another_model_is_refused(tmp_path: Path, monkeypatch):
    other = tmp_path / "model.safetensors"
    other.write_bytes(b"another")
    monkeypatch.setattr(text_meaning, "_weights", lambda: other)
    text_meaning._network.cache_clear()
    with pytest.raises(BylineError, match="another model"):
        text_meaning._network()
    text_meaning._network.cache_clear()


@needs_network
def test_the_network_tells_a_paraphrase_from_other_sentences():
    said = ["The old sailor mended his nets by the harbour wall.", "She sold the farm after the third bad harvest."]
    again = [
        "By the quay an aged seaman was repairing fishing nets.",
        "When crops failed a third time she gave up her fields.",
    ]
    likeness = components(text_meaning.encoded(said)) @ components(text_meaning.encoded(again)).T
    assert min(likeness[0, 0], likeness[1, 1]) > 0.4 > max(likeness[0, 1], likeness[1, 0])
