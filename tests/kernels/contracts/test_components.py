"""Connected components against a flood fill and against SciPy."""

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskwright.errors import InputError
from maskwright.kernels.components import label_components
from reference import components as reference
from support.twins import twins


@st.composite
def arrays(draw):
    """A small mask or label map of any dtype, memory order and direction."""
    dtype = draw(st.sampled_from([np.bool_, np.uint8, np.uint16, np.uint32]))
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=6))
    values = st.booleans() if dtype == np.bool_ else st.sampled_from([0, 1, 2, np.iinfo(dtype).max])
    array = draw(hnp.arrays(dtype, shape, elements=values, fill=st.nothing()))
    step = draw(st.sampled_from([1, -1, 2]))
    order = draw(st.permutations(range(array.ndim)))
    return array.transpose(order)[::step]


@pytest.mark.parametrize("twin", twins("components"))
@settings(deadline=None)  # the first call compiles
@given(st.data(), arrays())
def test_components_equal_the_flood_fill_in_the_same_order(twin, data, array):
    connectivity = data.draw(st.sampled_from((4, 8) if array.ndim == 2 else (6, 18, 26)))
    expected, count = reference.label_components(array, connectivity)
    with twin.running():
        found = label_components(twin.put(array), connectivity)
    labels = twin.take(found.labels)
    assert found.count == count
    np.testing.assert_array_equal(labels, expected)
    assert labels.dtype == np.uint32
    assert labels.flags.c_contiguous


@pytest.mark.parametrize(("connectivity", "steps"), [(6, 1), (18, 2), (26, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_larger_label_map_agrees_with_scipy_label_by_label(connectivity, steps, order):
    noise = np.random.default_rng(1).normal(size=(30, 40, 50))
    array = np.digitize(scipy.ndimage.gaussian_filter(noise, 1.5), [0, 0.03, 0.06]).astype(np.uint8)
    found = label_components(np.asarray(array, order=order), connectivity)
    structure = scipy.ndimage.generate_binary_structure(3, steps)
    total = 0
    for value in (1, 2, 3):
        expected, count = scipy.ndimage.label(array == value, structure)
        total += count
        pairs = np.unique(np.stack([expected[array == value], found.labels[array == value]]), axis=1)
        assert pairs.shape[1] == count  # one of ours for each of theirs
        assert np.unique(pairs[1]).size == count
    assert found.count == total > 100


def test_the_default_is_the_full_neighbourhood():
    diagonal = np.eye(3, dtype=bool)
    assert label_components(diagonal).count == 1
    assert label_components(diagonal, 4).count == 3
    assert label_components(np.stack([diagonal, diagonal[::-1]])).count == 1


def test_a_read_only_array_is_left_as_it_is():
    array = np.array([[1, 1, 0, 2]], dtype=np.uint8)
    array.flags.writeable = False
    assert label_components(array).labels.tolist() == [[1, 1, 0, 2]]
    assert array.tolist() == [[1, 1, 0, 2]]


@pytest.mark.parametrize(
    ("array", "connectivity", "message"),
    [
        (np.zeros(3, bool), None, "1 axes"),
        (np.zeros((2, 2), np.int16), None, "int16; expected bool, uint8"),
        (np.zeros((2, 2), np.uint64), None, "uint64; expected bool, uint8"),
        (np.zeros((2, 2), bool), 6, r"2-D is one of \(4, 8\), got 6"),
        (np.zeros((2, 2, 2), bool), 8, r"3-D is one of \(6, 18, 26\), got 8"),
    ],
)
def test_what_cannot_be_labelled_is_refused(array, connectivity, message):
    with pytest.raises(InputError, match=message):
        label_components(array, connectivity)
