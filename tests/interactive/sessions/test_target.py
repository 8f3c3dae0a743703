"""The changes of an edit, and the caller's array that follows them."""

import numpy as np
import pytest

from maskwright.errors import InputError
from maskwright.interactive.crop import Crop
from support.assist_method import session_on


def drawn(shape, *slices):
    mask = np.zeros(shape, bool)
    mask[slices] = True
    return mask


def test_an_edit_that_changes_nothing_says_so_and_can_be_undone():
    session = session_on()
    session.add_point((10, 10))
    assert session.add_point((10, 10)).changed_box is None
    assert session.undo().changed_box is None
    assert session.undo().changed_box == Crop((7, 7), (14, 14))


def test_undo_tells_the_object_it_was_about():
    session = session_on()
    session.add_point((10, 10))
    session.add_object()
    undone = session.undo()
    assert undone.changed_box == Crop((7, 7), (14, 14))
    assert np.shares_memory(undone.mask, session.mask_of(1))
    assert session.active == 2


def test_a_bool_target_follows_the_active_object():
    session = session_on()
    session.add_point((10, 10))
    target = np.ones((40, 40), bool)
    session.set_target(target)

    def follows():
        return np.array_equal(target, session.mask_of(session.active))

    assert follows()
    session.add_object()
    assert follows()
    session.add_point((12, 12))
    assert follows()
    session.select(1)
    assert follows()
    session.undo()
    assert follows()
    session.add_mask(drawn((40, 40), 3))
    assert follows()
    session.reset()
    assert follows()


def test_a_target_is_only_written_where_something_changes():
    session = session_on()
    target = np.zeros((40, 40), np.uint8)
    session.set_target(target)
    target[...] = 77
    edit = session.add_point((10, 10))
    box = edit.changed_box.slices
    assert (target[box] == 1).all()
    target[box] = 77
    assert (target == 77).all()


@pytest.mark.parametrize(
    "target",
    [np.zeros((40, 41), bool), np.zeros((40, 40)), np.zeros((40, 40), bool).view()[:, :, None], [[0]]],
)
def test_a_bad_target_is_refused(target):
    with pytest.raises(InputError, match="target"):
        session_on().set_target(target)
    readonly = np.zeros((40, 40), bool)
    readonly.flags.writeable = False
    with pytest.raises(InputError, match="writeable"):
        session_on().set_target(readonly)


def test_a_target_too_small_for_the_numbers_is_refused():
    session = session_on((5, 5))
    session.set_target(np.zeros((5, 5), np.int8))
    for _ in range(126):
        session.add_object()
    with pytest.raises(InputError, match="int8"):
        session.add_object()
    assert len(session.objects) == 127
    session.set_target(np.zeros((5, 5), np.uint8))
    session.add_object()
    with pytest.raises(InputError, match="int8"):
        session.set_target(np.zeros((5, 5), np.int8))
