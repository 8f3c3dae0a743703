"""Leases end when they should and not before, and say why; memory and number stay within bounds."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskwright.engine.service.budget.budget import Budget
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


def act(pool, token, size=None):
    with pool.at_work(token, ME) as lease:
        if size is not None:
            pool.hold(lease, size)


def test_heartbeats_keep_a_lease_alive_and_not_busy():
    pool, clock = pool_of()
    token = pool.claim(ME)
    for _ in range(4):
        clock.now += 20
        left = pool.heartbeat(token, ME)
    assert left == pytest.approx(20)
    clock.now += 21
    with pytest.raises(GoneError, match="nothing was done for 100 s"):
        pool.heartbeat(token, ME)


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
    with pool.at_work(token, ME):
        clock.now += 1000
        pool.end_expired()
        assert pool.count == 1
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
    with pool.at_work(token, ME) as lease:
        pool.hold(lease, 700)
        pool.release(token, ME)
        assert memory.used_bytes == 700
    assert memory.used_bytes == 0
    token = pool.claim(ME)
    with pool.at_work(token, ME) as lease:
        lease.size_bytes = 1001
    with pytest.raises(GoneError, match="more than the server has memory for"):
        act(pool, token)
    assert memory.used_bytes == 0


def test_no_session_ends_where_one_that_is_at_work_would_have_to_end_too():
    pool, _ = pool_of()
    small, large, third = (pool.claim(ME) for _ in range(3))
    act(pool, small, 100)
    act(pool, large, 800)
    with pool.at_work(large, ME), pytest.raises(CapacityError):
        act(pool, third, 850)
    act(pool, small)
    act(pool, third, 850)
    with pytest.raises(GoneError, match="memory was short"):
        act(pool, large)


def test_one_client_works_on_one_thing_at_a_time_and_others_go_on():
    pool, _ = pool_of()
    one, other = pool.claim(ME), pool.claim(ME)
    order = []

    def second():
        with pool.at_work(one, ME):
            order.append("second")

    with pool.at_work(one, ME):
        thread = threading.Thread(target=second)
        thread.start()
        act(pool, other)
        thread.join(timeout=0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_work_that_waited_for_a_lease_that_was_released_meanwhile_is_refused():
    pool, _ = pool_of()
    token = pool.claim(ME)
    errors = []

    def late():
        try:
            act(pool, token)
        except GoneError as error:
            errors.append(str(error))

    with pool.at_work(token, ME):
        thread = threading.Thread(target=late)
        thread.start()
        thread.join(timeout=0.05)
        pool.release(token, ME)
    thread.join()
    assert len(errors) == 1
    assert "released" in errors[0]


def test_a_stolen_token_is_worth_nothing():
    pool, _ = pool_of()
    token = pool.claim(ME)
    for use in (lambda: pool.heartbeat(token, "thief"), lambda: pool.remaining_s(token, "thief")):
        with pytest.raises(GoneError, match="does not know it"):
            use()
    with pytest.raises(GoneError, match="does not know it"), pool.at_work(token, "thief"):
        pass
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

    def forget(self, token):
        self.owners.pop(token, None)


def test_sessions_of_an_earlier_server_come_back_once_to_their_owner():
    written = Written(old=ME, other=ME)
    pool = Pool(list, LeaseLimits(sessions=1), Clock(), written)
    with pytest.raises(GoneError), pool.at_work("old", "thief"):
        pass
    for _ in range(2):
        with pool.at_work("old", ME) as lease:
            assert lease.session == ["revived"]
    assert written.revived == 1
    with pytest.raises(CapacityError):
        pool.heartbeat("other", ME)
    pool.release("old", ME)
    assert written.owners == {"other": ME}
    pool.release("other", ME)
    assert (written.owners, pool.count) == ({}, 0)


def test_what_comes_back_takes_the_place_of_what_has_run_out():
    clock = Clock()
    pool = Pool(list, LeaseLimits(sessions=1, idle_s=10, silent_s=10), clock, Written(old=ME))
    pool.claim(ME)
    clock.now += 11
    with pool.at_work("old", ME) as lease:
        assert lease.session == ["revived"]


def test_what_comes_back_is_counted_and_stays_written_where_there_is_no_room():
    written, memory = Written(old=ME, other=ME), Budget(150)
    pool = Pool(list, LeaseLimits(), Clock(), written, memory, size_of=lambda session: 100)
    pool.heartbeat("old", ME)
    assert memory.used_bytes == 100
    with pool.at_work("old", ME), pytest.raises(CapacityError):
        pool.heartbeat("other", ME)
    assert (memory.used_bytes, written.owners) == (100, {"old": ME, "other": ME})
    pool.heartbeat("other", ME)
    assert (memory.used_bytes, written.owners) == (100, {"other": ME})


def test_what_is_written_of_a_session_after_it_was_released_goes_when_its_work_is_done():
    written = Written()
    pool = Pool(list, LeaseLimits(), Clock(), written)
    token = pool.claim(ME)
    with pool.at_work(token, ME):
        pool.release(token, ME)
        written.owners[token] = ME  # its first act is written down when it is done
    assert written.owners == {}


def test_what_was_held_for_a_while_is_counted_no_longer():
    memory = Budget(1000)
    pool = Pool(list, LeaseLimits(), memory=memory)
    token = pool.claim(ME)
    act(pool, token, 100)
    with pool.at_work(token, ME) as lease:
        pool.hold(lease, 500)
        lease.size_bytes = 100
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
                pool.heartbeat(token, ME)
            elif step == "a":
                act(pool, token, size)
            else:
                clock.now += size / 10
        except (GoneError, CapacityError):
            pass
        assert pool.count <= 3
        assert pool.size_bytes <= 1000
