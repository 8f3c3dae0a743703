"""Why something failed, in one line that a reader may see."""

from __future__ import annotations

import traceback
from pathlib import Path

from maskwright.errors import MaskwrightError


def reason_of(error: BaseException) -> str:
    """Return one line for a reader; bytes of a path that are no text are written as escapes.

    The message of an error that is not our own may quote a file header, and with it a patient: only its kind and
    place are told.
    """
    return _line(error).encode("utf-8", "backslashreplace").decode("utf-8")


def _line(error: BaseException) -> str:
    if isinstance(error, MaskwrightError):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return "out of memory"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "maskwright" in frame.filename] or list(frames)
    where = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"unexpected {type(error).__name__}{where}"
