"""Retelling by rule, for stress_text.py: what can be written anew without understanding it.

Synonyms from a list, sentences in another order, tense and person, clauses cut apart, sentences left out, and what stays when a
text is set in another form: verse, a screenplay, code with other names.
"""

from __future__ import annotations

import keyword
import random
import re
import sysconfig
from pathlib import Path

Words = list[str]

# Pairs of common words that may stand for each other, either way.
SYNONYMS = """
big large | small little | house home | begin start | began started | end finish | ended finished | see notice | saw noticed
look gaze | looked gazed | say state | said remarked | speak talk | spoke talked | ask inquire | asked inquired | answer reply
answered replied | walk stroll | walked strolled | run hurry | ran hurried | go move | went moved | come arrive | came arrived
take grab | took grabbed | give hand | gave handed | get obtain | got obtained | find discover | found discovered
think believe | thought believed | know understand | knew understood | want wish | wanted wished | like enjoy | love adore
hate detest | fear dread | happy glad | sad unhappy | angry furious | old aged | young youthful | new fresh | good fine
bad poor | beautiful lovely | ugly hideous | rich wealthy | dark gloomy | bright brilliant | strange odd | quiet silent
quick fast | quickly rapidly | slow unhurried | slowly gradually | suddenly abruptly | often frequently | always forever
perhaps maybe | very extremely | quite rather | almost nearly | many numerous | few several | every each | whole entire
man fellow | woman lady | child youngster | children youngsters | friend companion | people folk | father parent
street road | town city | country land | sea ocean | forest wood | mountain hill | room chamber | door entrance
night evening | morning dawn | day date | time moment | year twelvemonth | work labour | money cash | letter note
picture image | story tale | word term | voice tone | face countenance | hand palm | eye glance | eyes glances
head skull | heart breast | body frame | mind brain | idea notion | question query | reason cause | way manner
thing object | place spot | side flank | part portion | piece bit | kind sort | sound noise | light glow | fire blaze
great grand | long lengthy | short brief | high tall | deep profound | cold chilly | hot warm | hard difficult | easy simple
true real | false untrue | sure certain | right correct | wrong mistaken | alone solitary | together jointly
before earlier | after following | near close | far distant | upon on | within inside | without lacking | through via
""".replace("\n", " | ")
OTHER = {a: b for pair in SYNONYMS.split("|") if pair.split() for a, b in (pair.split(), pair.split()[::-1])}
FIRST_TO_THIRD = {"I": "he", "me": "him", "my": "his", "mine": "his", "myself": "himself", "we": "they", "us": "them",
                  "our": "their", "ours": "theirs",
                  "I'm": "he is", "am": "is"}  # fmt: skip
PRESENT = {"was": "is", "were": "are", "had": "has", "said": "says", "went": "goes", "came": "comes", "saw": "sees",
           "took": "takes", "knew": "knows", "thought": "thinks", "did": "does", "could": "can", "would": "will", "made": "makes",
           "gave": "gives", "found": "finds",
           "felt": "feels", "stood": "stands", "told": "tells", "left": "leaves", "heard": "hears"}  # fmt: skip
FILLERS = ("of course", "in fact", "it seems", "so to speak", "as it were", "at that moment", "for a while")
PLACES = ("A ROOM", "THE STREET", "A GARDEN", "THE HARBOUR", "A KITCHEN")
SPEAKERS = ("MORAG", "TOBIAS", "INES", "VOICE")
MODULES = (
    "heapq",
    "bisect",
    "textwrap",
    "difflib",
    "shlex",
    "fractions",
    "statistics",
    "configparser",
    "csv",
    "queue",
    "string",
    "cmd",
)


def replaced(word: str, by: dict[str, str]) -> str:
    """The word with what stands for it, in its case and with its marks."""
    bare = word.strip(".,;:!?\"'()“”’")
    other = by.get(bare) or by.get(bare.lower())
    if not bare or other is None:
        return word
    return word.replace(bare, other.capitalize() if bare[0].isupper() and bare != "I" else other)


def synonyms(words: Words, dice: random.Random) -> Words:
    """Every word that the list knows is another one."""
    return [replaced(w, OTHER) for w in words]


def sentences(words: Words) -> list[Words]:
    """The words by sentences."""
    found: list[Words] = [[]]
    for w in words:
        found[-1].append(w)
        if w.rstrip("\"'”’)")[-1:] in (".", "!", "?"):
            found.append([])
    return [s for s in found if s]


def reordered(words: Words, dice: random.Random) -> Words:
    """Sentences in another order."""
    some = sentences(words)
    dice.shuffle(some)
    return [w for s in some for w in s]


def retold(words: Words, dice: random.Random) -> Words:
    """In the third person and the present tense."""
    changed = [replaced(replaced(w, FIRST_TO_THIRD), PRESENT) for w in words]
    return [re.sub(r"(?<=[a-z]{3})ed\b", "s", w) for w in changed]


def cut_apart(words: Words, dice: random.Random) -> Words:
    """Clauses become sentences, some with a phrase put before them."""
    result: Words = []
    after = False
    for w in words:
        if after:
            w = w.capitalize()
            if dice.random() < 0.4:
                result += dice.choice(FILLERS).capitalize().split()
                w = w.lower()
        after = w[-1:] in ",;:"
        result.append(w.rstrip(",;:") + "." if after else w)
    return result


def summary(words: Words, dice: random.Random) -> Words:
    """Of the sentences one in two or three, of their words those of four letters or more and some of the others."""
    kept = dice.uniform(0.35, 0.5)
    some = sentences(words)
    chosen = [s for s in some if dice.random() < kept] or some[:1]
    return [w for s in chosen for w in s if len(w) > 3 or dice.random() < 0.6]


def paraphrase(words: Words, dice: random.Random) -> Words:
    """Synonyms, tense and person, clauses cut apart, every eighth word left out."""
    changed = cut_apart(retold(synonyms(words, dice), dice), dice)
    return [w for w in changed if dice.random() > 0.12]


def as_verse(words: Words, dice: random.Random) -> Words:
    """Lines of five to eight words with capitals, in stanzas of four."""
    result: Words = []
    line, lines = 0, 0
    for w in words:
        if line == 0:
            w = ("\n\n" if lines % 4 == 0 else "\n") + w.capitalize()
            line, lines = dice.randint(5, 8), lines + 1
        line -= 1
        result.append(w.rstrip(".,;"))
    return result


def as_screenplay(words: Words, dice: random.Random) -> Words:
    """A heading, then what is said in turns of a few words by people who do not stand in the work."""
    result = [f"INT. {dice.choice(PLACES)} - NIGHT\n"]
    turn = 0
    for w in words:
        if turn == 0:
            result.append(f"\n\n{dice.choice(SPEAKERS)}\n" + ("(quietly)\n" if dice.random() < 0.3 else ""))
            turn = dice.randint(8, 25)
        turn -= 1
        result.append(w)
    return result


def code_works() -> dict[str, str]:
    """Modules of Python's own library, which stand for works of code."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    return {f"code-{name}": (folder / f"{name}.py").read_text(encoding="utf-8") for name in MODULES}


def renamed_code(source: str, dice: random.Random) -> str:
    """The code without comments, with other names for what it names itself, indented otherwise."""
    names: dict[str, str] = {}
    defined = set(re.findall(r"\b(\w+)\s*=[^=]|\bdef (\w+)|\bfor (\w+)|\bclass (\w+)", source))
    own = {name for group in defined for name in group if name and not keyword.iskeyword(name)}
    result = []
    for line in source.splitlines():
        code = line.split("#")[0].rstrip() if '"' not in line and "'" not in line else line
        for name in re.findall(r"\b[A-Za-z_]\w*\b", code):
            if name in own:
                names.setdefault(name, f"{dice.choice('abcdefgh')}_{len(names)}")
        result.append(re.sub(r"\b[A-Za-z_]\w*\b", lambda m: names.get(m.group(), m.group()), code).replace("    ", "  "))
    return "\n".join(line for line in result if line.strip())


RETOLD = {
    "synonyms": synonyms, "sentences-reordered": reordered, "tense-and-person": retold, "clauses-cut-apart": cut_apart,
    "summary": summary, "paraphrase": paraphrase, "verse": as_verse, "screenplay": as_screenplay,
}  # fmt: skip
