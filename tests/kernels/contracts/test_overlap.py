"""Joint label counts against one sorted list of pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.errors import GeometryError, LabelError
from maskwright.kernels.overlap import count_overlaps
from reference import overlap as reference
from support.label_pairs import KINDS, LABELS, LAYOUTS, draw_label_map, lay_out
from support.twins import in_parts, twins

# Each pair of item sizes compiles once.
DTYPES = (("bool", "uint8"), ("uint8", "bool"), ("uint16", "uint8"), ("bool", "uint16"), ("uint32", "uint32"))


def check(first, second, put=np.asarray):
    found = count_overlaps(put(first), put(second))
    pairs, counts = reference.count_overlaps(first, second)
    np.testing.assert_array_equal(found.pairs, pairs)
    np.testing.assert_array_equal(found.pair_counts, counts)
    for side, labels, counts in (
        (first, found.reference_labels, found.reference_counts),
        (second, found.prediction_labels, found.prediction_counts),
    ):
        expected_labels, expected_counts = reference.count_labels(side)
        np.testing.assert_array_equal(labels, expected_labels)
        np.testing.assert_array_equal(counts, expected_counts)
    assert (found.pairs.dtype, found.pair_counts.dtype) == (np.uint64, np.int64)
    assert found.voxels == first.size
    return found


@st.composite
def pairs(draw):
    """Two label maps of one shape, each of its own dtype, kind and memory layout; size 0 is one of them."""
    shape = draw(
        st.one_of(st.tuples(*[st.integers(0, 20)] * 2), st.tuples(*[st.integers(1, 9)] * 2, st.integers(0, 90)))
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    arrays = []
    for dtype in draw(st.sampled_from(DTYPES)):
        kind = draw(st.sampled_from(KINDS if 0 not in shape else ("empty",)))
        arrays.append(lay_out(draw_label_map(rng, shape, dtype, kind), draw(st.sampled_from(LAYOUTS))))
    return arrays


@pytest.mark.parametrize("twin", twins("overlap"))
@settings(deadline=None)  # the first calls compile
@given(pairs())
def test_counts_equal_the_sorted_list(twin, arrays):
    with twin.running():
        check(*arrays, twin.put)


def runs(rng, size, lengths, values):
    """Runs of random length, so that uniform blocks begin and end anywhere."""
    ends = np.cumsum(rng.integers(1, lengths + 1, size))
    return rng.choice(np.array(values, np.uint8), size)[np.searchsorted(ends, np.arange(size), side="right")]


@pytest.mark.parametrize("edge", [1, 8, 64, 128, 4096, 8192])
@pytest.mark.parametrize("offset", [-1, 0, 1])
@pytest.mark.parametrize("lengths", [1, 9, 200])
def test_runs_of_any_length_around_the_borders_of_blocks_and_parts(edge, offset, lengths):
    size = edge + offset
    rng = np.random.default_rng([edge, offset + 1, lengths])
    check(*(runs(rng, max(size, 1), lengths, (0, 1, 255))[None, :size] for _ in range(2)))


@pytest.mark.parametrize("place", [0, 1, 7, 8, 63, 64, 100, 127])
@pytest.mark.parametrize("side", [0, 1])
def test_one_voxel_of_another_label_is_never_passed_over(place, side):
    arrays = np.zeros((2, 1, 128), np.uint8)
    arrays[side, 0, place] = 3
    check(*arrays)


@pytest.mark.parametrize("run", [1, 3, 8, 64, 65])
def test_the_table_grows_with_the_pairs_that_occur(run):
    # 70,000 distinct pairs at run 1, more than two growths hold; longer runs come as uniform blocks.
    labels = np.repeat(np.arange(70_000 // run, dtype=np.uint32), run)[None]
    found = check(labels, labels[:, ::-1] * np.uint32(60_000))
    assert len(found.pairs) >= 70_000 // run


@pytest.mark.parametrize("several", [False, True])
def test_the_largest_label_in_both_arrays_is_a_pair_like_others(several):
    largest = np.full((3, 40, 64), LABELS["uint32"][-1], np.uint32)
    if several:
        largest.reshape(-1)[::3] = np.arange(largest.size // 3)
    check(largest, largest)
    check(largest, np.zeros_like(largest))
    check(np.zeros_like(largest), largest)


def test_threads_do_not_change_the_counts():
    rng = np.random.default_rng(5)
    first, second = (
        rng.integers(0, 90, (20, 60, 64), np.uint8) // 10 * (rng.random((20, 1, 1)) < 0.7) for _ in range(2)
    )
    first, second = first.astype(np.uint8), second.astype(np.uint8)
    both = check(first, second)
    with in_parts(5):
        parted = check(first, second)
    np.testing.assert_array_equal(both.pair_counts, parted.pair_counts)


def test_the_input_is_left_as_it_is():
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    check(labels, labels[::-1])
    np.testing.assert_array_equal(labels.ravel(), np.arange(12))


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(GeometryError, match="expected equal shapes"):
        count_overlaps(np.zeros((2, 3), np.uint8), np.zeros((3, 3), np.uint8))
    with pytest.raises(LabelError, match="prediction is float32"):
        count_overlaps(np.zeros((2, 3), np.uint8), np.zeros((2, 3), np.float32))
