"""Distances between the two surfaces of every label, reduced by label: surface metrics are arithmetic on them.

The distances themselves are not returned: of a parcellation they would be larger than both masks. See
``maskwright.kernels.distance.nearest_squared`` for one value a point.
"""

from __future__ import annotations

from collections.abc import Sequence

from maskwright.errors import ConfigError, GeometryError
from maskwright.kernels.device import choose_twin
from maskwright.kernels.distance.lattice import Lattice
from maskwright.kernels.point_groups import PointGroups
from maskwright.kernels.surface import SurfaceElements
from maskwright.kernels.surface_distance.records import DirectedDistancesByLabel, SurfaceDistances

__all__ = ["DirectedDistancesByLabel", "SurfaceDistances", "element_distances", "surface_distances"]


def surface_distances(
    reference: PointGroups,
    prediction: PointGroups,
    lattice: Lattice,
    *,
    percentiles: Sequence[float] = (),
    pooled_percentiles: Sequence[float] = (),
    tolerances_mm: Sequence[float] = (),
) -> SurfaceDistances:
    """Return the reduced distances between surface voxels; ``find_surfaces`` finds them.

    Parameters
    ----------
    reference, prediction : PointGroups
        One group a label, the same labels and shape on both sides.
    lattice : Lattice
        Of the same shape; see ``make_lattice``.
    percentiles, pooled_percentiles : sequence of float, 0 to 100
        Those to take in each direction, and those to take over both directions together.
    tolerances_mm : sequence of float
        Points at a distance of up to and including each tolerance are counted. There is no slack for rounding.

    Returns
    -------
    SurfaceDistances
        Maxima, percentiles and counts are those of the sorted distances to the bit; sums are within 1e-12 of float64's.

    Raises
    ------
    GeometryError
        Groups, shapes and lattice do not fit together.
    ConfigError
        A percentile is not from 0 to 100, or a tolerance is NaN.
    """
    _check_groups(reference, prediction, lattice)
    _check_options((*percentiles, *pooled_percentiles), tolerances_mm)
    twin = choose_twin(__name__, reference=reference.points, prediction=prediction.points)
    distances: SurfaceDistances = twin.surface_distances(
        reference, prediction, lattice, tuple(percentiles), tuple(pooled_percentiles), tuple(tolerances_mm)
    )
    return distances


def element_distances(
    reference: SurfaceElements,
    prediction: SurfaceElements,
    lattice: Lattice,
    spacing_mm: tuple[float, float, float],
    *,
    percentiles: Sequence[float] = (),
    tolerances_mm: Sequence[float] = (),
) -> SurfaceDistances:
    """Return the reduced distances between surface elements, weighted by their areas; ``find_elements`` finds them.

    Parameters and errors are those of ``surface_distances``. Distances are rounded as SciPy's distance transform rounds
    them with this spacing, (z, y, x): the last bit decides at a tolerance, which is tested exactly, as surface-distance
    does. There are no pooled percentiles.
    """
    _check_groups(reference.points, prediction.points, lattice)
    _check_options(percentiles, tolerances_mm)
    twin = choose_twin(__name__, reference=reference.points.points, prediction=prediction.points.points)
    distances: SurfaceDistances = twin.element_distances(
        reference, prediction, lattice, spacing_mm, tuple(percentiles), tuple(tolerances_mm)
    )
    return distances


def _check_groups(reference: PointGroups, prediction: PointGroups, lattice: Lattice) -> None:
    if len(reference) != len(prediction) or not reference.shape == prediction.shape == lattice.shape:
        raise GeometryError(
            f"reference has {len(reference)} groups on {reference.shape}, prediction {len(prediction)} on "
            f"{prediction.shape}, the lattice is {lattice.shape}; expected the same groups and shape"
        )


def _check_options(percentiles: Sequence[float], tolerances_mm: Sequence[float]) -> None:
    if not all(0 <= percentile <= 100 for percentile in percentiles):
        raise ConfigError(f"percentiles are {tuple(percentiles)}; expected numbers from 0 to 100")
    if any(mm != mm for mm in tolerances_mm):
        raise ConfigError(f"tolerances_mm are {tuple(tolerances_mm)}; expected numbers of mm")
