"""How the page looks at 1280 x 800, to eyes, to a keyboard and to a screen reader."""

import io
import re
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from maskwright.engine.service.images.files import volume_file
from maskwright.engine.volume import Volume
from support.page import bright_blobs, idle, open_image, save, status

CONTROLS = "button, select, input:not([type=radio]), #images li, .tools label span"
BOXES = """controls => [...document.querySelectorAll(controls)]
  .filter((each) => each.checkVisibility())
  .map((each) => [each.outerHTML.slice(0, 80), each.getBoundingClientRect().toJSON()])"""
CONTRASTS = """() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest("#view, :disabled, option, [inert]")) continue;
    let opacity = 1;
    let ground = null;
    for (let up = element; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      opacity *= Number(style.opacity);
      const [r, g, b, a = 1] = parts(style.backgroundColor);
      if (!ground && a === 1) ground = [r, g, b];
    }
    const [r, g, b] = parts(getComputedStyle(element).color);
    const color = [r, g, b].map((v, i) => v * opacity + ground[i] * (1 - opacity));
    const [more, less] = [light(color), light(ground)].sort((one, two) => two - one);
    found.push([element.textContent.trim(), (more + 0.05) / (less + 0.05)]);
  }
  return found;
}"""


def at_work(page):
    """Open an image and do something of everything."""
    open_image(page)
    page.mouse.click(*bright_blobs(page)[0])
    idle(page)
    page.keyboard.press("g")
    page.keyboard.press("p")
    idle(page)
    page.keyboard.press("n")
    save(page, "first")
    save(page, "second")


def compare(page):
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("Outlines of").wait_for()


@pytest.mark.browser
def test_all_is_to_be_read_has_a_name_and_lies_over_nothing_else(page):
    for act, at_least in ((lambda page: None, 1), (at_work, 60), (compare, 40)):
        act(page)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            pale = [(text, round(ratio, 2)) for text, ratio in page.evaluate(CONTRASTS) if ratio < 4.5]
            assert pale == []
        look_for_overlaps(page)
        snapshot = page.locator("body").aria_snapshot()
        named = re.findall(r"- '?(button|textbox|combobox|radio|spinbutton|progressbar|img)\b(.*)", snapshot)
        assert len(named) >= at_least
        assert [kind for kind, rest in named if not rest.startswith(' "')] == []
        if act is at_work:
            assert keys_shown(page) >= {*"ABCSVXZYNPGL[]"}
    assert keys_shown(page) >= {*"ADH", "PgUp", "PgDn", "Enter"}
    page.evaluate("document.getElementById('sending').hidden = false")
    assert 'progressbar "Sending"' in page.locator("body").aria_snapshot()


def look_for_overlaps(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert page.evaluate("document.documentElement.scrollHeight") <= 800
    for (first, one), (second, two) in combinations(page.evaluate(BOXES, CONTROLS), 2):
        assert one["right"] <= 1280, first
        apart = any(
            one[end] <= two[begin] + 1.5 or two[end] <= one[begin] + 1.5
            for begin, end in (("left", "right"), ("top", "bottom"))
        )
        nested = first.startswith("<li") and second.startswith("<button")
        assert apart or nested, (first, second)


def keys_shown(page):
    return {key.text_content() for key in page.locator("kbd").all() if key.is_visible()}


@pytest.mark.browser
def test_all_is_reached_with_the_keyboard(page):
    open_image(page)
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.name"))
    assert reached >= {
        "choose",
        "add",
        "tool",
        "undo",
        "redo",
        "picture",
        "axis",
        "given",
        "tag",
        "download",
        "reference",
    }


@pytest.mark.browser
def test_the_crosshair_is_seen_though_a_voxel_is_less_than_a_pixel(page, served_at):
    dark = Volume(np.zeros((8, 700, 700), np.uint8), np.diag([0.5, 0.5, 0.5, 1])[[2, 1, 0, 3]])
    served_at[1].add_image("dark.nii.gz", io.BytesIO(volume_file(dark, ".nii.gz")), 1 << 30)
    page.reload()
    open_image(page, "dark.nii.gz")
    for key in ("ArrowLeft", "ArrowUp", "ArrowLeft", "ArrowUp"):
        page.locator("#picture").press(key)
        seen = np.asarray(Image.open(io.BytesIO(page.locator("#view").screenshot())).convert("L"))[10:-10, 10:-10] > 90
        assert seen.sum(axis=0).max() > 150
        assert seen.sum(axis=1).max() > 150


@pytest.mark.browser
def test_an_image_longer_than_the_browser_can_show_is_told(page, served_at):
    page.get_by_role("button", name="phantom.nii.gz").wait_for()
    limit = page.evaluate(
        "() => { const gl = document.createElement('canvas').getContext('webgl2');"
        " return gl.getParameter(gl.MAX_3D_TEXTURE_SIZE); }"
    )
    long = Volume(np.zeros((2, 3, limit + 1), np.uint8), np.eye(4))
    served_at[1].add_image("long.nii.gz", io.BytesIO(volume_file(long, ".nii.gz")), 1 << 30)
    page.reload()
    open_image(page)
    page.get_by_role("button", name="long.nii.gz").click()
    page.locator("#status.alarm").wait_for()
    assert f"at most {limit} voxels along an axis, the image has {limit + 1}" in status(page)
    assert page.get_by_role("heading", name="phantom.nii.gz").is_visible()
    page.mouse.click(*bright_blobs(page)[0])
    page.get_by_text("Outlining: done").wait_for()
