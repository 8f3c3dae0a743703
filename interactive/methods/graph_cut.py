"""Graph cut: geodesic regions whose borders are moved to the edges of image and local appearance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.methods.appearance import local_log_odds
from maskwright.interactive.methods.band import Band, band_of
from maskwright.interactive.methods.method import TaskMethod
from maskwright.interactive.methods.regions.geodesic_region import grow_region
from maskwright.interactive.methods.task import Task
from maskwright.kernels.graph_cut import graph_cut

# In log-odds: the weights of a unit of depth, of appearance, of a face of the border, and of a voxel that the edit
# corrected: else thin corrections would be cut away again.
DEPTH_WEIGHT, APPEARANCE_WEIGHT, BORDER_WEIGHT, CORRECTION_WEIGHT = 0.5, 0.5, 1.0, 4.0
# Appearance is learned from voxels so far, in units, from the border.
CORE = 2.0


def sharpen(task: Task, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask, the border of its newest edit moved by a few voxels to the edges of the image.

    Parameters
    ----------
    task : Task
        The task of the method; the border is new where the mask differs from ``previous``.
    mask : bool, the task's spatial shape
        The mask of the edit so far.

    Returns
    -------
    bool, the same shape
        The minimum of a cost within the band (``band_of``): depth inside the mask, appearance learned from both sides
        near by and from the correction, and the border's faces, cheap across edges of the image. Outside the band the
        mask is as it was.
    """
    band = band_of(task, mask)
    if band is None:
        return mask
    log_odds = DEPTH_WEIGHT * band.depth[band.inner] + APPEARANCE_WEIGHT * _appearance(task, band)
    log_odds[band.correction[band.inner]] += CORRECTION_WEIGHT if task.newest_positive else -CORRECTION_WEIGHT
    costs = np.maximum(-log_odds, 0).astype(np.float32), np.maximum(log_odds, 0).astype(np.float32)
    weights = tuple(np.float32(BORDER_WEIGHT) * weight for weight in band.weights)
    result = mask.copy()
    result[band.window] = graph_cut(*costs, weights, free=band.free, start=band.mask)
    return result


def _appearance(task: Task, band: Band) -> NDArray[np.float32]:
    """Return the log-odds of the window's appearance; in colour the mean over the channels."""
    gained, lost = band.correction & (band.depth > 0), band.correction & (band.depth < 0)
    inside = (band.depth > CORE) | task.positive[band.around] | gained
    outside = (band.depth < -CORE) | task.negative[band.around] | lost
    values = band.values if task.color else band.values[..., None]
    channels = [local_log_odds(values[..., k], inside, outside, band.inner) for k in range(values.shape[-1])]
    mean: NDArray[np.float32] = np.mean(channels, axis=0, dtype=np.float32)
    return mean


def segment(task: Task) -> NDArray[np.bool_]:
    """Return the geodesic region of the newest prompt, its border sharpened."""
    return sharpen(task, grow_region(task))


METHOD = TaskMethod("cut", segment)
