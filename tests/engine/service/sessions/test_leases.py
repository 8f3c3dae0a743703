"""Leases end when they should and not before, and say why; memory and number stay within bounds."""

import asyncio
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.sessions.session import ServiceSession
from maskwright.errors import CapacityError, GoneError, InputError
from support.leases import ME, act, heartbeat, leases_of, opened, use


def test_heartbeats_keep_a_lease_alive():
    pool, clock = leases_of()
    token = pool.claim(ME)
    for _ in range(4):
        clock.now += 20
        left = heartbeat(pool, token)
    assert left == pytest.approx(20)
    clock.now += 21
    with pytest.raises(GoneError, match="nothing was done for 100 s"):
        heartbeat(pool, token)


def test_silence_ends_a_lease():
    pool, clock = leases_of()
    quiet, busy = pool.claim(ME), pool.claim(ME)
    clock.now += 29
    act(pool, busy)
    clock.now += 2
    act(pool, busy)
    with pytest.raises(GoneError, match="no sign of life for 30 s"):
        act(pool, quiet)


def test_busy_lease_does_not_expire():
    pool, clock = leases_of()
    token = pool.claim(ME)

    def work(lease):
        clock.now += 1000
        pool.end_expired()
        assert pool.count == 1

    use(pool, token, work)
    clock.now += 29
    act(pool, token)


def test_claim_replaces_an_expired_lease():
    pool, clock = leases_of(sessions=1)
    old = pool.claim(ME)
    with pytest.raises(CapacityError, match="all 1 sessions"):
        pool.claim(ME)
    clock.now += 31
    assert pool.claim(ME) != old
    with pytest.raises(GoneError):
        act(pool, old)


def test_short_memory_evicts_the_longest_idle():
    pool, clock = leases_of()
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
        use(pool, tokens[0], lambda lease: pool.reserve(lease, 1001))
    act(pool, tokens[0])


def test_tables_of_one_budget_evict_the_longest_idle_and_share_images():
    budget, image = Budget(1000), np.zeros(400, np.uint8)
    tables = [leases_of(budget=budget)[0] for _ in range(2)]
    tokens = [table.claim(ME) for table in tables]

    def show(lease, size):
        lease.session.image, lease.session.size = image, size - image.nbytes

    for table, token in zip(tables, tokens):
        use(table, token, lambda lease: show(lease, 500))
    assert budget.used_bytes == 600
    assert tables[0].size_bytes == 500
    third = tables[1].claim(ME)
    use(tables[1], third, lambda lease: show(lease, 850))
    with pytest.raises(GoneError, match="memory was short"):
        act(tables[0], tokens[0])
    act(tables[1], tokens[1])
    assert budget.used_bytes == 950
    for token in (tokens[1], third):
        tables[1].release(token, ME)
    assert budget.used_bytes == 0


def test_released_session_is_counted_until_its_work_ends_and_too_large_one_ends():
    budget = Budget(1000)
    pool, _ = leases_of(budget=budget)
    token = pool.claim(ME)

    def work(lease):
        pool.reserve(lease, 700)
        pool.release(token, ME)
        assert budget.used_bytes == 700

    use(pool, token, work)
    assert budget.used_bytes == 0
    token = pool.claim(ME)
    act(pool, token, 1001)
    with pytest.raises(GoneError, match="more than the server has memory for"):
        act(pool, token)
    assert budget.used_bytes == 0


def test_no_session_is_evicted_if_a_busy_one_had_to_go_too():
    budget = Budget(1000)
    pool, _ = leases_of(budget=budget)
    small, large, third = (pool.claim(ME) for _ in range(3))
    act(pool, small, 100)
    act(pool, large, 800)

    def work(lease):
        with pytest.raises(CapacityError):
            budget.reserve(Reservation("request"), 850)

    use(pool, large, work)
    act(pool, small)
    act(pool, third, 850)
    with pytest.raises(GoneError, match="memory was short"):
        act(pool, large)


def test_requests_of_one_session_run_in_order():
    pool, _ = leases_of()
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


def test_cancelled_request_keeps_its_session_busy():
    pool, _ = leases_of()
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


def test_waiting_work_of_a_released_lease_is_refused():
    pool, _ = leases_of()
    token = pool.claim(ME)

    async def main():
        first = asyncio.create_task(pool.work(token, ME, lambda lease: pool.release(token, ME)))
        await asyncio.sleep(0)
        with pytest.raises(GoneError, match="released"):
            await pool.work(token, ME, lambda lease: None)
        await first

    asyncio.run(main())


def test_stolen_token_is_refused():
    pool, _ = leases_of()
    token = pool.claim(ME)
    for steal in (pool.heartbeat, pool.remaining_s, lambda token, owner: pool.work(token, owner, list)):
        with pytest.raises(GoneError, match="does not know it"):
            asyncio.run(steal(token, "thief"))
    pool.release(token, "thief")
    act(pool, token)


# --- shares of owners, transient sessions


def test_owner_has_a_share():
    pool, _ = leases_of(sessions=3, per_owner=2)
    mine = [pool.claim(ME) for _ in range(2)]
    with pytest.raises(CapacityError, match="2 sessions are yours"):
        pool.claim(ME)
    pool.claim("you")
    with pytest.raises(CapacityError, match="all 3 sessions"):
        pool.claim("her")
    pool.release(mine[0], ME)
    pool.claim(ME)


def test_newer_transient_session_replaces_the_longest_idle():
    pool, clock = leases_of(ServiceSession, Budget(10**6), transient=True, sessions=3, per_owner=2)
    sessions = {}

    def work(token, owner=ME):
        clock.now += 1
        use(pool, token, lambda lease: sessions.setdefault(token, []).append(lease.session) or opened(lease), owner)

    for token in ("a", "b", "a", "c"):  # c is the third of an owner: b, longest idle, goes
        work(token)
    assert sessions["a"][0] is sessions["a"][1]
    work("a")
    assert len(set(map(id, sessions["a"]))) == 1
    work("x", "you")
    assert pool.count == 3
    work("y", "you")  # the fourth in all: c, longest idle, goes
    work("c")
    assert len(set(map(id, sessions["c"]))) == 2
    assert pool.count == 3


def test_transient_session_without_an_edit_ends():
    budget = Budget(10**6)
    pool, _ = leases_of(ServiceSession, budget, transient=True)
    with pytest.raises(InputError):
        use(pool, "a", lambda lease: lease.session.assist.add_point((99, 0, 0)))
    assert (pool.count, budget.used_bytes) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from("crhaw"), st.integers(0, 4), st.integers(0, 700)), max_size=40))
def test_number_and_memory_never_exceed_their_bounds(steps):
    pool, clock = leases_of(per_owner=3)
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
