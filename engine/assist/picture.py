"""Before and after: slices side by side, one row a state, the outlines of its labels over the windowed image.

Slices are turned the way readers expect (see ``engine.report.display``), with the letters of the patient's sides at
the left and the top edge. Nothing in a picture comes from a name or a header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from maskwright.engine.report.display import Turn, display_turn
from maskwright.engine.storage import atomic_file, storing
from maskwright.engine.volume import Volume

if TYPE_CHECKING:
    from PIL import Image

_LONGEST = 300  # px of the longer side of a slice
_GAP, _HEAD = 10, 24  # px between slices, and above them for the words
_TINT = 0.16
_SAMPLE = 500_000  # voxels that the window of intensities is taken from
_GROUND, _INK, _SOFT = (24, 28, 34), (232, 236, 240), (160, 170, 180)
# The first is the green of "inside", the second the red of "outside".
_COLORS = np.array(
    [
        (64, 200, 110),
        (236, 92, 80),
        (80, 150, 245),
        (242, 184, 48),
        (186, 104, 226),
        (48, 204, 204),
        (242, 126, 190),
        (170, 168, 70),
    ],
    np.float32,
)


@dataclass(frozen=True)
class SliceView:
    """A slice to show: across which array axis (-1 for a 2-D image), at which index, under which title."""

    axis: int
    index: int
    title: str


@dataclass(frozen=True, eq=False)
class PictureRow:
    """One row: labels (unsigned or bool, the image's spatial shape), and the points and the box that were prompted."""

    title: str
    labels: NDArray[Any]
    points: tuple[tuple[tuple[int, ...], bool], ...] = ()
    box: tuple[tuple[int, ...], tuple[int, ...]] | None = None


def draw_rows(image: Volume, rows: Sequence[PictureRow], slices: Sequence[SliceView]) -> Image.Image:
    """Return the picture: a row for each state of the labels, a column for each slice.

    Parameters
    ----------
    image : Volume
        Its spacing is known. Grey values are shown from their 0.5 to their 99.5 percentile.
    rows : sequence of PictureRow
        The box around their labels and prompts is shown.
    slices : sequence of SliceView
        At least one.
    """
    from PIL import Image, ImageDraw, ImageFont

    box = _box_around(image, rows)
    low, high = _window(image)
    panels = [[_panel(image, row, each, box, low, high) for each in slices] for row in rows]
    widths = [panel.width for panel in panels[0]]
    heights = [max(panel.height for panel in line) for line in panels]
    size = (sum(widths) + _GAP * (len(widths) + 1), sum(heights) + (_HEAD + _GAP) * len(rows) + _HEAD)
    page = Image.new("RGB", size, _GROUND)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    left = _GAP
    for each, width in zip(slices, widths):
        draw.text((left + width / 2, 5), each.title, _SOFT, font, anchor="ma")
        left += width + _GAP
    top = _HEAD
    for row, line, height in zip(rows, panels, heights):
        draw.text((_GAP, top + 4), row.title, _INK, font)
        left = _GAP
        for panel in line:
            page.paste(panel, (left, top + _HEAD))
            left += panel.width + _GAP
        top += height + _HEAD + _GAP
    return page


def save_rows(image: Volume, rows: Sequence[PictureRow], slices: Sequence[SliceView], path: Path) -> None:
    """Write the picture of ``draw_rows`` as PNG, whole or not at all."""
    page = draw_rows(image, rows, slices)
    with storing(str(path)), atomic_file(path) as unfinished:
        page.save(unfinished, format="PNG", optimize=True)


def fullest_slice(labels: NDArray[Any], axis: int) -> int:
    """Return the index along an axis of the slice with most labelled voxels, the first of equals."""
    others = tuple(other for other in range(labels.ndim) if other != axis)
    return int(np.argmax(np.count_nonzero(labels, axis=others)))


def _box_around(image: Volume, rows: Sequence[PictureRow]) -> tuple[slice, ...]:
    """Return the box around all labels and prompts, with a margin; the whole image where there are none."""
    shape = image.grid.shape
    ends: list[list[int]] = [[] for _ in shape]
    for row in rows:
        corners = [index for index, _ in row.points]
        if row.box is not None:
            corners += [row.box[0], tuple(value - 1 for value in row.box[1])]
        for axis, indices in enumerate(ends):
            others = tuple(other for other in range(len(shape)) if other != axis)
            labelled = np.flatnonzero(row.labels.any(axis=others))
            indices += [index[axis] for index in corners]
            indices += [int(labelled[0]), int(labelled[-1])] if labelled.size else []
    if not all(ends):
        return tuple(slice(0, length) for length in shape)
    spacing = image.grid.require_spacing()
    longest_mm = max((max(indices) - min(indices) + 1) * step for indices, step in zip(ends, spacing))
    margins = [max(4, round(0.25 * longest_mm / step)) for step in spacing]
    return tuple(
        slice(max(0, min(indices) - margin), min(length, max(indices) + 1 + margin))
        for indices, margin, length in zip(ends, margins, shape)
    )


def _window(image: Volume) -> tuple[float, float]:
    if image.color and image.array.dtype == np.uint8:
        return 0.0, 255.0
    step = max(1, int((image.array.size / _SAMPLE) ** (1 / image.array.ndim)))
    sample = image.array[tuple(slice(None, None, step) for _ in image.grid.shape)].astype(np.float32)
    sample = sample[np.isfinite(sample)]
    low, high = np.percentile(sample, (0.5, 99.5)) if sample.size else (0.0, 1.0)
    return float(low), float(high)


def _panel(
    image: Volume, row: PictureRow, each: SliceView, box: tuple[slice, ...], low: float, high: float
) -> Image.Image:
    from PIL import Image, ImageDraw, ImageFont

    spacing = image.grid.require_spacing()
    across = each.axis if len(spacing) == 3 else None
    turn = Turn() if across is None else display_turn(image.affine, across)
    part: tuple[Any, ...] = tuple(each.index if axis == across else window for axis, window in enumerate(box))
    step = turn.spacing(tuple(value for axis, value in enumerate(spacing) if axis != across))
    plane, labels = turn.apply(image.array[part]), turn.apply(row.labels[part])
    rows_mm, columns_mm = labels.shape[0] * step[0], labels.shape[1] * step[1]
    scale = _LONGEST / max(rows_mm, columns_mm)
    size = (max(1, round(columns_mm * scale)), max(1, round(rows_mm * scale)))
    pixels = np.clip((np.nan_to_num(plane.astype(np.float32)) - low) / max(high - low, 1e-12), 0, 1) * 255
    ground = Image.fromarray(np.ascontiguousarray(pixels.astype(np.uint8))).convert("RGB").resize(size)
    panel = Image.fromarray(_outline(np.asarray(ground, np.float32), labels))
    draw = ImageDraw.Draw(panel)
    geometry = _PanelGeometry(turn, across, tuple((window.start, window.stop) for window in box), labels.shape, size)
    _draw_prompts(draw, row, each, geometry)
    font = ImageFont.load_default(12)
    draw.text((4, size[1] / 2), turn.left, _INK, font, anchor="lm", stroke_width=2, stroke_fill=_GROUND)
    draw.text((size[0] / 2, 3), turn.top, _INK, font, anchor="ma", stroke_width=2, stroke_fill=_GROUND)
    return panel


def _outline(ground: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the ground with labels tinted, and a line along the inside of their borders."""
    height, width = ground.shape[:2]
    rows = np.arange(height) * labels.shape[0] // height
    columns = np.arange(width) * labels.shape[1] // width
    large = labels[np.ix_(rows, columns)].astype(np.int64)
    inside = large > 0
    line = inside & (ndimage.maximum_filter(large, 3) != ndimage.minimum_filter(large, 3))
    share = np.where(line, 1.0, np.where(inside, _TINT, 0.0))[..., None]
    color = _COLORS[(large - 1) % len(_COLORS)]
    mixed: NDArray[np.uint8] = (ground * (1 - share) + color * share).astype(np.uint8)
    return mixed


@dataclass(frozen=True)
class _PanelGeometry:
    """The position of voxels of the image in a panel."""

    turn: Turn
    across: int | None
    box: tuple[tuple[int, int], ...]
    shape: tuple[int, ...]
    size: tuple[int, int]

    def pixel_of(self, index: Sequence[float]) -> tuple[float, float]:
        """Return (x, y) in px of an index, which may lie between voxel centres."""
        inner = [value - self.box[axis][0] + 0.5 for axis, value in enumerate(index) if axis != self.across]
        y, x = reversed(inner) if self.turn.swap else inner
        y = self.shape[0] - y if self.turn.flip_rows else y
        x = self.shape[1] - x if self.turn.flip_columns else x
        return x * self.size[0] / self.shape[1], y * self.size[1] / self.shape[0]


def _draw_prompts(draw: Any, row: PictureRow, each: SliceView, geometry: _PanelGeometry) -> None:
    def shows(low: int, high: int) -> bool:
        return geometry.across is None or low <= each.index < high

    at = 0 if geometry.across is None else geometry.across
    if row.box is not None and shows(row.box[0][at], row.box[1][at]):
        ends = [geometry.pixel_of([value - 0.5 for value in corner]) for corner in row.box]
        (left, right), (top, bottom) = (sorted(pair) for pair in zip(*ends))
        draw.rectangle((left, top, right - 1, bottom - 1), outline=tuple(int(v) for v in _COLORS[3]), width=2)
    for index, positive in row.points:
        if shows(index[at], index[at] + 1):
            x, y = geometry.pixel_of(index)
            color = tuple(int(value) for value in _COLORS[0 if positive else 1])
            draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=color, outline=(255, 255, 255), width=2)
