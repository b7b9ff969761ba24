"""Two passages, word by word: which words of the one stand in the other. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.distance import LCSseq

from fingerprint.text_agreement import COPY_FROM
from fingerprint.text_fold import fold, folded_character, word_hashes
from fingerprint.text_forms import forms_of
from fingerprint.text_gloss import ENGLISH, LANGUAGES, language_of, told_by
from fingerprint.text_retelling import TELLING_FROM
from fingerprint.text_synonyms import SYNONYMS
from fingerprint.text_synonyms import told_by as synonyms_told_by

HIDDEN = "\\u00ad\\u200b-\\u200f\\u2060-\\u2064\\ufeff\\u0300-\\u036f"  # what may stand unseen inside a word; accents apart
WORD = re.compile(f"\\w[\\w{HIDDEN}]*(?:['\u2019][\\w{HIDDEN}]+)*")
MASK = "\u200b"  # stands in the place of tags and cue times, see fingerprint.documents
BLANK_LINES = re.compile(r"\s*\n\s*\n\s*")
PASSAGES = 6
MAX_WORDS = 260  # of one passage, that are shown
CONTEXT = 140  # code points around it
SWAPPED = 3  # so many words in the place of as many others are a change, whatever they are
SPOKEN = (ENGLISH, *LANGUAGES)  # variants of a segment whose output is in another language than the work
NEAR = 75.0  # words this alike count as the same word, changed

Run = list[str]  # [kind, text]: "same", "near", "other", "around", "cut"


def passages(output: str, work: str | None, segments: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The longest segments in the output's order: runs of both sides; the work's are None when its text is not at hand."""
    longest = sorted(segments, key=lambda s: (s["output"][0] - s["output"][1], s["output"]))[:PASSAGES]
    shown = []
    for segment in sorted(longest, key=lambda s: s["output"]):
        here = _cut(output, segment["output"])
        there = None if work is None else _cut(work, segment["work"])
        marks = _marks(segment)(here[1], there[1]) if there else (None, None)
        shown.append({
            "at": segment["output"], "from": segment["work"], "variant": segment.get("variant", ""),
            "output": _with_context(here, marks[0]), "work": None if there is None else _with_context(there, marks[1]),
        })  # fmt: skip
    return shown


def _marks(segment: dict[str, Any]) -> Callable[[str, str], tuple[list[Run], list[Run]]]:
    """What marks the words of a segment's two passages."""
    variant = segment.get("variant")
    if variant == SYNONYMS:
        return in_synonyms
    return translated if variant in SPOKEN else retold if _is_retold(segment) else aligned


def _is_retold(segment: dict[str, Any]) -> bool:
    """Whether so few words agree that only telling ones show anything, or none (told by what sentences mean); letters alone (no
    words) show a copy.
    """
    found = segment.get("detail", {})
    return "sentences" in found or bool(found.get("words", 0.0) > 0 and found["agreeing"] < COPY_FROM)


Cut = tuple[str, str, str, int]  # before, passage, after, words left out


def _cut(text: str, span: Sequence[float]) -> Cut:
    """The passage of that span, whole words, at most MAX_WORDS of them, with what stands around it."""
    a = max(0, min(round(span[0]), len(text)))
    b = max(a, min(round(span[1]), len(text)))
    passage = _unmasked(text[a:b]).strip("\n")
    ends = [m.end() for m in WORD.finditer(passage)]
    left_out = max(0, len(ends) - MAX_WORDS)
    before = _unmasked(text[max(0, a - 2 * CONTEXT) : a])[-CONTEXT:]
    after = "" if left_out else _unmasked(text[b : b + 2 * CONTEXT])[:CONTEXT]
    return _from_word(before), passage[: ends[MAX_WORDS - 1]] if left_out else passage, _to_word(after), left_out


def _unmasked(text: str) -> str:
    return BLANK_LINES.sub("\n\n", text.replace(MASK, ""))


def _from_word(before: str) -> str:
    """The context before a passage from its first whole word on."""
    head, blank, rest = before.partition(" ")
    return before.lstrip("\n") if len(before) < CONTEXT or not blank or len(head) > 40 else f"\u2026 {rest}"


def _to_word(after: str) -> str:
    """The context after a passage up to its last whole word."""
    rest, blank, tail = after.rpartition(" ")
    return after.rstrip() if len(after) < CONTEXT or not blank or len(tail) > 40 else f"{rest} \u2026"


def aligned(a: str, b: str) -> tuple[list[Run], list[Run]]:
    """Runs of both passages: words that stand in both in the same order are "same", changed ones "near"."""
    words_a, words_b = list(WORD.finditer(a)), list(WORD.finditer(b))
    folded_a, folded_b = [_fold(m.group()) for m in words_a], [_fold(m.group()) for m in words_b]
    kinds_a, kinds_b = ["other"] * len(words_a), ["other"] * len(words_b)
    for i, j, length in common(folded_a, folded_b):
        kinds_a[i : i + length] = kinds_b[j : j + length] = ["same"] * length
    _mark_near(folded_a, folded_b, kinds_a, kinds_b)
    return _runs(a, words_a, kinds_a), _runs(b, words_b, kinds_b)


def retold(a: str, b: str) -> tuple[list[Run], list[Run]]:
    """The same for a passage told anew: only words that tell something count, in any form, those in another form as "near"."""
    words_a, words_b = list(WORD.finditer(a)), list(WORD.finditer(b))
    folded_a, folded_b = [_fold(m.group()) for m in words_a], [_fold(m.group()) for m in words_b]
    kinds_a, kinds_b = ["other"] * len(words_a), ["other"] * len(words_b)
    telling_a, telling_b = _telling(folded_a), _telling(folded_b)
    for i, j, length in common([f for _, f in telling_a], [f for _, f in telling_b]):
        for (row_a, _), (row_b, _) in zip(telling_a[i : i + length], telling_b[j : j + length], strict=True):
            kinds_a[row_a] = kinds_b[row_b] = "same" if folded_a[row_a] == folded_b[row_b] else "near"
    return _runs(a, words_a, kinds_a), _runs(b, words_b, kinds_b)


def translated(a: str, b: str) -> tuple[list[Run], list[Run]]:
    """The same for a passage in another language than the work's: words that may stand for each other are "near"."""
    return _by_meaning(a, b, _meant, _meant)


def in_synonyms(a: str, b: str) -> tuple[list[Run], list[Run]]:
    """The same for a passage told in other words: synonyms are "near"."""
    return _by_meaning(a, b, lambda words: synonyms_told_by(words, TELLING_FROM), _meant)


Meant = Callable[[Sequence[str]], list[tuple[int, ...]]]


def _by_meaning(a: str, b: str, meant_a: Meant, meant_b: Meant) -> tuple[list[Run], list[Run]]:
    words_a, words_b = list(WORD.finditer(a)), list(WORD.finditer(b))
    meanings_a, meanings_b = (f([m.group().lower() for m in words]) for f, words in ((meant_a, words_a), (meant_b, words_b)))
    # Of several meanings of a word the one counts that stands on the other side as well.
    told_b = _chosen(meanings_b, {x for own in meanings_a for x in own})
    told_a = _chosen(meanings_a, {x for _, x in told_b})
    kinds_a, kinds_b = ["other"] * len(words_a), ["other"] * len(words_b)
    for i, j, length in common([str(x) for _, x in told_a], [str(x) for _, x in told_b]):
        for (p, _), (q, _) in zip(told_a[i : i + length], told_b[j : j + length], strict=True):
            same = _fold(words_a[p].group()) == _fold(words_b[q].group())
            kinds_a[p] = kinds_b[q] = "same" if same else "near"
    return _runs(a, words_a, kinds_a), _runs(b, words_b, kinds_b)


def _chosen(meanings: list[tuple[int, ...]], there: set[int]) -> list[tuple[int, int]]:
    """Rows of the words of which some meaning is `there`, each with the first such."""
    return [(row, next(x for x in own if x in there)) for row, own in enumerate(meanings) if not there.isdisjoint(own)]


def _meant(words: Sequence[str]) -> list[tuple[int, ...]]:
    """What each word, in small letters, may mean and tells something."""
    return told_by(words, language_of(words), TELLING_FROM)


def _telling(words: list[str]) -> list[tuple[int, str]]:
    """Rows of the words that tell something, each with what stands for its family."""
    hashed = [word_hashes(fold(word))[:1] for word in words]
    rows = [k for k, h in enumerate(hashed) if len(h)]
    if not rows:
        return []
    forms = forms_of(np.concatenate([hashed[k] for k in rows]), np.ones(len(rows), bool))
    first = np.flatnonzero(np.diff(forms.word, prepend=-1))
    heads, joint = forms.head[first].tolist(), forms.joint[first].tolist()
    return [(row, str(head)) for row, head, r in zip(rows, heads, joint, strict=True) if r >= TELLING_FROM]


def common(a: list[str], b: list[str]) -> list[tuple[int, int, int]]:
    """Longest common subsequence as blocks (start in a, start in b, length), pushed together where the words allow it."""
    blocks = [(s.src_start, s.dest_start, s.src_end - s.src_start) for s in LCSseq.opcodes(a, b) if s.tag == "equal"]
    i_next, j_next = len(a), len(b)
    for number in range(len(blocks) - 1, -1, -1):
        i, j, length = blocks[number]
        block = a[i : i + length]
        if i + length == i_next and b[j_next - length : j_next] == block:
            j = j_next - length
        elif j + length == j_next and a[i_next - length : i_next] == block:
            i = i_next - length
        blocks[number] = (i, j, length)
        i_next, j_next = i, j
    return blocks


def _mark_near(folded_a: list[str], folded_b: list[str], kinds_a: list[str], kinds_b: list[str]) -> None:
    """Between two pairs of same words, a word that has its like on the other side is "near"; so are a few for as many."""
    for (i, i_end), (j, j_end) in zip(_gaps(kinds_a), _gaps(kinds_b), strict=True):
        inside = i > 0 and i_end < len(kinds_a) and j > 0 and j_end < len(kinds_b)
        if inside and 0 < i_end - i == j_end - j <= SWAPPED:
            kinds_a[i:i_end] = kinds_b[j:j_end] = ["near"] * (i_end - i)
            continue
        for m in range(i, i_end):
            for n in range(j, j_end):
                if kinds_b[n] == "other" and fuzz.ratio(folded_a[m], folded_b[n]) >= NEAR:
                    kinds_a[m] = kinds_b[n] = "near"
                    j = n + 1
                    break


def _gaps(kinds: list[str]) -> list[tuple[int, int]]:
    """[start, end) of what lies before, between and after the same words; as many on both sides."""
    same = [-1, *(i for i, kind in enumerate(kinds) if kind == "same"), len(kinds)]
    return [(a + 1, b) for a, b in zip(same, same[1:], strict=False)]


def _fold(word: str) -> str:
    """The word as recognition sees it: case, accents, look-alike letters and hidden characters fold away."""
    return "".join(folded_character(ord(c))[1] for c in word) or word


def _runs(text: str, words: list[re.Match[str]], kinds: list[str]) -> list[Run]:
    """The text cut where the kind changes; what stands between two words of one kind goes with them."""
    runs: list[Run] = []
    at = 0
    for match, kind in zip(words, kinds, strict=True):
        between = text[at : match.start()]
        if runs and runs[-1][0] == kind:
            runs[-1][1] += between + match.group()
        else:
            runs += [["other", between]] if between else []
            runs.append([kind, match.group()])
        at = match.end()
    return runs + ([["other", text[at:]]] if at < len(text) else [])


def _with_context(cut: Cut, marked: list[Run] | None) -> list[Run]:
    before, passage, after, left_out = cut
    runs = [["around", before]] if before else []
    runs += marked if marked is not None else [["same", passage]]
    if after:
        runs.append(["around", after])
    return [*runs, ["cut", f" \u2026 and {left_out:,} more words"]] if left_out else runs
