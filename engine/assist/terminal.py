"""What ``propagate`` and ``assist`` say: plain columns."""

from __future__ import annotations

from collections.abc import Sequence

from maskwright.engine.assist.assist_file import PromptStep
from maskwright.engine.assist.fill_file import Filled


def print_filled(filled: Filled) -> None:
    """Print how many slices were filled, those to look at next, and the fallback."""
    print(f"slices along axis {filled.axis}: {len(filled.given)} given, {len(filled.filled)} filled")
    if filled.unsure:
        print("look here next:")
        print("  slice  confidence")
        for number, confidence in filled.unsure:
            print(f"  {number:5}  {confidence:10.2f}")
    if filled.fallback:
        listed = ", ".join(str(number) for number in filled.fallback)
        print(f"fallback, the given slices around them have too little in common: {listed}")


def print_steps(steps: Sequence[PromptStep]) -> None:
    """Print the size of the mask after each prompt."""
    unit = steps[0].unit
    rows = [(step.words, str(step.voxels), f"{step.size:.4g}") for step in steps]
    head = ("prompt", "voxels", unit)
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(3)]
    for row in [head, *rows]:
        print(f"{row[0]:{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}")
