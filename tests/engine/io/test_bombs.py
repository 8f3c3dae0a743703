"""Files that unpack to more than they should are refused, before or while they are read."""

import gzip

import numpy as np
import pytest

from maskwright.engine.io import asking, read, read_labels, write
from maskwright.engine.volume import Volume
from maskwright.errors import FileFormatError, LimitError

AFFINE = np.eye(4)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.png", "a.tif", "a.zarr"])
def test_what_an_array_takes_is_asked_before_it_is_made(tmp_path, name):
    flat = name.endswith((".png", ".tif"))
    shape, affine = ((40, 50), None) if flat else ((4, 10, 50), AFFINE)
    write(Volume(np.zeros(shape, np.uint8), affine), tmp_path / name)
    spacing = [(1.0, 1.0)] if flat else []
    asked: list[int] = []

    def refuse(size_bytes):
        raise LimitError(f"{size_bytes} are too many")

    for reader in (read, read_labels):
        with asking(refuse), pytest.raises(LimitError, match="2000 are too many"):
            reader(tmp_path / name, *spacing)
        with asking(asked.append):
            assert reader(tmp_path / name, *spacing).array.size == 2000
    assert asked == [2000, 2000]
    assert read(tmp_path / name, *spacing).array.size == 2000


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd"])
def test_a_stream_that_goes_on_for_ever_is_not_read_to_its_end(tmp_path, name):
    path = tmp_path / name
    write(Volume(np.zeros((4, 10, 50), np.uint8), AFFINE), path)
    path.write_bytes(path.read_bytes() + gzip.compress(bytes(40 << 20), 9))
    assert path.stat().st_size < 100_000
    with pytest.raises(FileFormatError, match="twice"):
        read(path)
