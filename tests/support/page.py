"""The page in Chromium: what is opened in it, where something lies on it, and what it saved."""

import io
import re
import tempfile
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from scipy import ndimage

import maskwright as mw
from maskwright.engine.service.access import LOCAL, Policy
from maskwright.engine.service.app import labels_app
from maskwright.engine.service.http.authorization import Authorizer
from maskwright.engine.service.http.prometheus import ServiceMetrics
from maskwright.engine.service.protocols.v1.page_session import page_leases
from maskwright.engine.service.state import AppState
from maskwright.engine.service.storage import Datastore
from maskwright.engine.volume import Volume
from support.serving import protected

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
    """An app on a folder, without one on nothing, and its datastore."""
    store = Datastore.open(folder, ephemeral=folder is None)
    state = AppState.of(store)
    app = labels_app(state, tokens, None, ServiceMetrics(), page_leases(state, None, 20))
    return protected(app, Authorizer(Policy.read(), tokens, LOCAL, None, None)), store


def open_image(page, name="phantom.nii.gz"):
    page.get_by_role("button", name=name).click()
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
