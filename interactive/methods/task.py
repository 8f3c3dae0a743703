"""A task: the crop of an image and the prompts that a method turns into a mask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.methods.features import estimate_noise

SCRIBBLE_VOXELS = 25
"""A prompt of so many voxels counts as a scribble."""


@dataclass(frozen=True)
class Task:
    """A crop of the image, and the prompts of one object in it.

    Attributes
    ----------
    image : float32, shape (y, x) or (z, y, x), with a last axis of 3 if ``color``
        The raw intensities.
    color : bool
    intensity_range : tuple of float
        The robust range of the whole image, so that a crop is scaled as the whole is.
    spacing_mm : tuple of float
        One number for each spatial axis.
    positive, negative : bool, the spatial shape
        The voxels prompted inside and outside. No voxel is both: the newer prompt has won.
    box : tuple of lower and upper corner, optional
        The object's box prompt, half-open, in indices of the crop. One drawn on a slice of a volume has some depth.
    previous : bool, the spatial shape, optional
        The object's mask before this edit; None where it is empty.
    newest : bool, the spatial shape
        The voxels of the newest prompt.
    newest_positive : bool
        Whether the newest prompt is inside; True for a box.
    prompt_count : int
        The object's prompts, the newest included; a mask that it was given counts as one.
    """

    image: NDArray[np.float32]
    color: bool
    intensity_range: tuple[float, float]
    spacing_mm: tuple[float, ...]
    positive: NDArray[np.bool_]
    negative: NDArray[np.bool_]
    box: tuple[tuple[int, ...], tuple[int, ...]] | None
    previous: NDArray[np.bool_] | None
    newest: NDArray[np.bool_]
    newest_positive: bool
    prompt_count: int

    @cached_property
    def noise(self) -> float:
        """The noise of this crop; see ``estimate_noise``."""
        return estimate_noise(self.image, self.intensity_range, self.spacing_mm)

    @property
    def has_opposing_scribbles(self) -> bool:
        """Whether the object has nothing but two prompts, one inside and one outside, the newest a scribble."""
        both = bool(self.positive.any()) and bool(self.negative.any())
        return self.prompt_count <= 2 and both and int(np.count_nonzero(self.newest)) >= SCRIBBLE_VOXELS
