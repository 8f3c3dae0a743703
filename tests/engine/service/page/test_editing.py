"""What is said on the page arrives at the right voxel, and what is saved is what is shown."""

import re

import numpy as np
import pytest

import maskwright as mw
from maskwright.engine.assist.propagate import propagate
from maskwright.interactive import crop
from support.page import (
    AFFINE,
    KIDNEY,
    SAGITTAL,
    SHAPE,
    bright_blobs,
    drag,
    ellipsoid,
    idle,
    open_image,
    phantom,
    place,
    save,
    saved,
)


@pytest.mark.browser
@pytest.mark.parametrize("served_at", [AFFINE, SAGITTAL], indirect=True, ids=["axial", "sagittal"])
def test_what_is_clicked_in_any_plane_is_what_is_saved(page, served_at):
    open_image(page)
    page.mouse.click(*bright_blobs(page)[0])  # now all planes show it
    page.get_by_text("Outlining: done").wait_for()
    page.keyboard.press("z")
    page.get_by_text("Undoing: done").wait_for()
    blobs = bright_blobs(page)[:3]
    assert len(blobs) == 3
    for plane, blob in enumerate(blobs):
        page.mouse.click(*blob)
        idle(page)
        save(page, f"plane-{plane}")
        own = mw.AssistSession()
        own.set_image(phantom().array, (2.0, 1.2, 1.0))
        mask = own.add_point(place(page)).mask
        label = saved(*served_at, f"plane-{plane}")
        np.testing.assert_array_equal(label == 1, mask)
        kidney = ellipsoid(*KIDNEY)
        assert 2 * (mask & kidney).sum() / (mask.sum() + kidney.sum()) > 0.9
        page.keyboard.press("z")
        page.get_by_text("Undoing: done").wait_for()
    save(page, "nothing")
    assert not saved(*served_at, "nothing").any()


@pytest.mark.browser
def test_a_mask_that_one_edit_cuts_is_told(page, monkeypatch):
    open_image(page)
    for sides in (crop.START_SIDE, crop.LARGEST_SIDE):
        monkeypatch.setitem(sides, 3, 6)
    x, y = bright_blobs(page)[0]
    page.keyboard.press("s")
    drag(page, (x - 20, y), (x + 20, y))  # its crop holds the stroke and no voxel more
    page.get_by_text("The mask is cut here: click beyond its border to go on").wait_for()


@pytest.mark.browser
def test_objects_boxes_scribbles_and_keys(page, served_at):
    open_image(page)
    x, y = bright_blobs(page)[0]
    page.keyboard.press("b")
    drag(page, (x - 60, y - 60), (x + 60, y + 60))
    page.keyboard.press("s")
    drag(page, (x - 5, y), (x + 5, y))
    save(page, "one")
    assert (saved(*served_at, "one") == 1).sum() > 300
    page.keyboard.press("n")
    page.get_by_text("A new object").wait_for()
    page.get_by_label("Name of object 2").fill("<b>liver</b>")
    page.get_by_label("Name of object 2").press("Enter")
    idle(page)
    undone = []
    page.on("request", lambda request: undone.append(request.url) if request.url.endswith("/undo") else None)
    page.get_by_label("Name of object 2").press("Control+z")  # of the text, not of the mask
    page.get_by_role("button", name="Lock object 1").click()
    idle(page)
    page.keyboard.press("c")
    page.locator("#picture").focus()
    page.keyboard.press("Enter")  # at the middle of the image
    page.get_by_text("Outlining: done").wait_for()
    save(page, "two")
    assert undone == []
    two = saved(*served_at, "two")
    np.testing.assert_array_equal(two == 1, saved(*served_at, "one") == 1)
    assert two[15, 22, 30] == 2
    info = served_at[1].labels(served_at[1].images()[0].id)["two"].info.label_info["label_info"]
    assert [each["name"] for each in info] == ["object 1", "<b>liver</b>"]
    view = page.locator("#view")
    shown = view.screenshot()
    page.keyboard.press("h")
    assert view.screenshot() != shown
    page.keyboard.press("h")
    assert view.screenshot() == shown
    page.keyboard.press("[")
    page.locator("#objects li.active input[value='object 1']").wait_for()
    page.locator("#picture").press("Enter")
    assert "locked" in page.locator("#status.alarm").text_content()


@pytest.mark.browser
def test_propagation_shows_how_far_each_slice_can_be_trusted(page, served_at):
    open_image(page)
    page.mouse.click(*bright_blobs(page)[0])
    page.get_by_text("Outlining: done").wait_for()
    page.keyboard.press("g")
    z = place(page)[0]
    assert page.get_by_label("Slices that are right").input_value() == str(z)
    page.get_by_label("From").fill("")
    page.get_by_label("to", exact=True).fill(str(z + 4))
    page.locator("#picture").press("p")  # of a range without a beginning nothing is filled
    idle(page)
    assert not page.locator("#strip").is_visible()
    page.get_by_label("From").fill(str(z - 3))
    save(page, "before")
    page.get_by_role("button", name="Propagate P").click()
    bars = page.locator("#strip button")
    bars.first.wait_for()
    assert bars.count() == SHAPE[0]
    assert page.get_by_role("button", name=f"Slice {z}: given").is_visible()
    assert page.get_by_role("button", name=re.compile("not filled")).count() == SHAPE[0] - 8
    page.get_by_role("button", name=re.compile(f"Slice {z + 4}: confidence")).click()
    assert place(page)[0] == z + 4
    save(page, "after")
    before, after = (saved(*served_at, tag) for tag in ("before", "after"))
    changed = np.flatnonzero((before != after).any(axis=(1, 2)))
    assert changed.size
    assert set(changed) <= {*range(z - 3, z + 5)} - {z}
    sparse = np.zeros(SHAPE, bool)
    sparse[z] = before[z]
    filled = propagate(phantom(), sparse, given=[z], start=z - 3, stop=z + 5).mask
    np.testing.assert_array_equal(after[z - 3 : z + 5], filled[z - 3 : z + 5])
    page.keyboard.press("z")
    page.get_by_text("Undoing: done").wait_for()
    assert not page.locator("#strip").is_visible()


@pytest.mark.browser
def test_without_niivue_the_page_says_what_to_run(browser, served_at):
    opened = browser.new_page()
    opened.route("**/niivue.umd.js", lambda route: route.abort())
    opened.goto(served_at[0])
    opened.get_by_text("scripts/fetch_assets.py").wait_for()
    opened.close()
