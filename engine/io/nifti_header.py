"""The header of a NIfTI-1 or NIfTI-2 file: its fields, and the affine they describe.

Source: nifti1.h and nifti2.h of the NIfTI Data Format Working Group. Read here and not by nibabel because importing
nibabel costs half a second in every process; the tests hold it equal to nibabel.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import FileFormatError

_QFORM = ["quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"]
_ROUNDING = 1e-6  # relative; a float32 keeps 6e-8, and a length is made of three
_SFORM = ["srow_x", "srow_y", "srow_z"]

NIFTI1 = np.dtype(
    [("sizeof_hdr", "i4"), ("data_type", "S10"), ("db_name", "S18"), ("extents", "i4"), ("session_error", "i2")]
    + [("regular", "S1"), ("dim_info", "u1"), ("dim", "i2", 8), ("intent_p", "f4", 3), ("intent_code", "i2")]
    + [("datatype", "i2"), ("bitpix", "i2"), ("slice_start", "i2"), ("pixdim", "f4", 8), ("vox_offset", "f4")]
    + [("scl_slope", "f4"), ("scl_inter", "f4"), ("slice_end", "i2"), ("slice_code", "u1"), ("xyzt_units", "u1")]
    + [("cal_max", "f4"), ("cal_min", "f4"), ("slice_duration", "f4"), ("toffset", "f4"), ("glmax", "i4")]
    + [("glmin", "i4"), ("descrip", "S80"), ("aux_file", "S24"), ("qform_code", "i2"), ("sform_code", "i2")]
    + [(name, "f4") for name in _QFORM]
    + [(name, "f4", 4) for name in _SFORM]
    + [("intent_name", "S16"), ("magic", "S4")]
)
NIFTI2 = np.dtype(
    [("sizeof_hdr", "i4"), ("magic", "S8"), ("datatype", "i2"), ("bitpix", "i2"), ("dim", "i8", 8)]
    + [("intent_p", "f8", 3), ("pixdim", "f8", 8), ("vox_offset", "i8"), ("scl_slope", "f8"), ("scl_inter", "f8")]
    + [("cal_max", "f8"), ("cal_min", "f8"), ("slice_duration", "f8"), ("toffset", "f8"), ("slice_start", "i8")]
    + [("slice_end", "i8"), ("descrip", "S80"), ("aux_file", "S24"), ("qform_code", "i4"), ("sform_code", "i4")]
    + [(name, "f8") for name in _QFORM]
    + [(name, "f8", 4) for name in _SFORM]
    + [("slice_code", "i4"), ("xyzt_units", "i4"), ("intent_code", "i4"), ("intent_name", "S16"), ("dim_info", "u1")]
    + [("unused", "S15")]
)

DATATYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
UNIT_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""Millimetres in one unit of xyzt_units: unknown (taken as mm), metre, millimetre, micron."""

_BYTE_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_GEOMETRY = ["pixdim", "xyzt_units", "qform_code", "sform_code", *_QFORM, *_SFORM]


def parse_header(raw: bytes) -> np.void:
    """Return the header that these bytes (540 or more; 348 for NIfTI-1) begin with, in their own byte order.

    Raises
    ------
    FileFormatError
        They begin no single-file NIfTI header. The message lacks the path, which the caller knows.
    """
    for layout, magic in ((NIFTI1, b"n+1"), (NIFTI2, b"n+2\0\r\n\x1a\n")):
        for order in _BYTE_ORDERS:
            if len(raw) >= layout.itemsize and int.from_bytes(raw[:4], order) == layout.itemsize:
                header: np.void = np.frombuffer(raw, layout.newbyteorder(order), count=1)[0]
                if header["magic"].startswith(b"ni"):
                    raise FileFormatError("a NIfTI header whose voxels are in another file; save it as one .nii file")
                if header["magic"] == magic:
                    return header
    raise FileFormatError("not a NIfTI file: no NIfTI header at its start")


def shape_of(header: np.void) -> tuple[int, ...]:
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


def dtype_of(header: np.void) -> np.dtype[np.generic]:
    """Return the type of the stored voxels, in the file's byte order."""
    code = int(header["datatype"])
    if code not in DATATYPES:
        raise FileFormatError(f"NIfTI data type {code} is not supported: save real numbers (integer or float)")
    return np.dtype(DATATYPES[code]).newbyteorder(header.dtype["dim"].base.byteorder)


def scaling_of(header: np.void) -> tuple[float, float] | None:
    """Return slope and intercept, or None where they change nothing (a slope of 0 means: not scaled)."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not np.isfinite(slope) or (slope, intercept) == (1, 0):
        return None
    if not np.isfinite(intercept):
        raise FileFormatError("the header scales voxels by an intercept that is not finite")
    return slope, intercept


def affine_of(header: np.void) -> NDArray[np.float64] | None:
    """Return the 4x4 matrix from (i, j, k, 1) to RAS+ mm: the sform where its code is above 0, else the qform.

    Where both codes are 0, it is pixdim alone (NIfTI's method 1), voxel 0 at the origin; None where pixdim holds no
    spacing either. Numbers stored in 32 bits are taken as the shortest decimal they stand for: a voxel saved as 0.8 mm
    is 0.8 mm here and not 0.800000011920929, or three of them would not be within a tolerance of 2.4 mm.
    """
    unit = int(header["xyzt_units"]) & 7
    if unit not in UNIT_MM:
        raise FileFormatError(f"the header's spatial unit {unit} is not known: expected metre, mm or micron")
    affine = np.eye(4)
    if header["sform_code"] > 0:
        affine[:3] = [_decimals(header[name]) for name in _SFORM]
        _take_spacing(affine, _decimals(header["pixdim"][1:4]))
    elif header["qform_code"] > 0:
        affine = _quaternion_affine(header)
    else:
        spacing = np.abs(_decimals(header["pixdim"][1:4]))
        spacing[int(header["dim"][0]) :] = 1  # pixdim says nothing about an axis that is not there
        if not (np.isfinite(spacing) & (spacing > 0)).all():
            return None
        affine[:3, :3] = np.diag(spacing)
    affine[:3] *= UNIT_MM[unit]
    return affine


def _quaternion_affine(header: np.void) -> NDArray[np.float64]:
    b, c, d = (float(header[name]) for name in _QFORM[:3])
    rest = 1.0 - (b * b + c * c + d * d)
    if rest < 1e-7:  # as nifti_quatern_to_mat44: a rotation by 180 degrees, rounded
        length = float(np.sqrt(b * b + c * c + d * d))
        a, b, c, d = 0.0, b / length, c / length, d / length
    else:
        a = float(np.sqrt(rest))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    spacing = _decimals(header["pixdim"][1:4])
    spacing[int(header["dim"][0]) :] = 1
    spacing[2] *= -1 if header["pixdim"][0] < 0 else 1
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing
    affine[:3, 3] = [_decimals(header[name]).item() for name in _QFORM[3:]]
    return affine


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
    shape: tuple[int, ...], dtype: np.dtype[np.generic], affine: NDArray[np.float64], kept: np.void | None = None
) -> np.void:
    """Return a header for unscaled voxels: NIfTI-1, or NIfTI-2 where an axis is too long or ``kept`` is one.

    Parameters
    ----------
    shape : tuple of int
        (x, y, z) or (x, y).
    dtype : dtype
        One of ``DATATYPES``.
    affine : float64[4, 4]
        From (i, j, k, 1) to RAS+ mm.
    kept : header, optional
        One to take the unit from, and sform and qform with their codes where they describe this affine already. Free
        text is never taken over: it can name a patient.
    """
    layout = NIFTI2 if max(shape) > 32767 or (kept is not None and kept["sizeof_hdr"] == NIFTI2.itemsize) else NIFTI1
    header: np.void = np.zeros(1, layout)[0]
    header["sizeof_hdr"] = layout.itemsize
    header["magic"] = b"n+1" if layout is NIFTI1 else b"n+2\0\r\n\x1a\n"
    header["dim"] = [len(shape), *shape, *[1] * (7 - len(shape))]
    header["datatype"] = next(code for code, name in DATATYPES.items() if np.dtype(name) == dtype)
    header["bitpix"] = 8 * dtype.itemsize
    header["vox_offset"] = layout.itemsize + 4
    header["scl_slope"] = 1
    _set_geometry(header, affine, kept)
    return header


def _set_geometry(header: np.void, affine: NDArray[np.float64], kept: np.void | None) -> None:
    header["xyzt_units"] = 2
    if kept is not None:
        for name in _GEOMETRY:
            header[name] = kept[name]
        described = affine_of(header)
        columns = [*range(int(header["dim"][0])), 3]
        if described is not None and np.array_equal(described[:, columns], affine[:, columns]):
            return
    unit_mm = UNIT_MM[int(header["xyzt_units"]) & 7]
    header["pixdim"] = [1, *np.linalg.norm(affine[:3, :3], axis=0) / unit_mm, 1, 1, 1, 1]
    header["qform_code"] = 0
    header["sform_code"] = max(1, int(header["sform_code"]))
    for name, row in zip(_SFORM, affine[:3] / unit_mm):
        header[name] = row
