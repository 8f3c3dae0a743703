"""The budget is right whatever happens, never above its limit, and evicts volumes before sessions."""

import functools
import gc
import threading
import weakref

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.errors import CapacityError

LIMIT = 1000


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


class Account(RuleBasedStateMachine):
    """Holders that come and go, some of whom share arrays; a model counts all of it anew each time."""

    def __init__(self):
        super().__init__()
        self.memory = Budget(LIMIT, Clock())
        self.arrays = [np.zeros(size, np.uint8) for size in (100, 300, 450)]
        self.held, self.busy, self.evict = {}, set(), []

    def model(self, held):
        arrays = {index for _, index in held.values() if index is not None}
        return sum(own for own, _ in held.values()) + sum(self.arrays[index].nbytes for index in arrays)

    def new(self, kind):
        def evict():
            if reservation in self.busy:
                return False
            self.evict.append(reservation)
            self.held.pop(reservation)
            self.memory.release(reservation)
            return True

        reservation = Reservation(kind, None if kind == "request" else evict)
        return reservation

    @rule(
        kind=st.sampled_from(["volume", "session", "request", "old"]),
        which=st.integers(0, 20),
        own=st.integers(0, 1100),
        index=st.sampled_from([None, 0, 1, 2]),
    )
    def hold(self, kind, which, own, index):
        old = list(self.held)
        reservation = old[which % len(old)] if kind == "old" and old else self.new("session" if kind == "old" else kind)
        array = None if index is None else self.arrays[index][1:3]  # a view counts as what it is of
        others = {each: what for each, what in self.held.items() if each is not reservation}
        stays = {each: what for each, what in others.items() if each.evict is None or each in self.busy}
        before, self.evict = dict(self.held), []
        try:
            self.memory.reserve(reservation, own, array)
        except CapacityError:
            least = self.model({**stays, reservation: (own, index)})
            assert least > LIMIT
            assert before == self.held or any(not each.busy for each in self.busy)
            return
        assert all(each in before for each in self.evict)
        assert self.evict == [] or self.model({**before, reservation: (own, index)}) > LIMIT
        self.held[reservation] = (own, index)

    @rule(which=st.integers(0, 20))
    def release(self, which):
        if self.held:
            reservation = list(self.held)[which % len(self.held)]
            self.held.pop(reservation)
            self.memory.release(reservation)
            self.memory.release(reservation)

    @rule(which=st.integers(0, 20))
    def turn(self, which):
        if self.held:
            reservation = list(self.held)[which % len(self.held)]
            self.busy ^= {reservation}
            reservation.busy = which % 2 == 0 and reservation in self.busy  # else that is known only when it is asked

    @invariant()
    def counted(self):
        assert self.memory.used_bytes == self.model(self.held)
        assert 0 <= self.memory.used_bytes <= LIMIT

    def teardown(self):
        for reservation in self.held:
            self.memory.release(reservation)
        assert self.memory.used_bytes == 0


TestAccount = Account.TestCase
TestAccount.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def holders(memory, *kinds):
    gone, found = [], []
    for number, kind in enumerate(kinds):

        def evict(number=number):
            gone.append(number)
            memory.release(found[number])
            return True

        found.append(Reservation(kind, evict))
    return found, gone


def test_volumes_go_before_sessions_and_the_longest_unused_first():
    memory = Budget(LIMIT, Clock())
    found, gone = holders(memory, "session", "session", "volume", "volume")
    for reservation in found:
        memory.reserve(reservation, 250)
    memory.touch(found[2])
    memory.touch(found[0])
    for _ in range(4):
        memory.reserve(Reservation("request"), 250)
    assert gone == [3, 2, 1, 0]
    with pytest.raises(CapacityError, match="try again later"):
        memory.reserve(Reservation("request"), 1)


def test_nothing_goes_where_that_would_not_be_enough_or_gives_nothing():
    memory = Budget(LIMIT, Clock())
    image = np.zeros(400, np.uint8)
    found, gone = holders(memory, "volume", "session", "session")
    memory.reserve(found[0], 0, image)
    memory.reserve(found[1], 100, image)
    memory.reserve(found[2], 300)
    assert memory.used_bytes == 800
    with pytest.raises(CapacityError):
        memory.reserve(Reservation("request"), 1001)
    assert gone == []
    memory.reserve(Reservation("request"), 250)
    assert gone == [1]  # the volume's array is the session's, too: without it nothing is won


def test_an_array_left_by_the_asking_reservation_goes_with_its_last_sharer():
    memory = Budget(LIMIT, Clock())
    before, after = np.zeros(300, np.uint8), np.zeros(450, np.uint8)
    found, gone = holders(memory, "session", "volume")
    for reservation in found:
        memory.reserve(reservation, 0, before)
    memory.reserve(found[0], 251, after)
    assert gone == [1]
    assert memory.used_bytes == 701


def test_many_threads_keep_the_account_right():
    memory = Budget(LIMIT)
    highest = []

    def work():
        for size in range(200):
            reservation = Reservation("request")
            try:
                memory.reserve(reservation, size)
                highest.append(memory.used_bytes)
            except CapacityError:
                pass
            memory.release(reservation)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(highest) <= LIMIT
    assert memory.used_bytes == 0


def test_a_released_reservation_lets_its_owner_go_at_once():
    class Owner:
        def __init__(self, budget):
            self.reservation = Reservation("session", functools.partial(self.evict))
            budget.reserve(self.reservation, 10)

        def evict(self):
            return False

    budget = Budget(LIMIT)
    owner = Owner(budget)
    alive = weakref.ref(owner)
    budget.release(owner.reservation)
    gc.disable()
    try:
        del owner
        assert alive() is None
    finally:
        gc.enable()
