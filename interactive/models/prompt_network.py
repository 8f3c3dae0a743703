"""The promptable network: channels in, log-odds out, through onnxruntime."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnxruntime

SIDE = {2: 128, 3: 64}
"""Cells an axis of the grid a network works on."""
CHANNELS = 5
"""Image (0 to 1), positive prompts, negative prompts, last mask, box."""
MOST_THREADS = 4
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


def log_odds(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the network's log-odds of the object.

    It runs on as many threads as the kernels use in the calling thread (``numba.get_num_threads``), at most four.

    Parameters
    ----------
    channels
        float32 of shape (batch, 5, 128, 128) or (batch, 5, 64, 64, 64): see `CHANNELS`.

    Returns
    -------
    float32 of shape (batch, ...), without the channels.
    """
    outputs = _session(channels.ndim - 2, _threads()).run(None, {"prompted": channels})
    return np.asarray(outputs[0], np.float32)[:, 0]


def provenance(dims: int) -> dict[str, str]:
    """Return the hash of the weights, the provider, the number of threads and the runtime's version."""
    import onnxruntime

    return {
        "model": _sha256(dims)[:16],
        "provider": _session(dims, _threads()).get_providers()[0],
        "threads": str(_threads()),
        "onnxruntime": onnxruntime.__version__,
    }


def _path(dims: int) -> Path:
    return Path(__file__).parent / f"prompt_{dims}d.onnx"


@cache
def _sha256(dims: int) -> str:
    return hashlib.sha256(_path(dims).read_bytes()).hexdigest()


def _threads() -> int:
    import numba  # after the kernels, which tell it how many cores there are

    return min(MOST_THREADS, int(numba.get_num_threads()))


@cache
def _session(dims: int, threads: int) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin between clicks would take the cores from the refinement.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    available = onnxruntime.get_available_providers()
    providers = [name for name in _PROVIDERS if name in available]
    return onnxruntime.InferenceSession(str(_path(dims)), options, providers=providers)
