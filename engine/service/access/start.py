"""Whether a server may start at an address, and who asks where no tokens are."""

from __future__ import annotations

import ipaddress

from maskwright.engine.service.access.actor import ANYONE, LOCAL, Actor
from maskwright.engine.service.access.tokens import Tokens
from maskwright.errors import ConfigError


def may_start(host: str, tokens: Tokens | None, insecure: bool) -> None:
    """Return where a server may start, and raise where it must not.

    Parameters
    ----------
    host : str
        The address it listens at.
    tokens : Tokens or None
        The tokens it asks for; None asks for none.
    insecure : bool
        Whether others may do everything.

    Raises
    ------
    ConfigError
        Others can reach the address, and there are neither tokens nor ``--insecure``.
    """
    if tokens is None and not insecure and not is_loopback(host):
        raise ConfigError(
            f"others can reach {host!r}, and no token would be asked for: give --token-file FILE, listen at 127.0.0.1, "
            "or let everyone do everything with --insecure"
        )


def is_loopback(host: str) -> bool:
    """Tell whether an address can only be reached from this machine. Of names, only ``localhost`` is trusted.

    Examples
    --------
    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "", "example.org")]
    [True, True, True, False, False, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def actor_without_tokens(host: str) -> Actor:
    """Return who asks a server that has no tokens; everything is allowed to them."""
    return LOCAL if is_loopback(host) else ANYONE
