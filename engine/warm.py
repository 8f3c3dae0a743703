"""Compile every kernel ahead, into Numba's cache: for images of machines and for clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.assist.propagate import propagate
from maskwright.engine.metrics.compare import compare
from maskwright.engine.metrics.conventions import Convention
from maskwright.interactive.sessions.session import AssistSession

_SPACING_MM = (2.5, 0.8, 0.8)
_DTYPES = (np.uint8, np.uint16, np.uint32)


def steps() -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield (name, function): each function calls the kernels of one kind of work, which compiles them."""
    for dtype in _DTYPES:
        for convention in get_args(Convention):
            name = f"compare, {np.dtype(dtype).name}, {convention}"
            yield name, lambda dtype=dtype, convention=convention: _compare(dtype, convention)  # type: ignore[misc]
    yield "assist, 3-D", lambda: _assist((16, 48, 48))
    yield "assist, 2-D", lambda: _assist((96, 96))
    yield "propagate", _propagate


def _compare(dtype: type[np.unsignedinteger], convention: Convention) -> None:
    for shape in ((24, 40, 70), (40, 70)):
        reference, prediction = _ball(shape).astype(dtype), np.roll(_ball(shape), 1, axis=-1).astype(dtype)
        prediction[(0,) * len(shape)] = 1  # far from the other surface: a search of its own
        compare(reference, prediction, spacing_mm=_SPACING_MM[-len(shape) :], convention=convention)


def _assist(shape: tuple[int, ...]) -> None:
    image = _ball(shape).astype(np.float32) + np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32)
    centre = tuple(size // 2 for size in shape)
    session = AssistSession()
    session.set_image(image, _SPACING_MM[-len(shape) :])
    session.add_point(centre)
    session.add_point((1,) * len(shape), positive=False)
    session.add_box(tuple(size // 4 for size in shape), tuple(3 * size // 4 for size in shape))
    stroke = np.zeros(shape, np.bool_)
    stroke[centre[:-1]][..., centre[-1] - 4 : centre[-1] + 4] = True
    session.add_scribble(stroke)
    session.add_object()
    session.add_point(tuple(size // 5 for size in shape))


def _propagate() -> None:
    mask = _ball((9, 64, 64))
    image = mask.astype(np.float32)
    sparse = np.zeros_like(mask)
    sparse[[2, 6]] = mask[[2, 6]]
    propagate(image, sparse, _SPACING_MM)


def _ball(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    axes = np.ogrid[tuple(slice(size) for size in shape)]
    inside = sum(((axis - size / 2) / (size / 3)) ** 2 for axis, size in zip(axes, shape)) <= 1
    return np.asarray(inside, np.uint8)
