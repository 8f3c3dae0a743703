"""Readers change nothing that belongs to the whole process: descriptors, loggers, warnings, environment."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from maskwright.engine.io import read, write
from maskwright.engine.io.quiet import quiet_libraries
from maskwright.engine.volume import Grid, Volume
from maskwright.errors import FileFormatError, MaskwrightError

LIBRARIES = ("tifffile", "pydicom", "pydicom.pixels.decoders.base", "highdicom", "openjpeg", "PIL", "zarr", "nibabel")
PLANE = np.arange(64 * 48, dtype=np.uint8).reshape(64, 48)
TIFFS = ["raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg", "group4"]
SYNTAXES = {"raw": "", "rle": RLELossless, "jpeg2000": JPEG2000Lossless, "jpegls": JPEGLSLossless}
OTHERS = ["nii.gz", "nrrd", "zarr", "png"]


def _process_state() -> tuple[Any, ...]:
    loggers = [logging.getLogger(name) for name in ("", *LIBRARIES)]
    return (
        [(log.level, log.propagate, log.disabled, list(log.handlers), list(log.filters)) for log in loggers],
        list(warnings.filters),
        warnings.showwarning,
        dict(os.environ),
        [Path(f"/proc/self/fd/{number}").readlink() for number in (0, 1, 2)],
    )


def _save_tiff(folder: Path, compression: str) -> Path:
    plane = PLANE > 99 if compression == "group4" else PLANE
    Image.fromarray(plane).save(folder / "a.tif", compression=None if compression == "raw" else compression)
    return folder / "a.tif"


def _save_dicom(folder: Path, series: list[pydicom.Dataset], syntax: str) -> Path:
    (folder / "series").mkdir()
    for number, dataset in enumerate(series):
        if syntax:
            dataset.compress(syntax, generate_instance_uid=False)
        with pydicom.config.disable_value_validation():
            dataset.add_new("SeriesInstanceUID", "UI", "1.2.Jane Doe")  # pydicom warns of it and logs it
            dataset.save_as(folder / "series" / f"{number}.dcm", enforce_file_format=True)
    return folder / "series"


def _save(folder: Path, kind: str, series: list[pydicom.Dataset]) -> Path:
    if kind in TIFFS:
        return _save_tiff(folder, kind)
    if kind in OTHERS:
        write(Volume(PLANE, Grid.from_spacing(PLANE.shape, (0.5, 0.4)).affine), folder / f"a.{kind}")
        return folder / f"a.{kind}"
    return _save_dicom(folder, series, SYNTAXES[kind.removeprefix("dicom ")])


def _in_threads(*work: Callable[[], object]) -> list[BaseException]:
    errors: list[BaseException] = []

    def run(task: Callable[[], object]) -> None:
        try:
            task()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.parametrize("kind", [*TIFFS, *OTHERS, *(f"dicom {name}" for name in SYNTAXES)])
def test_readers_leave_the_process_alone(
    tmp_path: Path,
    kind: str,
    make_series: Any,
    stored: np.ndarray,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = _save(tmp_path, kind, make_series(stored))
    damaged = tmp_path / f"damaged{path.suffix}"
    if path.is_file():
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2 : len(raw) // 2 + 99] = b"\xff" * 99
        damaged.write_bytes(raw)
    else:
        damaged = tmp_path / "none"
    caplog.clear()
    done = threading.Event()
    wrong: list[Any] = []

    def read_often() -> None:
        for _ in range(10):
            read(path)

    def read_damaged() -> None:
        for _ in range(10):
            with contextlib.suppress(MaskwrightError):
                read(damaged)

    def watch() -> None:
        while not done.is_set():
            state = _process_state()
            if state != before:
                wrong.append(state)
            logging.getLogger("pydicom").warning("a line of the log")
            os.write(2, b"a line\n")
            counts.append(1)
            done.wait(0.001)

    counts: list[int] = []
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        before = _process_state()
        watcher = threading.Thread(target=watch)
        watcher.start()
        errors = _in_threads(read_often, read_often, read_damaged)
        done.set()
        watcher.join()
        assert _process_state() == before
    assert not errors
    assert not wrong
    assert not recorded
    assert caplog.messages == ["a line of the log"] * len(counts)
    assert capfd.readouterr() == ("", "a line\n" * len(counts))


def test_a_good_tiff_beside_a_damaged_one_is_read(tmp_path: Path) -> None:
    stack = np.random.default_rng(0).integers(0, 255, (6, 40, 30)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "good.tif", stack, photometric="minisblack", compression="zlib")
    whole = (tmp_path / "good.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: len(whole) * 2 // 3])

    def read_cut() -> None:
        for _ in range(50):
            with pytest.raises(FileFormatError):
                read(tmp_path / "cut.tif")

    def read_good() -> None:
        for _ in range(50):
            read(tmp_path / "good.tif")

    assert not _in_threads(read_cut, read_good, read_cut)


def test_the_log_of_other_threads_passes_while_one_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    def log(text: str) -> None:
        for name in LIBRARIES:
            logging.getLogger(name).warning("%s of %s", text, name)
        warnings.warn(text, UserWarning, stacklevel=1)

    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        with quiet_libraries() as messages:
            log("a reader")
            assert not _in_threads(lambda: log("another thread"))
        log("afterwards")
    assert messages == ["%s of %s"] * len(LIBRARIES)
    assert [str(warning.message) for warning in recorded] == ["another thread", "afterwards"]
    assert len(caplog.messages) == 2 * len(LIBRARIES)
    assert not any("a reader" in text for text in caplog.messages)


def test_warnings_of_a_reader_are_no_errors() -> None:
    with warnings.catch_warnings(), quiet_libraries():
        warnings.warn("quotes a header", UserWarning, stacklevel=1)
