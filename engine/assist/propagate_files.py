"""``maskwright propagate``: an image and a sparse mask in, the filled mask out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskwright.engine.assist.files import check_outputs, read_image, read_mask_on, write_mask
from maskwright.engine.assist.picture import PictureRow, SliceView, fullest_slice, save_rows
from maskwright.engine.assist.propagate import propagate
from maskwright.engine.volume import LabelMap
from maskwright.interactive.propagation.result import Propagation

MOST_LISTED = 5


@dataclass(frozen=True)
class PropagationResult:
    """The slices of a propagation, by their numbers along the axis.

    ``given`` held a label or were named, ``filled`` were propagated, ``unsure`` are filled ones with their confidence,
    the lowest first, ``fallback`` those between given slices that have too little in common.
    """

    axis: int
    given: tuple[int, ...]
    filled: tuple[int, ...]
    unsure: tuple[tuple[int, float], ...]
    fallback: tuple[int, ...]


def propagate_files(
    image: Path,
    sparse_mask: Path,
    out: Path,
    *,
    axis: int = 0,
    given: Sequence[int] | None = None,
    start: int | None = None,
    stop: int | None = None,
    spacing_mm: Sequence[float] | None = None,
    picture: Path | None = None,
) -> PropagationResult:
    """Propagate the given slices of a mask file, and write the result with the image's grid, affine and header.

    Parameters
    ----------
    image, sparse_mask, out : Path
        Files on one grid; ``out`` is replaced whole, and only when all went well.
    axis, given, start, stop
        See ``propagate``.
    spacing_mm : sequence of float, optional
        For files that carry none.
    picture : Path, optional
        A PNG of the given slices above the filled ones.

    Raises
    ------
    FileFormatError, GeometryError, LabelError, PromptError, InputError
        An input cannot be used, or an output could not be written.
    """
    check_outputs(out, picture, [image, sparse_mask])
    volume = read_image(image, spacing_mm)
    sparse = read_mask_on(sparse_mask, volume, spacing_mm)
    filled = propagate(volume, sparse, axis=axis, given=given, start=start, stop=stop)
    result = _summarise(sparse, filled, axis, given, start, stop)
    write_mask(filled.mask, volume, out)
    if picture is not None:
        save_rows(volume, *_picture_of(sparse, filled, result), picture)
    return result


def _summarise(
    sparse: LabelMap,
    filled: Propagation,
    axis: int,
    given: Sequence[int] | None,
    start: int | None,
    stop: int | None,
) -> PropagationResult:
    others = tuple(other for other in range(3) if other != axis)
    labelled = np.flatnonzero(sparse.array.any(axis=others)).tolist()
    given_slices = tuple(sorted({int(k) for k in (labelled if given is None else given)}))
    span = range(start or 0, len(filled.confidence) if stop is None else stop)
    filled_slices = tuple(k for k in span if k not in given_slices)
    # Slices without a label on either side need no second look.
    with_label = [k for k in filled_slices if filled.mask.take(k, axis).any() or k in filled.fallback]
    unsure = sorted((round(float(filled.confidence[k]), 3), k) for k in with_label)[:MOST_LISTED]
    return PropagationResult(
        axis, given_slices, filled_slices, tuple((k, value) for value, k in unsure), filled.fallback
    )


def _picture_of(
    sparse: LabelMap, filled: Propagation, result: PropagationResult
) -> tuple[list[PictureRow], list[SliceView]]:
    across = 1 if result.axis == 0 else 0
    slices = [SliceView(across, fullest_slice(filled.mask, across), f"cut across {'zyx'[across]}")]
    labelled = [k for k in result.filled if filled.mask.take(k, result.axis).any()]
    numbers = {fullest_slice(sparse.array, result.axis), *[k for k, _ in result.unsure[:1]]}
    numbers.update(labelled[len(labelled) // 2 :][:1])
    for number in sorted(numbers):
        caption = "given" if number in result.given else f"confidence {float(filled.confidence[number]):.2f}"
        slices.append(SliceView(result.axis, number, f"slice {number}, {caption}"))
    return [PictureRow("given slices", sparse.array), PictureRow("filled", filled.mask)], slices
