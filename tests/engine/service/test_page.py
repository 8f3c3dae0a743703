"""The page in a real browser: what a click says arrives at the right voxel, and what is saved is what is shown."""

import io
import re
import shutil
import tempfile
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

import maskwright as mw
from maskwright.engine.service.access import LOCAL, Policy, Tokens, new_token
from maskwright.engine.service.api.sessions import PAGE_LIMITS
from maskwright.engine.service.datastore import Datastore
from maskwright.engine.service.guard import Guard, Keeper
from maskwright.engine.service.metrics_page import ServiceMetrics
from maskwright.engine.service.page_files import FOLDER
from maskwright.engine.service.page_session import PageSession
from maskwright.engine.service.pool import Pool
from maskwright.engine.service.server import _labels_app
from maskwright.engine.service.workplace import Workplace
from maskwright.engine.volume import Volume
from reference.serving import served

SHAPE = (30, 44, 60)
# x runs to the left and y to the back, as in most scans; the three axes have three lengths and three spacings.
AFFINE = np.array([[0, 0, -1.0, 30], [0, -1.2, 0, 25], [2.0, 0, 0, -30], [0, 0, 0, 1]])
SAGITTAL = np.array([[2.0, 0, 0, -30], [0, 0, 1.0, -25], [0, -1.2, 0, 28], [0, 0, 0, 1]])
"""Slices run to the right, rows from head to foot, columns to the front."""
BODY, LIVER, KIDNEY = ((15, 22, 30), (14, 20, 27)), ((16, 18, 16), (8, 9, 9)), ((12, 27, 42), (8, 9, 10))
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def ellipsoid(middle, radii):
    index = np.indices(SHAPE)
    return sum(((index[axis] - middle[axis]) / radii[axis]) ** 2 for axis in range(3)) < 1


def phantom(affine=AFFINE):
    """A body with something grey and something bright in it; nothing in it is symmetric."""
    image = np.random.default_rng(2).normal(20, 3, SHAPE)
    for shape, more in ((BODY, 40), (LIVER, 35), (KIDNEY, 110)):
        image[ellipsoid(*shape)] += more
    return Volume(image.astype(np.float32), affine)


def serving(folder, tokens=None):
    store, visitors = Datastore.open(folder), Datastore.open(None, ephemeral=True)
    app = _labels_app(Workplace.of(store, visitors), tokens, None, ServiceMetrics(), Pool(PageSession, PAGE_LIMITS))
    return Guard(app, Keeper(Policy.read(), tokens, LOCAL, None, None), "monailabel"), store


@pytest.fixture(scope="module")
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
    assert [text for text in wrong if "status of 422" not in text] == []  # refusals are shown, and logged by Chromium


def open_image(page):
    page.get_by_role("button", name="phantom.nii.gz").click()
    page.get_by_text("Click on what you want to outline").wait_for(timeout=60_000)


def idle(page):
    """Wait until the server has answered everything."""
    page.locator("body:not([aria-busy])").wait_for()


def status(page):
    idle(page)
    return page.locator("#status").text_content()


def bright_blobs(page):
    """Where on the page what shines lies, the largest first: it is found by eye, not by asking the page."""
    canvas = page.locator("#picture")
    seen = np.asarray(Image.open(io.BytesIO(page.locator("#view").screenshot())).convert("RGB")).min(axis=2) > 215
    seen = ndimage.binary_opening(seen, iterations=3)
    numbered, count = ndimage.label(seen)
    sizes = ndimage.sum_labels(seen, numbered, range(1, count + 1))
    box = canvas.bounding_box()
    order = np.argsort(sizes)[::-1]
    middles = ndimage.center_of_mass(seen, numbered, order + 1)
    return [(box["x"] + x, box["y"] + y) for y, x in middles]


def place(page):
    """The stored voxel of the crosshair, as the page says it."""
    return tuple(int(part) for part in re.findall(r"[zyx] (\d+)", page.locator("#place").text_content()))


def drag(page, *places):
    page.mouse.move(*places[0])
    page.mouse.down()
    for each in places[1:]:
        page.mouse.move(*each, steps=5)
    page.mouse.up()
    idle(page)


def save(page, tag):
    page.get_by_label("Tag").fill(tag)
    page.get_by_role("button", name="Save Ctrl S").click()
    page.get_by_text(f"Saved as {tag}").wait_for()


def labels_of(data, suffix=".nii.gz"):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"label{suffix}"
        path.write_bytes(data)
        return mw.read_labels(path)


def saved(address, store, tag):
    image = store.images()[0].id
    return labels_of(httpx.get(f"{address}/datastore/label", params={"label": image, "tag": tag}).content).array


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
    page.get_by_label("Name of object 2").fill("liver")
    page.get_by_label("Name of object 2").press("Enter")
    page.get_by_role("button", name="Lock object 1").click()
    idle(page)
    page.keyboard.press("c")
    page.locator("#picture").focus()
    page.keyboard.press("Enter")  # at the middle of the image
    page.get_by_text("Outlining: done").wait_for()
    save(page, "two")
    two = saved(*served_at, "two")
    np.testing.assert_array_equal(two == 1, saved(*served_at, "one") == 1)
    assert two[15, 22, 30] == 2
    info = served_at[1].labels(served_at[1].images()[0].id)["two"].info.label_info["label_info"]
    assert [each["name"] for each in info] == ["object 1", "liver"]
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
    page.get_by_label("From").fill(str(z - 3))
    page.get_by_label("to", exact=True).fill(str(z + 4))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Propagate P").click()
    bars = page.locator("#strip button")
    bars.first.wait_for()
    assert bars.count() == SHAPE[0]
    assert page.get_by_role("button", name=f"Slice {z}: given").is_visible()
    assert page.get_by_role("button", name=re.compile("not filled")).count() == SHAPE[0] - 8
    page.get_by_role("button", name=re.compile(f"Slice {z + 4}: confidence")).click()
    assert place(page)[0] == z + 4


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


@pytest.mark.browser
def test_without_niivue_the_page_says_what_to_run(browser, served_at):
    opened = browser.new_page()
    opened.route("**/niivue.umd.js", lambda route: route.abort())
    opened.goto(served_at[0])
    opened.get_by_text("scripts/fetch_assets.py").wait_for()
    opened.close()


@pytest.mark.browser
def test_a_server_with_tokens_is_told_who_asks(browser, tmp_path):
    token = new_token("ann", "annotator", None)
    (tmp_path / "tokens.toml").write_text(token.entry)
    (tmp_path / "tokens.toml").chmod(0o600)
    (tmp_path / "data").mkdir()
    mw.write(phantom(), tmp_path / "data" / "phantom.nii.gz")
    app, _ = serving(tmp_path / "data", Tokens.read(tmp_path / "tokens.toml"))
    with served(app) as address:
        opened = browser.new_page()
        opened.goto(address)
        opened.get_by_label("Token", exact=True).fill(token.secret)
        opened.get_by_role("button", name="Go on").click()
        open_image(opened)
        opened.close()


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
