"""The three conventions against the packages they come from, run on the same masks. Peers are installed for this only.

What is not compared: empty masks, which MONAI scores as NaN, infinity or 0, MedPy refuses, and surface-distance 0.1
crashes on with NumPy 2 (our own rule stands in tests/reference/surface_metrics.py); MedPy has no surface Dice, and
surface-distance no pooled ASSD. MONAI answers in float32.
"""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import surface_distance
from medpy.metric import binary as medpy

from maskwright.engine.metrics.compare import compare
from support.label_pairs import KINDS, make_pair

TOLERANCE_MM = 1.0
SHAPES = ((14, 15, 22), (9, 30, 8), (1, 12, 12), (40, 37), (25, 64))


def pairs():
    """Return the pairs on which both masks hold label 1: 2-D, 3-D, anisotropic, full, touching the border."""
    found = []
    for seed in range(90):
        kinds = (KINDS[seed % len(KINDS)], KINDS[(seed // 3) % len(KINDS)])
        pair = make_pair(seed, SHAPES[seed % len(SHAPES)], "uint8", kinds, related=seed % 2 == 0)
        if (pair.reference == 1).any() and (pair.prediction == 1).any():
            found.append(pytest.param(pair, id=f"{seed}-{'x'.join(map(str, pair.reference.shape))}"))
    return found


PAIRS = pairs()


def our_values(pair, convention):
    result = compare(
        pair.reference,
        pair.prediction,
        spacing_mm=pair.spacing_mm,
        tolerance_mm=TOLERANCE_MM,
        convention=convention,
        labels=[1],
    )
    return result.labels[1].values


def masks(pair):
    return pair.reference == 1, pair.prediction == 1


@pytest.fixture(scope="module")
def monai_metrics():
    """MONAI's functions; five seconds to import, so only here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import monai.metrics
    return monai.metrics


def as_tensors(pair):
    import torch

    return {
        name: torch.from_numpy(mask[None, None].astype(np.float32))
        for name, mask in zip(("y", "y_pred"), masks(pair), strict=True)
    }


def test_pairs_cover_every_kind():
    assert len(PAIRS) >= 36
    assert {pair.values[0].reference.ndim for pair in PAIRS} == {2, 3}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_default_convention_equals_monai(pair, monai_metrics):
    tensors = as_tensors(pair)
    options = {"include_background": True, "spacing": pair.spacing_mm}
    flipped = {"y": tensors["y_pred"], "y_pred": tensors["y"]}
    directed = [monai_metrics.compute_average_surface_distance(**both, **options).item() for both in (tensors, flipped)]
    expected = {
        "dice": monai_metrics.compute_dice(**tensors).item(),
        "iou": monai_metrics.compute_iou(**tensors).item(),
        "hd": monai_metrics.compute_hausdorff_distance(**tensors, **options).item(),
        "hd95": monai_metrics.compute_hausdorff_distance(**tensors, percentile=95, **options).item(),
        # MONAI's symmetric average is the mean over both sets pooled, as ours.
        "assd": monai_metrics.compute_average_surface_distance(**tensors, symmetric=True, **options).item(),
        "masd": sum(directed) / 2,
        "nsd": monai_metrics.compute_surface_dice(**tensors, class_thresholds=[TOLERANCE_MM], **options).item(),
    }
    ours = our_values(pair, "metrics-reloaded")
    # float32: about seven digits; but for a percentile the rank, too, is a float32, here off by up to 1e-4 of a voxel.
    assert ours["hd95"] == pytest.approx(expected.pop("hd95"), rel=2e-6, abs=1e-4)
    assert {name: ours[name] for name in expected} == pytest.approx(expected, rel=2e-6, abs=1e-6)


@pytest.mark.parametrize("pair", PAIRS)
def test_medpy_convention_equals_medpy(pair):
    reference, prediction = masks(pair)
    expected = {
        "dice": medpy.dc(prediction, reference),
        "iou": medpy.jc(prediction, reference),
        "sensitivity": medpy.recall(prediction, reference),
        "precision": medpy.precision(prediction, reference),
        "hd": medpy.hd(prediction, reference, pair.spacing_mm),
        "hd95": medpy.hd95(prediction, reference, pair.spacing_mm),
        "assd": medpy.assd(prediction, reference, pair.spacing_mm),
        # The mean of the two directed means, which MedPy 0.4 called ASSD.
        "masd": (medpy.asd(prediction, reference, pair.spacing_mm) + medpy.asd(reference, prediction, pair.spacing_mm))
        / 2,
    }
    ours = our_values(pair, "medpy")
    assert {name: ours[name] for name in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert our_values(pair, "metrics-reloaded")["masd"] == ours["masd"]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_deepmind_convention_equals_surface_distance(pair):
    reference, prediction = masks(pair)
    distances = surface_distance.compute_surface_distances(reference, prediction, pair.spacing_mm)
    forward, backward = surface_distance.compute_average_surface_distance(distances)
    expected = {
        "dice": surface_distance.compute_dice_coefficient(reference, prediction),
        "hd": surface_distance.compute_robust_hausdorff(distances, 100),
        "hd95": surface_distance.compute_robust_hausdorff(distances, 95),
        "assd_reference_to_prediction": forward,
        "assd_prediction_to_reference": backward,
        "nsd": surface_distance.compute_surface_dice_at_tolerance(distances, TOLERANCE_MM),
    }
    ours = our_values(pair, "deepmind")
    assert {name: ours[name] for name in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_maskwright_itself_needs_no_peer():
    """Only this file and the benchmarks import the peers."""
    code = (
        "import sys, numpy; from maskwright.engine.metrics.compare import compare;"
        "one = numpy.ones((3, 3), 'uint8'); compare(one, one, spacing_mm=(1, 1), convention='deepmind');"
        "sys.exit(any(name in sys.modules for name in ('monai', 'medpy', 'surface_distance', 'SimpleITK')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
