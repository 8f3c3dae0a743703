"""The assist part of the demo: clicks get better, and the page shows what came of them."""

from pathlib import Path

import numpy as np

from maskwright.engine.demo.assist import dice, draw_by_clicks
from maskwright.engine.demo.assist_page import AssistDemo, write_assist_page
from maskwright.engine.volume import Grid, Volume
from maskwright.interactive.propagation.propagate import propagate


def test_clicks_become_a_page(tmp_path: Path) -> None:
    truth = np.zeros((5, 64, 64), bool)
    truth[:, 18:46, 20:44] = True
    array = np.where(truth, 150, 40).astype(np.int16)
    image = Volume(array, Grid.from_spacing(array.shape, (2.0, 1.0, 1.0)).affine)
    drawn = tuple(draw_by_clicks(image, truth, number) for number in (0, 4))
    assert all(len(each.dice) == 6 for each in drawn)
    assert all(each.dice[-1] >= each.dice[0] > 0 for each in drawn)
    sparse = np.zeros_like(truth)
    sparse[[0, 4]] = truth[[0, 4]]
    filled = propagate(array, sparse, (2.0, 1.0, 1.0))
    result = AssistDemo(drawn, dice(filled.mask, truth), 1.0, tmp_path / "assist.html")
    write_assist_page(result, image, truth, sparse, filled)
    page = result.page.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert f"{result.mean_dice[0]:.3f}" in page
    assert "http" not in page.replace("http-equiv", "")
    assert f"{result.dice_between:.3f}" in result.headline
