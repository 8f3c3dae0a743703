"""Where the spacing of a TIFF file stands.

In this order: the affine in a file of ours, OME or ImageJ metadata, and the resolution tags where they are a
measurement (see ``resolution``). Anything else leaves it unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io.resolution import AFFINE_KEY, MM_PER_INCH, measured_affine, noted_affine
from maskwright.engine.volume import Grid

_UNIT_MM = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1000.0, "inch": MM_PER_INCH, "nm": 1e-6}
_UNIT_MM |= dict.fromkeys(["um", "\u00b5m", "\u03bcm", "micron", "microns", "micrometer"], 1e-3)


def affine_of(file: Any, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Return the affine of an array of this shape from an open ``tifffile.TiffFile``; None where it says nothing."""
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
