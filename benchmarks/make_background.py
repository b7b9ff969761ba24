"""Make fingerprint/text_background.npz: how common words and word pairs are, from public-domain texts.

    python benchmarks/make_background.py FILE...
    python benchmarks/make_background.py --formulas FILE...     only the formulas anew, into the table that is there

A word or pair enters only when at least MIN_TEXTS of the texts hold it, so that what is one text's own stays rare. The
texts are the public-domain works of the development lineup (English, three German ones); the commonest words of other
languages are listed here by hand, with the share that a word of that rank has (Zipf). Proverbs, verses, legal and licence
formulas stand in text_formulas.txt there: the words in them follow from each other, as if nearly certain. So do those of what
MIN_NOTICES of the FILEs after --formulas say alike, whoever wrote them; a licence in full counts as often as that by itself.
Those of Debian were given: what common-licenses and the copyright file of each package hold. Only hashes of pairs are kept.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fingerprint.documents import read_document
from fingerprint.text_background import FILE, STEP, background, pair_hash, short_hash
from fingerprint.text_fold import fold, word_hashes

OTHER_LANGUAGES = """
de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ya este sí porque esta entre
cuando muy sin sobre también me hasta hay donde quien desde todo nos durante todos uno les ni contra otros ese eso ante ellos
e esto mí antes algunos qué unos yo otro otras otra él tanto esa estos mucho quienes nada muchos cual poco ella estar estas
había era fue ser son ha han
/
de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont la avec ou son aux cette mais
comme on tout nous sa fait été aussi leur bien peut ces y deux elle même sans je vous ont lui dont si lui ses être avait
était me te moi mon ma mes tu qu c d l n s j où ils elles là rien encore toujours très après avant sous quand donc puis
jamais fut sans toute tous toutes
/
di e il la che in un a per è una sono del con si da non come le della i nel dei più al gli o ma ci alla anche delle su lo se
suo era questo ha hanno degli dal essere stato sua tra quando molto lui ed dalla alle nella cui loro io mi ho tu ti nei tutto
tutti ogni senza così quella quello questa mio mia dove chi perché ancora poi sempre già ne li sul sulla fu c l d un fra
contro dopo prima ad
/
de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou ser quando
muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos ter seus quem nas me esse eles estão
você tinha foram essa num nem suas meu às minha têm numa pelos elas havia seja qual será nós tenho lhe deles essas esses
pelas este dele tu te
/
de het een van en in is dat op te zijn met voor niet die aan er om ook als dan maar bij of uit nog naar heeft hij ze zij was
door over wordt tot je we ik haar mijn worden kan zo meer al hun hem deze dit wat geen had werd veel na moet waar wel zou heb
hebben zal daar
/
i och att det som en på är av för med till den har de inte om ett han men var jag så från vi kan man när nu ska hon där dem
skulle sig og at er det til af en ikke der for på med de som den i har et var jeg hun han du vi eller efter mig ham sig over
blev mit min
/
w i z na do nie się to że jest o jak a po co ale od za przez przy dla już tak czy być był było są tym jego jej ich tylko może
go by
/
и в не на я быть он с что а по это она этот к но они мы весь который из у то за свой что от так о для ты же все год мочь вы
человек такой его сказать только или ещё бы себя один как уже до время если сам когда другой вот говорить наш мой знать при
чтобы было был её
/
et in est non ad ut cum ex sed si quod qui quae ab atque per de nec enim hoc esse aut quam sunt nam me te se ac id ille quid
tibi mihi
"""
WORDS, PAIRS = 20_000, 32_000
MIN_TEXTS = 4
FORMULAS = FILE.with_name("text_formulas.txt")
FORMULA_RARITY = 0.05  # less than a word that agrees costs: however long, a formula is no evidence
MIN_NOTICES = 5
LICENCES = "common-licenses"  # the folder of licences
ZIPF = 0.12


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("files", nargs="*", type=Path)
    ap.add_argument("--formulas", action="store_true")
    a = ap.parse_args()
    if a.formulas:
        table = background()
        common = np.unique(np.concatenate([formulas(), notices(a.files)]))
        pairs, rarities = with_formulas(table.pairs, table.pair_rarity, common)
        written(table.words, table.word_rarity, pairs, rarities)
        print(f"{len(common)} pairs of formulas, {len(pairs)} in all; {FILE.stat().st_size} bytes")
        return
    texts = [word_hashes(fold(read_document(f).words)) for f in sorted(a.files)]
    total = sum(map(len, texts))
    words, count = with_others(*counted([short_hash(t) for t in texts], WORDS), total)
    share = dict(zip(words.tolist(), count.tolist(), strict=True))
    pairs, pair_count = counted([pair_hash(t[:-1], t[1:]) for t in texts], PAIRS)
    first = dict(
        zip(
            np.concatenate([pair_hash(t[:-1], t[1:]) for t in texts]).tolist(),
            np.concatenate([short_hash(t[:-1]) for t in texts]).tolist(),
            strict=True,
        )
    )
    given = np.array([share.get(first[p], c) for p, c in zip(pairs.tolist(), pair_count.tolist(), strict=True)])
    pairs, rarities = with_formulas(pairs, steps(np.minimum(pair_count / given, 1.0)), formulas())
    written(words, steps(count / total), pairs, rarities)
    print(f"{total} words of {len(texts)} texts; {len(words)} words, {len(pairs)} pairs, {FILE.stat().st_size} bytes")


def written(words: np.ndarray, word_rarity: np.ndarray, pairs: np.ndarray, pair_rarity: np.ndarray) -> None:
    """The table's file. All sorted by hash."""
    np.savez_compressed(
        FILE,
        words=np.diff(words, prepend=np.uint32(0)), word_rarity=word_rarity,
        pairs=np.diff(pairs, prepend=np.uint32(0)), pair_rarity=pair_rarity,
    )  # fmt: skip


def counted(texts: list[np.ndarray], most: int) -> tuple[np.ndarray, np.ndarray]:
    """The `most` most frequent values that enough texts share, sorted, with their counts."""
    count: dict[int, int] = defaultdict(int)
    seen: dict[int, int] = defaultdict(int)
    top: dict[int, int] = defaultdict(int)
    for text in texts:
        for value, n in zip(*(column.tolist() for column in np.unique(text, return_counts=True)), strict=True):
            count[value] += n
            seen[value] += 1
            top[value] = max(top[value], n)
    for value in count:
        count[value] -= max(0, top[value] - seen[value])  # the text that has most of it counts like the others
    common = [v for v in count if seen[v] >= MIN_TEXTS]
    chosen = np.array(sorted(sorted(common, key=lambda v: (-count[v], v))[:most]), np.uint32)
    return chosen, np.array([count[v] for v in chosen.tolist()])


def with_others(words: np.ndarray, count: np.ndarray, total: int) -> tuple[np.ndarray, np.ndarray]:
    """The same with the commonest words of other languages added; the greater count holds."""
    known = dict(zip(words.tolist(), count.tolist(), strict=True))
    for language in OTHER_LANGUAGES.split("/"):
        for rank, word in enumerate(short_hash(word_hashes(fold(language))).tolist(), 1):
            known[word] = max(known.get(word, 0), round(total * ZIPF / (rank + 2)))
    chosen = np.array(sorted(known), np.uint32)
    return chosen, np.array([known[w] for w in chosen.tolist()])


def pairs_of(text: str) -> np.ndarray:
    """uint32[n], distinct: the pairs of words that follow each other in a text."""
    hashes = word_hashes(fold(text))
    return np.unique(pair_hash(hashes[:-1], hashes[1:]))


def formulas() -> np.ndarray:
    """The pairs of text_formulas.txt."""
    return pairs_of(FORMULAS.read_text(encoding="utf-8"))


def notices(files: list[Path]) -> np.ndarray:
    """The pairs that MIN_NOTICES of the files hold, or a licence; files that say the same count once."""
    texts = {file.read_text(encoding="utf-8", errors="replace"): file for file in sorted(files)}
    held = Counter[int]()
    for text, file in texts.items():
        times = MIN_NOTICES if file.parent.name == LICENCES else 1
        held.update(dict.fromkeys(pairs_of(text).tolist(), times))
    return np.array(sorted(pair for pair, times in held.items() if times >= MIN_NOTICES), np.uint32)


def with_formulas(pairs: np.ndarray, rarities: np.ndarray, common: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same with pairs added that formulas are made of."""
    known = dict(zip(pairs.tolist(), rarities.tolist(), strict=True))
    for pair in common.tolist():
        known[pair] = min(known.get(pair, 255), round(FORMULA_RARITY / STEP))
    chosen = np.array(sorted(known), np.uint32)
    return chosen, np.array([known[p] for p in chosen.tolist()], np.uint8)


def steps(share: np.ndarray) -> np.ndarray:
    return np.clip(np.round(-np.log10(share) / STEP), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
