"""The volume of the demo: the MNI152 template that nilearn carries, with its grey and white matter."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io import read
from maskwright.engine.volume import LabelMap, Volume
from maskwright.errors import FileFormatError, MissingExtraError
from maskwright.kernels.mask import bounds_of

GREY, WHITE = 1, 2
_HALF = 128  # of 255: the tissue maps hold probabilities as uint8

SIDES = ("left", "right")
LEVELS = ("base", "lower", "upper", "crown")


@dataclass(frozen=True)
class Block:
    """A part of the brain: one side of one slab between neck and crown, with its image and its labels."""

    side: str
    level: str
    image: Volume
    labels: LabelMap


def labelled_brain() -> tuple[Volume, LabelMap]:
    """Return the template and its labels: a tissue where its map says at least one half; where both do, the larger.

    The template is symmetric and belongs to no patient.

    Raises
    ------
    MissingExtraError
        nilearn is not installed.
    """
    image, grey, white = (_tissue(name) for name in ("t1", "gm", "wm"))
    labels = np.zeros(image.array.shape, np.uint8)
    labels[grey.array >= _HALF] = GREY
    labels[(white.array >= _HALF) & (white.array > grey.array)] = WHITE
    return image, LabelMap(labels, image.affine, image.source)


def brain_blocks() -> Iterator[Block]:
    """Yield the eight blocks of the template; see ``labelled_brain``."""
    image, brain = labelled_brain()
    labels = brain.array
    z, y, x = bounds_of(labels > 0)
    zs = np.linspace(z.start, z.stop, len(LEVELS) + 1).astype(int)
    xs = np.linspace(x.start, x.stop, len(SIDES) + 1).astype(int)
    for level, z_start, z_stop in zip(LEVELS, zs, zs[1:]):
        for side, x_start, x_stop in zip(SIDES, xs, xs[1:]):
            box = (slice(int(z_start), int(z_stop)), y, slice(int(x_start), int(x_stop)))
            affine = _shifted(image.affine, box)
            yield Block(side, level, Volume(_part(image.array, box), affine), LabelMap(_part(labels, box), affine))


def _tissue(name: str) -> Volume:
    spec = importlib.util.find_spec("nilearn")  # only its files are needed; importing it takes seconds
    if spec is None or spec.origin is None:
        raise MissingExtraError("nilearn", "demo")
    path = Path(spec.origin).parent / "datasets" / "data" / f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz"
    if not path.is_file():
        raise FileFormatError(f"nilearn no longer carries {path.name}: install another version of nilearn")
    return read(path)


def _part(array: NDArray[Any], box: tuple[slice, ...]) -> NDArray[Any]:
    return np.ascontiguousarray(array[box])


def _shifted(affine: NDArray[np.float64] | None, box: tuple[slice, ...]) -> NDArray[np.float64]:
    """Return the affine of a part of an array that starts at the corner of the box."""
    assert affine is not None
    shifted = np.array(affine)
    shifted[:, -1] = affine @ np.array([*(part.start for part in box), 1.0])
    return shifted
