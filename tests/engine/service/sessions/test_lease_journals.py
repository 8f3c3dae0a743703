"""Leases with journals: sessions come back to their owners, and ended ones leave nothing."""

import pytest

from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.sessions.journal import Recovery, SessionJournals
from maskwright.engine.service.sessions.session import ServiceSession
from maskwright.errors import CapacityError, GoneError, StorageError
from support.leases import IMAGE, ME, VOXELS, heartbeat, leases_of, opened, use


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
