"""Nested regions against their plain definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskwright.errors import GeometryError, InputError
from maskwright.kernels.level_sets import measure_level_sets
from reference import level_sets as reference
from support.twins import twins


@st.composite
def families(draw):
    """Levels from outside the domain to never joined, in any memory order, with weights."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=5))
    count = draw(st.integers(1, 6))
    fill = st.just(draw(st.integers(-1, count)))
    levels = draw(hnp.arrays(np.int32, shape, elements=st.integers(-2, count + 1), fill=fill))
    values = st.floats(0, 8, width=16)
    weights = [draw(hnp.arrays(np.float32, shape, elements=values)) for _ in shape]
    order, step = draw(st.permutations(range(len(shape)))), draw(st.sampled_from([1, -1, 2]))
    return levels.transpose(order)[::step], count, tuple(w.transpose(order)[::step] for w in weights)


@pytest.mark.parametrize("twin", twins("level_sets"))
@settings(deadline=None)  # the first calls compile
@given(families())
def test_sizes_and_cuts_equal_the_plain_definition(twin, case):
    levels, count, weights = case
    sizes, cuts, index_sums = reference.measure_level_sets(*case)
    with twin.running():
        found = measure_level_sets(twin.put(levels), count, tuple(map(twin.put, weights)))
    np.testing.assert_array_equal(twin.take(found.sizes), sizes)
    np.testing.assert_allclose(twin.take(found.cuts), cuts, atol=1e-9)
    np.testing.assert_array_equal(twin.take(found.index_sums), index_sums)


def test_what_does_not_fit_is_refused():
    levels, weight = np.zeros((2, 3), np.int32), np.ones((2, 3), np.float32)
    with pytest.raises(InputError, match="expected int32"):
        measure_level_sets(levels.astype(np.int64), 1, (weight, weight))
    with pytest.raises(InputError, match="count is 0"):
        measure_level_sets(levels, 0, (weight, weight))
    with pytest.raises(GeometryError, match="expected 2 arrays"):
        measure_level_sets(levels, 1, (weight,))
