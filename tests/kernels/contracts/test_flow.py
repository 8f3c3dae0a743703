"""Optical flow against plain numpy, and against motion that is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from maskwright.errors import ConfigError, GeometryError, InputError
from maskwright.kernels.flow import add_similarity, compose, optical_flow, optical_flows, smooth, warp
from reference import flow as reference
from support.twins import in_parts, twins

VALUES = st.floats(0, 1, width=32)


@st.composite
def planes(draw, count):
    """Images of one shape, from empty to one pixel to textured, in any memory order and direction."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=9))
    images = [draw(hnp.arrays(np.float32, shape, elements=VALUES, fill=VALUES)) for _ in range(count)]
    step = draw(st.sampled_from([1, -1, 2]))
    return [image.T[::step] if draw(st.booleans()) and shape[0] == shape[1] else image[::step] for image in images]


@pytest.mark.parametrize("twin", twins("flow"))
@settings(deadline=None)
@given(planes(3), st.floats(-12, 12, width=32))
def test_warp_equals_the_plain_definition(twin, images, scale):
    image, down, right = images
    flow = (np.stack([down, right]) - np.float32(0.5)) * np.float32(scale)
    with twin.running():
        found = twin.take(warp(twin.put(image), twin.put(flow)))
    assert found.shape == image.shape
    if image.size:
        np.testing.assert_allclose(found, reference.warp(image, flow), atol=1e-6)


@pytest.mark.parametrize("twin", twins("flow"))
@settings(deadline=None, max_examples=30)
@given(planes(2), st.sampled_from([1.0, 15.0]))
def test_small_images_flow_as_in_plain_numpy(twin, images, attachment):
    first, second = images
    with twin.running():
        flow = optical_flow(twin.put(first), twin.put(second), attachment=attachment, warps=2, iterations=3)
    found = twin.take(flow)
    assert found.dtype == np.float32
    if first.size:
        expected = reference.optical_flow(first, second, attachment, 4, 2, 3)
        np.testing.assert_allclose(found, expected, atol=1e-3)
    else:
        assert found.shape == (2, *first.shape)


@pytest.mark.parametrize("twin", twins("flow"))
@settings(deadline=None)
@given(planes(1), st.integers(0, 3))
def test_smoothing_equals_the_plain_definition(twin, images, rounds):
    image = images[0]
    with twin.running():
        found = twin.take(smooth(twin.put(image), rounds))
    assert found.shape == image.shape
    if image.size:
        np.testing.assert_allclose(found, reference.smooth(image, rounds), atol=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 3), st.integers(0, 1000))
def test_similarity_equals_the_plain_definition(height, width, radius, seed):
    rng = np.random.default_rng(seed)
    looks, given_looks = rng.random((2, 2, height, width), np.float32)
    depth = rng.normal(size=(height, width)).astype(np.float32)
    flow = rng.normal(size=(2, height, width), scale=3).astype(np.float32)
    wanted = rng.random((height, width)) < 0.7
    sums = np.zeros((4, height, width), np.float32)
    settings_ = (np.float32(0.6), radius, np.float32(2), np.float32(0.2))
    add_similarity(looks, given_looks, depth, flow, wanted, *settings_, sums)
    expected = reference.similarity(looks, given_looks, depth, flow, wanted, *settings_)
    np.testing.assert_allclose(sums, expected, rtol=1e-4, atol=1e-5)


def test_flows_after_each_other_add_up():
    one = np.zeros((2, 9, 12), np.float32)
    one[0], one[1] = 1, 2
    other = np.broadcast_to(np.arange(12, dtype=np.float32), (2, 9, 12))
    found = compose(one, other)
    np.testing.assert_array_equal(found[1, 0, :10], 2 + np.arange(2, 12))
    np.testing.assert_array_equal(found[0, 0, :10], 1 + np.arange(2, 12))
    with pytest.raises(GeometryError, match="expected equal shapes"):
        compose(one, other[:, 1:])


def texture(shape, seed=1):
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, 3)
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)


@pytest.mark.parametrize("shape", [(48, 61), (97, 30)])
def test_all_scales_are_those_of_plain_numpy(shape):
    first, second = texture(shape), np.roll(texture(shape), 2, axis=0)
    found = optical_flow(first, second, warps=3, iterations=4)
    expected = reference.optical_flow(first, second, 15.0, 4, 3, 4)
    # Equal but for the last bits, which a flat place can turn into a little more.
    assert np.abs(found - expected).mean() < 1e-4
    assert np.abs(found - expected).max() < 0.02


def test_a_shift_is_found():
    large = texture((120, 130))
    first, second = large[10:100, 10:110], large[13:103, 4:104]  # second(p) = first(p + (3, -6))
    flow = optical_flow(first, second)
    inner = flow[:, 15:-15, 15:-15]
    assert np.abs(inner[0] + 3).max() < 0.3
    assert np.abs(inner[1] - 6).max() < 0.3
    assert np.abs(warp(second, flow) - first)[15:-15, 15:-15].max() < 0.05


def test_a_growing_disk_is_found():
    y, x = np.mgrid[:80, :80] - 40.0
    radius = np.hypot(y, x)
    first, second = (1 / (1 + np.exp(radius - size)) for size in (16, 20))
    flow = optical_flow(first.astype(np.float32), second.astype(np.float32))
    assert np.abs(warp(second.astype(np.float32), flow) - first).mean() < 0.01
    assert flow[0, 56, 40] > 2.5
    assert flow[0, 24, 40] < -2.5


def test_where_nothing_is_to_be_seen_nothing_moves():
    image = np.full((30, 40), 0.3, np.float32)
    assert not optical_flow(image, image + np.float32(0.1)).any()
    same = texture((30, 40))
    assert np.abs(optical_flow(same, same)).max() < 1e-3


def test_pairs_threads_and_strides_do_not_change_a_bit():
    stack = texture((5, 50, 44))
    found = optical_flows(stack[:-1], stack[1:])
    with in_parts(5):
        parted = optical_flows(np.asfortranarray(stack[:-1]), stack[1:])
    np.testing.assert_array_equal(parted, found)
    np.testing.assert_array_equal(optical_flow(stack[2], stack[3]), found[2])
    assert optical_flows(stack[:0], stack[:0]).shape == (0, 2, 50, 44)


def test_what_has_no_flow_is_refused():
    image = np.zeros((4, 5), np.float32)
    with pytest.raises(InputError, match="second is float64; expected float32"):
        optical_flow(image, image.astype(float))
    with pytest.raises(InputError, match="1 axes; expected \\(y, x\\)"):
        optical_flow(image[0], image[0])
    with pytest.raises(GeometryError, match="expected equal shapes"):
        optical_flow(image, image[1:])
    with pytest.raises(InputError, match="NaN"):
        optical_flow(image, image + np.float32(np.nan))
    with pytest.raises(ConfigError, match="warps is 0"):
        optical_flow(image, image, warps=0)
    with pytest.raises(GeometryError, match="expected \\(2, y, x\\)"):
        warp(image, np.zeros((3, 4, 5), np.float32))
    with pytest.raises(GeometryError, match="nothing is there"):
        warp(image[:0], np.zeros((2, 4, 5), np.float32))
