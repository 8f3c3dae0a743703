"""The page of the demo's assist part: Dice after each click, and the propagated volume beside the reference."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import maskwright.engine.report as report
from maskwright.engine.assist.picture import PictureRow, SliceView, draw_rows, fullest_slice
from maskwright.engine.storage import atomic_file
from maskwright.engine.volume import Volume
from maskwright.interactive.propagation.result import Propagation
from maskwright.interactive.simulation.annotator import Click
from maskwright.kernels.mask import Mask


@dataclass(frozen=True, eq=False)
class DrawnSlice:
    """One slice drawn by clicks: its number, the clicks in its plane, the mask, and Dice after each click."""

    number: int
    clicks: tuple[Click, ...]
    mask: Mask
    dice: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class AssistDemo:
    """The numbers of the demo.

    ``dice_between`` is that of all propagated slices with the reference; ``dice_from_reference`` the same where the
    reference is given on the drawn slices, so that only propagation is measured.
    """

    drawn: tuple[DrawnSlice, ...]
    dice_between: float
    dice_from_reference: float
    page: Path

    @property
    def mean_dice(self) -> tuple[float, ...]:
        """Dice after 1, 2, ... clicks, the mean over drawn slices."""
        return tuple(float(value) for value in np.mean([each.dice for each in self.drawn], axis=0))

    @property
    def headline(self) -> str:
        """One line for the terminal."""
        mean = self.mean_dice
        return (
            f"Dice {mean[0]:.3f} after 1 click a slice, {mean[-1]:.3f} after {len(mean)}; {self.dice_between:.3f} on "
            f"the slices propagated between them, {self.dice_from_reference:.3f} from true outlines"
        )


def write_assist_page(result: AssistDemo, image: Volume, reference: Mask, sparse: Mask, filled: Propagation) -> None:
    """Write one HTML file with its pictures inside, whole or not at all."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    worst = min(result.drawn, key=lambda each: each.dice[-1])
    page = (
        Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        .from_string(_PAGE)
        .render(
            css=Markup((Path(str(report.__file__)).parent / "report.css").read_text(encoding="utf-8")),
            result=result,
            mean=result.mean_dice,
            worst=worst,
            clicked=_encoded(image, *_clicked(reference, worst)),
            volume=_encoded(image, *_propagated(reference, sparse, filled)),
        )
    )
    with atomic_file(result.page) as unfinished:
        unfinished.write_text(page, encoding="utf-8")


def _clicked(reference: Mask, drawn: DrawnSlice) -> tuple[list[PictureRow], list[SliceView]]:
    """Return the drawn slice as one plane of the volume: its clicks, the mask, and the reference."""
    number = drawn.number
    alone, right = np.zeros_like(reference), np.zeros_like(reference)
    alone[number], right[number] = drawn.mask, reference[number]
    points = tuple(((number, *click.index), click.positive) for click in drawn.clicks)
    return [PictureRow("clicks and mask", alone, points), PictureRow("reference", right)], [
        SliceView(0, number, f"slice {number}")
    ]


def _propagated(reference: Mask, sparse: Mask, filled: Propagation) -> tuple[list[PictureRow], list[SliceView]]:
    between = [k for k in range(len(reference)) if filled.confidence[k] < 1]
    unsure = min(between, key=lambda k: float(filled.confidence[k]))
    slices = [SliceView(axis, fullest_slice(reference, axis), f"cut across {'zyx'[axis]}") for axis in (1, 2)]
    slices.append(SliceView(0, unsure, f"slice {unsure}, the least sure: confidence {filled.confidence[unsure]:.2f}"))
    rows = [
        PictureRow("drawn by clicks", sparse),
        PictureRow("propagated", filled.mask),
        PictureRow("reference", reference),
    ]
    return rows, slices


def _encoded(image: Volume, rows: Sequence[PictureRow], slices: Sequence[SliceView]) -> str:
    stream = io.BytesIO()
    draw_rows(image, rows, slices).save(stream, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>Assist on a real brain</title>
<style>{{ css }} .shown { max-width: 100%; border-radius: 10px; }</style>
</head>
<body>
<header>
<p class="brand">Maskwright</p>
<h1>Assist on a real brain</h1>
<p class="remark">A simulated reader outlines the brain (grey and white matter, holes filled) of the MNI152 template
on every tenth slice, each click at the centre of the largest error; the slices between are propagated.</p>
</header>
<main>
<section aria-label="Results" class="tiles">
<div><b>{{ '%.3f' % mean[0] }}</b><span>Dice after one click, mean over drawn slices</span></div>
<div><b>{{ '%.3f' % mean[-1] }}</b><span>Dice after {{ mean | length }} clicks</span></div>
<div><b>{{ '%.3f' % result.dice_between }}</b><span>Dice on the propagated slices<br>
<small>{{ '%.3f' % result.dice_from_reference }} where the reference is given instead of clicks</small></span></div>
</section>
<section id="clicks">
<h2>Dice after each click</h2>
<div class="scroll"><table>
<thead><tr><th scope="col">Slice</th>{% for _ in mean %}
<th scope="col" class="number">{{ loop.index }}</th>{% endfor %}</tr></thead>
<tbody>
{% for each in result.drawn %}
<tr><th scope="row">{{ each.number }}</th>{% for value in each.dice %}
<td class="number">{{ '%.3f' % value }}</td>{% endfor %}</tr>
{% endfor %}
<tr><th scope="row">mean</th>{% for value in mean %}
<td class="number">{{ '%.3f' % value }}</td>{% endfor %}</tr>
</tbody></table></div>
<p class="remark">The slice with the lowest Dice after its last click, {{ worst.number }}: green points say inside, red
ones outside.</p>
<img class="shown" alt="clicks and mask above the reference, slice {{ worst.number }}" src="{{ clicked }}">
</section>
<section id="volume">
<h2>The propagated volume beside the reference</h2>
<img class="shown" alt="drawn, propagated and true outlines in three cuts" src="{{ volume }}">
</section>
</main>
</body>
</html>
"""
