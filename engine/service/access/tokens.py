"""The token file, and who a secret stands for."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal, Self

from maskwright.engine.service.access.actor import Actor
from maskwright.engine.service.access.token import Token, parse_token
from maskwright.errors import ConfigError, InputError

_LARGEST_FILE = 1 << 20  # bytes
_LONGEST_SECRET = 1024  # characters


@dataclass(frozen=True)
class Refusal:
    """Why a secret was not accepted.

    ``reason`` and ``name``, of the expired token, are for the audit log; ``message`` is what the sender is told, the
    same for every reason: whether a token exists is nobody's business.
    """

    reason: Literal["no-token", "unknown-token", "expired-token"]
    name: str | None = None

    message: ClassVar[str] = "a valid token is needed: send it as 'Authorization: Bearer TOKEN', or ask for a new one"


class Tokens:
    """The tokens of a file; ``read`` makes it.

    Examples
    --------
    A token file; ``new_token`` writes such entries::

        [[token]]
        name = "reading-room"
        role = "annotator"
        sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        region = "eu-central"
        expires = 2027-01-31T00:00:00Z
    """

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self._tokens = tokens

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a token file.

        Raises
        ------
        ConfigError
            It cannot be read, others than its owner can read or write it, it is not TOML, a key or a value is not
            right, two entries share a name or a secret, or there is none. No message repeats a value of the file.
        """
        document = _parse(path, _private_bytes(path))
        entries = document.get("token")
        if document.keys() != {"token"} or not isinstance(entries, list) or not entries:
            raise ConfigError(f"{path}: expected [[token]] tables, at least one, and nothing else; got another")
        tokens = tuple(parse_token(entry, f"{path}: token {number}") for number, entry in enumerate(entries, start=1))
        for what, values in (
            ("name", [token.actor.name for token in tokens]),
            ("sha256", [token.sha256 for token in tokens]),
        ):
            if len(set(values)) < len(values):
                raise ConfigError(f"{path}: two tokens have the same {what}: give each its own")
        return cls(tokens)

    def authenticate(self, secret: str | None, now: datetime) -> Actor | Refusal:
        """Return who a secret stands for.

        Every token is compared, each in constant time, so that the time taken says nothing of what is right.

        Parameters
        ----------
        secret : str or None
            What came, without ``Bearer``.
        now : datetime
            With its zone.
        """
        if now.utcoffset() is None:
            raise InputError("expected a time with its zone, got one without: give datetime.now(UTC)")
        if not secret:
            return Refusal("no-token")
        # Hashing a long text would be work that anyone can ask for; no secret of ours is that long.
        digest = hashlib.sha256(secret[:_LONGEST_SECRET].encode("utf-8", "surrogatepass")).hexdigest()
        found: Token | None = None
        for token in self._tokens:
            if hmac.compare_digest(token.sha256, digest):
                found = token
        if found is None or len(secret) > _LONGEST_SECRET:
            return Refusal("unknown-token")
        if found.is_expired(now):
            return Refusal("expired-token", found.actor.name)
        return found.actor


def _private_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())  # of the file that is read, whatever is renamed meanwhile
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"the token file {path} is no file: give the path of a TOML file")
            if status.st_mode & 0o077:
                raise ConfigError(f"others can read or write the token file {path}: chmod 600 it")
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(f"cannot read the token file {path}: {error.strerror or type(error).__name__}") from error
    if len(data) > _LARGEST_FILE:
        raise ConfigError(f"the token file {path} is larger than {_LARGEST_FILE} bytes: it is another file")
    return data


def _parse(path: Path, data: bytes) -> dict[str, object]:
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        # The parser may quote what it stumbled on, and that may be a secret: only the place is passed on.
        place = re.search(r"at line \d+, column \d+", str(error))
        where = place[0] if place else "somewhere"
    raise ConfigError(f"the token file {path} is not valid TOML ({where})")
