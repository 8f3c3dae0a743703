"""Sessions: objects, locks, who gets a voxel, what a click costs. See also the state machine."""

import tracemalloc

import numpy as np
import pytest

from maskwright.errors import ConfigError, GeometryError, InputError, PromptError
from maskwright.interactive.crop import Crop
from maskwright.interactive.methods.method import TaskMethod
from maskwright.interactive.sessions.prompts import make_point
from maskwright.interactive.sessions.session import AssistSession
from support.assist_method import BOXES, Discs, boxes, seen_image, session_on


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


# --- crops, memory


def test_an_edit_far_away_leaves_everything_else_alone():
    session = session_on((30, 300, 300), Discs())
    session.set_image(seen_image((30, 300, 300)), (1.0,) * 3)
    first = session.add_point((15, 50, 50)).mask.copy()
    edit = session.add_point((15, 250, 250))
    assert np.array_equal(edit.mask[:, :150, :150], first[:, :150, :150])
    edit = session.add_point((15, 250, 250), positive=False)
    assert np.array_equal(edit.mask[:, :150, :150], first[:, :150, :150])


def test_a_crop_grows_while_the_mask_reaches_its_border():
    sides = []

    def everything(task):
        sides.append(task.positive.shape)
        return np.ones(task.positive.shape, bool)

    session = session_on((400, 400, 400), TaskMethod("everything", everything))
    edit = session.add_point((200, 200, 200))
    assert sides == [(96,) * 3, (160,) * 3]
    assert edit.changed_box == Crop((121,) * 3, (281,) * 3)


def test_an_edit_says_that_the_largest_crop_cut_it():
    def everything_dark(task):
        return task.image == 0

    image = np.ones((4, 1100, 40), np.float32)
    image[:, :1090] = 0
    session = AssistSession(TaskMethod("dark", everything_dark))
    session.set_image(image, (1.0,) * 3)
    assert session.add_point((2, 100, 20)).is_cut
    assert session.add_point((2, 200, 20)).is_cut
    undone = session.undo()
    assert undone.changed_box is not None
    assert not undone.is_cut
    assert session.redo().is_cut
    assert not session.add_point((2, 100, 20), positive=False).is_cut  # inside the mask, which goes on beyond its crop


def test_an_edit_that_ends_within_its_crop_or_at_the_image_is_not_cut():
    session = session_on((40, 40, 300))
    assert not session.add_point((20, 20, 150)).is_cut
    session = session_on((40, 40), TaskMethod("everything", lambda task: np.ones(task.positive.shape, bool)))
    assert not session.add_point((20, 20)).is_cut
    large = np.ones((1, 400), bool)
    session = session_on((1, 400))
    assert not session.add_mask(large).is_cut


def test_a_click_costs_the_same_whatever_the_size_of_the_image():
    peaks = []
    for side in (128, 512):
        image = np.zeros((side, 512, 512), np.int16)
        session = AssistSession(BOXES)
        session.set_image(image, (1.0,) * 3)
        tracemalloc.start()
        session.add_point((side // 2, 256, 256))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
    assert peaks[1] < 0.5 * 512**3 * 2


def test_history_keeps_differences():
    session = session_on((64, 256, 256))
    for z in range(5, 60, 5):
        session.add_point((z, 100, 100))
    # A box of 7 x 7 x 7 has 343 bits.
    assert session.history_bytes <= 11 * (343 // 8 + 2)
    for _ in range(11):
        session.undo()
    assert not session.mask_of(1).any()
    assert session.history_bytes <= 11 * (343 // 8 + 2)
    session.add_point((5, 5, 5))
    assert session.history_bytes <= 343 // 8 + 2 + 11  # undone points stay in the log, a byte each


def test_has_opposing_scribbles_only_where_nothing_else_was_said():
    strokes = np.zeros((2, 40, 40), bool)
    strokes[0, 10, 5:35] = strokes[1, 30, 5:35] = True
    given = np.zeros((40, 40), bool)
    given[5:20, 5:20] = True
    for begin, expected in ((None, True), (given, False)):
        method = Discs()
        session = session_on(method=method)
        if begin is not None:
            session.add_mask(begin)
        session.add_scribble(strokes[0], positive=True)
        assert not method.tasks[-1].has_opposing_scribbles
        session.add_scribble(strokes[1], positive=False)
        assert method.tasks[-1].has_opposing_scribbles == expected


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_box_on_one_slice_finds_a_whole_object(axis):
    spacing = (3.0, 1.0, 1.0)
    grid = np.meshgrid(*(np.arange(n) for n in (24, 60, 60)), indexing="ij")
    ball = sum(((g - m) * s) ** 2 for g, m, s in zip(grid, (12, 30, 30), spacing)) < 15**2
    image = (ball + np.random.default_rng(0).normal(0, 0.05, ball.shape)).astype(np.float32)
    lower, upper = [7, 14, 14], [18, 47, 47]
    lower[axis] = (12, 30, 30)[axis]
    upper[axis] = lower[axis] + 1
    session = AssistSession()
    session.set_image(image, spacing)
    mask = session.add_box(lower, upper).mask
    assert 2 * (mask & ball).sum() / (mask.sum() + ball.sum()) > 0.9


def test_clear_leaves_the_image_and_nothing_else():
    session = AssistSession("region-growing")
    session.clear()
    image = np.zeros((20, 20), np.float32)
    image[5:15, 5:15] = 1
    session.set_image(image, (1.0, 1.0))
    session.add_point((8, 8))
    session.add_object()
    session.clear()
    assert (session.objects, session.events, session.mask_of(1).any()) == ((1,), (), False)
    assert session.add_point((8, 8)).mask.sum() == 100
