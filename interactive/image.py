"""The image of a session: checked once, read in crops."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.errors import InputError
from maskwright.interactive.crop import Crop
from maskwright.kernels.label_array import check_spacing

_SAMPLE = 250_000


@dataclass(frozen=True, eq=False)
class Image:
    """An image with its spacing and the range of most of its intensities (0.5 to 99.5 percent)."""

    array: NDArray[Any]
    spacing_mm: tuple[float, ...]
    color: bool
    intensity_range: tuple[float, float]

    @staticmethod
    def of(image: ArrayLike, spacing_mm: Sequence[float], color: bool = False) -> Image:
        """Check an image; see `AssistSession.set_image`. The array is not copied."""
        array = np.asarray(image)
        ndim = array.ndim - color
        if ndim not in (2, 3) or (color and array.shape[-1] != 3):
            expected = "(y, x, 3) or (z, y, x, 3)" if color else "(y, x) or (z, y, x)"
            raise InputError(f"the image has shape {array.shape}; expected {expected}")
        if array.size == 0 or array.dtype.kind not in "buif":
            raise InputError(
                f"the image has shape {array.shape} and is {array.dtype}; expected real numbers, not empty"
            )
        if array.dtype.kind == "f" and not all(_is_finite(part) for part in array):
            raise InputError("the image holds NaN, infinity or values beyond float32; expected finite intensities")
        return Image(array, check_spacing(spacing_mm, ndim), color, _robust_range(array))

    @property
    def ndim(self) -> int:
        """The number of spatial axes."""
        return self.array.ndim - self.color

    @property
    def shape(self) -> tuple[int, ...]:
        """The spatial shape."""
        return self.array.shape[: self.ndim]

    def crop(self, box: Crop) -> NDArray[np.float32]:
        """Return the voxels of a box as float32, with the channels last if there are any."""
        return np.ascontiguousarray(self.array[box.slices], dtype=np.float32)

    @cached_property
    def sha256(self) -> str:
        """The hash of dtype, shape and content, computed on first use."""
        digest = hashlib.sha256(f"{self.array.dtype.str} {self.array.shape}".encode())
        for part in self.array:
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()


def _is_finite(part: NDArray[Any]) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.isfinite(part.astype(np.float32, copy=False)).all())


def _robust_range(array: NDArray[Any]) -> tuple[float, float]:
    """Return the 0.5 and 99.5 percentiles of an evenly spaced sample."""
    step = max(1, int(np.ceil((array.size / _SAMPLE) ** (1 / array.ndim))))
    sample = array[tuple(slice(step // 2 if n > step else 0, None, step) for n in array.shape)]
    low, high = np.percentile(sample.astype(np.float32), (0.5, 99.5))
    if low == high:
        low, high = float(sample.min()), float(sample.max())
    return float(low), float(high)
