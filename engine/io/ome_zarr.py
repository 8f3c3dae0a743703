"""OME-Zarr 0.5 on zarr 3: the highest resolution of one image or of one label image.

The format places an axis by a scale and a translation along the world's axes, with no direction. Files written here
therefore also carry the affine itself under ``maskwright``; it is believed while shape and scale agree with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.engine.io.memory import new_array, require_part_fits, reserve_memory
from maskwright.engine.io.resolution import affine_note, noted_affine
from maskwright.engine.storage import atomic_folder
from maskwright.engine.volume import Grid, LabelMap, Source, Volume
from maskwright.errors import FileFormatError

NAME = "OME-Zarr"
_UNIT_MM = {"millimeter": 1.0, "centimeter": 10.0, "meter": 1e3, "micrometer": 1e-3, "nanometer": 1e-6, "inch": 25.4}
# What may decode a chunk. Others are refused, so that no file can have code of its own choosing run.
_CODECS = {"bytes", "transpose", "gzip", "zstd", "blosc", "crc32c", "sharding_indexed"}
_FIXED = {"bytes", "crc32c"}  # of the index of a shard, whose size is known
_IN_FLIGHT = 10  # chunks that zarr reads at a time
_CHUNK_BYTES = 1024  # that zarr takes for each chunk beside its voxels
_CHUNK, _SHARD = {2: 512, 3: 64}, {2: 4096, 3: 256}


def recognize(path: Path) -> bool:
    """Tell whether it is a folder of zarr, of whichever version."""
    return path.is_dir() and any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zattrs", ".zarray"))


def read_ome_zarr(path: Path) -> Volume:
    """Read the image of this group.

    Raises
    ------
    FileFormatError
        An older version, no multiscale image, more than one time or channel, or a codec that is not known.
    """
    array, affine = _read(path, _group(path, path))
    return Volume(array, affine, Source(path, NAME))


def read_ome_zarr_labels(path: Path) -> LabelMap:
    """Read the label image of this group: itself, or the only one under its ``labels``."""
    group = _group(path, path)
    if "image-label" not in group and (path / "labels" / "zarr.json").is_file():
        names = sorted(entry.name for entry in (path / "labels").iterdir() if (entry / "zarr.json").is_file())
        if len(names) != 1:
            raise FileFormatError(f"{path}: holds {len(names)} label images, give one of them: {', '.join(names)}")
        return read_ome_zarr_labels(path / "labels" / names[0])
    array, affine = _read(path, group)
    return LabelMap(array, affine, Source(path, NAME))


def write_ome_zarr(volume: Volume | LabelMap, path: Path) -> None:
    """Write one sharded resolution, zstd-compressed; a label map is marked as one (``image-label``)."""
    import zarr

    array, ndim = volume.array, volume.array.ndim
    if path.exists() and not recognize(path):
        raise FileFormatError(f"{path}: is there already and is no zarr folder, so that it is not replaced")
    chunk = [min(_CHUNK[ndim], length) for length in array.shape]
    shard = [
        min(step * (_SHARD[ndim] // _CHUNK[ndim]), -(-length // step) * step)
        for step, length in zip(chunk, array.shape)
    ]
    with atomic_folder(path) as unfinished:
        group = zarr.create_group(unfinished, zarr_format=3, attributes=_attributes(volume))
        stored = group.create_array(
            "0", shape=array.shape, dtype=array.dtype, chunks=chunk, shards=shard, dimension_names="zyx"[-ndim:]
        )
        stored[...] = array


def _attributes(volume: Volume | LabelMap) -> dict[str, Any]:
    ndim = volume.array.ndim
    axes: list[dict[str, str]] = [{"name": name, "type": "space"} for name in "zyx"[-ndim:]]
    transforms: list[dict[str, Any]] = [{"type": "scale", "scale": [1.0] * ndim}]
    attributes: dict[str, Any] = {}
    if volume.affine is not None:
        axes = [axis | {"unit": "millimeter"} for axis in axes]
        transforms = [{"type": "scale", "scale": list(volume.grid.require_spacing())}]
        if _is_upright(volume.affine):
            transforms.append({"type": "translation", "translation": volume.affine[:ndim, -1][::-1].tolist()})
        attributes["maskwright"] = affine_note(volume.affine, volume.grid.shape)
    dataset = {"path": "0", "coordinateTransformations": transforms}
    ome: dict[str, Any] = {"version": "0.5", "multiscales": [{"name": "0", "axes": axes, "datasets": [dataset]}]}
    if isinstance(volume, LabelMap):
        ome["image-label"] = {}
    return {"ome": ome} | attributes


def _is_upright(affine: NDArray[np.float64]) -> bool:
    """Tell whether every axis runs along the world's axis of the same name, in its direction."""
    ndim = affine.shape[1] - 1
    axes = affine[:3, :-1][:ndim][::-1]
    return bool((np.diag(axes) > 0).all() and np.count_nonzero(axes) == ndim and not affine[ndim:3].any())


def _group(path: Path, folder: Path) -> Mapping[str, Any]:
    """Return the ``ome`` attributes of a group."""
    import zarr

    if not (folder / "zarr.json").is_file():
        raise FileFormatError(f"{path}: zarr 2 (OME-Zarr 0.4 and older) is not supported: convert it to OME-Zarr 0.5")
    node = zarr.open(folder, mode="r", zarr_format=3)
    ome = node.attrs.get("ome", {})
    if not isinstance(node, zarr.Group) or not isinstance(ome, Mapping):
        raise FileFormatError(
            f"{path}: a bare zarr array, without the axes and scale of OME-Zarr: give the group above"
        )
    return dict(ome) | {"maskwright": node.attrs.get("maskwright")}


def _read(path: Path, ome: Mapping[str, Any]) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    import zarr

    if not ome.get("multiscales"):
        raise FileFormatError(f"{path}: no multiscale image in this group: give the group of an image or of its labels")
    image = ome["multiscales"][0]
    dataset = image["datasets"][0]
    inner = str(dataset["path"])
    if not (path / inner).resolve().is_relative_to(path.resolve()):
        raise FileFormatError(f"{path}: names voxels outside its own folder")
    stored = zarr.open_array(path / inner, mode="r", zarr_format=3)
    _require_known_codecs(path, stored.metadata.to_dict()["codecs"])
    _require_whole_chunks(path, path / inner)
    axes = _spatial_axes(path, image["axes"], stored.shape)
    array = _voxels(path, stored).reshape([stored.shape[axis] for axis in axes])
    return array, _affine_of(image, dataset, axes, array.shape, ome["maskwright"])


def _voxels(path: Path, stored: Any) -> NDArray[Any]:
    """Return the array. Of a shard, one row of chunks is read at a time; else zarr reads ten chunks at a time."""
    from maskwright.engine.io.zarr_codecs import bounded_array

    itemsize = stored.dtype.itemsize
    block = (stored.chunks[0], *stored.shards[1:]) if stored.shards else stored.chunks
    counts = [-(-length // step) for length, step in zip(stored.shape, block)]
    require_part_fits(path, stored.shards or stored.chunks, stored.shape)
    chunks = math.prod(-(-step // inner) for step, inner in zip(block, stored.chunks)) * math.prod(counts)
    in_flight = 1 if stored.shards else min(_IN_FLIGHT, chunks)
    # Each block is there packed and unpacked, beside the array.
    reserve_memory(path, 2 * in_flight * math.prod(block) * itemsize + _CHUNK_BYTES * chunks)
    bounded = bounded_array(stored)
    if not stored.shards:
        reserve_memory(path, math.prod(stored.shape) * itemsize)
        return np.asarray(bounded[...])
    array = new_array(path, stored.shape, stored.dtype)
    for index in np.ndindex(*counts):
        region = tuple(slice(at * step, (at + 1) * step) for at, step in zip(index, block))
        array[region] = bounded[region]
    return array


def _require_known_codecs(path: Path, codecs: Sequence[Mapping[str, Any]], known: Set[str] = _CODECS) -> None:
    for codec in codecs:
        if codec["name"] not in known:
            raise FileFormatError(f"{path}: its voxels are stored by a codec that is not one of {', '.join(known)}")
        configuration = codec.get("configuration", {})
        _require_known_codecs(path, configuration.get("codecs", ()))
        _require_known_codecs(path, configuration.get("index_codecs", ()), _FIXED)


def _require_whole_chunks(path: Path, folder: Path) -> None:
    """Refuse chunks of no byte, which zarr takes for missing ones: an interrupted copy would be background."""
    for chunk in folder.rglob("*"):
        if not chunk.name.startswith(".") and chunk.is_file() and chunk.stat().st_size == 0:
            raise FileFormatError(f"{path}: a file of its voxels is empty: copy the folder again, it is not whole")


def _spatial_axes(path: Path, axes: Sequence[Mapping[str, Any]], shape: Sequence[int]) -> list[int]:
    """Return which axes are z, y, x; time and channel must have length 1."""
    names = [str(axis["name"]) for axis in axes]
    spatial = [at for at, name in enumerate(names) if name in ("z", "y", "x")]
    if len(names) != len(shape) or [names[at] for at in spatial] not in (["z", "y", "x"], ["y", "x"]):
        raise FileFormatError(f"{path}: expected the axes (t, c,) z, y, x in this order, or y, x")
    if any(length > 1 for at, length in enumerate(shape) if at not in spatial):
        raise FileFormatError(
            f"{path}: more than one time or channel ({tuple(shape)}) is not supported: save one of them"
        )
    return spatial


def _affine_of(
    image: Mapping[str, Any], dataset: Mapping[str, Any], axes: list[int], shape: tuple[int, ...], note: Any
) -> NDArray[np.float64] | None:
    """Return the affine; None where an axis has no unit of length, as its scale then says nothing."""
    units = [image["axes"][axis].get("unit") for axis in axes]
    if not all(unit in _UNIT_MM for unit in units):
        return None
    scale, shift = np.ones(len(axes)), np.zeros(len(axes))
    # The dataset's own transforms come first, then those of all its resolutions.
    for step in [*dataset["coordinateTransformations"], *image.get("coordinateTransformations", ())]:
        values = np.array(step.get(step["type"], ()), dtype=np.float64)
        if step["type"] == "scale":
            scale, shift = scale * values[axes], shift * values[axes]
        elif step["type"] == "translation":
            shift = shift + values[axes]
        elif step["type"] != "identity":
            raise FileFormatError(f"the coordinate transformation {step['type']} is not one of OME-Zarr 0.5")
    mm = np.array([_UNIT_MM[unit] for unit in units])
    affine = Grid.from_spacing(shape, scale * mm).affine
    assert affine is not None
    noted = noted_affine(note, shape)
    if noted is not None and np.allclose(np.linalg.norm(noted[:3, :-1], axis=0), scale * mm, rtol=1e-6):
        return noted
    placed = affine.copy()
    placed[: len(axes), -1] = (shift * mm)[::-1]
    return placed
