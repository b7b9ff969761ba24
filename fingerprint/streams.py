"""Opening untrusted files: what may be opened at all, and PyAV containers that fail with one clear sentence."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fingerprint.errors import UnreadableMedia

MAX_DURATION_S = 24 * 3600.0


def check_file(path: Path) -> int:
    """The file's size in bytes. Raises UnreadableMedia unless it is a regular, readable, non-empty file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise UnreadableMedia(path, "there is no such file; check the path", "missing") from None
    except PermissionError:
        raise UnreadableMedia(path, "no permission to read it; change its permissions", "permission") from None
    except OSError as error:
        raise UnreadableMedia(path, f"cannot be opened ({error.strerror or error}); check the path", "missing") from None
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableMedia(path, "is not a regular file; give a media file", "not-a-file")
    if status.st_size == 0:
        raise UnreadableMedia(path, "the file is empty; export it again", "empty")
    try:
        with path.open("rb"):
            pass
    except OSError:
        raise UnreadableMedia(path, "no permission to read it; change its permissions", "permission") from None
    return status.st_size


def read_head(path: Path, size: int = 4096) -> bytes:
    """The first bytes of a checked file."""
    check_file(path)
    with path.open("rb") as file:
        return file.read(size)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A PyAV input container, closed afterwards. FFmpeg's errors, also those raised while decoding, become UnreadableMedia.

    Only the local file is ever read: playlists that point elsewhere are refused by the protocol list.
    """
    import av

    check_file(path)
    av.logging.set_level(av.logging.PANIC)
    try:
        with av.open(str(path), metadata_errors="replace", options={"protocol_whitelist": "file"}) as container:
            yield container
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableMedia(path, f"cannot be decoded ({reason}); it is truncated or damaged, export it again") from error


def duration_of(container: Any) -> float:
    """Seconds that the container declares, 0.0 when it does not say."""
    import av

    return float(container.duration / av.time_base) if container.duration else 0.0
