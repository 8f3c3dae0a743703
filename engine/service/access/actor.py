"""Who asks: the roles there are, what can be asked for, and the actor that a request comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["viewer", "annotator", "reviewer", "admin"]
Action = Literal["read_image", "prompt", "read_label", "save_label", "compare", "run_qa", "read_audit", "administer"]

ROLES: tuple[Role, ...] = get_args(Role)
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class Actor:
    """Who a request comes from.

    Attributes
    ----------
    name : str
        The name of its token: letters, digits and ``_.-``, so that it can stand in a log and beside a label.
    role : Role
        What the policy is asked with.
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
"""Whoever asks a server that only this machine can reach, and that has no tokens."""

ANYONE = Actor("anyone", "admin", unchecked=True)
"""Whoever asks a server that others can reach, and that was started without tokens and with ``--insecure``."""

RESERVED_NAMES = frozenset({LOCAL.name, ANYONE.name})
