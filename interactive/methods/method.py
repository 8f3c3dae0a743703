"""The contract of a method: it opens an image, and its segmenter turns tasks on that image into masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Literal, Protocol

from maskwright.interactive.image import Image
from maskwright.interactive.methods.task import Task
from maskwright.kernels.mask import Mask

PromptKind = Literal["point", "box", "scribble", "lasso"]


@dataclass(frozen=True)
class Supports:
    """The prompts and images that a method can work on. Masks that a caller gives need no method."""

    prompts: frozenset[PromptKind] = frozenset({"point", "box", "scribble", "lasso"})
    dims: frozenset[int] = frozenset({2, 3})
    color: bool = True


SUPPORTS_ALL = Supports()


class Segmenter(Protocol):
    """A method at work on one image. It may hold an embedding, a memory, or a device."""

    def segment(self, task: Task, /) -> Mask:
        """Return the mask of the prompted object, bool of the task's spatial shape.

        It depends on the image and the task alone, so that undo, a failed edit or a replay cannot change later masks:
        an embedding or a memory of earlier tasks makes it faster, not different. The task is not written to. The
        session itself enforces prompted voxels, locked objects and locality.
        """
        ...

    def close(self) -> None:
        """Release memory and devices; a second call does nothing. No task follows."""
        ...


class Method(Protocol):
    """A way from prompts to masks. One instance may serve many sessions and threads at once."""

    @property
    def name(self) -> str:
        """The name in tables, capabilities and session logs."""
        ...

    @property
    def supports(self) -> Supports:
        """The prompts and images the method can work on."""
        ...

    def provenance(self) -> dict[str, str]:
        """Return everything a mask depends on besides image and prompts.

        ``name`` and ``version`` always; for a trained model also ``model``, the hash of its weights, its ``provider``
        and whatever else of the runtime matters.
        """
        ...

    def open(self, image: Image) -> Segmenter:
        """Return a segmenter for one image, which the session closes."""
        ...


@dataclass(frozen=True)
class TaskMethod:
    """A method whose mask depends on the task alone, so that nothing is kept between tasks."""

    name: str
    segment: Callable[[Task], Mask]
    supports: Supports = SUPPORTS_ALL

    def provenance(self) -> dict[str, str]:
        """Return name and version."""
        return {"name": self.name, "version": package_version()}

    def open(self, image: Image) -> Segmenter:
        """Return a segmenter that holds nothing."""
        return TaskSegmenter(self.segment)


@dataclass(frozen=True)
class TaskSegmenter:
    """A segmenter that holds nothing; see `TaskMethod`."""

    segment: Callable[[Task], Mask]

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


@cache
def package_version() -> str:
    """Return the version of Maskwright."""
    return version("maskwright")
