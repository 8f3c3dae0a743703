"""What kernels accept and what they refuse."""

import numpy as np
import pytest

from maskwright.errors import GeometryError, InputError, LabelError
from maskwright.kernels.label_array import as_label_array, as_label_pair, as_volume, check_spacing


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_unsigned_arrays_are_taken_without_a_copy(dtype):
    array = np.arange(24, dtype=dtype).reshape(2, 3, 4)[:, ::-1]
    assert as_label_array(array) is array


def test_a_mask_is_seen_as_bytes_with_its_own_strides():
    mask = np.asfortranarray(np.eye(4, 6) > 0)[::2, ::-1]
    seen = as_label_array(mask)
    assert seen.dtype == np.uint8
    assert np.shares_memory(seen, mask)
    assert seen.strides == mask.strides
    np.testing.assert_array_equal(seen, mask)


@pytest.mark.parametrize("dtype", ["i1", "i4", "i8", "u8", "f4", "f8", "c8", "O", "U1", ">u2"])
def test_another_dtype_is_refused_by_name(dtype):
    array = np.zeros((2, 2), dtype)
    with pytest.raises(LabelError, match=r"^labels is .*; expected bool, uint8, uint16 or uint32$") as raised:
        as_label_array(array)
    assert str(array.dtype) in str(raised.value)


@pytest.mark.parametrize("shape", [(), (3,), (1, 2, 3, 4)])
def test_another_number_of_axes_is_refused(shape):
    with pytest.raises(InputError, match=f"^mask has {len(shape)} axes; expected"):
        as_label_array(np.zeros(shape, bool), "mask")


def test_an_array_on_a_device_is_checked_and_returned_as_it_is():
    class OnDevice:
        def __init__(self, shape, typestr):
            self.__cuda_array_interface__ = {"shape": shape, "typestr": typestr}
            self.shape = shape

    array = OnDevice((2, 3), "|b1")
    assert as_label_array(array) is array
    with pytest.raises(LabelError, match="labels is float32"):
        as_label_array(OnDevice((2, 3), "<f4"))
    with pytest.raises(InputError, match="labels has 1 axes"):
        as_label_array(OnDevice((3,), "|u1"))


def test_a_pair_may_differ_in_dtype_and_not_in_shape():
    first, second = as_label_pair(np.zeros((2, 3), bool), np.zeros((2, 3), np.uint32))
    assert (first.dtype, second.dtype) == (np.uint8, np.uint32)
    with pytest.raises(GeometryError, match=r"\(2, 3\) and prediction \(3, 2\); expected equal shapes"):
        as_label_pair(np.zeros((2, 3), bool), np.zeros((3, 2), bool))
    with pytest.raises(LabelError, match=r"^reference is int64"):
        as_label_pair(np.zeros((2, 3), np.int64), np.zeros((2, 3), bool))
    with pytest.raises(LabelError, match=r"^prediction is int64"):
        as_label_pair(np.zeros((2, 3), bool), np.zeros((2, 3), np.int64))


def test_a_spacing_is_one_finite_positive_number_an_axis():
    spacing = check_spacing(np.array([2, 1], np.int32), 2)
    assert spacing == (2.0, 1.0)
    assert all(type(value) is float for value in spacing)


@pytest.mark.parametrize(
    "spacing", [(1.0,), (1.0, 1.0, 1.0), (0.0, 1.0), (-1.0, 1.0), (np.nan, 1.0), (np.inf, 1.0), 1.0]
)
def test_another_spacing_is_refused(spacing):
    with pytest.raises(GeometryError, match="expected 2 finite positive numbers"):
        check_spacing(spacing, 2)


@pytest.mark.parametrize("spacing", ["fine", ("a", "b"), object(), [[1.0], [1.0, 2.0]]])
def test_a_spacing_that_is_no_number_is_refused(spacing):
    with pytest.raises(GeometryError, match="expected 2 numbers, one for each axis"):
        check_spacing(spacing, 2)


def test_a_volume_is_contiguous_and_an_image_its_one_plane():
    image = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert as_volume(image).shape == (1, 2, 3)
    assert np.shares_memory(as_volume(image), image)
    turned = as_volume(image.T)
    assert turned.flags.c_contiguous
    np.testing.assert_array_equal(turned[0], image.T)
