"""The token file: its entries, the actor that a secret stands for, and its changes while a server runs."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import stat
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field

from maskwright.engine.service.access.actor import RESERVED_NAMES, Actor, Role
from maskwright.engine.service.access.data_region import DATA_REGION
from maskwright.engine.service.strict_model import StrictModel
from maskwright.errors import ConfigError, InputError

RELOAD_INTERVAL_S = 1.0
"""Seconds between two looks at a token file; a removed token is refused after the next one."""
_LARGEST_FILE = 1 << 20  # bytes
_LONGEST_SECRET = 1024  # characters
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LOG = logging.getLogger("maskwright.service")


def _full(pattern: re.Pattern[str]) -> AfterValidator:
    def check(text: str) -> str:
        if pattern.fullmatch(text) is None or text in RESERVED_NAMES:
            raise ValueError
        return text

    return AfterValidator(check)


def _to_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError from None


class Token(StrictModel):
    """One entry of a token file: the holder of a secret of this hash; the secret itself is stored nowhere."""

    name: Annotated[str, _full(_NAME)]
    role: Role
    sha256: Annotated[str, _full(_SHA256)] = Field(repr=False)
    region: Annotated[str, _full(DATA_REGION)] | None = None
    expires: Annotated[AwareDatetime, AfterValidator(_to_utc)] | None = None

    EXPECTED: ClassVar[dict[str, str]] = {
        "name": "expected 1 to 64 letters, digits or any of '_.-', a letter or digit first, and not one of "
        f"{', '.join(sorted(RESERVED_NAMES))}, which stand for requests without a token",
        "role": "expected one of viewer, annotator, reviewer, admin",
        "sha256": "expected 64 digits 0-9a-f, the SHA-256 of the secret",
        "region": 'expected up to 32 of a-z, 0-9 and "-", such as "eu-central"',
        "expires": "expected a time with its zone such as 2027-01-31T00:00:00Z, and a year from 2 to 9998",
    }

    @classmethod
    def _describe(cls, error: Any) -> str:
        """Describe an error without a value or a key of the file: it could be a secret in the wrong place."""
        name = error["loc"][0]
        if error["type"] == "extra_forbidden":
            return f": an unknown key, expected only {', '.join(cls.model_fields)} (never the secret itself)"
        return f" {name}: {cls.EXPECTED[name]}; got another"


@dataclass(frozen=True)
class Refusal:
    """Why a secret was not accepted.

    ``reason`` and ``name``, of the expired token, are for the audit log; ``message`` is for the sender, the same for
    every reason, so that nobody learns whether a token exists.
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
        if not all(isinstance(entry, dict) for entry in entries):
            raise ConfigError(f"{path}: expected [[token]] tables, got something else")
        tokens = tuple(Token.parse(entry, f"{path}: token {number}") for number, entry in enumerate(entries, start=1))
        for key in ("name", "sha256"):
            if len({getattr(token, key) for token in tokens}) < len(tokens):
                raise ConfigError(f"{path}: two tokens have the same {key}: give each its own")
        return cls(tokens)

    def authenticate(self, secret: str | None, now: datetime) -> Actor | Refusal:
        """Return the actor that a secret stands for.

        Every token is compared, each in constant time, so that the time taken says nothing of the right ones.

        Parameters
        ----------
        secret : str or None
            As it came, without ``Bearer``.
        now : datetime
            With its zone.
        """
        if now.utcoffset() is None:
            raise InputError("expected a time with its zone, got one without: give datetime.now(UTC)")
        if not secret:
            return Refusal("no-token")
        # Hashing a long text would be work that anyone can ask for; no secret of ours is that long.
        digest = hashlib.sha256(secret[:_LONGEST_SECRET].encode("utf-8", "surrogatepass")).hexdigest()
        match: Token | None = None
        for token in self._tokens:
            if hmac.compare_digest(token.sha256, digest):
                match = token
        if match is None or len(secret) > _LONGEST_SECRET:
            return Refusal("unknown-token")
        if match.expires is not None and now >= match.expires:
            return Refusal("expired-token", match.name)
        return Actor(match.name, match.role, match.region)


class TokenFile:
    """The tokens of a file as it is now: a change counts after ``RELOAD_INTERVAL_S``, without a restart.

    A file that is removed or emptied revokes every token. Where the changed file is not right in another way, the
    tokens that were read last stay. The log says either once.

    Raises
    ------
    ConfigError
        The file is not right to begin with; see ``Tokens.read``.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._stamp, self._tokens = _stamp(path), Tokens.read(path)
        self._checked_at = clock()

    def authenticate(self, secret: str | None, now: datetime) -> Actor | Refusal:
        """Return the actor that a secret stands for; see ``Tokens.authenticate``."""
        if self._clock() - self._checked_at >= RELOAD_INTERVAL_S:
            self._reload()
        return self._tokens.authenticate(secret, now)

    def _reload(self) -> None:
        self._checked_at, stamp = self._clock(), _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp  # before it is read: a change meanwhile is seen the next time
        try:
            self._tokens = Tokens.read(self._path)
        except ConfigError as error:
            if _is_emptied(self._path):
                self._tokens = Tokens(())
                _LOG.error("the token file is gone or empty: every token is refused")
            else:
                _LOG.error("the token file changed and is not right: the tokens read last stay", exc_info=error)


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Return numbers that change when a file does; None where it cannot be looked at."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def _is_emptied(path: Path) -> bool:
    """Tell whether there is no token file any more, or nothing in it but comments."""
    try:
        return not _parse(path, _private_bytes(path))
    except ConfigError:
        return not path.exists()


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
        # The parser may quote the text at which it failed, and that may be a secret: only the position is passed on.
        position = re.search(r"at line \d+, column \d+", str(error))
        where = position[0] if position else "somewhere"
    raise ConfigError(f"the token file {path} is not valid TOML ({where})")
