"""Geodesic distances against Dijkstra in plain Python, and against what is known without an image."""

import math
import time

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskwright.errors import ConfigError, GeometryError, InputError, LabelError
from maskwright.kernels.geodesic import geodesic_distance
from maskwright.kernels.geodesic.grid import bounds, lay_out
from maskwright.kernels.geodesic.search import _search
from reference import geodesic as reference
from support.twins import in_parts, twins

SPACINGS = st.sampled_from([0.01, 0.3, 0.8, 1.0, 2.5, 40.0])
LIMITS = st.one_of(st.just(math.inf), st.floats(0, 30))
CONTRASTS = st.sampled_from([0.0, 0.1, 1.0, 7.0, 3e4, 1e20])


@st.composite
def scenes(draw):
    """A small image with or without channels, seeds from none to all, any memory order and direction, a spacing."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=5))
    channels = draw(st.sampled_from([(), (1,), (3,)]))
    values = draw(st.sampled_from([st.floats(-3, 3, width=32), st.sampled_from([0.0, 1.0, -2.5e4])]))
    image = draw(hnp.arrays(np.float32, shape + channels, elements=values, fill=values))
    seeds = draw(hnp.arrays(np.bool_, shape, elements=st.booleans(), fill=st.just(draw(st.booleans()))))
    order = draw(st.permutations(range(len(shape))))
    step = draw(st.sampled_from([1, -1, 2]))
    image = image.transpose(*order, *range(len(shape), image.ndim))[::step]
    return image, seeds.transpose(order)[::step], draw(st.tuples(*[SPACINGS] * len(shape)))


@pytest.mark.parametrize("twin", twins("geodesic"))
@settings(deadline=None)  # the first calls compile
@given(scenes(), CONTRASTS, LIMITS)
def test_geodesic_distance_equals_the_plain_definition(twin, scene, contrast, limit):
    image, seeds, spacing_mm = scene
    placed = twin.put(image), twin.put(seeds), spacing_mm
    with twin.running():
        found = twin.take(geodesic_distance(*placed, contrast=contrast, limit=limit))
    expected = reference.geodesic_distance(image, seeds, spacing_mm, contrast, limit)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    if image.ndim == seeds.ndim and seeds.ndim == 2:
        np.testing.assert_array_equal(found, expected)  # sums of two numbers have one order
    else:
        known = np.isclose(found, expected, rtol=2e-7, atol=0)
        assert known[~_at_limit(found, expected, limit)].all()


def _at_limit(found, expected, limit):
    """Where a sum in another order may fall on the other side of the limit."""
    least = np.minimum(found, expected)
    return np.isfinite(least) & np.isclose(least, limit, rtol=1e-6)


def noisy(shape, seed=2):
    rng = np.random.default_rng(seed)
    smooth = scipy.ndimage.gaussian_filter(rng.normal(size=shape), 2)
    return (smooth / smooth.std() + 0.2 * rng.normal(size=shape)).astype(np.float32)


def middle(shape):
    seeds = np.zeros(shape, bool)
    seeds[tuple(size // 2 for size in shape)] = True
    return seeds


@pytest.mark.parametrize("contrast", [0.5, 20.0, 1e5])
@pytest.mark.parametrize(("shape", "limit"), [((60, 71), math.inf), ((12, 17, 15), math.inf), ((12, 17, 15), 9.0)])
def test_larger_images_are_the_plain_definition(shape, limit, contrast):
    image, seeds, spacing_mm = noisy(shape), middle(shape), (2.5, 0.8, 0.7)[-len(shape) :]
    found = geodesic_distance(image, seeds, spacing_mm, contrast=contrast, limit=limit)
    expected = reference.geodesic_distance(image, seeds, spacing_mm, contrast, limit)
    np.testing.assert_allclose(found, expected, rtol=2e-7)


@pytest.mark.parametrize("width", [1e-3, 0.5, 3.0, 1e4])
def test_the_width_of_buckets_decides_only_the_speed(width):
    image, seeds = noisy((70, 50)), middle((70, 50))
    indices = np.nonzero(seeds)
    grid = lay_out(image, indices, bounds(indices, seeds.shape, (1.0, 0.5), math.inf), (1.0, 0.5))
    distances = grid.start(math.inf)
    graph = (grid.channels, grid.offsets, grid.squared_steps, 10.0)
    _search(graph, grid.seeds.astype(np.int32), distances.reshape(-1), math.inf, 1 / width)
    expected = geodesic_distance(image, seeds, (1.0, 0.5), contrast=10.0)
    np.testing.assert_array_equal(distances[grid.inner].astype(np.float32), expected)


def test_without_contrast_straight_and_diagonal_steps_are_counted():
    seeds = np.zeros((9, 14), bool)
    seeds[0, 0] = True
    found = geodesic_distance(noisy(seeds.shape), seeds, (1.0, 1.0), contrast=0.0)
    y, x = np.indices(seeds.shape)
    expected = np.minimum(y, x) * math.sqrt(2) + np.abs(y - x)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_limit_only_cuts_off():
    image, seeds = noisy((20, 30, 25)), middle((20, 30, 25))
    seeds[3, 4, 5] = True
    whole = geodesic_distance(image, seeds, (2.5, 0.8, 0.7), contrast=2.0)
    near = geodesic_distance(image, seeds, (2.5, 0.8, 0.7), contrast=2.0, limit=6.5)
    np.testing.assert_array_equal(near, np.where(whole <= 6.5, whole, np.inf))
    assert 0 < np.isfinite(near).sum() < near.size


def test_a_limit_keeps_the_search_off_the_rest_of_the_image():
    image = np.full((200, 300, 300), np.nan, np.float32)  # an error if it were read
    image[85:116, 135:166, 135:166] = noisy((31, 31, 31))
    seeds = middle(image.shape)
    geodesic_distance(image, seeds, (1.0, 1.0, 1.0), contrast=1.0, limit=12.0)
    start = time.thread_time()
    found = geodesic_distance(image, seeds, (1.0, 1.0, 1.0), contrast=1.0, limit=12.0)
    assert time.thread_time() - start < 1.0
    assert 100 < np.isfinite(found).sum() < 25**3


def test_threads_and_strides_do_not_change_a_bit():
    image, seeds = noisy((20, 31, 25)), middle((20, 31, 25))
    found = geodesic_distance(image, seeds, (2.5, 0.8, 0.7), contrast=3.0)
    with in_parts(5):
        image, seeds = np.asfortranarray(image), np.asfortranarray(seeds)
        parted = geodesic_distance(image, seeds, (2.5, 0.8, 0.7), contrast=3.0)
    np.testing.assert_array_equal(parted, found)


def test_equal_channels_cost_their_norm_and_single_channels_nothing_more():
    image, seeds = noisy((25, 30)), middle((25, 30))
    found = geodesic_distance(image, seeds, (1.0, 2.0), contrast=2.0)
    one = geodesic_distance(image[..., None], seeds, (1.0, 2.0), contrast=2.0)
    four = geodesic_distance(np.repeat(image[..., None], 4, axis=2), seeds, (1.0, 2.0), contrast=1.0)
    np.testing.assert_array_equal(one, found)
    np.testing.assert_allclose(four, found, rtol=2e-7)


def test_more_seeds_than_a_front_holds_and_none():
    image, seeds = noisy((40, 50)), np.ones((40, 50), bool)
    assert not geodesic_distance(image, seeds, (1.0, 1.0), contrast=1.0).any()
    assert np.isinf(geodesic_distance(image, ~seeds, (1.0, 1.0), contrast=1.0)).all()
    assert geodesic_distance(image[:0], seeds[:0], (1.0, 1.0), contrast=1.0).shape == (0, 50)


def test_distances_larger_than_float32_are_infinite():
    image = np.array([[0, 1, 3e38]], np.float32)
    seeds = np.array([[True, False, False]])
    found = geodesic_distance(image, seeds, (1.0, 1.0), contrast=10.0)
    assert found[0, 1] == np.float32(math.sqrt(101))
    assert np.isinf(found[0, 2])


def test_what_is_given_is_left_as_it_is():
    image, seeds = noisy((8, 9)), middle((8, 9))
    before = image.copy(), seeds.copy()
    image.flags.writeable = seeds.flags.writeable = False
    geodesic_distance(image, seeds, (1.0, 1.0), contrast=1.0)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(seeds, before[1])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_images_that_are_not_finite_are_refused(value):
    image, seeds = noisy((8, 9)), middle((8, 9))
    image[0, 8] = value
    with pytest.raises(InputError, match="NaN or infinity"):
        geodesic_distance(image, seeds, (1.0, 1.0), contrast=0.0)


def test_what_does_not_fit_is_refused():
    image, seeds = noisy((8, 9)), middle((8, 9))
    with pytest.raises(InputError, match="image is float64; expected float32"):
        geodesic_distance(image.astype(float), seeds, (1.0, 1.0), contrast=1.0)
    with pytest.raises(LabelError, match="seeds is uint8; expected bool"):
        geodesic_distance(image, seeds.astype(np.uint8), (1.0, 1.0), contrast=1.0)
    with pytest.raises(InputError, match="1 axes"):
        geodesic_distance(image[0], seeds[0], (1.0,), contrast=1.0)
    with pytest.raises(GeometryError, match="expected the same, or a last axis"):
        geodesic_distance(image[1:], seeds, (1.0, 1.0), contrast=1.0)
    with pytest.raises(GeometryError, match="expected 2 finite positive numbers"):
        geodesic_distance(image, seeds, (1.0,), contrast=1.0)
    for contrast in (-1.0, math.inf, math.nan):
        with pytest.raises(ConfigError, match="contrast is"):
            geodesic_distance(image, seeds, (1.0, 1.0), contrast=contrast)
    for limit in (-1.0, math.nan):
        with pytest.raises(ConfigError, match="limit is"):
            geodesic_distance(image, seeds, (1.0, 1.0), contrast=1.0, limit=limit)
