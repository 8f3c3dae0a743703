"""clDice on tubes, and against the plain definition."""

import math

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from skimage.morphology import skeletonize

from maskwright.engine.metrics.families.centreline import cldice
from maskwright.engine.metrics.table import METRICS
from maskwright.errors import GeometryError, InputError, LabelError
from reference import centreline as reference


def tube(start, end, shape=(12, 14, 40), centre=(6, 6), radius=2):
    z, y, x = np.indices(shape)
    return (np.hypot(z - centre[0], y - centre[1]) <= radius) & (x >= start) & (x < end)


def vanishes(mask):
    """Whether scikit-image leaves a component of the mask without a skeleton."""
    labels, count = scipy.ndimage.label(mask, np.ones((3,) * mask.ndim))
    return np.unique(labels[skeletonize(mask)]).size < count


def test_a_tube_is_its_own_centreline():
    assert cldice(tube(3, 37), tube(3, 37)) == 1.0


def test_a_thinner_tube_with_the_same_centreline_scores_1():
    assert cldice(tube(3, 37), tube(3, 37, radius=1)) == 1.0


def test_half_a_tube_has_full_precision_and_half_the_sensitivity():
    whole, half = tube(2, 38), tube(2, 20)
    # Precision 1; sensitivity = voxels of the whole centreline with x < 20, by its share of all: counted here.
    x = skeletonize(whole).nonzero()[2]
    sensitivity = (x < 20).mean()
    assert 0.4 < sensitivity < 0.6
    assert cldice(whole, half) == pytest.approx(2 * sensitivity / (1 + sensitivity))
    assert cldice(half, whole) == cldice(whole, half)


def test_tubes_apart_score_zero():
    assert cldice(tube(2, 38, radius=1, centre=(2, 3)), tube(2, 38, radius=1, centre=(9, 10))) == 0.0


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.integers(0, 3))
def test_cldice_is_the_plain_definition(seed, ndim, margin):
    rng = np.random.default_rng(seed)
    noise = scipy.ndimage.gaussian_filter(rng.normal(size=(2, *(14,) * ndim)), (0, *(1.3,) * ndim))
    first, second = (np.pad(field > 0.05, margin) for field in noise + noise[::-1] / 2)
    assume(first.any() and second.any() and not vanishes(first) and not vanishes(second))
    expected = reference.cldice(first, second)
    assert cldice(first, second) == pytest.approx(expected, rel=1e-12)
    assert cldice(np.asfortranarray(first), second) == cldice(first, second)


@pytest.mark.parametrize("width", [2, 4])
def test_tubes_that_scikit_image_thins_away_keep_a_centreline(width):
    mask = np.zeros((12, 12, 40), bool)
    mask[3 : 3 + width, 3 : 3 + width, 5:35] = True
    assert vanishes(mask)
    assert cldice(mask, mask) == 1.0
    first_half = mask.copy()
    first_half[..., 20:] = False
    assert cldice(mask, first_half) == pytest.approx(2 * 0.5 / 1.5, abs=0.05)  # half the centreline, all of it inside


def test_a_component_that_vanishes_twice_is_its_own_skeleton():
    plate = np.zeros((6, 7, 7), bool)
    plate[2:4, 3, 2:4] = True
    assert vanishes(plate)
    three_quarters = plate.copy()
    three_quarters[2, 3, 2] = False
    # Precision 1: three voxels inside the plate. Sensitivity 3 of the plate's 4 voxels.
    assert cldice(plate, three_quarters) == pytest.approx(2 * 0.75 / 1.75)


def test_empty_masks_follow_the_table():
    empty, full = np.zeros((4, 5, 6), bool), np.ones((4, 5, 6), bool)
    rule = METRICS["cldice"]
    assert math.isnan(cldice(empty, empty))
    assert math.isnan(rule.both_empty)
    assert cldice(empty, full) == rule.reference_empty
    assert cldice(full, empty) == rule.prediction_empty
    assert math.isnan(cldice(empty[:0], empty[:0]))


def test_other_dtypes_and_shapes_are_refused():
    mask = np.zeros((4, 5), bool)
    with pytest.raises(LabelError, match="prediction is uint8; expected a bool mask"):
        cldice(mask, mask.astype(np.uint8))
    with pytest.raises(GeometryError, match="equal shapes"):
        cldice(mask, mask[:3])
    with pytest.raises(InputError, match="1 axes"):
        cldice(mask[0], mask[0])
