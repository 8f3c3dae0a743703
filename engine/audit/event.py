"""One event: an actor, an action, its subject and its outcome.

Free text has no place here, since a patient's name could hide in it: words have a narrow alphabet, and details are
numbers, flags and such words under names that stand in ``DETAILS``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

from maskwright.errors import InputError

Outcome = Literal["begun", "allowed", "refused", "failed"]
Scalar = bool | int | str

DETAILS: Mapping[str, type[Scalar]] = MappingProxyType(
    {
        "bytes": int,
        "count": int,
        "duration_ms": int,
        "error": str,
        "format": str,
        "http_status": int,
        "label": int,
        "limit": int,
        "method": str,
        "model": str,
        "object": int,
        "positive": bool,
        "prompt": str,
        "protocol": str,
        "reason": str,
        "run": str,
        "session": str,
        "slices": int,
        "token_region": str,
        "version": int,
        "voxels": int,
        "worker_region": str,
    }
)
_OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,63}")
_LONGEST_ACTOR = 100
_LARGEST = 2**53  # every reader of JSON reads numbers below it exactly


@dataclass(frozen=True)
class Event:
    """One thing that was done, or tried. The log adds the time and the number.

    Attributes
    ----------
    actor : str
        The name of the token that was used, never the token; up to 100 printable characters.
    role, action : str
        Words: up to 64 of ASCII letters, digits and ``_.:/+-``.
    outcome : {"begun", "allowed", "refused", "failed"}
        ``begun`` of an act that is about to be carried out: another event of the same ``request_id`` tells its outcome.
        Where there is none, the process died or the log could not be written meanwhile, and it may have been done.
    subject : str, optional
        The image, label or patient it was about. Only its keyed hash is stored; it is not shown in print.
    region, request_id : str, optional
        Words.
    details : mapping
        Fields of ``DETAILS``, each of its type: whole numbers below 2**53, flags, words.

    Raises
    ------
    InputError
        A field is not of this form. The message does not repeat the value.

    Examples
    --------
    >>> Event("night-shift", "annotator", "prompt.add", "allowed", subject="ct-0042", details={"prompt": "point"})
    Event(actor='night-shift', role='annotator', action='prompt.add', outcome='allowed', region=None, \
request_id=None, details=mappingproxy({'prompt': 'point'}))
    """

    actor: str
    role: str
    action: str
    outcome: Outcome
    subject: str | None = field(default=None, repr=False)
    region: str | None = None
    request_id: str | None = None
    details: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.actor, str) or not self.actor.isprintable() or not self.actor.strip():
            raise InputError("audit event: actor: expected a token's name of printable characters, got something else")
        if len(self.actor) > _LONGEST_ACTOR:
            raise InputError(f"audit event: actor: expected {_LONGEST_ACTOR} characters at most, got {len(self.actor)}")
        if self.outcome not in _OUTCOMES:
            raise InputError(f"audit event: outcome: expected one of {', '.join(_OUTCOMES)}, got something else")
        if self.subject is not None and (not isinstance(self.subject, str) or not self.subject):
            raise InputError("audit event: subject: expected an identifier or None, got an empty or other value")
        details = dict(self.details)  # a copy: the caller's may change later
        for name, scalar in details.items():
            _require_kind(name, scalar)
        words: dict[str, object] = {
            "role": self.role,
            "action": self.action,
            "region": self.region,
            "request_id": self.request_id,
        }
        words |= {f"details {name}": value for name, value in details.items() if DETAILS[name] is str}
        for name, value in words.items():
            if value is None and name in ("region", "request_id"):
                continue
            if not isinstance(value, str) or not _WORD.fullmatch(value):
                expected = "expected up to 64 ASCII letters, digits and _.:/+-, got something else: name it so"
                raise InputError(f"audit event: {name}: {expected}")
        object.__setattr__(self, "details", MappingProxyType(details))


def _require_kind(name: str, value: Scalar) -> None:
    kind = DETAILS.get(name)
    if kind is None:
        raise InputError(
            f"audit event: details: expected fields of {', '.join(DETAILS)}, got another one: leave it out"
        )
    if type(value) is not kind:
        raise InputError(f"audit event: details {name}: expected {kind.__name__}, got {type(value).__name__}")
    if kind is int and not -_LARGEST < value < _LARGEST:  # type: ignore[operator]
        raise InputError(f"audit event: details {name}: expected a number below 2**53, got a larger one")
