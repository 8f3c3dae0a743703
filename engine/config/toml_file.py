"""TOML files, read in one way."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from maskwright.errors import ConfigError


def read_toml(path: Path, noun: str = "") -> dict[str, Any]:
    """Return the document of a file; messages name it by ``noun`` and its path.

    Raises
    ------
    ConfigError
        It cannot be read or is not TOML.
    """
    name = f"{noun} {path}".strip()
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {name}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name} is not valid TOML: {error}") from error
