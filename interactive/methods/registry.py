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
        There is none of that name, or its module has no ``METHOD`` of that name.
    """
    if name not in _MODULES:
        raise ConfigError(f"there is no method {name!r}; expected one of {', '.join(METHODS)}")
    module = f"maskwright.interactive.methods.{_MODULES[name]}"
    method: Method | None = getattr(import_module(module), "METHOD", None)
    if method is None or method.name != name:
        found = "no METHOD" if method is None else f"the METHOD {method.name!r}"
        raise ConfigError(f"the module {module} has {found}; expected METHOD, a Method called {name!r}")
    return method


def methods_on(dims: int, color: bool) -> list[str]:
    """Return the names of the methods that work on images of so many axes, in colour or not; it imports them all."""
    supports = {name: load_method(name).supports for name in METHODS}
    return [name for name, each in supports.items() if dims in each.dims and (each.color or not color)]
