"""``maskwright propagate``: an image and a sparse mask in, the filled mask out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskwright.engine.assist.files import check_outputs, read_image, read_mask_on, write_mask
from maskwright.engine.assist.picture import Cut, State, fullest_cut, save_states
from maskwright.engine.assist.propagate import propagate
from maskwright.engine.volume import LabelMap, Volume
from maskwright.interactive.propagation.result import Propagation

MOST_LISTED = 5


@dataclass(frozen=True)
class Filled:
    """What a propagation came to: numbers of slices along the axis.

    ``given`` held a label or were named, ``filled`` were worked out, ``unsure`` are filled ones with their
    confidence, the lowest first, ``fallback`` those between given slices that have too little in common.
    """

    axis: int
    given: tuple[int, ...]
    filled: tuple[int, ...]
    unsure: tuple[tuple[int, float], ...]
    fallback: tuple[int, ...]


def fill_file(
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
) -> Filled:
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
    result = propagate(volume, sparse, axis=axis, given=given, start=start, stop=stop)
    filled = _numbers(sparse, result, axis, given, start, stop)
    write_mask(result.mask, volume, out)
    if picture is not None:
        save_states(volume, *_picture_of(volume, sparse, result, filled), picture)
    return filled


def _numbers(
    sparse: LabelMap,
    result: Propagation,
    axis: int,
    given: Sequence[int] | None,
    start: int | None,
    stop: int | None,
) -> Filled:
    others = tuple(other for other in range(3) if other != axis)
    labelled = np.flatnonzero(sparse.array.any(axis=others)).tolist()
    known = tuple(sorted({int(k) for k in (labelled if given is None else given)}))
    reach = range(start or 0, len(result.confidence) if stop is None else stop)
    filled = tuple(k for k in reach if k not in known)
    # Where nothing was given and nothing was found, there is nothing to look at.
    seen = [k for k in filled if result.mask.take(k, axis).any() or k in result.fallback]
    unsure = sorted((round(float(result.confidence[k]), 3), k) for k in seen)[:MOST_LISTED]
    return Filled(axis, known, filled, tuple((k, value) for value, k in unsure), result.fallback)


def _picture_of(image: Volume, sparse: LabelMap, result: Propagation, filled: Filled) -> tuple[list[State], list[Cut]]:
    across = 1 if filled.axis == 0 else 0
    cuts = [Cut(across, fullest_cut(result.mask, across), f"cut across {'zyx'[across]}")]
    unsure = dict(filled.unsure)
    middle = [k for k in filled.filled if result.mask.take(k, filled.axis).any()]
    wanted = {fullest_cut(sparse.array, filled.axis), *list(unsure)[:1], *middle[len(middle) // 2 :][:1]}
    for number in sorted(wanted):
        told = "given" if number in filled.given else f"confidence {float(result.confidence[number]):.2f}"
        cuts.append(Cut(filled.axis, number, f"slice {number}, {told}"))
    return [State("given slices", sparse.array), State("filled", result.mask)], cuts
