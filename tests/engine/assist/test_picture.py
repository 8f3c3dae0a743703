"""Pictures: what is shown lies where it belongs, turned as readers expect."""

import numpy as np

from maskwright.engine.assist.picture import PictureRow, SliceView, draw_rows, fullest_slice
from maskwright.engine.volume import Grid, Volume

GREEN, RED = (64, 200, 110), (236, 92, 80)


def volume() -> Volume:
    """Axes along the world's: drawn as R at the left and A at the top, rows and columns both flipped."""
    return Volume(np.zeros((6, 30, 40), np.int16), Grid.from_spacing((6, 30, 40), (3.0, 1.0, 1.0)).affine)


def pixels(rows: list[PictureRow], slices: list[SliceView], image: Volume) -> np.ndarray:
    return np.asarray(draw_rows(image, rows, slices)).astype(int)


def centre_of(page: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    return np.argwhere((np.abs(page - color) <= 2).all(axis=-1)).mean(axis=0)


def test_points_lie_inside_their_outline_after_turning() -> None:
    labels = np.zeros((6, 30, 40), np.uint8)
    labels[3, 4:9, 25:34] = 1
    blank = np.zeros_like(labels)
    row = PictureRow("both", labels, points=(((3, 6, 29), False),))
    page = pixels([PictureRow("nothing", blank), row], [SliceView(0, 3, "slice 3")], volume())
    # An outline of green around the middle of its label, where the red point is.
    assert np.abs(centre_of(page, GREEN) - centre_of(page, RED)).max() < 4


def test_points_of_other_slices_are_not_shown() -> None:
    labels = np.zeros((6, 30, 40), np.uint8)
    labels[3, 4:9, 25:34] = 1
    row = PictureRow("points", labels, points=(((2, 6, 29), False),))
    page = pixels([row], [SliceView(0, 3, "slice 3")], volume())
    assert not (np.abs(page - RED) <= 2).all(axis=-1).any()


def test_a_plane_and_an_empty_mask_are_drawn() -> None:
    image = Volume(np.arange(600, dtype=np.float32).reshape(20, 30), Grid.from_spacing((20, 30), (1, 1)).affine)
    page = pixels([PictureRow("nothing", np.zeros((20, 30), bool))], [SliceView(-1, 0, "")], image)
    assert page.max() > 200


def test_the_fullest_slice_is_the_first_of_equals() -> None:
    labels = np.zeros((6, 5, 4), np.uint8)
    labels[[2, 4], 1:3, 1] = 3
    assert (fullest_slice(labels, 0), fullest_slice(labels, 1), fullest_slice(labels, 2)) == (2, 1, 1)
