"""The region in which data must stay: its spelling, and the ``datastore.toml`` in which a data folder declares it."""

from __future__ import annotations

import re
from pathlib import Path

from maskwright.engine.config.toml_file import read_toml
from maskwright.errors import ConfigError

DATASTORE_TOML = "datastore.toml"

DATA_REGION = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)


def check_region(region: object, where: str) -> str:
    """Return a region's name such as ``eu-central``, or raise a ConfigError that says where it stands."""
    if not isinstance(region, str) or DATA_REGION.fullmatch(region) is None:
        raise ConfigError(f'{where} region: expected up to 32 of a-z, 0-9 and "-", such as "eu-central"; got another')
    return region


def read_region(folder: Path) -> str | None:
    """Return the region that a data folder declares, or None where it declares none.

    Raises
    ------
    ConfigError
        The file is there and cannot be read, is not TOML, or holds anything but a region: a folder whose region is
        not understood must not be served as one that has none.
    """
    path = folder / DATASTORE_TOML
    if not path.is_symlink() and not path.exists():
        return None
    document = read_toml(path)
    if unknown := sorted(document.keys() - {"region"}):
        raise ConfigError(f"{path}: unknown key {unknown[0]!r}, expected region")
    return check_region(document["region"], str(path)) if "region" in document else None
