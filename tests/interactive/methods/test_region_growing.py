"""Region growing: connected, similar, on the right side of the prompts."""

import numpy as np
import pytest

from maskwright.interactive.sessions.session import AssistSession


def scene(noise=0.0, shape=(48, 50)):
    """Two bright parts of different brightness that touch, and a third apart from them."""
    image = np.zeros(shape, np.float32)
    image[..., 8:20, 8:30] = 1.0
    image[..., 20:32, 8:30] = 0.7
    image[..., 8:20, 36:46] = 1.0
    return image + np.random.default_rng(0).normal(0, noise, shape).astype(np.float32)


def started(image, color=False):
    session = AssistSession("region-growing")
    session.set_image(image, (1.0,) * (image.ndim - color), color)
    return session


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_one_click_finds_the_part_it_is_in(noise):
    mask = started(scene(noise)).add_point((14, 20)).mask
    expected = np.zeros_like(mask)
    expected[8:20, 8:30] = True
    assert (mask ^ expected).sum() <= 0.05 * expected.sum()
    assert not mask[:, 33:].any()


def test_in_3d_and_in_colour():
    mask = started(scene(shape=(9, 48, 50))).add_point((4, 14, 20)).mask
    assert mask.sum() == 9 * 12 * 22
    mask = started(np.repeat(scene()[..., None], 3, -1), color=True).add_point((14, 20)).mask
    assert mask.sum() == 12 * 22


def test_prompts_on_both_sides_part_what_is_alike():
    image = scene()
    image[20:32, 8:30] = 0.96
    session = started(image)
    assert session.add_point((14, 20)).mask[25, 20]
    mask = session.add_point((27, 20), positive=False).mask
    assert mask[14, 20]
    assert not mask[22:, 8:30].any()


def test_a_box_alone_is_enough_and_nothing_is_taken_outside():
    mask = started(scene()).add_box((6, 5), (20, 33)).mask
    assert mask.sum() == 12 * 22
    mask = started(scene()).add_box((10, 10), (18, 18)).mask
    assert mask.sum() == 64


def test_a_negative_click_alone_finds_nothing_and_cuts_down_a_given_mask():
    session = started(scene())
    assert not session.add_point((2, 2), positive=False).mask.any()
    given = np.zeros((48, 50), bool)
    given[8:20, 8:34] = True
    session.add_mask(given)
    mask = session.add_point((14, 32), positive=False).mask
    assert mask.sum() == 12 * 22
