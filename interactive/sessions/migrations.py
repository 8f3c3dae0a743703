"""Session logs of earlier versions: each migration turns the records of a version into those of the next one.

To change the form of the log: raise ``VERSION``, and add the migration from the version before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from maskwright.errors import InputError, LogVersionError

VERSION = 2

Record = dict[str, Any]


def migrate(records: list[Record], version: int) -> list[Record]:
    """Return the records of a log, its header first, in the present version.

    Raises
    ------
    LogVersionError
        The log was written by a later version.
    InputError
        There is no such version, or the records are not of theirs.
    """
    if version > VERSION:
        raise LogVersionError(
            f"the session log has version {version}, and this Maskwright reads versions up to {VERSION}; "
            "keep it, and use the Maskwright that wrote it"
        )
    for number in range(version, VERSION):
        if number not in MIGRATIONS:
            raise InputError(f"the session log has version {number}; expected 1 to {VERSION}")
        try:
            records = MIGRATIONS[number](records)
        except InputError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(f"the session log is damaged: {type(error).__name__} in version {number}") from None
    return records


def _from_version_1(records: list[Record]) -> list[Record]:
    """Version 1 was one record: the steps left after undo, each with its object and the objects locked then."""
    [saved] = records
    image, steps, undone = saved["image"], saved["steps"], saved["undone"]
    if type(undone) is not int or not 0 <= undone <= len(steps):
        raise InputError(f"{undone} of {len(steps)} steps are undone; expected none to all")
    if type(saved["objects"]) is not int or not 1 <= saved["objects"] <= 65_535:
        raise InputError("the session log has no whole number of objects; expected 1 to 65535")
    header = {
        "format": saved["format"],
        "version": 2,
        "shape": image["shape"],
        "spacing_mm": image["spacing_mm"],
        "color": image["color"],
        "image_sha256": image["sha256"],
        "method": saved["method"],
        "attributes": {},
    }
    events = [{"event": "ObjectAdded", "name": f"object {k}"} for k in range(2, saved["objects"] + 1)]
    locked: set[int] = set()
    for step in steps:
        events += _lock_events(locked, set(step["locked"]))
        locked = set(step["locked"])
        events.append({"event": "PromptAdded", "object_id": step["object"], "prompt": step["prompt"]})
    events += _lock_events(locked, set())
    events += [{"event": "Undone"}] * undone
    events.append({"event": "ObjectSelected", "object_id": saved["active"]})
    events += _lock_events(set(), set(saved["locked"]))
    events.append({"event": "MasksHashed", "hashes": saved["masks"]})
    return [header, *events]


def _lock_events(before: set[int], after: set[int]) -> list[Record]:
    unlocked = [{"event": "ObjectUnlocked", "object_id": number} for number in sorted(before - after)]
    return unlocked + [{"event": "ObjectLocked", "object_id": number} for number in sorted(after - before)]


MIGRATIONS: dict[int, Callable[[list[Record]], list[Record]]] = {1: _from_version_1}
"""By the version that they start from."""
