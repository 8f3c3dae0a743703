"""Two labels of an image compared on the page."""

import httpx
import numpy as np
import pytest
from scipy import ndimage

from maskwright.engine.service.images.files import volume_file
from maskwright.engine.volume import LabelMap
from support.page import AFFINE, KIDNEY, bright_blobs, drag, ellipsoid, open_image, place, save, status


@pytest.mark.browser
def test_two_labels_are_compared(page, served_at):
    address, store = served_at
    image = store.images()[0].id
    open_image(page)
    page.mouse.click(*bright_blobs(page)[0])
    page.get_by_text("Outlining: done").wait_for()
    save(page, "first")
    page.keyboard.press("s")
    x, y = bright_blobs(page)[0] if bright_blobs(page) else (400, 300)
    drag(page, (x - 40, y + 8), (x + 40, y + 8))
    assert "Outlining" in status(page) or "nothing" in status(page)
    save(page, "second")
    page.get_by_label("Reference").select_option("first")
    page.get_by_label("Prediction").select_option("second")
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("Outlines of first and second").wait_for()
    asked = {name: {"image": image, "tag": tag} for name, tag in (("reference", "first"), ("prediction", "second"))}
    expected = httpx.post(f"{address}/api/v1/compare", json=asked).json()["labels"]["1"]["dice"]
    assert page.locator("#metrics tr", has_text="Dice").first.locator("td").text_content() == f"{expected:.3f}"
    drawn = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(v => v)"
    assert page.locator("#sketch").evaluate(drawn)
    page.get_by_role("button", name="Back to editing").click()
    assert not page.locator("#sketch").evaluate(drawn)


def disagreeing():
    """Two masks that differ most in a hollow shell, though more voxels of one slice differ elsewhere, in pieces."""
    reference = ellipsoid(*KIDNEY)
    middle, (deep, high, wide) = KIDNEY
    prediction = ellipsoid(middle, (deep, high + 3, wide + 3))
    prediction[24, 2:40:4, 2:56] = True
    return reference, prediction


@pytest.mark.browser
def test_labels_above_255_and_names_of_any_kind_are_compared(page, served_at):
    _, store = served_at
    image = store.images()[0].id
    info = {"label_info": [None, 5, {"name": "<b>liver</b>", "idx": 256}]}
    for tag, label in (("one", 256), ("two", 512)):
        values = label * ellipsoid(*KIDNEY).astype(np.uint16)
        store.save_label(image, tag, volume_file(LabelMap(values, AFFINE), ".nii.gz"), ".nii.gz", info, "t")
    page.reload()
    open_image(page)
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("Outlines of one and two").wait_for()
    assert page.locator("#metrics caption").all_text_contents() == ["<b>liver</b> (256)", "Label 512"]
    page.keyboard.press("d")
    count = ellipsoid(*KIDNEY).sum()
    assert status(page) == f"This piece has {count} of the {count} voxels that differ"


@pytest.mark.browser
@pytest.mark.parametrize(("axis", "is_hollow"), [(0, True), (2, False)])
def test_the_largest_disagreement_is_gone_to(page, served_at, axis, is_hollow):
    _, store = served_at
    image = store.images()[0].id
    reference, prediction = disagreeing()
    for tag, mask in (("one", reference), ("two", prediction)):
        store.save_label(
            image, tag, volume_file(LabelMap(mask.astype(np.uint8), AFFINE), ".nii.gz"), ".nii.gz", {}, "t"
        )
    page.reload()
    open_image(page)
    page.get_by_label("Along").select_option(str(axis))
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("Outlines of one and two").wait_for()
    page.get_by_role("button", name="Largest disagreement").click()
    numbered, count = ndimage.label(reference != prediction)
    assert count > 2
    sizes = np.bincount(numbered.ravel())[1:]
    piece = np.argwhere(numbered == sizes.argmax() + 1)
    assert f"{len(piece)} of the {sizes.sum()} voxels" in status(page)
    slices = piece[:, axis]
    own = piece[slices == np.bincount(slices).argmax()]
    away = np.square(own - own.mean(axis=0)).sum(axis=1)
    assert place(page) in {tuple(voxel) for voxel in own[np.isclose(away, away.min())]}
    assert (numbered[tuple(own.mean(axis=0).round().astype(int))] == 0) == is_hollow
    page.keyboard.press("Home")
    page.locator("#picture").press("PageUp")
    elsewhere = place(page)
    page.keyboard.press("d")
    assert place(page) != elsewhere
