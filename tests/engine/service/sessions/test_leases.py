"""Leases end when they should and not before, and say why; memory and number stay within bounds."""

import asyncio
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.sessions.leases import LeaseLimits, Pool
from maskwright.errors import CapacityError, GoneError

ME = "me"


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def pool_of(**limits):
    clock = Clock()
    chosen = {"sessions": 3, "idle_s": 100.0, "silent_s": 30.0, "memory_bytes": 1000, **limits}
    return Pool(list, LeaseLimits(**chosen), clock), clock


def use(pool, token, work=lambda lease: None, owner=ME):
    return asyncio.run(pool.work(token, owner, work))


def act(pool, token, size=None):
    use(pool, token, lambda lease: size is None or pool.hold(lease, size))


def heartbeat(pool, token, owner=ME):
    return asyncio.run(pool.heartbeat(token, owner))


def test_heartbeats_keep_a_lease_alive_and_not_busy():
    pool, clock = pool_of()
    token = pool.claim(ME)
    for _ in range(4):
        clock.now += 20
        left = heartbeat(pool, token)
    assert left == pytest.approx(20)
    clock.now += 21
    with pytest.raises(GoneError, match="nothing was done for 100 s"):
        heartbeat(pool, token)


def test_silence_ends_a_lease_and_actions_do_not_let_it():
    pool, clock = pool_of()
    quiet, busy = pool.claim(ME), pool.claim(ME)
    clock.now += 29
    act(pool, busy)
    clock.now += 2
    act(pool, busy)
    with pytest.raises(GoneError, match="no sign of life for 30 s"):
        act(pool, quiet)


def test_a_lease_at_work_does_not_end_and_its_time_begins_afterwards():
    pool, clock = pool_of()
    token = pool.claim(ME)

    def work(lease):
        clock.now += 1000
        pool.end_expired()
        assert pool.count == 1

    use(pool, token, work)
    clock.now += 29
    act(pool, token)


def test_a_claim_takes_the_place_of_what_has_run_out():
    pool, clock = pool_of(sessions=1)
    old = pool.claim(ME)
    with pytest.raises(CapacityError, match="all 1 sessions"):
        pool.claim(ME)
    clock.now += 31
    assert pool.claim(ME) != old
    with pytest.raises(GoneError):
        act(pool, old)


def test_when_memory_is_short_the_longest_idle_ends_and_is_told():
    pool, clock = pool_of()
    tokens = [pool.claim(ME) for _ in range(3)]
    for token in (tokens[1], tokens[0]):
        clock.now += 1
        act(pool, token, 400)
    act(pool, tokens[2], 600)
    with pytest.raises(GoneError, match="memory was short"):
        act(pool, tokens[1])
    act(pool, tokens[0])
    assert pool.size_bytes == 1000
    with pytest.raises(CapacityError):
        act(pool, tokens[0], 1001)
    act(pool, tokens[0])


def test_pools_with_one_account_end_the_longest_idle_of_both_and_count_an_image_once():
    memory, clock, image = Budget(1000), Clock(), np.zeros(400, np.uint8)
    pools = [Pool(list, LeaseLimits(), clock, memory=memory, image_of=lambda session: image) for _ in range(2)]
    tokens = [pool.claim(ME) for pool in pools]
    for pool, token in zip(pools, tokens):
        act(pool, token, 500)
    assert memory.used_bytes == 600
    third = pools[1].claim(ME)
    act(pools[1], third, 850)
    with pytest.raises(GoneError, match="memory was short"):
        act(pools[0], tokens[0])
    act(pools[1], tokens[1])
    assert memory.used_bytes == 950
    for token in (tokens[1], third):
        pools[1].release(token, ME)
    assert memory.used_bytes == 0


def test_a_session_that_is_released_at_work_is_counted_until_that_is_done_and_one_that_grew_too_large_ends():
    memory = Budget(1000)
    pool = Pool(list, LeaseLimits(), memory=memory)
    token = pool.claim(ME)

    def work(lease):
        pool.hold(lease, 700)
        pool.release(token, ME)
        assert memory.used_bytes == 700

    use(pool, token, work)
    assert memory.used_bytes == 0
    token = pool.claim(ME)
    use(pool, token, lambda lease: setattr(lease, "size_bytes", 1001))
    with pytest.raises(GoneError, match="more than the server has memory for"):
        act(pool, token)
    assert memory.used_bytes == 0


def test_no_session_ends_where_one_that_is_at_work_would_have_to_end_too():
    memory = Budget(1000)
    pool = Pool(list, LeaseLimits(), Clock(), memory=memory)
    small, large, third = (pool.claim(ME) for _ in range(3))
    act(pool, small, 100)
    act(pool, large, 800)

    def work(lease):
        with pytest.raises(CapacityError):
            memory.reserve(Reservation("request"), 850)

    use(pool, large, work)
    act(pool, small)
    act(pool, third, 850)
    with pytest.raises(GoneError, match="memory was short"):
        act(pool, large)


def test_requests_of_one_session_run_in_order_of_arrival_and_others_go_on():
    pool, _ = pool_of()
    one, other = pool.claim(ME), pool.claim(ME)
    order, gate = [], threading.Event()

    def first(lease):
        assert gate.wait(20)
        order.append(0)

    async def main():
        waiting = [asyncio.create_task(pool.work(one, ME, first))]
        waiting += [asyncio.create_task(pool.work(one, ME, lambda lease, n=n: order.append(n))) for n in range(1, 10)]
        await pool.work(other, ME, lambda lease: order.append("other"))
        waiting[3].cancel()
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(main())
    assert order == ["other", 0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_a_cancelled_request_keeps_its_session_busy_until_its_work_ends():
    pool, _ = pool_of()
    token, order, gate, begun = pool.claim(ME), [], threading.Event(), threading.Event()

    def first(lease):
        begun.set()
        assert gate.wait(20)
        order.append("first")

    async def main():
        cancelled = asyncio.create_task(pool.work(token, ME, first))
        await asyncio.to_thread(begun.wait, 20)
        cancelled.cancel()
        second = asyncio.create_task(pool.work(token, ME, lambda lease: order.append("second")))
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert order == []
        gate.set()
        await second

    asyncio.run(main())
    assert order == ["first", "second"]


def test_work_that_waited_for_a_lease_that_was_released_meanwhile_is_refused():
    pool, _ = pool_of()
    token = pool.claim(ME)

    async def main():
        first = asyncio.create_task(pool.work(token, ME, lambda lease: pool.release(token, ME)))
        await asyncio.sleep(0)
        with pytest.raises(GoneError, match="released"):
            await pool.work(token, ME, lambda lease: None)
        await first

    asyncio.run(main())


def test_a_stolen_token_is_worth_nothing():
    pool, _ = pool_of()
    token = pool.claim(ME)
    for steal in (pool.heartbeat, pool.remaining_s, lambda token, owner: pool.work(token, owner, list)):
        with pytest.raises(GoneError, match="does not know it"):
            asyncio.run(steal(token, "thief"))
    pool.release(token, "thief")
    act(pool, token)


class Written:
    """Sessions written down by an earlier server."""

    def __init__(self, **owners):
        self.owners, self.revived = owners, 0

    def restore(self, token, owner):
        if self.owners.get(token) != owner:
            return None
        self.revived += 1
        return ["revived"]

    def forget(self, token, owner=None):
        if owner in (None, self.owners.get(token)):
            self.owners.pop(token, None)


def test_sessions_of_an_earlier_server_come_back_once_to_their_owner():
    written = Written(old=ME, other=ME)
    pool = Pool(list, LeaseLimits(sessions=1), Clock(), written)
    with pytest.raises(GoneError):
        use(pool, "old", owner="thief")
    for _ in range(2):
        assert use(pool, "old", lambda lease: lease.session) == ["revived"]
    assert written.revived == 1
    with pytest.raises(CapacityError):
        heartbeat(pool, "other")
    pool.release("old", ME)
    assert written.owners == {"other": ME}
    pool.release("other", ME)
    assert (written.owners, pool.count) == ({}, 0)


def test_what_comes_back_takes_the_place_of_what_has_run_out():
    clock = Clock()
    pool = Pool(list, LeaseLimits(sessions=1, idle_s=10, silent_s=10), clock, Written(old=ME))
    pool.claim(ME)
    clock.now += 11
    assert use(pool, "old", lambda lease: lease.session) == ["revived"]


def test_what_comes_back_is_counted_and_stays_written_where_there_is_no_room():
    written, memory = Written(old=ME, other=ME), Budget(150)
    pool = Pool(list, LeaseLimits(), Clock(), written, memory, size_of=lambda session: 100)
    upload = Reservation("request")
    memory.reserve(upload, 100)
    with pytest.raises(CapacityError):
        heartbeat(pool, "other")
    assert (memory.used_bytes, written.owners) == (100, {"old": ME, "other": ME})
    memory.release(upload)
    heartbeat(pool, "old")
    heartbeat(pool, "other")  # in place of the one longest idle
    assert (memory.used_bytes, written.owners) == (100, {"other": ME})


def test_what_is_written_of_a_session_after_it_was_released_goes_when_its_work_is_done():
    written = Written()
    pool = Pool(list, LeaseLimits(), Clock(), written)
    token = pool.claim(ME)

    def work(lease):
        pool.release(token, ME)
        written.owners[token] = ME  # its first event is written down when it is done

    use(pool, token, work)
    assert written.owners == {}


def test_what_was_held_for_a_while_is_counted_no_longer():
    memory = Budget(1000)
    pool = Pool(list, LeaseLimits(), memory=memory)
    token = pool.claim(ME)
    act(pool, token, 100)

    def work(lease):
        pool.hold(lease, 500)
        lease.size_bytes = 100

    use(pool, token, work)
    assert memory.used_bytes == 100


@given(st.lists(st.tuples(st.sampled_from("crhaw"), st.integers(0, 4), st.integers(0, 700)), max_size=40))
def test_number_and_memory_never_exceed_their_bounds(steps):
    pool, clock = pool_of()
    tokens = []
    for step, which, size in steps:
        token = tokens[which % len(tokens)] if tokens else ""
        try:
            if step == "c":
                tokens.append(pool.claim(ME))
            elif step == "r":
                pool.release(token, ME)
            elif step == "h":
                heartbeat(pool, token)
            elif step == "a":
                act(pool, token, size)
            else:
                clock.now += size / 10
        except (GoneError, CapacityError):
            pass
        assert pool.count <= 3
        assert pool.size_bytes <= 1000
