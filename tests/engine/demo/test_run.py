"""The demo end to end, on the brain that nilearn carries."""

import importlib.util
import sys
from pathlib import Path

import polars as pl
import pytest

from maskwright.cli import main
from maskwright.engine.demo.brain import brain_blocks
from maskwright.errors import MissingExtraError


def test_the_demo_ends_in_a_report_and_its_headline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("nilearn")
    out = tmp_path / "demo"
    assert main(["demo", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "grey matter" in said
    assert said.splitlines()[-1] == f"report: {out / 'report.html'}"
    assert f"assist page: {out / 'assist.html'}" in said
    assert (out / "assist.html").is_file()
    html = (out / "report.html").read_text(encoding="utf-8")
    assert html.count("data:image/png") >= 6
    table = pl.read_parquet(out / "results.parquet")
    assert table["case"].n_unique() == 16
    assert table["status"].value_counts().sort("status").rows() == [("prediction_empty", 1), ("present", 31)]
    # The hasty reader is made to be worse, in every block.
    dice = table.filter(label_name="grey matter").pivot("reader", index=["side", "level"], values="dice")
    assert (dice["careful"] > dice["hasty"]).all()


def test_without_nilearn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "nilearn", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"maskwright\[demo\]"):
        next(brain_blocks())
