"""Executor: the contract of local processes and Ray, and the outcome of an item whose process died."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self, TypeVar

ExecutorName = Literal["local", "ray"]

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Lost:
    """The process that ran an item died, and died again when the item ran alone.

    Attributes
    ----------
    reason : str
        One line for a reader.
    """

    reason: str


class Executor(Protocol):
    """Runs a function over items. Use it in a ``with`` block; leaving the block ends every process it started."""

    def __enter__(self) -> Self:
        """Start nothing yet, or connect."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process at once, also in the middle of a run."""
        ...

    def run(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[int, Result | Lost]]:
        """Yield ``(index, outcome)`` in the order in which items finish; each index exactly once.

        The function should not raise: its error ends the run.
        """
        ...
