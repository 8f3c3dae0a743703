"""Graph cut: geodesic regions whose borders are cut anew where image and local appearance want them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.methods.appearance import local_log_odds
from maskwright.interactive.methods.band import Band, band_of
from maskwright.interactive.methods.method import TaskMethod
from maskwright.interactive.methods.regions.geodesic_region import grow_region
from maskwright.interactive.methods.task import Task
from maskwright.kernels.graph_cut import graph_cut

# In log-odds: what a unit of depth, what looks and what an uncut face count for, and what a voxel that was corrected
# has in its favour: else thin corrections would be cut away again.
BY_DEPTH, BY_LOOKS, BY_BORDER, BY_CORRECTION = 0.5, 0.5, 1.0, 4.0
# Looks are learned from voxels so far, in units, from the border.
CORE = 2.0


def sharpen(task: Task, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask with the border that the newest prompt has drawn moved by a few voxels to where it belongs.

    Parameters
    ----------
    task : Task
        As the method was given it; ``previous`` says which part of the border is new.
    mask : bool, the task's spatial shape
        What the method made of it.

    Returns
    -------
    bool, the same shape
        The minimum of a cost within the band (``band_of``): depth inside the mask, looks learned from both sides near
        by and from what was corrected, and the border's faces, cheap across edges of the image. Outside the band the
        mask is as it was.
    """
    band = band_of(task, mask)
    if band is None:
        return mask
    log_odds = BY_DEPTH * band.depth[band.inner] + BY_LOOKS * _looks(task, band)
    log_odds[band.corrected[band.inner]] += BY_CORRECTION if task.latest_positive else -BY_CORRECTION
    costs = np.maximum(-log_odds, 0).astype(np.float32), np.maximum(log_odds, 0).astype(np.float32)
    weights = tuple(np.float32(BY_BORDER) * weight for weight in band.weights)
    result = mask.copy()
    result[band.window] = graph_cut(*costs, weights, free=band.free, start=band.mask)
    return result


def _looks(task: Task, band: Band) -> NDArray[np.float32]:
    """Return the log-odds of the window's looks; in colour the mean over the channels."""
    gained, lost = band.corrected & (band.depth > 0), band.corrected & (band.depth < 0)
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
