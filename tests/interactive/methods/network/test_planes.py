"""The extent in a volume: the planes through its newest prompt, each as a task of its own."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from maskwright.interactive.methods.network.planes import extent_in_planes
from maskwright.interactive.methods.task import Task

SHAPE, SPACING = (5, 6, 7), (3.0, 1.0, 2.0)


def task(voxels, box=None):
    image = np.random.default_rng(0).random(SHAPE).astype(np.float32)
    positive = np.zeros(SHAPE, bool)
    for voxel in voxels:
        positive[voxel] = True
    empty = np.zeros(SHAPE, bool)
    return Task(image, False, (0.0, 1.0), SPACING, positive, empty, box, None, positive, True, 1)


@given(st.tuples(*(st.integers(0, n - 1) for n in SHAPE)))
def test_three_planes_with_their_own_image_and_spacing(voxel):
    made = task([voxel])
    planes = []

    def segment(flat):
        planes.append(flat)
        return flat.positive

    extent = extent_in_planes(made, segment)
    for axis, flat in enumerate(planes):
        np.testing.assert_array_equal(flat.image, made.image.take(voxel[axis], axis))
        assert flat.spacing_mm == tuple(s for k, s in enumerate(SPACING) if k != axis)
    np.testing.assert_array_equal(extent.inside, made.positive)
    distance = sum(grid != p for grid, p in zip(np.indices(SHAPE), voxel))
    np.testing.assert_array_equal(extent.valid, distance <= 2)  # in a plane, one index is the prompt's


def test_a_plane_without_positive_prompt_is_left_out():
    stroke = task([(2, 1, 1), (2, 3, 4), (2, 5, 6)])  # its middle is in all three planes
    assert extent_in_planes(stroke, lambda flat: flat.positive).valid.any()
    # The planes through the middle voxel, (2, 3, 0): the third does not meet the box.
    boxed = replace(task([]), box=((1, 1, 1), (4, 5, 6)))
    everything = extent_in_planes(boxed, lambda flat: np.ones(flat.positive.shape, bool))
    assert everything.inside.sum() == everything.valid.sum() == 6 * 7 + 5 * 7 - 7
    beside = replace(task([]), box=((0, 0, 1), (1, 1, 2)))
    assert not extent_in_planes(beside, lambda flat: flat.positive).valid.any()
