"""What the first client would otherwise wait for: kernels and the network are there before it comes."""

from __future__ import annotations

import numpy as np


def warm_up() -> None:
    """Click once in a small volume and once in a small plane."""
    import blosc2  # noqa: F401

    from maskwright.interactive.session import AssistSession

    for shape in ((24, 24, 24), (32, 32)):
        session = AssistSession()
        session.set_image(np.indices(shape).sum(axis=0, dtype=np.float32), [1.0] * len(shape))
        session.add_point([n // 2 for n in shape])
