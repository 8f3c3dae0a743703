"""The default method: our promptable network for the extent, the edges of the image, and a cut along the border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from maskwright.interactive.image import Image
from maskwright.interactive.methods.graph_cut import sharpen
from maskwright.interactive.methods.method import SUPPORTS_ALL, Segmenter, Supports, TaskSegmenter, package_version
from maskwright.interactive.methods.network.planes import extent_in_planes
from maskwright.interactive.methods.network.prediction import MODEL, predict
from maskwright.interactive.methods.regions.geodesic_region import grow_region
from maskwright.interactive.methods.regions.level_set import ExtentPrior
from maskwright.interactive.methods.task import Task
from maskwright.interactive.models.runtime import model_provenance
from maskwright.kernels.mask import Mask

SIMILAR_DICE = 0.6
"""The network draws a border if its mask has this Dice with the region that the image's edges gave."""
BORDER_VOXELS = 3
CONFIDENT_LOG_ODDS = 0.5


@dataclass(frozen=True)
class Network:
    """The embedded network gives an extent, the image decides on the border.

    In 2-D the network answers every prompt. In 3-D it sees the three planes through the first one; corrections are
    found in the image alone.
    """

    name: str = "network"
    supports: Supports = SUPPORTS_ALL

    def provenance(self) -> dict[str, str]:
        """Return name and version, the hash of the model, and its runtime; see `Method`."""
        return {"name": self.name, "version": package_version(), **model_provenance(MODEL)}

    def open(self, image: Image) -> Segmenter:
        """Return a segmenter; the network's weights are shared by all images."""
        return TaskSegmenter(segment)


METHOD = Network()


def segment(task: Task) -> Mask:
    """Return the mask of the prompted object."""
    return sharpen(task, _segment_plane(task) if task.positive.ndim == 2 else _segment_volume(task))


def _segment_volume(task: Task) -> Mask:
    return grow_region(task, extent_in_planes(task, _segment_plane) if task.previous is None else None)


def _segment_plane(task: Task) -> Mask:
    if task.has_opposing_scribbles:
        return grow_region(task)
    log_odds = predict(task)
    region = grow_region(task, ExtentPrior.everywhere(log_odds > 0))
    return region if task.previous is None else _redraw_border(task.previous, region, log_odds)


def _redraw_border(previous: Mask, region: Mask, log_odds: NDArray[np.float32]) -> Mask:
    """Let the network draw the border of a correction where, on the whole, it finds the same object."""
    predicted = log_odds > 0
    common = 2 * np.count_nonzero(predicted & region)
    if common < SIMILAR_DICE * (np.count_nonzero(predicted) + np.count_nonzero(region)):
        return region
    near = ndimage.binary_dilation(previous ^ region, iterations=BORDER_VOXELS)
    return np.where(near & (np.abs(log_odds) > CONFIDENT_LOG_ODDS), predicted, region)
