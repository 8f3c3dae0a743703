"""The masks of the methods: prompts hold, corrections are local, boxes limit, results repeat."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from maskwright.interactive.image import Image
from maskwright.interactive.methods.appearance import local_log_odds
from maskwright.interactive.methods.regions.geodesic_region import grow_region
from maskwright.interactive.methods.regions.level_set import ExtentPrior
from maskwright.interactive.methods.registry import load_method
from maskwright.interactive.methods.task import Task
from maskwright.interactive.simulation.annotator import next_click

METHODS = [load_method(name) for name in ("network", "geodesic", "cut", "random-walker")]


def segment(method, given):
    """Return the mask of a new segmenter; these methods depend on the task alone."""
    return method.open(Image.of(given.image, given.spacing_mm, given.color)).segment(given)


SPACINGS = {2: (1.0, 1.0), 3: (3.0, 1.0, 1.0)}


def two_discs(shape=(64, 96), noise=0.05):
    """Two bright discs (balls) on a dark ground, and the first of them."""
    grid = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    steps = SPACINGS[len(shape)]
    middles = [[n / 2 for n in shape] for _ in range(2)]
    middles[0][-1], middles[1][-1] = shape[-1] * 0.25, shape[-1] * 0.75
    discs = [
        sum(((axis - m) * s) ** 2 for axis, m, s in zip(grid, middle, steps)) < (shape[-1] * 0.17) ** 2
        for middle in middles
    ]
    image = (discs[0] | discs[1]) * 1.0 + np.random.default_rng(1).normal(0, noise, shape)
    return image.astype(np.float32), discs[0]


def task(image, positive=(), negative=(), previous=None, newest=None, box=None, color=False, count=1):
    shape = image.shape[:-1] if color else image.shape
    masks = []
    for voxels in (positive, negative):
        mask = np.zeros(shape, bool)
        for voxel in voxels:
            mask[voxel] = True
        masks.append(mask)
    sense = newest is None or newest in positive
    marked = np.zeros(shape, bool)
    if newest is None:
        marked |= masks[0]
    else:
        marked[newest] = True
    low, high = np.percentile(image, (0.5, 99.5))
    spacing = SPACINGS[len(shape)]
    return Task(image, color, (float(low), float(high)), spacing, *masks, box, previous, marked, sense, count)


def dice(a, b):
    return 2 * (a & b).sum() / max(a.sum() + b.sum(), 1)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
@pytest.mark.parametrize("shape", [(64, 96), (14, 40, 60)])
def test_one_click_finds_one_of_two_discs(method, shape):
    image, disc = two_discs(shape)
    click = next_click(disc, None, SPACINGS[len(shape)])
    assert dice(segment(method, task(image, [click.index])), disc) > 0.9


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_a_correction_adds_or_takes_one_disc_and_leaves_the_other(method):
    image, disc = two_discs()
    other = image > 0.5
    both = gaussian_filter(other.astype(np.float32), 1) > 0.5
    added = segment(method, task(image, [(32, 24), (32, 72)], previous=disc, newest=(32, 72), count=2))
    assert dice(added, both) > 0.9
    np.testing.assert_array_equal(added[:, :44], disc[:, :44])
    taken = segment(method, task(image, [(32, 24)], [(32, 72)], previous=both, newest=(32, 72), count=2))
    assert dice(taken, disc) > 0.9
    np.testing.assert_array_equal(taken[:, :44], both[:, :44])


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_a_prompt_that_agrees_with_the_mask_changes_nothing(method):
    image, disc = two_discs()
    np.testing.assert_array_equal(
        segment(method, task(image, [(32, 24), (30, 22)], previous=disc, newest=(30, 22), count=2)), disc
    )
    np.testing.assert_array_equal(
        segment(method, task(image, [(32, 24)], [(5, 50)], previous=disc, newest=(5, 50), count=2)), disc
    )


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_a_box_limits_the_first_mask(method):
    image, disc = two_discs()
    box = ((14, 6), (50, 42))
    mask = segment(method, task(image, box=box))
    assert dice(mask, disc) > 0.9
    outside = np.ones(mask.shape, bool)
    outside[14:50, 6:42] = False
    assert not mask[outside].any()


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_nothing_to_start_from_gives_nothing(method):
    image, _ = two_discs()
    assert not segment(method, task(image, negative=[(3, 3)], newest=(3, 3))).any()


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_colour_images(method):
    image, disc = two_discs()
    stained = np.stack([image, 1 - image, np.full_like(image, 0.5)], axis=-1)
    assert dice(segment(method, task(stained, [(32, 24)], color=True)), disc) > 0.9


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_the_number_of_threads_changes_nothing(method):
    image, _ = two_discs((14, 40, 60), noise=0.3)
    given = task(image, [(7, 20, 15)])
    expected = segment(method, given)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        np.testing.assert_array_equal(segment(method, given), expected)
    finally:
        numba.set_num_threads(threads)


def test_strokes_of_both_senses_compete():
    image, disc = two_discs()
    inside = [(32, x) for x in range(14, 34)]
    outside = [(y, 48) for y in range(10, 54)]
    given = task(image, inside, outside, count=2)
    negative_last = Task(**{**given.__dict__, "newest": given.negative, "newest_positive": False})
    assert dice(grow_region(negative_last), disc) > 0.9


@st.composite
def edits(draw):
    """Any image, flat ones too, with any prompts and any previous mask."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    shape = draw(st.sampled_from([(9, 14), (1, 20), (3, 8, 9), (24, 31)]))
    image = rng.normal(size=shape) * draw(st.sampled_from([0.0, 1.0, 1e4]))
    image[tuple(slice(0, n // 2) for n in shape)] += draw(st.sampled_from([0.0, 5.0]))
    voxels = [tuple(int(rng.integers(n)) for n in shape) for _ in range(draw(st.integers(1, 4)))]
    split = draw(st.integers(0, len(voxels)))
    positive = [p for p in voxels[:split] if p not in voxels[split:]]
    previous = rng.random(shape) < draw(st.sampled_from([0.0, 0.4, 1.0])) if draw(st.booleans()) else None
    extent = ExtentPrior(*(rng.random((2, *shape)) < 0.5)) if draw(st.booleans()) else None
    ordered = positive + voxels[split:]
    made = task(image.astype(np.float32), positive, voxels[split:], previous, ordered[-1], count=len(ordered))
    return made, extent


@settings(deadline=None, max_examples=60)
@given(edits(), st.sampled_from(METHODS))
def test_prompts_hold_and_results_repeat(case, method):
    made, extent = case
    for answer in (lambda t: segment(method, t), lambda t: grow_region(t, extent)):
        mask = answer(made)
        assert mask.dtype == bool
        assert mask.shape == made.positive.shape
        assert mask[made.positive].all()
        assert not mask[made.negative].any()
        np.testing.assert_array_equal(mask, answer(made))


def test_appearance_is_local():
    """Left, the inside is bright and the outside dark; right, the other way round."""
    values = np.full((40, 200), 0.5, np.float32)
    inside, outside = np.zeros(values.shape, bool), np.zeros(values.shape, bool)
    for side, (bright, dark) in ((10, (inside, outside)), (190, (outside, inside))):
        bright[5:15, side - 5 : side + 5], dark[25:35, side - 5 : side + 5] = True, True
        values[:20, side - 10 : side + 10], values[20:, side - 10 : side + 10] = 0.9, 0.1
    odds = local_log_odds(values, inside, outside)
    assert odds[10, 10] > 1
    assert odds[30, 10] < -1
    assert odds[10, 190] < -1
    assert odds[30, 190] > 1
    assert not local_log_odds(values, inside, np.zeros_like(inside)).any()
