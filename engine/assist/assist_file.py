"""``maskwright assist``: an image and prompts in, the mask of one object out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.assist.files import check_outputs, read_image, read_mask_on, write_mask
from maskwright.engine.assist.picture import Cut, State, fullest_cut, save_states
from maskwright.engine.volume import Volume
from maskwright.errors import LabelError, PromptError
from maskwright.interactive.sessions.session import AssistSession
from maskwright.interactive.sessions.state import Edit

INSIDE, OUTSIDE = 1, 2
"""The labels of strokes in a scribble file."""

PointPrompt = tuple[tuple[int, ...], bool]
BoxPrompt = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class PromptStep:
    """The mask after one prompt: ``size`` in ``unit``, mL of a volume and mm² of a plane."""

    words: str
    voxels: int
    size: float
    unit: str


def assist_file(
    image: Path,
    out: Path,
    *,
    points: Sequence[PointPrompt] = (),
    box: Sequence[int] | None = None,
    scribble: Path | None = None,
    method: str | None = None,
    spacing_mm: Sequence[float] | None = None,
    picture: Path | None = None,
) -> list[PromptStep]:
    """Carry out prompts on an image file, and write the mask with its grid, affine and header.

    The box comes first, which is the coarsest, then the strokes (those inside before those outside), then the points
    in their order: a session lets the later prompt win, and points are what one corrects with.

    Parameters
    ----------
    image, out : Path
        ``out`` is replaced whole, and only when all went well; 1 inside, 0 outside.
    points : sequence of (index, positive)
        Indices in the stored grid, (z, y, x) or (y, x).
    box : sequence of int, optional
        The lower corner, then the upper one, half-open.
    scribble : Path, optional
        Labels on the image's grid: 1 strokes inside, 2 outside.
    method : str, optional
        One of ``interactive.methods.registry.METHODS``; by default the embedded network.
    spacing_mm : sequence of float, optional
        For files that carry none.
    picture : Path, optional
        A PNG of the prompts above the mask.

    Raises
    ------
    PromptError
        No prompt, or one that is empty or lies outside the image.
    FileFormatError, GeometryError, LabelError, ConfigError, InputError
        An input cannot be used, or an output could not be written.
    """
    check_outputs(out, picture, [image] if scribble is None else [image, scribble])
    if not points and box is None and scribble is None:
        raise PromptError("there is no prompt; give at least one of --point, --box and --scribble")
    session = AssistSession(method)
    volume = read_image(image, spacing_mm)
    corners = None if box is None else _corners(box, volume.array.ndim - volume.color)
    strokes = None if scribble is None else _strokes(scribble, volume, spacing_mm)
    session.set_image(volume.array, spacing_mm=volume.grid.require_spacing(), color=volume.color)
    steps, mask = [], np.zeros(volume.grid.shape, np.bool_)
    for words, carry_out in _prompts(session, points, corners, strokes):
        mask = carry_out().mask
        steps.append(_step(words, mask, volume))
    write_mask(mask, volume, out)
    if picture is not None:
        save_states(volume, *_picture_of(mask, points, corners, strokes), picture)
    return steps


def _prompts(
    session: AssistSession,
    points: Sequence[PointPrompt],
    corners: BoxPrompt | None,
    strokes: NDArray[Any] | None,
) -> list[tuple[str, Callable[[], Edit]]]:
    found: list[tuple[str, Callable[[], Edit]]] = []
    if corners is not None:
        lower, upper = corners
        found.append((f"box {_text(lower)} to {_text(upper)}", partial(session.add_box, lower, upper)))
    for label, words in ((INSIDE, "inside"), (OUTSIDE, "outside")):
        if strokes is not None and (strokes == label).any():
            drawn = partial(session.add_scribble, strokes == label, positive=label == INSIDE)
            found.append((f"strokes {words}", drawn))
    for index, positive in points:
        words = f"point {_text(index)} {'inside' if positive else 'outside'}"
        found.append((words, partial(session.add_point, index, positive)))
    return found


def _text(index: Sequence[int]) -> str:
    return ",".join(str(value) for value in index)


def _corners(box: Sequence[int], ndim: int) -> BoxPrompt:
    if len(box) != 2 * ndim:
        raise PromptError(f"the box has {len(box)} numbers; expected {2 * ndim}: the lower corner, then the upper one")
    return tuple(box[:ndim]), tuple(box[ndim:])


def _strokes(scribble: Path, image: Volume, spacing_mm: Sequence[float] | None) -> NDArray[Any]:
    strokes = read_mask_on(scribble, image, spacing_mm).array
    if strokes.max() > OUTSIDE:
        raise LabelError(f"{scribble}: strokes are {INSIDE} inside and {OUTSIDE} outside, found {strokes.max()}")
    if not strokes.any():
        raise PromptError(f"{scribble}: there is no stroke; expected at least one voxel of {INSIDE} or {OUTSIDE}")
    return strokes


def _step(words: str, mask: NDArray[np.bool_], image: Volume) -> PromptStep:
    voxels = int(np.count_nonzero(mask))
    size = voxels * math.prod(image.grid.require_spacing())
    return PromptStep(words, voxels, size / 1000, "mL") if mask.ndim == 3 else PromptStep(words, voxels, size, "mm²")


def _picture_of(
    mask: NDArray[np.bool_],
    points: Sequence[PointPrompt],
    corners: BoxPrompt | None,
    strokes: NDArray[Any] | None,
) -> tuple[list[State], list[Cut]]:
    drawn = np.zeros(mask.shape, np.uint8) if strokes is None else strokes
    states = [State("prompts", drawn, tuple(points), corners), State("mask", mask)]
    if mask.ndim == 2:
        return states, [Cut(-1, 0, "")]
    inside = [index for index, positive in points if positive]
    shown = drawn if drawn.any() else mask
    places = inside[0] if inside else tuple(fullest_cut(shown, axis) for axis in range(3))
    return states, [Cut(axis, place, f"{'zyx'[axis]} {place}") for axis, place in enumerate(places)]
