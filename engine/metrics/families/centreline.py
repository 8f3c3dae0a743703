"""clDice: the share of each mask's centreline inside the other mask."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.metrics.inputs import Masks
from maskwright.engine.metrics.metric import NAN, Metric, in_every_convention
from maskwright.errors import LabelError
from maskwright.kernels.components import label_components
from maskwright.kernels.label_array import as_label_pair
from maskwright.kernels.mask import Mask, bounds_of


def cldice(reference: Mask, prediction: Mask) -> float:
    """Return the centreline Dice of two masks of tubular structures.

    The harmonic mean of the share of the prediction's skeleton inside the reference (topology precision) and the share
    of the reference's skeleton inside the prediction (topology sensitivity): Shit et al., CVPR 2021. Skeletons are
    scikit-image's default, as in clDice's own code and in Metrics Reloaded's: Zhang and Suen 1984 in 2-D, Lee, Kashyap
    and Chu 1994 in 3-D. They are counted in voxels whatever their spacing.

    In 3-D scikit-image thins some components away entirely, such as tubes two or four voxels wide (its issue 3757). No
    component is left out here: one that vanishes is thinned again a voxel thicker, and if it vanishes again (a plate
    of 2 x 2 voxels does), all its voxels are its skeleton.

    Parameters
    ----------
    reference, prediction : bool, shape (y, x) or (z, y, x)
        Of equal shape; any strides.

    Returns
    -------
    float
        Between 0 and 1; NaN if both masks are empty, 0 if one is.

    Raises
    ------
    LabelError
        A mask is not bool.
    InputError, GeometryError
        Another number of axes than 2 or 3, or different shapes.

    Examples
    --------
    >>> tube = np.zeros((5, 20), bool)
    >>> tube[1:4, 1:19] = True
    >>> cldice(tube, tube)
    1.0
    """
    for name, mask in (("reference", reference), ("prediction", prediction)):
        if mask.dtype != np.bool_:
            raise LabelError(f"{name} is {mask.dtype}; expected a bool mask: pass labels == label")
    as_label_pair(reference, prediction)
    if not (reference.any() and prediction.any()):
        return 0.0 if reference.any() or prediction.any() else math.nan
    box = bounds_of(reference | prediction)
    # One layer of background around: Lee's thinning would take a volume of one slice for an image without it.
    reference, prediction = np.pad(reference[box], 1), np.pad(prediction[box], 1)
    precision = float(reference[_skeleton(prediction)].mean())
    sensitivity = float(prediction[_skeleton(reference)].mean())
    return 2 * precision * sensitivity / (precision + sensitivity) if precision + sensitivity > 0 else 0.0


def _skeleton(mask: Mask) -> Mask:
    """The skeleton of a mask with a layer of background around it: at least one voxel of each component."""
    from scipy.ndimage import binary_dilation
    from skimage.morphology import skeletonize

    skeleton: Mask = skeletonize(mask)
    components = label_components(mask)
    vanished = _without(skeleton, components.labels, components.count)
    if vanished.any():
        thicker = binary_dilation(vanished, np.ones((2,) * mask.ndim), origin=-1)
        skeleton |= skeletonize(thicker) & vanished
        skeleton |= _without(skeleton, components.labels, components.count)
    return skeleton


def _without(skeleton: Mask, labels: NDArray[np.uint32], count: int) -> Mask:
    """The voxels of the components that hold no voxel of the skeleton."""
    empty = np.bincount(labels[skeleton], minlength=count + 1) == 0
    empty[0] = False
    voxels: Mask = empty[labels]
    return voxels


def _cldice(masks: Masks) -> float:
    return cldice(masks.reference, masks.prediction)


METRICS = (
    Metric(
        name="cldice",
        title="clDice",
        definition="harmonic mean of |skel(B) in A| / |skel(B)| and |skel(A) in B| / |skel(A)|; Zhang (2-D), Lee (3-D)",
        source="Shit et al., clDice, CVPR 2021",
        needs="masks",
        functions=in_every_convention(_cldice),
        both_empty=NAN,
        reference_empty=0.0,
        prediction_empty=0.0,
    ),
)
