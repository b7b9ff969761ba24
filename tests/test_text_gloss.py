"""Translations: a foreign text word by word in English, both ways and across, and what is told of them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from test_text_retelling import ordinary

from desk import evidence_text, page_figures, words
from desk.page_view import changes
from desk.summary import summary
from fingerprint import schemes, text_compare
from fingerprint.documents import Document
from fingerprint.features import Media
from fingerprint.text import GLOSS, GLOSS_WORDS, RARE, features, probes
from fingerprint.text_fold import fold, word_hashes
from fingerprint.text_forms import families
from fingerprint.text_gloss import ENGLISH, FILE, LANGUAGES, gloss, language_of, meanings_of, told_by
from fingerprint.text_synonyms import FILE as SYNONYMS_FILE
from fingerprint.text_synonyms import MOST, SYNONYMS, synonyms, with_synonyms
from matcher import find
from matcher.report import as_json
from matcher.scan import scan_media
from registry.memory import MemoryIndex
from registry.store import open_registry
from registry.works import Entry

TOLD = {
    "english": """On the last evening of the harvest the miller's widow climbed the hill with a lantern in her hand. The wind
had torn the thatch from the barn, and two of the horses had escaped into the forest. She was not afraid of
wolves, but she feared her brother-in-law, a greedy man, who wanted the orchard and the spring and had
threatened her before the priest. Under the old oak she found a soldier asleep. His boots were full of snow,
his beard was white with frost, and in his fist he held a silver spoon. She woke him, she gave him bread and
cheese, and he swore on the grave of his mother that he would drive out the thief.""",
    "german": """Am letzten Abend der Ernte stieg die Witwe des Müllers mit einer Laterne in der Hand auf den Hügel. Der Wind
hatte das Stroh vom Dach der Scheune gerissen, und zwei der Pferde waren in den Wald entkommen. Vor Wölfen
hatte sie keine Angst, aber sie fürchtete ihren Schwager, einen gierigen Menschen, der den Obstgarten und
die Quelle haben wollte und ihr vor dem Priester gedroht hatte. Unter der alten Eiche fand sie einen
schlafenden Soldaten. Seine Stiefel waren voller Schnee, sein Bart war weiß vom Frost, und in der Faust
hielt er einen silbernen Löffel. Sie weckte ihn, sie gab ihm Brot und Käse, und er schwor beim Grab seiner
Mutter, er werde den Dieb vertreiben.""",
    "french": """Le dernier soir de la moisson, la veuve du meunier monta sur la colline, une lanterne à la main. Le vent
avait arraché le chaume de la grange, et deux des chevaux s'étaient échappés dans la forêt. Elle n'avait pas
peur des loups, mais elle craignait son beau-frère, un homme avide, qui voulait le verger et la source et
qui l'avait menacée devant le prêtre. Sous le vieux chêne elle trouva un soldat endormi. Ses bottes étaient
pleines de neige, sa barbe était blanche de givre, et dans son poing il tenait une cuillère d'argent. Elle
le réveilla, elle lui donna du pain et du fromage, et il jura sur la tombe de sa mère qu'il chasserait le
voleur.""",
    "spanish": """La última tarde de la cosecha, la viuda del molinero subió a la colina con una linterna en la mano. El
viento había arrancado la paja del granero, y dos de los caballos habían escapado al bosque. No tenía miedo
de los lobos, pero temía a su cuñado, un hombre codicioso que quería el huerto y el manantial y que la había
amenazado delante del cura. Bajo el viejo roble encontró a un soldado dormido. Sus botas estaban llenas de
nieve, su barba estaba blanca de escarcha, y en el puño tenía una cuchara de plata. Lo despertó, le dio pan
y queso, y él juró sobre la tumba de su madre que echaría al ladrón.""",
    "italian": """L'ultima sera del raccolto la vedova del mugnaio salì sulla collina con una lanterna in mano. Il vento aveva
strappato la paglia dal granaio, e due dei cavalli erano fuggiti nella foresta. Non aveva paura dei lupi, ma
temeva suo cognato, un uomo avido che voleva il frutteto e la sorgente e che l'aveva minacciata davanti al
prete. Sotto la vecchia quercia trovò un soldato addormentato. I suoi stivali erano pieni di neve, la sua
barba era bianca di brina, e nel pugno teneva un cucchiaio d'argento. Lo svegliò, gli diede pane e
formaggio, e lui giurò sulla tomba di sua madre che avrebbe scacciato il ladro.""",
    "portuguese": """Na última noite da colheita a viúva do moleiro subiu a colina com uma lanterna na mão. O vento tinha
arrancado a palha do celeiro, e dois dos cavalos haviam fugido para a floresta. Ela não tinha medo dos
lobos, mas temia o cunhado, um homem ganancioso, que queria o pomar e a nascente e a tinha ameaçado diante
do padre. Debaixo do velho carvalho encontrou um soldado adormecido. As suas botas estavam cheias de neve, a
sua barba estava branca de geada, e no punho segurava uma colher de prata. Ela acordou-o, deu-lhe pão e
queijo, e ele jurou sobre o túmulo da mãe que expulsaria o ladrão.""",
    "dutch": """Op de laatste avond van de oogst beklom de weduwe van de molenaar de heuvel met een lantaarn in haar hand.
De wind had het stro van de schuur gerukt, en twee van de paarden waren naar het woud ontsnapt. Ze was niet
bang voor wolven, maar ze vreesde haar zwager, een hebzuchtige man, die de boomgaard en de bron wilde hebben
en haar voor de priester had bedreigd. Onder de oude eik vond ze een slapende soldaat. Zijn laarzen waren
vol sneeuw, zijn baard was wit van de rijp, en in zijn vuist hield hij een zilveren lepel. Ze wekte hem, ze
gaf hem brood en kaas, en hij zwoer op het graf van zijn moeder dat hij de dief zou verdrijven.""",
    "russian": """В последний вечер жатвы вдова мельника поднялась на холм с фонарём в руке. Ветер сорвал солому с амбара, и
две лошади убежали в лес. Волков она не боялась, но боялась деверя, жадного человека, который хотел получить
сад и родник и угрожал ей при священнике. Под старым дубом она нашла спящего солдата. Его сапоги были полны
снега, борода побелела от инея, а в кулаке он держал серебряную ложку. Она разбудила его, дала ему хлеба и
сыра, и он поклялся на могиле матери, что прогонит вора.""",
}
UNRELATED = {
    "english": """In the town by the river lived a tailor who fed his cat every morning before he opened the windows. He sewed
shirts for the boatmen, he drank his coffee without sugar, and when it rained he read the newspaper from one
end to the other. One day the postman brought a letter from America that held a photograph, and the tailor
closed his shop for a week.""",
    "german": """In der Stadt am Fluss wohnte ein Schneider, der jeden Morgen seine Katze fütterte, bevor er die Fenster
öffnete. Er nähte Hemden für die Schiffer, er trank seinen Kaffee ohne Zucker, und wenn es regnete, las er
die Zeitung von vorn bis hinten. Eines Tages brachte der Postbote einen Brief aus Amerika, in dem eine
Fotografie lag, und der Schneider schloss für eine Woche den Laden.""",
    "french": """Dans la ville au bord du fleuve habitait un tailleur qui nourrissait son chat chaque matin avant d'ouvrir
les fenêtres. Il cousait des chemises pour les bateliers, il buvait son café sans sucre, et quand il
pleuvait il lisait le journal d'un bout à l'autre. Un jour le facteur apporta une lettre d'Amérique qui
contenait une photographie, et le tailleur ferma sa boutique pendant une semaine.""",
}


def document(text: str) -> Document:
    return Document(text, text)


def plain(language: str, seed: int, sentences: int = 250) -> str:
    """Sentences of everyday words in that language, the same for a seed."""
    dice, told = random.Random(seed), gloss(language)
    column = LANGUAGES.index(language) + 1
    nouns = [line.split("|")[column].split() for line in FILE.read_text(encoding="utf-8").splitlines()[:400]]
    known = [n[0] for n in nouns if n]
    assert told.meanings
    link = {"german": "und das ist nicht für die", "french": "et le est dans les pour"}[language]
    return " ".join(f"{dice.choice(known)} {link} {dice.choice(known)} {dice.choice(known)}." for _ in range(sentences))


def scanned(output: str, **works: str):
    index = MemoryIndex([(name, (features(document(text)),)) for name, text in works.items()], schemes())
    return scan_media("output", Media("text", "", (probes(document(output)),)), index)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_is_told_by_its_small_words(language):
    told = {name: language_of(text.lower().split()) for name, text in TOLD.items()}
    assert told[language] == language and told[ENGLISH] == ""
    assert language_of(["hyvää", "huomenta", "sanoi", "hän", "naapurin", "hevoselle"]) == ""


def test_words_are_met_in_other_forms_with_what_stands_before_them_and_put_together():
    names = [line.split("|")[0] for line in FILE.read_text(encoding="utf-8").splitlines()]

    def meant(language: str, word: str) -> set[str]:
        return {names[row] for row in meanings_of([word], language)[0]}

    assert "eye" in meant("french", "yeux") and "haunt" in meant("french", "hantaient")
    assert "idea" in meant("french", "l'idée") and "cloud" in meant("german", "wolken")
    assert "autumn" in meant("german", "herbsttag") and "star" in meant("german", "sternenhimmel")
    assert "star" in meant("spanish", "estrellas") and "snow" in meant("italian", "neve")
    assert meanings_of(["xqzzt"], "german") == [()]


def test_every_line_of_the_dictionary_is_one_english_word_and_four_languages():
    lines = [line.split("|") for line in FILE.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 7500 and {len(fields) for fields in lines} == {1 + len(LANGUAGES)}
    assert len({fields[0] for fields in lines}) == len(lines) == len(word_hashes(fold("\n".join(f[0] for f in lines))))
    assert all(any(fields[1:]) and all(word == word.lower() for word in fields) for fields in lines)
    assert (ENGLISH, *LANGUAGES, SYNONYMS) == words.TELLINGS


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_of_an_english_work_is_named_with_its_place(language):
    work = ordinary(1) + "\n" + TOLD[ENGLISH] + "\n" + ordinary(2)
    report = scanned(TOLD[language], work=work, **{f"other{n}": ordinary(10 + n) for n in range(4)})
    [match] = [m for m in report.matches if m.listed]
    evidence = match.segments[0][1]
    assert (match.work_id, match.relation, evidence.variant) == ("work", "remake", language)
    at = work.index(TOLD[ENGLISH])
    assert at - 50 <= evidence.work_span[0] < evidence.work_span[1] <= at + len(TOLD[ENGLISH]) + 50
    assert evidence.detail["in_order"] >= 12
    assert f"told in {language.capitalize()}" in "\n".join(summary(as_json(report)))
    assert changes(language) == [f"told in {language.capitalize()}"]


AROUND = """Sure! Here is the passage you asked for. I have tried to keep the tone of the original while making it sound
natural to a modern reader, and I kept the short sentences, because they carry so much of the tension. Let me know whether
you would like me to change anything, for example to use a more formal register or a simpler vocabulary. """


@pytest.mark.parametrize("language", ["german", "spanish", "dutch", "russian"])
def test_a_translation_between_words_in_english_is_found_too(language):
    work = ordinary(1) + "\n" + TOLD[ENGLISH] + "\n" + ordinary(2)
    report = scanned(AROUND + TOLD[language] + "\n\n" + AROUND * 2, work=work, other=ordinary(3))
    [match] = [m for m in report.matches if m.listed]
    start, end = match.segments[0][1].output_span
    assert match.work_id == "work" and len(AROUND) - 60 <= start < end <= len(AROUND) + len(TOLD[language]) + 60


def test_in_a_long_text_each_translation_is_found():
    works = {"tale": ordinary(1) + "\n" + TOLD[ENGLISH] + "\n" + ordinary(2), "quiet": ordinary(6) + UNRELATED[ENGLISH]}
    foreign = " ".join(plain("french", k, 60) for k in (3, 4))
    output = foreign + "\n\n" + TOLD["french"] + "\n\n" + foreign + "\n\n" + UNRELATED["french"] + "\n\n" + foreign
    found = scanned(output, **works, **{f"other{n}": ordinary(10 + n) for n in range(3)})
    assert {m.work_id for m in found.matches if m.listed} == {"tale", "quiet"}


def test_where_words_mean_several_things_a_long_text_is_looked_up_a_stretch_at_a_time():
    """In all of it at once chance meets so much that of twelve translated passages none was found, and of each alone eleven."""
    text = plain("french", 3, 300)
    part, rare = probes(document(text)), schemes()[RARE]
    french, english = part.of(RARE, "french"), probes(document(ordinary(3))).of(RARE)
    pieces = find._stretches(french, rare, np.arange(len(french)), closely=False)
    assert len(pieces) == round(len(text) / (find.HALVES * rare.reach)) > 5
    assert np.concatenate(pieces).tolist() == list(range(len(french)))
    spans = [int(np.ptp(french.positions[rows])) for rows in pieces]
    assert max(spans) <= len(text) / len(pieces)
    rows = np.arange(len(english))
    assert len(find._stretches(english, rare, rows, closely=False)) == 1 < len(find._stretches(english, rare, rows, closely=True))
    assert find._stretches(french, rare, np.zeros(0, np.int64), closely=True) == []


def test_a_work_in_two_foreign_languages_is_found_by_either():
    both = plain("french", 1) + "\n" + TOLD["german"] + "\n\n" + plain("french", 2) + "\n\n" + ordinary(4)
    for output in ("italian", ENGLISH):
        found = scanned(AROUND + TOLD[output], both=both, other=ordinary(3))
        assert [m.work_id for m in found.matches if m.listed] == ["both"]


@pytest.mark.parametrize("output", [ENGLISH, "french", "italian", "russian"])
def test_a_translation_of_a_foreign_work_is_named(output):
    work = plain("german", 1) + "\n" + TOLD["german"] + "\n" + plain("german", 2)
    report = scanned(TOLD[output], work=work, other=plain("german", 3), **{f"other{n}": ordinary(10 + n) for n in range(3)})
    [match] = [m for m in report.matches if m.listed]
    assert (match.work_id, match.relation, match.segments[0][1].variant) == ("work", "remake", output)


@pytest.mark.parametrize("language", ["german", "french"])
def test_another_tale_in_that_language_is_no_translation(language):
    english = ordinary(1) + "\n" + TOLD[ENGLISH] + "\n" + ordinary(2)
    german = plain("german", 1) + "\n" + TOLD["german"] + "\n" + plain("german", 2)
    assert scanned(UNRELATED[language], english=english, german=german).matches == ()


def test_the_words_of_a_translation_in_another_order_name_nobody():
    told = TOLD["french"].split()
    random.Random(1).shuffle(told)
    work = ordinary(1) + "\n" + TOLD[ENGLISH] + "\n" + ordinary(2)
    assert not [m for m in scanned(" ".join(told), work=work).matches if m.listed]


def test_only_foreign_works_are_stored_in_english_and_none_lacks_it(tmp_path):
    stored = {name: {f.scheme for f in features(document(text * 3)).fingerprints} for name, text in TOLD.items()}
    assert not stored[ENGLISH] & {GLOSS, GLOSS_WORDS}
    assert all({GLOSS, GLOSS_WORDS} <= stored[language] for language in LANGUAGES)
    with open_registry(tmp_path / "r.db", create=True) as registry:
        for name in (ENGLISH, "german"):
            registry.add([Entry(name, name, "text", Media("text", name, (features(document(TOLD[name])),)))])
        assert registry.due() == (0, 0) and registry.check() == []
        found = scan_media("o", Media("text", "", (probes(document(TOLD["spanish"])),)), registry)
    assert {m.work_id for m in found.matches if m.listed} == {ENGLISH, "german"}


def test_meanings_of_one_word_weigh_together():
    """That one of four words turns up is more likely than that a certain one does."""
    part = probes(document(TOLD["german"]))
    forms = part.of("text.forms.1", "german")
    per_word = {}
    for at, step in zip(forms.positions.tolist(), forms.payload[:, 4].tolist(), strict=True):
        per_word.setdefault(at, set()).add(step)
    assert all(len(steps) == 1 for steps in per_word.values())
    assert part.of(RARE, "german") is not None and part.of(GLOSS, "german") is not None


def test_of_a_translation_the_words_that_mean_the_same_are_marked_on_both_sides():
    ours, theirs = evidence_text.translated("Der Wolf kam mit der Laterne auf den Hügel", "A wolf with a lantern on the hill")
    near = [[text.lower() for kind, text in side if kind in ("near", "same")] for side in (ours, theirs)]
    assert near[0][0] == near[1][0] == "wolf" and "hügel" in near[0] and "hill" in near[1]
    assert told_by(["the", "lantern"], "", 3.0)[1] and told_by([], "german", 3.0) == []
    assert len(families().hashes) and np.isfinite(families().joint).all()


PARAPHRASED = """The final night of reaping, a miller's relict went up the hillock, lamp in fist. Gusts had ripped straw off the
granary; both steeds were loose among the timber. No dread of wolves had she, only of the covetous kinsman who
claimed her spring and menaced her in front of a parson. A trooper slumbered beneath an ancient oak, snow
filling his footwear, rime whitening his beard, his fingers clasping a spoon of silver. Roused and fed on loaves
and cheese, he vowed by his mother's tomb to expel that robber."""


def test_a_paraphrase_in_synonyms_is_named_with_its_place_and_its_words_are_marked():
    work = ordinary(1) + "\n" + TOLD[ENGLISH] + "\n" + ordinary(2)
    report = scanned(PARAPHRASED, work=work, **{f"other{n}": ordinary(10 + n) for n in range(4)})
    [match] = [m for m in report.matches if m.listed]
    best = max((e for _, e in match.segments), key=lambda e: e.strength)
    assert (match.work_id, match.relation, best.variant) == ("work", "remake", SYNONYMS)
    assert "in other words" in "\n".join(summary(as_json(report))) and changes(SYNONYMS) == ["in other words"]
    shown = evidence_text.passages(PARAPHRASED, work, as_json(report)["matches"][0]["segments"])
    near = {text for run in shown for kind, text in run["output"] if kind == "near"}
    assert {"menaced", "parson", "reaping"} <= near
    seen = page_figures.figure({"kind": "passages", "passages": shown, "at_hand": True})["passages"]
    assert {passage["note"] for passage in seen} <= {"in other words", ""} != {passage["note"] for passage in seen}


def test_a_long_text_is_not_looked_up_in_synonyms_nor_a_foreign_one():
    short, long = (probes(document(ordinary(3, n))) for n in (20, 60))
    assert short.of(RARE, SYNONYMS) is not None and long.of(RARE, SYNONYMS) is None
    assert probes(document(TOLD["german"])).of(RARE, SYNONYMS) is None


def test_synonyms_are_weighed_together_and_names_have_none():
    hashes = word_hashes(fold("giddiness giddiness"))
    forms = with_synonyms(hashes, np.array([False, True]))
    dizzy = word_hashes(fold("dizziness"))[0]
    assert dizzy in forms.form[forms.word == 0].tolist() and dizzy not in forms.form[forms.word == 1].tolist()
    assert len(set(forms.joint[forms.word == 0].tolist())) == 1 and forms.joint[0] < forms.joint[-1]
    assert int(np.diff(synonyms().first).max()) <= MOST and len(SYNONYMS_FILE.read_text().splitlines()) == len(synonyms().heads)


PSALM = """Der HERR ist mein Hirte; mir wird nichts mangeln. Er weidet mich auf einer grünen Aue und führet mich zum frischen
Wasser. Er erquicket meine Seele; er führet mich auf rechter Straße um seines Namens willen. Und ob ich schon wanderte im finstern
Tal, fürchte ich kein Unglück; denn du bist bei mir, dein Stecken und dein Stab trösten mich. Du bereitest vor mir einen Tisch im
Angesicht meiner Feinde. Du salbest mein Haupt mit Öl und schenkest mir voll ein. Gutes und Barmherzigkeit werden mir folgen mein
Leben lang, und ich werde bleiben im Hause des HERRN immerdar."""
QUOTED = """The Lord is my shepherd; I shall not want. He maketh me to lie down in green pastures: he leadeth me beside the
still waters. He restoreth my soul: he leadeth me in the paths of righteousness for his name's sake. Yea, though
I walk through the valley of the shadow of death, I will fear no evil: for thou art with me; thy rod and thy
staff they comfort me. Thou preparest a table before me in the presence of mine enemies: thou anointest my head
with oil; my cup runneth over. Surely goodness and mercy shall follow me all the days of my life: and I will
dwell in the house of the Lord for ever."""


def test_a_psalm_in_another_language_names_no_work_that_quotes_it(monkeypatch):
    work = ordinary(1) + "\n" + QUOTED + "\n" + ordinary(2)
    assert scanned(PSALM, work=work).matches == ()
    monkeypatch.setattr(text_compare, "is_common", lambda *_: False)
    assert [m.work_id for m in scanned(PSALM, work=work).matches if m.listed] == ["work"], "without the check it would"


RETOLD_IN_GERMAN = """Es war der Abend, an dem die Ernte zu Ende ging, da nahm die Witwe, der die Mühle gehörte, ihre
Laterne in die Hand und ging den Hügel hinauf. Das Stroh lag vom Wind zerrissen vor der Scheune, im
Wald liefen zwei entkommene Pferde. Die Wölfe fürchtete sie nicht, wohl aber den gierigen Schwager,
dem es um Obstgarten und Quelle ging und der ihr gedroht hatte, der Priester war Zeuge. Unter der
Eiche schlief ein Soldat, Schnee in den Stiefeln, Frost im Bart, den Löffel aus Silber fest in der
Faust. Von ihr geweckt und mit Brot und Käse versorgt, schwor er beim Grab der Mutter, den Dieb zu
vertreiben."""


def test_between_two_foreign_languages_more_is_needed(monkeypatch):
    work = plain("german", 1) + "\n" + TOLD["german"] + "\n" + plain("german", 2)

    def strength(output: str) -> float:
        [match] = scanned(TOLD[output], work=work).matches
        return match.segments[0][1].strength

    french, english = strength("french"), strength(ENGLISH)
    monkeypatch.setattr(text_compare, "UNSURE_BOTH", 0.0)
    assert strength("french") == pytest.approx(french + 1.0) and strength(ENGLISH) == english


def test_the_same_language_is_no_translation():
    """Words that mean the same because they are the same are met by chance: of 3,000 cuts of German novels two named another."""
    work = plain("german", 1) + "\n" + TOLD["german"] + "\n" + plain("german", 2)
    found = scanned(RETOLD_IN_GERMAN, work=work).matches
    assert not [e for m in found for _, e in m.segments if e.variant]
    stream = text_compare.stream_of(probes(document(RETOLD_IN_GERMAN)).of("text.words.1"))
    at = np.array([100, 400], np.int32)
    german, french = (text_compare.stream_of(features(document(TOLD[x] * 3)).of("text.words.1")) for x in ("german", "french"))
    assert text_compare.same_language(stream, german, at) and not text_compare.same_language(stream, french, at)
