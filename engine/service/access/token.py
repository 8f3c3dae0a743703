"""One entry of a token file, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from maskwright.engine.service.access.actor import RESERVED_NAMES, ROLES, Actor, Role
from maskwright.engine.service.access.data_region import check_region
from maskwright.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KEYS = ("name", "sha256", "role", "region", "expires")


@dataclass(frozen=True)
class Token:
    """Who holds a secret of this hash, and until when; the secret itself is kept nowhere."""

    actor: Actor
    sha256: str = field(repr=False)
    expires: datetime | None

    def is_expired(self, now: datetime) -> bool:
        """Tell whether it is past its time; the instant of its expiry is."""
        return self.expires is not None and now >= self.expires


def parse_token(table: object, where: str) -> Token:
    """Check one entry. No message repeats a value: it could be a secret in the wrong place.

    Raises
    ------
    ConfigError
        An unknown or missing key, or a value that is not right.
    """
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where}: expected a [[token]] table, got something else")
    if not table.keys() <= set(_KEYS):
        raise ConfigError(
            f"{where}: an unknown key, expected only {', '.join(_KEYS)} (of a secret its sha256, never the secret)"
        )
    actor = Actor(check_name(table.get("name"), where), check_role(table.get("role"), where), _region(table, where))
    sha256 = table.get("sha256")
    if not isinstance(sha256, str) or _SHA256.fullmatch(sha256) is None:
        raise ConfigError(f"{where} sha256: expected 64 digits 0-9a-f, the SHA-256 of the secret; got another")
    return Token(actor, sha256, _expiry(table, where))


def check_name(name: object, where: str) -> str:
    """Return the name of a token, or raise a ConfigError."""
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise ConfigError(f"{where} name: expected 1 to 64 letters, digits or any of '_.-', a letter or digit first")
    if name in RESERVED_NAMES:
        raise ConfigError(f"{where} name: {name} stands for requests without a token: take another name")
    return name


def check_role(role: object, where: str) -> Role:
    """Return a role, or raise a ConfigError."""
    for known in ROLES:
        if role == known:
            return known
    raise ConfigError(f"{where} role: expected one of {', '.join(ROLES)}; got another")


def check_expiry(expires: object, where: str) -> datetime:
    """Return an expiry in UTC, or raise a ConfigError; a time without a zone is not guessed at."""
    if not isinstance(expires, datetime) or expires.utcoffset() is None:
        raise ConfigError(f"{where} expires: expected a time with its zone such as 2027-01-31T00:00:00Z; got another")
    try:
        return expires.astimezone(UTC)
    except OverflowError as error:
        raise ConfigError(f"{where} expires: expected a year from 2 to 9998; got another") from error


def _region(table: Mapping[str, Any], where: str) -> str | None:
    return check_region(table["region"], where) if "region" in table else None


def _expiry(table: Mapping[str, Any], where: str) -> datetime | None:
    return check_expiry(table["expires"], where) if "expires" in table else None
