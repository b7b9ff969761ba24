"""Edits that the text lineup does not hold, made from its works: `python benchmarks/stress_text.py [--seed 1] [--each 6]`.

Renders a lineup folder (truth.json, works.csv, credits.csv, works, outputs) under benchmarks/.cache/stress-text-SEED with
random parameters, scans it as lab.py does and prints the lineup's figures with recall by kind. Passages of works stand
between stretches of the lineup's negative outputs, so that spans are known to the character; edits are made word by word.
Some works are registered from another format. Negatives are the lineup's own, edited in the same ways.
"""

from __future__ import annotations

import csv
import json
import random
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import ROOT, SHARED, load_lineup, stressed
from stress_text_files import WRITERS
from stress_text_retold import RETOLD, code_works, renamed_code

from fingerprint.documents import read_document
from fingerprint.errors import UnreadableMedia
from fingerprint.text_fold import LOOKS_LIKE

LINEUP = SHARED / "text"
SAME = {"t067", "t095"}  # a novel that quotes Hamlet: what is cut from one may be in the other
NAMES = ("Adebayo", "Beatrix", "Caspian", "Delphine", "Eskil", "Fumiko", "Galina", "Hesper", "Ingmar", "Jocasta", "Kasimir")
OTHER_WORDS = ("thing", "made", "of", "some", "old", "other", "great", "after")
OCR = {"e": "c", "c": "e", "i": "l", "l": "1", "o": "0", "s": "5", "h": "b", "n": "u", "u": "n", "m": "rn", "a": "o", "t": "f"}
SHORT = (60, 220)  # words of a passage
TOLD = (120, 300)  # of one that is retold
CODE_LINES = (40, 90)
FORMATTED = 12  # works that are registered from another format than plain text

Words = list[str]
Edit = Callable[[Words, random.Random], Words]


@dataclass
class Desk:
    """Words of the works and of texts without any work, and the dice."""

    dice: random.Random
    works: dict[str, str]
    strange: Words

    def passage(self, least: int, most: int) -> tuple[str, int, int, Words]:
        """Work, place in it, words of a random passage."""
        while True:
            work = self.dice.choice(sorted(w for w in self.works if w not in SAME))
            found = list(re.finditer(r"\S+", self.works[work]))
            size = self.dice.randint(least, most)
            if len(found) > size + 20:
                first = self.dice.randrange(len(found) - size)
                chosen = found[first : first + size]
                return work, chosen[0].start(), chosen[-1].end(), [m.group() for m in chosen]

    def filler(self, words: int) -> str:
        first = self.dice.randrange(max(1, len(self.strange) - words))
        return " ".join(self.strange[first : first + words])


def by_letter(rate: tuple[float, float], change: Callable[[str, random.Random], str]) -> Edit:
    """Each letter changed with a probability drawn for the output."""

    def edit(words: Words, dice: random.Random) -> Words:
        p = dice.uniform(*rate)
        return ["".join(change(c, dice) if c.isalpha() and dice.random() < p else c for c in w) for w in words]

    return edit


def by_word(rate: tuple[float, float], change: Callable[[str, random.Random], str]) -> Edit:
    """Each word changed with a probability drawn for the output; "" drops it."""

    def edit(words: Words, dice: random.Random) -> Words:
        p = dice.uniform(*rate)
        return [x for w in words if (x := change(w, dice) if dice.random() < p else w)]

    return edit


def look_alike(letter: str, dice: random.Random) -> str:
    likes = LOOKS_LIKE.get(letter.lower(), "")
    return dice.choice(likes) if likes and letter.islower() else letter


def misread(letter: str, dice: random.Random) -> str:
    return OCR.get(letter, letter) if dice.random() < 0.8 else ""


def mistyped(letter: str, dice: random.Random) -> str:
    return dice.choice(["", letter * 2, dice.choice("abcdefghijklmnopqrstuvwxyz")])


def renamed(words: Words, dice: random.Random) -> Words:
    """Every capitalized word that is not at the start of a sentence is given another name, always the same."""
    other: dict[str, str] = {}
    result = []
    for k, w in enumerate(words):
        bare = w.strip(".,;:!?\"'")
        name = bool(k) and bare[:1].isupper() and bare[1:].islower() and words[k - 1][-1] not in ".!?"
        result.append(w.replace(bare, other.setdefault(bare, dice.choice(NAMES))) if name else w)
    return result


def hyphenated(words: Words, dice: random.Random) -> Words:
    return [
        f"{w[: len(w) // 2]}-\n{w[len(w) // 2 :]}" if len(w) > 6 and w.isalpha() and dice.random() < 0.3 else w for w in words
    ]


def full_width(word: str, dice: random.Random) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in word)


def modernized(words: Words, dice: random.Random) -> Words:
    swaps = {"thou": "you", "thee": "you", "thy": "your", "hath": "has", "doth": "does", "upon": "on", "shall": "will",
             "colour": "color", "honour": "honor", "grey": "gray", "whilst": "while", "to-day": "today"}  # fmt: skip
    return [swaps.get(w.lower(), w) for w in words]


def swapped(words: Words, dice: random.Random) -> Words:
    """Neighbours changed places, one pair in three."""
    result = list(words)
    for k in range(0, len(result) - 1, 3):
        result[k], result[k + 1] = result[k + 1], result[k]
    return result


def put_in(words: Words, dice: random.Random) -> Words:
    every = dice.randint(3, 8)
    extra = ["really", "quite", "indeed", "perhaps", "then", "also", "just", "very", "almost"]
    return [y for k, w in enumerate(words) for y in ([w, dice.choice(extra)] if k % every == 0 else [w])]


def many(*edits: Edit) -> Edit:
    """One after the other."""

    def edit(words: Words, dice: random.Random) -> Words:
        for one in edits:
            words = one(words, dice)
        return words

    return edit


OCR_NOISE = by_letter((0.02, 0.1), misread)
EDITS: dict[tuple[str, str], Edit] = {
    ("verbatim", "exact"): lambda words, dice: words,
    ("verbatim", "capitals"): lambda words, dice: [w.upper() for w in words],
    ("verbatim", "modernized"): modernized,
    ("verbatim", "no-punctuation"): lambda words, dice: [x for w in words if (x := re.sub(r"[^\w]", "", w))],
    ("tricks", "homoglyphs"): by_letter((0.1, 0.9), look_alike),
    ("tricks", "zero-width"): by_letter((0.1, 0.8), lambda c, dice: c + dice.choice("\u200b\u200c\u200d\u2060\ufeff")),
    ("tricks", "soft-hyphens"): by_letter((0.05, 0.4), lambda c, dice: c + "\u00ad"),
    ("tricks", "full-width"): by_word((0.3, 1.0), full_width),
    ("tricks", "spaced-letters"): lambda words, dice: [" ".join(w) + " " for w in words],
    ("tricks", "no-spaces"): lambda words, dice: ["".join(words[k : k + 4]) for k in range(0, len(words), 4)],
    ("noise", "ocr"): OCR_NOISE,
    ("noise", "typos"): by_letter((0.01, 0.07), mistyped),
    ("noise", "hyphenated"): hyphenated,
    ("noise", "dropped"): by_word((0.05, 0.3), lambda w, dice: ""),
    ("noise", "put-in"): put_in,
    ("noise", "replaced"): by_word((0.1, 0.35), lambda w, dice: dice.choice(OTHER_WORDS)),
    ("noise", "swapped"): swapped,
    ("hard", "ocr"): by_letter((0.1, 0.2), misread),
    ("hard", "dropped"): by_word((0.3, 0.5), lambda w, dice: ""),
    ("hard", "replaced"): by_word((0.35, 0.55), lambda w, dice: dice.choice(OTHER_WORDS)),
    ("hard", "renamed+ocr+dropped"): many(renamed, by_word((0.1, 0.25), lambda w, dice: ""), by_letter((0.02, 0.06), misread)),
    ("near", "renamed"): renamed,
    ("near", "renamed+dropped"): many(renamed, by_word((0.05, 0.2), lambda w, dice: "")),
    ("near", "ocr+put-in"): many(put_in, by_letter((0.01, 0.04), misread)),
}  # fmt: skip


def entry(work: str, output: tuple[int, int], there: tuple[int, int]) -> dict:
    """One work of one output, as truth.json has it."""
    return {"work_id": work, "relation": "copy", "output_span": list(output), "work_span": list(there)}


def laid_out(pieces: list[tuple[str, tuple[str, int, int] | None]]) -> tuple[str, list[dict]]:
    """A text of these pieces, and its truth: (text, work and place in it or None)."""
    text, works = "", []
    for piece, source in pieces:
        text += "\n\n" if text else ""
        if source:
            works.append(entry(source[0], (len(text), len(text) + len(piece)), source[1:]))
        text += piece
    return text, works


def edited(desk: Desk, edit: Edit) -> tuple[str, list[dict]]:
    work, start, end, words = desk.passage(*SHORT)
    copied = " ".join(edit(words, desk.dice))
    around = [desk.filler(desk.dice.randint(20, 120)) for _ in range(2)]
    return laid_out([(around[0], None), (copied, (work, start, end)), (around[1], None)])


def quoted(least: int, most: int) -> Callable[[Desk], tuple[str, list[dict]]]:
    """So many words in three thousand."""

    def made(desk: Desk) -> tuple[str, list[dict]]:
        work, start, end, words = desk.passage(least, most)
        return laid_out([(desk.filler(1500), None), (" ".join(words), (work, start, end)), (desk.filler(1500), None)])

    return made


def mosaic(desk: Desk) -> tuple[str, list[dict]]:
    """Three to six passages, some edited, filler between some."""
    pieces: list[tuple[str, tuple[str, int, int] | None]] = []
    for _ in range(desk.dice.randint(3, 6)):
        work, start, end, words = desk.passage(40, 90)
        if any(source and source[0] == work for _, source in pieces):
            continue
        if desk.dice.random() < 0.5:
            words = by_word((0.05, 0.15), lambda w, dice: "")(words, desk.dice)
        pieces.append((" ".join(words), (work, start, end)))
        if desk.dice.random() < 0.5:
            pieces.append((desk.filler(desk.dice.randint(10, 60)), None))
    return laid_out(pieces)


def told_again(edit: Edit) -> Callable[[Desk], tuple[str, list[dict]]]:
    """A passage retold by rule, between others' words."""

    def made(desk: Desk) -> tuple[str, list[dict]]:
        work, start, end, words = desk.passage(*TOLD)
        around = [desk.filler(desk.dice.randint(20, 80)) for _ in range(2)]
        text = " ".join(edit(words, desk.dice))
        text, works = laid_out([(around[0], None), (text, (work, start, end)), (around[1], None)])
        return text, [w | {"relation": "remake"} for w in works]

    return made


def code(desk: Desk) -> tuple[str, list[dict]]:
    """Lines of a registered module with other names."""
    work = desk.dice.choice(sorted(code_works()))
    lines = code_works()[work].splitlines()
    size = desk.dice.randint(*CODE_LINES)
    first = desk.dice.randrange(len(lines) // 4, max(len(lines) // 4 + 1, len(lines) - size))
    return renamed_code("\n".join(lines[first : first + size]), desk.dice), [{"work_id": work, "relation": "remake"}]


def in_format(suffix: str) -> Callable[[Desk], tuple[str, list[dict]]]:
    """A passage in a file of that kind, whose spans count in what is taken out of it: only the work is judged."""

    def made(desk: Desk) -> tuple[str, list[dict]]:
        text, works = edited(desk, EDITS["verbatim", "exact"])
        return text, [{"work_id": w["work_id"], "relation": "copy"} for w in works]

    return made


MIXES: dict[tuple[str, str], Callable[[Desk], tuple[str, list[dict]]]] = {
    ("needle", "thirty-words-in-three-thousand"): quoted(30, 30),
    ("hard", "quote-of-12-to-20-words"): quoted(12, 20),
    ("mosaic", "mosaic"): mosaic,
    **{("retold", name): told_again(edit) for name, edit in RETOLD.items()},
    ("retold", "code-renamed"): code,
    **{("format", suffix): in_format(suffix) for suffix in WRITERS},
}


def desk_of(seed: int) -> Desk:
    """The lineup's works, and the words of its English negatives."""
    works = {}
    for row in csv.DictReader((LINEUP / "works.csv").open(encoding="utf-8")):
        try:
            works[row["work_id"]] = read_document(LINEUP / row["path"]).text
        except UnreadableMedia:
            continue
    kinds = ("negative-same-author-unregistered", "negative-filler", "negative-unregistered-novel-same-author", "negative-news")
    outputs = [o for o in json.loads((LINEUP / "truth.json").read_text())["outputs"] if o["kind"] in kinds]
    strange = [word for o in outputs for word in read_document(LINEUP / o["path"]).text.split()]
    return Desk(random.Random(seed), works, strange)


def registered(folder: Path, dice: random.Random) -> None:
    """The works, some of them in another format."""
    rows = list(csv.DictReader((LINEUP / "works.csv").open(encoding="utf-8")))
    (folder / "works").mkdir()
    changed = {r["work_id"] for r in dice.sample([r for r in rows if r["path"].endswith(".txt")], FORMATTED)}
    for n, row in enumerate(rows):
        source = LINEUP / row["path"]
        suffix = list(WRITERS)[n % len(WRITERS)] if row["work_id"] in changed else source.suffix
        target = folder / "works" / f"{row['work_id']}{suffix}"
        if row["work_id"] in changed:
            WRITERS[suffix](target, read_document(source).text)
        else:
            target.symlink_to(source)
        row["path"] = f"works/{target.name}"
    for work, source in code_works().items():
        (folder / "works" / f"{work}.py").write_text(source, encoding="utf-8")
        rows.append(dict.fromkeys(rows[0], "") | {"work_id": work, "path": f"works/{work}.py", "title": work, "medium": "text"})
    with (folder / "works.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    (folder / "credits.csv").symlink_to(LINEUP / "credits.csv")


def negatives(desk: Desk) -> list[tuple[str, str]]:
    """(kind, text) of every negative of the lineup, as it is and edited."""
    made = []
    for o in json.loads((LINEUP / "truth.json").read_text())["outputs"]:
        if o["works"]:
            continue
        try:
            words = read_document(LINEUP / o["path"]).text.split()
        except UnreadableMedia:
            continue
        for (_, name), edit in desk.dice.sample(list(EDITS.items()), 2):
            made.append((f"{o['kind']}/{name}", " ".join(edit(words, desk.dice))))
    return made


def render(folder: Path, seed: int, each: int) -> None:
    """Write the lineup."""
    (folder / "outputs").mkdir(parents=True)
    desk = desk_of(seed)
    registered(folder, desk.dice)
    made: list[tuple[str, str, str, list[dict]]] = []
    for (group, kind), edit in EDITS.items():
        made += [(group, kind, *edited(desk, edit)) for _ in range(each)]
    for (group, kind), mix in MIXES.items():
        made += [(group, kind, *mix(desk)) for _ in range(each)]
    made += [("negative", kind, text, []) for kind, text in negatives(desk)]
    truth = []
    for number, (group, kind, text, works) in enumerate(made):
        path = folder / "outputs" / f"s{number:03}{kind if group == 'format' else '.txt'}"
        WRITERS.get(path.suffix, lambda p, t: p.write_text(t, encoding="utf-8"))(path, text)
        truth.append({"path": f"outputs/{path.name}", "kind": kind, "group": group, "works": works})
    (folder / "truth.json").write_text(json.dumps({"outputs": truth}, indent=1))


def scan(folder: Path, jobs: int, only: str) -> list[dict]:
    """One JSON report for each output, candidates included."""
    from matcher.report import as_json
    from matcher.scan import scan_media

    index, outputs = load_lineup("text", jobs, only, folder)
    return [as_json(scan_media(path, media, index), candidates=True) for path, media in outputs if not isinstance(media, tuple)]


def main() -> None:
    stressed("text", __doc__.split("\n\n")[0], render, scan)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
