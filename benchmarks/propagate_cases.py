"""Volumes with known labels for the propagation benchmark: shared development data, and synthetic blobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

VOLUMES = Path(__file__).resolve().parents[2] / "shared" / "data" / "volumes"
FOUR = (1, 5, 20, 86)
# A structure on fewer slices than this has nothing to be propagated.
FEWEST = 6
CASES = ("ct-5", "ct-10", "ct-rest-5", "ct-rest-10", "ct-y-5", "brain-5", "blobs-5", "blobs-10")


@dataclass(frozen=True, eq=False)
class Structure:
    """One label of a volume, the propagated axis first, and the given slices."""

    name: str
    image: NDArray[np.generic]
    reference: NDArray[np.bool_]
    spacing_mm: tuple[float, float, float]
    given: tuple[int, ...]

    @property
    def unseen(self) -> list[int]:
        """The slices between the first and the last that hold the label and are not given."""
        filled = np.flatnonzero(self.reference.any(axis=(1, 2)))
        return [k for k in range(int(filled[0]), int(filled[-1]) + 1) if k not in self.given]

    @property
    def sparse(self) -> NDArray[np.bool_]:
        sparse = np.zeros_like(self.reference)
        sparse[list(self.given)] = self.reference[list(self.given)]
        return sparse


def structures(case: str) -> Iterator[Structure]:
    """Yield the structures of one case: every k-th slice from the first labelled one, and the last one, is given."""
    source, step = case.rsplit("-", 1)
    every = int(step)
    if source == "blobs":
        for seed in range(6):
            image, labels = blobs(seed)
            for label in np.unique(labels)[1:]:
                yield structure(f"{seed}/{label}", image, labels == label, (3.0, 1.0, 1.0), every)
        return
    image, labels, spacing_mm = volume("brain" if source == "brain" else "ct")
    if source == "ct-y":
        image, labels = np.moveaxis(image, 1, 0), np.moveaxis(labels, 1, 0)
        spacing_mm = (spacing_mm[1], spacing_mm[0], spacing_mm[2])
    names = [int(label) for label in np.unique(labels) if label]
    chosen = {"ct-rest": [n for n in names if n not in FOUR], "brain": names}.get(source, list(FOUR))
    for label in chosen:
        reference = labels == label
        if np.count_nonzero(reference.any(axis=(1, 2))) >= FEWEST:
            yield structure(str(label), image, reference, spacing_mm, every)


def structure(
    name: str,
    image: NDArray[np.generic],
    reference: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    every: int,
) -> Structure:
    filled = np.flatnonzero(reference.any(axis=(1, 2)))
    given = sorted({*range(int(filled[0]), int(filled[-1]) + 1, every), int(filled[-1])})
    return Structure(name, image, reference, spacing_mm, tuple(given))


def volume(name: str) -> tuple[NDArray[np.generic], NDArray[np.generic], tuple[float, float, float]]:
    import maskwright as mw

    files = {
        "ct": ("example_ct_sm.nii.gz", "example_seg.nii.gz"),
        "brain": ("brain1_image.nrrd", "brain1_label.nrrd"),
    }[name]
    image, labels = mw.read(VOLUMES / files[0]), mw.read_labels(VOLUMES / files[1])
    return image.array, labels.array, image.spacing_mm


def blobs(seed: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return 31 slices of a moving, a growing and a splitting blob: textured like their ground, blurred and noisy."""
    rng = np.random.default_rng(seed)
    slices, size = 31, 96
    labels = np.zeros((slices, size, size), np.uint8)
    y, x = np.mgrid[:size, :size]
    wave = ndimage.gaussian_filter(rng.normal(size=(slices, size, size)), (4, 5, 5))
    wave *= 3 / wave.std()
    drift = rng.uniform(-0.8, 0.8, (3, 2))
    for z in range(slices):
        away = z - slices / 2
        moving = np.hypot(y - 26 - drift[0, 0] * away, x - 26 - drift[0, 1] * away) + wave[z] < 12
        growing = np.hypot(y - 28 - drift[1, 0] * away / 2, x - 70) + wave[z] < 8 + 0.4 * z
        half = max(0.0, away * 0.8)
        parts = [np.hypot(y - 70, x - 48 - side * half) for side in (-1, 1)]
        splitting = np.minimum(*parts) + wave[z] < 11
        for label, mask in enumerate((moving, growing, splitting), start=1):
            labels[z][mask & (labels[z] == 0)] = label
    levels = rng.uniform(-0.25, 0.25, 4)
    texture = ndimage.gaussian_filter(rng.normal(size=labels.shape), (3, 1.5, 1.5))
    image = levels[labels] + 0.06 * texture / texture.std()
    image = ndimage.gaussian_filter(image, (0.5, 0.8, 0.8)) + rng.normal(scale=0.03, size=labels.shape)
    return image.astype(np.float32), labels
