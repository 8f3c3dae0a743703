"""Click sessions are counted in the budget, and to lose one costs no mask."""

import asyncio

import numpy as np
import pytest

from maskwright.engine.service.budget.budget import Budget, Reservation
from maskwright.engine.service.sessions.click_session import Clicks, ClickSession
from maskwright.engine.service.sessions.leases import LeasePolicy, Leases
from maskwright.engine.service.sessions.queue import SessionQueues
from maskwright.engine.volume import Volume
from maskwright.errors import CapacityError, GeometryError, PromptError

SHAPE = (8, 20, 28)
VOXELS = 8 * 20 * 28
CLICK, MORE = Clicks(((4, 8, 8),)), Clicks(((4, 8, 8),), ((4, 18, 26),))


def phantom(seed=0):
    values = np.random.default_rng(seed).normal(100, 3, SHAPE).astype(np.float32)
    values[2:7, 4:13, 4:14] += 80
    return Volume(values, np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]]))


class Table:
    """Click sessions by their tokens."""

    def __init__(self, budget, sessions=32):
        policy = LeasePolicy(sessions=sessions, per_owner=sessions, transient=True)
        self.leases = Leases(ClickSession, policy, budget, SessionQueues())

    def segment(self, token, volume, clicks):
        def work(lease):
            lease.session.begin(volume, clicks)
            self.leases.reserve(lease)
            return lease.session.segment(clicks)

        return asyncio.run(self.leases.work(token, "", work))


def test_image_counts_once_and_objects_by_mask_and_history():
    memory, volume = Budget(10**9), phantom()
    clicks = Table(memory)
    first = clicks.segment("a", volume, CLICK)
    one = memory.used_bytes - volume.array.nbytes
    assert one > VOXELS
    clicks.segment("a", volume, MORE)
    more = memory.used_bytes - volume.array.nbytes
    assert more > one  # the history has grown
    np.testing.assert_array_equal(clicks.segment("b", volume, CLICK), first)
    assert memory.used_bytes == volume.array.nbytes + more + one
    clicks.segment("b", volume, Clicks(((4, 9, 9),)))  # begins again, instead of what was
    assert memory.used_bytes < volume.array.nbytes + more + 2 * one


def test_longest_idle_is_replaced():
    memory, volume = Budget(10**9), phantom()
    clicks = Table(memory, sessions=2)
    clicks.segment("a", volume, CLICK)
    one = memory.used_bytes
    for name in "bcdef":
        clicks.segment(name, phantom(ord(name)), CLICK)
    assert memory.used_bytes == pytest.approx(2 * one, rel=0.2)


def test_evicted_session_gives_the_same_mask_again():
    volume, other = phantom(), phantom(1)
    memory = Budget(2 * volume.array.nbytes + 4 * VOXELS)
    clicks = Table(memory)
    first = clicks.segment("a", volume, CLICK)
    clicks.segment("b", other, CLICK)
    memory.reserve(Reservation("request"), 3 * VOXELS + volume.array.nbytes)  # the first session, with its image
    assert memory.used_bytes <= memory.limit_bytes
    with pytest.raises(CapacityError):
        Table(Budget(volume.array.nbytes)).segment("a", volume, CLICK)
    np.testing.assert_array_equal(Table(Budget(10**9)).segment("a", volume, CLICK), first)


def test_session_too_large_to_keep_is_answered():
    volume = phantom()
    memory = Budget(volume.array.nbytes + VOXELS)  # its mask fits, its history does not
    mask = Table(memory).segment("a", volume, CLICK)
    assert mask[4, 8, 8]
    assert memory.used_bytes == 0


@pytest.mark.parametrize(
    ("volume", "clicks", "error"),
    [
        (Volume(phantom().array, None), CLICK, GeometryError),
        (phantom(), Clicks(((99, 0, 0),)), PromptError),
        (phantom(), Clicks(box=((0, 0, 0), (99, 99, 99))), PromptError),
        (phantom(), Clicks(), PromptError),
    ],
)
def test_refused_session_holds_no_memory(volume, clicks, error):
    memory = Budget(10**9)
    with pytest.raises(error):
        Table(memory).segment("a", volume, clicks)
    assert memory.used_bytes == 0


def test_further_clicks_are_edits():
    table, volume = Table(Budget(10**9)), phantom()
    box = ((4, 4, 4), (5, 13, 14))
    boxed = table.segment("a", volume, Clicks(box=box))
    clicked = table.segment("a", volume, Clicks(negative=((4, 5, 5),), box=box))
    assert not clicked[4, 5, 5]
    assert boxed[4, 5, 5]
    smaller = Clicks(box=((4, 4, 4), (5, 12, 12)))
    anew = table.segment("a", volume, smaller)
    np.testing.assert_array_equal(anew, Table(Budget(10**9)).segment("a", volume, smaller))
