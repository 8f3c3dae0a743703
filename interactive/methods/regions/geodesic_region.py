"""A prompt to a region at full resolution: the voxels that the newest prompt adds to the mask, or takes from it.

Prompts are answered one by one. The first one grows into an object; each further one marks a wrong part of the mask,
and the region connected to it is added or taken away. All else stays as it was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.methods.regions.correction import correct_mask
from maskwright.interactive.methods.regions.first_mask import first_mask
from maskwright.interactive.methods.regions.level_set import ExtentPrior
from maskwright.interactive.methods.regions.scribbles import segment_scribbles
from maskwright.interactive.methods.task import Task


def grow_region(task: Task, extent: ExtentPrior | None = None) -> NDArray[np.bool_]:
    """Return the object's mask after the newest prompt.

    Parameters
    ----------
    task : Task
        The crop, all prompts, and the mask before this prompt (see ``Task``).
    extent : ExtentPrior, of the crop's spatial shape, or None
        The extent by another method, a network say. The border is found in the image.

    Returns
    -------
    bool, the crop's spatial shape
        Positive prompts are inside and negative ones outside. Where the newest prompt agrees with the mask already,
        the mask is as it was. Empty if there is nothing to start from: no positive prompt and no box.

    Notes
    -----
    Two opposing scribbles compete for the image (``segment_scribbles``). Otherwise a region is a level set of the
    geodesic distance from the prompt, the one with the weakest border for its size (``best_level_set``). A correction
    starts at some depth inside the wrong part of the mask. An annotator points to the middle of that part, so it is
    expected to be about a ball of that depth.
    """
    if task.has_opposing_scribbles:
        mask = segment_scribbles(task)
    elif task.previous is None or not task.previous.any():
        mask = first_mask(task, extent)
    else:
        mask = correct_mask(task, task.previous, extent)
    return (mask | task.positive) & ~task.negative
