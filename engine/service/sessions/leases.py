"""Sessions of remote clients: leases with time-outs, a bounded number and a bounded memory.

Work on a session waits for its turn in the event loop (``queue``), so no thread waits for a session. The locks of
threads, in the order in which they are taken:

1. ``OpenVolumes._reading`` of one file: held while that file is read.
2. ``Pool._lock``, ``OpenVolumes._lock``, ``ClickSessions._lock``: tables. Held for look-ups and bookkeeping, never
   while anything is computed, read, or asked of the account of memory.
3. ``Budget._lock``: the account. It evicts without its lock, see there.

A lease ends when its client releases it, does nothing for ``idle_s``, gives no sign of life for ``silent_s``, or is the
one longest idle when memory is short. A lease that is busy does not end. What comes later with its token is told why.
"""

from __future__ import annotations

import asyncio
import functools
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from numpy.typing import NDArray

from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.http.workers import run_in_worker
from maskwright.engine.service.sessions.queue import SessionQueues
from maskwright.errors import CapacityError, GoneError

REMEMBERED = 1000
"""Ended leases whose reason is kept."""

UNKNOWN = "this server does not know it"

R = TypeVar("R")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class LeaseLimits:
    """How many sessions there may be, how long they may rest, in seconds, and what they may hold, in bytes.

    The bytes are those of a pool whose memory is not one account with that of others.
    """

    sessions: int = 20
    idle_s: float = 600.0
    silent_s: float = 60.0
    memory_bytes: int = 8 << 30


@dataclass(eq=False)
class Lease(Generic[T]):
    """A client's right to a session. ``used`` is its last action, ``seen`` its last sign of life.

    ``owner`` claimed it; with the token of another owner's lease nobody gets at it. One that is ``busy`` does not end.
    """

    token: str
    owner: str
    session: T
    used: float
    seen: float
    reservation: Reservation
    size_bytes: int = 0
    counted_bytes: int = 0
    busy: bool = False


class Written(Protocol[T_co]):
    """Sessions that were written down."""

    def restore(self, token: str, owner: str) -> T_co | None:
        """Return the session of an earlier server, None if there is none of this token and owner."""
        ...

    def forget(self, token: str, owner: str | None = None) -> None:
        """Remove what is written of a session that has ended, with ``owner`` only if it is theirs."""
        ...


def no_size(session: object) -> int:
    """Say that it is not known what a session holds."""
    return 0


def no_image(session: object) -> None:
    """Say that a session shares its image with nobody."""
    return


class Pool(Generic[T]):
    """The leases of a server; with ``written``, those of its predecessor too.

    What they hold is in ``memory``, an account that may be that of others, too; the array that ``image_of`` names is
    part of what a session holds and counted once with whoever else holds it. ``size_of`` is what one that came back
    holds, its image included.
    """

    def __init__(
        self,
        make_session: Callable[[], T],
        limits: LeaseLimits,
        clock: Callable[[], float] = time.monotonic,
        written: Written[T] | None = None,
        memory: Budget | None = None,
        image_of: Callable[[T], NDArray[Any] | None] = no_image,
        size_of: Callable[[T], int] = no_size,
        queues: SessionQueues | None = None,
    ) -> None:
        self.limits = limits
        self._queues = SessionQueues() if queues is None else queues
        self._memory = Budget(limits.memory_bytes, clock) if memory is None else memory
        self._image_of, self._size_of = image_of, size_of
        self._make_session, self._clock, self._written = make_session, clock, written
        self._restoring, self._lock = asyncio.Lock(), threading.Lock()
        self._leases: dict[str, Lease[T]] = {}
        self._ended: OrderedDict[str, str] = OrderedDict()

    def claim(self, owner: str) -> str:
        """Begin a session for somebody and return its token.

        Raises
        ------
        CapacityError
            There are as many sessions as there may be, and none has run out.
        """
        with self._lock:
            self._end_expired()
            if len(self._leases) >= self.limits.sessions:
                raise CapacityError(f"all {self.limits.sessions} sessions are taken; try again later")
            token = secrets.token_urlsafe(32)
            self._leases[token] = self._lease(token, owner, self._make_session())
            return token

    def release(self, token: str, owner: str) -> None:
        """End a lease; one that is not there is no error."""
        with self._lock:
            if token in self._leases:
                if self._leases[token].owner == owner:
                    self._end(token, "it was released")
                return
        if self._written is not None:
            self._written.forget(token, owner)

    async def work(self, token: str, owner: str, work: Callable[[Lease[T]], R]) -> R:
        """Return the result of some work on a session, done in a computing thread when its turn has come.

        Raises
        ------
        GoneError
            The token is none of this owner, or its lease has ended: says why. Or the client has gone meanwhile.
        CapacityError
            The session has to be restored, and there is no room for it.
        """

        def use() -> R:
            with self._use(token) as lease:
                return work(lease)

        async def in_turn() -> R:
            await self._find(token, owner)
            return await run_in_worker(use)

        return await self._queues.ticket(token).run(in_turn)

    async def heartbeat(self, token: str, owner: str) -> float:
        """Note a sign of life, and return the seconds that are left until the lease is idle for too long."""
        lease = await self._find(token, owner)
        lease.seen = self._clock()
        return self._left(lease)

    async def remaining_s(self, token: str, owner: str) -> float:
        """Return the seconds that are left until the lease is idle for too long; it counts as no sign of life."""
        return self._left(await self._find(token, owner))

    def hold(self, lease: Lease[T], size_bytes: int) -> None:
        """Note what a lease at work holds from now on; where that is too much in all, those longest idle end.

        Raises
        ------
        CapacityError
            It would be too much even so.
        """
        image = self._image_of(lease.session)
        shared = 0 if image is None else image.nbytes
        self._memory.reserve(lease.reservation, max(0, size_bytes - shared), image)
        lease.size_bytes = lease.counted_bytes = size_bytes

    def end_expired(self) -> None:
        """End what has rested too long."""
        with self._lock:
            self._end_expired()

    @property
    def count(self) -> int:
        """The number of leases."""
        return len(self._leases)

    @property
    def size_bytes(self) -> int:
        """What they hold in all."""
        with self._lock:
            return sum(lease.size_bytes for lease in self._leases.values())

    # --- inside; without the lock

    @contextmanager
    def _use(self, token: str) -> Iterator[Lease[T]]:
        with self._lock:
            self._check_there(token)
            lease = self._leases[token]
            lease.used = lease.seen = self._clock()
            lease.busy = lease.reservation.busy = True
        try:
            yield lease
            if lease.size_bytes != lease.counted_bytes:
                self._count(lease)
        finally:
            with self._lock:
                lease.used = lease.seen = self._clock()
                lease.busy = lease.reservation.busy = False
                self._memory.touch(lease.reservation)
                if token not in self._leases:
                    self._memory.release(lease.reservation)
                    if self._written is not None:
                        self._written.forget(token)  # it may have been written down after it was released

    async def _find(self, token: str, owner: str) -> Lease[T]:
        if self._written is not None and self._is_unknown(token):
            async with self._restoring:
                if self._is_unknown(token):
                    await run_in_worker(functools.partial(self._restore, token, owner, self._written))
        with self._lock:
            self._end_expired()
            self._check_there(token)
            lease = self._leases[token]
        if lease.owner != owner:
            raise GoneError(f"the session has ended: {UNKNOWN}; claim a new one")
        return lease

    def _lease(self, token: str, owner: str, session: T) -> Lease[T]:
        now = self._clock()
        return Lease(token, owner, session, now, now, Reservation("session", functools.partial(self._evict, token)))

    def _count(self, lease: Lease[T]) -> None:
        """Note what was found of a lease after its work; one that there is no room for ends."""
        try:
            self.hold(lease, lease.size_bytes)
        except CapacityError:
            with self._lock:
                if lease.token in self._leases:
                    self._end(lease.token, "it held more than the server has memory for")

    def _evict(self, token: str) -> bool:
        """End a lease for want of memory, unless it is at work."""
        with self._lock:
            lease = self._leases.get(token)
            if lease is None or lease.busy:
                return False
            self._end(token, "memory was short and it was the one longest idle")
            return True

    def _is_unknown(self, token: str) -> bool:
        with self._lock:
            return token not in self._leases and token not in self._ended

    def _restore(self, token: str, owner: str, written: Written[T]) -> None:
        session = written.restore(token, owner)
        if session is None:
            return
        lease = self._lease(token, owner, session)
        self.hold(lease, self._size_of(session))
        with self._lock:
            self._end_expired()
            if len(self._leases) >= self.limits.sessions:
                self._memory.release(lease.reservation)
                raise CapacityError(f"all {self.limits.sessions} sessions are taken; try again later")
            self._leases[token] = lease

    def _left(self, lease: Lease[T]) -> float:
        return max(0.0, lease.used + self.limits.idle_s - self._clock())

    # --- inside; with the lock

    def _check_there(self, token: str) -> None:
        if token not in self._leases:
            why = self._ended.get(token, UNKNOWN)
            raise GoneError(f"the session has ended: {why}; claim a new one")

    def _end_expired(self) -> None:
        now = self._clock()
        for lease in list(self._leases.values()):
            if lease.busy:
                continue
            if now - lease.used > self.limits.idle_s:
                self._end(lease.token, f"nothing was done for {self.limits.idle_s:g} s")
            elif now - lease.seen > self.limits.silent_s:
                self._end(lease.token, f"its client gave no sign of life for {self.limits.silent_s:g} s")

    def _end(self, token: str, why: str) -> None:
        lease = self._leases.pop(token)
        if not lease.reservation.busy:  # else when its work is done
            self._memory.release(lease.reservation)
        if self._written is not None:
            self._written.forget(token)
        self._ended[token] = why
        while len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)
