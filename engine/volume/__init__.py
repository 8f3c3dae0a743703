"""Volumes in memory: an array, where its voxels lie in the world, and where it came from.

Arrays are (z, y, x), or (y, x) for a plane. The world is RAS+ in millimetres: x to the right, y to the front, z to
the head of the patient. An affine maps an index in array-axis order, with a 1 behind it, to the world.
"""

from maskwright.engine.volume.align import align, count_left_out
from maskwright.engine.volume.grid import Grid
from maskwright.engine.volume.labels import to_labels
from maskwright.engine.volume.volume import LabelMap, Source, Volume

__all__ = ["Grid", "LabelMap", "Source", "Volume", "align", "count_left_out", "to_labels"]
