"""How much of everything one server takes: read from ``[limits]`` of ``configs/service.toml``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from maskwright.engine.config.toml_file import read_toml
from maskwright.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[3] / "configs" / "service.toml"


@dataclass(frozen=True)
class Limits:
    """Bytes, seconds and numbers; all are above 0.

    Attributes
    ----------
    sessions : int
        Of each protocol.
    idle_s, silent_s : float
        A session of nnInteractive ends when nothing was done in it, or nothing was heard of its client, for so long.
    page_idle_s : float
        The same of a session of the page, which is silent while nothing is done in it.
    memory_bytes : int
        Of bodies, unpacked arrays, open volumes and sessions together; at most half of the machine's is taken.
    body_bytes, unpacked_bytes, axis_voxels : int
        The largest request, the largest array that it or a file may unpack to, and the longest axis of one.
    transient_bytes : int
        On the disk, of images that were sent only to be segmented.
    request_s : float
        How long an answer may take, not counting the time in which the request arrives.
    stall_s : float
        How long nothing may come of a request that has begun, and how long its headers may take.
    checkpoint_s : float
        How often the audit log is signed if something was added.
    """

    sessions: int = 20
    idle_s: float = 600.0
    silent_s: float = 60.0
    page_idle_s: float = 3600.0
    memory_bytes: int = 16 << 30
    body_bytes: int = 1 << 30
    unpacked_bytes: int = 4 << 30
    axis_voxels: int = 1 << 16
    transient_bytes: int = 16 << 30
    request_s: float = 120.0
    stall_s: float = 30.0
    checkpoint_s: float = 60.0

    @classmethod
    def read(cls, path: Path = SHIPPED) -> Self:
        """Read the ``[limits]`` of a service configuration; what is not named there is as above.

        Raises
        ------
        ConfigError
            The file cannot be read or is not TOML, or the table holds an unknown key or a wrong value.
        """
        table = read_toml(path).get("limits", {})
        where = f"{path} [limits]"
        if not isinstance(table, dict):
            raise ConfigError(f"{where}: expected a table, got {table!r}")
        kinds = {field.name: type(field.default) for field in fields(cls)}
        for name, value in table.items():
            if name not in kinds:
                raise ConfigError(f"{where}: unknown key {name!r}, expected one of {', '.join(kinds)}")
            _check(value, kinds[name], f"{where} {name}")
        return cls(**table)


DEFAULTS = Limits()


def _check(value: object, kind: type, where: str) -> None:
    wanted = "a whole number" if kind is int else "a number"
    right = isinstance(value, int) or (kind is float and isinstance(value, float))
    if not right or isinstance(value, bool) or not 0 < value < float("inf"):  # type: ignore[operator]
        raise ConfigError(f"{where}: expected {wanted} above 0, got {value!r}")
