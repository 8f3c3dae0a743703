"""The part of a method's answer that is taken over."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from maskwright.interactive.sessions.constraints import apply_prompts, keep_local


@st.composite
def masks(draw, count):
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, max_side=7))
    return [draw(hnp.arrays(bool, shape)) for _ in range(count)]


@settings(deadline=None)
@given(masks(3))
def test_changes_are_taken_over_by_component(case):
    previous, proposed, newest = case
    newest.flat[0] = True
    before = [array.copy() for array in case]
    kept = keep_local(previous, proposed, newest)
    assert all(np.array_equal(a, b) for a, b in zip(case, before))
    around = np.ones((3,) * previous.ndim)
    parts, count = ndimage.label(previous ^ proposed, around)
    expected = previous.copy()
    for part in range(1, count + 1):
        if (ndimage.binary_dilation(parts == part, around) & newest).any():
            expected[parts == part] = proposed[parts == part]
    assert np.array_equal(kept, expected)


@settings(deadline=None)
@given(masks(1))
def test_no_change_returns_a_copy_of_the_previous_mask(case):
    previous = case[0]
    kept = keep_local(previous, previous.copy(), np.ones_like(previous))
    assert np.array_equal(kept, previous)
    assert not np.shares_memory(kept, previous)


@settings(deadline=None)
@given(masks(3))
def test_prompts_hold(case):
    mask, positive, negative = case
    positive &= ~negative
    result = apply_prompts(mask, positive, negative)
    assert result[positive].all()
    assert not result[negative].any()
    assert np.array_equal(result[~(positive | negative)], mask[~(positive | negative)])
