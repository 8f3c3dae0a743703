"""What a client had done to its session, as data: it can be written down, and done again by another server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SessionEvent:
    """``path`` says what was done, ``text`` is the JSON that says the rest, ``packed`` the bytes that go with it."""

    path: str
    text: str
    packed: bytes = b""
