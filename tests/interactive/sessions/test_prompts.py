"""Prompts are checked when they are made: what is refused, and what areas hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from maskwright.errors import PromptError
from maskwright.interactive.crop import Crop
from maskwright.interactive.sessions.prompts import (
    Area,
    Box,
    Lasso,
    Point,
    Scribble,
    make_box,
    make_lasso,
    make_mask,
    make_point,
    make_scribble,
    paint_prompts,
)

SHAPE = (6, 7)
MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=3, max_side=7)).filter(np.any)


@pytest.mark.parametrize(
    ("index", "because"),
    [
        ((6, 0), "outside the image"),
        ((0, -1), "outside the image"),
        ((2**70, 0), "outside the image"),
        ((10**400, 0), "cannot be read"),
        ((0.5, 0), "whole"),
        ((np.nan, 0), "whole"),
        ((np.inf, 0), "whole"),
        ((1, 2, 3), "one an axis"),
        ((1,), "one an axis"),
        ([[1, 2]], "one an axis"),
        (3, "one an axis"),
        (None, "one an axis"),
        (("1", "2"), "cannot be read"),
        ((1j, 2), "cannot be read"),
        (([1], [1, 2]), "cannot be read"),
    ],
)
def test_bad_points_are_refused(index, because):
    with pytest.raises(PromptError, match=because):
        make_point(index, SHAPE, True)


@pytest.mark.parametrize("index", [(5, 6), (5.0, 6.0), np.array([5, 6], np.uint8), [np.int64(5), 6]])
def test_whole_numbers_of_any_type_are_points(index):
    point = make_point(index, SHAPE, False)
    assert point == Point((5, 6), False)
    assert all(type(value) is int for value in point.index)


@pytest.mark.parametrize(
    ("lower", "upper", "because"),
    [
        ((0, 0), (0, 3), "empty"),
        ((3, 3), (2, 5), "empty"),
        ((0, 0), (7, 7), "outside"),
        ((-1, 0), (3, 3), "outside"),
        ((0, 0, 0), (1, 1, 1), "one an axis"),
        ((0, np.nan), (3, 3), "whole"),
        ((0, 0), (2.5, 3), "whole"),
    ],
)
def test_bad_boxes_are_refused(lower, upper, because):
    with pytest.raises(PromptError, match=because):
        make_box(lower, upper, SHAPE)


def test_a_box_may_be_the_whole_image_or_one_slice():
    assert make_box((0, 0), SHAPE, SHAPE).bounds.shape == SHAPE
    assert make_box((2, 0, 0), (3, 5, 5), (4, 5, 5)).bounds.shape == (1, 5, 5)


@pytest.mark.parametrize("make", [make_scribble, make_lasso])
@pytest.mark.parametrize(
    ("mask", "because"),
    [
        (np.zeros(SHAPE, bool), "empty"),
        (np.ones((7, 6), bool), "has shape"),
        (np.ones((*SHAPE, 1), bool), "has shape"),
        (np.full(SHAPE, np.nan), "NaN"),
        (np.full(SHAPE, "x"), "expected bool"),
    ],
)
def test_bad_drawings_are_refused(make, mask, because):
    with pytest.raises(PromptError, match=because):
        make(mask, SHAPE, True)


def test_a_mask_may_be_empty_and_of_any_real_type():
    assert make_mask(np.zeros(SHAPE, bool), SHAPE).area is None
    assert make_mask(np.eye(6, 7, dtype=np.float32), SHAPE) == make_mask(np.eye(6, 7, dtype=bool), SHAPE)
    with pytest.raises(PromptError, match="has shape"):
        make_mask(np.ones(3), SHAPE)


@settings(deadline=None)
@given(MASKS, st.data())
def test_an_area_is_its_mask(mask, data):
    area = Area.of(mask)
    canvas = np.zeros(mask.shape, bool)
    whole = Crop((0,) * mask.ndim, mask.shape)
    area.paint(canvas, whole)
    assert np.array_equal(canvas, mask)
    # On any part of the image, the same.
    lower = tuple(data.draw(st.integers(0, n - 1)) for n in mask.shape)
    part = Crop(lower, tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(lower, mask.shape)))
    canvas = np.zeros(part.shape, bool)
    area.paint(canvas, part)
    assert np.array_equal(canvas, mask[part.slices])
    area.paint(canvas, part, False)
    assert not canvas.any()


@settings(deadline=None)
@given(MASKS, st.permutations(range(3)))
def test_an_area_does_not_depend_on_strides(mask, order):
    turned = mask.transpose([axis for axis in order if axis < mask.ndim])[::-1]
    assert Area.of(turned) == Area.of(turned.copy())


def test_a_closed_outline_is_filled_in_2d():
    outline = np.zeros((12, 12), bool)
    outline[2:9, 3:10] = True
    outline[3:8, 4:9] = False
    lasso = make_lasso(outline, outline.shape, True)
    assert lasso.area.mask().all()
    assert lasso.bounds == Crop((2, 3), (9, 10))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_outline_on_one_slice_is_filled_in_its_plane(axis):
    outline = np.zeros((9, 9, 9), bool)
    plane = np.moveaxis(outline, axis, 0)[4]
    plane[2:7, 2:7] = True
    plane[3:6, 3:6] = False
    assert make_lasso(outline, outline.shape, True).area.mask().all()


def test_outlines_on_several_slices_are_filled_slice_by_slice():
    outline = np.zeros((4, 9, 9), bool)
    outline[1:3, 2:7, 2:7] = True
    outline[1:3, 3:6, 3:6] = False
    assert make_lasso(outline, outline.shape, False) == Lasso(
        Area.of(ndimage.binary_fill_holes(outline[1])[None] & [[[False]], [[True]], [[True]], [[False]]]), False
    )


def test_a_filled_lasso_stays_as_it_is():
    filled = np.zeros((8, 8), bool)
    filled[2:5, 1:6] = True
    assert make_lasso(filled, filled.shape, True).area == Area.of(filled)


def test_the_later_prompt_wins():
    row = np.zeros((1, 6), bool)
    row[0, 1:5] = True
    prompts = [Scribble(Area.of(row), True), Point((0, 2), False), Box((0, 0), (1, 6)), Point((0, 0), True)]
    positive, negative = paint_prompts(prompts, Crop((0, 0), (1, 6)))
    assert positive.tolist() == [[True, True, False, True, True, False]]
    assert negative.tolist() == [[False, False, True, False, False, False]]
