"""Make fingerprint/text_families.txt: English words that are forms of one another, one family a line, from public-domain texts.

    python benchmarks/make_families.py FILE...

Only words of the background table enter, so that a form that nobody writes does not meet anything by chance. The endings are
those of nouns, verbs, adjectives and adverbs; the irregular families stand below.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fingerprint.documents import read_document
from fingerprint.text_background import UNKNOWN, rarity
from fingerprint.text_fold import fold, word_hashes
from fingerprint.text_forms import FILE

IRREGULAR = """
bear bore borne/beat beaten/begin began begun/bend bent/bind bound/bite bit bitten/blow blew blown/break broke broken/
bring brought/build built/burn burnt/buy bought/catch caught/child children/choose chose chosen/cling clung/come came/
creep crept/deal dealt/dig dug/draw drew drawn/dream dreamt/drink drank drunk/drive drove driven/eat ate eaten/fall fell fallen/
feed fed/feel felt/fight fought/find found/flee fled/fling flung/fly flew flown/foot feet/forbid forbade forbidden/
forget forgot forgotten/forgive forgave forgiven/freeze froze frozen/give gave given/go went gone/goose geese/grind ground/
grow grew grown/half halves/hang hung/hear heard/hide hid hidden/hold held/keep kept/kneel knelt/knife knives/know knew known/
lay laid/lead led/leaf leaves/leap leapt/learn learnt/leave left/lend lent/lie lay lain/life lives/light lit/lose lost/loss/
make made/man men/mean meant/meet met/mouse mice/ox oxen/pay paid/ride rode ridden/ring rang rung/rise rose risen/run ran/
say said/see saw seen/seek sought/sell sold/send sent/sew sewn/shake shook shaken/shine shone/shoot shot/show shown/
shrink shrank shrunk/sing sang sung/sink sank sunk/sit sat/sleep slept/slide slid/smell smelt/sow sown/speak spoke spoken/
speed sped/spend spent/spill spilt/spin spun/spit spat/spread/spring sprang sprung/stand stood/steal stole stolen/stick stuck/
sting stung/strike struck stricken/strive strove striven/swear swore sworn/sweep swept/swell swollen/swim swam swum/swing swung/
take took taken/teach taught/tear tore torn/tell told/think thought/thief thieves/throw threw thrown/tooth teeth/
tread trod trodden/understand understood/wake woke woken/wear wore worn/weave wove woven/weep wept/wife wives/win won/wolf wolves/
woman women/wring wrung/write wrote written
"""
ENDINGS = ("s", "es", "ed", "ing", "er", "ly", "est", "ness")
SECOND_ENDINGS = ("s", "es", "ly", "ness")  # after another: readers, surprisingly
LEAST_LETTERS = 3
TELLING = 2.7  # rarity below which a word tells nothing, whatever its form


def inflected(base: str) -> set[str]:
    """Regular forms of an English word, those that do not exist among them."""
    forms = {base + ending for ending in ENDINGS}
    if base[-1] == "e":
        forms |= {base[:-1] + "ing", base[:-1] + "y"} | {base + ending for ending in ("d", "r", "st")}
    if base[-1] == "y":
        forms |= {base[:-1] + ending for ending in ("ies", "ied", "ier", "iest", "ily", "iness")}
    if base[-1] not in "aeiouwxy" and base[-2] in "aeiou":
        forms |= {base + base[-1] + ending for ending in ("ed", "ing", "er", "est", "y")}
    return forms


def written(files: list[Path]) -> set[str]:
    """Words of these texts in small letters, apostrophes left out, as recognition folds them."""
    words: set[str] = set()
    for file in files:
        words.update(re.findall(r"[a-z]+(?:['’][a-z]+)?", read_document(file).words.lower()))
    return {re.sub("['’]", "", word) for word in words}


def families(known: set[str]) -> list[list[str]]:
    """Words under the shortest word of which they are forms."""
    irregular = {form: line.split()[0] for line in IRREGULAR.replace("\n", "").split("/") for form in line.split()}
    base_of: dict[str, str] = {}
    for word in sorted(known, key=lambda w: (len(w), w)):
        if len(word) >= LEAST_LETTERS:
            base = base_of.get(word) or irregular.get(word) or word
            forms = inflected(word) if base == word or word in irregular else {word + e for e in SECOND_ENDINGS}
            for form in forms & known:
                base_of.setdefault(form, base)
    groups: dict[str, list[str]] = defaultdict(list)
    for word in sorted(known):
        groups[base_of.get(word) or irregular.get(word) or word].append(word)
    return [group for group in groups.values() if len(group) > 1]


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("files", nargs="+", type=Path)
    words = sorted(written(ap.parse_args().files))
    rarities = rarity(word_hashes(fold("\n".join(words))))
    known = {word for word, r in zip(words, rarities.tolist(), strict=True) if TELLING <= r < UNKNOWN}
    found = families(known)
    FILE.write_text("".join(" ".join(group) + "\n" for group in found), encoding="utf-8")
    print(f"{len(known)} words, {sum(map(len, found))} of them in {len(found)} families, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
