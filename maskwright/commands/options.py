"""Options that several commands share, and their values as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskwright.engine.metrics.conventions import Convention
from maskwright.engine.metrics.options import EmptyPolicy
from maskwright.errors import InputError

Tolerances = Annotated[
    list[float] | None,
    typer.Option(
        "--tolerance-mm", metavar="MM", help="For surface Dice and boundary IoU, in mm; repeat for more. Default: 2."
    ),
]
Percentiles = Annotated[
    list[float] | None,
    typer.Option("--percentile", metavar="P", help="A Hausdorff percentile beside 95; repeat for more."),
]
ConventionName = Annotated[
    Convention,
    typer.Option(
        help="The definitions of the surface metrics: Metrics Reloaded's, MedPy 0.5.2's (its 0.4 called masd ASSD), or "
        "surface-distance 0.1's."
    ),
]
Empty = Annotated[
    EmptyPolicy,
    typer.Option(help="Distance where only one mask holds the label: infinite, or the diagonal of the image."),
]
PresetName = Annotated[
    str | None,
    typer.Option(metavar="NAME|FILE", help="What the labels mean: a shipped preset (brats, ...) or a TOML file."),
]
Resample = Annotated[
    bool,
    typer.Option("--resample", help="Take a prediction on another grid onto the reference's by nearest neighbour."),
]
SpacingMm = Annotated[
    str | None, typer.Option("--spacing-mm", metavar="Z,Y,X", help="Voxel spacing in mm, for files that carry none.")
]
Picture = Annotated[
    Path | None, typer.Option("--picture", metavar="FILE.png", help="Write a picture of before and after.")
]


def numbers(option: str, text: str) -> tuple[float, ...]:
    """Read numbers with commas between them."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option}: expected numbers such as 2.5,0.8,0.8, got {text!r}") from None


def spacing_of(text: str | None) -> tuple[float, ...] | None:
    """Read the value of ``--spacing-mm``."""
    return numbers("--spacing-mm", text) if text else None


def whole_numbers(option: str, text: str) -> tuple[int, ...]:
    """Read whole numbers with commas between them."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option}: expected whole numbers such as 4,12,20, got {text!r}") from None


def point_of(text: str) -> tuple[tuple[int, ...], bool]:
    """Read ``z,y,x``, ``z,y,x:+`` or ``z,y,x:-``."""
    index, _, sense = text.partition(":")
    if sense not in ("", "+", "-") or text.endswith(":"):
        raise InputError(f"--point: expected z,y,x, z,y,x:+ or z,y,x:-, got {text!r}")
    return whole_numbers("--point", index), sense != "-"
