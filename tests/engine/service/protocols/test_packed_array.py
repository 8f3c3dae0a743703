"""Packed arrays go there and back, are the real client's, and no damage to them does more than raise an error."""

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskwright.engine.service.protocols.nninteractive.packed_array import DTYPES, MAGIC, pack_array, unpack_array
from maskwright.errors import InputError

LIMIT = 1 << 20
ARRAYS = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda name: hnp.arrays(np.dtype(name), hnp.array_shapes(min_dims=1, max_dims=4, max_side=9))
)


@settings(deadline=None)
@given(ARRAYS, st.booleans())
def test_packed_arrays_unpack(array, turned):
    array = array.T if turned else array
    found = unpack_array(pack_array(array), LIMIT)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@settings(deadline=None, max_examples=30)
@given(ARRAYS)
def test_real_client_packs_alike(array):
    theirs = pytest.importorskip("nnInteractive.inference.remote.serialization")
    np.testing.assert_array_equal(theirs.unpack_array(pack_array(array)), array)
    np.testing.assert_array_equal(unpack_array(theirs.pack_array(array), LIMIT), array)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_damaged_array_is_refused(data):
    packed = bytearray(pack_array(np.arange(60, dtype=np.int16).reshape(3, 4, 5)))
    for _ in range(data.draw(st.integers(1, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(packed)))
    with contextlib.suppress(InputError):
        assert unpack_array(bytes(packed[:cut]), LIMIT).nbytes <= LIMIT


def test_too_large_array_is_refused_before_unpacking():
    header = MAGIC + struct.pack("<BBBB", 1, 1, 4, 5) + b"uint8"
    for shape in ((1, 2**20, 2**20, 2**20), (2**62, 4, 1, 1), (1, -1, 1, 1), (1, 0, 5, 5)):
        with pytest.raises(InputError, match="within"):
            unpack_array(header + struct.pack("<4q", *shape) + struct.pack("<I", 0), LIMIT)
    zeros = pack_array(np.zeros(LIMIT + 1, np.uint8))  # a bomb: 1 MiB in a few bytes
    assert len(zeros) < 1000
    with pytest.raises(InputError, match="within"):
        unpack_array(zeros, LIMIT)


@pytest.mark.parametrize("packed", [b"", b"NNIA", b"x" * 200, MAGIC + b"\x02\x01\x01\x05uint8"])
def test_other_bytes_are_refused(packed):
    with pytest.raises(InputError):
        unpack_array(packed, LIMIT)
