"""Methods: from prompts to the mask of one object in a region. Loaded when they are first asked for."""

from __future__ import annotations

from importlib import import_module

from maskwright.errors import ConfigError
from maskwright.interactive.methods.method import Method

_HOMES = {
    "network": ("network.network", "Network"),
    "geodesic": ("geodesic", "Geodesic"),
    "cut": ("graph_cut", "GraphCut"),
    "random-walker": ("random_walker", "RandomWalker"),
    "region-growing": ("region_growing", "RegionGrowing"),
}
METHODS = tuple(_HOMES)
"""Names, the default first."""


def make_method(name: str = METHODS[0]) -> Method:
    """Return the method of a name.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    if name not in _HOMES:
        raise ConfigError(f"there is no method {name!r}; expected one of {', '.join(METHODS)}")
    module, attribute = _HOMES[name]
    method: Method = getattr(import_module(f"maskwright.interactive.methods.{module}"), attribute)()
    return method
