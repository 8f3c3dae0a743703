"""The session of a client: an assist session, and the header of its journal. A protocol's session adds its own form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from maskwright.interactive.image import Image
from maskwright.interactive.sessions.log import Header, SessionLog
from maskwright.interactive.sessions.session import AssistSession


class ServiceSession:
    """Objects on one image; empty until ``open``.

    Attributes
    ----------
    assist : AssistSession
        Its events are the journal.
    header : Header or None
        The first line of the journal: another object for each image that was opened, None without one.
    upload : bytes
        The image as its client sent it, until the journal has stored it; empty where the data folder has the image.
    """

    def __init__(self) -> None:
        self.assist = AssistSession()
        self.header: Header | None = None
        self.upload = b""

    def open(self, image: Image, attributes: Mapping[str, str], upload: bytes = b"") -> None:
        """Begin on an image, which ``attributes`` identify in the journal; see ``AssistSession.set_image``."""
        self.assist.set_image(image)
        self.header, self.upload = self.assist.header(attributes, hash_image=False), upload

    def close(self) -> None:
        """Give the image and all masks back; a second call does nothing."""
        self.assist.close()
        self.header, self.upload = None, b""

    def replay(self, log: SessionLog) -> None:
        """Carry the events of a journal out, on the image that is open.

        Raises
        ------
        InputError
            The journal is of another image, method or model, or an event cannot be carried out.
        """
        log.header.check_method(self.assist.method.provenance())
        log.header.check_image(self.assist.image)
        for event in log.events:
            self.assist.apply(event)

    @property
    def array(self) -> NDArray[Any] | None:
        """The voxels of the image, which other sessions may share; None without one."""
        return None if self.header is None else self.assist.image.array

    @property
    def mask_bytes(self) -> int:
        """The bytes of the mask of one object."""
        voxels = 1
        for side in () if self.header is None else self.assist.image.shape:
            voxels *= side
        return voxels

    @property
    def own_bytes(self) -> int:
        """The bytes of masks and history, which nobody shares."""
        return 0 if self.header is None else len(self.assist.objects) * self.mask_bytes + self.assist.history_bytes
