"""OME-Zarr groups made with zarr alone, as the 0.5 specification describes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from maskwright.engine.io import read, read_labels, write
from maskwright.engine.volume import Grid, LabelMap
from maskwright.errors import FileFormatError, LabelError

VALUES = np.random.default_rng(0).integers(0, 300, (4, 5, 6)).astype(np.uint16)


def make(
    path: Path,
    values: np.ndarray = VALUES,
    names: str = "zyx",
    unit: str | None = "micrometer",
    scale: Any = None,
    translation: Any = None,
    **extra: Any,
) -> Path:
    group = zarr.create_group(path, zarr_format=3)
    transforms: list[dict[str, Any]] = [{"type": "scale", "scale": scale or [1.0] * values.ndim}]
    if translation:
        transforms.append({"type": "translation", "translation": translation})
    axes: list[dict[str, str]] = []
    for name in names:
        kind = {"t": "time", "c": "channel"}.get(name, "space")
        axes.append({"name": name, "type": kind} | ({"unit": unit} if unit and kind == "space" else {}))
    datasets = [{"path": "s0", "coordinateTransformations": transforms}]
    if extra.pop("pyramid", False):
        half = [{"type": "scale", "scale": [2 * step for step in transforms[0]["scale"]]}]
        datasets.append({"path": "s1", "coordinateTransformations": half})
        group.create_array("s1", data=values[..., ::2, ::2, ::2])
    image = {"axes": axes, "datasets": datasets} | extra.pop("image", {})
    group.attrs["ome"] = {"version": "0.5", "multiscales": [image]} | extra
    group.create_array("s0", data=values, chunks=(1,) * (values.ndim - 2) + (3, 3))
    return path


def test_scale_translation_and_unit(tmp_path: Path) -> None:
    volume = read(
        make(tmp_path / "a.zarr", scale=[300.0, 20.0, 10.0], translation=[1000.0, 2000.0, 3000.0], pyramid=True)
    )
    np.testing.assert_array_equal(volume.array, VALUES)  # the highest resolution
    assert volume.affine is not None
    # Voxel (1, 2, 3) lies at z = 1000 + 300, y = 2000 + 40, x = 3000 + 30 micrometres.
    np.testing.assert_allclose(volume.affine @ [1, 2, 3, 1], [3.03, 2.04, 1.3, 1])


def test_transforms_of_the_whole_image_come_after(tmp_path: Path) -> None:
    whole = {"coordinateTransformations": [{"type": "scale", "scale": [2.0, 2.0, 2.0]}]}
    volume = read(
        make(tmp_path / "a.zarr", unit="millimeter", scale=[3.0, 1.0, 1.0], translation=[5.0, 6.0, 7.0], image=whole)
    )
    assert volume.affine is not None
    np.testing.assert_allclose(volume.affine @ [1, 0, 0, 1], [14, 12, 16, 1])


@pytest.mark.parametrize(("names", "shape"), [("tczyx", (1, 1, 4, 5, 6)), ("czyx", (1, 4, 5, 6)), ("tyx", (1, 5, 6))])
def test_leading_axes_of_length_1_are_dropped(tmp_path: Path, names: str, shape: tuple[int, ...]) -> None:
    values = VALUES.reshape(-1)[: int(np.prod(shape))].reshape(shape)
    scale = [9.0] * names.index(names.lstrip("tc")) + [3.0, 2.0, 1.0][-len(names.lstrip("tc")) :]
    volume = read(make(tmp_path / "a.zarr", values, names, unit="millimeter", scale=scale))
    np.testing.assert_array_equal(volume.array, values.reshape(shape[-len(names.lstrip("tc")) :]))
    assert volume.spacing_mm == tuple(scale[-len(names.lstrip("tc")) :])


def test_several_times_or_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="more than one time or channel"):
        read(make(tmp_path / "a.zarr", np.zeros((2, 4, 5, 6), np.uint8), "czyx"))
    with pytest.raises(FileFormatError, match="in this order"):
        read(make(tmp_path / "b.zarr", VALUES, "xyz"))


def test_without_unit_the_spacing_is_unknown(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zarr", unit=None, scale=[3.0, 1.0, 1.0])
    assert read(path).spacing_mm is None
    assert read(path, spacing_mm=(3, 1, 1)).spacing_mm == (3, 1, 1)
    assert read(make(tmp_path / "b.zarr", unit="parsec")).spacing_mm is None


def test_labels_of_an_image(tmp_path: Path) -> None:
    path = make(tmp_path / "image.zarr", np.full((4, 5, 6), 0.5))
    with pytest.raises(LabelError, match=r"0\.5"):
        read_labels(path)
    zarr.create_group(path / "labels", zarr_format=3).attrs["ome"] = {"version": "0.5", "labels": ["cells"]}
    make(path / "labels" / "cells", **{"image-label": {}})
    for given in (path, path / "labels" / "cells"):
        np.testing.assert_array_equal(read_labels(given).array, VALUES)
    assert read(path).array[0, 0, 0] == 0.5
    make(path / "labels" / "nuclei", **{"image-label": {}})
    with pytest.raises(FileFormatError, match="holds 2 label images, give one of them: cells, nuclei"):
        read_labels(path)


def test_what_is_written_follows_the_specification(tmp_path: Path) -> None:
    affine = Grid.from_spacing((130, 70, 300), (2.5, 0.5, 0.75)).affine
    assert affine is not None
    placed = affine.copy()
    placed[:3, 3] = [1, 2, 3]
    values = np.random.default_rng(0).integers(0, 3, (130, 70, 300)).astype(np.uint8)
    write(LabelMap(values, placed), tmp_path / "a.ome.zarr")
    ome = json.loads((tmp_path / "a.ome.zarr" / "zarr.json").read_text())["attributes"]["ome"]
    assert ome["version"] == "0.5"
    assert "image-label" in ome
    image = ome["multiscales"][0]
    assert image["axes"] == [{"name": name, "type": "space", "unit": "millimeter"} for name in "zyx"]
    assert image["datasets"][0]["coordinateTransformations"] == [
        {"type": "scale", "scale": [2.5, 0.5, 0.75]},
        {"type": "translation", "translation": [3.0, 2.0, 1.0]},
    ]
    stored = zarr.open_array(tmp_path / "a.ome.zarr" / image["datasets"][0]["path"], mode="r")
    np.testing.assert_array_equal(stored[...], values)
    assert stored.chunks == (64, 64, 64)
    assert stored.shards == (192, 128, 256)  # one shard holds up to 4 chunks a side
    np.testing.assert_array_equal(read(tmp_path / "a.ome.zarr").affine, placed)


def test_note_is_not_believed_when_another_tool_changed_the_scale(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    write(LabelMap(VALUES, np.diag([1.0, -1, 1, 1])[:, [2, 1, 0, 3]]), path)
    document = json.loads((path / "zarr.json").read_text())
    image = document["attributes"]["ome"]["multiscales"][0]
    image["datasets"][0]["coordinateTransformations"][0]["scale"] = [2.0, 1.0, 1.0]
    (path / "zarr.json").write_text(json.dumps(document))
    assert read(path).spacing_mm == (2.0, 1.0, 1.0)


def test_another_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "thesis.txt").write_text("years of work")
    with pytest.raises(FileFormatError, match="not replaced"):
        write(LabelMap(VALUES), tmp_path / "a.zarr")
    assert (tmp_path / "a.zarr" / "thesis.txt").exists()


def test_zarr_2_is_refused_by_name(tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=2)
    group.attrs["multiscales"] = []
    with pytest.raises(FileFormatError, match=r"OME-Zarr 0\.4 and older"):
        read(tmp_path / "a.zarr")


def test_hostile_groups(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zarr")
    array = json.loads((path / "s0" / "zarr.json").read_text())

    def with_array(**changes: Any) -> None:
        (path / "s0" / "zarr.json").write_text(json.dumps(array | changes))

    with_array(codecs=[*array["codecs"], {"name": "numcodecs.pickle", "configuration": {}}])
    with pytest.raises(FileFormatError):
        read(path)
    with_array(shape=[10**7, 10**7, 10**7])
    with pytest.raises(FileFormatError, match="GiB of memory"):
        read(path)
    with_array(data_type="string")
    with pytest.raises(FileFormatError):
        read(path)
    with_array()
    assert read(path).array.shape == (4, 5, 6)
    group = json.loads((path / "zarr.json").read_text())
    group["attributes"]["ome"]["multiscales"][0]["datasets"][0]["path"] = "../b.zarr/s0"
    make(tmp_path / "b.zarr")
    (path / "zarr.json").write_text(json.dumps(group))
    with pytest.raises(FileFormatError, match="outside its own folder"):
        read(path)
    for broken in ("", "{", "[]", '{"zarr_format": 3}', '{"zarr_format": 3, "node_type": "group"}'):
        (path / "zarr.json").write_text(broken)
        with pytest.raises(FileFormatError):
            read_labels(path)
