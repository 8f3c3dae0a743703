"""A task: the region of an image and the prompts that a method turns into a mask."""

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
    """A region of the image, and the prompts of one object inside it.

    `image` is float32, (y, x) or (z, y, x), with a last axis of 3 if `color`: a crop with raw intensities.
    `intensity_range` is the robust range of the whole image, so that a crop is scaled as the whole is. The masks have
    the crop's spatial shape: `positive` and `negative` are voxels prompted inside and outside (the latest prompt has
    won already), `previous` is the object's mask before this edit (None on the first), `latest` the voxels of the
    newest prompt. `box` is the object's box prompt as (lower, upper), half-open, in crop indices; one drawn on
    a slice of a volume is given some depth. `prompt_count` is
    how many prompts the object has, this one included; a mask it was given counts as one.
    """

    image: NDArray[np.float32]
    color: bool
    intensity_range: tuple[float, float]
    spacing_mm: tuple[float, ...]
    positive: NDArray[np.bool_]
    negative: NDArray[np.bool_]
    box: tuple[tuple[int, ...], tuple[int, ...]] | None
    previous: NDArray[np.bool_] | None
    latest: NDArray[np.bool_]
    latest_positive: bool
    prompt_count: int

    @cached_property
    def noise(self) -> float:
        """The noise of this region; see ``estimate_noise``."""
        return estimate_noise(self.image, self.intensity_range, self.spacing_mm)

    @property
    def has_opposing_scribbles(self) -> bool:
        """Whether the object has nothing but two prompts, one inside and one outside, the newest a scribble."""
        both = bool(self.positive.any()) and bool(self.negative.any())
        return self.prompt_count <= 2 and both and int(np.count_nonzero(self.latest)) >= SCRIBBLE_VOXELS
