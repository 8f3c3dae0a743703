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
class Cut:
    """A slice to show: across which array axis (-1 for a 2-D image), at which index, under which words."""

    axis: int
    index: int
    words: str


@dataclass(frozen=True, eq=False)
class State:
    """One row: labels (unsigned or bool, the image's spatial shape), and the points and the box that were prompted."""

    words: str
    labels: NDArray[Any]
    points: tuple[tuple[tuple[int, ...], bool], ...] = ()
    box: tuple[tuple[int, ...], tuple[int, ...]] | None = None


def draw_states(image: Volume, states: Sequence[State], cuts: Sequence[Cut]) -> Image.Image:
    """Return the picture: a row for each state, a column for each cut.

    Parameters
    ----------
    image : Volume
        Its spacing is known. Grey values are shown from their 0.5 to their 99.5 percentile.
    states : sequence of State
        What they hold decides which part of the image is shown.
    cuts : sequence of Cut
        At least one.
    """
    from PIL import Image, ImageDraw, ImageFont

    shown = _shown_part(image, states)
    low, high = _window(image)
    rows = [[_panel(image, state, cut, shown, low, high) for cut in cuts] for state in states]
    widths = [panel.width for panel in rows[0]]
    heights = [max(panel.height for panel in row) for row in rows]
    size = (sum(widths) + _GAP * (len(widths) + 1), sum(heights) + (_HEAD + _GAP) * len(rows) + _HEAD)
    page = Image.new("RGB", size, _GROUND)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    left = _GAP
    for cut, width in zip(cuts, widths):
        draw.text((left + width / 2, 5), cut.words, _SOFT, font, anchor="ma")
        left += width + _GAP
    top = _HEAD
    for state, row, height in zip(states, rows, heights):
        draw.text((_GAP, top + 4), state.words, _INK, font)
        left = _GAP
        for panel in row:
            page.paste(panel, (left, top + _HEAD))
            left += panel.width + _GAP
        top += height + _HEAD + _GAP
    return page


def save_states(image: Volume, states: Sequence[State], cuts: Sequence[Cut], path: Path) -> None:
    """Write the picture of ``draw_states`` as PNG, whole or not at all."""
    page = draw_states(image, states, cuts)
    with storing(str(path)), atomic_file(path) as unfinished:
        page.save(unfinished, format="PNG", optimize=True)


def fullest_cut(labels: NDArray[Any], axis: int) -> int:
    """Return the index along an axis where most is labelled, the first of equals."""
    others = tuple(other for other in range(labels.ndim) if other != axis)
    return int(np.argmax(np.count_nonzero(labels, axis=others)))


def _shown_part(image: Volume, states: Sequence[State]) -> tuple[slice, ...]:
    """Return the box around all that is labelled or prompted, with a margin; the whole image where nothing is."""
    shape = image.grid.shape
    ends: list[list[int]] = [[] for _ in shape]
    for state in states:
        corners = [index for index, _ in state.points]
        if state.box is not None:
            corners += [state.box[0], tuple(value - 1 for value in state.box[1])]
        for axis, found in enumerate(ends):
            others = tuple(other for other in range(len(shape)) if other != axis)
            labelled = np.flatnonzero(state.labels.any(axis=others))
            found += [index[axis] for index in corners]
            found += [int(labelled[0]), int(labelled[-1])] if labelled.size else []
    if not all(ends):
        return tuple(slice(0, length) for length in shape)
    spacing = image.grid.require_spacing()
    longest_mm = max((max(found) - min(found) + 1) * step for found, step in zip(ends, spacing))
    margins = [max(4, round(0.25 * longest_mm / step)) for step in spacing]
    return tuple(
        slice(max(0, min(found) - margin), min(length, max(found) + 1 + margin))
        for found, margin, length in zip(ends, margins, shape)
    )


def _window(image: Volume) -> tuple[float, float]:
    if image.color and image.array.dtype == np.uint8:
        return 0.0, 255.0
    step = max(1, int((image.array.size / _SAMPLE) ** (1 / image.array.ndim)))
    sample = image.array[tuple(slice(None, None, step) for _ in image.grid.shape)].astype(np.float32)
    sample = sample[np.isfinite(sample)]
    low, high = np.percentile(sample, (0.5, 99.5)) if sample.size else (0.0, 1.0)
    return float(low), float(high)


def _panel(image: Volume, state: State, cut: Cut, shown: tuple[slice, ...], low: float, high: float) -> Image.Image:
    from PIL import Image, ImageDraw, ImageFont

    spacing = image.grid.require_spacing()
    across = cut.axis if len(spacing) == 3 else None
    turn = Turn() if across is None else display_turn(image.affine, across)
    part: tuple[Any, ...] = tuple(cut.index if axis == across else window for axis, window in enumerate(shown))
    step = turn.spacing(tuple(value for axis, value in enumerate(spacing) if axis != across))
    plane, labels = turn.apply(image.array[part]), turn.apply(state.labels[part])
    rows_mm, columns_mm = labels.shape[0] * step[0], labels.shape[1] * step[1]
    scale = _LONGEST / max(rows_mm, columns_mm)
    size = (max(1, round(columns_mm * scale)), max(1, round(rows_mm * scale)))
    pixels = np.clip((np.nan_to_num(plane.astype(np.float32)) - low) / max(high - low, 1e-12), 0, 1) * 255
    ground = Image.fromarray(np.ascontiguousarray(pixels.astype(np.uint8))).convert("RGB").resize(size)
    panel = Image.fromarray(_outlined(np.asarray(ground, np.float32), labels))
    draw = ImageDraw.Draw(panel)
    place = _Place(turn, across, tuple((window.start, window.stop) for window in shown), labels.shape, size)
    _draw_prompts(draw, state, cut, place)
    font = ImageFont.load_default(12)
    draw.text((4, size[1] / 2), turn.left, _INK, font, anchor="lm", stroke_width=2, stroke_fill=_GROUND)
    draw.text((size[0] / 2, 3), turn.top, _INK, font, anchor="ma", stroke_width=2, stroke_fill=_GROUND)
    return panel


def _outlined(ground: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.uint8]:
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
class _Place:
    """Where a voxel of the image lies in a panel."""

    turn: Turn
    across: int | None
    shown: tuple[tuple[int, int], ...]
    shape: tuple[int, ...]
    size: tuple[int, int]

    def of(self, index: Sequence[float]) -> tuple[float, float]:
        """Return (x, y) in px of an index, which may lie between voxel centres."""
        inner = [value - self.shown[axis][0] + 0.5 for axis, value in enumerate(index) if axis != self.across]
        row, column = reversed(inner) if self.turn.swap else inner
        row = self.shape[0] - row if self.turn.flip_rows else row
        column = self.shape[1] - column if self.turn.flip_columns else column
        return column * self.size[0] / self.shape[1], row * self.size[1] / self.shape[0]


def _draw_prompts(draw: Any, state: State, cut: Cut, place: _Place) -> None:
    def reaches(low: int, high: int) -> bool:
        return place.across is None or low <= cut.index < high

    at = 0 if place.across is None else place.across
    if state.box is not None and reaches(state.box[0][at], state.box[1][at]):
        ends = [place.of([value - 0.5 for value in corner]) for corner in state.box]
        (left, right), (top, bottom) = (sorted(pair) for pair in zip(*ends))
        draw.rectangle((left, top, right - 1, bottom - 1), outline=tuple(int(v) for v in _COLORS[3]), width=2)
    for index, positive in state.points:
        if reaches(index[at], index[at] + 1):
            x, y = place.of(index)
            color = tuple(int(value) for value in _COLORS[0 if positive else 1])
            draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=color, outline=(255, 255, 255), width=2)
