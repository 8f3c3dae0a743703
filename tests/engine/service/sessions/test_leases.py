"""Leases end when they should and not before, and say why; memory and number stay within bounds."""

import asyncio
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.sessions.journal import SessionJournals
from maskwright.engine.service.sessions.leases import LeasePolicy, Leases, Recovery
from maskwright.engine.service.sessions.queue import SessionQueues
from maskwright.engine.service.sessions.session import ServiceSession
from maskwright.errors import CapacityError, GoneError, InputError, StorageError
from maskwright.interactive.image import Image

ME = "me"
IMAGE = Image.of(np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6), (1.0, 1.0, 1.0))
VOXELS = 4 * 5 * 6


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Sized(ServiceSession):
    """A session of any size."""

    size, image = 0, None

    @property
    def own_bytes(self):
        return self.size

    @property
    def array(self):
        return self.image


def leases_of(make=Sized, budget=None, recovery=None, **policy):
    clock = Clock()
    chosen = {"sessions": 3, "idle_s": 100.0, "silent_s": 30.0, **policy}
    budget = Budget(1000, clock) if budget is None else budget
    return Leases(make, LeasePolicy(**chosen), budget, SessionQueues(), recovery, clock), clock


def use(pool, token, work=lambda lease: None, owner=ME):
    return asyncio.run(pool.work(token, owner, work))


def grow(lease, size):
    lease.session.size = size


def act(pool, token, size=None):
    use(pool, token, lambda lease: size is None or grow(lease, size))


def heartbeat(pool, token, owner=ME):
    return asyncio.run(pool.heartbeat(token, owner))


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


def opened(lease):
    if lease.session.header is None:
        lease.session.open(IMAGE, {})
    lease.session.assist.add_object()


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


# --- journals


class Opened(ServiceSession):
    """A session on one image."""

    def __init__(self):
        super().__init__()
        self.open(IMAGE, {"image": "a"})


def restore(log, upload):
    session = Opened()
    session.replay(log)
    return session


def journaled(folder, make=Opened, budget=None, **policy):
    recovery = Recovery(SessionJournals(folder, 60), restore)
    return leases_of(make, Budget(10**6) if budget is None else budget, recovery, **policy)[0]


def add(lease):
    return lease.session.assist.add_object("liver")


def names(lease):
    return list(lease.session.assist.names.values())


def count_journals(folder):
    return len(list(folder.glob("*.journal")))


def test_session_of_an_earlier_server_comes_back_to_its_owner(tmp_path):
    before = journaled(tmp_path)
    tokens = [before.claim(ME) for _ in range(2)]
    for token in tokens:
        use(before, token, add)
    after = journaled(tmp_path, sessions=1)
    with pytest.raises(GoneError, match="does not know it"):
        use(after, tokens[0], owner="thief")
    assert use(after, tokens[0], names) == ["object 1", "liver"]
    session = use(after, tokens[0], lambda lease: lease.session)
    assert use(after, tokens[0], lambda lease: lease.session) is session
    with pytest.raises(CapacityError):
        heartbeat(after, tokens[1])
    assert count_journals(tmp_path) == 2
    after.release(tokens[0], ME)
    assert count_journals(tmp_path) == 1
    after.release(tokens[1], "thief")
    assert count_journals(tmp_path) == 1
    after.release(tokens[1], ME)
    assert (count_journals(tmp_path), after.count) == (0, 0)


def test_released_restored_session_leaves_no_journal(tmp_path):
    token = (before := journaled(tmp_path)).claim(ME)
    use(before, token)
    after = journaled(tmp_path)
    heartbeat(after, token)
    after.release(token, ME)
    assert count_journals(tmp_path) == 0


def test_events_after_a_restart_are_appended(tmp_path):
    token = (before := journaled(tmp_path)).claim(ME)
    use(before, token, add)
    for number in range(3):
        server = journaled(tmp_path)
        assert len(use(server, token, names)) == 2 + number
        use(server, token, add)


def test_cleared_session_comes_back(tmp_path):
    token = (before := journaled(tmp_path)).claim(ME)
    use(before, token, add)
    use(before, token, lambda lease: lease.session.assist.clear())
    use(before, token, lambda lease: lease.session.assist.rename(1, "cyst"))
    assert use(journaled(tmp_path), token, names) == ["cyst"]


def test_restored_session_is_counted_and_waits_for_room(tmp_path):
    budget = Budget(IMAGE.array.nbytes + VOXELS + 10)
    token = (before := journaled(tmp_path)).claim(ME)
    use(before, token)
    after, upload = journaled(tmp_path, budget=budget), Reservation("request")
    budget.reserve(upload, 100)
    with pytest.raises(CapacityError):
        heartbeat(after, token)
    assert (budget.used_bytes, count_journals(tmp_path)) == (100, 1)
    budget.release(upload)
    heartbeat(after, token)
    assert budget.used_bytes == IMAGE.array.nbytes + VOXELS


def test_journal_that_cannot_be_replayed_is_kept(tmp_path):
    token = (before := journaled(tmp_path)).claim(ME)
    use(before, token, add)
    path = next(tmp_path.glob("*.journal"))
    with path.open("a") as file:
        file.write('{"event": "ObjectSelected", "object_id": 9}\n')  # it can be read, and not be carried out
    data, after = path.read_bytes(), journaled(tmp_path)
    for _ in range(2):
        with pytest.raises(GoneError, match="another version"):
            heartbeat(after, token)
    after.release(token, ME)
    assert path.read_bytes() == data


def test_session_released_at_work_leaves_no_journal(tmp_path):
    pool = journaled(tmp_path)
    token = pool.claim(ME)
    use(pool, token, lambda lease: add(lease) and pool.release(token, ME))
    assert count_journals(tmp_path) == 0


def test_closed_session_leaves_no_journal(tmp_path):
    pool = journaled(tmp_path)
    token = pool.claim(ME)
    use(pool, token, add)
    use(pool, token, lambda lease: lease.session.close())
    assert count_journals(tmp_path) == 0
    use(pool, token, opened)
    assert count_journals(tmp_path) == 1


def test_full_disk_refuses_a_new_journal(tmp_path, monkeypatch):
    pool = journaled(tmp_path)
    token = pool.claim(ME)

    def full(*arguments):
        raise StorageError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(SessionJournals, "begin", full)
        with pytest.raises(StorageError):
            use(pool, token)
    use(pool, token, add)
    assert count_journals(tmp_path) == 0


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
