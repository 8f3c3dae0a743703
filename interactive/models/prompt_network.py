"""The promptable network: channels in, log-odds out, through onnxruntime."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maskwright.machine import usable_cores

if TYPE_CHECKING:
    import onnxruntime

SIDE = {2: 128, 3: 64}
"""Cells an axis of the grid a network works on."""
CHANNELS = 5
"""Image (0 to 1), positive prompts, negative prompts, last mask, box."""
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


def log_odds(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the network's log-odds of the object.

    Parameters
    ----------
    channels
        float32 of shape (batch, 5, 128, 128) or (batch, 5, 64, 64, 64): see `CHANNELS`.

    Returns
    -------
    float32 of shape (batch, ...), without the channels.
    """
    found = _session(channels.ndim - 2).run(None, {"prompted": channels})[0]
    return np.asarray(found, np.float32)[:, 0]


def provenance(dims: int) -> dict[str, str]:
    """Return what a result depends on: the hash of the weights, the provider, the threads, the runtime's version."""
    import onnxruntime

    return {
        "model": hashlib.sha256(_path(dims).read_bytes()).hexdigest()[:16],
        "provider": _session(dims).get_providers()[0],
        "threads": str(_threads()),
        "onnxruntime": onnxruntime.__version__,
    }


def _path(dims: int) -> Path:
    return Path(__file__).parent / f"prompt_{dims}d.onnx"


def _threads() -> int:
    return min(4, usable_cores())


@cache
def _session(dims: int) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads()
    # Threads that spin between clicks would take the cores from the refinement.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    there = [name for name in _PROVIDERS if name in onnxruntime.get_available_providers()]
    return onnxruntime.InferenceSession(str(_path(dims)), options, providers=there)
