"""Read a preset from TOML. Strict: an unknown key, a wrong type or a clash of numbers is a ConfigError."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maskwright.engine.config.preset import LabelSpec, Matching, Preset, Region
from maskwright.engine.config.toml_file import read_toml
from maskwright.engine.volume.labels import LARGEST_LABEL
from maskwright.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[2] / "configs" / "presets"
_TOP = {"labels", "regions", "remap", "ignore", "instances"}
_FLAGS = {"tubular", "instances"}


def shipped_presets() -> list[str]:
    """Return the names of the presets that come with Maskwright."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_preset(name_or_path: str | Path) -> Preset:
    """Load a preset by the name of a shipped one (``brats``) or by the path of a TOML file.

    Parameters
    ----------
    name_or_path : str or Path
        Anything that ends in ``.toml`` or holds a folder separator is a path.

    Raises
    ------
    ConfigError
        No such preset, not TOML, an unknown key, a wrong type, or numbers that clash.

    Examples
    --------
    >>> load_preset("brain-tissue").labels[1].name
    'grey matter'
    """
    path = Path(name_or_path)
    if path.suffix != ".toml" and len(path.parts) == 1:
        path = SHIPPED / f"{name_or_path}.toml"
        if not path.is_file():
            raise ConfigError(
                f"no preset is called {str(name_or_path)!r}: take one of {', '.join(shipped_presets())}, "
                "or the path of a TOML file"
            )
    document = read_toml(path, "the preset")
    try:
        return parse_preset(document, path.stem)
    except ConfigError as error:
        raise ConfigError(f"the preset {path}: {error}") from error


def parse_preset(document: Mapping[str, Any], name: str) -> Preset:
    """Turn a parsed TOML document into a preset, checking every key, type and number."""
    _refuse_unknown(document, _TOP, "the top level")
    labels = {_number(key): _label(key, table) for key, table in _table(document, "labels").items()}
    regions = {_number(key): _region(key, table) for key, table in _table(document, "regions").items()}
    remap = {
        _whole(key, "[remap]"): _whole(value, f"[remap] {key}") for key, value in _table(document, "remap").items()
    }
    ignore = _number(document["ignore"]) if "ignore" in document else None
    instances = _table(document, "instances")
    _refuse_unknown(instances, {"matching", "min_volume_ml"}, "[instances]")
    preset = Preset(name, labels, regions, remap, ignore, _matching(instances), _volume(instances))
    _check_numbers(preset)
    return preset


def _check_numbers(preset: Preset) -> None:
    if not preset.labels and not preset.regions:
        raise ConfigError("at least one [labels.N] or [regions.N] is needed")
    if clash := preset.labels.keys() & preset.regions.keys():
        raise ConfigError(f"label and region use the same number {min(clash)}: give the region another one")
    if preset.ignore is not None and preset.ignore in preset.names:
        raise ConfigError(f"ignore = {preset.ignore} is also a label or region: it cannot be both")
    gone = {value for value, label in preset.remap.items() if label != value} - set(preset.remap.values())
    parts = {label for region in preset.regions.values() for label in region.labels}
    if nested := parts & preset.regions.keys():
        raise ConfigError(f"region {min(nested)} is part of another region: name the labels it is made of")
    if preset.ignore in parts:
        raise ConfigError(f"ignore = {preset.ignore} is also part of a region: nothing of it would be left")
    for number in [*preset.labels, *parts, *([] if preset.ignore is None else [preset.ignore])]:
        if number in gone:
            raise ConfigError(f"label {number} is remapped to {preset.remap[number]}: nothing of it would be left")


def _label(key: str, table: Any) -> LabelSpec:
    where = f"[labels.{key}]"
    flags = _flags(table, where, allowed={"name", "metrics"})
    return LabelSpec(_name(table, where), flags["tubular"], flags["instances"], _metrics(table, where))


def _region(key: str, table: Any) -> Region:
    where = f"[regions.{key}]"
    flags = _flags(table, where, allowed={"name", "labels", "metrics"})
    labels = table.get("labels")
    if not isinstance(labels, list) or not labels:
        raise ConfigError(f"{where} labels: expected a list of label numbers such as [1, 2], got {labels!r}")
    numbers = tuple(_number(label) for label in labels)
    return Region(_name(table, where), numbers, flags["tubular"], flags["instances"], _metrics(table, where))


def _flags(table: Any, where: str, allowed: set[str]) -> dict[str, bool]:
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: expected a table with a name, got {table!r}")
    _refuse_unknown(table, allowed | _FLAGS, where)
    for flag in _FLAGS & table.keys():
        if not isinstance(table[flag], bool):
            raise ConfigError(f"{where} {flag}: expected true or false, got {table[flag]!r}")
    return {flag: table.get(flag, False) for flag in _FLAGS}


def _name(table: dict[str, Any], where: str) -> str:
    name = table.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f'{where}: expected name = "...", got {name!r}')
    return name


def _metrics(table: dict[str, Any], where: str) -> tuple[str, ...] | None:
    """Return the metrics that a label lists; ``CompareOptions`` checks that there are such metrics."""
    names = table.get("metrics")
    if names is None:
        return None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ConfigError(f'{where} metrics: expected a list of names such as ["dice", "nsd"], got {names!r}')
    return tuple(dict.fromkeys(names))


def _matching(instances: Mapping[str, Any]) -> Matching:
    matching = instances.get("matching", "iou")
    if matching == "iou":
        return "iou"
    if matching == "overlap":
        return "overlap"
    raise ConfigError(f'[instances] matching: expected "overlap" or "iou", got {matching!r}')


def _volume(instances: Mapping[str, Any]) -> float:
    volume = instances.get("min_volume_ml", 0.0)
    if isinstance(volume, bool) or not isinstance(volume, int | float) or not 0 <= volume < math.inf:
        raise ConfigError(f"[instances] min_volume_ml: expected a number >= 0, got {volume!r}")
    return float(volume)


def _table(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise ConfigError(f"[{key}]: expected a table, got {table!r}")
    return table


def _refuse_unknown(table: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(table.keys() - known):
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}, expected one of {', '.join(sorted(known))}")


def _number(value: Any) -> int:
    number = _whole(value, "a label")
    if number == 0:
        raise ConfigError("0 is the background: it can be no label")
    return number


def _whole(value: Any, where: str) -> int:
    # Ten digits hold every label; "01" would be a second way to write 1.
    if isinstance(value, str) and re.fullmatch("0|[1-9][0-9]{0,9}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_LABEL:
        raise ConfigError(f"{where}: expected a whole number from 0 to {LARGEST_LABEL}, got {value!r}")
    return value
