"""Presets: the shipped ones load, and errors name the wrong key."""

import pickle
from pathlib import Path

import pytest

from maskwright.engine.config import load_preset, shipped_presets
from maskwright.errors import ConfigError

FULL = """
ignore = 255
[labels.1]
name = "airway"
tubular = true
[labels.3]
name = "nodule"
instances = true
[regions.10]
name = "all"
labels = [1, 3]
metrics = ["dice", "hd95", "dice"]
[remap]
4 = 3
7 = 0
[instances]
matching = "overlap"
min_volume_ml = 0.5
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_shipped_preset_loads() -> None:
    assert {"brain-tissue", "brats", "totalsegmentator-abdomen"} <= set(shipped_presets())
    for name in shipped_presets():
        assert load_preset(name).name == name


def test_a_full_preset_is_read(tmp_path: Path) -> None:
    preset = load_preset(write(tmp_path, FULL))
    assert preset.names == {1: "airway", 3: "nodule", 10: "all"}
    assert (preset.labels[1].tubular, preset.labels[1].instances) == (True, False)
    assert (preset.labels[3].tubular, preset.labels[3].instances) == (False, True)
    assert preset.regions[10].labels == (1, 3)
    assert (preset.labels[1].metrics, preset.regions[10].metrics) == (None, ("dice", "hd95"))
    assert (preset.ignore, preset.matching, preset.min_instance_ml) == (255, "overlap", 0.5)
    assert preset.remap == {4: 3, 7: 0}


def test_stored_values_undo_the_remap(tmp_path: Path) -> None:
    preset = load_preset(write(tmp_path, FULL))
    assert preset.stored_values(1) == (1,)
    assert preset.stored_values(3) == (3, 4)
    assert preset.stored_values(10) == (1, 3, 4)


def test_both_numberings_of_brats_are_read() -> None:
    brats = load_preset("brats")
    assert brats.stored_values(100) == (1, 2, 3, 4)
    assert brats.stored_values(101) == (1, 3, 4)


def test_a_preset_can_be_pickled(tmp_path: Path) -> None:
    preset = load_preset(write(tmp_path, FULL))
    assert pickle.loads(pickle.dumps(preset)) == preset  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "at least one"),
        ("[labels.1]\nname = 'a'\ncolour = 'red'", "unknown key 'colour'"),
        ("[label.1]\nname = 'a'", "unknown key 'label'"),
        ("[labels.0]\nname = 'a'", "background"),
        ("[labels.-1]\nname = 'a'", "whole number"),
        ("[labels.one]\nname = 'a'", "whole number"),
        ("[labels.1]\nname = ' '", "expected name"),
        ("[labels.1]\ntubular = true", "expected name"),
        ("[labels.1]\nname = 'a'\ntubular = 1", "true or false"),
        ("[labels.1]\nname = 'a'\nmetrics = 'dice'", "expected a list of names"),
        ("[labels.1]\nname = 'a'\nmetrics = []", "expected a list of names"),
        ("[labels.1]\nname = 'a'\nmetrics = ['dice', 1]", "expected a list of names"),
        ("[labels]\n1 = 'a'", "expected a table"),
        ("labels = 3", "expected a table"),
        ("[labels.1]\nname = 'a'\n[regions.1]\nname = 'b'\nlabels = [1]", "same number 1"),
        ("[regions.5]\nname = 'b'\nlabels = []", "expected a list"),
        ("[regions.5]\nname = 'b'\nlabels = [1.5]", "whole number"),
        ("ignore = 1\n[labels.1]\nname = 'a'", "cannot be both"),
        ("ignore = true\n[labels.1]\nname = 'a'", "whole number"),
        ("[labels.1]\nname = 'a'\n[remap]\n1 = 2", "nothing of it would be left"),
        ("[labels.1]\nname = 'a'\n[remap]\n4 = -1", "whole number"),
        ("[labels.1]\nname = 'a'\n[instances]\nmatching = 'best'", "overlap"),
        ("[labels.1]\nname = 'a'\n[instances]\nmin_volume_ml = nan", "number >= 0"),
        ("[labels.1]\nname = 'a'\n[instances]\nmin_volume = 1", "unknown key 'min_volume'"),
        ("[labels.1]\nname = 'a'\n[labels.01]\nname = 'b'", "whole number"),
        ("[labels.4294967296]\nname = 'a'", "whole number from 0 to 4294967295"),
        ("[regions.5]\nname = 'a'\nlabels = [1]\n[regions.6]\nname = 'b'\nlabels = [5, 2]", "region 5 is part"),
        ("ignore = 2\n[regions.5]\nname = 'a'\nlabels = [1, 2]", "ignore = 2 is also part"),
        ("ignore = 9\n[labels.1]\nname = 'a'\n[remap]\n9 = 1", "nothing of it would be left"),
        ("[labels.1", "not valid TOML"),
    ],
)
def test_a_wrong_preset_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        load_preset(write(tmp_path, text))
    assert "mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value).strip()


def test_swapped_labels_are_allowed(tmp_path: Path) -> None:
    preset = load_preset(write(tmp_path, "[labels.1]\nname='a'\n[labels.2]\nname='b'\n[remap]\n1 = 2\n2 = 1"))
    assert (preset.stored_values(1), preset.stored_values(2)) == ((2,), (1,))


def test_an_unknown_name_lists_the_shipped_ones() -> None:
    with pytest.raises(ConfigError, match="brain-tissue, brats"):
        load_preset("brians")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the preset .*gone\.toml: No such file"):
        load_preset(tmp_path / "gone.toml")
