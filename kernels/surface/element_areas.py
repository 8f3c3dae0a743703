"""How much surface one 2 x 2 x 2 block of voxels holds (in 2-D: how much contour a 2 x 2 block holds).

The ``deepmind`` convention weighs each surface element by its area. An element is what marching cubes puts into the
cube whose eight corners are voxel centres, with every vertex in the middle of a cube edge. Its shape depends only on
which corners are inside, so there are 256 of them (16 in 2-D), numbered by the neighbour code:

    3-D: bit ``7 - (4 z + 2 y + x)`` is the corner at offset ``(z, y, x)``; 128 is ``(0, 0, 0)``, 1 is ``(1, 1, 1)``
    2-D: bit ``3 - (2 y + x)`` is the corner at offset ``(y, x)``; 8 is ``(0, 0)``, 1 is ``(1, 1)``

Two rules make the element unique, and reproduce the areas of the ``surface-distance`` package (Nikolov et al., JMIR
2021) for every code:

* Where inside and outside cross on a face, the corners of the smaller side are cut off one by one (of the inside where
  both are four), so a code and its complement have the same area. In 2-D this makes no difference to the length.
* A polygon that is not flat is cut into a fan of triangles; of all fans, the one with the greatest area in the unit
  cube. Anisotropic spacing then stretches these triangles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.label_array import check_spacing

Corner = tuple[int, ...]
Point = tuple[float, ...]
Segment = tuple[Point, Point]

_MOST_TRIANGLES = 4


def element_areas_3d(spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    """Return the area in mm2 of the surface element of each neighbour code.

    Parameters
    ----------
    spacing_mm : three positive numbers
        Voxel size in mm along (z, y, x).

    Returns
    -------
    float64[256]
        Area by neighbour code; 0 for codes 0 and 255, where no surface passes.

    Raises
    ------
    GeometryError
        The spacing is not three positive finite numbers.

    Examples
    --------
    >>> float(element_areas_3d((3.0, 1.0, 2.0))[0b11110000])  # a flat element across z
    2.0
    """
    dz, dy, dx = check_spacing(spacing_mm, 3)
    scaled = _unit_area_vectors() * np.array([dy * dx, dz * dx, dz * dy])
    areas: NDArray[np.float64] = np.sqrt((scaled**2).sum(axis=2)).sum(axis=1)
    return areas


def element_lengths_2d(spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    """Return the length in mm of the contour element of each neighbour code.

    Parameters
    ----------
    spacing_mm : two positive numbers
        Pixel size in mm along (y, x).

    Returns
    -------
    float64[16]
        Length by neighbour code; 0 for codes 0 and 15, where no contour passes.

    Raises
    ------
    GeometryError
        The spacing is not two positive finite numbers.

    Examples
    --------
    >>> float(element_lengths_2d((3.0, 1.0))[0b0101])  # a straight element along y
    3.0
    """
    dy, dx = check_spacing(spacing_mm, 2)
    square = ((0, 0), (0, 1), (1, 1), (1, 0))
    lengths = np.zeros(16)
    for code in range(16):
        for start, end in _cut_square(square, _inside(code, 2)):
            lengths[code] += math.hypot((end[0] - start[0]) * dy, (end[1] - start[1]) * dx)
    return lengths


@lru_cache(maxsize=1)
def _unit_area_vectors() -> NDArray[np.float64]:
    """Area vectors (half the cross product of two sides) of each code's triangles, in the unit cube: (256, 4, 3)."""
    vectors = np.zeros((256, _MOST_TRIANGLES, 3))
    for code in range(256):
        triangles = [triangle for polygon in _polygons(code) for triangle in _widest_fan(polygon)]
        vectors[code, : len(triangles)] = np.array(triangles).reshape(-1, 3)
    vectors.flags.writeable = False
    return vectors


def _inside(code: int, ndim: int) -> dict[Corner, bool]:
    corners = tuple(product((0, 1), repeat=ndim))
    return {corner: bool(code >> (len(corners) - 1 - index) & 1) for index, corner in enumerate(corners)}


def _polygons(code: int) -> list[list[Point]]:
    """Closed polygons, as lists of their vertices, in which the element of this code leaves the cube's faces."""
    inside = _inside(code if code.bit_count() <= 4 else 255 - code, 3)
    neighbours: dict[Point, list[Point]] = {}
    for square in _cube_faces():
        for start, end in _cut_square(square, inside):
            neighbours.setdefault(start, []).append(end)
            neighbours.setdefault(end, []).append(start)
    polygons = []
    while neighbours:
        vertex: Point | None = next(iter(neighbours))
        polygon = []
        while vertex is not None:
            polygon.append(vertex)
            vertex = next((near for near in neighbours.pop(vertex) if near in neighbours), None)
        polygons.append(polygon)
    return polygons


def _cube_faces() -> list[tuple[Corner, ...]]:
    """The six faces of the unit cube, each as its corners in turn."""
    faces = []
    for axis, side in product(range(3), (0, 1)):
        flat = ((0, 0), (0, 1), (1, 1), (1, 0))
        faces.append(tuple((*corner[:axis], side, *corner[axis:]) for corner in flat))
    return faces


def _cut_square(square: Sequence[Corner], inside: Mapping[Corner, bool]) -> list[Segment]:
    """Segments, between the middles of a square's sides, that part its inside corners from the others.

    Side ``i`` runs from corner ``i`` to the next one, so corner ``i`` lies between sides ``i - 1`` and ``i``.
    """
    sides = [*pairwise(square), (square[-1], square[0])]
    middles = [tuple((a + b) / 2 for a, b in zip(*side)) for side in sides]
    crossed = [index for index, (a, b) in enumerate(sides) if inside[a] != inside[b]]
    if len(crossed) == 4:
        return [(middles[index - 1], middles[index]) for index in range(4) if inside[square[index]]]
    return [(middles[crossed[0]], middles[crossed[1]])] if crossed else []


def _widest_fan(polygon: Sequence[Point]) -> NDArray[np.float64]:
    """Area vectors of the fan of triangles with the greatest area in the unit cube: (vertices - 2, 3)."""
    fans = []
    for hub in range(len(polygon)):
        spokes = np.roll(np.array(polygon), -hub, axis=0)[1:] - np.array(polygon[hub])
        fans.append(np.cross(spokes[:-1], spokes[1:]) / 2)
    return max(fans, key=lambda fan: float(np.linalg.norm(fan, axis=1).sum()))
