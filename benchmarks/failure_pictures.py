"""The three failures shown in docs/recognition.md, made from our own sample works: `python benchmarks/failure_pictures.py`.

Each output really follows a registered work and is really missed; the script ends with an error when it is found after all.
Writes docs/media/failure-edges.webp, failure-melody.webp and failure-waves.webp.
"""

from __future__ import annotations

import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image, ImageDraw
from sample_sounds import RATE, Note, played, walk

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fingerprint import extract, schemes  # noqa: E402
from fingerprint.audio_chroma import CHROMA, levels  # noqa: E402
from fingerprint.film_frames import chunks, decode  # noqa: E402
from matcher.scan import scan_output  # noqa: E402
from registry.memory import MemoryIndex  # noqa: E402

WORKS = ROOT / "sample_media" / "works"
FILM, TUNE, STILL = WORKS / "paper-city.mp4", WORKS / "harbour-waltz.mp3", WORKS / "tidal-flats.jpg"
MEDIA = ROOT / "docs" / "media"
MOMENTS_S = (2.0, 5.0)
WIDE = 320
CELL = 8


def edges_of(path: Path, target: Path) -> Path:
    """The film as white lines on black."""
    with av.open(str(path)) as source, av.open(str(target), "w") as out:
        video = source.streams.video[0]
        stream = out.add_stream("libx264", rate=Fraction(video.average_rate or 25))
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        for number, frame in enumerate(source.decode(video)):
            grey = cv2.GaussianBlur(frame.to_ndarray(format="gray"), (0, 0), 1.5)
            lines = cv2.Canny(grey, 60, 140)
            made = av.VideoFrame.from_ndarray(np.stack([lines] * 3, axis=2), format="rgb24").reformat(format="yuv420p")
            made.pts, made.time_base = number, Fraction(1, 1) / Fraction(video.average_rate or 25)
            out.mux(stream.encode(made))
        out.mux(stream.encode(None))
    return target


def melody_alone(target: Path) -> Path:
    """The waltz's melody without its chords, on bells, a fifth higher, in a rhythm of its own."""
    scale = [57, 59, 60, 62, 64, 65, 68, 69, 71, 72, 74, 76, 77, 80, 81]
    tune = walk(11, scale, 72)[:64]
    starts = np.cumsum(np.random.default_rng(5).choice([0.15, 0.3, 0.6], len(tune)))
    notes: list[Note] = [(float(at), pitch + 7, 0.5, "bell", 0.7) for at, pitch in zip(starts, tune, strict=True) if at < 21]
    sound = played(notes, 22.0, 0.3, 2)
    with av.open(str(target), "w") as out:
        stream = out.add_stream("flac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray((sound[None] * 32767).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target


def waves_through(path: Path, target: Path) -> Path:
    """The still in three tones, every place moved along two waves by up to 24 pixels."""
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]].astype(np.float32)
    right, down = (24 * np.sin(along * np.float32(6 * np.pi / len_)) for along, len_ in ((y, len(y)), (x, len(x.T))))
    moved = cv2.remap(grey, x + right, y + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    cv2.imwrite(str(target), np.minimum(moved // 86 * 120, 255).astype(np.uint8))
    return target


def missed(output: Path) -> None:
    """Ends the script when the output is found."""
    index = MemoryIndex([(p.stem, extract(p).parts) for p in (FILM, TUNE, STILL)], schemes())
    found = [(m.work_id, round(m.score, 2)) for m in scan_output(output, index).matches if m.listed]
    if found:
        sys.exit(f"{output.name} is found ({found}): show another failure")


def frame_at(path: Path, second: float) -> Image.Image:
    """The frame shown at that second, as a small picture."""
    for chunk in chunks(decode(path), 8.0, WIDE):
        near = int(np.abs(chunk.times - second).argmin())
        if abs(chunk.times[near] - second) < 0.3:
            return Image.fromarray(chunk.grey[near])
    sys.exit(f"{path.name} has no frame at {second} s")


def beside(rows: list[list[Image.Image]], captions: list[str], target: Path) -> None:
    """Pictures in rows under their captions."""
    width, height = rows[0][0].size
    sheet = Image.new("L", (len(captions) * (width + 8) + 8, len(rows) * (height + 8) + 32), 255)
    draw = ImageDraw.Draw(sheet)
    for column, caption in enumerate(captions):
        draw.text((8 + column * (width + 8), 10), caption, fill=0)
        for row, pictures in enumerate(rows):
            sheet.paste(pictures[column].resize((width, height)), (8 + column * (width + 8), 32 + row * (height + 8)))
    sheet.save(target, quality=80)


def chroma_picture(path: Path) -> Image.Image:
    """Pitch classes (C at the bottom) over time, dark where they sound."""
    part = next(p for p in extract(path).parts if p.medium == "audio")
    tones = part.of(CHROMA.name)
    assert tones is not None
    grey = 255 - np.clip(levels(tones).T[::-1] * 255, 0, 255).astype(np.uint8)
    return Image.fromarray(np.kron(grey[:, :40], np.ones((CELL * 2, CELL), np.uint8)))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        lines, tune = edges_of(FILM, Path(folder) / "edges.mp4"), melody_alone(Path(folder) / "melody.flac")
        missed(lines)
        missed(tune)
        waves = waves_through(STILL, Path(folder) / "waves.png")
        missed(waves)
        shown = [Image.open(p).convert("L").resize((WIDE, WIDE * 3 // 4)) for p in (STILL, waves)]
        beside([shown], ["the work", "the output: waves through it, three tones"], MEDIA / "failure-waves.webp")
        pairs = [[frame_at(path, second) for path in (FILM, lines)] for second in MOMENTS_S]
        beside(pairs, ["the work", "the output: its edges only"], MEDIA / "failure-edges.webp")
        tones = [[chroma_picture(TUNE), chroma_picture(tune)]]
        captions = ["the work: tune, chords and bass", "the output: the tune alone, a fifth higher, in another rhythm"]
        beside(tones, captions, MEDIA / "failure-melody.webp")
    print("all are missed; the pictures are in docs/media")


if __name__ == "__main__":
    main()
