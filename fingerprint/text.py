"""Text: winnowed letter n-grams, rare words and MinHash of passages find candidates, a stream of word hashes aligns them.

Positions are code points of the text that `documents.read_document` gives: the file's own characters for plain formats
(HTML, subtitles and Markdown included, newlines as they are), the extracted text for docx, epub, pdf, rtf and film.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fingerprint import text_meaning, text_style
from fingerprint.documents import Document, read_document
from fingerprint.features import Fingerprint, Part, Scheme, make
from fingerprint.hashing import Int32, Int64, UInt8, UInt64, mix, winnow
from fingerprint.medium import Medium
from fingerprint.text_background import STEP, Float32, rarity, rarity_after
from fingerprint.text_compare import compare, promising
from fingerprint.text_fold import Bool, Folded, code_points, fold, gram_hashes, word_hashes
from fingerprint.text_forms import Forms, forms_of, is_foreign, names_and_numbers
from fingerprint.text_gloss import ENGLISH, in_english, keys_of, maybe_foreign
from fingerprint.text_meaning import installed
from fingerprint.text_minhash import SCHEME as PASSAGES
from fingerprint.text_minhash import overlapping, side_by_side
from fingerprint.text_retelling import FORMULA_BELOW, TELLING_FROM
from fingerprint.text_stream import FORMS, GLOSS, GLOSS_WORDS, GRAMS, RARE, STREAM
from fingerprint.text_synonyms import SYNONYMS, with_synonyms

GRAM = 12  # letters: three words on average, so that a run of three words between two changes can hold one
WINDOW = 48  # of the registry: one gram in 24 letters
ASKED = 0.1  # of all grams, those with the least hashes: of the grams that are least of 48 they are .98
RARE_FROM = 4.5  # log10: a word written at most once in 30,000
RARE_HITS = 1 << 13  # a dozen for each of a thousand words; commoner keys have more of chance than of truth
RARE_APART = 3000  # code points in which a registered rare word counts once
BLOCK = 1 << 19  # letters folded into grams at a time
COUNTING = 1.0  # rarity of a number of one or two digits, or a Roman one
ROMAN = re.compile(r"\b(?=[IVXLC])C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?<=[IVXLC])\b")
MOST_IN_SYNONYMS = 500  # words of a text that is looked up in synonyms too: a longer one has more words to be found by
MEANT_FROM = 3.5  # joint rarity from which the meaning of a foreign word is a key, in one of its forms,
MEANT_IN_LONG = 3.8  # and from which a longer English text asks for it
KEY_BYTES = 5  # 40 bits tell 100 million texts apart


def _keys(scheme: str, payload: UInt8) -> Int64:
    wide = np.zeros((len(payload), 8), np.uint8)
    wide[:, :KEY_BYTES] = payload
    return mix(wide.view("<u8"), scheme)


def gram_keys(payload: UInt8) -> Int64:
    """Keys of GRAMS."""
    return _keys(GRAMS, payload)


def rare_keys(payload: UInt8) -> Int64:
    """Keys of RARE."""
    return _keys(RARE, payload)


def gloss_keys(payload: UInt8) -> Int64:
    """Keys of GLOSS."""
    return _keys(GLOSS, payload)


GLOSS_SCHEME = Scheme(
    GLOSS,
    "text",
    1.0,
    KEY_BYTES,
    gloss_keys,
    aligner="chain",
    tolerance=1000.0,
    reach=900.0,
    most_hits=RARE_HITS,
    turn=3,
    optional=True,
)
GLOSS_WORDS_SCHEME = Scheme(GLOSS_WORDS, "text", 1.0, 2, indexed=False, aligner="none", optional=True)
SCHEMES = (
    Scheme(GRAMS, "text", 1.0, KEY_BYTES, gram_keys, aligner="band", tolerance=60.0, reach=600.0, turn=1),
    Scheme(RARE, "text", 1.0, KEY_BYTES, rare_keys, aligner="chain", tolerance=1000.0, reach=900.0, most_hits=RARE_HITS, turn=2),
    Scheme(STREAM, "text", 1.0, 2, indexed=False, aligner="none"),
    PASSAGES,
    Scheme(FORMS, "text", 1.0, 5, indexed=False, aligner="none", stored=False, ground=STREAM),
    text_style.STYLE,
    GLOSS_SCHEME,
    GLOSS_WORDS_SCHEME,
    text_meaning.SCHEME,
)


def decode(path: Path) -> Document:
    """The text of this file. Raises UnreadableMedia."""
    return read_document(path)


def features(document: Document) -> Part:
    """What the registry stores: thin grams, rare words once a stretch, the stream of words in 16 bits each, passages; the
    manner; of a text in another language than English what its words mean; and what sentences mean, with the extra.
    """
    folded = fold(document.words)
    hashes = word_hashes(folded)
    starts = folded.origin[folded.words]
    rarities = rarity(hashes)
    rare = np.flatnonzero(rarities >= RARE_FROM)
    rare = rare[_first_in_stretch(hashes[rare], starts[rare])]
    return Part(
        "text",
        (float(len(document.text)),),
        (
            _grams(folded, WINDOW),
            make(SCHEMES[1], starts[rare], _bytes(hashes[rare] >> np.uint64(24), KEY_BYTES)),
            make(SCHEMES[2], starts, _bytes(hashes, 2)),
            side_by_side(hashes, starts),
            text_style.fingerprint(folded, hashes),
            *_in_english(document.words, folded, hashes, rarities),
            *([text_meaning.registered(document.words)] if installed() else []),
        ),
    )


def _in_english(words: str, folded: Folded, hashes: UInt64, rarities: Float32) -> tuple[Fingerprint, ...]:
    """What the words of a foreign text mean in English: those that are rare, once a stretch; and all, in 16 bits each."""
    if not len(maybe_foreign(rarities)):
        return ()
    starts, counting = folded.origin[folded.words], _counting(words, folded)
    names = names_and_numbers(words, starts) & ~counting
    told = in_english(words, hashes, starts, _lengths(folded)[:, 0], names, rarities)
    if not told:
        return ()
    word, english = (np.concatenate([getattr(e, column) for e in told]) for column in ("word", "hashes"))
    order = np.argsort(word, kind="stable")
    row, form = (np.concatenate(column) for column in zip(*(keys_of(e.forms(), MEANT_FROM) for e in told), strict=True))
    rising = np.argsort(row, kind="stable")
    row, form = row[rising], form[rising]
    once = _first_in_stretch(form, starts[row])
    rare = make(GLOSS_SCHEME, starts[row[once]], _bytes(form[once] >> np.uint64(24), KEY_BYTES))
    return rare, make(GLOSS_WORDS_SCHEME, starts[word[order]], _bytes(english[order], 2))


def manner(document: Document) -> Fingerprint:
    """How the text is written, whatever it tells."""
    folded = fold(document.words)
    return text_style.fingerprint(folded, word_hashes(folded))


def probes(document: Document) -> Part:
    """What is looked up: denser grams and passages, rare words in every form, the stream with each word's length and rarity;
    and the forms of every word that tells something; of a foreign text both also of its words in English, of a short one also of
    their synonyms, as variants; and what sentences mean, with the extra.
    """
    folded = fold(document.words)
    hashes = word_hashes(folded)
    starts = folded.origin[folded.words]
    lengths, counting = _lengths(folded), _counting(document.words, folded)
    rarities = rarity(hashes)
    alone, after = (np.where(counting, np.minimum(r, COUNTING), r) for r in (rarities, rarity_after(hashes)))
    names = names_and_numbers(document.words, starts)
    said = (after >= FORMULA_BELOW) & ~counting
    forms = forms_of(hashes, names)
    asked = [*_to_ask(forms, starts, ~counting, said), _meant(forms, starts, ENGLISH)]
    for english in in_english(document.words, hashes, starts, lengths[:, 0], names & ~counting, rarities):
        language, translated = english.language, english.forms()
        asked += [*_to_ask(translated, starts, ~counting, ~counting, language), _meant(translated, starts, language)]
    if len(hashes) <= MOST_IN_SYNONYMS and not is_foreign(alone):
        asked += _to_ask(with_synonyms(hashes, names), starts, ~counting, said, SYNONYMS)
    columns = [_bytes(hashes, 2), lengths, _steps(alone), _steps(after)]
    return Part(
        "text",
        (float(len(document.text)),),
        (
            _grams_to_ask(folded),
            make(SCHEMES[2], starts, np.concatenate(columns, axis=1)),
            overlapping(hashes, starts),
            *asked,
            *([text_meaning.asked(document.words)] if installed() else []),
        ),
    )


def _to_ask(forms: Forms, starts: Int32, rare: Bool, telling: Bool, variant: str = "") -> tuple[Fingerprint, Fingerprint]:
    """Rare words in every form, of those in `rare`; and the forms of the words in `telling` that tell something."""
    row = np.flatnonzero((rarity(forms.form) >= RARE_FROM) & rare[forms.word])
    asked = make(SCHEMES[1], starts[forms.word[row]], _bytes(forms.form[row] >> np.uint64(24), KEY_BYTES), variant=variant)
    row = np.flatnonzero((forms.joint >= TELLING_FROM) & telling[forms.word])
    columns = [_bytes(forms.form[row], 2), _bytes(forms.head[row], 2), _steps(forms.joint[row])]
    return asked, make(SCHEMES[4], starts[forms.word[row]], np.concatenate(columns, axis=1), variant=variant)


def _meant(forms: Forms, starts: Int32, variant: str) -> Fingerprint:
    """By what words in English, or what foreign ones mean in it, works in other languages are looked up."""
    least = MEANT_FROM if len(starts) <= MOST_IN_SYNONYMS or variant != ENGLISH else MEANT_IN_LONG
    row, form = keys_of(forms, least)
    return make(GLOSS_SCHEME, starts[row], _bytes(form >> np.uint64(24), KEY_BYTES), variant=variant)


def _grams(folded: Folded, window: int) -> Fingerprint:
    """Winnowed grams as the registry stores them."""
    rows, hashes = _chosen(folded, window)
    return make(SCHEMES[0], folded.origin[rows], _bytes(hashes >> np.uint64(24), KEY_BYTES))


def _grams_to_ask(folded: Folded) -> Fingerprint:
    """More of them, to be looked up: those that the registry would store lead, which is enough where nothing was changed. Of the
    others the least: one of hash u (of 1) is least of 48 with (1 - u)^47 (1 + 47 u), whatever stands beside it.
    """
    rows, hashes = _chosen(folded, WINDOW)
    more = _least(folded)
    every = np.union1d(rows, more[0])
    leads = np.isin(every, rows)
    asked = np.empty(len(every), np.uint64)
    asked[np.searchsorted(every, more[0])], asked[leads] = more[1], hashes
    return make(SCHEMES[0], folded.origin[every], _bytes(asked >> np.uint64(24), KEY_BYTES), leads=leads[:, None])


def _chosen(folded: Folded, window: int) -> tuple[Int64, UInt64]:
    """Rows of winnowed grams and their hashes."""
    return _in_blocks(folded, window, lambda hashes: winnow(hashes, window))


def _least(folded: Folded) -> tuple[Int64, UInt64]:
    """The same of the grams with the least hashes."""
    limit = np.int64(round((ASKED - 0.5) * 2.0**64))
    return _in_blocks(folded, 1, lambda hashes: np.flatnonzero(hashes < limit))


def _in_blocks(folded: Folded, window: int, choose: Callable[[Int64], Int64]) -> tuple[Int64, UInt64]:
    """Rows and hashes of the grams that `choose` chooses by windows of so many, a block of windows at a time to save memory;
    blocks overlap, so that the choice is that of the whole.
    """
    parts = [(np.zeros(0, np.int64), np.zeros(0, np.uint64))]
    for start in range(0, max(1, len(folded.letters) - GRAM - window + 2), BLOCK):
        hashes = gram_hashes(folded.letters[start : start + BLOCK + window + GRAM - 2], GRAM)
        chosen = choose(hashes.view(np.int64))
        parts.append((chosen + start, hashes[chosen]))
    rows, kept = np.unique(np.concatenate([r for r, _ in parts]), return_index=True)
    hashes = np.concatenate([h for _, h in parts])[kept]
    # In a run of one letter every window has its own rightmost least: keep one.
    differs = np.diff(hashes, prepend=hashes[:1] + np.uint64(1)) != 0
    return rows[differs], hashes[differs]


def _first_in_stretch(hashes: UInt64, starts: Int32) -> Int64:
    """Rows, rising, of each word's first occurrence in each stretch of RARE_APART code points."""
    order = np.lexsort((starts, hashes))
    h, stretch = hashes[order], starts[order] // RARE_APART
    first = np.append(True, (np.diff(h) != 0) | (np.diff(stretch) != 0))[: len(order)]
    return np.sort(order[first])


def _bytes(values: UInt64, width: int) -> UInt8:
    columns: UInt8 = np.ascontiguousarray(values, "<u8").view(np.uint8).reshape(-1, 8)
    return columns[:, :width].copy()


def _lengths(folded: Folded) -> UInt8:
    """uint8[w, 1]: code points from a word's first letter to after its last."""
    last = np.append(folded.words[1:], len(folded.origin))[: len(folded.words)] - 1
    lengths: UInt8 = np.minimum(folded.origin[last] - folded.origin[folded.words] + 1, 255).astype(np.uint8)
    return lengths[:, None]


def _counting(text: str, folded: Folded) -> Bool:
    """bool[w]: numbers of one or two digits, or Roman ones. The table does not know numbers, and these count chapters, steps and
    pages.
    """
    codes = code_points(text)
    last = folded.origin[np.append(folded.words[1:], len(folded.origin))[: len(folded.words)] - 1]
    first = folded.origin[folded.words]
    digits = [(codes[at] >= 0x30) & (codes[at] <= 0x39) for at in (first, last)]
    short: Bool = digits[0] & digits[1] & (last - first <= 1)
    return short | np.isin(first, [m.start() for m in ROMAN.finditer(text)])


def _steps(rarities: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> UInt8:
    steps: UInt8 = np.round(rarities / STEP).astype(np.uint8)
    return steps[:, None]


SUFFIXES = (
    ".txt", ".md", ".markdown", ".html", ".htm", ".xhtml", ".epub", ".docx", ".pdf", ".rtf", ".srt", ".vtt", ".fountain", ".adoc",
    ".asc", ".rst", ".tex", ".py", ".js", ".ts", ".c", ".h", ".cpp", ".java", ".go", ".rs",
)  # fmt: skip

TEXT = Medium("text", SUFFIXES, SCHEMES, decode, features, probes, compare, distinct=promising, manner=manner)
