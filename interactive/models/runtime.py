"""The runtime of networks: onnxruntime, on a CUDA device where it finds one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maskwright.interactive.models.registry import Model
from maskwright.machine import usable_cores

if TYPE_CHECKING:
    import onnxruntime

MOST_THREADS = 4
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


def predict_log_odds(model: Model, channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a network's log-odds of the object.

    It runs on as many threads as this process may use cores, at most four, whatever thread calls: all callers share one
    session of the runtime, and a single click is answered sooner.

    Parameters
    ----------
    channels
        float32 of shape (batch, channels, side, ...), see `Model`.

    Returns
    -------
    float32 of shape (batch, side, ...).
    """
    outputs = _session(model).run(None, {"prompted": channels})
    return np.asarray(outputs[0], np.float32)[:, 0]


def model_provenance(model: Model) -> dict[str, str]:
    """Return the hash of the weights, the provider, the number of threads and the runtime's version."""
    import onnxruntime

    return {
        "model": model.sha256[:16],
        "provider": _session(model).get_providers()[0],
        "threads": str(_threads()),
        "onnxruntime": onnxruntime.__version__,
    }


def _threads() -> int:
    return min(MOST_THREADS, usable_cores())


@cache
def _session(model: Model) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads()
    # Threads that spin between clicks would take the cores from the refinement.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    available = onnxruntime.get_available_providers()
    providers = [name for name in _PROVIDERS if name in available]
    return onnxruntime.InferenceSession(str(model.path), options, providers=providers)
