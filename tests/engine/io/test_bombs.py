"""Files that unpack to more than they should are refused, before or while they are read."""

import gzip

import numpy as np
import pytest

from maskwright.engine.io import read, write
from maskwright.engine.volume import Volume
from maskwright.errors import FileFormatError

AFFINE = np.eye(4)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd"])
def test_a_stream_that_goes_on_for_ever_is_not_read_to_its_end(tmp_path, name):
    path = tmp_path / name
    write(Volume(np.zeros((4, 10, 50), np.uint8), AFFINE), path)
    path.write_bytes(path.read_bytes() + gzip.compress(bytes(40 << 20), 9))
    assert path.stat().st_size < 100_000
    with pytest.raises(FileFormatError, match="twice"):
        read(path)
