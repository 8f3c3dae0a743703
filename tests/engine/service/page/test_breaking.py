"""A session that has ended, and a server that does not answer."""

import time

import httpx
import numpy as np
import pytest

import maskwright as mw
from support.page import SHAPE, bright_blobs, labels_of, open_image, phantom, place, save, saved, status

SHOWN = "async () => (await import('/page/stage.js')).state.labels.values.reduce((sum, value) => sum + value, 0)"
"""How many voxels the page shows of object 1."""
BREAK = """({ ends, arrives }) => {
  window.whole ??= window.fetch;
  window.fetch = async (...asked) => {
    if (!ends.some((end) => asked[0].endsWith(end))) return window.whole(...asked);
    if (arrives) await window.whole(...asked);
    throw new TypeError("broken");
  };
}"""
"""Let no answer come to some requests; they arrive at the server or not."""
MEND = "() => { window.fetch = window.whole; }"
FULL_ONCE = """() => {
  const whole = window.fetch;
  window.fetch = async (to, ...rest) => {
    if (!to.endsWith("/sessions")) return whole(to, ...rest);
    window.fetch = whole;
    return new Response('{"detail": "all sessions are taken"}', { status: 503 });
  };
}"""


def click(page, blob):
    page.mouse.click(*blob)
    page.get_by_text("Outlining: done").wait_for()


@pytest.fixture
def clicked(page, served_at):
    """A page on which something is drawn: where it was clicked, and the address of its session."""
    with page.expect_response(lambda answer: answer.url.endswith("/api/v1/sessions")) as begun:
        open_image(page)
    blob = bright_blobs(page)[0]
    click(page, blob)
    return blob, f"{served_at[0]}/api/v1/sessions/{begun.value.json()['session']}"


@pytest.mark.browser
def test_of_a_session_that_has_ended_it_is_told_what_is_lost(page, served_at, clicked, tmp_path):
    blob, session = clicked
    drawn = labels_of(httpx.get(f"{session}/label.nii.gz").content)
    httpx.delete(session)
    for _ in range(3):  # of acts that wait, only the first is told
        page.mouse.click(*blob)
    page.get_by_role("heading", name="The session has ended").wait_for()
    assert page.get_by_text("Not saved: object 1.").is_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download what is shown").click()
    download.value.save_as(tmp_path / "rescued.nii")
    rescued = mw.read_labels(tmp_path / "rescued.nii")
    np.testing.assert_array_equal(rescued.array, drawn.array)
    np.testing.assert_allclose(rescued.affine, drawn.affine, atol=1e-5)
    page.get_by_role("button", name="Open the image again").click()
    page.get_by_text("Click on what you want to outline").wait_for()
    assert page.evaluate(SHOWN) == 0
    click(page, blob)


@pytest.mark.browser
def test_the_page_goes_on_after_an_ended_session_that_is_not_opened_again(page, clicked):
    blob, session = clicked
    save(page, "kept")
    httpx.delete(session)
    page.keyboard.press("z")
    page.get_by_text("Nothing is lost").wait_for()
    assert not page.get_by_role("button", name="Download what is shown").is_visible()
    page.get_by_role("button", name="Close").click()
    assert "The session has ended" in status(page)
    page.keyboard.press("z")
    page.mouse.click(*blob)
    page.keyboard.press("Control+s")
    open_image(page)
    click(page, blob)


@pytest.mark.browser
@pytest.mark.usefixtures("clicked")
def test_what_is_drawn_outlives_a_server_that_does_not_answer(page, served_at):
    before = page.evaluate(SHOWN)
    assert before > 300
    page.evaluate(BREAK, {"ends": ["/undo"], "arrives": False})
    page.keyboard.press("z")
    assert "does not answer" in status(page)
    assert page.evaluate(SHOWN) == before
    page.evaluate(MEND)
    save(page, "after")
    assert saved(*served_at, "after").sum() == before
    page.keyboard.press("z")
    page.get_by_text("Undoing: done").wait_for()
    assert page.evaluate(SHOWN) == 0


@pytest.mark.browser
def test_an_answer_that_is_lost_on_its_way_is_made_up_for(page, served_at, clicked):
    blob, _ = clicked
    save(page, "kept")
    page.evaluate(BREAK, {"ends": ["/undo", "/objects"], "arrives": True})
    page.keyboard.press("z")
    assert "does not answer" in status(page)
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.get_by_role("button", name="phantom.nii.gz").click()
    status(page)
    assert "not saved" in asked[0]  # it may not be
    page.keyboard.press("n")
    assert "does not answer" in status(page)
    page.evaluate(MEND)
    click(page, blob)
    assert page.get_by_label("Name of object 2").is_visible()
    save(page, "after")
    own = mw.AssistSession()
    own.set_image(phantom().array, (2.0, 1.2, 1.0))
    mask = own.add_point(place(page)).mask
    label = saved(*served_at, "after")
    assert label.shape == SHAPE
    np.testing.assert_array_equal(label, np.where(mask, 2, 0))
    assert page.evaluate(SHOWN) == 2 * mask.sum()


@pytest.mark.browser
def test_where_there_is_room_for_no_second_session_the_first_makes_it(page, served_at, clicked):
    blob, session = clicked
    save(page, "kept")
    page.evaluate(FULL_ONCE)
    open_image(page)
    assert httpx.post(f"{session}/undo").status_code == 410
    click(page, blob)


@pytest.mark.browser
def test_who_leaves_with_something_unsaved_is_asked_and_the_session_ends(page, clicked):
    _, session = clicked
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto("about:blank")
    assert asked == ["beforeunload"]
    deadline = time.monotonic() + 10
    while httpx.post(f"{session}/undo").status_code != 410:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.browser
def test_what_is_said_of_one_image_is_not_said_of_the_next(page, served_at, clicked):
    blob, _ = clicked
    save(page, "kept")
    prompts = []
    page.on("request", lambda request: prompts.append(request.url) if "/prompts" in request.url else None)
    page.route("**/image.nii", lambda route: (page.mouse.click(*blob), route.continue_()))
    open_image(page)
    status(page)
    assert prompts == []
    assert page.evaluate(SHOWN) == 0
