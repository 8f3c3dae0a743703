"""A session of the page, replayed from its journal, comes to the same session in all it holds."""

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maskwright as mw
from maskwright.engine.service.protocols.v1.page_session import page_leases
from maskwright.engine.service.protocols.v1.requests import ObjectChange, PromptRequest, PropagateRequest
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import Volume
from maskwright.errors import GoneError, InputError

SHAPE = (5, 12, 14)
ME = "me"


def drawn_image(seed=0):
    image = np.random.default_rng(seed).normal(100, 3, SHAPE)
    image[1:4, 3:9, 3:9] += 80
    return Volume(image.astype(np.float32), np.diag([1.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]])


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    mw.write(drawn_image(), folder / "a.nii.gz")
    with Datastore.open(folder) as store:
        yield AppState.of(store)


class Client:
    """A client of one session, on servers with journals in one folder."""

    def __init__(self, state, folder):
        self.state, self.folder = state, folder
        self.restart()
        self.token, entry = self.leases.claim(ME), state.store.images()[0]
        self.use(lambda page: page.open_image(entry.id, entry.sha256, state.open(entry)))

    def restart(self):
        self.leases = page_leases(self.state, self.folder, 20)

    def use(self, work, owner=ME):
        return asyncio.run(self.leases.work(self.token, owner, lambda lease: work(lease.session)))

    def do(self, work):
        """Do what can be done, and return whether it could."""
        try:
            self.use(work)
        except InputError:
            return False
        return True


def everything(page):
    """All that can be seen of a session: its present state, and the answers of undo and redo."""
    found = [page.describe(), page.labels().array.tobytes()]
    for number in page.assist.locked:
        page.change_object(number, ObjectChange(locked=False))
    for move in (page.redo, page.undo):
        while (answer := move())["ran"]:
            found += [answer, page.labels().array.tobytes()]
    return found


def prompt(**fields):
    return lambda page: page.prompt(PromptRequest(**fields))


def propagate(number, axis, given, start=None, stop=None):
    request = PropagateRequest(**{"object": number, "axis": axis, "given": given, "from": start, "to": stop})
    return lambda page: page.propagate(request)


def change(number, **fields):
    return lambda page: page.change_object(number, ObjectChange(**fields))


NUMBER = st.integers(1, 3)
VOXEL = st.tuples(*(st.integers(0, size - 1) for size in SHAPE)).map(list)
WORK = st.one_of(
    st.builds(prompt, object=NUMBER, kind=st.just("point"), index=VOXEL, positive=st.booleans()),
    st.builds(prompt, object=NUMBER, kind=st.just("box"), lower=VOXEL, upper=VOXEL),
    st.builds(
        prompt,
        object=NUMBER,
        kind=st.just("scribble"),
        voxels=st.lists(VOXEL, min_size=1, max_size=4),
        positive=st.booleans(),
    ),
    st.builds(
        propagate,
        NUMBER,
        st.integers(0, 2),
        st.lists(st.integers(0, 4), min_size=1, max_size=2),
        st.just(1),
        st.just(4),
    ),
    st.builds(lambda name: lambda page: page.add_object(name), st.text(min_size=1, max_size=5)),
    st.builds(
        change,
        NUMBER,
        name=st.none() | st.text(min_size=1, max_size=5),
        locked=st.none() | st.booleans(),
        active=st.sampled_from([None, True]),
    ),
    st.just(lambda page: page.undo()),
    st.just(lambda page: page.redo()),
)


@settings(deadline=None, max_examples=30)
@given(st.lists(WORK, max_size=10), st.integers(0, 10))
def test_random_work_is_replayed(state, tmp_path_factory, works, restart_after):
    client = Client(state, tmp_path_factory.mktemp("own"))
    for number, work in enumerate(works):
        if number == restart_after:
            client.restart()
        client.do(work)
    before = client.use(lambda page: page)
    client.restart()
    after = client.use(lambda page: page)
    assert after is not before
    assert everything(after) == everything(before)


def test_propagation_and_lock_are_replayed(state, tmp_path):
    client = Client(state, tmp_path)
    for work in (
        prompt(object=1, kind="point", index=[2, 5, 5]),
        propagate(1, 0, [2]),
        lambda page: page.add_object("kidney"),
        prompt(object=2, kind="scribble", voxels=[[2, 5, 5], [2, 5, 6]]),
        lambda page: page.undo(),
        change(1, name="liver", locked=True),
    ):
        assert client.do(work)
    before = client.use(lambda page: page)
    client.restart()
    again = client.use(lambda page: page)
    assert again.describe()["objects"][0] == {"number": 1, "name": "liver", "locked": True}
    assert (again.labels().array == 1).sum() > 30
    assert everything(again) == everything(before)


def test_missing_or_changed_image_is_told(tmp_path):
    path = tmp_path / "data" / "a.nii.gz"
    path.parent.mkdir()
    mw.write(drawn_image(), path)
    with Datastore.open(path.parent) as store:
        client = Client(AppState.of(store), tmp_path / "own")
        first = path.read_bytes()
        mw.write(drawn_image(seed=1), path)
        client.restart()
        with pytest.raises(GoneError, match="has changed"):
            client.use(lambda page: page)
        path.unlink()
        for _ in range(2):  # not only the first request is told
            with pytest.raises(GoneError, match="is gone"):
                client.use(lambda page: page)
        with pytest.raises(GoneError, match="does not know it"):
            client.use(lambda page: page, owner="you")
        path.write_bytes(first)
        assert client.use(lambda page: page.describe())["active"] == 1
