"""Label presets: the meaning of the numbers in a mask, read from strict TOML."""

from maskwright.engine.config.load_preset import load_preset, shipped_presets
from maskwright.engine.config.preset import LabelSpec, Preset, Region

__all__ = ["LabelSpec", "Preset", "Region", "load_preset", "shipped_presets"]
