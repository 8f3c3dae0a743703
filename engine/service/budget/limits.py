"""How much of everything one server takes: read from ``[limits]`` of ``configs/service.toml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field

from maskwright.engine.config.toml_file import read_toml
from maskwright.engine.service.strict_model import StrictModel

SHIPPED = Path(__file__).resolve().parents[3] / "configs" / "service.toml"

Count = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]


class Limits(StrictModel):
    """Bytes, seconds and numbers; all are above 0.

    Attributes
    ----------
    sessions, sessions_per_user : int
        Of each protocol: in all, and of one token.
    idle_s, silent_s : float
        A session of nnInteractive ends when nothing was done in it, or nothing was heard of its client, for so long.
    page_idle_s : float
        The same of a session of the page, which is silent while nothing is done in it.
    memory_bytes : int
        Of bodies, unpacked arrays, open volumes, sessions and answers together; at most half of the machine's is taken.
    body_bytes, unpacked_bytes, axis_voxels : int
        The largest request, the largest array that it or a file may unpack to, and the longest axis of one.
    transient_bytes : int
        On the disk, of images that were sent only to be segmented.
    request_s : float
        How long an answer may take, not counting the time in which the request arrives.
    stall_s : float
        How long headers may take, nothing of a body may come, or a client may not read its answer.
    checkpoint_s : float
        How often the audit log is signed if something was added.
    """

    sessions: Count = 20
    sessions_per_user: Count = 10
    idle_s: Seconds = 600.0
    silent_s: Seconds = 60.0
    page_idle_s: Seconds = 3600.0
    memory_bytes: Count = 16 << 30
    body_bytes: Count = 1 << 30
    unpacked_bytes: Count = 4 << 30
    axis_voxels: Count = 1 << 16
    transient_bytes: Count = 16 << 30
    request_s: Seconds = 120.0
    stall_s: Seconds = 30.0
    checkpoint_s: Seconds = 60.0

    @classmethod
    def read(cls, path: Path = SHIPPED) -> Self:
        """Read the ``[limits]`` of a service configuration; a limit that is not named there is as above.

        Raises
        ------
        ConfigError
            The file cannot be read or is not TOML, or the table holds an unknown key or a wrong value.
        """
        return cls.parse(read_toml(path).get("limits", {}), f"{path} [limits]")


DEFAULTS = Limits()
