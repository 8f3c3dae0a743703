"""Put the slices of a DICOM series in order, and refuse a series that is not one regular grid.

Slices are sorted by their position along the slice normal (the cross product of the row and column directions).
Tolerances: directions are equal within 1e-3; a slice may lie 2 % of the slice spacing off its place along the normal,
and off it sideways by as much plus 1e-3 of its distance from the first slice.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io.dicom.files import DicomFile
from maskwright.errors import GeometryError

_DIRECTION = 1e-3
_OFF_PLACE = 0.02
_SIDEWAYS = 1e-3
_DUPLICATE_MM = 1e-3

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


def require_one_kind(
    path: Path, files: list[DicomFile], difference: str, key: Callable[[DicomFile], object], *, show: bool = True
) -> None:
    """Raise a GeometryError when ``key`` differs between the files, naming files of each kind.

    Lists of numbers are equal within 1e-3; None is a kind of its own. ``show`` tells whether the values may be named.
    """
    kinds: list[tuple[object, list[DicomFile]]] = []
    for file in files:
        value = key(file)
        for known, members in kinds:
            if _equal(known, value):
                members.append(file)
                break
        else:
            kinds.append((value, [file]))
    if len(kinds) > 1:
        kinds.sort(key=lambda kind: -len(kind[1]))
        named = (f"{_some(members)}{f' ({value})' if show else ''}" for value, members in kinds[:4])
        raise GeometryError(f"{path}: {difference}: {'; '.join(named)}; give a folder that holds one series")


def _equal(a: object, b: object) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and bool(np.allclose(a, b, rtol=0, atol=_DIRECTION))
    return a == b


def _some(files: list[DicomFile]) -> str:
    return files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more"


def plane_affine(file: DicomFile) -> NDArray[np.float64] | None:
    """Return the 4x3 affine of one slice, or None where it has no place in the patient."""
    position, orientation = file.numbers("ImagePositionPatient"), file.numbers("ImageOrientationPatient")
    spacing = file.numbers("PixelSpacing")
    if position is None or orientation is None or spacing is None:
        return None
    affine = np.zeros((4, 3))
    affine[:3, 0] = np.array(orientation[3:]) * spacing[0]
    affine[:3, 1] = np.array(orientation[:3]) * spacing[1]
    affine[:3, 2] = position
    affine[:3] *= LPS_TO_RAS[:, None]
    affine[3, 2] = 1
    return affine


def stacked(path: Path, files: list[DicomFile]) -> tuple[list[DicomFile], NDArray[np.float64]]:
    """Return two or more slices in order and the 4x4 affine of (slice, row, column, 1) in RAS+ mm.

    Raises
    ------
    GeometryError
        Positions or directions are missing or differ, two slices are at one place, one is missing, the spacing is
        uneven, or the stack is sheared (gantry tilt). The message names the files.
    """
    _require_positions(path, files)
    require_one_kind(path, files, "the slices differ in orientation", lambda f: f.numbers("ImageOrientationPatient"))
    require_one_kind(path, files, "the slices differ in pixel spacing", lambda f: f.numbers("PixelSpacing"))
    orientation = np.array(files[0].numbers("ImageOrientationPatient"))
    row, column = orientation[:3], orientation[3:]
    lengths = np.array([row @ row, column @ column, 1 + row @ column])
    if np.abs(lengths - 1).max() > 2 * _DIRECTION:
        raise GeometryError(f"{path}: the row and column directions of the slices are not orthogonal unit vectors")
    normal = np.cross(row, column) / np.linalg.norm(np.cross(row, column))
    positions = np.array([file.numbers("ImagePositionPatient") for file in files])
    order = np.argsort(positions @ normal, kind="stable")
    files = [files[at] for at in order]
    positions = positions[order]
    depths = positions @ normal
    _require_even(path, files, depths)
    step = (depths[-1] - depths[0]) / (len(files) - 1)
    _require_upright(path, files, positions - positions[0], normal, step)
    plane = plane_affine(files[0])
    assert plane is not None
    affine = np.zeros((4, 4))
    affine[:3, 0] = LPS_TO_RAS * normal * step
    affine[:, 1:] = plane
    return files, affine


def from_highdicom(volume: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the array and RAS+ affine of a highdicom volume, z along the slice normal as everywhere here."""
    array, affine = volume.array, np.array(volume.affine, dtype=np.float64)
    if np.cross(affine[:3, 2], affine[:3, 1]) @ affine[:3, 0] < 0:
        array = array[::-1]
        affine[:3, 3] += affine[:3, 0] * (len(array) - 1)
        affine[:3, 0] *= -1
    affine[:3] *= LPS_TO_RAS[:, None]
    return array, affine


def _require_positions(path: Path, files: list[DicomFile]) -> None:
    for field, count in (("ImagePositionPatient", 3), ("ImageOrientationPatient", 6), ("PixelSpacing", 2)):
        for file in files:
            numbers = file.numbers(field)
            if numbers is None or len(numbers) != count or not np.isfinite(numbers).all():
                raise GeometryError(f"{path}: {file.name} has no usable {field}, so that the slices have no place")


def _require_even(path: Path, files: list[DicomFile], depths: NDArray[np.float64]) -> None:
    gaps = np.diff(depths)
    usual = float(np.quantile(gaps[gaps > _DUPLICATE_MM], 0.5, method="lower")) if (gaps > _DUPLICATE_MM).any() else 0.0
    for at, gap in enumerate(gaps):
        pair = f"{files[at].name} (at {depths[at]:.4g} mm) and {files[at + 1].name} (at {depths[at + 1]:.4g} mm)"
        if gap <= _DUPLICATE_MM:
            raise GeometryError(f"{path}: duplicate slices: {pair} lie at one place; a series of several times is 4-D")
        if gap > 1.5 * usual:
            raise GeometryError(
                f"{path}: a slice is missing between {pair}: {gap:.4g} mm apart, the others {usual:.4g} mm"
            )
    even = np.linspace(depths[0], depths[-1], len(depths))
    worst = int(np.argmax(np.abs(depths - even)))
    if abs(depths[worst] - even[worst]) > _OFF_PLACE * usual:
        raise GeometryError(
            f"{path}: uneven slice spacing: {files[worst].name} lies at {depths[worst]:.5g} mm along the normal, "
            f"{even[worst]:.5g} mm expected (spacing {gaps.min():.4g} to {gaps.max():.4g} mm)"
        )


def _require_upright(
    path: Path, files: list[DicomFile], offsets: NDArray[np.float64], normal: NDArray[np.float64], step: float
) -> None:
    along = offsets @ normal
    sideways = np.linalg.norm(offsets - along[:, None] * normal, axis=1)
    excess = sideways - _SIDEWAYS * along - _OFF_PLACE * step
    worst = int(np.argmax(excess))
    if excess[worst] > 0:
        angle = np.degrees(np.arctan2(sideways[worst], along[worst]))
        raise GeometryError(
            f"{path}: the slices are not stacked along their normal (gantry tilt): {files[worst].name} lies "
            f"{sideways[worst]:.4g} mm to the side of {files[0].name}, {angle:.3g} degrees; resample the series first"
        )
