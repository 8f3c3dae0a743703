"""Methods of other projects for clicks, each a function ``(image, positive, negative, previous, spacing_mm) -> mask``.

None of them keeps a state, so each is given all prompts so far with every click. The border of the image
counts as outside, always: with the border only until the first negative prompt, which is the other usual way, the
Voronoi's Dice after three clicks on ``medscribble`` falls from .62 to .37. In 3-D and on large images the slow ones see
the box of the prompts with a margin: on the whole they would take minutes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Spacing = tuple[float, ...]
Peer = Callable[[NDArray[np.float32], Mask, Mask, Mask | None, Spacing], Mask]

# Contrast against distance: how many mm a step over the whole robust range of intensities is worth.
CONTRAST_MM = 300.0
BETA = 130.0
MARGIN_MM = 60.0
# 2-D images of up to so many pixels are never cropped.
WHOLE = 1 << 17


def unit_range(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the image scaled so that its 0.5 and 99.5 percentiles are 0 and 1."""
    low, high = np.percentile(image, (0.5, 99.5))
    return np.clip((image - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)


def and_border(negative: Mask) -> Mask:
    """Return the negative prompts with the border of the image, in 3-D of every slice."""
    border = np.ones_like(negative)
    border[..., 1:-1, 1:-1] = False
    return border | negative


def nearer(to_positive: NDArray[Any], to_negative: NDArray[Any], positive: Mask, negative: Mask) -> Mask:
    """Return where the positive prompts are nearer, with every prompt on its own side."""
    mask: Mask = np.asarray(to_positive < to_negative)
    return (mask | positive) & ~(negative & ~positive)


def geodesic(image: NDArray[np.float32], positive: Mask, negative: Mask, _previous: Mask | None, mm: Spacing) -> Mask:
    """Plain geodesic Voronoi: two geodesic distances, the nearer prompt wins."""
    from maskwright.kernels.geodesic import geodesic_distance

    scaled = unit_range(image)
    outside = and_border(negative) & ~positive
    there, back = (geodesic_distance(scaled, seeds, mm, contrast=CONTRAST_MM) for seeds in (positive, outside))
    return nearer(there, back, positive, negative)


def random_walker(
    image: NDArray[np.float32], positive: Mask, negative: Mask, _previous: Mask | None, mm: Spacing
) -> Mask:
    """scikit-image, with the solver it recommends where pyamg is not there."""
    from skimage.segmentation import random_walker as walk

    seeds = np.where(positive, 1, np.where(and_border(negative), 2, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = walk(unit_range(image), seeds, beta=BETA, mode="cg_j", spacing=mm)
    return np.asarray(labels == 1)


def fast_marching(
    image: NDArray[np.float32], positive: Mask, negative: Mask, _previous: Mask | None, mm: Spacing
) -> Mask:
    """SimpleITK: two fronts, fast where the gradient is low; the first to arrive wins."""
    import SimpleITK as sitk  # noqa: N813

    picture = sitk.GetImageFromArray(unit_range(image))
    picture.SetSpacing([float(step) for step in mm[::-1]])
    gradient = sitk.GradientMagnitudeRecursiveGaussian(picture, sigma=min(mm))
    steepness = float(np.percentile(sitk.GetArrayViewFromImage(gradient), 90))
    speed = sitk.Exp(-gradient / max(steepness / 5, 1e-6)) + 1e-4
    arrivals = []
    for seeds in (positive, and_border(negative)):
        front = sitk.FastMarchingImageFilter()
        front.SetTrialPoints([[int(i) for i in index[::-1]] for index in np.argwhere(seeds)])
        front.SetStoppingValue(1e9)
        arrivals.append(sitk.GetArrayFromImage(front.Execute(speed)))
    return nearer(arrivals[0], arrivals[1], positive, negative)


def grab_cut(image: NDArray[np.float32], positive: Mask, negative: Mask, previous: Mask | None, _mm: Spacing) -> Mask:
    """OpenCV, 2-D: the previous mask is probably inside, at first a disc a tenth of the image wide."""
    import cv2

    levels = (unit_range(image) * 255).astype(np.uint8)
    probable = previous if previous is not None and previous.any() else dilated(positive, max(image.shape) // 20)
    state = np.where(probable, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    state[and_border(dilated(negative, 2))] = cv2.GC_BGD
    state[dilated(positive, 2)] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.repeat(levels[..., None], 3, axis=2), state, None, *models, 3, cv2.GC_INIT_WITH_MASK)
    mask = (state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)
    return (mask | positive) & ~(negative & ~positive)


def dilated(mask: Mask, radius: int) -> Mask:
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(~mask) <= radius) if mask.any() else mask.copy()


def in_region(peer: Peer) -> Peer:
    """Return the peer on the box of the prompts with a margin; smaller 2-D images are taken whole."""

    def run(
        image: NDArray[np.float32], positive: Mask, negative: Mask, previous: Mask | None, spacing_mm: Spacing
    ) -> Mask:
        if image.ndim == 2 and image.size <= WHOLE:
            return peer(image, positive, negative, previous, spacing_mm)
        points = np.argwhere(positive | negative)
        margin = np.ceil(MARGIN_MM / np.array(spacing_mm)).astype(int)
        low, high = np.maximum(points.min(axis=0) - margin, 0), points.max(axis=0) + margin + 1
        box = tuple(slice(int(a), int(b)) for a, b in zip(low, high))
        mask = np.zeros(image.shape, bool)
        before = None if previous is None else previous[box]
        mask[box] = peer(image[box], positive[box], negative[box], before, spacing_mm)
        return mask

    return run


PEERS: dict[str, Peer] = {
    "geodesic-voronoi": geodesic,
    "random-walker-skimage": in_region(random_walker),
    "fast-marching": in_region(fast_marching),
    "grab-cut": grab_cut,
}
WHAT = {
    "geodesic-voronoi": "plain geodesic Voronoi on our own kernel",
    "random-walker-skimage": f"scikit-image random_walker, beta {BETA:g}, cg_j",
    "fast-marching": "SimpleITK FastMarching, two fronts",
    "grab-cut": "OpenCV GrabCut, three rounds",
}
FLAT_ONLY = ("grab-cut",)
