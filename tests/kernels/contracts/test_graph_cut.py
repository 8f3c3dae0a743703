"""The graph cut against every mask on tiny grids, and against SciPy's maximum flow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskwright.errors import GeometryError, InputError
from maskwright.kernels.graph_cut import graph_cut
from reference import graph_cut as reference
from support.twins import twins


@st.composite
def problems(draw, max_voxels, min_side=0):
    """Whole costs (some infinite) and weights, and which voxels are free; any memory order and direction."""
    sides = st.integers(min_side, 5)
    shape = draw(st.lists(sides, min_size=2, max_size=3).filter(lambda s: np.prod(s) <= max_voxels).map(tuple))
    top = draw(st.sampled_from([1, 3, 1000]))
    order = draw(st.permutations(range(len(shape))))
    values = hnp.arrays(np.float32, shape, elements=st.integers(0, top).map(float), fill=st.nothing())
    flags = hnp.arrays(np.bool_, shape, fill=st.nothing())

    def turned(array):
        return array.transpose(order)[::-1]

    inside, outside = draw(values), draw(values)
    hard = draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 0, 1, 2]), fill=st.nothing()))
    inside[hard == 1] = np.inf
    outside[hard == 2] = np.inf
    weights = tuple(turned(draw(values)) for _ in shape)
    free = np.ones(shape, bool) if draw(st.booleans()) else draw(flags)
    return turned(inside), turned(outside), weights, turned(free), turned(draw(flags))


def cut(twin, inside, outside, weights, *rest):
    with twin.running():
        put = twin.put
        return twin.take(graph_cut(put(inside), put(outside), tuple(map(put, weights)), *map(put, rest)))


@pytest.mark.parametrize("twin", twins("graph_cut"))
@settings(deadline=None)  # the first call compiles
@given(problems(max_voxels=9))
def test_the_cut_is_the_smallest_best_of_all_masks(twin, problem):
    found = cut(twin, *problem)
    np.testing.assert_array_equal(found, reference.every_mask(*problem))
    assert found.dtype == np.bool_
    assert found.flags.c_contiguous


@pytest.mark.parametrize("twin", twins("graph_cut"))
@settings(deadline=None, max_examples=100)
@given(problems(max_voxels=125, min_side=1))
def test_the_cut_equals_scipys_maximum_flow(twin, problem):
    np.testing.assert_array_equal(cut(twin, *problem), reference.maximum_flow_cut(*problem))


@pytest.mark.parametrize("shape", [(60, 70), (14, 17, 19)])
@pytest.mark.parametrize("top", [2, 1000])
@pytest.mark.parametrize("share", [0.7, 1.0])
def test_larger_cuts_agree_with_scipy(shape, top, share):
    random = np.random.default_rng(top)
    inside, outside, *weights = random.integers(0, top + 1, size=(2 + len(shape), *shape)).astype(np.float32)
    weights = [array // 3 for array in weights]  # lighter than the costs, or one side takes all
    problem = (inside, outside, tuple(weights), random.random(shape) < share, random.random(shape) < 0.5)
    found = graph_cut(*problem)
    np.testing.assert_array_equal(found, reference.maximum_flow_cut(*problem))
    assert 0 < found.sum() < found.size


def test_seeds_spread_over_a_flat_image_up_to_the_weakest_edges():
    inside, outside = np.zeros((2, 5, 40), np.float32)
    outside[2, 0], inside[2, -1] = np.inf, np.inf
    along = np.full((5, 40), 3, np.float32)
    along[:, 29] = 0.5
    found = graph_cut(inside, outside, (np.ones_like(along), along))
    assert found[:, :30].all()
    assert not found[:, 30:].any()


def test_ties_leave_voxels_outside():
    nothing = np.zeros((3, 4), np.float32)
    assert not graph_cut(nothing, nothing, (nothing, nothing)).any()
    assert not graph_cut(nothing + 2, nothing + 2, (nothing + 1, nothing + 1)).any()


@pytest.mark.parametrize("factor", [2.0**-100, 1.0, 2.0**90])
def test_the_cut_does_not_change_with_a_power_of_two(factor):
    values = np.random.default_rng(3).random((4, 20, 20)).astype(np.float32)
    inside, outside, down, along = values
    scaled = graph_cut(inside * factor, outside * factor, (down * factor, along * factor))
    np.testing.assert_array_equal(scaled, graph_cut(inside, outside, (down, along)))


def test_the_largest_capacities_do_not_overflow():
    # The largest weight just below a power of two takes all bits there are; six of them and a hard cost meet.
    top = np.nextafter(np.float32(1), np.float32(0))
    random = np.random.default_rng(5)
    inside, outside = random.choice(np.array([0, 1, 2, 4], np.float32), size=(2, 8, 9, 10))
    hard = random.random(inside.shape)
    inside[hard < 0.1], outside[hard > 0.9] = np.inf, np.inf
    one = np.ones_like(inside)
    free, start = random.random(inside.shape) < 0.9, random.random(inside.shape) < 0.5
    found = graph_cut(inside * top, outside * top, (one * top,) * 3, free, start)
    np.testing.assert_array_equal(found, reference.maximum_flow_cut(inside, outside, (one,) * 3, free, start))
    assert 0 < found[free].sum() < free.sum()


def test_a_huge_cost_acts_as_an_infinite_one_and_takes_no_precision_from_the_others():
    inside, outside, down, along = np.random.default_rng(6).random((4, 20, 20)).astype(np.float32)
    huge, infinite = (inside.copy(), outside.copy()), (inside.copy(), outside.copy())
    for costs, value in ((huge, 1e30), (infinite, np.inf)):
        costs[0][3:5], costs[1][12:14] = value, value
    found = graph_cut(*huge, (down, along))
    np.testing.assert_array_equal(found, graph_cut(*infinite, (down, along)))
    assert found[12:14].all()
    assert not found[3:5].any()


def test_without_weights_the_smaller_cost_decides():
    nothing = np.zeros((2, 2), np.float32)
    inside = np.array([[1e-30, 1], [np.inf, 2]], np.float32)
    outside = np.array([[2e-30, 1], [3, 3e38]], np.float32)
    assert graph_cut(inside, outside, (nothing, nothing)).tolist() == [[True, False], [False, True]]


def test_what_no_free_voxel_touches_is_not_read():
    inside = np.full((5, 5), np.nan, np.float32)
    weight = inside.copy()
    inside[2, 2], weight[2, 1:3], weight[1:3, 2] = 1, 1, 1
    free = np.zeros((5, 5), bool)
    free[2, 2] = True
    start = ~free
    assert graph_cut(inside, inside, (weight, weight), free, start).all()
    assert not graph_cut(inside, inside, (weight, weight), free, ~start & ~free).any()


def test_the_last_weights_along_an_axis_are_not_read():
    nothing = np.zeros((3, 3), np.float32)
    down, along = nothing.copy(), nothing.copy()
    down[-1], along[:, -1] = np.nan, np.nan
    assert graph_cut(nothing, nothing + 1, (down, along)).all()


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (3, 0, 2)])
def test_an_empty_image_gives_an_empty_mask(shape):
    nothing = np.zeros(shape, np.float32)
    assert graph_cut(nothing, nothing, (nothing,) * len(shape)).shape == shape


def test_nothing_free_gives_a_copy_of_start():
    nothing = np.zeros((2, 3), np.float32)
    start = np.array([[1, 0, 1], [0, 0, 1]], dtype=bool)
    found = graph_cut(nothing, nothing, (nothing, nothing), np.zeros((2, 3), bool), start)
    np.testing.assert_array_equal(found, start)
    assert not np.shares_memory(found, start)


def test_arguments_are_left_as_they_are():
    arrays = np.random.default_rng(0).random((4, 6, 6)).astype(np.float32)
    free = arrays[0] > 0.3
    start = arrays[1] > 0.5
    before = arrays.copy(), free.copy(), start.copy()
    for array in (arrays, free, start):
        array.flags.writeable = False
    graph_cut(arrays[0], arrays[1], (arrays[2], arrays[3]), free, start)
    for array, old in zip((arrays, free, start), before):
        np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize("bad", [np.nan, -1.0])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_bad_value_is_refused(bad, place):
    arrays = np.ones((4, 3, 3), np.float32)
    arrays[place, 1, 1] = bad
    with pytest.raises(InputError, match="costs" if place < 2 else "weights"):
        graph_cut(arrays[0], arrays[1], (arrays[2], arrays[3]))


def test_infinite_weights_and_two_infinite_costs_are_refused():
    one = np.ones((3, 3), np.float32)
    infinite = one.copy()
    infinite[1, 1] = np.inf
    with pytest.raises(InputError, match="weights"):
        graph_cut(one, one, (one, infinite))
    with pytest.raises(InputError, match="both"):
        graph_cut(infinite, infinite, (one, one))


def test_arguments_that_do_not_fit_are_refused():
    one = np.ones((3, 3), np.float32)
    free = np.zeros((3, 3), bool)
    with pytest.raises(InputError, match="2 or 3 axes"):
        graph_cut(one[0], one[0], (one[0],))
    with pytest.raises(GeometryError, match="one an axis"):
        graph_cut(one, one, (one,))
    with pytest.raises(GeometryError, match=r"weights\[1\]"):
        graph_cut(one, one, (one, one[:, :2]))
    with pytest.raises(GeometryError, match="free"):
        graph_cut(one, one, (one, one), free[:2], free)
    with pytest.raises(InputError, match="start is expected where"):
        graph_cut(one, one, (one, one), free)
    with pytest.raises(InputError, match="start is expected to be bool"):
        graph_cut(one, one, (one, one), free, one)
