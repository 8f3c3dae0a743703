"""The notice about compiling: one line, and only when it takes a while."""

import pytest
from numba.core import event

from maskwright.kernels import compiling


@pytest.fixture
def lines():
    """The lines told while a test runs."""
    told = []
    stop = compiling.announce_compiling(told.append)
    yield told
    stop()


def compile_for(monkeypatch, *seconds):
    """Let Numba say that it compiled, each time for so long."""
    now = [0.0]
    monkeypatch.setattr(compiling.time, "monotonic", lambda: now[0])
    for duration in seconds:
        with event.trigger_event("numba:compile", data={}):
            now[0] += duration


def test_compiling_for_long_is_told_once(lines, monkeypatch):
    compile_for(monkeypatch, 0.6, 0.6, 3.0, 3.0)
    assert lines == [compiling.NOTICE]


def test_compiling_for_a_moment_is_not_told(lines, monkeypatch):
    compile_for(monkeypatch, 0.3, 0.3)
    assert lines == []


def test_after_its_end_nothing_is_told(monkeypatch):
    told = []
    compiling.announce_compiling(told.append)()
    compile_for(monkeypatch, 5.0)
    assert told == []
