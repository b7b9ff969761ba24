"""Tasks that behave as hostile media make a decoder behave. Run in worker processes by tests/test_workers.py."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fingerprint.errors import BylineError, UnreadableMedia
from registry.errors import RegistryError


def serve(options: Mapping[str, Any]) -> Any:
    """A task whose behaviour is the file's name."""
    seen: list[str] = []

    def handle(job: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
        path = str(job["path"])
        kind = Path(path).name.split("-")[0]
        seen.append(path)
        if kind in BEHAVIOURS:
            BEHAVIOURS[kind](path)
        if kind == "second" and len(seen) > 1:  # an earlier file has damaged this process
            os.kill(os.getpid(), signal.SIGSEGV)
        return {"path": path, "pid": os.getpid(), "seen": len(seen)}, path.encode("utf-8", "surrogateescape") * 3

    return {"ready": options["word"]}, handle


def refuse(options: Mapping[str, Any]) -> Any:
    """A task that cannot start."""
    raise BylineError("there is no such registry; register something first")


def _crash(path: str) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _exit(path: str) -> None:
    os._exit(3)


def _hang(path: str) -> None:
    time.sleep(600)


def _bomb(path: str) -> None:
    hoard = []
    while True:
        hoard.append(b"\1" * (64 << 20))


def _killed(path: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _bug(path: str) -> None:
    raise ZeroDivisionError("a bug")


def _unreadable(path: str) -> None:
    raise UnreadableMedia(path, "the file is empty; export it again", "empty")


def _registry(path: str) -> None:
    raise RegistryError("r.db: the registry is damaged; restore a backup")


def _noisy(path: str) -> None:
    sys.stdout.write("a library prints\n")
    os.write(1, b"a C library prints")
    sys.stdout.flush()


def _slow(path: str) -> None:
    time.sleep(0.3)


BEHAVIOURS = {
    "crash": _crash, "exit": _exit, "hang": _hang, "bomb": _bomb, "killed": _killed, "bug": _bug, "unreadable": _unreadable,
    "registry": _registry,
    "noisy": _noisy, "slow": _slow,
}  # fmt: skip


def scan(options: Mapping[str, Any]) -> Any:
    """The real scan, with a decoder that behaves as the file's name says."""
    from desk import tasks

    head, handle = tasks.scan(options)

    def hurt(job: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
        BEHAVIOURS.get(Path(str(job["path"])).name.split("-")[0], str)(str(job["path"]))
        return handle(job)

    return head, hurt
