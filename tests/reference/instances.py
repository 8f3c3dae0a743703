"""Instance agreement the plain way: sets of voxels, and every possible one-to-one assignment."""

import math
from fractions import Fraction

import numpy as np


def voxel_sets(labels, min_voxels):
    """The voxels of each instance that is large enough, and how many instances are not."""
    sets = [set(map(tuple, np.argwhere(labels == value))) for value in np.unique(labels[labels > 0])]
    kept = [voxels for voxels in sets if len(voxels) >= min_voxels]
    return kept, len(sets) - len(kept)


def iou(first, second):
    return Fraction(len(first & second), len(first | second))


def assignments(ours, theirs, lowest):
    """Every set of one-to-one pairs whose IoU is above ``lowest``."""
    if not ours:
        yield []
        return
    first, *rest = ours
    yield from assignments(rest, theirs, lowest)
    for i, other in enumerate(theirs):
        if iou(first, other) > lowest:
            for pairs in assignments(rest, theirs[:i] + theirs[i + 1 :], lowest):
                yield [(first, other), *pairs]


def best_assignments(ours, theirs, lowest):
    """All assignments with the greatest total IoU and, of these, most pairs."""
    scored = [((sum(iou(a, b) for a, b in pairs), len(pairs)), pairs) for pairs in assignments(ours, theirs, lowest)]
    best = max(score for score, _ in scored)
    return [pairs for score, pairs in scored if score == best]


def ratio(part, whole):
    return float(Fraction(part) / whole) if whole else math.nan


def possible_values(reference, prediction, voxel_ml, matching, min_voxels):
    """The numbers of every best assignment: one dictionary each, in the names of the table of metrics."""
    (ours, _), (theirs, _) = voxel_sets(reference, min_voxels), voxel_sets(prediction, min_voxels)
    (strict,) = best_assignments(ours, theirs, Fraction(1, 2))  # above 0.5 there is only one
    total = sum(iou(a, b) for a, b in strict)
    for pairs in best_assignments(ours, theirs, 0 if matching == "overlap" else Fraction(1, 2)):
        alone_ours = [a for a in ours if not any(a is x for x, _ in pairs)]
        alone_theirs = [b for b in theirs if not any(b is y for _, y in pairs)]
        half_errors = Fraction(len(alone_ours) + len(alone_theirs), 2)
        strict_errors = Fraction(len(ours) + len(theirs) - 2 * len(strict), 2)
        yield {
            "instance_f1": ratio(len(pairs), len(pairs) + half_errors),
            "instance_sensitivity": ratio(len(pairs), len(ours)),
            "false_positives": len(alone_theirs),
            "false_negatives": len(alone_ours),
            "pq": ratio(total, len(strict) + strict_errors),
            "sq": ratio(total, len(strict)),
            "rq": ratio(len(strict), len(strict) + strict_errors),
            "matched_dice": ratio(sum(Fraction(2 * len(a & b), len(a) + len(b)) for a, b in pairs), len(pairs)),
            "false_positive_volume_ml": sum(map(len, alone_theirs)) * voxel_ml,
            "false_negative_volume_ml": sum(map(len, alone_ours)) * voxel_ml,
            "splits": sum(sum(bool(a & b) for b in theirs) >= 2 for a in ours),
            "merges": sum(sum(bool(a & b) for a in ours) >= 2 for b in theirs),
        }
