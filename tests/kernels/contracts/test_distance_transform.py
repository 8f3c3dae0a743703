"""Distance transforms against the plain definition and against SciPy."""

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskwright.errors import GeometryError, InputError, LabelError
from maskwright.kernels.distance import distance_to, distance_transform
from reference import distance_transform as reference
from support.twins import in_parts, twins

SPACINGS = st.sampled_from([0.01, 0.3, 0.8, 1.0, 2.5, 40.0])
EXACT = {"rtol": 1e-12, "atol": 1e-12}


@st.composite
def arrays(draw, dtypes):
    """A small array, from empty to full, in any memory order and direction, and its spacing."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=6))
    top = 1 if dtype == np.bool_ else np.iinfo(dtype).max
    value = draw(st.sampled_from([0, top]))  # a plain ground with a few other voxels, or none
    array = draw(hnp.arrays(dtype, shape, elements=st.sampled_from([0, 1, top]), fill=st.just(value)))
    array = array.transpose(draw(st.permutations(range(array.ndim))))[:: draw(st.sampled_from([1, -1, 2]))]
    return array, draw(st.tuples(*[SPACINGS] * array.ndim))


@pytest.mark.parametrize("twin", twins("distance"))
@settings(deadline=None)  # the first calls compile
@given(arrays([np.bool_, np.uint8, np.uint16, np.uint32]), st.booleans())
def test_distance_transform_equals_the_plain_definition(twin, case, edge_is_border):
    labels, spacing_mm = case
    with twin.running():
        found = twin.take(distance_transform(twin.put(labels), spacing_mm, edge_is_border=edge_is_border))
    np.testing.assert_allclose(found, reference.distance_transform(labels, spacing_mm, edge_is_border), **EXACT)


@pytest.mark.parametrize("twin", twins("distance"))
@settings(deadline=None)
@given(arrays([np.bool_]))
def test_distance_to_equals_the_plain_definition(twin, case):
    mask, spacing_mm = case
    with twin.running():
        found = twin.take(distance_to(twin.put(mask), spacing_mm))
    np.testing.assert_allclose(found, reference.distance_to(mask, spacing_mm), **EXACT)


def blobs(shape, levels):
    noise = np.random.default_rng(3).normal(size=shape)
    return np.digitize(scipy.ndimage.gaussian_filter(noise, 3), levels).astype(np.uint16)


@pytest.mark.parametrize("shape", [(40, 70, 83), (150, 211)])
def test_larger_label_maps_agree_with_scipy_label_by_label(shape):
    labels = blobs(shape, [0, 0.02, 0.05])
    spacing_mm = (2.5, 0.8, 0.7)[-len(shape) :]
    expected = np.zeros(shape)
    for value in (1, 2, 3):
        inside = labels == value
        expected[inside] = scipy.ndimage.distance_transform_edt(inside, spacing_mm)[inside]
    np.testing.assert_allclose(distance_transform(labels, spacing_mm), expected, **EXACT)
    padded = scipy.ndimage.distance_transform_edt(np.pad(labels == 3, 1), spacing_mm)[(slice(1, -1),) * len(shape)]
    with_edge = distance_transform(labels, spacing_mm, edge_is_border=True)
    np.testing.assert_allclose(with_edge[labels == 3], padded[labels == 3], **EXACT)


@pytest.mark.parametrize("share", [0.3, 1e-4])
def test_distances_to_blobs_and_to_few_far_voxels_agree_with_scipy(share):
    mask = np.random.default_rng(4).random((45, 60, 75)) < share
    spacing_mm = (3.0, 0.8, 0.8)
    expected = scipy.ndimage.distance_transform_edt(~mask, spacing_mm)
    np.testing.assert_allclose(distance_to(mask, spacing_mm), expected, **EXACT)


def test_threads_and_strides_do_not_change_a_bit():
    labels = blobs((30, 50, 67), [0, 0.03])
    found = distance_transform(labels, (2.5, 0.8, 0.7), edge_is_border=True)
    with in_parts(5):
        parted = distance_transform(np.asfortranarray(labels), (2.5, 0.8, 0.7), edge_is_border=True)
    np.testing.assert_array_equal(parted, found)
    assert found.flags.c_contiguous


def test_the_input_is_left_as_it_is():
    mask = np.zeros((4, 5), bool)
    mask[1, 2] = True
    before = mask.copy()
    mask.flags.writeable = False
    assert distance_to(mask, (1.0, 1.0))[1, 4] == 2
    np.testing.assert_array_equal(mask, before)


def test_without_another_label_distances_are_infinite():
    full = np.ones((3, 4), np.uint8)
    assert np.isinf(distance_transform(full, (1.0, 1.0))).all()
    assert np.isinf(distance_to(np.zeros((3, 4), bool), (1.0, 1.0))).all()
    assert distance_transform(full, (2.0, 0.5), edge_is_border=True)[1].tolist() == [0.5, 1.0, 1.0, 0.5]


def test_what_has_no_distance_is_refused():
    with pytest.raises(LabelError, match="int16; expected bool, uint8"):
        distance_transform(np.zeros((2, 2), np.int16), (1.0, 1.0))
    with pytest.raises(LabelError, match="mask is uint8; expected bool"):
        distance_to(np.zeros((2, 2), np.uint8), (1.0, 1.0))
    with pytest.raises(InputError, match="1 axes"):
        distance_transform(np.zeros(2, bool), (1.0,))
    with pytest.raises(GeometryError, match="expected 2 finite positive numbers"):
        distance_to(np.zeros((2, 2), bool), (1.0, 1.0, 1.0))
    with pytest.raises(GeometryError, match="expected 2 finite positive numbers"):
        distance_transform(np.zeros((2, 2), bool), (1.0, 0.0))
