"""The log of a session as text: a header line, then a line of JSON for each event.

The image is not in it, only its hash. Logs of earlier versions are migrated; one of a later version raises
`LogVersionError`, so that its keeper can tell it from a damaged one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from maskwright.errors import InputError, LimitError
from maskwright.interactive.image import Image
from maskwright.interactive.sessions.events import Event, PromptAdded, PromptQueued
from maskwright.interactive.sessions.migrations import VERSION, migrate
from maskwright.interactive.sessions.prompts import Box
from maskwright.interactive.sessions.records import Record, event_from_record, event_to_record, text_from

FORMAT = "maskwright-session"
MOST_BYTES = 1 << 30
"""Of masks and strokes that a log may unpack to."""


@dataclass(frozen=True)
class Header:
    """The conditions of a session's masks, besides its events.

    ``method`` is the provenance of its method, see `Method`. ``attributes`` are texts of the log's keeper, the id of
    the image in a store say. ``image_sha256`` is that of `Image`, or empty where the keeper identifies the image.
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    color: bool
    image_sha256: str
    method: Mapping[str, str]
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse texts that a log could not be read with again."""
        for texts in (self.method, self.attributes):
            _texts(dict(texts))

    def check_image(self, image: Image) -> None:
        """Raise an InputError if the log is of another image."""
        mine = self.shape, self.spacing_mm, self.color
        theirs = image.shape, tuple(map(float, image.spacing_mm)), image.color
        if mine != theirs:
            raise InputError(f"the session's image had shape, spacing and color {mine}; this one has {theirs}")
        if self.image_sha256 and self.image_sha256 != image.sha256:
            raise InputError("the session's image had other content or another dtype (sha256); give the same image")

    def check_method(self, provenance: Mapping[str, str]) -> None:
        """Raise an InputError if the method, or the weights of its model, are others."""
        for key in ("name", "model"):
            if self.method.get(key) != provenance.get(key):
                raise InputError(
                    f"the session's method had {key} {self.method.get(key)}; this one has {provenance.get(key)}"
                )


def header_of(image: Image, method: Mapping[str, str], attributes: Mapping[str, str], hash_image: bool) -> Header:
    """Return the header of a session on an image; ``method`` is the provenance of its method."""
    spacing_mm, sha256 = tuple(map(float, image.spacing_mm)), image.sha256 if hash_image else ""
    return Header(image.shape, spacing_mm, image.color, sha256, method, attributes)


@dataclass(frozen=True)
class SessionLog:
    """A header and events, oldest first."""

    header: Header
    events: tuple[Event, ...]


def header_to_line(header: Header) -> str:
    """Return the first line of a log, without a line break."""
    return _dumped({"format": FORMAT, "version": VERSION, **asdict(header)})


def to_line(event: Event) -> str:
    """Return an event as a line, without a line break."""
    return _dumped(event_to_record(event))


def from_line(line: str, shape: tuple[int, ...]) -> Event:
    """Return the event of a line of the present version, on an image of this shape.

    Raises
    ------
    InputError
        The line is damaged or does not fit the image.
    """
    return event_from_record(_loaded(line), shape)


def write_log(log: SessionLog) -> str:
    """Return a log as text, each line ended."""
    return "".join(f"{line}\n" for line in [header_to_line(log.header), *map(to_line, log.events)])


def read_log(text: str, most_bytes: int = MOST_BYTES) -> SessionLog:
    """Return the log of a text, migrated to the present version.

    Raises
    ------
    LogVersionError
        It was written by a later version.
    InputError
        It is no session log, or damaged.
    LimitError
        Its masks and strokes unpack to more than ``most_bytes``.
    """
    records = [_loaded(line) for line in text.split("\n") if line.strip()]
    first = records[0] if records else None
    version = first.get("version") if isinstance(first, dict) and first.get("format") == FORMAT else None
    if type(version) is not int:
        raise InputError(f"this is no session log; expected a first line with the format {FORMAT} and a version")
    header, *events = migrate(records, version)
    shape = _header_from(header).shape
    return SessionLog(_header_from(header), tuple(_bounded(events, shape, most_bytes)))


def _bounded(records: Iterable[Any], shape: tuple[int, ...], most_bytes: int) -> Iterable[Event]:
    size = 0
    for record in records:
        event = event_from_record(record, shape)
        size += bits_bytes(event)
        if size > most_bytes:
            raise LimitError(f"the session log unpacks to more than {most_bytes} bytes")
        yield event


def bits_bytes(event: Event) -> int:
    """Return the bytes of the voxels that an event holds."""
    if not isinstance(event, PromptAdded | PromptQueued) or isinstance(event.prompt, Box):
        return 0
    return 0 if event.prompt.area is None else len(event.prompt.area.bits)


def _header_from(record: Record) -> Header:
    names = ("shape", "spacing_mm", "color", "image_sha256", "method", "attributes")
    if set(record) != {"format", "version", *names}:
        raise InputError(f"the header of the session log has other fields than expected: {', '.join(names)}")
    shape, spacing_mm = record["shape"], record["spacing_mm"]
    fits = (
        _is_list_of(shape, int)
        and all(n > 0 for n in shape)
        and _is_list_of(spacing_mm, int, float)
        and all(0 < step < math.inf for step in spacing_mm)
        and len(shape) == len(spacing_mm)
        and isinstance(record["color"], bool)
    )
    if not fits:
        raise InputError("the header of the session log does not describe an image; expected shape, spacing and color")
    return Header(
        tuple(shape),
        tuple(float(step) for step in spacing_mm),
        record["color"],
        text_from(record["image_sha256"]),
        _texts(record["method"]),
        _texts(record["attributes"]),
    )


def _is_list_of(value: Any, *kinds: type) -> bool:
    return isinstance(value, list) and len(value) in (2, 3) and all(type(each) in kinds for each in value)


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 100:
        raise InputError("the header of the session log holds no texts by name where it should")
    return {text_from(name): text_from(text) for name, text in value.items()}


def _dumped(record: Record) -> str:
    return json.dumps(record, allow_nan=False, separators=(",", ":"))


def _loaded(line: str) -> Any:
    try:
        return json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise InputError("a line of the session log is no JSON; the log is damaged") from None


def _refuse(constant: str) -> float:
    raise ValueError(constant)
