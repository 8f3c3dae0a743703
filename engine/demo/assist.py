"""The assist part of the demo: clicks outline the brain on every tenth slice, and the slices between are filled.

The simulated annotator knows the template's labels; the outline is that of grey and white matter together with the
holes inside. Each drawn slice has a session of its own, as if a reader went from one to the next.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from maskwright.engine.assist.propagate import propagate
from maskwright.engine.demo.assist_page import AssistDemo, DrawnSlice, write_assist_page
from maskwright.engine.demo.brain import labelled_brain
from maskwright.engine.volume import Grid, Volume
from maskwright.interactive.sessions.session import AssistSession
from maskwright.interactive.simulation.annotator import Click, next_click
from maskwright.kernels.mask import Mask

SLAB = slice(70, 111)
"""The slices of the template that take part: enough to see, and few enough for the demo to stay short."""
EVERY = 10
CLICKS = 6


def assist_demo(out: Path) -> AssistDemo:
    """Click, propagate, and write the page ``assist.html``.

    Parameters
    ----------
    out : Path
        An existing folder.

    Raises
    ------
    MissingExtraError
        nilearn, which carries the brain, is not installed.
    """
    image, reference = _slab()
    numbers = range(0, len(reference), EVERY)
    drawn = tuple(draw_by_clicks(image, reference, number) for number in numbers)
    sparse, reference_outlines = np.zeros_like(reference), np.zeros_like(reference)
    for each in drawn:
        sparse[each.number], reference_outlines[each.number] = each.mask, reference[each.number]
    filled, from_reference = (propagate(image, mask, given=numbers) for mask in (sparse, reference_outlines))
    between = [number for number in range(len(reference)) if number not in numbers]
    result = AssistDemo(
        drawn,
        dice_between=dice(reference[between], filled.mask[between]),
        dice_from_reference=dice(reference[between], from_reference.mask[between]),
        page=out / "assist.html",
    )
    write_assist_page(result, image, reference, sparse, filled)
    return result


def draw_by_clicks(image: Volume, reference: Mask, number: int) -> DrawnSlice:
    """Click on one slice, each time at the centre of the largest error, until there is none or there were enough."""
    spacing = image.grid.require_spacing()[1:]
    plane = np.ascontiguousarray(reference[number])
    session = AssistSession()
    session.set_image(image.array[number], spacing_mm=spacing)
    clicks: list[Click] = []
    dice_values: list[float] = []
    mask: Mask = session.mask_of(session.active)
    for _ in range(CLICKS):
        click = next_click(plane, mask if clicks else None, spacing)
        if click is not None:
            mask = session.add_point(click.index, positive=click.positive).mask
            clicks.append(click)
        dice_values.append(dice(plane, mask))
    return DrawnSlice(number, tuple(clicks), mask, tuple(dice_values))


def dice(reference: Mask, prediction: Mask) -> float:
    """Return the Dice of two masks that are not both empty."""
    sizes = np.count_nonzero(reference) + np.count_nonzero(prediction)
    return float(2 * np.count_nonzero(reference & prediction) / sizes)


def _slab() -> tuple[Volume, Mask]:
    image, labels = labelled_brain()
    array = np.ascontiguousarray(image.array[SLAB])
    affine = np.array(image.affine)
    affine[:, -1] += affine[:, 0] * SLAB.start
    reference = np.stack([ndimage.binary_fill_holes(plane) for plane in labels.array[SLAB] > 0])
    return Volume(array, Grid(array.shape, affine).affine), reference
