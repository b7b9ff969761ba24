"""Folding text to letters and words that survive retyping, each with its place in the original.

Case, accents, quotes, ligatures, full-width and mathematical letters, look-alikes from other scripts, soft hyphens,
zero-width characters, hyphens at line ends, re-wrapping, Markdown marks and spaced-out letters all fold away.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fingerprint.hashing import Int32, Int64, UInt8, UInt64, seed_of

UInt32 = npt.NDArray[np.uint32]
Bool = npt.NDArray[np.bool_]

# What a code point does: nothing, ends a word, is letters, is a hyphen, ends a line, is a letter that is a word by itself.
IGNORED, BREAK, LETTER, HYPHEN, NEWLINE, ALONE = range(6)
SPACED_RUN = 6  # so many one-letter words in a row are spaced-out letters
MAX_HYPHEN_INDENT = 8
MAX_WORD = 64
HYPHENS = frozenset("-\u2010\u2011\u00ad\u2043")
JOINED = frozenset("'’‘`´ʼ′＇*_^~·\u2060\ufeff")  # apostrophes and marks inside a word
# Letters of other scripts that look like Latin ones, made by eye: what homoglyph tools put in. Capitals apart where they
# look like another letter than their small form.
LOOKS_LIKE = {
    "a": "аɑαᴀ", "b": "вьβʙƅ", "c": "сϲᴄ", "d": "ԁɗᴅ", "e": "еєεҽᴇ", "f": "ғꜰ", "g": "ɡցԍɢ", "h": "һнհʜ", "i": "іıιɩɪ",
    "j": "јյϳᴊ", "k": "кκᴋ", "l": "ӏʟǀ", "m": "мᴍ", "n": "ոηɴп", "o": "оοօσᴏ", "p": "рρᴘ", "q": "ԛգ", "r": "гʀ", "s": "ѕʂꜱ",
    "t": "тτᴛ", "u": "υսᴜ", "v": "νѵᴠ", "w": "ԝшᴡ", "x": "хχ", "y": "уγүʏ", "z": "ᴢʐ",
}  # fmt: skip
# Letters that Unicode does not take apart.
JOINED_LETTERS = {"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ŧ": "t"}
LOOK_ALIKES = str.maketrans({like: letter for letter, likes in LOOKS_LIKE.items() for like in likes} | JOINED_LETTERS)
LOOK_ALIKE_CAPITALS = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abezhikmnoptyx")
LETTER_SEED = "text.letter.1"


@dataclass(frozen=True)
class Folded:
    """Letters and words of a text.

    letters  uint64[m], one well-mixed number a folded letter
    origin   int32[m], its code point in the text, rising
    words    int32[w], row of each word's first letter
    length   code points of the text
    """

    letters: UInt64
    origin: Int32
    words: Int32
    length: int


@lru_cache(maxsize=1 << 16)
def folded_character(code: int) -> tuple[int, str]:
    """What a code point does, and its letters."""
    character = chr(code)
    if character in HYPHENS:
        return HYPHEN, ""
    if character in "\n\r\v\f\u2028\u2029\x85":
        return NEWLINE, ""
    category = unicodedata.category(character)
    if character in JOINED or category in ("Cf", "Mn", "Me", "Cc", "Cs", "Sk") and not character.isspace():
        ignored = unicodedata.combining(character) != 0 or category != "Mn" or 0xFE00 <= code <= 0xFE0F
        return (IGNORED, "") if ignored else (LETTER, character)
    plain = unicodedata.normalize("NFKD", character).translate(LOOK_ALIKE_CAPITALS).casefold()
    letters = unicodedata.normalize("NFKD", plain).translate(LOOK_ALIKES)
    if 0xAC00 <= code <= 0xD7A3:  # Hangul syllables stay whole
        letters = character
    letters = "".join(c for c in letters if unicodedata.category(c)[0] in "LN" or unicodedata.category(c) == "Mc")
    if not letters:
        return BREAK, ""
    return (ALONE if is_alone(code) else LETTER), letters


def is_alone(code: int) -> bool:
    """Scripts written without spaces: each character counts as a word."""
    return (
        0x3040 <= code <= 0x30FF
        or 0x3400 <= code <= 0x9FFF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x3FFFF
        or 0x0E00 <= code <= 0x0EFF
    )


def code_points(text: str) -> UInt32:
    """uint32[n]"""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def fold(text: str) -> Folded:
    """The Folded form of a text."""
    codes = code_points(text)
    if not len(codes):
        return Folded(np.zeros(0, np.uint64), np.zeros(0, np.int32), np.zeros(0, np.int32), 0)
    present = np.zeros(int(codes.max()) + 1, bool)
    present[codes] = True
    distinct = np.flatnonzero(present)
    what = [folded_character(int(code)) for code in distinct]
    kinds = np.zeros(len(present), np.uint8)
    kinds[distinct] = [kind for kind, _ in what]
    kind = kinds[codes]
    _join_lines(codes, kind)
    at = np.flatnonzero((kind == LETTER) | (kind == ALONE)).astype(np.int32)
    breaks = np.cumsum((kind == BREAK) | (kind == NEWLINE), dtype=np.int32)[at]
    alone = kind[at] == ALONE
    new = np.diff(breaks, prepend=-1) > 0
    new[1:] |= alone[1:] | alone[:-1]
    letters, at, new = _expanded(codes, at, new, distinct, what, len(present))
    words = np.flatnonzero(new).astype(np.int32)
    return Folded(letters, at, _without_spacing(words, at), len(codes))


def _join_lines(codes: UInt32, kind: UInt8) -> None:
    """Hyphens: two in a row are a dash and break; at a line's end they join, with the newline and indent after them."""
    hyphens = np.flatnonzero(kind == HYPHEN)
    if not len(hyphens):
        return
    kind[hyphens] = IGNORED
    inner = hyphens[(hyphens > 0) & (hyphens < len(codes) - 2)]
    dashes = inner[(codes[inner] == 0x2D) & ((codes[inner + 1] == 0x2D) | (codes[inner - 1] == 0x2D))]
    kind[dashes] = BREAK
    ends = inner[(kind[inner - 1] == LETTER) & (kind[inner + 1] == NEWLINE) & (kind[inner] == IGNORED)] + 1
    for _ in range(MAX_HYPHEN_INDENT):
        ends = ends[ends < len(codes) - 1]
        ends = ends[(kind[ends] == NEWLINE) | (codes[ends] == 0x20) | (codes[ends] == 0x09)]
        kind[ends] = IGNORED
        ends = ends + 1


def _expanded(
    codes: UInt32, at: Int32, new: Bool, distinct: Int64, what: list[tuple[int, str]], size: int
) -> tuple[UInt64, Int32, Bool]:
    """Letters as mixed numbers; code points that fold to several letters stand several times."""
    first, count = np.zeros(size, np.uint64), np.ones(size, np.uint8)
    several: list[tuple[int, str]] = []
    for code, (_, letters) in zip(distinct.tolist(), what, strict=True):
        if letters:
            first[code], count[code] = letter_number(letters[0]), min(len(letters), 8)
            if len(letters) > 1:
                several.append((code, letters[:8]))
    if not several:
        return first[codes[at]], at, new
    times = count[codes[at]]
    origin = np.repeat(at, times)
    place = np.cumsum(times, dtype=np.int64) - times  # row of each code point's first letter
    values, begins = first[codes[origin]], np.zeros(len(origin), bool)
    begins[place] = new
    for code, letters in several:
        rows = place[codes[at] == code]
        for k in range(1, len(letters)):
            values[rows + k] = letter_number(letters[k])
    return values, origin, begins


@lru_cache(maxsize=1 << 16)
def letter_number(letter: str) -> int:
    """64 well-mixed bits for a letter: splitmix64 of its code point."""
    x = ord(letter) ^ seed_of(LETTER_SEED)
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return x ^ x >> 31


def _without_spacing(words: Int32, origin: Int32) -> Int32:
    """Starts of words, with runs of s p a c e d letters put together: there a word ends only at a wider gap."""
    if len(words) < SPACED_RUN:
        return words
    single = np.diff(words, append=len(origin)) == 1
    edges = np.flatnonzero(np.diff(np.concatenate([[False], single, [False]]).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]
    runs = (ends - begins) >= SPACED_RUN
    if not runs.any():
        return words
    keep = np.ones(len(words), bool)
    gaps = np.diff(origin[words], prepend=-99)
    for begin, end in zip(begins[runs].tolist(), ends[runs].tolist(), strict=True):
        keep[begin + 1 : end] = gaps[begin + 1 : end] > gaps[begin + 1 : end].min() + 1
    return words[keep]


def word_hashes(folded: Folded) -> UInt64:
    """uint64[w], one a word: a polynomial in its letters, well mixed."""
    if not len(folded.words):
        return np.zeros(0, np.uint64)
    lengths = np.diff(folded.words, append=len(folded.letters))
    inside = np.arange(len(folded.letters), dtype=np.int32) - np.repeat(folded.words, lengths)
    powers = np.full(MAX_WORD, 0x9E3779B97F4A7C15, np.uint64).cumprod(dtype=np.uint64)
    return scrambled(np.add.reduceat(folded.letters * powers[np.minimum(inside, MAX_WORD - 1)], folded.words))


def gram_hashes(letters: UInt64, size: int) -> UInt64:
    """uint64[m - size + 1], one for each run of `size` letters, well mixed; none of fewer. By doubling: log2(size) passes."""
    if len(letters) < size:
        return np.zeros(0, np.uint64)
    result: UInt64 | None = None
    run, span, done = letters, 1, 0
    base = 0x9E3779B97F4A7C15
    while size:
        if size & 1:
            if result is None:
                result = run
            else:
                n = len(letters) - done - span + 1
                result = result[:n] * np.uint64(pow(base, span, 1 << 64)) + run[done : done + n]
            done += span
        size >>= 1
        if size:
            run = run[: max(0, len(run) - span)] * np.uint64(pow(base, span, 1 << 64)) + run[span:]
            span *= 2
    return scrambled(result if result is not None else letters)


def scrambled(values: UInt64) -> UInt64:
    """The finalizer of splitmix64, without a salt."""
    x = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
