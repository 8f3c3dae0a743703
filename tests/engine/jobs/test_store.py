"""The resume store holds finished cases and nothing else."""

from pathlib import Path

import polars as pl
import pytest

from maskwright.engine.jobs.store import ResultStore, only_run_in
from maskwright.engine.storage import unfinished_path
from maskwright.errors import InputError

ROWS = pl.DataFrame({"case": ["a"], "dice": [float("nan")], "hd": [float("inf")]})


def test_an_added_table_is_loaded(tmp_path: Path) -> None:
    ResultStore(tmp_path / "parts").add("k1", ROWS)
    loaded = ResultStore(tmp_path / "parts").load()
    assert list(loaded) == ["k1"]
    assert loaded["k1"].equals(ROWS, null_equal=True)


def test_a_key_has_one_table(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add("k1", ROWS)
    store.add("k1", ROWS)
    assert len(store.load()) == 1


def test_half_written_and_broken_parts_are_removed(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add("good", ROWS)
    whole = (tmp_path / "good.parquet").read_bytes()
    unfinished_path(tmp_path / "late.parquet").write_bytes(whole[:40])
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.parquet").write_bytes(b"")
    assert list(ResultStore(tmp_path).load()) == ["good"]
    assert [path.name for path in tmp_path.iterdir()] == ["good.parquet"]


def test_clear_removes_every_part(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.add("k1", ROWS)
    store.clear()
    assert store.load() == {}


def test_a_folder_holds_one_run_at_a_time(tmp_path: Path) -> None:
    with only_run_in(tmp_path), pytest.raises(InputError, match="another run writes into"), only_run_in(tmp_path):
        pass
    with only_run_in(tmp_path):
        pass
