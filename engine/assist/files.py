"""Files for assist: an image, masks on its grid, and outputs that are checked before the work and written whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from maskwright.engine.io import read, read_labels, write
from maskwright.engine.io.formats import writer_of
from maskwright.engine.volume import LabelMap, Volume
from maskwright.errors import FileFormatError, GeometryError, InputError


def read_image(path: Path, spacing_mm: Sequence[float] | None) -> Volume:
    """Read an image whose spacing is known, from the file or as given."""
    image = read(path, spacing_mm=spacing_mm)
    image.grid.require_spacing()
    return image


def read_mask_on(path: Path, image: Volume, spacing_mm: Sequence[float] | None) -> LabelMap:
    """Read a mask, which must lie on the grid of the image: equal shape, every corner within 1e-3 mm.

    Raises
    ------
    GeometryError
        It does not; the message says both grids.
    """
    mask = read_labels(path, spacing_mm=spacing_mm)
    if not mask.grid.is_same(image.grid):
        raise GeometryError(
            f"{path}: the mask is not on the grid of the image: image shape {image.grid.shape}, affine "
            f"{image.grid.describe_affine()}; mask shape {mask.grid.shape}, affine {mask.grid.describe_affine()}"
        )
    return mask


def check_outputs(out: Path, picture: Path | None, inputs: Sequence[Path]) -> None:
    """Refuse, before any work is done, outputs that could not be written or would replace an input.

    Raises
    ------
    FileFormatError
        An ending that nothing writes, or a folder that is not there.
    InputError
        An output is an input, or both outputs are one file.
    """
    writer_of(out)
    if picture is not None and picture.suffix.lower() != ".png":
        raise FileFormatError(f"{picture}: the picture is a PNG; give a name that ends in .png")
    outputs = [out] if picture is None else [out, picture]
    for output in outputs:
        if not output.absolute().parent.is_dir():
            raise FileFormatError(f"{output}: the folder to write to does not exist")
        if output.resolve() in [path.resolve() for path in inputs]:
            raise InputError(f"{output}: this is an input, and would be lost; give the output another name")
    if len({output.resolve() for output in outputs}) < len(outputs):
        raise InputError(f"{out}: mask and picture need two names")


def write_mask(mask: NDArray[Any], image: Volume, out: Path) -> None:
    """Write a mask with the grid, affine and header of the image it was made on; whole or not at all."""
    write(LabelMap(mask, image.affine, image.source), out)
