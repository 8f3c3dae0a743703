"""HTTP connections with two clocks: the headers of a request must come in time, and its client must read the answer.

uvicorn has a setting for idle connections alone (``timeout_keep_alive``). A proxy in front does both, and is the right
tool for a server that the world can reach; but a server that listens on a hospital's network without one must not be
held up by a client that says nothing, nor hold an answer for one that does not read. So this is the one subclass of a
class of uvicorn; ``tests/engine/service/http/test_connection.py`` fails where a new uvicorn calls it otherwise.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class TimedProtocol(H11Protocol):
    """A connection; a clock runs while headers are awaited, another one while bytes wait to be read."""

    stall_s: float
    _clock: asyncio.TimerHandle | None = None
    _send_clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock of the headers."""
        super().connection_made(transport)
        # Writing pauses with the first byte that the client does not take: uvicorn's drain then waits for it.
        transport.set_write_buffer_limits(high=0)
        self._start()

    def data_received(self, data: bytes) -> None:
        """Stop it while a request is answered, and start it when the next one begins."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._clock is None:
            self._start()

    def pause_writing(self) -> None:
        """Start the clock of the reader."""
        super().pause_writing()
        self._send_clock = self.loop.call_later(self.stall_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop it: everything was taken."""
        super().resume_writing()
        if self._send_clock is not None:
            self._send_clock.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop both."""
        self._stop()
        self.resume_writing()
        super().connection_lost(exc)

    def _start(self) -> None:
        self._clock = self.loop.call_later(self.stall_s, self._end_idle)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _end_idle(self) -> None:
        self._clock = None
        if (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
            self.transport.close()


def timed_protocol(stall_s: float) -> type[H11Protocol]:
    """Return the protocol of connections that end where headers or a reader keep them waiting for so many seconds."""
    return type("TimedProtocol", (TimedProtocol,), {"stall_s": stall_s})
