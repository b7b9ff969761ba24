"""Worker processes for untrusted media: a crash, a hang or a memory bomb costs one file, not the batch.

Parent and worker talk over pipes in frames of JSON and bytes; nothing is pickled. What a worker does is a task,
"module:function" (desk/tasks.py). A worker that dies, overruns its time or its memory is replaced.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from fingerprint.errors import BylineError

ROOT = Path(__file__).resolve().parent.parent
# -P and an appended path: a folder named "desk" where the user happens to stand is never imported.
BOOT = "import sys; sys.path.append(sys.argv[1]); from desk.tasks import serve; serve()"
FRAME = struct.Struct(">IQ")
START_S = 120.0
FILES_PER_WORKER = 2000  # then a fresh one: slow leaks in decoders never reach the limit
WINDOW = 32  # answers a worker may be ahead of the slowest file, so that order costs little waiting
KEPT_HERE = ("body", "wanted")  # of a job: bytes travel beside the JSON, and what only the parent needs not at all
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")


class WorkerFailed(BylineError):
    """No file can be done: what all of them need is not there, or not right."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Limits:
    """What one file may cost. The floor is generous; a file of 1 GB gets about an hour and ten minutes more."""

    memory_bytes: int = 2 << 30
    floor_s: float = 180.0
    s_per_mb: float = 4.0

    def seconds(self, path: str) -> float:
        """Wall-clock seconds for this file."""
        try:
            size = Path(path).stat().st_size
        except (OSError, ValueError):
            size = 0
        return self.floor_s + self.s_per_mb * size / 1e6 + _of_extra(path)


def _of_extra(path: str) -> float:
    """Seconds more for a text where a network tells what its sentences mean."""
    from fingerprint import text, text_meaning

    reads = Path(path).suffix.lower() in text.SUFFIXES and text_meaning.installed()
    return text_meaning.SLOWEST_S if reads else 0.0


@dataclass(frozen=True)
class Answer:
    """What a worker says of one job: the task's JSON and bytes, or an error with `code` and `message`."""

    head: Mapping[str, Any]
    body: bytes = b""

    @property
    def error(self) -> Mapping[str, str] | None:
        """{"code", "message"} when the job failed."""
        error: Mapping[str, str] | None = self.head.get("error")
        return error


def failed(path: str, code: str, reason: str) -> Answer:
    """The Answer for a file on which the worker itself gave up."""
    return Answer({"error": {"code": code, "message": f"{path}: {reason}"}})


def write_frame(stream: BinaryIO, head: Mapping[str, Any], body: bytes = b"") -> None:
    """One message: lengths, JSON, bytes."""
    text = json.dumps(head).encode()
    stream.write(FRAME.pack(len(text), len(body)) + text)
    stream.write(body)
    stream.flush()


def read_frame(stream: BinaryIO) -> Answer:
    """The next message. Raises EOFError when the other side has gone."""
    sizes = stream.read(FRAME.size)
    if len(sizes) < FRAME.size:
        raise EOFError
    head_size, body_size = FRAME.unpack(sizes)
    text, body = stream.read(head_size), stream.read(body_size)
    if len(text) < head_size or len(body) < body_size:
        raise EOFError
    return Answer(json.loads(text), body)


class Worker:
    """One process. `hello` is what its task said when it had started."""

    def __init__(self, task: str, options: Mapping[str, Any], limits: Limits) -> None:
        self.limits = limits
        self.served = 0
        self._late = threading.Event()
        apart: dict[str, Any] = {} if sys.platform == "win32" else {"process_group": 0}  # Ctrl-C reaches the parent only
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", BOOT, str(ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("BYLINE_DEBUG") else subprocess.DEVNULL,
            env=ONE_THREAD | dict(os.environ),
            **apart,
        )
        head = {"task": task, "options": dict(options), "memory_bytes": limits.memory_bytes}
        answer = self._exchange(head, START_S, "byline")
        if answer.error is not None:
            self.kill()
            raise WorkerFailed(answer.error["code"], answer.error["message"])
        self.hello = answer.head

    def ask(self, job: Mapping[str, Any]) -> Answer:
        """The task's answer for this job, whose "path" is the file it opens; "body" may hold bytes."""
        self.served += 1
        seconds = self.limits.seconds(str(job["path"]))
        answer = self._exchange({**job, "seconds": seconds}, seconds, str(job.get("name") or job["path"]))
        if "fatal" in answer.head:
            raise WorkerFailed(answer.head["fatal"]["code"], answer.head["fatal"]["message"])
        return answer

    def _exchange(self, head: Mapping[str, Any], seconds: float, name: str) -> Answer:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise WorkerFailed("worker", "the worker process has no pipes")
        timer = threading.Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            told = {key: value for key, value in head.items() if key not in KEPT_HERE}
            write_frame(stdin, told, head.get("body", b""))  # type: ignore[arg-type]
            return read_frame(stdout)  # type: ignore[arg-type]
        except (EOFError, OSError, ValueError):
            return self._obituary(name, seconds)
        finally:
            timer.cancel()

    def _expire(self) -> None:
        self._late.set()
        self._process.kill()

    def _obituary(self, name: str, seconds: float) -> Answer:
        """Why there is no answer, in one sentence."""
        self._process.kill()
        status = self._process.wait()
        if self._late.is_set() or status == -getattr(signal, "SIGALRM", 0):
            return failed(name, "timeout", f"took longer than {seconds:.0f} s and was given up; it may be damaged")
        if status == -9:
            return failed(name, "memory", "its decoder was killed, most likely for lack of memory; free some or scale it down")
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        return failed(name, "crash", f"its decoder crashed ({how}); the file is damaged or hostile, export it again")

    @property
    def alive(self) -> bool:
        """Whether it can be asked again."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it now."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


@dataclass
class Pool:
    """Workers that answer jobs in order. Use as a context manager: leaving it ends them, also on Ctrl-C."""

    task: str
    options: Mapping[str, Any]
    jobs: int = 1
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        self._all: set[Worker] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed.set()
            workers, self._all = self._all, set()
        for worker in workers:
            worker.kill()

    def hello(self) -> Mapping[str, Any]:
        """What the task says of itself at the start. Raises WorkerFailed."""
        worker = self._take()
        self._idle.put(worker)
        return worker.hello

    def answers(self, jobs: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Answer]]:
        """(job, its answer), in the order of the jobs."""
        waiting: deque[tuple[Mapping[str, Any], Future[Answer]]] = deque()
        threads = ThreadPoolExecutor(self.jobs)
        try:
            for job in jobs:
                waiting.append((job, threads.submit(self._ask, job)))
                while waiting and (len(waiting) > WINDOW * self.jobs or waiting[0][1].done()):
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        except BaseException:
            self.__exit__()
            raise
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, job: Mapping[str, Any]) -> Answer:
        if "error" in job:  # it had failed before it came here, and keeps its place in the order
            return Answer({"error": job["error"]})
        worker = self._take()
        fresh = worker.served == 0
        answer = worker.ask(job)
        if _worker_to_blame(answer) and not fresh:  # it may carry the damage of an earlier file: ask a clean one
            self._drop(worker)
            worker = self._take()
            answer = worker.ask(job)
        if worker.alive and worker.served < FILES_PER_WORKER and not _worker_to_blame(answer):
            self._idle.put(worker)
        else:
            self._drop(worker)
        return answer

    def _take(self) -> Worker:
        if self._closed.is_set():
            raise WorkerFailed("stopped", "stopped")
        with contextlib.suppress(queue.Empty):
            return self._idle.get_nowait()
        worker = Worker(self.task, self.options, self.limits)
        with self._lock:
            if not self._closed.is_set():
                self._all.add(worker)
                return worker
        worker.kill()
        raise WorkerFailed("stopped", "stopped")

    def _drop(self, worker: Worker) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.kill()


def _worker_to_blame(answer: Answer) -> bool:
    return answer.error is not None and answer.error["code"] in ("crash", "memory")


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
