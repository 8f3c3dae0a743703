"""A notice for those who wait while kernels are compiled: Numba does so at their first call on a machine."""

from __future__ import annotations

import time
from collections.abc import Callable

from numba.core import event

_PATIENCE_S = 1.0
NOTICE = "compiling kernels for this machine, once: about 10 s (maskwright doctor --warm does it ahead)"


class _Listener(event.Listener):  # type: ignore[misc]
    """Tells once, at the first compilation that starts or ends a second after the first one has started."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._start: float | None = None
        self._is_done = False

    def on_start(self, event: event.Event) -> None:
        if self._start is None:
            self._start = time.monotonic()
        self._tell_if_late()

    def on_end(self, event: event.Event) -> None:
        self._tell_if_late()

    def _tell_if_late(self) -> None:
        if not self._is_done and self._start is not None and time.monotonic() - self._start >= _PATIENCE_S:
            self._is_done = True
            self._tell(NOTICE)


def announce_compiling(tell: Callable[[str], None]) -> Callable[[], None]:
    """Call ``tell`` once with a line of text when compiling has taken a second; return a function that ends this.

    Kernels that come from Numba's cache are no compiling.
    """
    listener = _Listener(tell)
    event.register("numba:compile", listener)
    return lambda: event.unregister("numba:compile", listener)
