"""The front door of propagation: any whole-number labels, volumes or arrays, one grid."""

import numpy as np
import pytest

import maskwright as mw
from maskwright.engine.volume import Grid

SPACING = (3.0, 1.0, 1.0)


def tube() -> tuple[np.ndarray, np.ndarray]:
    """A bright tube, and its first and last slice as label 7."""
    image = np.zeros((7, 40, 40), np.int16)
    image[:, 10:30, 12:28] = 200
    sparse = np.zeros(image.shape, np.uint8)
    sparse[[0, 6], 10:30, 12:28] = 7
    return image, sparse


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64, np.uint64, np.float32, np.float64])
def test_any_whole_labels_keep_their_type(kind: type[np.generic]) -> None:
    image, sparse = tube()
    filled = mw.propagate(image, sparse.astype(kind), spacing_mm=SPACING, axis=0)
    assert filled.mask.dtype == kind
    assert np.array_equal(filled.mask == 7, image == 200)
    assert filled.confidence.shape == (7,)


def test_bool_stays_bool() -> None:
    image, sparse = tube()
    filled = mw.propagate(image, sparse > 0, spacing_mm=SPACING)
    assert filled.mask.dtype == np.bool_
    assert np.array_equal(filled.mask, image == 200)


def test_large_labels_are_kept() -> None:
    image, sparse = tube()
    large = sparse.astype(np.int64) * 100_000
    assert set(np.unique(mw.propagate(image, large, SPACING).mask)) == {0, 700_000}


def test_volumes_bring_their_spacing() -> None:
    image, sparse = tube()
    affine = Grid.from_spacing(image.shape, SPACING).affine
    volume, labels = mw.Volume(image, affine), mw.LabelMap(sparse, affine)
    assert np.array_equal(mw.propagate(volume, labels).mask, mw.propagate(image, sparse, SPACING).mask)
    with pytest.raises(mw.GeometryError, match="leave it out"):
        mw.propagate(volume, labels, SPACING)
    moved = mw.LabelMap(sparse, Grid.from_spacing(image.shape, (3.0, 1.0, 1.1)).affine)
    with pytest.raises(mw.GeometryError, match="different grids"):
        mw.propagate(volume, moved)


@pytest.mark.parametrize("bad", [-1, 0.5, np.nan])
def test_other_labels_are_refused(bad: float) -> None:
    image, sparse = tube()
    labels = sparse.astype(np.float64)
    labels[3, 5, 5] = bad
    with pytest.raises(mw.LabelError, match="whole numbers"):
        mw.propagate(image, labels, SPACING)


def test_spacing_and_a_volume_are_needed() -> None:
    image, sparse = tube()
    with pytest.raises(mw.GeometryError, match="spacing_mm"):
        mw.propagate(image, sparse)
    with pytest.raises(mw.InputError, match=r"\(z, y, x\)"):
        mw.propagate(image[0], sparse[0], (1.0, 1.0))
    with pytest.raises(mw.InputError, match="colour"):
        mw.propagate(mw.Volume(np.zeros((7, 40, 40, 3), np.uint8), color=True), sparse, SPACING)


def test_the_session_is_a_public_name() -> None:
    image, _ = tube()
    session = mw.AssistSession("region-growing")
    session.set_image(image, spacing_mm=SPACING)
    edit = session.add_point((3, 20, 20), positive=True)
    assert isinstance(edit, mw.Edit)
    assert edit.mask[3, 20, 20]
    assert not edit.mask[image == 0].any()
