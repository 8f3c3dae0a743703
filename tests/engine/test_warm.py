"""Kernels compiled ahead: nothing is left to compile for work of the usual kinds."""

import sys

import numpy as np
import pytest

import maskwright as mw
from maskwright.cli import main
from maskwright.engine.warm import steps


def signatures():
    """Return the compiled signatures of every kernel."""
    return {
        (name, attribute, str(signature))
        for name, module in list(sys.modules.items())
        if name.startswith("maskwright.kernels.")
        for attribute, value in vars(module).items()
        if hasattr(value, "nopython_signatures")
        for signature in value.signatures
    }


def test_after_warming_no_compare_compiles_anything():
    for _, work in steps():
        work()
    before = signatures()
    rng = np.random.default_rng(2)
    for dtypes in ((bool, bool), (np.uint8, np.uint16), (np.int64, np.float32), (np.uint32, np.uint8)):
        for shape in ((31, 52, 90), (33, 170)):
            masks = [(rng.random(shape) < 0.3).astype(dtype) for dtype in dtypes]
            for convention in ("metrics-reloaded", "medpy", "deepmind"):
                mw.compare(masks[0], masks[1], spacing_mm=(1.0,) * len(shape), convention=convention)
                mw.compare(np.asfortranarray(masks[0]), masks[1][::-1], spacing_mm=(1.0,) * len(shape))
    assert signatures() == before


def test_doctor_warms_with_progress(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    done = []
    works = [("one", lambda: done.append(1)), ("other", lambda: done.append(2))]
    monkeypatch.setattr("maskwright.engine.warm.steps", lambda: iter(works))
    assert main(["doctor", "--warm"]) == 0
    assert done == [1, 2]
    assert capsys.readouterr().out.splitlines()[:2] == ["1/2 one", "2/2 other"]
