"""Joint label counts of two label arrays: every overlap metric is arithmetic on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.kernels.device import choose_twin
from maskwright.kernels.label_array import as_label_pair

__all__ = ["Overlaps", "count_overlaps"]


@dataclass(frozen=True, eq=False)
class Overlaps:
    """How many voxels carry each pair of labels; background 0 is a label like the others.

    Attributes
    ----------
    pairs : uint64[m, 2]
        The (reference, prediction) pairs that occur, sorted.
    pair_counts : int64[m]
        Voxels of each pair; they sum to the size of the array.
    reference_labels, prediction_labels : uint64[n]
        The labels that occur on each side, sorted.
    reference_counts, prediction_counts : int64[n]
        Voxels of each label.
    """

    pairs: NDArray[np.uint64]
    pair_counts: NDArray[np.int64]
    reference_labels: NDArray[np.uint64]
    reference_counts: NDArray[np.int64]
    prediction_labels: NDArray[np.uint64]
    prediction_counts: NDArray[np.int64]

    @property
    def voxels(self) -> int:
        """The size of the arrays."""
        return int(self.pair_counts.sum())


def count_overlaps(reference: ArrayLike, prediction: ArrayLike) -> Overlaps:
    """Count the voxels of every pair of labels in one scan.

    Parameters
    ----------
    reference, prediction : bool, uint8, uint16 or uint32 arrays of equal shape, (y, x) or (z, y, x), any strides
        Memory grows with the number of pairs that occur, not with the product of the label counts.

    Returns
    -------
    Overlaps
        Exact integer counts, independent of the number of threads and of the strides. Arrays of size 0 give no pair.

    Raises
    ------
    GeometryError
        The shapes differ.
    LabelError, InputError
        See ``as_label_array``.

    Examples
    --------
    >>> import numpy as np
    >>> counted = count_overlaps(np.array([[0, 1, 1]], np.uint8), np.array([[0, 1, 2]], np.uint8))
    >>> counted.pairs.tolist(), counted.pair_counts.tolist()
    ([[0, 0], [1, 1], [1, 2]], [1, 1, 1])
    """
    twin = choose_twin(__name__, reference=reference, prediction=prediction)
    keys, counts = twin.count_pairs(*as_label_pair(reference, prediction))
    pairs = np.stack([keys >> np.uint64(32), keys & np.uint64(0xFFFFFFFF)], axis=1)
    reference_labels, reference_counts = _sum_by(pairs[:, 0], counts)
    prediction_labels, prediction_counts = _sum_by(pairs[:, 1], counts)
    return Overlaps(pairs, counts, reference_labels, reference_counts, prediction_labels, prediction_counts)


def _sum_by(labels: NDArray[np.uint64], counts: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    unique, inverse = np.unique(labels, return_inverse=True)
    sums = np.zeros(len(unique), dtype=np.int64)
    np.add.at(sums, inverse, counts)
    return unique, sums
