"""Images of sessions, each kept once however many sessions look at it."""

from __future__ import annotations

import hashlib
import threading
import weakref
from typing import Any

from numpy.typing import NDArray


class SharedImages:
    """Arrays by content hash, for as long as somebody holds them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: weakref.WeakValueDictionary[str, NDArray[Any]] = weakref.WeakValueDictionary()

    @property
    def count(self) -> int:
        """How many are held."""
        with self._lock:
            return len(self._kept)

    def find(self, name: str | None) -> NDArray[Any] | None:
        """Return the array of a hash, None where nobody holds it any more."""
        with self._lock:
            return None if name is None else self._kept.get(name)

    def keep(self, array: NDArray[Any]) -> tuple[str, NDArray[Any]]:
        """Return the hash of an array, and the array of this content that is held already, or this one.

        It is read-only from now on.
        """
        digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
        digest.update(array.reshape(-1).view("uint8").data)
        name = digest.hexdigest()
        with self._lock:
            held = self._kept.get(name)
            if held is None:
                array.flags.writeable = False
                held = self._kept[name] = array
            return name, held
