"""Texts in seven other languages, word by word in English: a translation keeps what is told, and its order.

A dictionary tells which English words may stand for a foreign one; stems (Snowball, Porter 2001) meet where endings differ. All
of them are tried side by side, as in retrieval across languages (Ballesteros and Croft, SIGIR 1997; Pirkola, SIGIR 1998): which
one is meant is told by the other text. Names and numbers, and words that are written alike, stay as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fingerprint.hashing import Int32, Int64, UInt8, UInt64, changes
from fingerprint.text_background import UNKNOWN, Float32, rarity
from fingerprint.text_fold import Bool, fold, word_hashes
from fingerprint.text_forms import Forms, forms_of

FILE = Path(__file__).with_name("text_gloss.txt")
ENGLISH = "english"
LANGUAGES = ("german", "french", "spanish", "italian", "portuguese", "dutch", "russian")
# Words that hold a sentence together, of which a text has many whatever it is about.
FUNCTION_WORDS = {
    "german": "der die das den dem des und ist nicht ich sie er es ein eine einen zu mit sich auf für im war wie auch von an",
    "french": "le la les des et est une un que qui dans pas il elle sur pour ne ce se du au par plus avec son sa était",
    "spanish": "el la los las y que de en un una por con no se su para lo como más del al pero sus era había",
    "portuguese": "o a os as um uma de do da dos que e não com para por se no na em mais como mas ao ele ela foi seu sua",
    "dutch": "de het een en van ik is niet dat die in op te zijn was met voor hij zij ze haar hem aan er maar om had ook bij nog",
    "russian": "и в не на я он она что с как это но по из к за от так его её же было был бы у о все мы они",
    "italian": "il lo la le gli di che e un una per non con del della si come più era nel alla sono da al suo",
}
ENGLISH_WORDS = "the of and to in that he was it his with for i a as do no is you not at be on but have she they this which by"
AROUND = 30  # words before and behind each by which its language is told
LEAST_SHARE = 0.15  # of them that these are, of their language
LEAST_UNKNOWN = 0.22  # of them that the table of frequencies does not know, where another language may be spoken at all,
STILL_UNKNOWN = 0.12  # and around which its words are looked for
LEAST_SPOKEN = 15  # words of a language, fewer of which tell nothing
MOST_MEANINGS, MOST_ASKED = 4, 2  # English words that one foreign word is taken for, and of them those that are keys
LEAST_PART = 3  # letters of each of the two words that a German one may be put together of
LEAST_VERB = 5  # letters of a verb that a form is led back to
VERB_ENDINGS = ("etest", "etet", "eten", "ete", "test", "tet", "ten", "te", "est", "et", "st", "t", "ende", "enden", "end")
PREFIXES = (
    "ab an auf aus bei durch ein empor fort heim her heran heraus herein herum herunter hervor hin hinaus hinein hinunter los "
    "mit nach nieder um unter vor vorbei weg weiter wieder zu zurück zusammen"
)
SEPARABLE = tuple(PREFIXES.split())  # from verbs
LINKS = ("", "s", "es", "n", "en")  # what may stand between the two parts of a word
APART = re.compile(r"['’‘`´ʼ-]+")


@dataclass(frozen=True)
class Gloss:
    """The dictionary of one language: of each stem the rows of English words, the likeliest first; and those words' hashes."""

    meanings: dict[str, tuple[int, ...]]
    stemmer: Any
    words: UInt64

    def stems(self, words: Sequence[str]) -> list[str]:
        """The stem of each word, without accents."""
        return [_plain(stem) for stem in self.stemmer.stemWords(list(words))]


@dataclass(frozen=True)
class English:
    """The words of a foreign text in English: columns of one length, in the order of its words; what one of them may mean, one
    after the other, the likeliest first.

    language  one of LANGUAGES
    word      int64: row of the foreign word
    hashes    uint64: of the English one, or of a word that stays as it is
    names     bool: of those that stay, whether it is a name or a number
    """

    language: str
    word: Int64
    hashes: UInt64
    names: Bool

    def forms(self) -> Forms:
        """Every form of every meaning, as `together` gives them; `word` is the row of the foreign word."""
        return together(self.word, self.hashes, self.names)


def together(word: Int64, hashes: UInt64, names: Bool) -> Forms:
    """The Forms of what words may mean: English words with these hashes, those of one word one after the other. `joint` tells how
    often any form of any meaning of the word is written. names: as for forms_of.
    """
    found = forms_of(hashes, names)
    row = word[found.word]
    share = np.where(changes(found.word), 10.0 ** -found.joint.astype(np.float64), 0.0)
    return Forms(row, found.form, found.head, -np.log10(np.bincount(row, share)[row]).astype(np.float32))


def language_of(words: Sequence[str]) -> str:
    """The language of LANGUAGES that most of these words, in small letters, are in; "" for any other."""
    spoken = np.bincount(_spoken(np.array(words, np.str_), np.arange(len(words))), minlength=len(LANGUAGES) + 1)
    return [*LANGUAGES, ""][int(spoken.argmax())] if len(words) else ""


def headwords() -> list[str]:
    """The English words of the dictionary, in the order of its rows."""
    return [line.split("|", 1)[0] for line in FILE.read_text(encoding="utf-8").splitlines()]


@lru_cache(maxsize=len(LANGUAGES))
def gloss(language: str) -> Gloss:
    """The shipped dictionary of that language."""
    import Stemmer

    stemmer, column = Stemmer.Stemmer(language), LANGUAGES.index(language) + 1
    lines = [line.split("|") for line in FILE.read_text(encoding="utf-8").splitlines()]
    entries = [(place, row, word) for row, fields in enumerate(lines) for place, word in enumerate(fields[column].split())]
    found: dict[str, list[int]] = defaultdict(list)
    for (_, row, _), stem in zip(sorted(entries), stemmer.stemWords([word for *_, word in sorted(entries)]), strict=True):
        found[_plain(stem)].append(row)
    meanings = {stem: tuple(dict.fromkeys(rows))[:MOST_MEANINGS] for stem, rows in found.items()}
    return Gloss(meanings, stemmer, word_hashes(fold("\n".join(fields[0] for fields in lines))))


def _plain(word: str) -> str:
    """Without accents."""
    return word if word.isascii() else "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


def meanings_of(words: Sequence[str], language: str) -> list[tuple[int, ...]]:
    """For each word, in small letters, the rows of the dictionary that it may mean; of one that German puts together those of
    both its parts.
    """
    known = gloss(language)
    found = [known.meanings.get(stem, ()) for stem in known.stems(words)]
    for k in (k for k, rows in enumerate(found) if not rows):
        # Of l'idée or dell'anno the last piece tells, of pouvait-on the first: the longest.
        pieces = sorted((piece for piece in APART.split(words[k]) if piece), key=len, reverse=True)
        if len(pieces) > 1:
            found[k] = _first(known, known.stems(pieces))
        elif language == "german":
            found[k] = _german(words[k])
    return found


@lru_cache(maxsize=1 << 17)
def _german(word: str) -> tuple[int, ...]:
    """The same of a German word whose stem the dictionary does not know: remembered, as most texts have the same ones."""
    known = gloss("german")
    return _first(known, known.stems(infinitives(word))) or _parts(word, known)


def infinitives(word: str) -> list[str]:
    """German verbs of which a word may be a form: fürchtete, geliebt, aufgemacht, aufzumachen. The stemmer knows no endings of
    the past and no participles.
    """
    stems = [word.removesuffix(ending) for ending in VERB_ENDINGS if word.endswith(ending)]
    verbs = [stem + "en" for stem in stems]
    prefixes = [prefix for prefix in SEPARABLE if word.startswith(prefix)] if word.startswith(SEPARABLE) else []
    for before in ("", *prefixes):
        for mark in ("ge", "zu"):
            inside = before + mark
            if word.startswith(inside):
                bare = [stem.removeprefix(inside) + "en" for stem in (*stems, word.removesuffix("en"))]
                verbs += [before + verb for verb in bare] + (bare if before else [])
    return [verb for verb in verbs if len(verb) >= LEAST_VERB]


def _first(known: Gloss, stems: Iterable[str]) -> tuple[int, ...]:
    return next((rows for stem in stems if (rows := known.meanings.get(stem))), ())


def _parts(word: str, known: Gloss) -> tuple[int, ...]:
    """What the two words mean that one may be put together of, the longest second one first: the likeliest of each."""
    cuts = range(LEAST_PART, len(word) - LEAST_PART + 1)
    for cut, last in zip(cuts, known.stems([word[cut:] for cut in cuts]), strict=True):
        if last not in known.meanings:
            continue
        before = [word[:cut].removesuffix(link) for link in LINKS if word[:cut].endswith(link)]
        if own := _first(known, known.stems([first for first in before if len(first) >= LEAST_PART])):
            return known.meanings[last][0], own[0]
    return ()


def maybe_foreign(rarities: Float32) -> Int64:
    """Rows, rising, of the words of a text, of these rarities, around which another language than English may be spoken: a quick
    look, by how many words the table of frequencies does not know.
    """
    if not len(rarities):
        return np.zeros(0, np.int64)
    unknown = _around(rarities >= UNKNOWN)
    return np.flatnonzero(_around(unknown >= STILL_UNKNOWN)) if unknown.max() >= LEAST_UNKNOWN else np.zeros(0, np.int64)


def in_english(
    text: str, hashes: UInt64, starts: Int32, lengths: UInt8, names: Bool, rarities: Float32 | None = None
) -> list[English]:
    """The words of a text in English, for each of LANGUAGES in which some of it is: an answer may begin and end in another one.

    hashes, starts, lengths: of its words, as `fold` finds them. names: which may be names, or are numbers. rarities: of the
    words, where they are known already.
    """
    rows = maybe_foreign(rarity(hashes) if rarities is None else rarities)
    if not len(rows):
        return []
    different, first, number = np.unique(hashes[rows], return_index=True, return_inverse=True)
    begin = starts[rows[first]]
    ends = begin + lengths[rows[first]]
    written = np.array([text[a:b].lower() for a, b in zip(begin.tolist(), ends.tolist(), strict=True)])
    spoken = _spoken(written, number)
    found = []
    for place, language in enumerate(LANGUAGES):
        here = np.flatnonzero(spoken == place)
        if len(here) >= LEAST_SPOKEN:
            told = _glossed(language, written, number, different, here, names[rows])
            found.append(English(language, rows[told.word], told.hashes, told.names))
    return found


def _spoken(written: npt.NDArray[np.str_], number: Int64) -> Int64:
    """int64[words]: which of LANGUAGES is spoken around each word, the words being written[number]; another number for others."""
    lists = [*(FUNCTION_WORDS[name] for name in LANGUAGES), ENGLISH_WORDS]
    share = np.stack([_around(np.isin(written, words.split())[number]) for words in lists])
    best = share.argmax(axis=0)
    # What English has as many of is English; where there are few of any, as in a list of names, the language is that before it.
    best[share[-1] >= share.max(axis=0)] = len(LANGUAGES)
    told = np.flatnonzero(share.max(axis=0) >= LEAST_SHARE)
    if not len(told):
        return np.full(len(number), len(LANGUAGES))
    return np.asarray(best[told[np.maximum(np.searchsorted(told, np.arange(len(number)), "right") - 1, 0)]], np.int64)


def _around(which: Bool) -> npt.NDArray[np.float64]:
    """float64[words]: of the words around each, as many as there are, the share of these."""
    sums = np.concatenate([[0], np.cumsum(which)])
    at = np.arange(len(which))
    low, high = np.maximum(at - AROUND, 0), np.minimum(at + AROUND + 1, len(which))
    return np.asarray((sums[high] - sums[low]) / (high - low))


def _glossed(language: str, written: npt.NDArray[np.str_], number: Int64, different: UInt64, here: Int64, names: Bool) -> English:
    """The words `here` of a text whose words are written[number], of hashes different[number]."""
    some, place = np.unique(number[here], return_inverse=True)
    told = meanings_of(written[some].tolist(), language)
    count = np.array([len(rows) for rows in told], np.int64)
    telling = ~np.isin(written[some], FUNCTION_WORDS[language].split())
    stays = ((rarity(different[some]) < UNKNOWN) & telling)[place] | names[here]
    # A row for each meaning of each word, and one for each word that the dictionary does not know and that stays as it is.
    meant = gloss(language).words[np.array([row for rows in told for row in rows], np.int64)]
    times = count[place]
    word = np.repeat(np.arange(len(here)), times)
    inside = np.arange(len(word)) - np.repeat(np.cumsum(times) - times, times)
    kept = np.flatnonzero((times == 0) & stays)
    rows = np.concatenate([word, kept])
    order = np.argsort(rows, kind="stable")
    english = np.concatenate([meant[(np.cumsum(count) - count)[place][word] + inside], different[number[here[kept]]]])
    is_name = np.concatenate([np.zeros(len(word), bool), names[here[kept]]])
    return English(language, here[rows[order]], english[order], is_name[order])


def told_by(words: Sequence[str], language: str, least: float) -> list[tuple[int, ...]]:
    """For each word, in small letters, what its meanings are told by, those rarer than `least`; an English one means itself."""
    table = gloss(language).words if language else np.zeros(0, np.uint64)
    meant = [table[list(rows)] for rows in meanings_of(words, language)] if language else [table] * len(words)
    own = [m if len(m) else word_hashes(fold(word))[:1] for m, word in zip(meant, words, strict=True)]
    row = np.repeat(np.arange(len(own)), [len(m) for m in own])
    forms = forms_of(np.concatenate([np.zeros(0, np.uint64), *own]), np.ones(len(row), bool))
    return heads_of(Forms(row[forms.word], forms.form, forms.head, forms.joint), len(words), least)


def heads_of(forms: Forms, words: int, least: float) -> list[tuple[int, ...]]:
    """For each of so many words the heads of those of its meanings that are rarer than `least`."""
    told: list[tuple[int, ...]] = [()] * words
    first = (changes(forms.word) | changes(forms.head)) & (forms.joint >= least)
    for word, head in zip(forms.word[first].tolist(), forms.head[first].tolist(), strict=True):
        told[word] += (head,)
    return told


def keys_of(forms: Forms, least: float) -> tuple[Int64, UInt64]:
    """Of the MOST_ASKED likeliest meanings of each word, of those whose forms together are rarer than `least`: the rarest form,
    which any text with another form of it asks for as well. Rows of the text's words, rising, and hashes.
    """
    meaning = np.flatnonzero(changes(forms.word) | changes(forms.head))
    size = np.diff(np.append(meaning, len(forms.word)))
    rare, rows = rarity(forms.form), np.repeat(np.arange(len(meaning)), size)
    order = np.lexsort((forms.form, -rare, rows))
    order = order[changes(rows[order])]
    word = forms.word[order]
    first = np.flatnonzero(changes(word))
    rank = np.arange(len(word)) - np.repeat(first, np.diff(np.append(first, len(word))))
    order = order[(rank < MOST_ASKED) & (forms.joint[order] >= least)]
    return forms.word[order], forms.form[order]
