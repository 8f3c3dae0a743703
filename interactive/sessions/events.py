"""The events of a session: together with the image, they are the session.

Objects are numbered from 1 in the order of their events; a session begins with object 1. An event that fails is no
event: it changes nothing and is not in the log.
"""

from __future__ import annotations

from dataclasses import dataclass

from maskwright.interactive.sessions.prompts import Prompt


@dataclass(frozen=True)
class ObjectAdded:
    """A new, empty object with this name, which becomes the active one."""

    name: str


@dataclass(frozen=True)
class ObjectRenamed:
    """Another name of an object."""

    object_id: int
    name: str


@dataclass(frozen=True)
class ObjectSelected:
    """The object becomes the active one."""

    object_id: int


@dataclass(frozen=True)
class ObjectLocked:
    """From here on no edit changes the object."""

    object_id: int


@dataclass(frozen=True)
class ObjectUnlocked:
    """From here on the object can be edited again."""

    object_id: int


@dataclass(frozen=True)
class PromptAdded:
    """A prompt about an object, which becomes the active one; prompts that wait are carried out first.

    A propagation is one of these, too: the mask it came to is the prompt.
    """

    object_id: int
    prompt: Prompt


@dataclass(frozen=True)
class PromptQueued:
    """A prompt about an object that waits for the next `Predicted` or `PromptAdded`."""

    object_id: int
    prompt: Prompt


@dataclass(frozen=True)
class Predicted:
    """The prompts that wait are carried out, oldest first."""


@dataclass(frozen=True)
class Undone:
    """The newest prompt that waits is dropped; if none waits, the newest edit is taken back."""


@dataclass(frozen=True)
class Redone:
    """The edit undone last is done again."""


@dataclass(frozen=True)
class Cleared:
    """All objects, edits and waiting prompts are gone: the session is as its image began it."""


@dataclass(frozen=True)
class TargetSet:
    """A remote client shows masks in an empty buffer of this dtype. The masks do not depend on it.

    It outlives `Cleared`.
    """

    dtype: str


@dataclass(frozen=True)
class MasksHashed:
    """The hashes of all objects' masks at this point, which a replay must come to."""

    hashes: tuple[str, ...]


Event = (
    ObjectAdded
    | ObjectRenamed
    | ObjectSelected
    | ObjectLocked
    | ObjectUnlocked
    | PromptAdded
    | PromptQueued
    | Predicted
    | Undone
    | Redone
    | Cleared
    | TargetSet
    | MasksHashed
)
