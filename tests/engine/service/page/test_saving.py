"""In which form a label is saved and downloaded."""

import numpy as np
import pytest

from reference.page import bright_blobs, labels_of, open_image, saved


@pytest.mark.browser
def test_an_image_that_is_no_dicom_series_is_saved_as_nifti(page, served_at):
    open_image(page)
    choice = page.get_by_role("combobox", name="As")
    assert choice.is_disabled()
    assert "DICOM series" in choice.get_attribute("title")
    page.mouse.click(*bright_blobs(page)[0])
    page.get_by_text("Outlining: done").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.endswith(".nii.gz")
    downloaded = labels_of(download.value.path().read_bytes()).array
    assert downloaded.sum() > 300
    page.keyboard.press("Control+s")
    page.get_by_text("Saved as final").wait_for()
    np.testing.assert_array_equal(saved(*served_at, "final"), downloaded)
