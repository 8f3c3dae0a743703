"""In which form a label is saved and downloaded."""

import re

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from support.page import AFFINE, bright_blobs, labels_of, open_image, phantom, save, saved, serving, status
from support.serving import served


def choice(page):
    return page.get_by_role("combobox", name="As")


def draw(page):
    page.mouse.click(*bright_blobs(page)[0])
    page.get_by_text("Outlining: done").wait_for()


def downloaded(page):
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    suffix = "".join(re.findall(r"\.[a-z]+", download.value.suggested_filename))
    return suffix, labels_of(download.value.path().read_bytes(), suffix).array


def write_series(folder):
    """Write the phantom as a CT series, slice by slice."""
    folder.mkdir()
    study, series, frame = (generate_uid() for _ in range(3))
    for number, pixels in enumerate(phantom().array.clip(0).astype("<u2")):
        slice_ = Dataset()
        slice_.file_meta = FileMetaDataset()
        slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_.file_meta.MediaStorageSOPClassUID = slice_.SOPClassUID = CTImageStorage
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID = generate_uid()
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = study, series, frame
        slice_.PatientName = slice_.PatientID = slice_.PatientBirthDate = slice_.PatientSex = ""
        slice_.StudyDate = slice_.StudyTime = slice_.AccessionNumber = slice_.ReferringPhysicianName = ""
        slice_.StudyID, slice_.SeriesNumber, slice_.InstanceNumber = "1", 1, number + 1
        slice_.Modality, slice_.Manufacturer = "CT", "test"
        slice_.ImagePositionPatient = [-30.0, -25.0, -30.0 + 2.0 * number]  # to the left and back: LPS
        slice_.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        slice_.PixelSpacing, slice_.SliceThickness = [1.2, 1.0], 2.0
        slice_.Rows, slice_.Columns = pixels.shape
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 12, 11, 0
        slice_.RescaleSlope, slice_.RescaleIntercept = 1, 0
        slice_.PixelData = pixels.tobytes()
        pydicom.dcmwrite(folder / f"{number}.dcm", slice_, enforce_file_format=True)


@pytest.mark.browser
def test_an_image_that_is_no_dicom_series_is_saved_as_nifti(page, served_at):
    open_image(page)
    assert choice(page).is_disabled()
    assert "DICOM series" in choice(page).get_attribute("title")
    draw(page)
    suffix, label = downloaded(page)
    assert suffix == ".nii.gz"
    assert label.sum() > 300
    page.keyboard.press("Control+s")
    page.get_by_text("Saved as final").wait_for()
    np.testing.assert_array_equal(saved(*served_at, "final"), label)


@pytest.mark.browser
def test_of_a_dicom_series_a_dicom_seg_is_saved_with_the_names_of_the_objects(browser, tmp_path):
    pytest.importorskip("highdicom")
    write_series(tmp_path / "chest")
    app, store = serving(tmp_path)
    with served(app) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        open_image(page, "chest")
        assert choice(page).is_enabled()
        draw(page)
        page.get_by_label("Name of object 1").fill("left kidney")
        page.get_by_label("Name of object 1").press("Enter")
        save(page, "nifti")
        choice(page).select_option("DICOM SEG")
        save(page, "seg")
        path = store.label_path(store.images()[0].id, "seg")
        assert path.name.endswith(".seg.dcm")
        assert [segment.SegmentLabel for segment in pydicom.dcmread(path).SegmentSequence] == ["left kidney"]
        suffix, label = downloaded(page)
        assert suffix == ".seg.dcm"
        nifti = labels_of(store.label_path(store.images()[0].id, "nifti").read_bytes())
        np.testing.assert_array_equal(label, nifti.array)
        np.testing.assert_allclose(nifti.affine, AFFINE, atol=1e-6)
        page.get_by_label("Reference").select_option("nifti")
        page.get_by_label("Prediction").select_option("seg")
        page.get_by_role("button", name="Compare").click()
        page.get_by_text("Outlines of nifti and seg").wait_for()
        page.keyboard.press("d")
        assert status(page) == "They agree everywhere"
        page.close()
