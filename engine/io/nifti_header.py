"""What the header of a NIfTI-1 or NIfTI-2 file must say for us; nibabel parses and writes it.

nibabel is imported inside functions: that takes a fifth of a second, which other formats need not wait for.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import FileFormatError

LONGEST_HEADER = 540
"""Bytes of a NIfTI-2 header; that of NIfTI-1 is shorter."""

_QFORM = ["quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"]
_SFORM = ["srow_x", "srow_y", "srow_z"]
_GEOMETRY = ["pixdim", "xyzt_units", "qform_code", "sform_code", *_QFORM, *_SFORM]
_UNIT_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # of xyzt_units: unknown (taken as mm), metre, millimetre, micron
_HALF_TURN = 1e-7  # as nifti_quatern_to_mat44: below, a rotation is by 180 degrees, rounded
_ROUNDING = 1e-6  # relative; a float32 keeps 6e-8, and a length is made of three
_LONGEST_AXIS = 32767  # of NIfTI-1


def parse_header(raw: bytes) -> Any:
    """Return nibabel's header of the bytes that a file begins with (540, or 348 and more for NIfTI-1).

    Raises
    ------
    FileFormatError
        They begin no single-file NIfTI header. The message lacks the path, which the caller knows.
    """
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    for kind in (Nifti1Header, Nifti2Header):
        for order, endianness in (("little", "<"), ("big", ">")):
            size = int.from_bytes(raw[:4], order)  # type: ignore[arg-type]
            if size != kind.sizeof_hdr or len(raw) < size:
                continue
            header = kind(raw[:size], endianness, check=False)
            magic = header["magic"].item()
            if magic.startswith(b"ni"):
                raise FileFormatError("a NIfTI header whose voxels are in another file; save it as one .nii file")
            if magic == kind.single_magic:
                return header
    raise FileFormatError("not a NIfTI file: no NIfTI header at its start")


def shape_of(header: Any) -> tuple[int, ...]:
    """Return (x, y, z) or (x, y); axes of length 1 beyond the third are left out.

    Raises
    ------
    FileFormatError
        Fewer than 2 axes, a length below 1, or more than one volume (time points, vectors).
    """
    ndim = int(header["dim"][0])
    if not 2 <= ndim <= 7:
        raise FileFormatError(f"expected 2 or 3 axes, the header says {ndim}")
    lengths = [int(length) for length in header["dim"][1 : ndim + 1]]
    if min(lengths) < 1:
        raise FileFormatError(f"an axis has length {min(lengths)}: the header is damaged")
    if any(length > 1 for length in lengths[3:]):
        raise FileFormatError(f"{ndim}-D NIfTI of {' x '.join(map(str, lengths))} is not supported: save one volume")
    return tuple(lengths[:3])


def dtype_of(header: Any) -> np.dtype[np.generic]:
    """Return the type of the stored voxels, in the file's byte order."""
    from nibabel.spatialimages import HeaderDataError

    dtype = np.dtype(object)
    with contextlib.suppress(HeaderDataError):
        dtype = np.dtype(header.get_data_dtype())
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise FileFormatError(
            f"NIfTI data type {int(header['datatype'])} is not supported: save real numbers (integer or float)"
        )
    return dtype


def scaling_of(header: Any) -> tuple[float, float] | None:
    """Return slope and intercept, or None where they change nothing (a slope of 0 means: not scaled)."""
    from nibabel.spatialimages import HeaderDataError

    try:
        slope, intercept = header.get_slope_inter()
    except HeaderDataError:
        raise FileFormatError("the header scales voxels by an intercept that is not finite") from None
    return None if slope is None or (slope, intercept) == (1, 0) else (float(slope), float(intercept))


def affine_of(header: Any) -> NDArray[np.float64] | None:
    """Return the 4x4 matrix from (i, j, k, 1) to RAS+ mm: the sform where its code is above 0, else the qform.

    Where both codes are 0, it is pixdim alone (NIfTI's method 1), voxel 0 at the origin; None where pixdim holds no
    spacing either. Numbers stored in 32 bits are taken as the shortest decimal they stand for: a voxel saved as 0.8 mm
    is 0.8 mm here and not 0.800000011920929, or three of them would not be within a tolerance of 2.4 mm.
    """
    unit = int(header["xyzt_units"]) & 7
    if unit not in _UNIT_MM:
        raise FileFormatError(f"the header's spatial unit {unit} is not known: expected metre, mm or micron")
    spacing = _decimals(header["pixdim"][1:4])
    affine = np.eye(4)
    if header["sform_code"] > 0:
        affine[:3] = [_decimals(header[name]) for name in _SFORM]
        _take_spacing(affine, spacing)
    else:
        spacing[int(header["dim"][0]) :] = 1  # pixdim says nothing about an axis that is not there
        if header["qform_code"] > 0:
            spacing[2] *= -1 if header["pixdim"][0] < 0 else 1
            affine[:3, :3] = _rotation(header) * spacing
            affine[:3, 3] = [_decimals(header[name]).item() for name in _QFORM[3:]]
        elif not (np.isfinite(spacing) & (spacing != 0)).all():
            return None
        else:
            affine[:3, :3] = np.diag(np.abs(spacing))
    affine[:3] *= _UNIT_MM[unit]
    return affine


def _rotation(header: Any) -> NDArray[np.float64]:
    from nibabel.quaternions import quat2mat

    b, c, d = (float(header[name]) for name in _QFORM[:3])
    rest = 1.0 - (b * b + c * c + d * d)
    return np.asarray(quat2mat((np.sqrt(rest) if rest >= _HALF_TURN else 0.0, b, c, d)))


def _decimals(stored: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return float32 numbers as the shortest decimals that round to them, and float64 as they are."""
    values = np.asarray(stored)
    if values.dtype.itemsize == 8:
        return values.astype(np.float64)
    native = values.astype(np.float32)
    return np.array([float(str(value)) for value in native.reshape(-1)]).reshape(native.shape)


def _take_spacing(affine: NDArray[np.float64], spacing: NDArray[np.float64]) -> None:
    """Give each column the length that pixdim says, where they differ by no more than 32 bits lose."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    same = np.isfinite(spacing) & (np.abs(lengths - spacing) <= _ROUNDING * lengths) & (lengths > 0)
    affine[:3, :3][:, same] *= spacing[same] / lengths[same]


def new_header(
    shape: tuple[int, ...], dtype: np.dtype[np.generic], affine: NDArray[np.float64], source: Any = None
) -> Any:
    """Return a header for unscaled voxels: NIfTI-1, or NIfTI-2 where an axis is too long or ``source`` is one.

    Parameters
    ----------
    shape : tuple of int
        (x, y, z) or (x, y).
    dtype : dtype
        Integer or float, of at most 8 bytes.
    affine : float64[4, 4]
        From (i, j, k, 1) to RAS+ mm.
    source : header, optional
        One to take the unit from, and sform and qform with their codes where they describe this affine already. Free
        text is never taken over: it can name a patient.
    """
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    long = max(shape) > _LONGEST_AXIS
    header = Nifti2Header() if long or isinstance(source, Nifti2Header) else Nifti1Header()
    header.set_data_shape(shape)
    header.set_data_dtype(dtype)
    header["vox_offset"], header["xyzt_units"] = header.single_vox_offset, 2
    if source is not None:
        for name in _GEOMETRY:
            header[name] = source[name]
        described, columns = affine_of(header), [*range(len(shape)), 3]
        if described is not None and np.array_equal(described[:, columns], affine[:, columns]):
            return header
    unit_mm = _UNIT_MM[int(header["xyzt_units"]) & 7]
    header["pixdim"] = [1, *np.linalg.norm(affine[:3, :3], axis=0) / unit_mm, 1, 1, 1, 1]
    header["qform_code"], header["sform_code"] = 0, max(1, int(header["sform_code"]))
    for name, row in zip(_SFORM, affine[:3] / unit_mm):
        header[name] = row
    return header
