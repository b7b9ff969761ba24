"""The one tree of errors that a file can cause; the desk catches it, reports it and goes on with the next file."""

from __future__ import annotations


class BylineError(Exception):
    """Something the user can act on. `code` is stable and machine-readable, the message is one sentence."""

    code = "error"


class UnreadableMedia(BylineError):
    """This file cannot be fingerprinted: missing, empty, truncated, of no known type, too large, or hostile."""

    code = "unreadable"

    def __init__(self, path: object, reason: str, code: str = "unreadable") -> None:
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason
        self.code = code


class BadFingerprint(BylineError):
    """These bytes are no Byline fingerprint, or of a scheme this version does not know."""

    code = "bad-fingerprint"
