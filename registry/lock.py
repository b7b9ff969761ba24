"""The writer's lock: a file beside the registry, held through the operating system, so that a killed writer leaves none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from registry.errors import ForbiddenRegistry, LockedRegistry


class WriterLock:
    """Held from construction to `release`. Raises LockedRegistry when another process, or another Registry, holds it."""

    def __init__(self, path: Path, wait: bool = False) -> None:
        real = path.resolve()  # one lock for one file, by whatever link it is reached
        self._path = real.with_name(real.name + "-lock")
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        except OSError as error:
            raise ForbiddenRegistry(
                f"{path}: the registry may not be written here ({error.strerror}); check the permissions of its folder"
            ) from error
        try:
            _lock(self._file, wait)
        except OSError as error:
            os.close(self._file)
            raise LockedRegistry(
                f"{path}: the registry is being written by another process; try again when it has finished"
            ) from error

    def release(self) -> None:
        """Lets the next writer in. The file stays: removing it would let two writers lock two different files."""
        _unlock(self._file)
        os.close(self._file)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int, wait: bool) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)

    def _unlock(file: int) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: int, wait: bool) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))

    def _unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
