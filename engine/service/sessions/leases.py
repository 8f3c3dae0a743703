"""Leases: the right of a client to a session, with time-outs, a bounded number, a bounded memory, and a journal.

A lease ends when its client releases it, does nothing for ``idle_s``, gives no sign of life for ``silent_s``, or is the
one longest idle when memory is short. A lease that is busy does not end. Later requests with its token get the reason.

Work on a session waits for its turn in the event loop (``queue``), so no thread waits for a session. The locks of
threads, in the order in which they are taken:

1. ``OpenVolumes._reading`` of one file: held while that file is read.
2. ``Leases._lock``, ``OpenVolumes._lock``: tables. Held for look-ups and bookkeeping, never while anything is computed,
   read, or reserved.
3. ``SessionJournals._lock``: the journals of a folder.
4. ``Budget._lock``: the account of memory. It evicts without its lock, see there.
"""

from __future__ import annotations

import asyncio
import functools
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.http.workers import run_in_worker
from maskwright.engine.service.sessions.journal import Recovery
from maskwright.engine.service.sessions.queue import SessionQueues
from maskwright.engine.service.sessions.session import ServiceSession
from maskwright.errors import CapacityError, GoneError, InputError
from maskwright.interactive.sessions.events import Event
from maskwright.interactive.sessions.log import Header

REMEMBERED = 1000
"""Ended leases whose reason is kept."""
UNKNOWN = "this server does not know it"
UNREADABLE = "its journal is of another version of this server, or damaged; the journal is kept"

R = TypeVar("R")
S = TypeVar("S", bound=ServiceSession)


@dataclass(frozen=True)
class LeasePolicy:
    """The bounds of the leases of a protocol.

    Attributes
    ----------
    sessions, per_owner : int
        In all, and of one owner.
    idle_s, silent_s : float
        How long nothing may be done in a session, or heard of its client.
    transient : bool
        A session begins with its first work, ends without an edit, and gives its place to a newer one: its client
        sends all prompts with each request.
    """

    sessions: int = 20
    per_owner: int = 20
    idle_s: float = 600.0
    silent_s: float = 60.0
    transient: bool = False


@dataclass(eq=False)
class Lease(Generic[S]):
    """The right of ``owner`` to a session. ``used`` is its last action, ``seen`` its last sign of life.

    ``header`` and ``events`` are in its journal.
    """

    token: str
    owner: str
    session: S
    used: float
    seen: float
    reservation: Reservation
    size_bytes: int = 0
    busy: bool = False
    header: Header | None = None
    events: tuple[Event, ...] = ()


class Leases(Generic[S]):
    """The leases of a protocol; with ``recovery``, those of an earlier server too."""

    def __init__(
        self,
        make_session: Callable[[], S],
        policy: LeasePolicy,
        budget: Budget,
        queues: SessionQueues,
        recovery: Recovery[S] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.policy = policy
        self._make_session, self._budget, self._queues = make_session, budget, queues
        self._recovery, self._clock = recovery, clock
        self._restoring, self._lock = asyncio.Lock(), threading.Lock()
        self._leases: dict[str, Lease[S]] = {}
        self._ended: OrderedDict[str, str] = OrderedDict()

    def claim(self, owner: str) -> str:
        """Begin a session and return its token.

        It makes an assist session, which may load a model: call it in a thread.

        Raises
        ------
        CapacityError
            There are as many sessions as there may be, in all or of this owner, and none has run out.
        """
        token = secrets.token_urlsafe(32)
        self._insert(self._lease(token, owner, self._make_session()))
        return token

    def release(self, token: str, owner: str) -> None:
        """End a lease at once; one that is not there is no error."""
        with self._lock:
            lease = self._leases.get(token)
            if lease is not None and lease.owner == owner:
                self._end(lease, "it was released")
        if lease is None and self._recovery is not None:
            self._recovery.journals.forget(token, owner)

    async def work(self, token: str, owner: str, work: Callable[[Lease[S]], R]) -> R:
        """Return the result of some work on a session, done in a computing thread when its turn has come.

        The session's memory is reserved and its journal written before this returns, also where the work fails.

        Raises
        ------
        GoneError
            The token is none of this owner, or its lease has ended: says why. Or the client has gone meanwhile.
        CapacityError
            The session has to begin or to be restored, and there is no room for it.
        StorageError
            The journal of a session that begins cannot be written.
        """

        async def in_turn() -> R:
            if not self.policy.transient:
                await self._find(token, owner)
            return await run_in_worker(functools.partial(self._use, token, owner, work))

        return await self._queues.ticket(token).run(in_turn)

    async def heartbeat(self, token: str, owner: str) -> float:
        """Note a sign of life, and return the seconds that are left until the lease is idle for too long."""
        lease = await self._find(token, owner)
        lease.seen = self._clock()
        return self._left(lease)

    async def remaining_s(self, token: str, owner: str) -> float:
        """Return the seconds that are left until the lease is idle for too long; it counts as no sign of life."""
        return self._left(await self._find(token, owner))

    def reserve(self, lease: Lease[S], more_bytes: int = 0) -> None:
        """Reserve the memory of a busy lease, and some more for its work; where that is too much, others end.

        Raises
        ------
        CapacityError
            It would be too much even so.
        """
        session = lease.session
        array, own_bytes = session.array, session.own_bytes + more_bytes
        self._budget.reserve(lease.reservation, own_bytes, array)
        lease.size_bytes = own_bytes + (0 if array is None else array.nbytes)

    def end_expired(self) -> None:
        """End the leases that have rested too long."""
        with self._lock:
            self._end_expired()

    @property
    def count(self) -> int:
        """The number of leases."""
        return len(self._leases)

    @property
    def size_bytes(self) -> int:
        """The bytes of all sessions; an image that two of them share counts twice."""
        with self._lock:
            return sum(lease.size_bytes for lease in self._leases.values())

    # --- work

    def _use(self, token: str, owner: str, work: Callable[[Lease[S]], R]) -> R:
        with self._lock:
            lease = self._leases.get(token)
            if lease is not None:
                lease.used = lease.seen = self._clock()
                lease.busy = lease.reservation.busy = True
        if lease is None:
            lease = self._begin(token, owner)
        try:
            return work(lease)
        finally:
            self._settle(lease)

    def _begin(self, token: str, owner: str) -> Lease[S]:
        """Begin a transient session, busy from now on; of other sessions, say why there is none."""
        if not self.policy.transient:
            raise self._gone(token)
        lease = self._lease(token, owner, self._make_session())
        lease.busy = lease.reservation.busy = True
        self._insert(lease)
        return lease

    def _settle(self, lease: Lease[S]) -> None:
        """Reserve, journal, and let others have the session; one that there is no room for ends."""
        no_room = False
        try:
            try:
                self.reserve(lease)
            except CapacityError:
                no_room = True
            self._journal(lease)
        finally:
            with self._lock:
                lease.used = lease.seen = self._clock()
                lease.busy = lease.reservation.busy = False
                self._budget.touch(lease.reservation)
                if self._leases.get(lease.token) is not lease:
                    self._give_back(lease)
                elif no_room:
                    self._end(lease, "it held more than the server has memory for")
                elif self.policy.transient and not lease.session.assist.events:
                    self._end(lease, UNKNOWN)

    def _journal(self, lease: Lease[S]) -> None:
        """Write the events that are new. Where the session has begun anew, so does its journal."""
        session, written, token = lease.session, lease.events, lease.token
        upload, session.upload = session.upload, b""
        if self._recovery is None:
            return
        journals, events = self._recovery.journals, session.assist.events
        has_begun = session.header is not lease.header or events[: len(written)] != written
        lease.header, lease.events = session.header, events
        if session.header is None:
            if has_begun:
                journals.forget(token)
        elif has_begun:
            journals.begin(token, lease.owner, session.header, events, upload)
        else:
            journals.append(token, events[len(written) :])

    # --- finding and restoring

    async def _find(self, token: str, owner: str) -> Lease[S]:
        if self._recovery is not None and token not in self._leases and token not in self._ended:
            async with self._restoring:
                await run_in_worker(functools.partial(self._restore, token, owner, self._recovery))
        with self._lock:
            self._end_expired()
            lease = self._leases.get(token)
        if lease is None or lease.owner != owner:
            raise self._gone(token if lease is None else "")
        return lease

    def _restore(self, token: str, owner: str, recovery: Recovery[S]) -> None:
        if token in self._leases:  # another request was quicker
            return
        try:
            journal = recovery.journals.read(token, owner)
            if journal is None:
                return
            session = recovery.restore(*journal)
        except InputError:
            recovery.journals.note_unreadable(token)
            raise GoneError(f"the session has ended: {UNREADABLE}; begin another session") from None
        lease = self._lease(token, owner, session)
        lease.header, lease.events, session.upload = session.header, session.assist.events, b""
        self.reserve(lease)
        try:
            self._insert(lease)
        except CapacityError:
            self._budget.release(lease.reservation)
            raise
        recovery.journals.append(token, ())  # it is in use again

    def _lease(self, token: str, owner: str, session: S) -> Lease[S]:
        now = self._clock()
        lease = Lease(token, owner, session, now, now, Reservation("session"))
        lease.reservation.evict = functools.partial(self._evict, lease)
        return lease

    def _insert(self, lease: Lease[S]) -> None:
        with self._lock:
            self._end_expired()
            policy, own = self.policy, sum(each.owner == lease.owner for each in self._leases.values())
            if own >= policy.per_owner < policy.sessions:
                self._make_room(f"{own} sessions are yours, as many as one user may have; end one of them", lease.owner)
            if len(self._leases) >= policy.sessions:
                self._make_room(f"all {policy.sessions} sessions are taken; try again later", None)
            self._leases[lease.token] = lease

    def _gone(self, token: str) -> GoneError:
        return GoneError(f"the session has ended: {self._ended.get(token, UNKNOWN)}; claim a new one")

    def _left(self, lease: Lease[S]) -> float:
        return max(0.0, lease.used + self.policy.idle_s - self._clock())

    def _evict(self, lease: Lease[S]) -> bool:
        """End a lease for want of memory, unless it is busy."""
        with self._lock:
            if lease.busy or self._leases.get(lease.token) is not lease:
                return False
            self._end(lease, "memory was short and it was the one longest idle")
            return True

    # --- with the lock

    def _make_room(self, refusal: str, owner: str | None) -> None:
        """End the transient session longest idle, of one owner if named; other sessions are not ended for new ones."""
        able = [each for each in self._leases.values() if not each.busy and owner in (None, each.owner)]
        if not self.policy.transient or not able:
            raise CapacityError(refusal)
        self._end(min(able, key=lambda each: each.used), "a newer one took its place")

    def _end_expired(self) -> None:
        now = self._clock()
        for lease in list(self._leases.values()):
            if lease.busy:
                continue
            if now - lease.used > self.policy.idle_s:
                self._end(lease, f"nothing was done for {self.policy.idle_s:g} s")
            elif now - lease.seen > self.policy.silent_s:
                self._end(lease, f"its client gave no sign of life for {self.policy.silent_s:g} s")

    def _end(self, lease: Lease[S], reason: str) -> None:
        del self._leases[lease.token]
        if not lease.busy:
            self._give_back(lease)  # else when its work is done
        if not self.policy.transient:
            self._ended[lease.token] = reason
        while len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)

    def _give_back(self, lease: Lease[S]) -> None:
        self._budget.release(lease.reservation)
        if self._recovery is not None:
            self._recovery.journals.forget(lease.token)
