"""The box tree on its own against every pair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.errors import GeometryError
from maskwright.kernels.distance.lattice import make_lattice
from maskwright.kernels.distance.tree import search_tree
from reference.nearest import nearest_squares
from support.point_groups import GROUP_KINDS, make_groups


def check(queries, targets, lattice):
    squared, nearest = search_tree(queries, targets, lattice)
    np.testing.assert_array_equal(squared, nearest_squares(queries, targets, lattice.shape, lattice.weights))
    assert np.isin(nearest, targets).all()
    here, there = (np.array(np.unravel_index(points, lattice.shape), float) for points in (queries, nearest))
    np.testing.assert_array_equal(((here - there) ** 2).T @ np.array(lattice.weights), squared)


@settings(deadline=None)  # the first calls compile
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(1, 30, 40), (1, 1, 500), (3, 4, 5), (9, 17, 30), (60, 5, 70)]),
    st.sampled_from(GROUP_KINDS),
    st.sampled_from([kind for kind in GROUP_KINDS if kind != "empty"]),
    st.sampled_from([(1.0, 1.0, 1.0), (2.5, 0.8, 0.8), (1.0, 3.0, 0.1), (2.5, 0.81234567, 0.7654321)]),
    st.sampled_from([np.uint32, np.uint32, np.int64]),
)
def test_answers_are_those_of_the_nearest_of_all_pairs(seed, shape, query_kind, target_kind, spacing_mm, dtype):
    queries, targets = (
        make_groups(seed, shape, [query_kind], dtype)[0],
        make_groups(seed + 1, shape, [target_kind], dtype)[0],
    )
    check(queries, targets, make_lattice(shape, spacing_mm))


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 255, 256, 257, 4095, 4096, 4097, 9000])
def test_trees_of_every_height(count):
    """Nodes have sixteen children: a level more at 257 points, and another at 4097."""
    shape = (40, 50, 60)
    rng = np.random.default_rng(count)
    targets = np.sort(rng.choice(40 * 50 * 60, count, replace=False)).astype(np.uint32)
    queries = np.sort(rng.choice(40 * 50 * 60, 300, replace=False)).astype(np.uint32)
    check(queries, targets, make_lattice(shape, (1.5, 0.7, 0.7)))


def test_queries_in_any_order_have_the_same_answers():
    """The answer of the query before is the first guess for the next, and must be no more than that."""
    shape = (20, 30, 40)
    rng = np.random.default_rng(3)
    targets = np.sort(rng.choice(24_000, 500, replace=False)).astype(np.uint32)
    check(rng.permutation(24_000)[:1500].astype(np.uint32), targets, make_lattice(shape, (1.5, 0.7, 0.7)))


@pytest.mark.parametrize("shape", [(1, 3, 2_000_000), (2, 1_500_000, 1), (100_000, 3, 3)])
def test_long_axes_keep_all_their_bits(shape):
    rng = np.random.default_rng(6)
    size = int(np.prod(shape))
    targets, queries = (np.sort(rng.choice(size, 400, replace=False)).astype(np.uint32) for _ in range(2))
    check(queries, targets, make_lattice(shape, (1.0, 1.0, 1.0)))


def test_a_side_beyond_21_bits_is_refused():
    points = np.array([2**21 - 1], np.uint32)
    check(points, points, make_lattice((1, 1, 2**21), (1.0, 1.0, 1.0)))
    with pytest.raises(GeometryError, match="sides of up to 2097152 voxels"):
        search_tree(points + 1, points, make_lattice((1, 1, 2**21 + 1), (1.0, 1.0, 1.0)))
