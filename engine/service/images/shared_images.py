"""Arrays of images, one in memory for each content."""

from __future__ import annotations

import hashlib
import threading
import weakref
from typing import Any

from numpy.typing import NDArray


class SharedImages:
    """Arrays by content hash, for as long as anything refers to them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrays: weakref.WeakValueDictionary[str, NDArray[Any]] = weakref.WeakValueDictionary()

    @property
    def count(self) -> int:
        """The number of arrays in memory."""
        with self._lock:
            return len(self._arrays)

    def find(self, digest: str | None) -> NDArray[Any] | None:
        """Return the array of a hash, None where it is not in memory."""
        with self._lock:
            return None if digest is None else self._arrays.get(digest)

    def share(self, array: NDArray[Any]) -> tuple[str, NDArray[Any]]:
        """Return the hash of an array, and the array of this content: an earlier one, or this one, read-only now."""
        hashed = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
        hashed.update(array.reshape(-1).view("uint8").data)
        digest = hashed.hexdigest()
        with self._lock:
            shared = self._arrays.get(digest)
            if shared is None:
                array.flags.writeable = False
                shared = self._arrays[digest] = array
            return digest, shared
