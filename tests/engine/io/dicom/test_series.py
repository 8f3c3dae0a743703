from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless, generate_uid

from maskwright.engine.io import read, read_labels, reserve_with
from maskwright.errors import FileFormatError, GeometryError, MaskwrightError, MissingExtraError

SECRET = "DOE^JANE"


def refusal(path: Path, kind: type[MaskwrightError] = GeometryError) -> str:
    """Return the message of the error that reading raises; it is one line and names no patient."""
    with pytest.raises(kind) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message
    assert "12345" not in message
    assert str(path) in message
    return message


def test_slices_are_sorted_and_rescaled(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    volume = read(save_series(make_series(stored)))
    np.testing.assert_array_equal(volume.array, stored.astype(int) - 1024)
    assert volume.array.dtype == np.int16
    assert volume.spacing_mm == (2.5, 0.75, 0.5)
    # LPS position (-10, -20, 30) of the first pixel is (10, 20, 30) in RAS.
    np.testing.assert_allclose(volume.affine, [[0, 0, -0.5, 10], [0, -0.75, 0, 20], [2.5, 0, 0, 30], [0, 0, 0, 1]])


def test_oblique_positions_agree_with_the_standard(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    slices = make_series(stored, orientation=[round(float(v), 9) for v in (*turn[0], *turn[1])])
    volume = read(save_series(slices))
    assert volume.affine is not None
    # Equation C.7.6.2.1-1 of the DICOM standard, for pixel (row 4, column 7) of the third slice, in LPS.
    third = slices[2]
    x, y = np.array(third.ImageOrientationPatient[:3], float), np.array(third.ImageOrientationPatient[3:], float)
    lps = np.array(third.ImagePositionPatient, float) + x * 0.5 * 7 + y * 0.75 * 4
    np.testing.assert_allclose((volume.affine @ [2, 4, 7, 1])[:3], lps * [-1, -1, 1], atol=1e-6)


def test_fractional_slopes_give_float(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    slices = make_series(stored)
    for number, dataset in enumerate(slices):
        dataset.RescaleSlope, dataset.RescaleIntercept = 0.5 + number, 0  # PET: every slice has its own
    volume = read(save_series(slices))
    assert volume.array.dtype == np.float32
    np.testing.assert_array_equal(volume.array, stored * (0.5 + np.arange(4))[:, None, None])


@pytest.mark.parametrize(
    ("stored_bits", "signed", "slope", "intercept", "kind"),
    [
        (12, 0, 1, -1024, np.int16),
        (16, 0, 1, -1024, np.int32),  # 65535 - 1024 does not fit into int16
        (16, 1, 1, -1024, np.int32),  # nor does -32768 - 1024
        (16, 0, 1, 0, np.uint16),
        (16, 1, 1, 0, np.int16),
        (15, 0, 1, -1, np.int16),
    ],
)
def test_rescaled_values_fit_their_type(
    make_series: Any, save_series: Any, stored_bits: int, signed: int, slope: int, intercept: int, kind: Any
) -> None:
    ends = [-(2 ** (stored_bits - 1)), 2 ** (stored_bits - 1) - 1] if signed else [0, 2**stored_bits - 1]
    values = np.resize(ends, (2, 4, 6))
    slices = make_series(values)
    for dataset in slices:
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = stored_bits, stored_bits - 1, signed
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    volume = read(save_series(slices))
    assert volume.array.dtype == kind
    np.testing.assert_array_equal(volume.array, values * slope + intercept)


def test_labels_stored_as_a_series(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    slices = make_series(stored % 5)
    for dataset in slices:
        dataset.RescaleIntercept = 0
    labels = read_labels(save_series(slices))
    np.testing.assert_array_equal(labels.array, stored % 5)
    assert labels.array.dtype == np.uint8


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_compressed_series(make_series: Any, save_series: Any, stored: np.ndarray, syntax: Any) -> None:
    slices = make_series(stored)
    for dataset in slices:
        dataset.compress(syntax, generate_instance_uid=False)
    assert slices[0].file_meta.TransferSyntaxUID == syntax
    np.testing.assert_array_equal(read(save_series(slices)).array, stored.astype(int) - 1024)


def test_missing_decoder_names_the_extra(
    make_series: Any, save_series: Any, stored: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices = make_series(stored)
    for dataset in slices:
        dataset.compress(JPEGLSLossless, generate_instance_uid=False)
    from pydicom.pixels import get_decoder

    monkeypatch.setattr(get_decoder(JPEGLSLossless), "_available", {})
    with pytest.raises(MissingExtraError, match=r"pyjpegls .*maskwright\[dicom\]"):
        read(save_series(slices))


def test_jpeg_lossless_says_what_to_install(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    slices = make_series(stored)
    folder = save_series(slices)
    for file in folder.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
        dataset.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.save_as(file)
    assert "python-gdcm" in refusal(folder, FileFormatError)


def test_missing_slice(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    slices = make_series(stored)
    del slices[2]
    # Written from the last: s2 is the first slice, s1 the second (32.5 mm), s0 the fourth (37.5 mm).
    assert "missing between s1.dcm (at 32.5 mm) and s0.dcm (at 37.5 mm)" in refusal(save_series(slices))


def test_duplicate_slices(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    slices = make_series(stored)
    slices[3].ImagePositionPatient = slices[1].ImagePositionPatient
    message = refusal(save_series(slices))
    assert "duplicate slices" in message
    assert "s2.dcm" in message
    assert "s0.dcm" in message


def test_mixed_series(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    slices = make_series(stored)
    slices[0].SeriesInstanceUID = generate_uid()
    message = refusal(save_series(slices))
    assert "more than one series: s0.dcm and 2 more; s3.dcm" in message
    assert str(slices[0].SeriesInstanceUID) not in message


def test_gantry_tilt_names_the_angle(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    tilt = np.deg2rad(12)
    slices = make_series(stored, step=(0, 2.5 * np.tan(tilt), 2.5))
    assert "gantry tilt" in (message := refusal(save_series(slices)))
    assert "12 degrees" in message


def test_uneven_spacing(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    slices = make_series(stored)
    slices[1].ImagePositionPatient = [-10, -20, 30 + 2.5 * 1.1]
    assert "uneven slice spacing: s2.dcm" in refusal(save_series(slices))


def test_rounded_positions_are_accepted(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    slices = make_series(stored, step=(0, 0, 0.625))
    for dataset in slices:
        dataset.ImagePositionPatient = [round(float(v), 2) for v in dataset.ImagePositionPatient]
    spacing = read(save_series(slices)).spacing_mm
    assert spacing is not None
    assert spacing[0] == pytest.approx(0.625, abs=0.005)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("ImageOrientationPatient", [1, 0, 0, 0, 0, 1], "orientation"),
        ("PixelSpacing", [0.8, 0.5], "pixel spacing"),
        ("PixelRepresentation", 1, "pixel type"),
    ],
)
def test_inconsistent_slices(
    make_series: Any, save_series: Any, stored: np.ndarray, field: str, value: Any, expected: str
) -> None:
    slices = make_series(stored)
    setattr(slices[3], field, value)
    message = refusal(save_series(slices))
    assert f"the slices differ in {expected}" in message
    assert "s0.dcm" in message


def test_inconsistent_size(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    slices = make_series(stored)
    slices[3].Rows, slices[3].Columns = 48, 40
    assert "s1.dcm and 2 more (40 x 48); s0.dcm (48 x 40)" in refusal(save_series(slices))


def test_slices_without_position(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    slices = make_series(stored)
    del slices[1].ImagePositionPatient
    assert "s2.dcm has no usable ImagePositionPatient" in refusal(save_series(slices))


def test_truncated_slice_is_named(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    folder = save_series(make_series(stored))
    file = folder / "s1.dcm"
    file.write_bytes(file.read_bytes()[:-20])
    assert "s1.dcm" in refusal(folder, FileFormatError)
    file.write_bytes(b"")
    assert "s1.dcm" in refusal(folder, FileFormatError)


def test_folder_without_dicom(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert "no DICOM files in this folder; it holds 1 folders" in refusal(tmp_path / "a", FileFormatError)
    assert "no DICOM files in this folder" in refusal(tmp_path / "a" / "b", FileFormatError)


def test_other_files_in_the_folder_are_left_out(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    folder = save_series(make_series(stored))
    (folder / "notes.txt").write_text("not DICOM")
    (folder / ".DS_Store").write_bytes(b"\0" * 200)
    assert read(folder).array.shape == stored.shape


def test_rtstruct_is_refused_by_name(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    slices = make_series(stored[:1])
    slices[0].SOPClassUID = slices[0].file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    folder = save_series(slices)
    with pytest.raises(FileFormatError, match="RTSTRUCT holds contours"):
        read_labels(folder / "s0.dcm")


def test_colour_is_refused_by_name(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    slices = make_series(stored[:1])
    slices[0].SamplesPerPixel, slices[0].PhotometricInterpretation = 3, "RGB"
    assert "colour DICOM" in refusal(save_series(slices), FileFormatError)


def test_one_slice_is_a_plane(make_series: Any, save_series: Any, stored: np.ndarray) -> None:
    plane = read(save_series(make_series(stored[:1])) / "s0.dcm")
    np.testing.assert_array_equal(plane.array, stored[0].astype(int) - 1024)
    np.testing.assert_allclose(plane.affine, [[0, -0.5, 10], [-0.75, 0, 20], [0, 0, 30], [0, 0, 1]])


def test_enhanced_multi_frame(make_series: Any, save_series: Any, stored: np.ndarray, tmp_path: Path) -> None:
    # highdicom builds the enhanced object; what is compared is its single-frame source.
    highdicom = pytest.importorskip("highdicom")
    slices: list[Dataset] = make_series(stored)
    for dataset in slices:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.BodyPartExamined = "CHEST"
        dataset.PatientPosition = "HFS"
    enhanced = highdicom.legacy.LegacyConvertedEnhancedCTImage(slices[::-1], generate_uid(), 2, generate_uid(), 1)
    enhanced.save_as(tmp_path / "enhanced.dcm")
    reserved: list[int] = []
    with reserve_with(reserved.append):
        multi = read(tmp_path / "enhanced.dcm")
    assert sum(reserved) == multi.array.nbytes + (tmp_path / "enhanced.dcm").stat().st_size
    single = read(save_series(slices))
    np.testing.assert_array_equal(multi.array, single.array)
    np.testing.assert_allclose(multi.affine, single.affine, atol=1e-9)


def test_header_values_are_not_logged(
    make_series: Any, save_series: Any, stored: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    slices = make_series(stored)
    with pydicom.config.disable_value_validation():
        for item in slices:
            item.add_new("SeriesInstanceUID", "UI", "1.2.Jane Doe")  # no UID: pydicom complains, and quotes it
        folder = save_series(slices)
    read(folder)
    assert caplog.text == ""
