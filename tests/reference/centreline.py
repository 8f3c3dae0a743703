"""clDice the plain way: scikit-image's default skeletons (Zhang in 2-D, Lee in 3-D), voxels counted one by one."""

import math

from skimage.morphology import skeletonize


def cldice(reference, prediction):
    """The definition; only for masks none of whose components scikit-image thins away."""
    shares = []
    for mask, other in ((prediction, reference), (reference, prediction)):
        centre = list(zip(*skeletonize(mask).nonzero()))
        shares.append(sum(bool(other[voxel]) for voxel in centre) / len(centre) if centre else math.nan)
    precision, sensitivity = shares
    return 2 * precision * sensitivity / (precision + sensitivity) if precision + sensitivity else 0.0
