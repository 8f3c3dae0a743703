"""Who asks, what a token may do, and what is served at all."""

import re
from contextlib import contextmanager

import httpx
import numpy as np
import pytest

import maskwright as mw
from maskwright.engine.service.access import Tokens, new_token
from maskwright.engine.service.images.files import volume_file
from maskwright.engine.volume import LabelMap
from support.page import AFFINE, KIDNEY, bright_blobs, ellipsoid, idle, open_image, phantom, serving, status
from support.serving import served


@pytest.fixture
def page_of(browser, tmp_path):
    """Make a page that is opened with a token of a role; the image has two labels."""

    @contextmanager
    def make(role):
        token = new_token("somebody", role, None)
        (tmp_path / "tokens.toml").write_text(token.entry)
        (tmp_path / "tokens.toml").chmod(0o600)
        (tmp_path / "data").mkdir()
        mw.write(phantom(), tmp_path / "data" / "phantom.nii.gz")
        app, store = serving(tmp_path / "data", Tokens.read(tmp_path / "tokens.toml"))
        image = store.images()[0].id
        for number, tag in enumerate(("one", "two")):
            mask = np.roll(ellipsoid(*KIDNEY), number, axis=2).astype(np.uint8)
            store.save_label(image, tag, volume_file(LabelMap(mask, AFFINE), ".nii.gz"), ".nii.gz", {}, "t")
        with served(app) as address:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(address)
            page.get_by_label("Token", exact=True).fill(token.secret)
            page.keyboard.press("Escape")  # gives none
            page.locator("#status.alarm").wait_for()
            page.reload()
            page.get_by_label("Token", exact=True).fill(token.secret)
            page.get_by_role("button", name="Go on").click()
            open_image(page)
            yield page
            page.close()

    return make


@pytest.mark.browser
def test_a_server_with_tokens_is_told_who_asks(page_of):
    with page_of("annotator") as page:
        page.mouse.click(*bright_blobs(page)[0])
        page.get_by_text("Outlining: done").wait_for()


@pytest.mark.browser
def test_a_viewer_looks_and_compares_and_is_told_once_that_this_is_all(page_of):
    with page_of("viewer") as page:
        page.locator("#file").set_input_files({"name": "a.nii.gz", "mimeType": "", "buffer": b"x"})
        page.get_by_text("a.nii.gz: your token may not add images").wait_for()
        prompts = []
        page.on("request", lambda request: prompts.append(request.url) if "/prompts" in request.url else None)
        blob = bright_blobs(page)[0]
        page.mouse.click(*blob)
        assert "may look and compare, but not edit" in status(page)
        assert page.get_by_text("Reload the page to give another token").is_visible()
        page.mouse.click(*blob)
        page.locator("#picture").press("Enter")
        page.keyboard.press("n")
        page.keyboard.press("Control+s")
        idle(page)
        assert len(prompts) == 1
        for name in ("Undo Z", "Add object N", "Propagate P", "Save Ctrl S"):
            assert page.get_by_role("button", name=name).count() == 0
        page.get_by_role("button", name="Compare").click()
        page.get_by_text("Outlines of one and two").wait_for()
        assert page.locator("#metrics tr", has_text="Dice").count() == 2
        page.keyboard.press("d")
        assert "voxels that differ" in status(page)


def test_only_the_files_of_the_page_are_served_and_nothing_else_runs_in_it(tmp_path):
    (tmp_path / "tokens.toml").write_text(new_token("ann", "annotator", None).entry)
    (tmp_path / "tokens.toml").chmod(0o600)
    (tmp_path / "data").mkdir()
    app, _ = serving(tmp_path / "data", Tokens.read(tmp_path / "tokens.toml"))
    with served(app) as address:
        index = httpx.get(address)
        assert index.headers["content-type"].startswith("text/html")
        policy = index.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        for name in re.findall(r'(?:src|href)="(page/[^"]+)"', index.text):
            if "assets" not in name:
                assert httpx.get(f"{address}/{name}").status_code == 200, name
        for name in (
            "../server.py",
            "%2e%2e/server.py",
            "page_files.py",
            "assets/../../server.py",
            "assets",
            "none.js",
        ):
            assert httpx.get(f"{address}/page/{name}").status_code == 404, name
        assert httpx.get(f"{address}/datastore/").status_code == 401
