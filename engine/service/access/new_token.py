"""Make a secret, and the entry of the token file that knows it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from maskwright.engine.service.access.actor import Role
from maskwright.engine.service.access.tokens import Token

_SECRET_BYTES = 32  # a plain SHA-256 is safe for a text that cannot be guessed, and for nothing else


@dataclass(frozen=True)
class NewToken:
    """``secret`` is given to its holder and stored nowhere; ``entry`` is appended to the token file."""

    secret: str = field(repr=False)
    entry: str


def new_token(name: str, role: Role, region: str | None = None, expires: datetime | None = None) -> NewToken:
    """Make a token.

    Parameters
    ----------
    name : str
        Its holder: letters, digits and ``_.-``. It stands in the audit log and beside saved labels.
    role : Role
        Decides what its holder may do.
    region : str, optional
        Of which region the data must be.
    expires : datetime, optional
        From when on it is refused; with its zone.

    Raises
    ------
    ConfigError
        A value is not right.

    Examples
    --------
    >>> made = new_token("reading-room", "annotator", region="eu-central")
    >>> print(made.entry)  # doctest: +ELLIPSIS
    [[token]]
    name = "reading-room"
    role = "annotator"
    sha256 = "..."
    region = "eu-central"
    <BLANKLINE>
    """
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    sha256 = hashlib.sha256(secret.encode()).hexdigest()
    table = {"name": name, "role": role, "sha256": sha256, "region": region, "expires": expires}
    token = Token.parse(table, "new token")
    lines = ["[[token]]", f'name = "{token.name}"', f'role = "{token.role}"', f'sha256 = "{token.sha256}"']
    if token.region is not None:
        lines.append(f'region = "{token.region}"')
    if token.expires is not None:
        lines.append(f"expires = {token.expires.isoformat()}")
    return NewToken(secret, "\n".join(lines) + "\n")
