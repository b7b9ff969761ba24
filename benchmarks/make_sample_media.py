"""Makes `sample_media/` again: `python benchmarks/make_sample_media.py [FOLDER]`.

The four texts in works/ were written by hand and are only read; everything else is computed from fixed seeds. Nothing
is downloaded. The same versions of the libraries give the same bytes.
"""

from __future__ import annotations

import csv
import html
import json
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import sample_films as films
import sample_pictures as pictures
import sample_sounds as sounds
from sample_files import Line, write_docx, write_film, write_sound, write_still

HERE = Path(__file__).resolve().parent.parent / "sample_media"
SOURCE = "made for Byline by benchmarks/make_sample_media.py"
WRITTEN = "written for Byline"

WORKS = [
    ("film-lantern", "The Lantern Boat", "film", "works/the-lantern-boat.mp4"),
    ("film-paper-city", "Paper City", "film", "works/paper-city.mp4"),
    ("music-harbour-waltz", "Harbour Waltz", "audio", "works/harbour-waltz.mp3"),
    ("music-night-shift", "Night Shift", "audio", "works/night-shift.opus"),
    ("music-salt-and-thread", "Salt and Thread", "audio", "works/salt-and-thread.m4a"),
    ("still-tidal-flats", "Tidal Flats", "image", "works/tidal-flats.jpg"),
    ("still-tin-orchard", "Tin Orchard", "image", "works/tin-orchard.jpg"),
    ("still-market", "Market at Noon", "image", "works/market-at-noon.webp"),
    ("still-chart", "Chart of a Small Country", "image", "works/chart-of-a-small-country.jpg"),
    ("text-weights", "Weights and Measures", "text", "works/weights-and-measures.txt"),
    ("text-loom", "What the Loom Kept", "text", "works/what-the-loom-kept.txt"),
    ("text-planetarium", "Last Show at the Planetarium", "text", "works/last-show-at-the-planetarium.fountain"),
    ("text-report", "CT of the chest, report SE-4471-C", "text", "works/report-ct-chest-4471.txt"),
]

CREDITS = """
film-lantern | Ingrid Solheim | director
film-lantern | Bashir Nouri | camera operator
film-lantern | Paloma Reyes | costume designer
film-lantern | Dov Aster | sound mixer
film-lantern | Wen Liling | composer
film-lantern | Marguerite Oyelaran | animator
film-paper-city | Teodor Vancea | director
film-paper-city | Yuki Hanabusa | paper cutter
film-paper-city | Bashir Nouri | camera operator
film-paper-city | Oona Farrelly | editor
film-paper-city | Dov Aster | sound mixer
music-harbour-waltz | Wen Liling | composer
music-harbour-waltz | Jacopo Treves | session player, accordion
music-harbour-waltz | Adaeze Nwosu | session player, guitar
music-harbour-waltz | Rurik Halvorsen | recording engineer
music-night-shift | Samira Kettani | composer
music-night-shift | Samira Kettani | producer
music-night-shift | Piet Dekkers | mastering engineer
music-salt-and-thread | Niamh Castellane | singer
music-salt-and-thread | Niamh Castellane | lyricist
music-salt-and-thread | Tomasz Brzeg | composer
music-salt-and-thread | Adaeze Nwosu | session player, guitar
music-salt-and-thread | Rurik Halvorsen | recording engineer
music-salt-and-thread | Dov Aster | mixing engineer
still-tidal-flats | Hollis Marrow | photographer
still-tidal-flats | Esi Amankwah | retoucher
still-tin-orchard | Lucjan Orzel | painter
still-market | Rosalba Quint | illustrator
still-market | Esi Amankwah | colourist
still-chart | Vasco Temple | cartographer
still-chart | Ilse Brandt | letterer
text-weights | Hanne Okafor-Lind | author
text-weights | Mateus Vidal | editor
text-loom | Zdenka Marsh | author
text-loom | Corin Abelard | translator
text-planetarium | Ignatius Fell | screenwriter
text-planetarium | Priya Ramanathan | script editor
text-report | Dr. Amara Lindqvist | radiologist
text-report | Joao Pires | radiographer
text-report | Kofi Brandauer | annotator
text-report | Lieselotte Arrow | transcriptionist
"""

SUBTITLES: list[Line] = [
    (0.5, 3.5, "Nobody asked the boat where it was going; it carried the only light."),
    (4.2, 6.6, "Trim the wick, said my father, and the dark will keep its distance."),
    (7.4, 10.6, "We counted the turning of the lamp: four breaths, then the sea again."),
    (11.3, 14.5, "By morning there were birds, and a shore that knew our names."),
]

EXPECTED = {
    "a-boat-remembered.mp4": ["film-lantern"],
    "marble-run.mp4": ["music-salt-and-thread"],
    "podcast-opening.mp3": ["music-harbour-waltz"],
    "focus-mix.m4a": ["music-harbour-waltz", "music-night-shift"],
    "travel-poster.jpg": ["still-chart", "still-tin-orchard"],
    "violet-evening.webp": ["still-tidal-flats"],
    "commuters.jpg": ["film-paper-city"],
    "newsletter.txt": ["text-loom", "text-weights"],
    "second-opinion.docx": ["text-report"],
    "fan-page.html": ["text-planetarium"],
    "bouncing.mp4": [],
    "bells.opus": [],
    "rings.jpg": [],
    "minutes.md": [],
}
DAMAGED = "broken-download.mp4"


def write_works(folder: Path) -> None:
    """Films, music and stills; the texts are there already."""
    write_film(folder / "the-lantern-boat.mp4", films.frames(films.LANTERN), sounds.sea(15.0), SUBTITLES)
    write_film(folder / "paper-city.mp4", films.frames(films.PAPER_CITY), sounds.street(12.0))
    write_sound(folder / "harbour-waltz.mp3", sounds.harbour_waltz(), 64000, "Harbour Waltz")
    write_sound(folder / "night-shift.opus", sounds.night_shift())
    write_sound(folder / "salt-and-thread.m4a", sounds.salt_and_thread(), 56000)
    write_still(folder / "tidal-flats.jpg", pictures.tidal_flats(), 84)
    write_still(folder / "tin-orchard.jpg", pictures.tin_orchard(), 78)
    write_still(folder / "market-at-noon.webp", pictures.market_at_noon(), 80)
    write_still(folder / "chart-of-a-small-country.jpg", pictures.chart_of_a_small_country(), 78)


def write_outputs(folder: Path, texts: Path) -> None:
    """What a generator might have made of the works, four innocent files, and one that is damaged."""
    _film_outputs(folder)
    _sound_outputs(folder)
    _still_outputs(folder)
    _text_outputs(folder, texts)


def _film_outputs(folder: Path) -> None:
    recut = list(films.frames([(films.lighthouse, 4.0), (films.lantern_boat, 4.0)]))
    graded = [np.clip(f[:, ::-1] * np.float32([1.08, 0.95, 0.86]) + 8, 0, 255).astype(np.uint8) for f in recut]
    write_film(folder / "a-boat-remembered.mp4", graded, sounds.stray_tune()[: 8 * sounds.RATE])
    song = sounds.salt_and_thread()[7 * sounds.RATE : 19 * sounds.RATE]
    write_film(folder / "marble-run.mp4", films.frames([(films.stray_shot, 12.0)]), sounds.level(song))
    late = list(films.frames([(films.stray_shot, 26.0)]))[-6 * films.FPS :]
    write_film(folder / "bouncing.mp4", [f[::-1] for f in late], sounds.speech(6.0, 44))
    whole = (folder / "a-boat-remembered.mp4").read_bytes()
    (folder / DAMAGED).write_bytes(whole[:600] + bytes(2400) + whole[40000:60000])


def _sound_outputs(folder: Path) -> None:
    waltz, shift, stray = sounds.harbour_waltz(), sounds.night_shift(), sounds.stray_tune()
    talk = sounds.speech(14.0)
    bed = 0.55 * waltz[6 * sounds.RATE : 20 * sounds.RATE]
    hiss = 0.02 * pictures.rng(401).standard_normal(len(talk))
    write_sound(folder / "podcast-opening.mp3", sounds.level(bed + 0.8 * talk + hiss), 48000)
    second = sounds.RATE
    mix = [shift[5 * second : 14 * second], stray[: 4 * second], waltz[2 * second : 11 * second]]
    write_sound(folder / "focus-mix.m4a", sounds.level(np.concatenate(mix)), 48000)
    write_sound(folder / "bells.opus", sounds.level(stray[::-1]), 40000)


def _still_outputs(folder: Path) -> None:
    poster = pictures.as_picture(pictures.ramp(pictures.fractal(501), [(70, 30, 60), (220, 130, 90), (250, 220, 170)]))
    poster[36:276, 30:350] = cv2.resize(pictures.tin_orchard(), (320, 240), interpolation=cv2.INTER_AREA)
    turned = cv2.rotate(pictures.chart_of_a_small_country(), cv2.ROTATE_90_CLOCKWISE)
    poster[60:420, 366:636] = cv2.resize(turned, (270, 360), interpolation=cv2.INTER_AREA)
    cv2.putText(poster, "SOMEWHERE GREEN", (24, 400), cv2.FONT_HERSHEY_TRIPLEX, 1.1, (250, 250, 250), 2, 16)
    write_still(folder / "travel-poster.jpg", poster, 78)
    crop = pictures.tidal_flats()[70:450, 90:600].astype(np.float32)
    violet = crop[..., [0, 2, 1]] * np.float32([1.15, 0.8, 1.05]) + 12
    write_still(folder / "violet-evening.webp", pictures.as_picture(violet), 72)
    train = films.night_train(1.6).astype(np.float32) * np.float32([0.94, 1.0, 1.08]) + 6
    large = cv2.resize(pictures.as_picture(train), (640, 480), interpolation=cv2.INTER_CUBIC)
    write_still(folder / "commuters.jpg", large, 80)
    write_still(folder / "rings.jpg", pictures.stray_still(), 66)


def _text_outputs(folder: Path, texts: Path) -> None:
    story = (texts / "weights-and-measures.txt").read_text(encoding="utf-8").split("\n\n")
    poem = (texts / "what-the-loom-kept.txt").read_text(encoding="utf-8").split("\n\n")
    tale = [_edited(p) for p in story[8:15]]
    verses = [p.replace("lord", "duke") for p in poem[2:6]]
    (folder / "newsletter.txt").write_text("\n\n".join([OPENING, *tale, BRIDGE, *verses, CLOSING]) + "\n", encoding="utf-8")
    report = (texts / "report-ct-chest-4471.txt").read_text(encoding="utf-8")
    report = (
        report.replace("glass blower", "ceramicist")
        .replace("14 mm", "15 mm")
        .replace("ST. ELVAN INFIRMARY", "AUTOMATED READING SERVICE")
    )
    write_docx(folder / "second-opinion.docx", report[report.index("FINDINGS") :].strip())
    scene = (texts / "last-show-at-the-planetarium.fountain").read_text(encoding="utf-8").split("\n\n")[4:17]
    body = "\n".join(f"<p><em>{html.escape(p)}</em></p>" for p in scene)
    page = f"{PAGE_HEAD}\n{body}\n<p>Comments are closed.</p></body></html>\n"
    (folder / "fan-page.html").write_text(page, encoding="utf-8")
    (folder / "minutes.md").write_text(MINUTES, encoding="utf-8")


def _edited(paragraph: str) -> str:
    for old, new in (
        ("Odile", "Miriam"),
        ("Casimir", "Anton"),
        ("fish hall", "market hall"),
        ("A herring", "An oyster"),
        ("nineteen", "twenty"),
    ):
        paragraph = paragraph.replace(old, new)
    return paragraph


OPENING = (
    "Dear readers, this week we asked our writing engine for something about honesty in small places. "
    "Here is what came back, lightly trimmed."
)
BRIDGE = "And because it is the season for it, a verse that the same engine put at the foot of the page:"
CLOSING = "Write to us with your own small inspectors. We read every letter, though not always on the day it comes."
PAGE_HEAD = """<!doctype html>
<html lang=en><head><meta charset=utf-8><title>Dome fans</title></head><body><h1>A scene I dreamed</h1>"""

MINUTES = """# Allotment society, minutes of the autumn meeting

Present: eleven members, one dog. Apologies from the treasurer, who sent the figures by post.

- The water butt beside plot six leaks again. Gunnar has a patch and will bring it on Saturday if it does not rain, and on
  Sunday if it does.
- Two members asked for a rule about bonfires. After some discussion it was agreed that smoke may not cross the cinder path
  before noon. The chair will paint a board.
- Seed potatoes were ordered together last year and came late. This year Farida orders by the end of January, and whoever has
  not paid by then digs the long bed.
- The bees were praised. Nobody was stung, or nobody said so.

Any other business: a spade with a red handle was found under the elder. It hangs in the shed until somebody misses it.
"""

# Numbers of guilds that do not exist. Whoever has none is known by name, on each work apart.
IDENTIFIERS = {
    "Ingrid Solheim": "scg:1007", "Bashir Nouri": "scg:2210", "Paloma Reyes": "scg:3145", "Dov Aster": "scg:4402",
    "Teodor Vancea": "scg:1093", "Oona Farrelly": "scg:5518", "Wen Liling": "hmg:0412", "Adaeze Nwosu": "hmg:0977",
    "Rurik Halvorsen": "hmg:1330", "Samira Kettani": "hmg:0268", "Piet Dekkers": "hmg:1541", "Niamh Castellane": "hmg:0655",
    "Esi Amankwah": "pic:88-204", "Dr. Amara Lindqvist": "radreg:SE-30117", "Joao Pires": "radreg:SE-52260",
    "Kofi Brandauer": "radreg:AN-118",
}  # fmt: skip
GUILDS = {"scg": "Screen Crafts Guild", "hmg": "Harbour Musicians", "pic": "", "radreg": ""}
SHARES = {("music-harbour-waltz", "Wen Liling"): "25%"}
HOLDERS = {"film-paper-city": "Paper City Pictures"}


def _credit_row(line: str) -> list[str]:
    work, name, role = line.split(" | ")
    identifier = IDENTIFIERS.get(name, "")
    return [work, name, role, identifier, SHARES.get((work, name), ""), GUILDS.get(identifier.partition(":")[0], "")]


def write_tables(folder: Path) -> None:
    """works.csv, credits.csv and expected.json."""
    with (folder / "works.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("work_id", "title", "medium", "path", "licence", "source", "holders"))
        sources = (WRITTEN if work[2] == "text" else SOURCE for work in WORKS)
        rows.writerows((*work, "CC0-1.0", source, HOLDERS.get(work[0], "")) for work, source in zip(WORKS, sources, strict=True))
    with (folder / "credits.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("work_id", "name", "role", "identifier", "share", "guild"))
        rows.writerows(_credit_row(line) for line in CREDITS.strip().splitlines())
    expected = {name: {"works": works} for name, works in EXPECTED.items()} | {DAMAGED: {"works": [], "error": True}}
    text = json.dumps(expected, indent=1, sort_keys=True)
    (folder / "expected.json").write_text(text + "\n", encoding="utf-8")


def make(folder: Path) -> None:
    """Everything into `folder`, texts copied from the hand-written ones when it is another one."""
    works, outputs = folder / "works", folder / "outputs"
    for sub in (works, outputs):
        sub.mkdir(parents=True, exist_ok=True)
    for work in WORKS:
        if work[2] == "text" and folder != HERE:
            shutil.copyfile(HERE / work[3], folder / work[3])
    write_works(works)
    write_outputs(outputs, works)
    write_tables(folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else HERE)
