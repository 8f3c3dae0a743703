"""Dense optical flow: where each pixel of one image lies in another; and images sampled through it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import ConfigError, GeometryError, InputError
from maskwright.kernels.device import HOST, choose_twin, device_of
from maskwright.kernels.label_array import as_any_array

__all__ = ["add_similarity", "compose", "optical_flow", "optical_flows", "smooth", "warp"]

_AXES = {2: "(y, x)", 3: "(n, y, x)"}


def optical_flow(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    *,
    attachment: float = 15.0,
    scales: int = 4,
    warps: int = 5,
    iterations: int = 10,
) -> NDArray[np.float32]:
    """Return the flow from ``first`` to ``second``: ``warp(second, flow)`` looks like ``first``.

    The flow minimises ``attachment * |warp(second, flow) - first|`` and its own total variation, from coarse to fine
    (TV-L1; Zach, Pock and Bischof, A duality based approach for realtime TV-L1 optical flow, DAGM 2007).

    Parameters
    ----------
    first, second : float32, shape (y, x)
        Equal shapes, any strides, finite. Their range should be about 0 to 1, since ``attachment`` is in its units.
    attachment : float
        How much the images count against smoothness of the flow; positive.
    scales : int
        The largest number of scales, each half the size of the one before; small images have fewer.
    warps, iterations : int
        How often the second image is warped on each scale, and the steps after each warp.

    Returns
    -------
    float32, shape (2, y, x)
        Displacements along y and x, in pixels. Zero where nothing is there to see: empty or constant images.

    Raises
    ------
    InputError, GeometryError
        Another dtype or number of axes, values that are not finite; shapes that differ.
    ConfigError
        An option that is not positive.

    Examples
    --------
    >>> first = np.exp(-((np.mgrid[:32, :32] - 15.0) ** 2).sum(0) / 40).astype(np.float32)
    >>> flow = optical_flow(first, np.roll(first, 2, axis=1))
    >>> flow[:, 15, 12].round().astype(int).tolist()
    [0, 2]
    """
    first, second = _image(first, "first", 2), _image(second, "second", 2)
    _same_shape(first, second)
    flows: NDArray[np.float32] = optical_flows(
        first[None], second[None], attachment=attachment, scales=scales, warps=warps, iterations=iterations
    )
    flow: NDArray[np.float32] = flows[0]
    return flow


def optical_flows(
    firsts: NDArray[np.float32],
    seconds: NDArray[np.float32],
    *,
    attachment: float = 15.0,
    scales: int = 4,
    warps: int = 5,
    iterations: int = 10,
) -> NDArray[np.float32]:
    """Return the flow of each pair of images, as ``optical_flow`` does; pairs are shared among the threads.

    Parameters and errors are those of ``optical_flow``, with an axis of pairs in front: images (n, y, x), flows
    (n, 2, y, x). The result does not depend on the number of threads.
    """
    firsts, seconds = _image(firsts, "firsts", 3), _image(seconds, "seconds", 3)
    _same_shape(firsts, seconds)
    for name, value in (("attachment", attachment), ("scales", scales), ("warps", warps), ("iterations", iterations)):
        if not value > 0 or not np.isfinite(value):
            raise ConfigError(f"{name} is {value}; expected a positive number")
    twin = choose_twin(__name__, firsts=firsts, seconds=seconds)
    flows: NDArray[np.float32] = twin.optical_flows(firsts, seconds, np.float32(attachment), scales, warps, iterations)
    return flows


def warp(image: NDArray[np.float32], flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``image`` sampled at ``p + flow(p)`` for each pixel ``p`` of the flow.

    Parameters
    ----------
    image : float32, shape (y, x)
        Any strides, finite.
    flow : float32, shape (2, y, x)
        Displacements along y and x in pixels, of any grid that begins where the image begins.

    Returns
    -------
    float32, shape (y, x) of the flow
        Linear between pixels; outside the image, the nearest pixel on its edge.

    Raises
    ------
    InputError, GeometryError
        Another dtype or number of axes, values that are not finite; an empty image under a flow that is not.

    Examples
    --------
    >>> flow = np.zeros((2, 1, 3), np.float32)
    >>> flow[1] = 0.5
    >>> warp(np.array([[0, 1, 4]], np.float32), flow).tolist()
    [[0.5, 2.5, 4.0]]
    """
    image, flow = _image(image, "image", 2), _image(flow, "flow", 3)
    if flow.shape[0] != 2:
        raise GeometryError(f"flow has shape {flow.shape}; expected (2, y, x)")
    if image.size == 0 and flow.size > 0:
        raise GeometryError(f"image has shape {image.shape} and flow {flow.shape}; nothing is there to be sampled")
    warped: NDArray[np.float32] = choose_twin(__name__, image=image, flow=flow).warp(image, flow)
    return warped


def compose(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the flow that goes along ``first`` and from there along ``second``; both float32 (2, y, x), equal shapes.

    Raises what ``warp`` raises, and a GeometryError where the shapes differ.
    """
    _same_shape(first, second)
    return np.stack([first[axis] + warp(second[axis], first) for axis in range(2)])


def smooth(image: NDArray[np.float32], rounds: int) -> NDArray[np.float32]:
    """Return an image smoothed by (1, 2, 1) / 4 along both axes, ``rounds`` times.

    Parameters
    ----------
    image : float32, shape (y, x)
        Any strides, finite. It is continued by its edge pixels; each round adds half a square pixel of variance along
        each axis.
    rounds : int

    Returns
    -------
    float32, shape (y, x)
    """
    image = _image(image, "image", 2)
    smoothed: NDArray[np.float32] = choose_twin(__name__, image=image).smooth(image, rounds)
    return smoothed


def add_similarity(
    features: NDArray[np.float32],
    given_features: NDArray[np.float32],
    depth: NDArray[np.float32],
    flow: NDArray[np.float32],
    wanted: NDArray[np.bool_],
    weight: np.float32,
    radius: int,
    deviation: np.float32,
    contrast: np.float32,
    sums: NDArray[np.float32],
) -> None:
    """Add the evidence of one given plane to ``sums``: alike inside, all inside, alike outside, all outside.

    Each wanted pixel is compared with the square of given pixels around the one that its flow points to. A given pixel
    counts by its nearness to that one, and as alike by the similarity of its features. It is inside by ``depth + 1/2``,
    cut at 0 and 1.

    Parameters
    ----------
    features, given_features : float32, shape (channels, y, x)
        C-contiguous, of this plane and of the given one.
    depth : float32, shape (y, x)
        Signed distance in pixels on the given plane, positive inside.
    flow : float32, shape (2, y, x)
        From this plane to the given one, C-contiguous.
    wanted : bool, shape (y, x)
    weight, contrast : float
        The weight of the plane, and the deviation of a Gaussian over the differences of all channels.
    radius, deviation
        Half the side of the square, and the deviation of a Gaussian over distances, in pixels.
    sums : float32, shape (4, y, x)
        Changed in place.
    """
    twin = choose_twin(__name__, features=features, given_features=given_features, flow=flow, sums=sums)
    twin.add_similarity(features, given_features, depth, flow, wanted, weight, radius, deviation, contrast, sums)


def _image(array: NDArray[Any], name: str, ndim: int) -> NDArray[np.float32]:
    checked, shape, dtype = as_any_array(array)
    if dtype != np.float32:
        raise InputError(f"{name} is {dtype}; expected float32")
    if len(shape) != ndim:
        raise InputError(f"{name} has {len(shape)} axes; expected {_AXES[ndim]}")
    if device_of(array) != HOST:
        return checked
    if not np.isfinite(checked).all():
        raise InputError(f"{name} holds NaN or infinity; expected finite numbers")
    return np.ascontiguousarray(checked)


def _same_shape(first: NDArray[Any], second: NDArray[Any]) -> None:
    if tuple(first.shape) != tuple(second.shape):
        shapes = f"{tuple(first.shape)} and {tuple(second.shape)}"
        raise GeometryError(f"the images have shapes {shapes}; expected equal shapes")
