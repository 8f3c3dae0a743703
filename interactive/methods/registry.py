"""The methods by name. To add one: a module with a ``METHOD``, and a row here."""

from __future__ import annotations

from importlib import import_module

from maskwright.errors import ConfigError
from maskwright.interactive.methods.method import Method

_MODULES = {
    "network": "network.network",
    "geodesic": "geodesic",
    "cut": "graph_cut",
    "random-walker": "random_walker",
    "region-growing": "region_growing",
}
METHODS = tuple(_MODULES)
"""The names, the default first."""


def load_method(name: str = METHODS[0]) -> Method:
    """Return the method of a name; its module is imported on first use.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    if name not in _MODULES:
        raise ConfigError(f"there is no method {name!r}; expected one of {', '.join(METHODS)}")
    method: Method = import_module(f"maskwright.interactive.methods.{_MODULES[name]}").METHOD
    return method
