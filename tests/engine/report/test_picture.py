"""Pictures: the right slice, outlines exactly on the voxel edges, true proportions, the right way up."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from maskwright.engine.report.display import Turn, display_turn
from maskwright.engine.report.picture import LONGEST, draw_disagreement, outline


def edges(path: str) -> set[tuple[float, float]]:
    """The middle of every unit edge that the path draws, as (row, column) of corners."""
    found = set()
    for x, y, way, length in re.findall(r"M(\d+) (\d+)([hv])(\d+)", path):
        for step in range(int(length)):
            found.add((int(y), int(x) + step + 0.5) if way == "h" else (int(y) + step + 0.5, int(x)))
    return found


def plain_edges(mask: np.ndarray) -> set[tuple[float, float]]:
    """Each side of each voxel whose neighbour there is not in the mask, one voxel at a time."""
    found = set()
    for row, column in np.argwhere(mask):
        for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            r, c = row + down, column + right
            inside = 0 <= r < mask.shape[0] and 0 <= c < mask.shape[1] and mask[r, c]
            if not inside:
                found.add((row + (1 + down) / 2, column + (1 + right) / 2))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_outline_runs_along_the_voxel_edges(seed: int) -> None:
    mask = np.random.default_rng(seed).random((7, 9)) < 0.5
    assert edges(outline(mask, (slice(0, 7), slice(0, 9)))) == plain_edges(mask)


def test_the_slice_with_most_differences_is_shown() -> None:
    reference = np.zeros((5, 20, 20), bool)
    reference[1:4, 5:10, 5:10] = True
    prediction = reference.copy()
    prediction[3, 5:9, 5:10] = False
    picture = draw_disagreement(reference, prediction, (3.0, 1.0, 1.0))
    assert (picture.axis, picture.index, picture.voxels) == (0, 3, 20)


def test_the_slice_lies_across_the_coarsest_axis_and_keeps_proportions() -> None:
    mask = np.zeros((100, 20, 50), bool)
    mask[:, 5, :] = True
    picture = draw_disagreement(mask, mask, (1.0, 5.0, 2.0))
    assert (picture.axis, picture.index) == (1, 5)
    root = ET.fromstring(picture.svg)
    assert float(root.get("width", 0)) == float(root.get("height", 0)) == LONGEST  # 100 x 1 mm by 50 x 2 mm


def test_a_picture_is_valid_xml_with_the_image_inside() -> None:
    mask = np.zeros((30, 30), bool)
    mask[10:20, 10:20] = True
    picture = draw_disagreement(mask, np.zeros_like(mask), (0.5, 0.5), image=np.arange(900.0).reshape(30, 30))
    root = ET.fromstring(picture.svg)
    assert picture.axis == -1
    hrefs = [element.get("href", "") for element in root.iter() if element.tag.endswith("image")]
    assert [href[:22] for href in hrefs] == ["data:image/png;base64,"]


def test_a_huge_mask_is_cut_around_its_largest_disagreement() -> None:
    reference = np.zeros((1000, 1000), bool)
    reference[10:990, 10:990] = True
    prediction = reference.copy()
    prediction[880:950, 40:90] = False
    picture = draw_disagreement(reference, prediction, (1.0, 1.0))
    assert len(picture.svg) < 20_000
    root = ET.fromstring(picture.svg)
    drawn = {element.get("class"): element.get("d", "") for element in root.iter()}
    # The hole has 2 x (70 + 50) edges, all inside the window; the window's own border is no outline.
    assert len(edges(drawn["prediction line"]) - edges(drawn["reference line"])) == 240
    assert {column for _, column in edges(drawn["reference line"]) if column == int(column)} <= {5}


def test_two_empty_masks_still_give_a_picture() -> None:
    empty = np.zeros((3, 4, 5), bool)
    assert ET.fromstring(draw_disagreement(empty, empty, (1.0, 1.0, 1.0)).svg) is not None


@pytest.mark.parametrize("across", [0, 1, 2])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (1, -1, 1)])
def test_pictures_are_the_same_however_the_volume_is_stored(
    across: int, order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    """A volume that holds its own world position is stored in another order; the turned slice must show the same."""
    world = np.stack(np.meshgrid(*[np.arange(4.0)] * 3, indexing="ij"), axis=-1)  # [x, y, z] -> (x, y, z)
    stored = world.transpose(*order, 3)[:: signs[0], :: signs[1], :: signs[2]]
    affine = np.eye(4)
    for column in range(3):
        affine[:3, column] = stored[tuple(np.eye(3, dtype=int)[column])] - stored[0, 0, 0]
    turn = display_turn(affine, across)
    plane = np.take(stored, 0, across)
    turned = np.stack([turn.apply(plane[..., axis]) for axis in range(3)], axis=-1)
    down, right = turned[1, 0] - turned[0, 0], turned[0, 1] - turned[0, 0]
    expected = {  # by the world axis across the slice: what goes down, what goes right
        0: ([0, 0, -1], [0, -1, 0]),
        1: ([0, 0, -1], [-1, 0, 0]),
        2: ([0, -1, 0], [-1, 0, 0]),
    }[order[across]]
    assert (down.tolist(), right.tolist()) == expected
    assert turn.top == {0: "S", 1: "S", 2: "A"}[order[across]]
    assert turn.left == {0: "A", 1: "R", 2: "R"}[order[across]]


def test_without_an_affine_a_slice_stays_as_it_is() -> None:
    assert display_turn(None, 0) == Turn()
