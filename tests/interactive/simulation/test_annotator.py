"""The simulated annotator against its plain definition; scribbles are inside, repeatable and different by seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import gaussian_filter

from maskwright.errors import GeometryError, InputError, LabelError, PromptError
from maskwright.interactive.simulation.annotator import Click, next_click, simulate_scribble
from maskwright.kernels.components import label_components
from reference import simulate as oracle

SPACINGS = st.sampled_from([0.3, 0.8, 1.0, 2.5, 6.5])


@st.composite
def pairs(draw):
    """Two masks of one shape, from empty to full, in any memory order, and their spacing."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7))
    fill = st.just(draw(st.booleans()))
    masks = [draw(hnp.arrays(bool, shape, elements=st.booleans(), fill=fill)) for _ in range(2)]
    order = draw(st.permutations(range(len(shape))))
    step = draw(st.sampled_from([1, -1, 2]))
    reference, prediction = (mask.transpose(order)[::step] for mask in masks)
    return reference, draw(st.sampled_from([prediction, None])), draw(st.tuples(*[SPACINGS] * len(shape)))


def as_pair(click):
    return None if click is None else (click.index, click.positive)


@settings(deadline=None, max_examples=300)  # the first calls compile
@given(pairs())
def test_the_click_is_the_plain_definition(case):
    assert as_pair(next_click(*case)) == oracle.next_click(*case)


@pytest.mark.parametrize("shape", [(60, 75), (12, 40, 45)])
def test_larger_masks_agree_too(shape):
    rng = np.random.default_rng(2)
    fields = [gaussian_filter(rng.normal(size=shape), 3) for _ in range(2)]
    reference, prediction = fields[0] > 0.02, fields[0] + 0.5 * fields[1] > 0.02
    spacing = (5.0, 0.8, 0.8)[-len(shape) :]
    for made in (None, prediction, prediction & reference, prediction | reference):
        assert as_pair(next_click(reference, made, spacing)) == oracle.next_click(reference, made, spacing)


def test_clicking_ends_without_an_error():
    mask = np.zeros((6, 7), bool)
    assert next_click(mask, None, (1.0, 1.0)) is None
    mask[2:5, 1:4] = True
    assert next_click(mask, mask.copy(), (1.0, 1.0)) is None
    assert next_click(mask, None, (1.0, 1.0)) == Click((3, 2), positive=True)
    assert next_click(mask, np.ones_like(mask), (1.0, 1.0)).positive is False


def test_masks_that_do_not_fit_are_refused():
    mask = np.ones((3, 4), bool)
    with pytest.raises(LabelError, match="prediction is uint8; expected bool"):
        next_click(mask, mask.astype(np.uint8), (1.0, 1.0))
    with pytest.raises(GeometryError, match="expected equal shapes"):
        next_click(mask, mask[:2], (1.0, 1.0))
    with pytest.raises(GeometryError, match="expected 2 finite positive numbers"):
        next_click(mask, None, (1.0, -1.0))
    with pytest.raises(InputError, match="1 axes"):
        next_click(np.ones(4, bool), None, (1.0,))
    with pytest.raises(PromptError, match="mask is empty"):
        simulate_scribble(np.zeros((3, 4), bool), (1.0, 1.0), seed=0)


@settings(deadline=None)
@given(pairs(), st.integers(0, 5))
def test_a_scribble_is_inside_one_component_and_repeatable(case, seed):
    mask, _, spacing = case
    if not mask.any():
        return
    stroke = simulate_scribble(mask, spacing, seed)
    assert stroke.any()
    assert not (stroke & ~mask).any()
    touched = np.unique(label_components(mask, 4 if mask.ndim == 2 else 6).labels[stroke])
    assert len(touched) == 1
    np.testing.assert_array_equal(stroke, simulate_scribble(mask, spacing, seed))


def test_a_scribble_runs_along_the_object_and_depends_on_the_seed():
    y, x = np.mgrid[:64, :96]
    bean = (np.hypot(y - 40, (x - 48) * 0.8) < 30) & (np.hypot(y - 60, x - 48) > 22)
    strokes = [simulate_scribble(bean, (1.0, 1.0), seed) for seed in range(8)]
    assert len({stroke.tobytes() for stroke in strokes}) > 4
    for stroke in strokes:
        assert np.ptp(np.argwhere(stroke), axis=0).max() >= 15
        assert stroke.sum() < bean.sum() / 3


def test_a_scribble_in_3d_is_drawn_on_the_largest_slice():
    volume = np.zeros((7, 20, 20), bool)
    for z, side in enumerate((0, 4, 8, 16, 8, 4, 0)):
        volume[z, 2 : 2 + side, 2 : 2 + side] = True
    stroke = simulate_scribble(volume, (3.0, 1.0, 1.0), seed=1)
    assert np.flatnonzero(stroke.any(axis=(1, 2))).tolist() == [3]
