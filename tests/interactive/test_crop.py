"""The crop of an edit: small, around the newest prompt, and never more than the limit."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.interactive.crop import LARGEST_SIDE, START_SIDE, Crop, box_of, enlarge, starting_crop


@st.composite
def regions_in_images(draw):
    """The shape of an image, and some boxes in it that are no larger than a first crop."""
    ndim = draw(st.integers(2, 3))
    shape = tuple(draw(st.integers(1, 1500)) for _ in range(ndim))

    def box():
        lower = [draw(st.integers(0, n - 1)) for n in shape]
        upper = [draw(st.integers(a + 1, min(n, a + 60))) for a, n in zip(lower, shape)]
        return Crop(tuple(lower), tuple(upper))

    return shape, box(), [box() for _ in range(draw(st.integers(0, 3)))]


@settings(deadline=None)
@given(regions_in_images())
def test_the_starting_crop(case):
    shape, newest, others = case
    crop = starting_crop(newest, others, shape)
    start, largest = START_SIDE[len(shape)], LARGEST_SIDE[len(shape)]
    for axis, n in enumerate(shape):
        low, high = crop.lower[axis], crop.upper[axis]
        assert 0 <= low <= newest.lower[axis] < newest.upper[axis] <= high <= n
        assert min(n, start) <= high - low <= max(start, largest)
        if n <= start:
            assert (low, high) == (0, n)


def test_the_starting_crop_leaves_out_far_prompts():
    newest, near, far = (Crop((z,) * 3, (z + 4,) * 3) for z in (300, 360, 480))
    crop = starting_crop(newest, [near], (512,) * 3)
    assert crop.intersection(near) == near
    assert starting_crop(newest, [near, far], (512,) * 3).intersection(far) is None


def test_a_prompt_larger_than_the_limit_is_held_all_the_same():
    newest = Crop((10, 10, 10), (400, 20, 20))
    assert starting_crop(newest, [], (512,) * 3).intersection(newest) == newest


@settings(deadline=None)
@given(regions_in_images(), st.data())
def test_regions_grow_at_reached_borders_up_to_a_limit(case, data):
    shape, newest, others = case
    largest = LARGEST_SIDE[len(shape)]
    crop, rounds = starting_crop(newest, others, shape), 0
    sides = [data.draw(st.sampled_from(["none", "first", "last", "both"])) for _ in shape]
    while True:
        reached = _reaching(crop, sides)
        larger = enlarge(crop, reached, shape)
        if larger is None:
            break
        rounds += 1
        for axis, side in enumerate(sides):
            assert larger.lower[axis] == crop.lower[axis] or side in ("first", "both")
            assert larger.upper[axis] == crop.upper[axis] or side in ("last", "both")
            assert larger.shape[axis] <= max(largest, crop.shape[axis])
        assert larger.intersection(crop) == crop
        assert larger.intersection(Crop((0,) * len(shape), shape)) == larger
        crop = larger
    assert rounds <= 16
    for axis, side in enumerate(sides):
        room = crop.lower[axis] > 0 if side == "first" else crop.upper[axis] < shape[axis]
        if side in ("first", "last") and room:
            assert crop.shape[axis] >= largest


def _reaching(crop, sides):
    """Return a mask of a crop that touches the borders asked for, in the middle of each."""
    mask = np.zeros(crop.shape, bool)
    middle = [n // 2 for n in crop.shape]
    for axis, side in enumerate(sides):
        for end, which in ((0, "first"), (-1, "last")):
            if side in (which, "both"):
                mask[tuple(end if a == axis else m for a, m in enumerate(middle))] = True
    return mask


@settings(deadline=None)
@given(st.data())
def test_the_bounding_box(data):
    shape = data.draw(st.sampled_from([(5, 6), (1, 9), (4, 5, 6), (7, 1, 3)]))
    mask = np.zeros(shape, bool)
    for _ in range(data.draw(st.integers(1, 4))):
        mask[tuple(data.draw(st.integers(0, n - 1)) for n in shape)] = True
    where = np.argwhere(mask)
    assert box_of(mask) == Crop(tuple(where.min(0).tolist()), tuple((where.max(0) + 1).tolist()))
