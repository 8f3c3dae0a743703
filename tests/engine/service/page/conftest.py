"""A browser, a served phantom, and the page on it."""

import re
import shutil

import pytest

import maskwright as mw
from maskwright.engine.service.http.static_files import FOLDER
from support.page import AFFINE, ARGUMENTS, phantom, serving
from support.serving import served

REFUSED = re.compile(r"status of (403|410|413|422)")
"""What Chromium logs of answers that the page shows."""


@pytest.fixture(scope="module")  # no longer: while it runs, no other test of this process can run a loop
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("needs Chromium; on Debian: apt-get install chromium")
    if not (FOLDER / "assets" / "niivue.umd.js").is_file():
        pytest.skip("needs NiiVue; run: python scripts/fetch_assets.py")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, headless=True, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def served_at(tmp_path, request):
    mw.write(phantom(getattr(request, "param", AFFINE)), tmp_path / "phantom.nii.gz")
    app, store = serving(tmp_path)
    with served(app) as address:
        yield address, store


@pytest.fixture
def page(browser, served_at):
    """The page, with nothing wrong in its console at the end."""
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    wrong = []
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.goto(served_at[0])
    yield opened
    opened.close()
    assert [text for text in wrong if not REFUSED.search(text)] == []
