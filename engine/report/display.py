"""Turn a slice the way readers expect it: head or front up, the patient's right on the left, nose to the left.

For pictures only; no number is measured on a turned array.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# World axes (RAS+): 0 right, 1 anterior, 2 superior. For the world axis across a slice: the axes that run down and
# to the right in the picture, and whether they grow that way.
_LAYOUT = {0: ((2, False), (1, False)), 1: ((2, False), (0, False)), 2: ((1, False), (0, False))}
_LETTERS = {0: "LR", 1: "PA", 2: "IS"}


@dataclass(frozen=True)
class Turn:
    """How to turn a plane: swap its two axes, flip rows, flip columns; and the letters at its left and top edge."""

    swap: bool = False
    flip_rows: bool = False
    flip_columns: bool = False
    left: str = ""
    top: str = ""

    def apply(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Return the turned plane, a view."""
        plane = plane.swapaxes(0, 1) if self.swap else plane
        return plane[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]

    def spacing(self, spacing_mm: tuple[float, ...]) -> tuple[float, float]:
        """Return the spacing of the turned rows and columns."""
        first, second = spacing_mm
        return (second, first) if self.swap else (first, second)


def display_turn(affine: NDArray[np.float64] | None, across: int) -> Turn:
    """Return the turn for a slice of a (z, y, x) volume.

    Parameters
    ----------
    affine : float64[4, 4], optional
        Index to RAS+ mm. Without it the slice stays as it is stored.
    across : int
        The array axis that the slice is taken across.

    Examples
    --------
    A (z, y, x) volume whose axes run along the world's, as NIfTI stores them most often:

    >>> display_turn(np.eye(4)[[2, 1, 0, 3]], across=0)
    Turn(swap=False, flip_rows=True, flip_columns=True, left='R', top='A')
    """
    if affine is None or affine.shape != (4, 4):
        return Turn()
    world = _world_axes(affine)
    rows, columns = (axis for axis in range(3) if axis != across)
    (down, down_grows), (right, right_grows) = _LAYOUT[world[across]]
    swap = world[rows] != down
    row_axis, column_axis = (columns, rows) if swap else (rows, columns)
    return Turn(
        swap=swap,
        flip_rows=bool(affine[down, row_axis] > 0) != down_grows,
        flip_columns=bool(affine[right, column_axis] > 0) != right_grows,
        left=_LETTERS[right][not right_grows],
        top=_LETTERS[down][not down_grows],
    )


def _world_axes(affine: NDArray[np.float64]) -> list[int]:
    """Return for each array axis the world axis it runs along most; each world axis once."""
    share = np.abs(affine[:3, :3]) / np.linalg.norm(affine[:3, :3], axis=0)
    world = [0, 0, 0]
    for _ in range(3):
        row, column = np.unravel_index(np.argmax(share), share.shape)
        world[column] = int(row)
        share[row, :] = -1
        share[:, column] = -1
    return world
