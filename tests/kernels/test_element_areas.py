"""Element areas against the package that defined them, and against shapes whose area is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from surface_distance import lookup_tables

from maskwright.errors import GeometryError
from maskwright.kernels.surface.element_areas import element_areas_3d, element_lengths_2d

sizes = st.floats(0.01, 100.0)


@settings(deadline=None)  # a busy machine
@given(st.tuples(sizes, sizes, sizes))
def test_every_3d_code_has_the_area_of_the_package(spacing_mm):
    expected = lookup_tables.create_table_neighbour_code_to_surface_area(spacing_mm)
    np.testing.assert_allclose(element_areas_3d(spacing_mm), expected, rtol=1e-12, atol=0)


@settings(deadline=None)  # a busy machine
@given(st.tuples(sizes, sizes))
def test_every_2d_code_has_the_length_of_the_package(spacing_mm):
    expected = lookup_tables.create_table_neighbour_code_to_contour_length(spacing_mm)
    np.testing.assert_allclose(element_lengths_2d(spacing_mm), expected, rtol=1e-12, atol=0)


def test_the_bits_are_those_of_the_packages_kernels():
    code_3d = np.array([[[2 ** (7 - (4 * z + 2 * y + x)) for x in (0, 1)] for y in (0, 1)] for z in (0, 1)])
    code_2d = np.array([[2 ** (3 - (2 * y + x)) for x in (0, 1)] for y in (0, 1)])
    np.testing.assert_array_equal(code_3d, lookup_tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL)
    np.testing.assert_array_equal(code_2d, lookup_tables.ENCODE_NEIGHBOURHOOD_2D_KERNEL)


def test_flat_elements_and_a_cut_corner_have_the_area_geometry_gives():
    areas = element_areas_3d((3.0, 2.0, 5.0))
    assert areas[0b11110000] == pytest.approx(2.0 * 5.0)  # z = 0 inside: a flat element across z
    assert areas[0b11001100] == pytest.approx(3.0 * 5.0)  # y = 0 inside
    assert areas[0b10101010] == pytest.approx(3.0 * 2.0)  # x = 0 inside
    corner = math.sqrt((2.0 * 5.0) ** 2 + (3.0 * 5.0) ** 2 + (3.0 * 2.0) ** 2) / 8  # |a x b| / 2, sides halved
    assert areas[1] == pytest.approx(corner)


def test_a_code_and_its_complement_have_the_same_area():
    areas = element_areas_3d((1.5, 0.8, 0.7))
    np.testing.assert_allclose(areas, areas[::-1], rtol=1e-12)
    assert areas[0] == 0
    assert (areas[1:255] > 0).all()


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0), (1.0, 1.0, 0.0), (1.0, math.nan, 1.0), (1.0, -1.0, 1.0)])
def test_a_spacing_that_is_not_three_positive_numbers_is_refused(spacing_mm):
    with pytest.raises(GeometryError, match="expected 3 finite positive numbers"):
        element_areas_3d(spacing_mm)


def test_a_2d_spacing_of_three_numbers_is_refused():
    with pytest.raises(GeometryError, match="expected 2 finite positive numbers"):
        element_lengths_2d((1.0, 1.0, 1.0))
