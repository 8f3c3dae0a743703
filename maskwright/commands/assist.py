"""``maskwright assist``: prompts to the mask of one object."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskwright.commands.messages import announce_compiling, print_error, print_mask_paths
from maskwright.commands.options import Picture, SpacingMm, point_of, spacing_of, whole_numbers

EXAMPLE = "maskwright assist ct.nii.gz --out spleen.nii.gz --point 40,180,300 --point 40,150,260:-"


def run(
    image: Annotated[Path, typer.Argument(help="The image: a file, or a DICOM or zarr folder.")],
    out: Annotated[Path, typer.Option(metavar="MASK", help="The file for the mask, 1 inside.")],
    point: Annotated[
        list[str] | None,
        typer.Option(metavar="Z,Y,X[:+|-]", help="A voxel inside (+, the default) or outside (-); repeat for more."),
    ] = None,
    box: Annotated[
        str | None, typer.Option(metavar="Z0,Y0,X0,Z1,Y1,X1", help="A half-open box around the object.")
    ] = None,
    scribble: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Strokes on the image's grid: 1 inside, 2 outside."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The method, by default network; an unknown name lists them all."),
    ] = None,
    spacing_mm: SpacingMm = None,
    picture: Picture = None,
) -> None:
    """Turn points, a box or strokes into the mask of one object.

    Indices are in the stored grid, z,y,x (y,x for a plane). The box is taken first, then the strokes, then the points
    in the order given; where prompts disagree, the later one holds. Prints the mask's size after each, and
    on standard error that an object goes on where one edit ends.
    """
    from maskwright.engine.assist.assist_file import assist_file
    from maskwright.engine.assist.terminal import print_steps

    announce_compiling()

    steps = assist_file(
        image,
        out,
        points=[point_of(text) for text in point or []],
        box=whole_numbers("--box", box) if box is not None else None,
        scribble=scribble,
        method=method,
        spacing_mm=spacing_of(spacing_mm),
        picture=picture,
    )
    print_steps(steps)
    for step in steps:
        if step.is_cut:
            print_error(f"{step.prompt}: the mask is cut, one edit goes no further; add a point beyond the cut")
    print_mask_paths(out, picture)
