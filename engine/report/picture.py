"""Draw one disagreement: the slice with most of it, both outlines along the voxel edges, a scale bar.

Inline SVG; the grey image behind is a PNG inside it. No text in it comes from a name or a header.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from maskwright.engine.report.display import Turn, display_turn
from maskwright.kernels.mask import Mask, bounds_of

LONGEST = 320  # px of the longer side of a picture
_MOST_VOXELS = 120  # a crop is never longer than this
_MARGIN = 6  # voxels around the outlines, at least

Window = tuple[slice, slice]


@dataclass(frozen=True)
class Picture:
    """A drawn slice.

    Attributes
    ----------
    svg : str
        The picture.
    axis, index : int
        The array axis that the slice is taken across, and its index there; axis -1 for a 2-D image.
    voxels : int
        How many voxels differ in the slice.
    """

    svg: str
    axis: int
    index: int
    voxels: int


def draw_disagreement(
    reference: Mask,
    prediction: Mask,
    spacing_mm: tuple[float, ...],
    affine: NDArray[np.float64] | None = None,
    image: NDArray[Any] | None = None,
) -> Picture:
    """Draw the slice in which reference and prediction differ in most voxels.

    Parameters
    ----------
    reference, prediction : bool[z, y, x] or bool[y, x]
        On one grid.
    spacing_mm : tuple of float
        In array-axis order. The slice is taken across the axis of the largest spacing, the first of equals.
    affine : float64[4, ndim + 1], optional
        Turns the picture the way readers expect; without it the picture is as stored.
    image : array, optional
        Of the same shape; shown behind the outlines.
    """
    differ = reference ^ prediction
    axis, index, turn, in_plane = -1, 0, Turn(), spacing_mm
    if reference.ndim == 3:
        axis = int(np.argmax(spacing_mm))
        others = tuple(other for other in range(3) if other != axis)
        counted = differ if differ.any() else reference
        index = int(np.argmax(np.count_nonzero(counted, axis=others)))
        reference, prediction, differ = (np.take(mask, index, axis) for mask in (reference, prediction, differ))
        image = None if image is None else np.take(image, index, axis)
        turn = display_turn(affine, axis)
        in_plane = turn.spacing(tuple(spacing_mm[other] for other in others))
    planes = [turn.apply(mask) for mask in (reference, prediction, differ)]
    window = _window(*planes)
    shown = None if image is None else _grey(turn.apply(image)[window])
    svg = _svg(planes[0], planes[1], window, (in_plane[0], in_plane[1]), turn, shown)
    return Picture(svg, axis, index, int(np.count_nonzero(differ)))


def _window(reference: Mask, prediction: Mask, differ: Mask) -> Window:
    """Return the part to show: both masks with a margin, or where that is too long, the largest disagreement."""
    both = reference | prediction
    if not both.any():
        both = np.ones_like(both)
    rows, columns = bounds_of(both)
    largest = _largest_part(differ if differ.any() else both)
    cut = []
    for length, box, focus in zip(both.shape, (rows, columns), largest):
        margin = max(_MARGIN, (box.stop - box.start) // 8)
        low, high = box.start - margin, box.stop + margin
        if high - low > _MOST_VOXELS:
            low = (focus.start + focus.stop) // 2 - _MOST_VOXELS // 2
            high = low + _MOST_VOXELS
        cut.append(slice(max(0, low), min(length, high)))
    return cut[0], cut[1]


def _largest_part(mask: Mask) -> Window:
    parts, _ = ndimage.label(mask)
    sizes = np.bincount(parts.ravel())
    rows, columns = ndimage.find_objects(parts)[int(np.argmax(sizes[1:]))]
    return rows, columns


def _grey(image: NDArray[Any]) -> NDArray[np.uint8]:
    values = image.mean(axis=-1) if image.ndim == 3 else image
    values = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = np.percentile(values, (0.5, 99.5))
    scaled: NDArray[np.uint8] = (np.clip((values - low) / max(high - low, 1e-12), 0, 1) * 255).astype(np.uint8)
    return scaled


def _svg(
    reference: Mask,
    prediction: Mask,
    window: Window,
    spacing: tuple[float, float],
    turn: Turn,
    image: NDArray[np.uint8] | None,
) -> str:
    rows, columns = (part.stop - part.start for part in window)
    height_mm, width_mm = rows * spacing[0], columns * spacing[1]
    scale = LONGEST / max(height_mm, width_mm)
    width, height = width_mm * scale, height_mm * scale
    tint = "plain" if image is None else "over"
    behind = "" if image is None else _png_element(image)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.1f} {height:.1f}" '
        f'width="{width:.0f}" height="{height:.0f}" class="picture {tint}" aria-hidden="true">',
        f'<rect class="ground" width="{width:.1f}" height="{height:.1f}"/>',
        f'<g transform="scale({spacing[1] * scale:.5f} {spacing[0] * scale:.5f})">{behind}',
        *(_mask_elements(mask, window, name) for mask, name in ((reference, "reference"), (prediction, "prediction"))),
        "</g>",
        _scale_bar(width_mm, scale, height),
        f'<text x="6" y="{height / 2:.1f}">{turn.left}</text>' if turn.left else "",
        f'<text x="{width / 2:.1f}" y="14" text-anchor="middle">{turn.top}</text>' if turn.top else "",
        "</svg>",
    ]
    return "".join(parts)


def _mask_elements(mask: Mask, window: Window, name: str) -> str:
    fill = f'<path class="{name} fill" d="{_runs(mask[window], fill=True)}"/>'
    return fill + f'<path class="{name} line" d="{outline(mask, window)}"/>'


def outline(mask: Mask, window: Window) -> str:
    """Return the SVG path of the edges between the voxels of a 2-D mask and the others.

    Only edges within the window or on its border, in voxel units from its corner. The border of the image counts as
    an edge, that of the window does not.
    """
    rows, columns = window
    padded = np.pad(mask, 1)[rows.start : rows.stop + 2, columns.start : columns.stop + 2]
    across = padded[1:, 1:-1] != padded[:-1, 1:-1]  # edge above row r, column c
    along = padded[1:-1, 1:] != padded[1:-1, :-1]  # edge left of column c, row r
    return _runs(across) + "".join(f"M{c} {start}v{stop - start}" for c, start, stop in _stretches(along.T))


def _runs(lines: Mask, *, fill: bool = False) -> str:
    close = "v1h{back}z" if fill else ""
    return "".join(
        f"M{start} {row}h{stop - start}" + close.format(back=start - stop) for row, start, stop in _stretches(lines)
    )


def _stretches(lines: Mask) -> list[tuple[int, int, int]]:
    """Return (line, start, stop) of each run of True in the rows of an array."""
    steps = np.diff(np.pad(lines, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    line, start = np.nonzero(steps == 1)
    _, stop = np.nonzero(steps == -1)
    return list(zip(line.tolist(), start.tolist(), stop.tolist()))


def _png_element(image: NDArray[np.uint8]) -> str:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(stream, "PNG", optimize=True)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    rows, columns = image.shape
    return f'<image width="{columns}" height="{rows}" preserveAspectRatio="none" href="data:image/png;base64,{data}"/>'


def _scale_bar(width_mm: float, scale: float, height: float) -> str:
    fitting = [length for length in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200) if length <= width_mm / 3]
    length = fitting[-1] if fitting else width_mm / 3
    x, y = 10.0, height - 10
    return (
        f'<path class="bar" d="M{x} {y:.1f}h{length * scale:.1f}"/><text x="{x}" y="{y - 6:.1f}">{length:g} mm</text>'
    )
