"""The images of the assist benchmark: an image, the reference of one object in it, perhaps scribbles.

The development data lies in ``shared/data`` beside the repository; where it is not, a set is empty and says so.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

DATA = Path(os.environ.get("MASKWRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
THREE_D = {"brain-tumour": None, "ct-spleen": 1, "ct-liver": 5}
OTHER_ORGANS = (2, 3, 6, 14, 20, 30, 63, 86, 117)
SLICED_ORGANS = (1, 2, 5, 6, 7, 14, 20, 52, 63, 86)
NUCLEI = 12
SYNTHETIC = 12

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Target:
    """One object to segment. ``scribbles``: bool (annotator, positive or negative, y, x)."""

    name: str
    image: Image
    reference: Mask
    spacing_mm: tuple[float, ...]
    scribbles: NDArray[np.bool_] | None = None

    @property
    def kind(self) -> str:
        return self.name.split("/")[0]


def targets(name: str) -> list[Target]:
    """Return the targets of a set."""
    return SETS[name]()


def no_data(name: str) -> str:
    """Return why a set cannot be read here, or nothing."""
    return "" if name == "synthetic" or DATA.exists() else f"the development data is not at {DATA}"


def _medscribble() -> list[Target]:
    data = np.load(DATA / "medscribble_dev.npz")
    return [
        Target(str(name), image.astype(np.float32), mask, (1.0, 1.0), scribbles)
        for name, image, mask, scribbles in zip(data["name"], data["image"], data["mask"], data["scribbles"])
    ]


def _nuclei() -> list[Target]:
    """Instances of all sizes: every so many of them, ordered by size."""
    import tifffile

    image = tifffile.imread(DATA / "nuclei" / "img2d.tif").astype(np.float32)
    labels = tifffile.imread(DATA / "nuclei" / "mask2d.tif")
    sizes = np.bincount(labels.reshape(-1))
    ordered = sorted((size, label) for label, size in enumerate(sizes) if label and size)
    chosen = [ordered[k][1] for k in np.linspace(len(ordered) * 0.1, len(ordered) - 1, NUCLEI).astype(int)]
    return [Target(f"nucleus/{label}", image, labels == label, (1.0, 1.0)) for label in chosen]


@functools.cache
def _ct() -> tuple[Image, NDArray[np.uint8], tuple[float, ...]]:
    import nibabel

    image, labels = (nibabel.load(DATA / "volumes" / f"example_{part}.nii.gz") for part in ("ct_sm", "seg"))
    spacing = tuple(float(step) for step in image.header.get_zooms()[::-1])
    arrays = (np.ascontiguousarray(np.asarray(part.dataobj).T) for part in (image, labels))
    values, names = arrays
    return values.astype(np.float32), names.astype(np.uint8), spacing


def _ct_target(name: str, label: int) -> Target:
    image, labels, spacing = _ct()
    return Target(name, image, labels == label, spacing)


def _three_d() -> list[Target]:
    import nrrd

    image, header = nrrd.read(str(DATA / "volumes" / "brain1_image.nrrd"))
    mask, _ = nrrd.read(str(DATA / "volumes" / "brain1_label.nrrd"))
    spacing = tuple(float(np.linalg.norm(row)) for row in header["space directions"])[::-1]
    targets = []
    for name, label in THREE_D.items():
        if label is None:
            arrays = np.ascontiguousarray(image.T.astype(np.float32)), np.ascontiguousarray(mask.T > 0)
            targets.append(Target(name, *arrays, spacing))
        else:
            targets.append(_ct_target(name, label))
    return targets


def _other_organs() -> list[Target]:
    return [_ct_target(f"ct-label-{label}", label) for label in OTHER_ORGANS]


def _slices() -> list[Target]:
    """The slice of each organ where it is largest."""
    image, labels, spacing = _ct()
    targets = []
    for label in SLICED_ORGANS:
        mask = labels == label
        z = int(np.argmax(mask.sum(axis=(1, 2))))
        targets.append(Target(f"ct-slice-{label}", image[z].copy(), mask[z].copy(), spacing[1:]))
    return targets


def _synthetic() -> list[Target]:
    """Painted blobs of several grey values, with texture, a bias field, blur and noise that differ by image."""
    return [_painted(seed) for seed in range(SYNTHETIC)]


def _painted(seed: int) -> Target:
    rng = np.random.default_rng(1000 + seed)
    size, count = 192, int(rng.integers(4, 10))
    labels = np.zeros((size, size), np.uint8)
    fields = [gaussian_filter(rng.normal(size=labels.shape), rng.uniform(8, 30)) for _ in range(count)]
    for label, field in enumerate(fields, start=1):
        labels[field > np.quantile(field, rng.uniform(0.7, 0.95))] = label
    means, textures = rng.uniform(0, 1, count + 1), rng.uniform(0.0, 0.15, count + 1)
    grain = gaussian_filter(rng.normal(size=labels.shape), rng.uniform(0.5, 3))
    image = means[labels] + textures[labels] * grain / grain.std()
    bias = gaussian_filter(rng.normal(size=labels.shape), 50)
    image *= 1 + 0.3 * bias / np.abs(bias).max()
    image = gaussian_filter(image, rng.uniform(0.3, 1.5)) + rng.normal(0, rng.uniform(0.01, 0.12), labels.shape)
    return Target(f"painted/{seed}", image.astype(np.float32), _some_component(labels, rng), (1.0, 1.0))


def _some_component(labels: NDArray[np.uint8], rng: np.random.Generator) -> Mask:
    from maskwright.kernels.components import label_components

    components = label_components(labels, 4)
    sizes = np.bincount(components.labels.reshape(-1))
    sizes[np.unique(components.labels[labels == 0])] = 0
    return np.asarray(components.labels == rng.choice(np.flatnonzero(sizes > 150)))


def upsampled(shape: tuple[int, int], count: int) -> list[Target]:
    """Return development images enlarged to ``shape``, one of each kind first."""
    targets = []
    for target in _medscribble()[::2][:count]:
        factor = [new / old for new, old in zip(shape, target.image.shape)]
        reference = zoom(target.reference.astype(np.float32), factor, order=1) > 0.5
        targets.append(Target(target.name, zoom(target.image, factor, order=1), reference, (0.5, 0.5)))
    return targets


def cubes(side: int) -> list[Target]:
    """Return cubes of the CT, enlarged to 1 mm, around three organs."""
    targets = []
    for label in (1, 2, 52):
        image, labels, spacing = _ct()
        half = [int(np.ceil(side / step / 2)) + 1 for step in spacing]
        middle = np.median(np.argwhere(labels == label), axis=0).astype(int)
        low = [int(np.clip(m - h, 0, max(n - 2 * h, 0))) for m, h, n in zip(middle, half, image.shape)]
        box = tuple(slice(a, a + 2 * h) for a, h in zip(low, half))
        cut = (slice(0, side),) * 3
        large = zoom(image[box], spacing, order=1)
        reference = zoom((labels[box] == label).astype(np.float32), spacing, order=1) > 0.5
        short = [(0, max(0, side - n)) for n in large.shape]
        arrays = np.pad(large, short, mode="edge")[cut], np.pad(reference, short)[cut]
        targets.append(Target(f"cube-{label}", *(np.ascontiguousarray(a) for a in arrays), (1.0, 1.0, 1.0)))
    return targets


SETS: dict[str, Callable[[], list[Target]]] = {
    "medscribble": _medscribble,
    "nuclei": _nuclei,
    "ct-slices": _slices,
    "synthetic": _synthetic,
    "3d": _three_d,
    "ct-organs": _other_organs,
}


def chosen(names: Sequence[str]) -> list[str]:
    """Return names of sets: ``2d`` and ``all`` stand for several."""
    groups = {"2d": ["medscribble"], "other2d": ["nuclei", "ct-slices", "synthetic"], "all": list(SETS)}
    return [name for given in names for name in groups.get(given, [given])]
