"""What the README shows is run as it stands there."""

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    """A folder with the ``pairs.csv`` and ``ct.nii.gz`` that the README speaks of."""
    import numpy as np

    import maskwright as mw

    monkeypatch.chdir(tmp_path)
    mask = np.zeros((6, 16, 16), np.uint8)
    mask[1:5, 4:12, 4:12] = 1
    mw.write(mw.LabelMap(mask, mw.Grid.from_spacing(mask.shape, (2.0, 1.0, 1.0)).affine), "mask.nii.gz")
    image = np.zeros((24, 48, 48), np.int16)
    image[6:18, 14:34, 14:34] = 400
    mw.write(mw.Volume(image, mw.Grid.from_spacing(image.shape, (2.0, 1.0, 1.0)).affine), "ct.nii.gz")
    Path("pairs.csv").write_text("case,reference,prediction\none,mask.nii.gz,mask.nii.gz\n", encoding="utf-8")


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_python_examples_run(block, pairs, capsys):
    exec(compile(block, str(README), "exec"), {})
    assert capsys.readouterr().out.strip()


def test_every_use_has_an_example():
    uses = ("mw.compare(", "mw.AssistSession(", "mw.qa(")
    assert [use in block for use, block in zip(uses, BLOCKS, strict=True)] == [True] * len(uses)
