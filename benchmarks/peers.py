"""The packages measured beside us, each as its users call it, and the two plain SciPy ways that are hardest to beat.

A peer that works label by label is a ``LabelPeer``: what it does once for all labels, then one label at a time, so
that a slow one can stop after some labels and be scaled. ``panoptica`` takes all labels in one call (``WholePeer``).
Peers give their numbers under our column names, but only those that mean the same under the convention named in
``convention``: every one of them is compared with ours.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from cases import Case
from numpy.typing import NDArray

from maskwright.machine import usable_cores

Mask = NDArray[np.bool_]
Values = dict[str, float]
CORES = usable_cores()


@dataclass(frozen=True)
class LabelPeer:
    """A peer that is called once a label; ``threads`` labels at a time."""

    name: str
    what: str
    begin: Callable[[Case], Any]
    label: Callable[[Case, Any, int], Values]
    convention: str = "metrics-reloaded"
    threads: int = 1


@dataclass(frozen=True)
class WholePeer:
    """A peer that takes all labels in one call."""

    name: str
    what: str
    whole: Callable[[Case], dict[int, Values]]
    convention: str = "metrics-reloaded"


def nothing(_case: Case) -> None:
    """Begin nothing: the peer looks at the whole volume for every label."""


def boxes(case: Case) -> dict[int, tuple[slice, ...]]:
    """Return the joint box of each label in both arrays, widened by one voxel: what a careful user crops to."""
    from scipy.ndimage import find_objects

    both = (find_objects(case.reference), find_objects(case.prediction))
    joint = {}
    for label in case.labels:
        parts = [found[label - 1] for found in both if label <= len(found) and found[label - 1] is not None]
        joint[label] = tuple(
            slice(max(min(part[axis].start for part in parts) - 1, 0), max(part[axis].stop for part in parts) + 1)
            for axis in range(case.reference.ndim)
        )
    return joint


def crop(case: Case, joint: dict[int, tuple[slice, ...]], label: int) -> tuple[Mask, Mask]:
    """Return both masks of a label in its joint box."""
    return case.reference[joint[label]] == label, case.prediction[joint[label]] == label


# MONAI -----------------------------------------------------------------------------------------------------------


def tensors(a: Mask, b: Mask) -> dict[str, Any]:
    import torch

    return {name: torch.from_numpy(mask[None, None]).float() for name, mask in (("y", a), ("y_pred", b))}


def monai_plain(case: Case, _context: None, label: int) -> Values:
    """One HD95 call on one one-hot channel of the whole volume: a (1, labels, 256, 512, 512) tensor would not fit."""
    from monai.metrics import compute_hausdorff_distance

    channel = tensors(case.reference == label, case.prediction == label)
    options = {"include_background": True, "spacing": case.spacing_mm}
    return {"hd95": compute_hausdorff_distance(**channel, percentile=95, **options).item()}


def monai_cropped(case: Case, joint: dict[int, tuple[slice, ...]], label: int) -> Values:
    """Every metric of MONAI that we have, on the cropped masks."""
    from monai import metrics

    channel = tensors(*crop(case, joint, label))
    options = {"include_background": True, "spacing": case.spacing_mm}
    return {
        "dice": metrics.compute_dice(**channel).item(),
        "iou": metrics.compute_iou(**channel).item(),
        "hd": metrics.compute_hausdorff_distance(**channel, **options).item(),
        "hd95": metrics.compute_hausdorff_distance(**channel, percentile=95, **options).item(),
        "assd": metrics.compute_average_surface_distance(**channel, symmetric=True, **options).item(),
        "nsd": metrics.compute_surface_dice(**channel, class_thresholds=[case.tolerance_mm], **options).item(),
    }


def monai_cropped_hd95(case: Case, joint: dict[int, tuple[slice, ...]], label: int) -> Values:
    """The one call of ``monai_plain``, on the cropped masks."""
    from monai.metrics import compute_hausdorff_distance

    channel = tensors(*crop(case, joint, label))
    options = {"include_background": True, "spacing": case.spacing_mm}
    return {"hd95": compute_hausdorff_distance(**channel, percentile=95, **options).item()}


# surface-distance, MedPy, panoptica ------------------------------------------------------------------------------


def patch_numpy_names() -> None:
    """Give surface-distance 0.1 the names that NumPy 2 dropped and it still uses on an empty mask."""
    np.inf, np.nan = np.inf, np.nan  # type: ignore[attr-defined]


def deepmind(case: Case, _context: None, label: int) -> Values:
    """Distances once, then the readers; the package finds the box of the masks by itself."""
    import surface_distance as peer

    patch_numpy_names()
    a, b = case.reference == label, case.prediction == label
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        distances = peer.compute_surface_distances(a, b, case.spacing_mm)
    there, back = peer.compute_average_surface_distance(distances)
    return {
        "dice": peer.compute_dice_coefficient(a, b),
        "hd": peer.compute_robust_hausdorff(distances, 100),
        "hd95": peer.compute_robust_hausdorff(distances, 95),
        "assd_reference_to_prediction": there,
        "assd_prediction_to_reference": back,
        "nsd": peer.compute_surface_dice_at_tolerance(distances, case.tolerance_mm),
    }


def medpy(case: Case, _context: None, label: int) -> Values:
    """HD95 and ASSD, two distance transforms of the whole volume each."""
    from medpy.metric import binary

    a, b = case.reference == label, case.prediction == label
    return {
        "dice": float(binary.dc(b, a)),
        "hd95": float(binary.hd95(b, a, case.spacing_mm)),
        "assd": float(binary.assd(b, a, case.spacing_mm)),
    }


def panoptica(case: Case) -> dict[int, Values]:
    """All labels as matched instances: one crop a label, one pair of distance transforms for all surface metrics."""
    from panoptica import InputType, Panoptica_Evaluator
    from panoptica.metrics import Metric
    from panoptica.utils.citation_reminder import disable_citation_reminder

    disable_citation_reminder()
    # Its "ASSD" is our MASD; its HD95 pools both sets and its NSD does not: they are computed, but not comparable.
    wanted = {"dice": Metric.DSC, "iou": Metric.IOU, "masd": Metric.ASSD, "hd": Metric.HD}
    evaluator = Panoptica_Evaluator(
        expected_input=InputType.MATCHED_INSTANCE,
        instance_metrics=[*wanted.values(), Metric.HD95, Metric.NSD, Metric.RVD],
        global_metrics=[],
    )
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        result = evaluator.evaluate(case.prediction, case.reference, result_all=False, voxelspacing=case.spacing_mm)
    (group,) = result.values()
    lists = {column: group._list_metrics[metric].ALL for column, metric in wanted.items()}
    return {
        label: {column: float(values[k]) for column, values in lists.items()} for k, label in enumerate(case.labels)
    }


# The plain SciPy ways --------------------------------------------------------------------------------------------


def surface(mask: Mask) -> Mask:
    """Return the surface voxels by comparing whole slices, several times faster than a binary erosion."""
    inner = np.zeros_like(mask)
    middle = (slice(1, -1),) * mask.ndim
    inner[middle] = mask[middle]
    for axis in range(mask.ndim):
        for side in (slice(None, -2), slice(2, None)):
            window = list(middle)
            window[axis] = side
            inner[middle] &= mask[tuple(window)]
    return mask & ~inner


def surface_metrics(there: NDArray[np.float64], back: NDArray[np.float64], tolerance_mm: float) -> Values:
    """Return the metrics of the default convention from the two lists of distances."""
    pooled = np.concatenate([there, back])
    return {
        "hd": float(pooled.max()),
        "hd95": float(max(np.percentile(there, 95), np.percentile(back, 95))),
        "assd": float(pooled.mean()),
        "masd": float((there.mean() + back.mean()) / 2),
        "nsd": float(np.mean(pooled <= tolerance_mm * (1 + 1e-9))),
    }


def overlap_metrics(a: Mask, b: Mask) -> Values:
    both, sum_a, sum_b = int((a & b).sum()), int(a.sum()), int(b.sum())
    return {"dice": 2 * both / (sum_a + sum_b), "iou": both / (sum_a + sum_b - both)}


def kd_tree(case: Case, joint: dict[int, tuple[slice, ...]], label: int) -> Values:
    """A tree on each surface of the cropped masks; both cores are busy with two labels, or with one label's queries."""
    from scipy.spatial import cKDTree

    a, b = crop(case, joint, label)
    spacing, workers = np.array(case.spacing_mm), -1 if len(case.labels) == 1 else 1
    points = [np.argwhere(surface(mask)) * spacing for mask in (a, b)]
    trees = [cKDTree(p, leafsize=32, compact_nodes=False, balanced_tree=False) for p in points]
    there, back = (trees[1 - k].query(points[k], workers=workers)[0] for k in (0, 1))
    return {**overlap_metrics(a, b), **surface_metrics(there, back, case.tolerance_mm)}


def crop_transform(case: Case, joint: dict[int, tuple[slice, ...]], label: int) -> Values:
    """A distance transform from each surface in the joint box; both cores are busy, as in ``kd_tree``."""
    from scipy.ndimage import distance_transform_edt

    a, b = crop(case, joint, label)
    surfaces = surface(a), surface(b)
    with ThreadPoolExecutor(2 if len(case.labels) == 1 else 1) as pool:
        to_a, to_b = pool.map(lambda mask: distance_transform_edt(~mask, sampling=case.spacing_mm), surfaces)
    return {
        **overlap_metrics(a, b),
        **surface_metrics(to_b[surfaces[0]], to_a[surfaces[1]], case.tolerance_mm),
    }


PEERS: tuple[LabelPeer | WholePeer, ...] = (
    LabelPeer("kd-tree", "scipy cKDTree on surface voxels of cropped boxes", boxes, kd_tree, threads=CORES),
    LabelPeer("crop-edt", "scipy distance transform in cropped boxes", boxes, crop_transform, threads=CORES),
    WholePeer("panoptica", "panoptica, labels as matched instances", panoptica),
    LabelPeer("monai-cropped", "MONAI on cropped boxes: Dice, IoU, HD, HD95, ASSD, NSD", boxes, monai_cropped),
    LabelPeer("monai-cropped-hd95", "one MONAI HD95 call on cropped boxes", boxes, monai_cropped_hd95),
    LabelPeer("monai-plain", "MONAI compute_hausdorff_distance(percentile=95) alone", nothing, monai_plain),
    LabelPeer("deepmind", "surface-distance: Dice, HD, HD95, ASD, NSD", nothing, deepmind, "deepmind"),
    LabelPeer("medpy", "MedPy: Dice, HD95, ASSD", nothing, medpy, "medpy"),
)
