"""HTTP connections that do not wait for headers for ever: uvicorn's own wait until they are closed."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def header_timeout_protocol(header_s: float) -> type[H11Protocol]:
    """Return the protocol whose connections end when the headers of a request take longer than so many seconds."""

    class Impatient(H11Protocol):
        """A connection with a clock, which runs while no request is answered and something of one has come."""

        _clock: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._start()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop()
            elif self._clock is None:
                self._start()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _start(self) -> None:
            self._clock = self.loop.call_later(header_s, self._end)

        def _stop(self) -> None:
            if self._clock is not None:
                self._clock.cancel()
                self._clock = None

        def _end(self) -> None:
            self._clock = None
            if (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
                self.transport.close()

    return Impatient
