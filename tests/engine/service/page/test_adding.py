"""Images that are dropped on the page or chosen."""

import base64

import pytest

from maskwright.engine.io.formats import UPLOAD_SUFFIXES
from maskwright.engine.service.images.files import volume_file
from maskwright.engine.volume import Volume
from support.page import bright_blobs, open_image, phantom, serving, status
from support.serving import served

MAKE_TRANSFER = """files => {
  const transfer = new DataTransfer();
  for (const { name, data } of files) {
    transfer.items.add(new File([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], name));
  }
  return transfer;
}"""


def drop(page, **files):
    """Drop files, by the stems of their names; their suffix is .nii.gz."""
    given = [{"name": f"{stem}.nii.gz", "data": base64.b64encode(data).decode()} for stem, data in files.items()]
    transfer = page.evaluate_handle(MAKE_TRANSFER, given)
    target = page.get_by_text("Drop an image to open it")
    assert not target.is_visible()
    page.locator("#view").dispatch_event("dragenter", {"dataTransfer": transfer})
    assert target.is_visible()
    page.locator("#view").dispatch_event("drop", {"dataTransfer": transfer})
    assert not target.is_visible()


def other(value=7):
    """An image that is not the phantom."""
    volume = phantom()
    return volume_file(Volume(volume.array[:20] + value, volume.affine), ".nii.gz")


@pytest.fixture
def empty(browser):
    """The page of a server that keeps nothing and has no image."""
    app, store = serving(None)
    with store, served(app) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.get_by_text("There is no image yet").wait_for()
        yield page
        page.close()


def wait_until_open(page, name):
    page.get_by_role("heading", name=name).wait_for(timeout=60_000)
    page.get_by_text("Click on what you want to outline").wait_for(timeout=60_000)


@pytest.mark.browser
def test_files_that_the_server_reads_are_offered(empty):
    empty.wait_for_function("document.getElementById('file').accept")
    endings = {"." + suffix.rpartition(".")[2] for suffix in UPLOAD_SUFFIXES}
    assert set(empty.locator("#file").get_attribute("accept").split(",")) == endings


@pytest.mark.browser
def test_a_dropped_file_is_listed_and_opened_where_nothing_is_kept(empty):
    drop(empty, scan=volume_file(phantom(), ".nii.gz"))
    wait_until_open(empty, "scan.nii.gz")
    assert empty.get_by_role("button", name="scan.nii.gz no label yet").get_attribute("aria-current") == "true"
    empty.mouse.click(*bright_blobs(empty)[0])
    empty.get_by_text("Outlining: done").wait_for()


@pytest.mark.browser
def test_files_are_chosen_with_the_keyboard_and_what_is_no_image_is_told(page, served_at):
    page.on("filechooser", lambda chooser: None)  # from now on no window opens
    open_image(page)
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("a")
    chooser.value.set_files(
        [
            {"name": "one.nii.gz", "mimeType": "", "buffer": other()},
            {"name": "empty.nii.gz", "mimeType": "", "buffer": b""},
        ]
    )
    page.get_by_role("heading", name="one.nii.gz").wait_for(timeout=60_000)
    told = status(page)
    assert told.startswith("empty.nii.gz: expected an image, got an empty upload")
    assert page.locator("#status.alarm").is_visible()
    assert [entry.name for entry in served_at[1].images()] == ["phantom.nii.gz", "one.nii.gz"]
    page.get_by_role("button", name="Add image").focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([{"name": "scan.pdf", "mimeType": "", "buffer": b"%PDF"}])
    page.get_by_text("scan.pdf: an uploaded image ends in").wait_for()
    status(page)
    slices = [{"name": f"{i}.dcm", "mimeType": "", "buffer": b"slice"} for i in range(2)]
    page.locator("#file").set_input_files(slices)
    page.get_by_text("A DICOM series cannot be sent from here").wait_for()
    assert len(served_at[1].images()) == 2
    assert page.get_by_role("heading", name="one.nii.gz").is_visible()
    assert not page.locator("#sending").is_visible()


@pytest.mark.browser
def test_the_open_image_stays_where_the_new_one_cannot_be_read(page, served_at):
    open_image(page)
    blob = bright_blobs(page)[0]
    drop(page, text=b"no image")
    page.locator("#status.alarm").wait_for()
    assert "cannot" in status(page) or "not" in status(page)
    page.mouse.click(*blob)
    page.get_by_text("Outlining: done").wait_for()


@pytest.mark.browser
def test_what_is_not_saved_is_asked_about_and_stays(page, served_at):
    open_image(page)
    page.mouse.click(*bright_blobs(page)[0])
    page.get_by_text("Outlining: done").wait_for()
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    drop(page, other=other())
    page.get_by_role("button", name="other.nii.gz").wait_for()
    status(page)
    assert "not saved" in asked[0]
    assert page.get_by_role("heading", name="phantom.nii.gz").is_visible()
    page.keyboard.press("z")
    page.get_by_text("Undoing: done").wait_for()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="other.nii.gz").click()
    wait_until_open(page, "other.nii.gz")


@pytest.mark.browser
def test_drawing_goes_on_while_a_file_is_sent_and_sending_can_be_stopped(page, served_at):
    open_image(page)
    held = []
    page.route(
        "**/datastore/", lambda route: held.append(route) if route.request.method == "PUT" else route.continue_()
    )
    drop(page, slow=other())
    page.get_by_role("progressbar").wait_for()
    page.mouse.click(*bright_blobs(page)[0])
    page.get_by_text("Outlining: done").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("slow.nii.gz: stopped; it was not added").wait_for()
    assert len(held) == 1
    assert not page.locator("#sending").is_visible()
    assert len(served_at[1].images()) == 1
