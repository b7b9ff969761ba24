"""Account numbers at rest: sealed with a key that is never in the database, each bound to the person whose it is.

Fernet tokens (github.com/fernet/spec: AES-128-CBC, HMAC-SHA256). The person's key is inside the token, so that a row copied
to somebody else in the database does not open there.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from fingerprint.errors import BylineError

ENVIRONMENT = "BYLINE_KEY"
KEY_BYTES = 256  # a key file holds 44 characters; anything much larger is another file


class KeyProblem(BylineError):
    """There is no usable key for account numbers, or it is not the one they were sealed with."""

    code = "key"


class Vault:
    """Seals and opens account numbers with one key. Neither its text nor its errors tell the key or a number."""

    __slots__ = ("_fernet", "source")

    def __init__(self, key: bytes, source: str) -> None:
        try:
            self._fernet = Fernet(key)
        except ValueError:
            raise KeyProblem(f"{source}: is no key for account numbers; byline payees key new FILE makes one") from None
        self.source = source

    def seal(self, owner: str, secret: str) -> bytes:
        """The secret, so that only this key opens it again, and only for this owner."""
        return self._fernet.encrypt(json.dumps([owner, secret]).encode())

    def unseal(self, owner: str, token: bytes) -> str:
        """What was sealed. Raises KeyProblem for another key and for a token that was moved here from another owner."""
        try:
            text = self._fernet.decrypt(token)
        except InvalidToken:
            raise KeyProblem(
                f"{self.source}: is not the key that the account numbers in this ledger were sealed with; "
                "give the right one with --key or BYLINE_KEY"
            ) from None
        sealed_for, secret = json.loads(text)
        if sealed_for != owner:
            raise KeyProblem(
                f"{owner}: the account number stored here was sealed for somebody else, so somebody has changed the ledger's "
                "file; set this payee's account number anew and find out who did"
            )
        return str(secret)


def new_key_file(path: Path) -> None:
    """Makes a file with a new key that only this user can read. Raises KeyProblem when there is a file already."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyProblem(f"{path}: there is a file already, and a key that is overwritten is lost; choose another name") from None
    except OSError as error:
        raise KeyProblem(f"{path}: the key cannot be written ({error.strerror}); check the folder") from None
    with os.fdopen(handle, "wb") as file:
        file.write(Fernet.generate_key() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def open_vault(path: Path | None, environment: Mapping[str, str] = os.environ) -> Vault:
    """The vault of the key in that file, else in BYLINE_KEY. Raises KeyProblem with what to do."""
    if path is not None:
        return Vault(_key_in(path), str(path))
    key = environment.get(ENVIRONMENT, "").strip()
    if not key:
        raise KeyProblem(
            "no key for account numbers is given; name its file with --key, or put it into BYLINE_KEY "
            "(byline payees key new FILE makes one)"
        )
    return Vault(key.encode("ascii", "replace"), ENVIRONMENT)


def _key_in(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(KEY_BYTES)
    except FileNotFoundError:
        raise KeyProblem(f"{path}: there is no key file here; byline payees key new {path} makes one") from None
    except OSError as error:
        raise KeyProblem(f"{path}: the key file cannot be read ({error.strerror})") from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise KeyProblem(f"{path}: others than you may read this key file; chmod 600 {path}")
    return key.strip()
