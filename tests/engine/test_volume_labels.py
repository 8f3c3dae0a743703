from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskwright.engine.volume import LabelMap, to_labels
from maskwright.errors import LabelError

TYPES = ["?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", ">i2", ">u4", ">f4", ">f8"]


@given(st.data(), st.sampled_from(TYPES), st.sampled_from([(3, 4, 5), (7, 3), (1, 1)]))
def test_whole_numbers_are_kept_in_the_smallest_type(data: st.DataObject, kind: str, shape: tuple[int, ...]) -> None:
    dtype = np.dtype(kind)
    top = 2**32 - 1
    if dtype.kind in "ui":
        top = min(top, int(np.iinfo(dtype).max))
    elif dtype.kind == "f":
        top = min(top, 2 ** np.finfo(dtype).nmant)  # up to here every whole number is one of this type
    highest = data.draw(st.sampled_from([highest for highest in (1, 255, 256, 65535, 65536, top) if highest <= top]))
    elements = st.booleans() if kind == "?" else st.integers(0, highest).map(dtype.type)
    array = data.draw(hnp.arrays(dtype, shape, elements=elements))
    if data.draw(st.booleans()):
        array = array[::-1].T
    labels = to_labels(array)
    assert labels.shape == array.shape
    assert [int(value) for value in labels.flat] == [int(value) for value in array.flat]
    largest = int(array.max())
    assert labels.dtype == (np.uint8 if largest < 256 else np.uint16 if largest < 65536 else np.uint32)


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (-1, "i1"), (-1, "i2"), (-5, "i4"), (-5, "i8"), (2**32, "i8"), (2**32, "u8"), (2**64 - 1, "u8"),
        (-1.0, "f4"), (0.5, "f4"), (np.nan, "f4"), (np.inf, "f4"), (-np.inf, "f8"), (1e-9, "f8"), (2.0**32, "f8"),
        (2.0**32, "f4"), (np.nan, "f2"), (-3, ">i2"), (0.25, ">f8"),
    ],
)  # fmt: skip
def test_the_first_bad_value_is_named(bad: float, kind: str) -> None:
    array = np.ones((4, 5, 6), kind)
    array[2, 3, 1] = array[3, 0, 0] = bad
    with pytest.raises(LabelError) as caught:
        to_labels(array)
    assert f"got {np.array(bad, kind).item()} at index (2, 3, 1)" in str(caught.value)


@pytest.mark.parametrize("array", [np.zeros((2, 2), complex), np.zeros((2, 2), "S3"), np.zeros((2, 2), object)])
def test_arrays_of_other_things_are_refused(array: np.ndarray) -> None:
    with pytest.raises(LabelError, match="got an array of type"):
        to_labels(array)


def test_nothing_is_copied_that_need_not_be() -> None:
    array = np.zeros((4, 5, 6), np.uint8)
    assert to_labels(array) is array
    assert LabelMap(array).array is array
    mask = np.zeros((4, 5, 6), bool)[::-1, ::2]
    assert np.shares_memory(to_labels(mask), mask)
    odd = np.array([[0, 255, 7]], np.uint8).view(bool)  # true is any byte but 0
    np.testing.assert_array_equal(to_labels(odd), [[0, 1, 1]])
    wide = np.full((4, 5), 300, np.uint16)
    assert to_labels(wide) is wide


def test_values_past_the_first_block_are_looked_at() -> None:
    array = np.zeros((600, 1000), np.float32)  # more than one block of 2**18
    array[599, 999] = 0.5
    with pytest.raises(LabelError, match=r"0\.5 at index \(599, 999\)"):
        to_labels(array)
    array[599, 999] = 70000
    assert to_labels(array).dtype == np.uint32
