"""Sessions made again from their journals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from maskwright.engine.service.sessions.event import SessionEvent
from maskwright.engine.service.sessions.journal import SessionJournals
from maskwright.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class SessionRecovery(Generic[T]):
    """What a pool asks for the sessions of the server before; ``replay`` returns a session from its acts."""

    journals: SessionJournals
    replay: Callable[[Sequence[SessionEvent]], T]

    def restore(self, token: str, owner: str) -> T | None:
        """Do all acts of a journal again; None where there is none, or it does not fit this version.

        Raises
        ------
        GoneError
            What the session is about is no longer there; the journal stays until it has run out.
        """
        acts = self.journals.acts(token, owner)
        if acts is None:
            return None
        try:
            return self.replay(acts)
        except InputError:
            self.journals.forget(token)
            return None

    def forget(self, token: str, owner: str | None = None) -> None:
        """Remove the journal of a session that has ended, with ``owner`` only if it is theirs."""
        self.journals.forget(token, owner)
