"""Propagation of slices: what is given stays, what is known is found, what is wrong is refused."""

import numpy as np
import pytest
from scipy import ndimage

from maskwright.interactive.propagate import propagate
from maskwright.kernels.errors import GeometryError, InputError, LabelError, PromptError


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


def sparse(labels, given):
    kept = np.zeros_like(labels)
    kept[given] = labels[given]
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
    given = [1, 5]
    expected = propagate(image, sparse(labels, given), (3.0, 1.0, 1.0))
    spacing = tuple(np.insert([1.0, 1.0], axis, 3.0))
    turned, turned_mask = np.moveaxis(image, 0, axis), np.moveaxis(sparse(labels, given), 0, axis)
    found = propagate(turned, turned_mask, spacing, axis=axis)
    assert (np.moveaxis(found.mask, axis, 0) == expected.mask).all()
    assert (found.confidence == expected.confidence).all()


def test_start_and_stop_hold_in_both_directions():
    image, labels = moving_blobs(9)
    found = propagate(image, sparse(labels, [4]), (3.0, 1.0, 1.0), start=2, stop=6)
    assert found.mask.any(axis=(1, 2)).tolist() == [False, False, True, True, True, True, False, False, False]


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
