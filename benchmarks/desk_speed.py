"""What a user waits for and how much memory it takes: --help, one small still, a 6-hour recording, a 2-hour film.

Long media are made by repeating the packets of one encoded minute: content does not matter for memory, length does.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "from desk.command import main; main()"


def run(*arguments: str) -> tuple[float, float, float]:
    """(wall s, CPU s, peak MB of the largest process) of one byline command."""
    program = (
        "import resource, subprocess, sys;"
        "r = subprocess.run([sys.executable, '-c', sys.argv[1], *sys.argv[2:]], stdout=subprocess.DEVNULL);"
        "u = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(r.returncode, u.ru_utime + u.ru_stime, u.ru_maxrss / 1024)"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program, COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wall = time.perf_counter() - began
    status, cpu, peak = done.stdout.split()
    if status != "0":
        sys.exit(f"byline {' '.join(arguments)}: exit status {status}\n{done.stderr}")
    return wall, float(cpu), float(peak)


def long_recording(path: Path, hours: float) -> None:
    """A stereo 44.1 kHz mp3 of that length: one encoded minute, its packets repeated."""
    dice = np.random.default_rng(1)
    t = np.arange(44100 * 60) / 44100
    tones = sum(np.sin(2 * np.pi * f * t * (1 + 0.1 * np.sin(t / k))) for k, f in enumerate((220, 441, 1250, 3100), 1))
    sound = (6000 * (tones / 4 + 0.3 * dice.standard_normal(len(t)))).astype(np.int16)
    with av.open(str(path), "w", format="mp3", options={"write_xing": "0"}) as out:
        stream = out.add_stream("mp3", rate=44100, layout="stereo")
        packets = []
        for start in range(0, len(sound), 44100):
            frame = av.AudioFrame.from_ndarray(np.repeat(sound[start : start + 44100], 2)[None], "s16", "stereo")
            frame.rate, frame.pts = 44100, start
            packets += stream.encode(frame)
        packets += stream.encode(None)
        body = b"".join(bytes(p) for p in packets)
    with path.open("wb") as file:
        for _ in range(round(hours * 60)):
            file.write(body)


def long_film(path: Path, hours: float) -> None:
    """A 480p H.264 film at 24 fps of that length: one encoded minute, its packets repeated with later times."""
    dice = np.random.default_rng(2)
    ground = cv2.resize(dice.integers(0, 255, (15, 27, 3), dtype=np.uint8), (854, 480), interpolation=cv2.INTER_CUBIC)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=24, options={"preset": "ultrafast", "g": "48", "bf": "0", "crf": "38"})
        stream.width, stream.height, stream.pix_fmt = 854, 480, "yuv420p"
        stream.time_base = Fraction(1, 24)
        packets = []
        for n in range(24 * 60):
            picture = np.roll(ground, (n * 3) % 480, axis=0) if n // 96 % 2 else np.roll(ground, n * 5, axis=1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts = n
            packets += stream.encode(frame)
        packets += stream.encode(None)
        kept = [(bytes(p), p.pts, p.is_keyframe) for p in packets]
        for minute in range(round(hours * 60)):
            for body, pts, key in kept:
                p = av.Packet(body)
                p.stream, p.time_base = stream, Fraction(1, 24)
                p.pts = p.dts = pts + minute * 24 * 60
                p.is_keyframe = key
                out.mux(p)


def measure() -> list[dict[str, object]]:
    """Rows of name, value, bar."""
    rows: list[dict[str, object]] = []
    help_s = min(run("--help")[0] for _ in range(5)) - min(_empty() for _ in range(5))
    rows.append({"check": "byline --help, wall s", "value": round(help_s, 3), "bar": 0.2})
    with tempfile.TemporaryDirectory() as folder:
        registry = str(Path(folder, "sample.db"))
        sample = ROOT / "sample_media"
        run("register", "--registry", registry, "--catalog", str(sample / "works.csv"), "--credits", str(sample / "credits.csv"))
        still = next(p for p in sorted((sample / "outputs").iterdir()) if p.suffix in (".jpg", ".png", ".webp"))
        wall = sorted(run("scan", "--registry", registry, "--json", str(still))[0] for _ in range(5))[2]
        rows.append({"check": "scan one small still against sample_media, wall s", "value": round(wall, 3), "bar": 1.5})
        for name, make, hours in (("recording.mp3", long_recording, 6.0), ("film.mp4", long_film, 2.0)):
            path = Path(folder, name)
            make(path, hours)
            wall, cpu, peak = run("fingerprint", str(path), "-o", str(path.with_suffix(".fp")))
            size = path.with_suffix(".fp").stat().st_size / 1e6 / hours
            rows.append({"check": f"{hours:g}-hour {name}, peak MB of one process", "value": round(peak), "bar": 500})
            rows.append({"check": f"{hours:g}-hour {name}, CPU s an hour", "value": round(cpu / hours, 1), "bar": None})
            rows.append({"check": f"{hours:g}-hour {name}, MB of fingerprint an hour", "value": round(size, 2), "bar": None})
    return rows


def _empty() -> float:
    """Wall seconds of the measuring program itself."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import resource, subprocess"], check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for row in measure():
        print(row)
