"""Worker processes that can import the jobs of these tests, and runs that never end by themselves."""

from pathlib import Path

import pytest

from support.sleepers import start_sleepers


@pytest.fixture(autouse=True)
def importable_jobs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))


@pytest.fixture
def sleepers(monkeypatch):
    return start_sleepers(monkeypatch)
