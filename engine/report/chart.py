"""Draw a chart of one metric: a row a label, a dot a case, a box over the quartiles, infinities counted apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from maskwright.engine.agreement.summary import ranked_quantile
from maskwright.engine.metrics.columns import metric_of

MOST_DOTS = 300  # a row; more would be a bar of ink
_MOST_DOTS_IN_ALL = 3000  # a chart; a hundred labels of a thousand cases must still open in a browser
_WIDTH, _LEFT, _RIGHT, _ROW, _TOP, _FOOT = 540, 132, 60, 34, 8, 30


@dataclass(frozen=True)
class ChartRow:
    """The values of one label: float64[n] without NaN, infinities included."""

    name: str
    values: NDArray[np.float64]


def draw_chart(column: str, title: str, rows: Sequence[ChartRow]) -> Markup:
    """Return the chart of one metric as inline SVG.

    Dots are the cases; above ``MOST_DOTS`` of them, or fewer where labels are many, evenly spaced ranks from the
    lowest to the highest. The box runs from the lower to the upper quartile, the bar in it is the median, infinities
    ranked last: a box whose quartile is infinite runs to the right edge.
    """
    axis = _axis(column, rows)
    height = _TOP + _ROW * len(rows) + _FOOT
    base = height - _FOOT

    dots = min(MOST_DOTS, _MOST_DOTS_IN_ALL // max(len(rows), 1))
    parts = [f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)} by label">']
    for tick in axis.ticks:
        parts.append(f'<path class="grid" d="M{axis.x(tick):.1f} {_TOP}V{base}"/>')
        parts.append(f'<text class="tick" x="{axis.x(tick):.1f}" y="{base + 18}">{tick:g}</text>')
    for index, row in enumerate(rows):
        parts.extend(_row(row, _TOP + _ROW * (index + 0.5), axis, max(dots, 2)))
    parts.append("</svg>")
    return Markup("".join(parts))  # names are escaped, the rest are numbers


def _row(row: ChartRow, y: float, axis: _Axis, most_dots: int) -> list[str]:
    name = f"<title>{escape(row.name)}</title>{_short(row.name)}"
    parts = [f'<text class="name" x="{_LEFT - 12}" y="{y + 4:.1f}">{name}</text>']
    finite = np.sort(row.values[np.isfinite(row.values)])
    for index, value in enumerate(_dots(finite, most_dots)):
        parts.append(f'<circle class="dot" cx="{axis.x(float(value)):.1f}" cy="{y + _spread(index):.1f}" r="2.6"/>')
    lower, median, upper = (ranked_quantile(row.values, share) for share in (0.25, 0.5, 0.75))
    if lower is not None and median is not None and upper is not None and len(row.values) > 1:
        start, stop = axis.x(lower), axis.x(upper)
        parts.append(
            f'<rect class="box" x="{start:.1f}" y="{y - 9:.1f}" width="{max(stop - start, 1):.1f}" height="18" rx="3"/>'
        )
        if math.isfinite(median):
            parts.append(f'<path class="median" d="M{axis.x(median):.1f} {y - 9:.1f}v18"/>')
    if infinite := int(np.isinf(row.values).sum()):
        parts.append(f'<text class="infinite" x="{_WIDTH - _RIGHT + 14}" y="{y + 4:.1f}">{infinite} × ∞</text>')
    return parts


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    ticks: list[float]

    def x(self, value: float) -> float:
        """Return the x coordinate of a value; beyond an end, that of the end."""
        share = min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _axis(column: str, rows: Sequence[ChartRow]) -> _Axis:
    """Return an axis whose ends and ticks are round numbers, and which holds every finite value."""
    metric = metric_of(column)
    values = np.concatenate([row.values[np.isfinite(row.values)] for row in rows] or [np.empty(0)])
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if metric.highest == 1:
        high = 1.0
        low = min(low, 0.9)
    elif metric.lowest == 0:
        low = 0.0
    if high - low < 1e-9:
        high = low + 1.0
    rough = (high - low) / 5
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [round(number * step, 12) for number in range(first, last + 1)]
    return _Axis(ticks[0], ticks[-1], ticks)


def _dots(ranked: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    if len(ranked) <= most:
        return ranked
    chosen: NDArray[np.float64] = ranked[np.linspace(0, len(ranked) - 1, most).round().astype(int)]
    return chosen


def _spread(index: int) -> float:
    """Spread dots of like value over the height of the box, the same way every time."""
    return ((index * 0.618034) % 1.0 - 0.5) * 14


def _short(name: str) -> str:
    return str(escape(name if len(name) <= 18 else name[:17] + "…"))
