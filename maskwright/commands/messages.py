"""Lines that commands print alike."""

from __future__ import annotations

import sys
from pathlib import Path


def print_error(line: str) -> None:
    """Print a line to standard error, under the program's name."""
    print(f"maskwright: {line}", file=sys.stderr)


def announce_compiling() -> None:
    """Print a line to standard error, once, if kernels have to be compiled for this machine."""
    from maskwright.kernels.compiling import announce_compiling

    announce_compiling(print_error)


def print_mask_paths(mask: Path, picture: Path | None) -> None:
    """Print the path of a written mask, and of its picture."""
    print(f"mask: {mask}" + (f"\npicture: {picture}" if picture else ""))
