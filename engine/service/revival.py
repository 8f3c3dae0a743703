"""Sessions made again from their journals."""

from __future__ import annotations

from dataclasses import dataclass

from maskwright.engine.service.protocols.nninteractive_acts import perform
from maskwright.engine.service.remote_session import RemoteSession
from maskwright.engine.service.session_journal import Journals
from maskwright.engine.service.shared_images import SharedImages
from maskwright.kernels.errors import InputError


@dataclass(frozen=True)
class Revival:
    """What a pool asks for the sessions of the server before."""

    journals: Journals
    images: SharedImages

    def revive(self, token: str, owner: str) -> RemoteSession | None:
        """Do all acts of a journal again; None where there is none, or it does not fit this version."""
        acts = self.journals.acts(token, owner)
        if acts is None:
            return None
        session = RemoteSession()
        try:
            for act in acts:
                perform(session, act, self.images)
        except InputError:
            self.journals.forget(token)
            return None
        return session

    def forget(self, token: str) -> None:
        """Remove the journal of a session that has ended."""
        self.journals.forget(token)
