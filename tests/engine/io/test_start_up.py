from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from maskwright.engine.io import write
from maskwright.engine.volume import Grid, LabelMap

HEAVY = ["nrrd", "highdicom", "zarr", "tifffile", "numba"]  # nibabel itself imports pydicom, PIL and scipy


def test_reading_nifti_loads_no_other_format(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    write(LabelMap(np.ones((2, 3, 4)), Grid.from_spacing((2, 3, 4), (1, 1, 1)).affine), path)
    program = (
        "import sys; from maskwright.engine.io import read_labels; read_labels(sys.argv[1]);"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
