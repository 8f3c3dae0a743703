"""Overlap counts of all labels: our one pass against SimpleITK's LabelOverlap and a NumPy joint histogram."""

from __future__ import annotations

import numpy as np
from cases import Case, build
from reading import read_both
from rows import Row, row_of_timings
from timing import interleave, timed

NAME = "overlap"
CASES = ("brain", "b20", "b100", "flat")


def run(case_name: str, *, quick: bool) -> list[Row]:
    """Return the rows of one case."""
    import SimpleITK as sitk  # noqa: N813

    from maskwright.kernels.overlap import count_overlaps

    case = build(case_name, quick=quick)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(2)
    # Making the images is not timed.
    images = sitk.GetImageFromArray(case.reference), sitk.GetImageFromArray(case.prediction)
    itk = sitk.LabelOverlapMeasuresImageFilter()
    found = interleave(
        {
            "maskwright": timed(lambda: count_overlaps(case.reference, case.prediction)),
            "read": timed(lambda: read_both(case)),
            "simpleitk": timed(lambda: itk.Execute(*images)),
            "numpy": timed(lambda: joint_histogram(case)),
        },
        rounds=15,
    )
    notes = {
        "read": "both arrays added up once, as 64-bit words, on both cores",
        "simpleitk": f"LabelOverlapMeasuresImageFilter; {dice_difference(case, itk)}",
        "numpy": "one bincount of reference * labels + prediction",
    }
    return [row_of_timings(NAME, case.name, name, timings, notes.get(name, "")) for name, timings in found.items()]


def joint_histogram(case: Case) -> np.ndarray:
    """Count all pairs of labels the plain way."""
    width = int(case.prediction.max()) + 1
    joint = case.reference.reshape(-1).astype(np.int64) * width + case.prediction.reshape(-1)
    return np.bincount(joint).reshape(-1, width)


def dice_difference(case: Case, itk: object) -> str:
    """Return how far our Dice and ITK's are apart at most."""
    from maskwright.kernels.overlap import count_overlaps

    counts = count_overlaps(case.reference, case.prediction)
    sizes = dict(zip(counts.reference_labels.tolist(), counts.reference_counts.tolist(), strict=True))
    predicted = dict(zip(counts.prediction_labels.tolist(), counts.prediction_counts.tolist(), strict=True))
    both = {int(a): int(n) for (a, b), n in zip(counts.pairs, counts.pair_counts, strict=True) if a == b}
    worst = max(
        abs(2 * both.get(label, 0) / (sizes[label] + predicted[label]) - itk.GetDiceCoefficient(label))  # type: ignore[attr-defined]
        for label in case.labels
    )
    return f"Dice differs by at most {worst:.1e}"
