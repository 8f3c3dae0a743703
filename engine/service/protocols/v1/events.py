"""What the page can have done to its session: each act is the model of a request, and is done the same way again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from maskwright.engine.service.http.bodies import parse_model
from maskwright.engine.service.protocols.v1.page_session import PageSession, Saying
from maskwright.engine.service.sessions.event import SessionEvent
from maskwright.engine.service.sessions.journal import JournalPolicy
from maskwright.engine.service.state import AppState
from maskwright.errors import GoneError, InputError, NotFoundError

BEGIN = "begin"
PAGE_JOURNAL_POLICY = JournalPolicy(first=BEGIN)

Whole = Annotated[int, Field(ge=0, lt=1 << 31)]
Voxel = Annotated[list[Whole], Field(min_length=2, max_length=3)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class Body(BaseModel):
    """A body of which every field is known."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=False)


class Asked(Body):
    """Something to be done in a session."""

    def carry_out(self, session: PageSession) -> dict[str, Any]:
        """Do it, and return the answer; where it cannot be done the session is as it was."""
        raise NotImplementedError


class Prompting(Asked):
    """A point has `index`; a box `lower` and `upper`, half-open; a scribble `voxels`."""

    object: Whole
    kind: Literal["point", "box", "scribble"]
    positive: bool = True
    index: Voxel | None = None
    lower: Voxel | None = None
    upper: Voxel | None = None
    voxels: Annotated[list[Voxel], Field(min_length=1, max_length=100_000)] | None = None

    def carry_out(self, session: PageSession) -> dict[str, Any]:
        """Say it of the object, which becomes the active one."""
        saying = Saying(self.kind, self.positive, self.index, self.lower, self.upper, self.voxels)
        return session.say(self.object, saying)


class Propagating(Asked):
    """Which slices are given, along which axis, and the half-open range of those that are filled."""

    object: Whole
    axis: Annotated[int, Field(ge=0, le=2)]
    given: Annotated[list[Whole], Field(min_length=1, max_length=10_000)]
    start: Annotated[Whole | None, Field(alias="from")] = None
    stop: Annotated[Whole | None, Field(alias="to")] = None

    def carry_out(self, session: PageSession) -> dict[str, Any]:
        """Fill the range."""
        return session.propagate(self.object, self.axis, self.given, self.start, self.stop)


class Undoing(Asked):
    """Nothing more is to be said."""

    def carry_out(self, session: PageSession) -> dict[str, Any]:
        """Take the newest edit back."""
        return session.undo()


class Redoing(Asked):
    """Nothing more is to be said."""

    def carry_out(self, session: PageSession) -> dict[str, Any]:
        """Do again what was undone last."""
        return session.redo()


class Adding(Asked):
    """The name of a new object."""

    name: Name

    def carry_out(self, session: PageSession) -> dict[str, Any]:
        """Begin it."""
        return {"object": session.add_object(self.name)} | session.described()


class Changing(Body):
    """What is to be changed of an object; what is left out stays."""

    name: Name | None = None
    locked: bool | None = None
    active: Literal[True] | None = None


class ChangingOne(Changing, Asked):
    """The same, with the number of the object."""

    number: int

    def carry_out(self, session: PageSession) -> dict[str, Any]:
        """Change it."""
        session.change_object(self.number, self.name, self.locked, self.active is True)
        return session.described()


class _Begun(Body):
    """Which image, and the SHA-256 of its bytes."""

    image: str
    sha256: str


KINDS: dict[str, type[Asked]] = {
    "prompt": Prompting,
    "propagate": Propagating,
    "undo": Undoing,
    "redo": Redoing,
    "add": Adding,
    "change": ChangingOne,
}
_NAMES = {kind: name for name, kind in KINDS.items()}


def begun(image: str, sha256: str) -> SessionEvent:
    """Return the act that a session on an image begins with."""
    return SessionEvent(BEGIN, _Begun(image=image, sha256=sha256).model_dump_json())


def done(asked: Asked) -> SessionEvent:
    """Return what was asked as an act."""
    return SessionEvent(_NAMES[type(asked)], asked.model_dump_json(by_alias=True, exclude_unset=True))


def replay(acts: Sequence[SessionEvent], place: AppState) -> PageSession:
    """Return the session that these acts come to.

    Raises
    ------
    GoneError
        The image is not in the datastore any more, or is another one now.
    InputError
        The acts are none of this version's.
    """
    session = PageSession()
    session.open(*_opened(parse_model(_Begun, acts[0].text, BEGIN), place))
    for act in acts[1:]:
        if act.path not in KINDS:
            raise InputError(f"the journal holds {act.path!r}; expected one of {', '.join(KINDS)}")
        parse_model(KINDS[act.path], act.text, act.path).carry_out(session)
    return session


def _opened(first: _Begun, place: AppState) -> Any:
    try:
        entry = place.store.image(first.image)
        same = entry.sha256 == first.sha256
    except NotFoundError:
        raise GoneError("the session has ended: its image is gone from the data folder; begin another one") from None
    if not same:
        raise GoneError("the session has ended: its image has changed since; begin another one")
    return entry.id, first.sha256, place.open(entry)
