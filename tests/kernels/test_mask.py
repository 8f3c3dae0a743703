"""The bounds of a mask."""

import numpy as np
import pytest

from maskwright.kernels.mask import bounds_of


@pytest.mark.parametrize("shape", [(7,), (5, 6), (4, 5, 6)])
def test_bounds_hold_every_voxel_and_no_more(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = rng.random(shape) < 0.05
        if mask.any():
            found = [(int(axis.min()), int(axis.max()) + 1) for axis in np.nonzero(mask)]
            assert [(bounds.start, bounds.stop) for bounds in bounds_of(mask)] == found


def test_bounds_of_an_empty_mask_are_empty() -> None:
    assert bounds_of(np.zeros((3, 4), bool)) == (slice(0, 0), slice(0, 0))
