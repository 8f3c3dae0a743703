"""TIFF: one plane (y, x), colour (y, x, 3), or pages that are slices (z, y, x).

The spacing is, in this order: the affine in a file of ours, OME or ImageJ metadata, and the resolution tags where
they are a measurement (see ``resolution``). Anything else leaves it unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io.atomic import replacing
from maskwright.engine.io.payload import require_room
from maskwright.engine.io.resolution import AFFINE_KEY, MM_PER_INCH, affine_note, measured_affine, noted_affine
from maskwright.engine.volume import Grid, LabelMap, Source, Volume
from maskwright.kernels.errors import FileFormatError

NAME = "TIFF"
_SLICES = "ZIQ"  # tifffile's letters for pages: z, "images" and unknown
_UNIT_MM = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1000.0, "inch": MM_PER_INCH, "nm": 1e-6}
_UNIT_MM |= dict.fromkeys(["um", "\u00b5m", "\u03bcm", "\\u00B5m", "micron", "microns", "micrometer"], 1e-3)


def matches(path: Path) -> bool:
    """Tell whether the name is that of a TIFF file."""
    return path.name.lower().endswith((".tif", ".tiff"))


def read_tiff(path: Path) -> Volume:
    """Read a file that holds one image, one plane or slices; a palette is read as its indices.

    Raises
    ------
    FileFormatError
        Several images, time points, or channels other than red, green, blue.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        if len(file.series) != 1:
            raise FileFormatError(f"{path}: holds {len(file.series)} images: save the one that is meant")
        series = file.series[0]
        compressed = series.keyframe.compression != 1
        require_room(path, int(series.nbytes), "tiff" if compressed else "raw")
        array = _decoded(path, series)
        array, color = _spatial(path, array, series.axes)
        affine = _affine_of(file, array.shape[:-1] if color else array.shape)
    return Volume(array, affine, Source(path, NAME), color=color)


def write_tiff(volume: Volume | LabelMap, path: Path) -> None:
    """Write a plane, a colour plane, or a volume as pages, deflated, with its spacing and affine."""
    import tifffile

    array = volume.array
    color = isinstance(volume, Volume) and volume.color
    notes: dict[str, Any] = {}
    resolution: dict[str, Any] = {}
    if volume.affine is not None:
        notes = {AFFINE_KEY: affine_note(volume.affine, volume.grid.shape)}
        *_, y, x = volume.grid.require_spacing()
        resolution = {"resolution": (10 / x, 10 / y), "resolutionunit": "CENTIMETER"}
    with replacing(path) as unfinished:
        tifffile.imwrite(
            unfinished,
            array.view(np.uint8) if array.dtype == bool else array,
            photometric="rgb" if color else "minisblack",
            compression="zlib",
            metadata=notes,
            bigtiff=array.nbytes > 2**32 - 2**25,
            **resolution,
        )


def _decoded(path: Path, series: Any) -> NDArray[Any]:
    """Return the samples; LZW and JPEG, which tifffile leaves to another package, are decoded by Pillow."""
    try:
        return np.asarray(series.asarray())
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
    from PIL import Image, ImageSequence

    with Image.open(path, formats=["TIFF"]) as image:
        array = np.stack([np.array(page) for page in ImageSequence.Iterator(image)])
    if array.dtype == bool:
        array = array.view(np.uint8) != 0  # Pillow's bools are bytes of 255
    if array.size != np.prod(series.shape) or array.dtype.itemsize != series.dtype.itemsize:
        raise FileFormatError(f"{path}: this compression is not supported: save it uncompressed or deflated")
    return array.reshape(series.shape).view(series.dtype.newbyteorder("="))


def _spatial(path: Path, array: NDArray[Any], axes: str) -> tuple[NDArray[Any], bool]:
    """Return the array as (z, y, x), (y, x) or with colour last, and whether it is in colour."""
    # A leading axis of length 1 is only there when the file's own description says so, as in files of ours.
    long = [
        at for at, letter in enumerate(axes) if array.shape[at] > 1 or letter in "YX" or (at == 0 and letter == "Q")
    ]
    array, axes = array.reshape([array.shape[axis] for axis in long]), "".join(axes[axis] for axis in long)
    if axes in ("YXS", "SYX") and array.shape[axes.index("S")] in (3, 4):
        return np.moveaxis(array, axes.index("S"), -1)[..., :3], True
    if axes == "YX" or (len(axes) == 3 and axes[0] in _SLICES and axes[1:] == "YX"):
        return array, False
    raise FileFormatError(
        f"{path}: expected a plane, slices or an RGB image, got axes {axes} of {array.shape}: save one channel and time"
    )


def _affine_of(file: Any, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    notes: Mapping[str, Any] = (file.shaped_metadata or ({},))[0]
    noted = noted_affine(notes.get(AFFINE_KEY), shape)
    if noted is not None:
        return noted
    tags = file.pages[0].tags
    spacing = None
    if file.is_ome:
        spacing = _ome_spacing(file.ome_metadata)
    elif file.is_imagej:
        spacing = _imagej_spacing(file.imagej_metadata or {}, tags)
    if spacing is not None and all(step > 0 for step in spacing[-len(shape) :]):
        return Grid.from_spacing(shape, spacing[-len(shape) :]).affine
    if file.is_ome or file.is_imagej:
        return None
    unit = _tag(tags, "ResolutionUnit")
    per_mm = {2: 1 / MM_PER_INCH, 3: 0.1}.get(int(unit) if unit is not None else 0, 0.0)
    return measured_affine(shape, [_density(tags, name) * per_mm for name in ("YResolution", "XResolution")])


def _ome_spacing(xml: str) -> list[float] | None:
    """Return (z, y, x) in mm, 0 where the metadata does not say; micrometre is OME's default unit."""
    import tifffile

    image = tifffile.xml2dict(xml).get("OME", {}).get("Image", {})
    pixels = image.get("Pixels", {}) if isinstance(image, dict) else {}
    return [
        float(pixels.get(f"PhysicalSize{axis}", 0)) * _UNIT_MM.get(pixels.get(f"PhysicalSize{axis}Unit", "um"), 0.0)
        for axis in "ZYX"
    ]


def _imagej_spacing(metadata: Mapping[str, Any], tags: Any) -> list[float] | None:
    """Return (z, y, x) in mm, 0 where ImageJ's metadata names no unit of length."""
    unit_mm = _UNIT_MM.get(str(metadata.get("unit", "")).lower().replace("\\u00b5", "u"), 0.0)
    densities = [_density(tags, "YResolution"), _density(tags, "XResolution")]
    plane = [unit_mm / density if density > 0 else 0.0 for density in densities]
    return [float(metadata.get("spacing", 0)) * unit_mm, *plane]


def _density(tags: Any, name: str) -> float:
    value = _tag(tags, name)
    return value[0] / value[1] if value is not None and value[1] else 0.0


def _tag(tags: Any, name: str) -> Any:
    return tags[name].value if name in tags else None
