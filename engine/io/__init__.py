"""Files in, files out: every format is one record of the table in ``formats``, one module each.

World axes appear here and in ``engine/volume`` only: readers turn the axes of their format into the RAS+ affine of a
(z, y, x) array.
"""

from maskwright.engine.io.dicom.seg import write_dicom_seg
from maskwright.engine.io.files import read, read_labels, write
from maskwright.engine.io.memory import reserve_with

__all__ = ["read", "read_labels", "reserve_with", "write", "write_dicom_seg"]
