"""The contract of a format, which every row of the table passes. A new row that writes is tested by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskwright.engine.io import formats, read, read_labels, reserve_with, write, write_dicom_seg
from maskwright.engine.io.formats import FORMATS, REFUSED, Format, suffix_of
from maskwright.engine.volume import Grid, LabelMap
from maskwright.errors import FileFormatError, InputError, LimitError

Make = Callable[[Path, Path], Path]


def save_segmentation(folder: Path, series: Path) -> Path:
    image = read(series)
    write_dicom_seg(LabelMap((image.array > 500).astype(np.uint8), image.affine), folder / "seg.dcm", series)
    return folder / "seg.dcm"


READ_ONLY: dict[str, Make] = {"DICOM SEG": save_segmentation, "DICOM series": lambda folder, series: series}
"""How to make a file of each format that is not written; a new one needs a row here."""


@dataclass(frozen=True)
class Sample:
    kind: Format
    path: Path
    labels: LabelMap | None


def write_labels(kind: Format, folder: Path) -> Sample:
    """Write a volume of labels, or a plane where the format holds no volume."""
    path = folder / f"sample{kind.suffixes[0]}"
    for shape in ((6, 40, 48), (40, 48)):
        array = np.random.default_rng(0).integers(0, 5, shape).astype(np.uint8)
        labels = LabelMap(array, Grid.from_spacing(shape, (2.5, 0.5, 0.75)[-len(shape) :]).affine)
        try:
            write(labels, path)
        except InputError:
            continue
        return Sample(kind, path, labels)
    raise AssertionError(f"{kind.name} writes neither a volume nor a plane")


@pytest.fixture(params=FORMATS, ids=lambda kind: kind.name)
def sample(request: Any, tmp_path: Path, make_series: Any, save_series: Any, stored: np.ndarray) -> Sample:
    kind: Format = request.param
    if kind.write is not None:
        return write_labels(kind, tmp_path)
    assert kind.name in READ_ONLY, f"{kind.name} is not written: give READ_ONLY a function that makes a file of it"
    return Sample(kind, READ_ONLY[kind.name](tmp_path, save_series(make_series(stored))), None)


def readers(kind: Format) -> list[Callable[..., Any]]:
    return [read_labels if kind.read is None else read, *([read_labels] if kind.read_labels else [])]


def test_a_file_is_recognized(sample: Sample) -> None:
    assert formats.reader_of(sample.path) is sample.kind
    if sample.kind.write is not None:
        assert formats.writer_of(sample.path) is sample.kind


def test_labels_come_back(sample: Sample) -> None:
    if sample.labels is None:
        assert readers(sample.kind)[0](sample.path).array.any()
        return
    for again in (read_labels(sample.path), read(sample.path)):
        np.testing.assert_array_equal(again.array, sample.labels.array)
        assert again.spacing_mm == pytest.approx(sample.labels.spacing_mm, rel=1e-6)
        assert again.source is not None
        assert again.source.format == sample.kind.name


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_a_truncated_file_is_refused(sample: Sample, share: float) -> None:
    files = [sample.path] if sample.path.is_file() else [each for each in sample.path.rglob("*") if each.is_file()]
    largest = max(files, key=lambda each: each.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: int(share * largest.stat().st_size)])
    for reader in readers(sample.kind):
        with pytest.raises((FileFormatError, InputError)) as caught:
            reader(sample.path)
        assert "\n" not in str(caught.value)


def test_memory_is_reserved_before_it_is_taken(sample: Sample) -> None:
    def refuse(size_bytes: int) -> None:
        raise LimitError("the memory is spoken for")

    for reader in readers(sample.kind):
        sizes: list[int] = []
        with reserve_with(sizes.append):
            array = reader(sample.path).array
        assert sum(sizes) >= array.nbytes
        with reserve_with(refuse), pytest.raises(LimitError, match="spoken for"):
            reader(sample.path)


def test_a_format_that_is_only_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = replace(FORMATS[0], name="New", suffixes=(".new",), write=None, stored_label_suffixes=())
    monkeypatch.setattr(formats, "FORMATS", (*FORMATS, kind))
    with pytest.raises(FileFormatError, match=r"New can be read, not written; write one of \.nii\.gz, \.nii, \.nrrd"):
        write(LabelMap(np.zeros((2, 2))), tmp_path / "a.new")
    with pytest.raises(FileFormatError, match=r"DICOM SEG can be read, not written; .*write_dicom_seg"):
        write(LabelMap(np.zeros((2, 2))), tmp_path / "a.seg.dcm")


def test_a_row_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(TypeError, match="the format New reads nothing"):
        Format("New", (".new",), write=FORMATS[0].write)
    for suffix in ("new", ".NEW"):
        with pytest.raises(TypeError, match="expected one like"):
            Format("New", (suffix,), read=FORMATS[0].read)
    assert not Format("New", (".new",), read=FORMATS[0].read).is_upload


def test_advice_is_for_formats_that_are_not_in_the_table() -> None:
    known = {suffix for kind in FORMATS if kind.read for suffix in kind.suffixes} - {".dcm"}
    refused = {suffix for suffixes in REFUSED for suffix in suffixes}
    assert not [suffix for suffix in refused if suffix_of(f"a{suffix}", known)]
