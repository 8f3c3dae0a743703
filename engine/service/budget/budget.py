"""One account of the memory that clients can make a server take: bodies, arrays, open volumes, sessions.

What is asked for is noted before it is allocated. Where that is too much in all, open volumes are forgotten and then
sessions end, each time the one longest unused; where even that is not enough, nothing goes and the asker is refused.
An array that several hold is counted once.

The account's lock is the last in the order that ``pool`` tells. Letting go of something takes the lock of who holds it,
so it is done outside of the account's, and ``hold`` must be called without the lock of a pool or of the open volumes.
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
"""In the order in which they go: a volume can be read again, a session is somebody's work, a request runs."""


@dataclass(eq=False)
class Reservation:
    """What somebody holds: bytes of its own, and an array that others may hold too.

    ``evict`` frees it all and releases the reservation; False says that it cannot be spared now. What is ``busy`` is
    not even asked, nor hoped for.
    """

    kind: Kind
    evict: Callable[[], bool] | None = None
    own_bytes: int = 0
    array: NDArray[Any] | None = None
    used: float = 0.0
    busy: bool = False


class Budget:
    """What is held in all, and by whom."""

    def __init__(self, limit_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit_bytes = limit_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._reservations: set[Reservation] = set()
        self._holders_of: dict[int, int] = {}
        self._used_bytes = 0

    @property
    def used_bytes(self) -> int:
        """What is held in all."""
        with self._lock:
            return self._used_bytes

    def reserve(self, reservation: Reservation, own_bytes: int, array: NDArray[Any] | None = None) -> None:
        """Note what a reservation takes from now on, instead of what it took.

        Raises
        ------
        CapacityError
            It would be too much, whatever could be spared. What the reservation took stays noted.
        """
        array = None if array is None else _root(array)
        kept: set[Reservation] = set()
        while True:
            with self._lock:
                more = own_bytes - reservation.own_bytes + self._bytes_of(reservation, array)
                short = self._used_bytes + more - self.limit_bytes
                if more <= 0 or short <= 0:
                    self._put(reservation, own_bytes, array)
                    return
                chosen = self._to_go(reservation, array, short, kept)
                need = self._used_bytes + more
            if chosen is None or chosen.evict is None:
                limit, need = self.limit_bytes >> 20, need >> 20
                raise CapacityError(
                    f"the server may hold {limit} MiB; with this it would be {need} MiB: try again later"
                )
            if not chosen.evict():
                kept.add(chosen)

    def touch(self, reservation: Reservation) -> None:
        """Note that a reservation was used now."""
        reservation.used = self._clock()

    def release(self, reservation: Reservation) -> None:
        """Note that nothing is held any more; doing so twice is no error."""
        with self._lock:
            self._put(reservation, 0, None)
            self._reservations.discard(reservation)

    # --- inside, with the lock

    def _put(self, reservation: Reservation, own_bytes: int, array: NDArray[Any] | None) -> None:
        self._used_bytes += own_bytes - reservation.own_bytes + self._bytes_of(reservation, array)
        for each, count in ((array, 1), (reservation.array, -1)):
            if each is not None:
                self._holders_of[id(each)] = self._holders_of.get(id(each), 0) + count
                if not self._holders_of[id(each)]:
                    del self._holders_of[id(each)]
        reservation.own_bytes, reservation.array, reservation.used = own_bytes, array, self._clock()
        self._reservations.add(reservation)

    def _bytes_of(self, reservation: Reservation, array: NDArray[Any] | None) -> int:
        """How many bytes of arrays more there are when a reservation has this one instead of its own."""
        if array is reservation.array:
            return 0
        more = 0 if array is None or id(array) in self._holders_of else array.nbytes
        return more - (0 if reservation.array is None else self._freed([reservation]) - reservation.own_bytes)

    def _to_go(
        self, asker: Reservation, array: NDArray[Any] | None, short: int, kept: set[Reservation]
    ) -> Reservation | None:
        """Return what goes next; None where all that could go is not enough."""
        able = [e for e in self._reservations if e is not asker and e.evict and not e.busy and e not in kept]
        able.sort(key=lambda each: (KINDS.index(each.kind), each.used))
        left = None if asker.array is array else asker.array
        if self._freed(able, array, left) < short:
            return None
        return next((each for each in able if self._freed([each], array, left)), able[0])

    def _freed(
        self, going: Iterable[Reservation], but: NDArray[Any] | None = None, left: NDArray[Any] | None = None
    ) -> int:
        """How many bytes there are less without some reservations.

        One array stays, since somebody asks for it; another one is ``left`` by who asks, who is one holder of it less.
        """
        freed, times, arrays = 0, dict[int, int](), dict[int, int]()
        for each in going:
            freed += each.own_bytes
            if each.array is not None and each.array is not but:
                times[id(each.array)] = times.get(id(each.array), 0) + 1
                arrays[id(each.array)] = each.array.nbytes
        holders = {key: self._holders_of[key] - (left is not None and key == id(left)) for key in times}
        return freed + sum(arrays[key] for key, count in times.items() if count == holders[key])


def _root(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array whose memory a view is of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
