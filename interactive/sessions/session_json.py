"""A session as text: its prompts, in order, and what their masks depend on. Masks are not stored, but replayed."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.errors import InputError
from maskwright.interactive.methods import METHODS, make_method
from maskwright.interactive.methods.method import Method
from maskwright.interactive.region import Region, box_of
from maskwright.interactive.sessions.image import Picture
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
from maskwright.interactive.sessions.session import AssistSession

FORMAT, VERSION = "maskwright-session", 1
LARGEST_COUNT = 65_535
"""Objects a saved session may have."""


def session_to_json(session: AssistSession) -> str:
    """Return a session's prompts as JSON text, those undone included.

    With them are: the image's shape, spacing and hash (not the image), and the method with the hash of its model, the
    provider and the number of threads; and the hash of every object's mask, so that a replay can be told from it.
    """
    picture = session.picture
    return json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "image": _image_entry(picture),
            "method": _method_entry(session.method),
            "objects": len(session.objects),
            "active": session.active,
            "locked": sorted(session.locked),
            "steps": [
                {"object": step.object_id, "locked": sorted(step.locked), "prompt": _prompt_to_entry(step.prompt)}
                for step in session.steps
            ],
            "undone": session.undone_count,
            "masks": _mask_hashes(session),
        },
        allow_nan=False,
    )


def session_from_json(text: str, image: ArrayLike, method: Method | None = None) -> AssistSession:
    """Replay a session on its image; masks are the same bit for bit.

    Parameters
    ----------
    text
        What `session_to_json` returned.
    image
        The image of that session: same dtype, shape and content.
    method
        The method, where it is none of `METHODS`.

    Raises
    ------
    InputError
        The text is no session or of another version, or the image, method, model, provider, or number of threads is
        another one: masks could differ then. Or masks do differ, because Maskwright computes them another way by now.
    """
    try:
        saved = json.loads(text)
        if saved["format"] != FORMAT or saved["version"] != VERSION:
            raise InputError(f"expected a {FORMAT} of version {VERSION}; found {saved['format']} {saved['version']}")
        return _replayed(saved, image, method)
    except InputError:
        raise
    except (LookupError, TypeError, ValueError, OverflowError, RecursionError, zlib.error, AttributeError) as error:
        raise InputError(f"this is no saved session: {type(error).__name__} ({error})") from None


def _replayed(saved: Mapping[str, Any], image: ArrayLike, method: Method | None) -> AssistSession:
    name = saved["method"]["name"]
    if method is None:
        if name not in METHODS:
            raise InputError(f"the session was made with the method {name!r}; pass that method")
        method = make_method(name)
    session = AssistSession(method)
    session.set_image(image, saved["image"]["spacing_mm"], saved["image"]["color"])
    _check_same("image", saved["image"], _image_entry(session.picture))
    _check_same("method", saved["method"], _method_entry(method))
    steps, undone = saved["steps"], int(saved["undone"])
    if not (1 <= saved["objects"] <= LARGEST_COUNT and 0 <= undone <= len(steps)):
        raise InputError(f"the session has {saved['objects']} objects, and {undone} of {len(steps)} steps are undone")
    for _ in range(saved["objects"] - 1):
        session.add_object()
    for step in steps:
        session.set_locked(step["locked"])
        session.select(step["object"])
        session.add_prompt(_prompt_from_entry(step["prompt"], session.picture.shape))
    session.set_locked([])
    for _ in range(undone):
        session.undo()
    session.select(saved["active"])
    session.set_locked(saved["locked"])
    differ = [n for n, saw, sees in zip(session.objects, saved["masks"], _mask_hashes(session)) if saw != sees]
    if differ:
        raise InputError(
            f"the replayed mask of object {differ[0]} is not the one saved; use the Maskwright of that time"
        )
    return session


def _check_same(what: str, saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for key in {**saved, **now}:
        if saved.get(key) != now.get(key):
            raise InputError(f"the session's {what} had {key} {saved.get(key)}; this one has {now.get(key)}")


def _image_entry(picture: Picture) -> dict[str, Any]:
    spacing = [float(v) for v in picture.spacing_mm]
    return {"shape": list(picture.shape), "spacing_mm": spacing, "color": picture.color, "sha256": picture.sha256}


def _method_entry(method: Method) -> dict[str, str]:
    provenance = getattr(method, "provenance", None)
    return {"name": method.name, **(provenance() if provenance else {})}


def _mask_hashes(session: AssistSession) -> list[str]:
    return [_mask_hash(session.mask_of(number), session.reach_of(number)) for number in session.objects]


def _mask_hash(mask: NDArray[np.bool_], reach: Region | None) -> str:
    """Hash a mask that is empty outside of `reach`; "" if it is empty."""
    if reach is None or not mask[reach.slices].any():
        return ""
    box = box_of(mask[reach.slices])
    lower = [a + b for a, b in zip(reach.lower, box.lower)]
    digest = hashlib.sha256(f"{lower} {list(box.shape)}".encode())
    digest.update(np.packbits(mask[reach.slices][box.slices]).tobytes())
    return digest.hexdigest()[:16]


def _area_to_entry(area: Area) -> dict[str, Any]:
    bits = base64.b64encode(zlib.compress(area.bits)).decode()
    return {"lower": list(area.region.lower), "upper": list(area.region.upper), "bits": bits}


def _area_from_entry(entry: Mapping[str, Any], shape: tuple[int, ...]) -> Area:
    region = Region(*(tuple(int(v) for v in entry[key]) for key in ("lower", "upper")))
    ends = zip(region.lower, region.upper, shape, strict=True)
    if not all(0 <= low < high <= n for low, high, n in ends):
        raise InputError(f"a saved prompt reaches from {region.lower} to {region.upper}, outside the image of {shape}")
    # No more than what the box can hold is unpacked, whatever the text claims.
    size = -(-int(np.prod(region.shape)) // 8)
    bits = zlib.decompressobj().decompress(base64.b64decode(entry["bits"]), size + 1)
    if len(bits) != size:
        found = f"{len(bits)}" if len(bits) < size else "more"
        raise InputError(f"a saved prompt's bits are not those of its box: {found} bytes; expected {size}")
    area = Area(region, bits)
    if not area.mask().any():
        raise InputError("a saved prompt is empty; expected at least one voxel")
    return area


_KINDS: dict[str, type[Scribble | Lasso]] = {"scribble": Scribble, "lasso": Lasso}


def _prompt_to_entry(prompt: Prompt) -> dict[str, Any]:
    if isinstance(prompt, Point):
        return {"kind": "point", "index": list(prompt.index), "positive": prompt.positive}
    if isinstance(prompt, Box):
        return {"kind": "box", "lower": list(prompt.lower), "upper": list(prompt.upper)}
    if isinstance(prompt, MaskPrompt):
        return {"kind": "mask", "area": None if prompt.area is None else _area_to_entry(prompt.area)}
    kind = type(prompt).__name__.lower()
    return {"kind": kind, "area": _area_to_entry(prompt.area), "positive": prompt.positive}


def _prompt_from_entry(entry: Mapping[str, Any], shape: tuple[int, ...]) -> Prompt:
    kind = entry["kind"]
    if kind == "point":
        return make_point(entry["index"], shape, _positive(entry))
    if kind == "box":
        return make_box(entry["lower"], entry["upper"], shape)
    if kind == "mask":
        return MaskPrompt(None if entry["area"] is None else _area_from_entry(entry["area"], shape))
    return _KINDS[kind](_area_from_entry(entry["area"], shape), _positive(entry))


def _positive(entry: Mapping[str, Any]) -> bool:
    if not isinstance(entry["positive"], bool):
        raise InputError("a saved prompt is neither positive nor negative; expected true or false")
    return entry["positive"]
