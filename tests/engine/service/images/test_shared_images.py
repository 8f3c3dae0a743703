"""Equal images are one array, for as long as somebody holds it."""

import gc

import numpy as np
import pytest

from maskwright.engine.service.images.shared_images import SharedImages


def test_equal_content_is_shared_while_it_is_used():
    images = SharedImages()
    _, one = images.share(np.arange(12, dtype=np.int16).reshape(3, 4))
    assert images.share(np.arange(12, dtype=np.int16).reshape(3, 4))[1] is one
    assert images.share(np.arange(12, dtype=np.int16))[1] is not one
    assert images.share(np.arange(12, dtype=np.uint16).reshape(3, 4))[1] is not one
    with pytest.raises(ValueError, match="read-only"):
        one[0, 0] = 5
    del one
    gc.collect()
    assert images.count == 0
