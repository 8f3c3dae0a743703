"""Propagation of slices: what is given stays, what is known is found, what is wrong is refused."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from maskwright.errors import GeometryError, InputError, LabelError, PromptError
from maskwright.interactive.propagation.propagate import propagate


def moving_blobs(slices=13, size=56, seed=0):
    """Two textured blobs that move and grow, on a textured ground."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=(size, size)), 2)
    noise = noise / noise.std() * 0.05
    y, x = np.mgrid[:size, :size]
    labels = np.zeros((slices, size, size), np.uint8)
    for z in range(slices):
        labels[z][np.hypot(y - 18 - z * 0.8, x - 18) < 8 + 0.3 * z] = 3
        labels[z][np.hypot(y - 38, x - 40 + z * 0.7) < 9] = 9
    image = 0.2 + 0.4 * (labels == 3) + 0.7 * (labels == 9) + noise
    image += rng.normal(scale=0.02, size=image.shape)
    return ndimage.gaussian_filter(image, (0, 0.7, 0.7)).astype(np.float32), labels


def sparse(labels, slices):
    kept = np.zeros_like(labels)
    kept[slices] = labels[slices]
    return kept


def dice(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())


def test_moving_and_growing_blobs_are_found_between_given_slices():
    image, labels = moving_blobs()
    filled = propagate(image, sparse(labels, [0, 6, 12]), (3.0, 1.0, 1.0))
    unseen = [z for z in range(13) if z not in (0, 6, 12)]
    for label in (3, 9):
        assert dice(filled.mask[unseen] == label, labels[unseen] == label) > 0.97
    assert filled.mask.dtype == np.uint8
    assert (filled.mask[[0, 6, 12]] == labels[[0, 6, 12]]).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_any_axis_gives_the_same(axis):
    image, labels = moving_blobs(7)
    slices = [1, 5]
    expected = propagate(image, sparse(labels, slices), (3.0, 1.0, 1.0))
    spacing = tuple(np.insert([1.0, 1.0], axis, 3.0))
    turned, turned_mask = np.moveaxis(image, 0, axis), np.moveaxis(sparse(labels, slices), 0, axis)
    found = propagate(turned, turned_mask, spacing, axis=axis)
    assert (np.moveaxis(found.mask, axis, 0) == expected.mask).all()
    assert (found.confidence == expected.confidence).all()


def test_start_and_stop_hold_in_both_directions():
    image, labels = moving_blobs(9)
    found = propagate(image, sparse(labels, [4]), (3.0, 1.0, 1.0), start=2, stop=6)
    assert found.mask.any(axis=(1, 2)).tolist() == [False, False, True, True, True, True, False, False, False]


def test_what_is_given_is_never_changed_and_nothing_is_written_to():
    image, labels = moving_blobs(9)
    mask = sparse(labels, [0, 4, 8])
    mask[4, 50:53, 2:5] = 200  # what no flow would keep
    mask[8] = 0
    before = image.copy(), mask.copy()
    for array in (image, mask):
        array.flags.writeable = False
    found = propagate(image, mask, (3.0, 1.0, 1.0), given=[0, 4, 8])
    np.testing.assert_array_equal(found.mask[[0, 4, 8]], mask[[0, 4, 8]])
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(mask, before[1])
    assert found.confidence[[0, 4, 8]].tolist() == [1, 1, 1]
    assert set(np.unique(found.mask)) <= {0, 3, 9, 200}


def test_strides_threads_and_repetition_change_nothing():
    image, labels = moving_blobs(9)
    mask = sparse(labels, [0, 8])
    found = propagate(image, mask, (3.0, 1.0, 1.0))
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        alone = propagate(np.asfortranarray(image), mask[:, ::-1][:, ::-1], (3.0, 1.0, 1.0))
    finally:
        numba.set_num_threads(threads)
    np.testing.assert_array_equal(alone.mask, found.mask)
    np.testing.assert_array_equal(alone.confidence, found.confidence)


def test_beyond_the_outermost_given_slice_confidence_falls():
    image, labels = moving_blobs(13)
    found = propagate(image, sparse(labels, [4, 8]), (3.0, 1.0, 1.0))
    assert (np.diff(found.confidence[:5]) > 0).all()
    assert (np.diff(found.confidence[8:]) < 0).all()
    assert found.confidence[5:8].min() > found.confidence[[0, 12]].max()
    assert dice(found.mask[10] == 9, labels[10] == 9) > 0.9


def test_an_object_ends_before_a_slice_that_is_given_as_empty():
    image, labels = moving_blobs(11)
    labels[6:] = 0
    image[6:] = 0.2 + image[6:] * 0
    found = propagate(image, sparse(labels, [0, 10]), (3.0, 1.0, 1.0), given=[0, 10])
    filled = found.mask.any(axis=(1, 2))
    assert filled[:5].all()
    assert not filled[7:].any()
    assert found.fallback == ()
    left = propagate(image, sparse(labels, [0]), (3.0, 1.0, 1.0))
    assert left.mask[5].sum() > 450
    assert (left.mask[6:] > 0).sum(axis=(1, 2)).max() < 10  # it vanishes where nothing looks like it any more


def test_shapes_with_nothing_in_common_fall_back_and_do_not_collapse():
    labels = np.zeros((5, 60, 60), np.uint8)
    labels[:3, 8:22, 8:22] = 1
    labels[2:, 36:52, 34:52] = 1
    image = (labels * 0.6 + np.random.default_rng(0).normal(scale=0.02, size=labels.shape)).astype(np.float32)
    found = propagate(image, sparse(labels, [0, 4]), (6.5, 0.8, 0.8))
    assert found.fallback == (1, 2, 3)
    assert found.confidence[2] < 0.5
    assert dice(found.mask[1:4] > 0, labels[1:4] > 0) > 0.9


def test_a_tiny_tip_does_not_swallow_a_large_shape():
    y, x = np.mgrid[:70, :70] - 35.0
    radius = np.array([20, 19, 17, 14, 9, 2])
    truth = np.stack([np.hypot(y, x) < r for r in radius])
    image = ndimage.gaussian_filter(truth.astype(float), (0, 1, 1)) * 100
    found = propagate(image, sparse(truth, [0, 5]), (5.0, 1.0, 1.0))
    assert found.mask.dtype == np.bool_
    assert dice(found.mask[1:5], truth[1:5]) > 0.93


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.tuples(*[st.integers(1, 7)] * 3), st.integers(0, 2))
def test_noise_of_any_size_keeps_the_promises(seed, shape, axis):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, rng.integers(1, 4), shape).astype(np.int16)
    labels = rng.integers(0, 3, shape).astype(np.uint16)
    given_slices = sorted({int(k) for k in rng.integers(0, shape[axis], 2)})
    mask = np.moveaxis(np.zeros_like(labels), axis, 0)
    mask[given_slices] = np.moveaxis(labels, axis, 0)[given_slices]
    found = propagate(image, np.moveaxis(mask, 0, axis), (3.0, 1.0, 0.7), axis=axis, given=given_slices)
    planes = np.moveaxis(found.mask, axis, 0)
    np.testing.assert_array_equal(planes[given_slices], mask[given_slices])
    assert found.mask.shape == shape
    assert found.mask.dtype == np.uint16
    assert found.confidence.shape == (shape[axis],)
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
    assert set(np.unique(planes)) <= {0, *np.unique(mask)}


def test_what_cannot_be_propagated_is_refused():
    image, labels = moving_blobs(5)
    mask = sparse(labels, [1])
    spacing = (3.0, 1.0, 1.0)
    with pytest.raises(PromptError, match="no label"):
        propagate(image, np.zeros_like(mask), spacing)
    with pytest.raises(PromptError, match="names slice 5; expected 0 to 4"):
        propagate(image, mask, spacing, given=[1, 5])
    with pytest.raises(PromptError, match="names slice -1"):
        propagate(image, mask, spacing, given=[-1])
    with pytest.raises(PromptError, match="given is empty"):
        propagate(image, mask, spacing, given=[])
    with pytest.raises(PromptError, match="slice 1 holds labels"):
        propagate(image, mask, spacing, given=[2])
    with pytest.raises(GeometryError, match="expected equal shapes"):
        propagate(image[1:], mask, spacing)
    with pytest.raises(GeometryError, match="expected 3 finite positive"):
        propagate(image, mask, (1.0, 1.0))
    with pytest.raises(InputError, match="NaN"):
        propagate(image * np.float32(np.nan), mask, spacing)
    with pytest.raises(InputError, match="axis is 3"):
        propagate(image, mask, spacing, axis=3)
    with pytest.raises(InputError, match="image has 2 axes"):
        propagate(image[0], mask, spacing)
    with pytest.raises(GeometryError, match="start is 3 and stop 3"):
        propagate(image, mask, spacing, start=3, stop=3)
    with pytest.raises(LabelError, match="sparse_mask is int16"):
        propagate(image, mask.astype(np.int16), spacing)
    with pytest.raises(TypeError, match="spacing_mm"):
        propagate(image, mask)
