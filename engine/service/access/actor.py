"""The sender of a request: roles, actions, actors, and the address at which a server may start without tokens."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Literal, get_args

from maskwright.errors import ConfigError

Role = Literal["viewer", "annotator", "reviewer", "admin"]
Action = Literal["read_image", "prompt", "read_label", "save_label", "compare", "run_qa", "read_audit", "administer"]

ROLES: tuple[Role, ...] = get_args(Role)
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class Actor:
    """The sender of a request.

    Attributes
    ----------
    name : str
        The name of its token: letters, digits and ``_.-``, so that it can stand in a log and beside a label.
    role : Role
        The policy lists its actions.
    region : str or None
        The only region whose data it may see; None sees data of no region.
    unchecked : bool
        No token was asked for, so that no policy is either. No token file can say so.
    """

    name: str
    role: Role
    region: str | None = None
    unchecked: bool = False


LOCAL = Actor("local", "admin", unchecked=True)
"""Every sender, where a server has no tokens and only this machine can reach it."""

ANYONE = Actor("anyone", "admin", unchecked=True)
"""Every sender, where others can reach a server that was started without tokens and with ``--insecure``."""

RESERVED_NAMES = frozenset({LOCAL.name, ANYONE.name})


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


def anonymous_actor(host: str, *, insecure: bool) -> Actor:
    """Return the actor that sends every request to a server without tokens; everything is allowed to it.

    Raises
    ------
    ConfigError
        Others can reach the address, and ``insecure`` does not allow that.
    """
    if is_loopback(host):
        return LOCAL
    if insecure:
        return ANYONE
    raise ConfigError(
        f"others can reach {host!r}, and no token would be asked for: give --token-file FILE, listen at 127.0.0.1, "
        "or let everyone do everything with --insecure"
    )
