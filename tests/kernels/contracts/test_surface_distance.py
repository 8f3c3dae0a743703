"""Reduced surface distances against every pair of points."""

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.errors import ConfigError, GeometryError
from maskwright.kernels.distance.lattice import make_lattice
from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.surface import SurfaceElements, find_elements, find_surfaces
from maskwright.kernels.surface_distance import DirectedDistancesByLabel, element_distances, surface_distances
from reference import surface_distance as reference
from support.label_pairs import LAYOUTS, label_pairs, lay_out
from support.twins import twins

PERCENTILES = (0.0, 50.0, 95.0, 99.9, 100.0)
POOLED = (25.0, 95.0)
TOLERANCES_MM = (0.0, 1.0, 2.4 * (1 + 1e-9), 30.0)
LABELS = (1, 2, 3, 7, 255, 300)
CLOSE = {"rtol": 1e-12, "atol": 0}


def in_space(spacing_mm):
    return spacing_mm if len(spacing_mm) == 3 else (min(spacing_mm), *spacing_mm)


def indices(groups, group):
    return np.array(np.unravel_index(groups[group], groups.shape)).T


def check_directed(found, twin, here, there, weights, spacing_mm, *, by_area):
    for group in range(len(here)):
        part = weights[here.offsets[group] : here.offsets[group + 1]]
        points, others = indices(here, group), indices(there, group)
        expected = reference.directed(points, others, part, spacing_mm, PERCENTILES, TOLERANCES_MM, by_area)
        for field, value in zip(fields(DirectedDistancesByLabel), expected, strict=True):
            np.testing.assert_allclose(twin.take(getattr(found, field.name))[group], value, **CLOSE)


@pytest.mark.parametrize("twin", twins("surface_distance"))
@settings(deadline=None, max_examples=60)  # the first calls compile
@given(label_pairs(dtypes=("bool", "uint8", "uint16")), st.sampled_from(LAYOUTS))
def test_voxel_distances_equal_every_pair(twin, pair, layout):
    surfaces = [find_surfaces(lay_out(mask, layout), LABELS) for mask in (pair.reference, pair.prediction)]
    spacing_mm = in_space(pair.spacing_mm)
    lattice = make_lattice(surfaces[0].shape, spacing_mm)
    options = {"percentiles": PERCENTILES, "pooled_percentiles": POOLED, "tolerances_mm": TOLERANCES_MM}
    with twin.running():
        found = surface_distances(*map(twin.put_groups, surfaces), lattice, **options)
    for direction, (here, there) in zip(
        (found.reference_to_prediction, found.prediction_to_reference), (surfaces, surfaces[::-1]), strict=True
    ):
        ones = np.ones(len(here.points))
        check_directed(direction, twin, here, there, ones, spacing_mm, by_area=False)
    for group in range(len(LABELS)):
        both = indices(surfaces[0], group), indices(surfaces[1], group)
        expected = reference.pooled(*both, spacing_mm, POOLED)
        np.testing.assert_allclose(twin.take(found.pooled_percentiles_mm)[group], expected, **CLOSE)


@pytest.mark.parametrize("twin", twins("surface_distance"))
@settings(deadline=None, max_examples=60)
@given(label_pairs(dtypes=("bool", "uint8")))
def test_element_distances_equal_every_pair(twin, pair):
    elements = [find_elements(mask, LABELS, pair.spacing_mm) for mask in (pair.reference, pair.prediction)]
    spacing_mm = in_space(pair.spacing_mm)
    lattice = make_lattice(elements[0].points.shape, spacing_mm)
    placed = [SurfaceElements(twin.put_groups(side.points), twin.put(side.areas)) for side in elements]
    with twin.running():
        found = element_distances(*placed, lattice, spacing_mm, percentiles=PERCENTILES, tolerances_mm=TOLERANCES_MM)
    for direction, (here, there) in zip(
        (found.reference_to_prediction, found.prediction_to_reference), (elements, elements[::-1]), strict=True
    ):
        check_directed(direction, twin, here.points, there.points, here.areas, spacing_mm, by_area=True)
    assert found.pooled_percentiles_mm.shape == (len(LABELS), 0)


def test_the_order_of_queries_changes_no_bit():
    from maskwright.kernels.surface_distance.sums import reduce_points, sum_groups

    rng = np.random.default_rng(4)
    squares = rng.integers(0, 10**9, 4000).astype(float)
    offsets, lattice = np.array([0, 1, 1, 1500, 4000]), make_lattice((200, 300, 400), (2.5, 0.8, 0.7))
    mixed = np.concatenate([rng.permutation(squares[a:b]) for a, b in pairwise(offsets)])
    terms = [array.copy() for array in (squares, mixed)]
    reduced = [reduce_points(array.copy(), offsets, lattice, (1.0, 300.0)) for array in (squares, mixed)]
    for one, other in zip(*reduced, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(*(sum_groups(array, offsets, float(squares.max())) for array in terms))


def test_labels_in_many_batches_equal_those_in_one(monkeypatch):
    from maskwright.kernels.surface_distance import cpu

    rng = np.random.default_rng(3)
    masks = rng.integers(0, 30, (2, 9, 14, 15)).astype(np.uint8)
    labels = np.arange(1, 30)
    surfaces = [find_surfaces(mask, labels) for mask in masks]
    lattice = make_lattice(surfaces[0].shape, (2.5, 0.8, 0.8))
    options = {"percentiles": PERCENTILES, "pooled_percentiles": POOLED, "tolerances_mm": TOLERANCES_MM}
    whole = surface_distances(*surfaces, lattice, **options)
    monkeypatch.setattr(cpu, "_FEWEST_POINTS", 100)
    parts = surface_distances(*surfaces, lattice, **options)
    for field in fields(DirectedDistancesByLabel):
        for name in ("reference_to_prediction", "prediction_to_reference"):
            one, other = (getattr(getattr(found, name), field.name) for found in (whole, parts))
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(whole.pooled_percentiles_mm, parts.pooled_percentiles_mm)


def test_without_labels_the_record_has_no_rows():
    none = PointGroups(np.empty(0, np.uint32), np.zeros(1, np.int64), (2, 3, 4))
    found = surface_distances(
        none, none, make_lattice((2, 3, 4), (1.0, 1.0, 1.0)), percentiles=(95,), tolerances_mm=(1,)
    )
    assert found.reference_to_prediction.percentiles_mm.shape == (0, 1)
    assert found.prediction_to_reference.within.shape == (0, 1)


def test_groups_and_options_that_do_not_fit_are_refused():
    one, two = (find_surfaces(np.ones((2, 3, 4), np.uint8), labels) for labels in ([1], [1, 2]))
    lattice = make_lattice((2, 3, 4), (1.0, 1.0, 1.0))
    with pytest.raises(GeometryError, match="expected the same groups and shape"):
        surface_distances(one, two, lattice)
    with pytest.raises(GeometryError, match="expected the same groups and shape"):
        surface_distances(one, one, make_lattice((2, 3, 5), (1.0, 1.0, 1.0)))
    with pytest.raises(ConfigError, match="expected numbers from 0 to 100"):
        surface_distances(one, one, lattice, percentiles=(101,))
    with pytest.raises(ConfigError, match="expected numbers of mm"):
        surface_distances(one, one, lattice, tolerances_mm=(float("nan"),))
