"""``datastore.toml`` in a data folder: what the folder says of itself. Strict: an unknown key is an error."""

from __future__ import annotations

from pathlib import Path

from maskwright.engine.config.toml_file import read_toml
from maskwright.engine.service.access.data_region import check_region
from maskwright.errors import ConfigError

SETTINGS = "datastore.toml"


def read_region(folder: Path) -> str | None:
    """Return the region that a data folder declares, or None where it declares none.

    Raises
    ------
    ConfigError
        The file is there and cannot be read, is not TOML, or holds anything but a region: a folder whose region is
        not understood must not be served as one that has none.
    """
    path = folder / SETTINGS
    if not path.is_symlink() and not path.exists():
        return None
    document = read_toml(path)
    if unknown := sorted(document.keys() - {"region"}):
        raise ConfigError(f"{path}: unknown key {unknown[0]!r}, expected region")
    return check_region(document["region"], str(path)) if "region" in document else None
