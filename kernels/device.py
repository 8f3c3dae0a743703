"""The one place that chooses a twin of a kernel by the arrays that come in, and refuses arrays on mixed devices.

A family of kernels is a folder. Its ``__init__`` checks arrays without copying them and calls the functions of a twin:
``cpu.py`` for arrays in main memory, ``cuda.py``, where there is one, for arrays on a CUDA device. Both have functions
of the same names.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from maskwright.errors import InputError

HOST = "cpu"


def device_of(array: object) -> str:
    """Return where an array is: "cpu", or "cuda", "cuda:1" and the like. Nothing is imported or copied."""
    device = getattr(array, "device", None)  # torch has an object with a type; NumPy and others, text or something else
    kind = getattr(device, "type", None)
    if isinstance(kind, str):
        index = getattr(device, "index", None)
        return kind if kind == HOST or index is None else f"{kind}:{index}"
    return "cuda" if hasattr(array, "__cuda_array_interface__") else HOST


def choose_twin(family: str, **arrays: object) -> ModuleType:
    """Return the twin of a family for the device that all arrays are on.

    Parameters
    ----------
    family : str
        The family's package, as its ``__name__`` says.
    **arrays
        By the names that errors call them.

    Raises
    ------
    InputError
        The arrays are on different devices, or the family has no twin for theirs.
    """
    devices = {name: device_of(array) for name, array in arrays.items()}
    if len(set(devices.values())) > 1:
        whereabouts = ", ".join(f"{name} on {device}" for name, device in devices.items())
        raise InputError(f"the arrays are on different devices: {whereabouts}; move them to one device first")
    kind = next(iter(devices.values())).partition(":")[0]
    try:
        return import_module(f"{family}.{kind}")
    except ModuleNotFoundError as error:
        if error.name != f"{family}.{kind}":
            raise
        name = family.rpartition(".")[2]
        raise InputError(f"no {kind.upper()} kernel of {name} yet: pass host arrays (call .cpu() first)") from None


def require_host(array: object, name: str) -> None:
    """Raise an ``InputError`` unless an array is in main memory."""
    device = device_of(array)
    if device != HOST:
        raise InputError(f"{name} is on {device}; expected an array in main memory: call .cpu() first")
