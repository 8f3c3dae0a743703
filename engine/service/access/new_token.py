"""Make a secret, and the entry of the token file that knows it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from maskwright.engine.service.access.actor import Role
from maskwright.engine.service.access.data_region import check_region
from maskwright.engine.service.access.token import check_expiry, check_name, check_role

_SECRET_BYTES = 32  # a plain SHA-256 is safe for what cannot be guessed, and for nothing else


@dataclass(frozen=True)
class NewToken:
    """``secret`` is given to its holder and kept nowhere; ``entry`` is appended to the token file."""

    secret: str = field(repr=False)
    entry: str


def new_token(name: str, role: Role, region: str | None = None, expires: datetime | None = None) -> NewToken:
    """Make a token.

    Parameters
    ----------
    name : str
        Who it is for: letters, digits and ``_.-``. It stands in the audit log and beside saved labels.
    role : Role
        What its holder may do.
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
    where = "new token"
    lines = [
        "[[token]]",
        f'name = "{check_name(name, where)}"',
        f'role = "{check_role(role, where)}"',
        f'sha256 = "{hashlib.sha256(secret.encode()).hexdigest()}"',
    ]
    if region is not None:
        lines.append(f'region = "{check_region(region, where)}"')
    if expires is not None:
        lines.append(f"expires = {check_expiry(expires, where).isoformat()}")
    return NewToken(secret, "\n".join(lines) + "\n")
