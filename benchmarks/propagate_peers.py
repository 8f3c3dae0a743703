"""Ways to fill slices that others would take: the nearest slice, interpolated shapes, and ready-made optical flows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from propagate_cases import Structure
from scipy import ndimage

Plane = NDArray[np.float32]
Flow = Callable[[Plane, Plane], NDArray[np.float32]]
# Soft tissue for the CT; the middle 99 % of intensities for anything else.
CT_WINDOW = (-160.0, 240.0)


def nearest(case: Structure) -> NDArray[np.bool_]:
    filled = case.sparse
    for target in case.unseen:
        filled[target] = case.reference[min(case.given, key=lambda given: abs(given - target))]
    return filled


def signed_distance(case: Structure) -> NDArray[np.bool_]:
    return interpolated(case, None)


def opencv_dis(case: Structure) -> NDArray[np.bool_]:
    import cv2

    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def flow(first: Plane, second: Plane) -> NDArray[np.float32]:
        images = [(plane * 255).astype(np.uint8) for plane in (first, second)]
        flow: NDArray[np.float32] = method.calc(*images, None)[..., ::-1].transpose(2, 0, 1)
        return flow

    return interpolated(case, flow)


def skimage_tvl1(case: Structure) -> NDArray[np.bool_]:
    from skimage.registration import optical_flow_tvl1

    return interpolated(case, optical_flow_tvl1)


PEERS: dict[str, Callable[[Structure], NDArray[np.bool_]]] = {
    "nearest-slice": nearest,
    "signed-distance": signed_distance,
    "opencv-dis": opencv_dis,
    "skimage-tvl1": skimage_tvl1,
}


def interpolated(case: Structure, flow: Flow | None) -> NDArray[np.bool_]:
    """Fill by signed distances of the two nearest given slices, warped along the flow, weighted by distance."""
    filled = case.sparse
    planes = scaled(case)
    depths = {given: depth_of(case.reference[given], case.spacing_mm[1:]) for given in case.given}
    for target in case.unseen:
        before = max(given for given in case.given if given < target)
        after = min(given for given in case.given if given > target)
        total = np.zeros(case.reference.shape[1:])
        for given, weight in ((before, after - target), (after, target - before)):
            depth = depths[given]
            if flow is not None:
                places = np.indices(depth.shape) + flow(planes[target], planes[given])
                depth = ndimage.map_coordinates(depth, places, order=1, mode="nearest")
            total += weight * depth
        filled[target] = total > 0
    return filled


def scaled(case: Structure) -> NDArray[np.float32]:
    low, high = CT_WINDOW if case.image.min() < -500 else np.percentile(case.image, (0.5, 99.5))
    return np.clip((case.image - low) / (high - low), 0, 1).astype(np.float32)


def depth_of(mask: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    inside = ndimage.distance_transform_edt(mask, spacing_mm) - 0.5 * min(spacing_mm)
    outside = ndimage.distance_transform_edt(~mask, spacing_mm) - 0.5 * min(spacing_mm)
    return np.where(mask, inside, -outside)
