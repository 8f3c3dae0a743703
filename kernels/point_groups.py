"""Lattice points grouped by label: what surfaces are handed on as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PointGroups:
    """Points of a (z, y, x) lattice in groups, one group a label.

    Attributes
    ----------
    points : uint32[n] or int64[n]
        Flat C indices, ascending inside each group.
    offsets : int64[groups + 1]
        Group g is ``points[offsets[g] : offsets[g + 1]]``; it may be empty.
    shape : (nz, ny, nx)
        The lattice; a 2-D image is one plane.
    """

    points: NDArray[Any]
    offsets: NDArray[np.int64]
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, group: int) -> NDArray[Any]:
        """Return the points of one group."""
        return self.points[self.offsets[group] : self.offsets[group + 1]]

    def between(self, first: int, last: int) -> PointGroups:
        """Return the groups ``first`` to ``last``, half-open, without copying points."""
        offsets = self.offsets[first : last + 1]
        return PointGroups(self.points[offsets[0] : offsets[-1]], offsets - offsets[0], self.shape)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """The number of points in each group."""
        return np.diff(self.offsets)
