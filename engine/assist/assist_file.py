"""``maskwright assist``: an image and prompts in, the mask of one object out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.assist.files import check_outputs, read_image, read_mask_on, write_mask
from maskwright.engine.assist.picture import PictureRow, SliceView, fullest_slice, save_rows
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
    """The mask after one prompt: ``size`` in ``unit``, mL of a volume and mm² of a plane; ``is_cut`` as of ``Edit``."""

    prompt: str
    voxels: int
    size: float
    unit: str
    is_cut: bool


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
    in their order: a session lets the later prompt win, and points are for corrections.

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
    session = AssistSession(method)  # refuses an unknown name before anything is read
    volume = read_image(image, spacing_mm)
    corners = None if box is None else _corners(box, volume.array.ndim - volume.color)
    strokes = None if scribble is None else _strokes(scribble, volume, spacing_mm)
    steps, mask = [], np.zeros(volume.grid.shape, np.bool_)
    with closing(session):
        session.set_image(volume.array, spacing_mm=volume.grid.require_spacing(), color=volume.color)
        for prompt, carry_out in _prompts(session, points, corners, strokes):
            edit = carry_out()
            mask = edit.mask
            steps.append(_step(prompt, edit, volume))
    write_mask(mask, volume, out)
    if picture is not None:
        save_rows(volume, *_picture_of(mask, points, corners, strokes), picture)
    return steps


def _prompts(
    session: AssistSession,
    points: Sequence[PointPrompt],
    corners: BoxPrompt | None,
    strokes: NDArray[Any] | None,
) -> list[tuple[str, Callable[[], Edit]]]:
    prompts: list[tuple[str, Callable[[], Edit]]] = []
    if corners is not None:
        lower, upper = corners
        prompts.append((f"box {_text(lower)} to {_text(upper)}", partial(session.add_box, lower, upper)))
    for label, side in ((INSIDE, "inside"), (OUTSIDE, "outside")):
        if strokes is not None and (strokes == label).any():
            drawn = partial(session.add_scribble, strokes == label, positive=label == INSIDE)
            prompts.append((f"strokes {side}", drawn))
    for index, positive in points:
        prompt = f"point {_text(index)} {'inside' if positive else 'outside'}"
        prompts.append((prompt, partial(session.add_point, index, positive)))
    return prompts


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


def _step(prompt: str, edit: Edit, image: Volume) -> PromptStep:
    voxels = int(np.count_nonzero(edit.mask))
    size_mm = voxels * math.prod(image.grid.require_spacing())
    size, unit = (size_mm / 1000, "mL") if edit.mask.ndim == 3 else (size_mm, "mm²")
    return PromptStep(prompt, voxels, size, unit, edit.is_cut)


def _picture_of(
    mask: NDArray[np.bool_],
    points: Sequence[PointPrompt],
    corners: BoxPrompt | None,
    strokes: NDArray[Any] | None,
) -> tuple[list[PictureRow], list[SliceView]]:
    drawn = np.zeros(mask.shape, np.uint8) if strokes is None else strokes
    rows = [PictureRow("prompts", drawn, tuple(points), corners), PictureRow("mask", mask)]
    if mask.ndim == 2:
        return rows, [SliceView(-1, 0, "")]
    inside = [index for index, positive in points if positive]
    labels = drawn if drawn.any() else mask
    indices = inside[0] if inside else tuple(fullest_slice(labels, axis) for axis in range(3))
    return rows, [SliceView(axis, index, f"{'zyx'[axis]} {index}") for axis, index in enumerate(indices)]
