"""Files that unpack to more than they should are refused, before or while they are read."""

import gzip

import numpy as np
import pytest

from maskwright.engine.io import at_most, read, read_labels, write
from maskwright.engine.volume import Volume
from maskwright.kernels.errors import FileFormatError

AFFINE = np.eye(4)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.png", "a.tif", "a.zarr"])
def test_what_unpacks_to_more_than_is_taken_is_refused(tmp_path, name):
    flat = name.endswith((".png", ".tif"))
    shape, affine = ((40, 50), None) if flat else ((4, 10, 50), AFFINE)
    write(Volume(np.zeros(shape, np.uint8), affine), tmp_path / name)
    for reader in (read, read_labels):
        with at_most(1999), pytest.raises(FileFormatError, match="at most 1999"):
            reader(tmp_path / name, *([(1.0, 1.0)] if flat else []))
        with at_most(2000):
            assert reader(tmp_path / name, *([(1.0, 1.0)] if flat else [])).array.size == 2000
    assert read(tmp_path / name, *([(1.0, 1.0)] if flat else [])).array.size == 2000


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd"])
def test_a_stream_that_goes_on_for_ever_is_not_read_to_its_end(tmp_path, name):
    path = tmp_path / name
    write(Volume(np.zeros((4, 10, 50), np.uint8), AFFINE), path)
    path.write_bytes(path.read_bytes() + gzip.compress(bytes(40 << 20), 9))
    assert path.stat().st_size < 100_000
    with pytest.raises(FileFormatError, match="twice"):
        read(path)
