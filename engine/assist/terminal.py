"""The printed lines of ``propagate`` and ``assist``: plain columns."""

from __future__ import annotations

from collections.abc import Sequence

from maskwright.engine.assist.assist_file import PromptStep
from maskwright.engine.assist.propagate_files import PropagationResult


def print_propagation(result: PropagationResult) -> None:
    """Print how many slices were filled, those to look at next, and the fallback."""
    print(f"slices along axis {result.axis}: {len(result.given)} given, {len(result.filled)} filled")
    if result.unsure:
        print("look here next:")
        print("  slice  confidence")
        for number, confidence in result.unsure:
            print(f"  {number:5}  {confidence:10.2f}")
    if result.fallback:
        listed = ", ".join(str(number) for number in result.fallback)
        print(f"fallback, the given slices around them have too little in common: {listed}")


def print_steps(steps: Sequence[PromptStep]) -> None:
    """Print the size of the mask after each prompt."""
    unit = steps[0].unit
    rows = [(step.prompt, str(step.voxels), f"{step.size:.4g}") for step in steps]
    head = ("prompt", "voxels", unit)
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(3)]
    for row in [head, *rows]:
        print(f"{row[0]:{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}")
