"""The networks that lie in the package. To add one: its ``.onnx`` file beside this, and a row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Model:
    """A promptable network: float32 channels (batch, channels, side, ...) in, log-odds of the object out.

    The channels are: image (0 to 1), positive prompts, negative prompts, last mask, box.
    """

    file: str
    dims: int
    side: int
    channels: int = 5

    @property
    def path(self) -> Path:
        """The file of its weights."""
        return Path(__file__).parent / self.file

    @property
    def sha256(self) -> str:
        """The hash of its weights."""
        return _hash_file(self.path)


MODELS = {"prompt-2d": Model("prompt_2d.onnx", dims=2, side=128)}


@cache
def _hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
