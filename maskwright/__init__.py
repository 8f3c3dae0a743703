"""Maskwright: the segmentation engine behind medical annotation.

Names are loaded when they are first used, so that ``import maskwright`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str

    from maskwright.engine.assist.propagate import propagate
    from maskwright.engine.config import Preset, load_preset
    from maskwright.engine.io import read, read_labels, write
    from maskwright.engine.metrics.compare import compare
    from maskwright.engine.metrics.comparison import Comparison, LabelMetrics
    from maskwright.engine.metrics.options import CompareOptions
    from maskwright.engine.qa.job import QaResult
    from maskwright.engine.qa.run import qa
    from maskwright.engine.volume import Grid, LabelMap, Volume, align
    from maskwright.errors import (
        ConfigError,
        FileFormatError,
        GeometryError,
        InputError,
        LabelError,
        LogVersionError,
        MaskwrightError,
        MissingExtraError,
        PromptError,
    )
    from maskwright.interactive.propagation.result import Propagation
    from maskwright.interactive.sessions.session import AssistSession
    from maskwright.interactive.sessions.state import Edit

_HOMES = {
    "maskwright.engine.assist.propagate": ("propagate",),
    "maskwright.engine.config": ("Preset", "load_preset"),
    "maskwright.engine.io": ("read", "read_labels", "write"),
    "maskwright.engine.metrics.compare": ("compare",),
    "maskwright.engine.metrics.comparison": ("Comparison", "LabelMetrics"),
    "maskwright.engine.metrics.options": ("CompareOptions",),
    "maskwright.engine.qa.job": ("QaResult",),
    "maskwright.engine.qa.run": ("qa",),
    "maskwright.engine.volume": ("Grid", "LabelMap", "Volume", "align"),
    "maskwright.interactive.propagation.result": ("Propagation",),
    "maskwright.interactive.sessions.session": ("AssistSession",),
    "maskwright.interactive.sessions.state": ("Edit",),
    "maskwright.errors": (
        "ConfigError",
        "FileFormatError",
        "GeometryError",
        "InputError",
        "LabelError",
        "LogVersionError",
        "MaskwrightError",
        "MissingExtraError",
        "PromptError",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AssistSession",
    "CompareOptions",
    "Comparison",
    "ConfigError",
    "Edit",
    "FileFormatError",
    "GeometryError",
    "Grid",
    "InputError",
    "LabelError",
    "LabelMap",
    "LabelMetrics",
    "LogVersionError",
    "MaskwrightError",
    "MissingExtraError",
    "Preset",
    "PromptError",
    "Propagation",
    "QaResult",
    "Volume",
    "__version__",
    "align",
    "compare",
    "load_preset",
    "propagate",
    "qa",
    "read",
    "read_labels",
    "write",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("maskwright")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'maskwright' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
