"""Every error Maskwright raises on purpose, in one place.

::

    MaskwrightError
    ├── InputError(ValueError)       what was passed in cannot be used as it is
    │   ├── LabelError               label values are negative, fractional, NaN or unknown
    │   ├── GeometryError            grids, shapes, spacings or affines do not fit together
    │   ├── PromptError              a prompt lies outside the image or is empty
    │   ├── ConfigError              an unknown key or a bad value in a preset or option
    │   ├── NotFoundError            an image, a label or a session of this name is not there
    │   ├── LogVersionError          a session log was written by a later version
    │   └── LimitError               more was sent or asked for than is allowed
    ├── FileFormatError              a file is missing, truncated, of an unknown format, or unsupported
    ├── StorageError                 a disk is full or read-only: nothing of it was stored
    ├── AuditError                   the audit log was tampered with, or cannot be written
    ├── CapacityError                a service has no room now; later it may
    ├── GoneError                    a session, or what it holds, is no longer there
    └── MissingExtraError            an optional package is not installed; names the extra

Each message says what was expected, what came, and what to do, in one line. Messages never carry the content of
a header field that could identify a patient. The command line turns each of these into exit status 2.
``reason_of`` makes the one line that a reader may see of any error.
"""

from __future__ import annotations

import traceback
from pathlib import Path


class MaskwrightError(Exception):
    """The base of all errors Maskwright raises on purpose."""


class InputError(MaskwrightError, ValueError):
    """What was passed in cannot be used as it is."""


class LabelError(InputError):
    """Label values are negative, fractional, NaN or unknown."""


class GeometryError(InputError):
    """Grids, shapes, spacings or affines do not fit together."""


class PromptError(InputError):
    """A prompt lies outside the image or is empty."""


class ConfigError(InputError):
    """An unknown key or a bad value in a preset or an option."""


class NotFoundError(InputError):
    """An image, a label or a session of this name is not there."""


class LimitError(InputError):
    """More was sent or asked for than is allowed."""


class LogVersionError(InputError):
    """A session log was written by a later version of Maskwright: it is not damaged, and must be kept."""


class FileFormatError(MaskwrightError):
    """A file is missing, truncated, of an unknown format, or not supported."""


class StorageError(MaskwrightError):
    """A disk is full, read-only or broken: what should have been stored was not."""


class CapacityError(MaskwrightError):
    """A service has no room for what was asked now; later it may."""


class GoneError(MaskwrightError):
    """A session is no longer there: released, timed out, or given up for want of memory."""


class AuditError(MaskwrightError):
    """The audit log was tampered with, or cannot be written: what should have been recorded must not go on."""


class MissingExtraError(MaskwrightError, ImportError):
    """An optional package is not installed.

    Parameters
    ----------
    package : str
        The package that could not be imported.
    extra : str
        The extra of Maskwright that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is needed here and not installed: pip install 'maskwright[{extra}]'")


def reason_of(error: BaseException) -> str:
    """Return one line for a reader; bytes of a path that are no text become escapes.

    The message of an error that is not our own may quote a file header, and with it a patient: the line names only
    its type, file and line number.
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
