"""The twins of a family of kernels, for its contract tests: each with a way to its device and back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from maskwright.kernels.point_groups import PointGroups


@dataclass(frozen=True)
class Twin:
    """A twin: ``put`` copies an array to its device, ``take`` back; ``parts`` threads do the work, however small."""

    name: str
    put: Callable[[np.ndarray], Any]
    take: Callable[[Any], np.ndarray]
    parts: int = 1

    def put_groups(self, groups: PointGroups) -> PointGroups:
        return replace(groups, points=self.put(groups.points))

    def running(self) -> AbstractContextManager[None]:
        """Let kernels that use threads use ``parts`` of them."""
        return in_parts(self.parts)


@contextmanager
def in_parts(parts: int) -> Iterator[None]:
    """Let kernels that use threads use ``parts`` of them, however small the work."""
    with pytest.MonkeyPatch.context() as patched:
        for name, module in list(sys.modules.items()):
            if name.startswith("maskwright.kernels.") and hasattr(module, "thread_count"):
                patched.setattr(module, "thread_count", lambda work, least: parts)
        yield


def twins(family: str) -> list[Any]:
    """Return the twins of a family as parameters of a test: the CPU in one part and in three, CUDA where it has it."""
    import_module(f"maskwright.kernels.{family}.cpu")  # so that running() finds its modules
    found = [
        pytest.param(Twin("cpu", np.asarray, np.asarray), id="cpu"),
        pytest.param(Twin("cpu in parts", np.asarray, np.asarray, parts=3), id="cpu-in-parts"),
    ]
    if find_spec(f"maskwright.kernels.{family}.cuda"):
        missing = pytest.mark.skipif(not _cuda_is_there(), reason="no CUDA device")
        found.append(pytest.param(Twin("cuda", _to_cuda, _from_cuda), id="cuda", marks=[pytest.mark.gpu, missing]))
    return found


def _cuda_is_there() -> bool:
    import torch

    return torch.cuda.is_available()


def _to_cuda(array: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(array.copy()).cuda()


def _from_cuda(array: Any) -> np.ndarray:
    return array.cpu().numpy() if hasattr(array, "cpu") else np.asarray(array)
