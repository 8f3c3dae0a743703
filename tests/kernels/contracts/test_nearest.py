"""Nearest distances of grouped points against every pair, near by and far off, and the walk by rows on its own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from maskwright.errors import GeometryError
from maskwright.kernels.distance import nearest, nearest_squared, nearest_targets
from maskwright.kernels.distance.lattice import make_lattice
from maskwright.kernels.distance.rows import FAR, nearest_in_rows
from maskwright.kernels.point_groups import PointGroups
from reference.nearest import group_squares
from support.point_groups import GROUP_KINDS, from_lists, make_groups
from support.twins import in_parts, twins

# The last three are no fractions of each other with small denominators.
SPACINGS = (
    (1.0, 1.0, 1.0),
    (2.5, 0.8, 0.8),
    (1.0, 3.0, 0.1),
    (0.7, 1.3, 40.0),
    (2.5, 0.81234567, 0.7654321),
    (0.1, 1.0, np.pi),
)


@st.composite
def searches(draw, max_groups=4):
    """Queries and targets of the same number of groups, each of its own kind, on one lattice; a plane or a volume."""
    shape = draw(
        st.sampled_from([(1, 1, 1), (1, 30, 40), (1, 300, 20), (3, 4, 5), (9, 17, 30), (60, 5, 70), (40, 50, 2)])
    )
    kinds = st.tuples(*[st.sampled_from(GROUP_KINDS)] * draw(st.integers(0, max_groups)))
    dtype = draw(st.sampled_from([np.uint32, np.uint32, np.int64]))
    queries = make_groups(draw(st.integers(0, 2**32 - 1)), shape, draw(kinds), dtype)
    targets = make_groups(
        draw(st.integers(0, 2**32 - 1)), shape, draw(st.tuples(*[st.sampled_from(GROUP_KINDS)] * len(queries))), dtype
    )
    return queries, targets, make_lattice(shape, draw(st.sampled_from(SPACINGS)))


def check_targets(queries, targets, lattice, squared, found):
    """The named targets are of the query's own group, and as near as the squares say."""
    assert found.dtype == np.int64
    group = np.repeat(np.arange(len(queries)), queries.sizes)
    for number in range(len(queries)):
        named = found[group == number]
        assert np.isin(named, targets[number] if len(targets[number]) else [-1]).all()
    there = found >= 0
    here, near = (
        np.array(np.unravel_index(points, lattice.shape), float) for points in (queries.points[there], found[there])
    )
    np.testing.assert_array_equal(((here - near) ** 2).T @ np.array(lattice.weights), squared[there])
    assert np.isinf(squared[~there]).all()


@pytest.mark.parametrize("twin", twins("distance"))
@settings(deadline=None)  # the first calls compile
@given(searches())
def test_distances_equal_the_nearest_of_all_pairs(twin, case):
    queries, targets, lattice = case
    placed = twin.put_groups(queries), twin.put_groups(targets), lattice
    with twin.running():
        squared, found = twin.take(nearest_squared(*placed)), twin.take(nearest_targets(*placed))
    np.testing.assert_array_equal(squared, group_squares(queries, targets, lattice))
    check_targets(queries, targets, lattice, squared, found)


@settings(deadline=None)
@given(searches(), st.integers(1, 700))
def test_the_walk_by_rows_finds_the_nearest(case, length):
    queries, targets, lattice = case
    jobs = [
        (group, start, min(start + length, queries.offsets[group + 1]))
        for group in range(len(queries))
        for start in range(queries.offsets[group], queries.offsets[group + 1], length)
    ]
    squared = np.full(len(queries.points), np.nan)
    jobs = np.array(jobs, np.int64).reshape(-1, 3)
    nearest_in_rows(queries, targets, jobs, lattice, squared, np.empty(0, np.int64))
    found = squared != FAR
    np.testing.assert_array_equal(squared[found], group_squares(queries, targets, lattice)[found])
    few = np.repeat((targets.sizes > 0) & (targets.sizes <= 32), queries.sizes)
    assert found[few].all()
    assert not found[np.repeat(targets.sizes == 0, queries.sizes)].any()


def corners(shape, dtype=np.uint32):
    return (make_groups(1, shape, [kind], dtype) for kind in ("low corner", "high corner"))


def count_tree_searches(monkeypatch):
    asked = []

    def search_tree(queries, *others):
        asked.append(len(queries))
        return tree(queries, *others)

    tree = nearest.search_tree
    monkeypatch.setattr(nearest, "search_tree", search_tree)
    return asked


@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
@pytest.mark.parametrize("shape", [(40, 50, 60), (1, 500, 60)])
def test_groups_far_apart_are_left_to_the_tree(monkeypatch, shape, dtype):
    asked = count_tree_searches(monkeypatch)
    queries, targets = corners(shape, dtype)
    targets = from_lists([np.union1d(targets[0], targets[0][:, None] - 5 * shape[2] * np.arange(1, 3))], shape, dtype)
    assert targets.sizes[0] > 32
    lattice = make_lattice(shape, (1.5, 0.7, 0.7))
    squared = nearest_squared(queries, targets, lattice)
    np.testing.assert_array_equal(squared, group_squares(queries, targets, lattice))
    assert asked == [len(queries.points)]


def test_near_queries_after_far_ones_are_answered_too():
    """A walk in vain makes the queries after it skip theirs for a while; each must still get its answer."""
    shape = (1, 400, 100)
    y, x = np.divmod(np.arange(shape[1] * shape[2]), shape[2])
    targets = from_lists([np.flatnonzero((y > 380) | ((y % 57 == 0) & (x % 9 == 0)))], shape)
    queries = from_lists([np.flatnonzero(x % 7 == 3)], shape)
    lattice = make_lattice(shape, (1.0, 0.8, 0.8))
    np.testing.assert_array_equal(nearest_squared(queries, targets, lattice), group_squares(queries, targets, lattice))


def test_a_point_in_a_row_beyond_the_walk_may_be_nearer_than_one_in_the_same_row():
    """The nearest found in the rows walked is 30 voxels off along x, one 20 rows up is not walked to."""
    shape = (60, 60, 60)
    lattice = make_lattice(shape, (1.0, 1.0, 1.0))
    fill = [(59, 59, x) for x in range(60)]  # more than a few targets
    targets = from_lists([np.sort(np.ravel_multi_index(np.array([(30, 30, 50), (50, 30, 20), *fill]).T, shape))], shape)
    queries = from_lists([[np.ravel_multi_index((30, 30, 20), shape)]], shape)
    assert nearest_squared(queries, targets, lattice).tolist() == [400.0]


@pytest.mark.parametrize("count", [1, 31, 32, 33, 34])
def test_a_few_targets_are_looked_at_one_by_one(monkeypatch, count):
    asked = count_tree_searches(monkeypatch)
    shape = (5, 200, 80)
    rng = np.random.default_rng(count)
    targets = from_lists([np.sort(rng.choice(2 * 80, count, replace=False))], shape)
    queries = from_lists([np.arange(4 * 200 * 80, 5 * 200 * 80, 13)], shape)
    lattice = make_lattice(shape, (2.5, 0.8, 0.8))
    squared = nearest_squared(queries, targets, lattice)
    np.testing.assert_array_equal(squared, group_squares(queries, targets, lattice))
    assert bool(asked) == (count > 32)


@pytest.mark.parametrize("kind", GROUP_KINDS)
def test_without_targets_distances_are_infinite(kind):
    shape = (3, 20, 20)
    queries, targets = make_groups(2, shape, [kind, "sparse"]), make_groups(3, shape, ["empty", "sparse"])
    lattice = make_lattice(shape, (1.0, 1.0, 1.0))
    squared = nearest_squared(queries, targets, lattice)
    assert np.isinf(squared[: queries.offsets[1]]).all()
    assert np.isfinite(squared[queries.offsets[1] :]).all()
    assert (nearest_targets(queries, targets, lattice)[: queries.offsets[1]] == -1).all()


@pytest.mark.parametrize("kinds", [[], ["empty"], ["empty", "empty"]])
def test_no_queries_have_no_distances(kinds):
    shape = (3, 20, 20)
    queries, targets = make_groups(2, shape, kinds), make_groups(3, shape, ["dense"] * len(kinds))
    lattice = make_lattice(shape, (1.0, 1.0, 1.0))
    assert nearest_squared(queries, targets, lattice).tolist() == []
    assert nearest_targets(queries, targets, lattice).tolist() == []


def test_each_group_has_only_its_own_targets():
    shape = (1, 1, 100)
    queries, targets = from_lists([[10], [10]], shape), from_lists([[90], [12]], shape)
    lattice = make_lattice(shape, (1.0, 1.0, 0.5))
    assert nearest_squared(queries, targets, lattice).tolist() == [80.0**2, 2.0**2]
    assert nearest_targets(queries, targets, lattice).tolist() == [90, 12]


def test_groups_taken_out_of_others_have_the_same_distances():
    shape = (9, 17, 30)
    kinds = ["sparse", "dense", "few", "empty", "sheet"]
    queries, targets = make_groups(6, shape, kinds), make_groups(7, shape, kinds)
    lattice = make_lattice(shape, (2.5, 0.8, 0.8))
    whole = nearest_squared(queries, targets, lattice)
    part = nearest_squared(queries.between(1, 4), targets.between(1, 4), lattice)
    np.testing.assert_array_equal(part, whole[queries.offsets[1] : queries.offsets[4]])


@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
def test_threads_do_not_change_distances_or_targets(dtype):
    shape = (60, 50, 70)
    kinds = ["sparse", "dense", "few", "low corner", "full"]
    queries, targets = make_groups(4, shape, kinds[::-1], dtype), make_groups(5, shape, kinds, dtype)
    lattice = make_lattice(shape, (2.5, 0.8, 0.7))
    squared, found = nearest_squared(queries, targets, lattice), nearest_targets(queries, targets, lattice)
    with in_parts(5):
        np.testing.assert_array_equal(nearest_squared(queries, targets, lattice), squared)
        np.testing.assert_array_equal(nearest_targets(queries, targets, lattice), found)
    np.testing.assert_array_equal(squared, group_squares(queries, targets, lattice))


def test_points_beyond_the_reach_of_32_bits():
    shape = (3, 50_000, 60_000)
    far = 2 * 50_000 * 60_000  # the first index of the last plane
    rng = np.random.default_rng(0)
    targets = from_lists([np.sort(rng.choice(200_000, 50, replace=False) * 29_989 + far // 2)], shape, np.int64)
    queries = from_lists([np.sort(rng.choice(200_000, 300, replace=False) * 29_989 + far // 2)], shape, np.int64)
    lattice = make_lattice(shape, (5.0, 0.25, 0.25))
    np.testing.assert_array_equal(nearest_squared(queries, targets, lattice), group_squares(queries, targets, lattice))


def test_groups_or_lattices_that_do_not_fit_are_refused():
    one, two, other = (
        make_groups(1, (2, 3, 4), ["full"]),
        make_groups(1, (2, 3, 4), ["full"] * 2),
        make_groups(1, (2, 4, 3), ["full"]),
    )
    lattice, turned = (make_lattice(shape, (1.0, 1.0, 1.0)) for shape in ((2, 3, 4), (2, 4, 3)))
    for queries, targets, grid in [
        (one, two, lattice),
        (one, other, lattice),
        (other, one, lattice),
        (one, one, turned),
    ]:
        with pytest.raises(GeometryError, match="expected the same groups and shape"):
            nearest_squared(queries, targets, grid)


def test_scattered_targets_need_no_table_of_their_box():
    """Groups of few points in huge boxes: the row tables would be larger than the volume."""
    rng = np.random.default_rng(3)
    shape = (40, 200, 200)
    sizes = [3, 33, 40, 500, 20000]
    points = [np.sort(rng.choice(np.prod(shape), size, replace=False)) for size in sizes]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    targets = PointGroups(np.concatenate(points).astype(np.uint32), starts, shape)
    queries = PointGroups(targets.points.copy(), starts[[0, *range(1, 6)]], shape)
    lattice = make_lattice(shape, (2.0, 1.0, 1.0))
    np.testing.assert_array_equal(nearest_squared(queries, targets, lattice), 0)
    moved = [np.sort(rng.choice(np.prod(shape), 50, replace=False)) for _ in sizes]
    queries = PointGroups(np.concatenate(moved).astype(np.uint32), 50 * np.arange(6), shape)
    found = lattice.to_mm(nearest_squared(queries, targets, lattice))
    for group in range(5):
        here, there = (
            np.stack(np.unravel_index(points[group].astype(np.int64), shape), 1) * (2.0, 1.0, 1.0)
            for points in (queries, targets)
        )
        expected = cKDTree(there).query(here)[0]
        np.testing.assert_allclose(found[50 * group : 50 * group + 50], expected, atol=1e-9)
