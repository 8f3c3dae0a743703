"""Random walker: geodesic regions with borders where a walker reaches the inside as likely as the outside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import cg

from maskwright.interactive.methods.band import Band, band_of
from maskwright.interactive.methods.method import TaskMethod
from maskwright.interactive.methods.regions.geodesic_region import grow_region
from maskwright.interactive.methods.task import Task

# A walker may stop anywhere, and then counts as the mask has it: without that, thin parts shrink away.
STOPPING = 1.0
# Relative residual and most steps of the solver; the mask needs one digit of the probability.
TOLERANCE, STEPS = 1e-3, 400


def segment(task: Task) -> NDArray[np.bool_]:
    """Return the geodesic region of the newest prompt, its border placed by a random walker in a narrow band.

    Grady, PAMI 2006, with the priors of Grady, CVPR 2005.
    """
    mask = grow_region(task)
    band = band_of(task, mask)
    if band is None or not band.free.any():
        return mask
    result = mask.copy()
    part = band.mask.copy()
    part[band.free] = _probability(band) > 0.5
    result[band.window] = part
    return result


def _probability(band: Band) -> NDArray[np.float64]:
    """Return for each free voxel the probability that a walker first leaves the band on the inside."""
    number = np.full(band.mask.shape, -1, np.int64)
    count = int(band.free.sum())
    number[band.free] = np.arange(count)
    degree = np.full(count, STOPPING)
    depth = band.depth[band.inner][band.free]
    gain = STOPPING / (1 + np.exp(-depth.astype(np.float64)))
    rows, columns, values = [], [], []
    for axis, weight in enumerate(band.weights):
        first = tuple(slice(0, -1) if k == axis else slice(None) for k in range(weight.ndim))
        second = tuple(slice(1, None) if k == axis else slice(None) for k in range(weight.ndim))
        for here, there in ((first, second), (second, first)):
            free = band.free[here]
            start, end, way = number[here][free], number[there][free], weight[first][free].astype(np.float64)
            np.add.at(degree, start, way)
            inner = end >= 0
            np.add.at(gain, start[~inner], (way * band.mask[there][free])[~inner])
            rows.append(start[inner])
            columns.append(end[inner])
            values.append(-way[inner])
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    laplacian = coo_array(entries, (count, count)).tocsr() + diags_array(degree)
    guess = band.mask[band.free].astype(np.float64)
    probability, _ = cg(laplacian, gain, x0=guess, rtol=TOLERANCE, maxiter=STEPS, M=diags_array(1 / degree))
    return np.asarray(probability)


METHOD = TaskMethod("random-walker", segment)
