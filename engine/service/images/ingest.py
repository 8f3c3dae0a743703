"""Images that clients send to be stored."""

from __future__ import annotations

import contextlib
from typing import BinaryIO

from maskwright.engine.service.images.open_volumes import OpenVolumes
from maskwright.engine.service.storage import Datastore, ImageEntry
from maskwright.errors import CapacityError, MaskwrightError, NotFoundError


def ingest(store: Datastore, volumes: OpenVolumes, name: str, stream: BinaryIO, limit_bytes: int) -> ImageEntry:
    """Store an image and open it; see ``Datastore.add_image`` and ``OpenVolumes.open`` for the errors.

    One that cannot be opened is not stored, unless only for want of memory, or it was stored before and has labels.
    """
    entry = store.add_image(name, stream, limit_bytes)
    try:
        volumes.open(entry)  # its sender is about to look at it
    except MaskwrightError as error:
        # The same file may have been sent before and be in use: want of memory says nothing of it.
        if not isinstance(error, CapacityError) and not store.labels(entry.id):
            with contextlib.suppress(NotFoundError):  # the same file lies in the folder: it is not ours to remove
                store.remove_upload(entry.id)
        raise
    return entry
