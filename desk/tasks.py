"""What worker processes do: serve one task over stdin and stdout, under memory and time limits.

A task is a function(options) -> (hello, handle): `hello` is JSON said once at the start, handle(job) -> (JSON, bytes) does
one file. It may raise BylineError for a file that cannot be read.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desk.workers import read_frame, write_frame
from fingerprint.errors import BylineError
from registry.errors import RegistryError

if TYPE_CHECKING:
    from registry.store import Registry

Handle = Callable[[Mapping[str, Any]], tuple[Mapping[str, Any], bytes]]
GRACE_S = 30.0


def serve() -> None:
    """Answer frames until the parent goes away."""
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)  # what a library prints must not end up among the frames
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        start = read_frame(incoming).head
        _limit_memory(int(start["memory_bytes"]))
        head, handle = _started(str(start["task"]), start["options"])
        write_frame(outgoing, head)
        while True:
            job = read_frame(incoming)
            write_frame(outgoing, *_answer(handle, {**job.head, "body": job.body}))


def _started(task: str, options: Mapping[str, Any]) -> tuple[Mapping[str, Any], Handle]:
    def refuse(job: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
        raise EOFError

    try:
        module, _, function = task.partition(":")
        started: tuple[Mapping[str, Any], Handle] = getattr(importlib.import_module(module), function)(options)
    except BylineError as error:
        return _error(error.code, str(error))[0], refuse
    except Exception as error:
        return _error("internal", f"Byline cannot start here ({type(error).__name__}: {error}); install it again")[0], refuse
    return started


def _answer(handle: Handle, job: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
    name = str(job.get("name") or job["path"])
    try:
        with _alarm(float(job["seconds"]) + GRACE_S):
            return handle(job)
    except RegistryError as error:  # no fault of the file: going on would only call every other file unreadable too
        return {"fatal": {"code": error.code, "message": str(error)}}, b""
    except BylineError as error:
        return _error(error.code, str(error))
    except MemoryError:
        return _error("memory", f"{name}: needs more memory than one file may take; scale it down or split it")
    except RecursionError:
        return _error("nesting", f"{name}: is nested too deeply to be read; simplify it")
    except Exception as error:  # a bug of ours in one file must not stop a night's batch; it is reported in full
        kind = type(error).__name__
        return _error("internal", f"{name}: Byline failed on it ({kind}: {error}); please report this with the file")


def _error(code: str, message: str) -> tuple[Mapping[str, Any], bytes]:
    return {"error": {"code": code, "message": message}}, b""


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """The kernel ends this process when time is up, even if the parent has been killed."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _limit_memory(size: int) -> None:
    """Private memory only, so that a large registry may be mapped; systems without this limit go without."""
    if sys.platform == "win32":
        return
    import resource

    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def scan(options: Mapping[str, Any]) -> tuple[Mapping[str, Any], Handle]:
    """The report of each file against the registry in `options`, as JSON."""
    from fingerprint import manner_of
    from matcher.look import output_probes
    from matcher.report import as_json
    from matcher.scan import scan_media
    from registry.store import open_registry

    registry = open_registry(Path(options["registry"]))

    def handle(job: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
        # Before the snapshot: decoding a film must not hold on to an old state.
        path = Path(job["path"])
        media = output_probes(path, registry)
        candidates, style = bool(options["candidates"]), bool(options.get("style"))
        manner = manner_of(path) if style or candidates else None
        with registry.snapshot():
            report = scan_media(str(job["name"]), media, registry, manner=manner)
            return as_json(report if style else replace(report, resemblance=()), candidates), b""

    return {"registry": registry.revision(), "upgrade_due": registry.is_due()}, handle


def register(options: Mapping[str, Any]) -> tuple[Mapping[str, Any], Handle]:
    """Two kinds of jobs: a file's fingerprints as a portable file; and the near twins of a work that has been registered."""
    from registry.store import open_registry

    @cache  # opened by the first check, when something has been registered; it notices what is registered later
    def registry() -> Registry:
        return open_registry(Path(options["registry"]))

    def handle(job: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
        return ({"twins": _twins(job, registry())}, b"") if "twins_of" in job else _portable(Path(job["path"]))

    return {}, handle


def _twins(job: Mapping[str, Any], registry: Registry) -> list[str]:
    """Near twins of a work whose packed features are the job's body. Without its file there is nothing to be sure by."""
    from fingerprint import probe
    from fingerprint.portable import is_portable, unpack_media
    from matcher.look import films_in
    from matcher.twins import near_twins, worth_checking

    path, itself = Path(job["path"]), {str(job["twins_of"])}
    if not worth_checking(unpack_media(job["body"]), registry, itself) or is_portable(path):
        return []
    media = probe(path, films_in(registry))
    with registry.snapshot():
        return near_twins(media, registry, itself)


class OtherFile(BylineError):
    """What stands at a work's path is not what was registered."""

    code = "changed"


def renew(options: Mapping[str, Any]) -> tuple[Mapping[str, Any], Handle]:
    """The fingerprints of a registered file, as this version makes them, as a portable file: for an upgrade."""
    from fingerprint import schemes, sha256_of
    from fingerprint.portable import is_portable, unpack_media
    from fingerprint.streams import check_file

    def handle(job: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
        path = Path(job["path"])
        check_file(path)
        ready = is_portable(path)
        if not ready and sha256_of(path) != job["sha256"]:  # before it is decoded, which costs far more
            raise OtherFile(f"{path}: is another file now; put the one that was registered back in its place")
        head, body = _portable(path)
        if head["sha256"] != job["sha256"]:
            raise OtherFile(f"{path}: is the fingerprint of another file now; put the one that was registered back in its place")
        if ready and any(schemes()[f.scheme].successor for part in unpack_media(body).parts for f in part.fingerprints):
            raise OtherFile(f"{path}: is a fingerprint made by an older version of Byline; ask for one made by this version")
        return head, body

    return {}, handle


def fingerprint(options: Mapping[str, Any]) -> tuple[Mapping[str, Any], Handle]:
    """A file's fingerprints as a portable file."""
    return {}, lambda job: _portable(Path(job["path"]))


def _portable(path: Path) -> tuple[Mapping[str, Any], bytes]:
    """What the registry stores of a file, packed; a portable file is read, checked and packed again."""
    from fingerprint import extract
    from fingerprint.portable import is_portable, pack_media, read

    media = read(path) if is_portable(path) else extract(path)
    schemes = [f.scheme for part in media.parts for f in part.fingerprints]
    return {"medium": media.medium, "sha256": media.sha256, "schemes": schemes}, pack_media(media)
