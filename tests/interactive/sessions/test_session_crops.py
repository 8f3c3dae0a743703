"""Crops: an edit costs what its crop costs, grows where it must, and says where it was cut."""

import tracemalloc

import numpy as np
import pytest

from maskwright.interactive.crop import Crop
from maskwright.interactive.methods.method import TaskMethod
from maskwright.interactive.sessions.session import AssistSession
from support.assist_method import BOXES, Discs, seen_image, session_on


def drawn(shape, *slices):
    mask = np.zeros(shape, bool)
    mask[slices] = True
    return mask


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
