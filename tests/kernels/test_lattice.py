"""Squared distances as whole numbers: exact where the spacing is a fraction, to 1e-9 where it is not."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from maskwright.kernels.distance.lattice import make_lattice

EXACT = 2**53
sizes = st.integers(1, 4096)
spacings = st.floats(1e-4, 100.0)


def distance_mm(lattice, steps):
    square = sum(weight * float(step) ** 2 for weight, step in zip(lattice.weights, steps))
    return float(lattice.to_mm(np.array(square)))


@pytest.mark.parametrize(
    ("spacing_mm", "weights", "unit_mm"),
    [
        ((0.8, 0.8, 0.8), (1, 1, 1), 0.8),
        ((2.5, 0.8, 0.8), (625, 64, 64), 0.1),
        ((1.5, 0.7, 0.7), (225, 49, 49), 0.1),
        ((0.5, 0.25, 0.75), (4, 1, 9), 0.25),
        ((3.0, 0.703125, 0.703125), (4096, 225, 225), 0.046875),  # 360 mm over 512 voxels
        ((5.0, 0.48828125, 0.48828125), (256**2, 25**2, 25**2), 0.01953125),  # 250 mm over 512 voxels
        ((1.0, 3.0, 0.1), (100, 900, 1), 0.1),
    ],
)
def test_typical_spacings_have_exact_weights(spacing_mm, weights, unit_mm):
    lattice = make_lattice((40, 512, 512), spacing_mm)
    assert lattice.weights == weights
    assert lattice.unit_mm == pytest.approx(unit_mm, rel=1e-14)


@given(st.tuples(*[st.integers(1, 1000)] * 3), st.sampled_from([1, 10, 100, 128]))
def test_spacings_in_whole_parts_of_a_mm_have_weights_in_their_exact_ratio(parts, of_a_mm):
    z, y, x = (Fraction(part, of_a_mm) for part in parts)
    lattice = make_lattice((50, 100, 100), (float(z), float(y), float(x)))
    w_z, w_y, w_x = (int(weight) for weight in lattice.weights)
    assert w_z * y**2 == w_y * z**2
    assert w_y * x**2 == w_x * y**2
    assert lattice.unit_mm * math.sqrt(w_z) == pytest.approx(float(z), rel=1e-13)


def steps_on(shape):
    return st.tuples(*(st.integers(0, size - 1) for size in shape))


@given(st.tuples(*[sizes] * 3), st.tuples(*[spacings] * 3), st.data())
def test_every_distance_is_right_to_one_part_in_a_billion(shape, spacing_mm, data):
    lattice = make_lattice(shape, spacing_mm)
    assert lattice.shape == shape
    steps = data.draw(steps_on(shape))
    expected = math.hypot(*(step * spacing for step, spacing in zip(steps, spacing_mm)))
    assert distance_mm(lattice, steps) == pytest.approx(expected, rel=1e-9, abs=0)


@given(st.tuples(*[sizes] * 3), spacings, spacings, st.permutations(range(3)))
def test_slices_of_square_pixels_have_whole_weights_and_no_sum_reaches_2_to_the_53(shape, thick, pixel, order):
    assume(1e-3 < thick / pixel < 100)
    spacing_mm = tuple((thick, pixel, pixel)[axis] for axis in order)
    lattice = make_lattice(shape, spacing_mm)
    assert all(weight >= 1 and weight == int(weight) for weight in lattice.weights)
    assert sum(int(weight) * (size - 1) ** 2 for weight, size in zip(lattice.weights, shape)) < EXACT


@pytest.mark.parametrize("spacing_mm", [(2.5, 0.8, 0.7), (2.5000001, 0.8, 0.8), (0.61803, 0.8, math.pi)])
@pytest.mark.parametrize("shape", [(400, 512, 512), (2048, 300, 300), (1, 200_000, 200_000)])
def test_weights_of_typical_and_large_grids_stay_exact(spacing_mm, shape):
    lattice = make_lattice(shape, spacing_mm)
    whole = all(weight == int(weight) for weight in lattice.weights)
    if whole:
        assert sum(int(weight) * (size - 1) ** 2 for weight, size in zip(lattice.weights, shape)) < EXACT
    assert whole or (len(set(spacing_mm)) == 3 and max(shape) > 1000)


@given(
    st.tuples(*[st.integers(0, 127)] * 3),
    st.tuples(*[st.floats(0.5, 2.0) | st.floats(0.5, 2.0, width=32)] * 3),
)
def test_other_spacings_measure_to_one_part_in_a_billion(steps, spacing_mm):
    lattice = make_lattice((128, 128, 128), spacing_mm)
    expected = math.hypot(*(step * spacing for step, spacing in zip(steps, spacing_mm)))
    assert distance_mm(lattice, steps) == pytest.approx(expected, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("shape", "spacing_mm"),
    [
        ((512, 512, 512), (5.0000005, 1.0, 1.0)),  # 1.4e-9 along y and x
        ((2048, 2048, 2048), (2.5, float(np.float32(0.8)), float(np.float32(0.8)))),  # 8.8e-9
        ((1, 4096, 4096), (1.0, 0.0002527, 0.0002527)),  # a plane of 0.2527 um pixels, z as compare fills it in: 3 %
    ],
)
def test_long_and_short_spacings_measure_to_one_part_in_a_billion_too(shape, spacing_mm):
    lattice = make_lattice(shape, spacing_mm)
    assert distance_mm(lattice, (0, 2, 0)) == pytest.approx(2 * spacing_mm[1], rel=1e-9)


@given(
    st.tuples(*[sizes] * 3), st.tuples(*[spacings | st.sampled_from([0.7, 0.8, 2.5])] * 3), st.permutations(range(3))
)
def test_the_order_of_the_axes_does_not_matter(shape, spacing_mm, order):
    lattice = make_lattice(shape, spacing_mm)
    turned = make_lattice(tuple(shape[axis] for axis in order), tuple(spacing_mm[axis] for axis in order))
    assert turned.weights == tuple(lattice.weights[axis] for axis in order)
    assert turned.unit_mm == lattice.unit_mm


def test_to_mm_takes_the_root_and_leaves_infinity():
    lattice = make_lattice((4, 4, 4), (0.8, 0.8, 0.8))
    found = lattice.to_mm(np.array([0.0, 1.0, 9.0, 2.0, np.inf]))
    np.testing.assert_allclose(found, [0.0, 0.8, 2.4, 0.8 * math.sqrt(2), np.inf], rtol=1e-15)
