"""One budget of the memory that clients can make a server take: bodies, arrays, open volumes, sessions, answers.

Bytes are reserved before they are allocated. Where they would be too many in all, open volumes are evicted and then
sessions, each time the one longest unused; where even that is not enough, nothing is evicted and the reservation is
refused. An array that several reservations share is counted once.

The budget's lock is the last in the order that ``leases`` tells. Evicting takes the lock of a table, so it is done
without the budget's, and ``reserve`` must be called without the lock of a table.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import CapacityError

Kind = Literal["volume", "session", "request"]
KINDS: tuple[Kind, ...] = ("volume", "session", "request")
"""In the order of eviction: a volume can be read again, a session is somebody's work, a request runs."""


@dataclass(eq=False)
class Reservation:
    """Bytes of its own, and an array that other reservations may share.

    ``evict`` frees all and releases the reservation; it returns False if that cannot be done now. Busy reservations
    are never evicted.
    """

    kind: Kind
    evict: Callable[[], bool] | None = None
    own_bytes: int = 0
    array: NDArray[Any] | None = None
    used: float = 0.0
    busy: bool = False


class Budget:
    """All reservations, and their sum."""

    def __init__(self, limit_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit_bytes = limit_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._reservations: set[Reservation] = set()
        self._sharers: dict[int, int] = {}
        self._used_bytes = 0

    @property
    def used_bytes(self) -> int:
        """The sum of all reservations."""
        with self._lock:
            return self._used_bytes

    def reserve(self, reservation: Reservation, own_bytes: int, array: NDArray[Any] | None = None) -> None:
        """Set the bytes and the array of a reservation, instead of those it has; evict others where needed.

        Raises
        ------
        CapacityError
            There is no room, even with all evicted that can be. The reservation stays as it was.
        """
        array = None if array is None else _root(array)
        unwilling: set[Reservation] = set()
        while True:
            with self._lock:
                more = own_bytes - reservation.own_bytes + self._bytes_of(reservation, array)
                short = self._used_bytes + more - self.limit_bytes
                if more <= 0 or short <= 0:
                    self._put(reservation, own_bytes, array)
                    return
                chosen = self._to_evict(reservation, array, short, unwilling)
                need = self._used_bytes + more
            if chosen is None or chosen.evict is None:
                limit, need = self.limit_bytes >> 20, need >> 20
                raise CapacityError(
                    f"the server may hold {limit} MiB; with this it would be {need} MiB: try again later"
                )
            if not chosen.evict():
                unwilling.add(chosen)

    def touch(self, reservation: Reservation) -> None:
        """Note that a reservation was used now."""
        reservation.used = self._clock()

    def release(self, reservation: Reservation) -> None:
        """Forget a reservation for good; doing so twice is no error."""
        with self._lock:
            self._put(reservation, 0, None)
            self._reservations.discard(reservation)
            reservation.evict = None  # it refers to its owner, whose memory would wait for the collector of cycles

    # --- inside, with the lock

    def _put(self, reservation: Reservation, own_bytes: int, array: NDArray[Any] | None) -> None:
        self._used_bytes += own_bytes - reservation.own_bytes + self._bytes_of(reservation, array)
        for each, count in ((array, 1), (reservation.array, -1)):
            if each is not None:
                self._sharers[id(each)] = self._sharers.get(id(each), 0) + count
                if not self._sharers[id(each)]:
                    del self._sharers[id(each)]
        reservation.own_bytes, reservation.array, reservation.used = own_bytes, array, self._clock()
        self._reservations.add(reservation)

    def _bytes_of(self, reservation: Reservation, array: NDArray[Any] | None) -> int:
        """Return how many bytes of arrays more there are when a reservation has this one instead of its own."""
        if array is reservation.array:
            return 0
        more = 0 if array is None or id(array) in self._sharers else array.nbytes
        return more - (0 if reservation.array is None else self._freed([reservation]) - reservation.own_bytes)

    def _to_evict(
        self, asking: Reservation, array: NDArray[Any] | None, short: int, unwilling: set[Reservation]
    ) -> Reservation | None:
        """Return the reservation to evict next; None where all that can be evicted are not enough."""
        able = [e for e in self._reservations if e is not asking and e.evict and not e.busy and e not in unwilling]
        able.sort(key=lambda each: (KINDS.index(each.kind), each.used))
        left = None if asking.array is array else asking.array
        if self._freed(able, array, left) < short:
            return None
        return next((each for each in able if self._freed([each], array, left)), able[0])

    def _freed(
        self, going: Iterable[Reservation], but: NDArray[Any] | None = None, left: NDArray[Any] | None = None
    ) -> int:
        """Return how many bytes fewer there are without some reservations.

        The array ``but`` stays, since it is asked for; ``left`` loses one sharer, the reservation that asks.
        """
        freed, times, arrays = 0, dict[int, int](), dict[int, int]()
        for each in going:
            freed += each.own_bytes
            if each.array is not None and each.array is not but:
                times[id(each.array)] = times.get(id(each.array), 0) + 1
                arrays[id(each.array)] = each.array.nbytes
        sharers = {key: self._sharers[key] - (left is not None and key == id(left)) for key in times}
        return freed + sum(arrays[key] for key, count in times.items() if count == sharers[key])


def _root(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array whose memory a view is of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
