"""Sessions: objects, locks, who gets a voxel, what a click costs. See also the state machine."""

import numpy as np
import pytest

from maskwright.errors import ConfigError, GeometryError, InputError, PromptError
from maskwright.interactive.crop import Crop
from maskwright.interactive.methods.method import TaskMethod
from maskwright.interactive.sessions.prompts import make_point
from maskwright.interactive.sessions.session import AssistSession
from support.assist_method import BOXES, Discs, boxes, session_on


def drawn(shape, *slices):
    mask = np.zeros(shape, bool)
    mask[slices] = True
    return mask


# --- images and objects


def test_a_session_without_an_image_refuses_prompts():
    session = AssistSession(BOXES)
    for call in (
        lambda: session.add_point((0, 0)),
        lambda: session.add_box((0, 0), (1, 1)),
        lambda: session.reset(),
        lambda: session.add_object(),
        lambda: session.set_target(np.zeros((2, 2), bool)),
        lambda: session.select(1),
    ):
        with pytest.raises(InputError):
            call()
    assert session.undo() is None
    assert session.redo() is None
    assert session.objects == ()


@pytest.mark.parametrize(
    ("image", "spacing", "color", "error"),
    [
        (np.zeros(5), (1.0,), False, InputError),
        (np.zeros((2, 2, 2, 2)), (1.0,) * 4, False, InputError),
        (np.zeros((0, 5)), (1.0, 1.0), False, InputError),
        (np.zeros((5, 5, 4)), (1.0, 1.0), True, InputError),
        (np.zeros((5, 5), complex), (1.0, 1.0), False, InputError),
        (np.full((5, 5), np.nan), (1.0, 1.0), False, InputError),
        (np.full((5, 5), 1e300), (1.0, 1.0), False, InputError),
        (np.zeros((5, 5)), (1.0, 1.0, 1.0), False, GeometryError),
        (np.zeros((5, 5)), (1.0, 0.0), False, GeometryError),
        (np.zeros((5, 5)), (1.0, np.nan), False, GeometryError),
    ],
)
def test_a_bad_image_is_refused_and_the_last_one_stays(image, spacing, color, error):
    session = session_on()
    session.add_point((5, 5))
    with pytest.raises(error):
        session.set_image(image, spacing, color)
    assert session.add_point((30, 30)).mask.shape == (40, 40)
    assert session.mask_of(1)[5, 5]


def test_a_new_image_starts_anew():
    session = session_on()
    session.add_point((5, 5))
    session.add_object()
    session.lock(1)
    session.set_image(np.zeros((4, 9, 9)), (3.0, 1.0, 1.0))
    assert (session.objects, session.active, session.locked, session.undo()) == ((1,), 1, frozenset(), None)
    assert not session.mask_of(1).any()
    assert session.mask_of(1).shape == (4, 9, 9)


def test_there_is_an_object_to_begin_with_and_a_new_one_becomes_active():
    session = session_on()
    assert (session.objects, session.active) == ((1,), 1)
    assert session.add_object() == 2
    assert (session.objects, session.active) == ((1, 2), 2)
    for call in (session.select, session.lock, session.unlock, session.mask_of):
        with pytest.raises(InputError, match="no object 3"):
            call(3)


def test_methods_go_by_name():
    assert AssistSession("region-growing").method.name == "region-growing"
    with pytest.raises(ConfigError, match="expected one of"):
        AssistSession("magic")


def test_masks_are_views_that_cannot_be_written_and_stay_up_to_date():
    session = session_on()
    first = session.add_point((10, 10))
    second = session.add_point((10, 14))
    assert np.shares_memory(first.mask, second.mask)
    assert first.mask[10, 17]
    with pytest.raises(ValueError, match="read-only"):
        first.mask[0, 0] = True


# --- who gets a voxel


def test_an_earlier_object_can_be_edited_again():
    session = session_on()
    session.add_point((10, 10))
    session.add_object()
    session.add_point((30, 30))
    session.select(1)
    edit = session.add_point((10, 14))
    assert edit.mask.sum() == 7 * 11
    assert session.mask_of(2).sum() == 49


def test_an_edit_takes_voxels_from_open_objects_and_none_from_locked_ones():
    for locked in (False, True):
        session = session_on()
        session.add_point((10, 10))
        if locked:
            session.lock(1)
        session.add_object()
        session.add_point((10, 14))
        assert session.mask_of(1).sum() == (49 if locked else 49 - 3 * 7)
        assert session.mask_of(2).sum() == (49 - 3 * 7 if locked else 49)


def test_a_locked_object_is_not_edited_or_undone():
    session = session_on()
    session.add_point((10, 10))
    session.lock(1)
    for call in (lambda: session.add_point((20, 20)), session.reset, session.undo):
        with pytest.raises(PromptError, match="locked"):
            call()
    assert session.mask_of(1).sum() == 49
    session.unlock(1)
    session.undo()
    session.lock(1)
    with pytest.raises(PromptError, match="locked"):
        session.redo()
    assert not session.mask_of(1).any()


def test_voxels_prompted_inside_another_object_stay_there():
    session = session_on()
    session.add_point((10, 10))
    session.add_object()
    session.add_point((10, 11))
    assert session.mask_of(1)[10, 10]
    session.add_box((5, 5), (15, 15))  # drawn around: says nothing of single voxels
    assert session.mask_of(1)[10, 10]
    session.add_point((10, 10))
    assert session.mask_of(2)[10, 10]
    assert not session.mask_of(1)[10, 10]


def test_a_voxel_given_to_another_object_is_not_taken_back_from_afar():
    session = session_on()
    session.add_point((10, 10))
    session.add_object()
    session.add_mask(drawn((40, 40), slice(5, 16), slice(5, 16)))
    session.select(1)
    assert not session.mask_of(1).any()
    edit = session.add_point((30, 30))
    assert edit.changed_box == Crop((27, 27), (34, 34))
    assert session.mask_of(2).sum() == 121
    session.add_point((10, 10))
    assert session.mask_of(1)[10, 10]


def test_a_mask_begins_an_object_anew():
    method = Discs()
    session = session_on(method=method)
    session.add_point((10, 10))
    given = drawn((40, 40), slice(20, 30), slice(20, 30))
    edit = session.add_mask(given)
    assert np.array_equal(edit.mask, given)
    assert edit.changed_box is not None
    session.add_point((21, 21), positive=False)
    task = method.tasks[-1]
    assert np.array_equal(task.previous, given)
    assert (task.prompt_count, task.positive.sum(), task.negative.sum()) == (2, 0, 1)


def test_a_method_gets_all_prompts():
    method = Discs()
    session = session_on(method=method)
    session.add_box((5, 6), (20, 21))
    task = method.tasks[-1]
    assert (task.box, task.previous, task.newest_positive, task.prompt_count) == (((5, 6), (20, 21)), None, True, 1)
    assert np.array_equal(task.newest, drawn((40, 40), slice(5, 20), slice(6, 21)))
    assert not task.positive.any()
    session.add_scribble(drawn((40, 40), 7, slice(7, 12)), positive=False)
    task = method.tasks[-1]
    assert (task.box, task.newest_positive, task.prompt_count) == (((5, 6), (20, 21)), False, 2)
    assert np.array_equal(task.negative, task.newest)
    assert task.image.dtype == np.float32


def test_a_crop_of_a_colour_image_keeps_its_channels():
    method = Discs()
    session = AssistSession(method)
    image = (np.random.default_rng(0).random((600, 700, 3)) * 255).astype(np.uint8)
    session.set_image(image, (0.5, 0.5), color=True)
    edit = session.add_point((300, 650))
    task = method.tasks[0]
    assert task.color
    assert task.image.shape == (512, 512, 3)
    assert np.array_equal(task.image, image[45:557, 188:])
    assert edit.mask.shape == (600, 700)
    low, high = task.intensity_range
    assert 0 <= low < 5
    assert 250 < high <= 255


def test_a_method_that_fails_leaves_the_session_as_it_was():
    def fail_below_25(task):
        if task.positive[25:].any():
            raise RuntimeError("no")
        return boxes(task)

    session = session_on(method=TaskMethod("failing", fail_below_25))
    session.add_point((10, 10))
    session.add_point((20, 20))
    session.undo()
    session.queue_prompt(make_point((10, 30), (40, 40), True))
    events = session.events
    with pytest.raises(RuntimeError):
        session.add_point((30, 30))  # the prompt that waits is carried out before it
    assert (session.events, session.mask_of(1).sum()) == (events, 49)
    session.undo()
    session.redo()
    assert session.mask_of(1).sum() == 98
