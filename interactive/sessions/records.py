"""Events, prompts and areas as records: plain dictionaries that JSON can hold, and strictly back.

Reading checks everything against the shape of the image. A record that does not fit raises an InputError.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Mapping
from dataclasses import fields
from math import prod
from typing import Any, get_args

from maskwright.errors import InputError
from maskwright.interactive.crop import Crop
from maskwright.interactive.sessions.events import Event
from maskwright.interactive.sessions.objects import LONGEST_NAME, MOST_OBJECTS
from maskwright.interactive.sessions.prompts import (
    Area,
    Box,
    Lasso,
    MaskPrompt,
    Point,
    Prompt,
    Scribble,
    make_box,
    make_point,
)

Record = dict[str, Any]
Shape = tuple[int, ...]

EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}
LONGEST_TEXT, LONGEST_DTYPE = 1000, 64
_DRAWN: dict[str, type[Scribble]] = {"scribble": Scribble, "lasso": Lasso}


def event_to_record(event: Event) -> Record:
    """Return an event as a record: its kind under "event", and its fields."""
    record: Record = {"event": type(event).__name__}
    for field in fields(event):
        value = getattr(event, field.name)
        record[field.name] = prompt_to_record(value) if isinstance(value, Prompt) else value
    return record


def event_from_record(record: Any, shape: Shape) -> Event:
    """Return the event of a record on an image of this shape.

    Raises
    ------
    InputError
        An unknown kind, a field that is missing or unknown, or a value that does not fit.
    """
    kind = EVENTS.get(str(_entries(record, "an event").get("event")))
    if kind is None:
        raise InputError(f"the event is {str(record.get('event'))[:40]!r}; expected one of {', '.join(EVENTS)}")
    names = [field.name for field in fields(kind)]
    _check_fields(record, {"event", *names})
    return kind(**{name: _FIELDS[name](record[name], shape) for name in names})


def prompt_to_record(prompt: Prompt) -> Record:
    """Return a prompt as a record."""
    if isinstance(prompt, Point):
        return {"kind": "point", "index": list(prompt.index), "positive": prompt.positive}
    if isinstance(prompt, Box):
        return {"kind": "box", "lower": list(prompt.lower), "upper": list(prompt.upper)}
    if isinstance(prompt, MaskPrompt):
        return {"kind": "mask", "area": None if prompt.area is None else area_to_record(prompt.area)}
    kind = type(prompt).__name__.lower()
    return {"kind": kind, "area": area_to_record(prompt.area), "positive": prompt.positive}


def prompt_from_record(record: Any, shape: Shape) -> Prompt:
    """Return the prompt of a record on an image of this shape; see `event_from_record` for errors."""
    kind = _entries(record, "a prompt").get("kind")
    if kind == "point":
        _check_fields(record, {"kind", "index", "positive"})
        return make_point(_numbers(record["index"]), shape, _flag(record["positive"]))
    if kind == "box":
        _check_fields(record, {"kind", "lower", "upper"})
        return make_box(_numbers(record["lower"]), _numbers(record["upper"]), shape)
    if kind == "mask":
        _check_fields(record, {"kind", "area"})
        return MaskPrompt(None if record["area"] is None else area_from_record(record["area"], shape))
    if isinstance(kind, str) and kind in _DRAWN:
        _check_fields(record, {"kind", "area", "positive"})
        return _DRAWN[kind](area_from_record(record["area"], shape), _flag(record["positive"]))
    raise InputError(f"the prompt is {str(kind)[:40]!r}; expected point, box, scribble, lasso or mask")


def area_to_record(area: Area) -> Record:
    """Return voxels as the corners of their box and its bits, compressed."""
    bits = base64.b64encode(zlib.compress(area.bits)).decode()
    return {"lower": list(area.bounds.lower), "upper": list(area.bounds.upper), "bits": bits}


def area_from_record(record: Any, shape: Shape) -> Area:
    """Return the voxels of a record; at most the bits of its box, within the image, are unpacked."""
    _check_fields(_entries(record, "an area"), {"lower", "upper", "bits"})
    bounds = Crop(_numbers(record["lower"]), _numbers(record["upper"]))
    if not bounds.is_inside(shape):
        raise InputError(f"an area has a box outside the image, whose shape is {shape}")
    size = -(-prod(bounds.shape) // 8)
    text = text_from(record["bits"], most=2 * size + 100)
    try:
        packed = base64.b64decode(text, validate=True)
        bits = zlib.decompressobj().decompress(packed, size + 1)
    except (binascii.Error, zlib.error, ValueError):
        raise InputError("the bits of an area cannot be unpacked; expected base64 of zlib") from None
    if len(bits) != size:
        count = str(len(bits)) if len(bits) < size else "more"
        raise InputError(f"the bits of an area are not those of its box: {count} bytes; expected {size}")
    area = Area(bounds, bits)
    if not area.mask().any():
        raise InputError("an area is empty; expected at least one voxel")
    return area


def text_from(value: Any, most: int = LONGEST_TEXT) -> str:
    """Return a value that is a text of at most so many characters."""
    if not isinstance(value, str) or len(value) > most:
        raise InputError(f"a text is of type {type(value).__name__} or too long; expected at most {most} characters")
    return value


def _object_id(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MOST_OBJECTS:
        raise InputError(f"the number of an object is no whole number from 1 to {MOST_OBJECTS}")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError("a prompt is neither positive nor negative; expected true or false")
    return value


def _numbers(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > 3 or any(type(v) is not int for v in value):
        raise InputError("an index is no list of whole numbers; expected one an axis")
    return tuple(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MOST_OBJECTS:
        raise InputError("the hashes of masks are no list of texts; expected one an object")
    return tuple(text_from(each, 64) for each in value)


def _entries(record: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(record, dict):
        raise InputError(f"{name} is of type {type(record).__name__}; expected names with values")
    return record


def _check_fields(record: Mapping[str, Any], expected: set[str]) -> None:
    if set(record) != expected:
        raise InputError(f"a record has other fields than expected: {', '.join(sorted(expected))}")


_FIELDS: dict[str, Callable[[Any, Shape], Any]] = {
    "object_id": lambda value, shape: _object_id(value),
    "name": lambda value, shape: text_from(value, LONGEST_NAME),
    "dtype": lambda value, shape: text_from(value, LONGEST_DTYPE),
    "hashes": lambda value, shape: _texts(value),
    "prompt": prompt_from_record,
}
"""The reader of each field, the same for every event."""
