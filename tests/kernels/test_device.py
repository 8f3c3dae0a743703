"""The choice of a twin, with a stand-in for one on a device."""

import subprocess
import sys
import types

import numpy as np
import pytest

import maskwright as mw
from maskwright.errors import InputError
from maskwright.kernels.device import choose_twin, device_of, require_host
from maskwright.kernels.overlap import count_overlaps


class DeviceArray:
    """An array that says that it is on a CUDA device, and whose values are not to be had from here."""

    def __init__(self, values):
        self.values = np.asarray(values)
        self.shape, self.dtype, self.strides = self.values.shape, self.values.dtype, self.values.strides
        self.ndim = self.values.ndim
        self.__cuda_array_interface__ = {"shape": self.shape, "typestr": self.dtype.str, "data": (0, True)}

    def __array__(self, *args, **kwargs):
        raise TypeError("copied to the host")


class Tensor:
    """As much of a torch tensor as the choice looks at; the interface raises as that of one with gradients does."""

    def __init__(self, kind, index=None):
        self.device = types.SimpleNamespace(type=kind, index=index)

    @property
    def __cuda_array_interface__(self):
        raise RuntimeError("requires grad")


@pytest.fixture
def overlap_twin(monkeypatch):
    """A CUDA twin of overlap that hands the values on to the CPU, and counts its calls."""
    from maskwright.kernels.overlap import cpu

    calls = []

    def count_pairs(reference, prediction):
        calls.append((reference, prediction))
        return cpu.count_pairs(reference.values, prediction.values)

    twin = types.ModuleType("maskwright.kernels.overlap.cuda")
    twin.count_pairs = count_pairs
    monkeypatch.setitem(sys.modules, twin.__name__, twin)
    return calls


def test_arrays_on_a_device_go_to_its_twin_as_they_are(overlap_twin):
    rng = np.random.default_rng(1)
    arrays = rng.integers(0, 4, (2, 5, 6)).astype(np.uint8)
    placed = [DeviceArray(array) for array in arrays]
    found, expected = count_overlaps(*placed), count_overlaps(*arrays)
    assert overlap_twin == [tuple(placed)]
    np.testing.assert_array_equal(found.pairs, expected.pairs)
    np.testing.assert_array_equal(found.pair_counts, expected.pair_counts)


def test_the_same_arrays_on_the_host_go_to_the_cpu(overlap_twin):
    count_overlaps(np.zeros((2, 3), np.uint8), np.zeros((2, 3), np.uint8))
    assert overlap_twin == []


def test_arrays_on_a_device_are_checked_like_others(overlap_twin):
    with pytest.raises(InputError, match="prediction is float32"):
        count_overlaps(DeviceArray(np.zeros((2, 3), np.uint8)), DeviceArray(np.zeros((2, 3), np.float32)))
    with pytest.raises(InputError, match="expected equal shapes"):
        count_overlaps(DeviceArray(np.zeros((2, 3), np.uint8)), DeviceArray(np.zeros((3, 3), np.uint8)))
    assert overlap_twin == []


@pytest.mark.parametrize("order", [1, -1])
def test_arrays_on_mixed_devices_are_refused(overlap_twin, order):
    arrays = [DeviceArray(np.zeros((2, 3), np.uint8)), np.zeros((2, 3), np.uint8)][::order]
    with pytest.raises(InputError, match=r"different devices: reference on (cuda|cpu), prediction on (cuda|cpu)"):
        count_overlaps(*arrays)
    with pytest.raises(InputError, match="different devices"):
        mw.compare(*arrays, spacing_mm=(1.0, 1.0))
    assert overlap_twin == []


def test_two_devices_of_a_kind_are_mixed():
    with pytest.raises(InputError, match="a on cuda:0, b on cuda:1"):
        choose_twin("maskwright.kernels.overlap", a=Tensor("cuda", 0), b=Tensor("cuda", 1))


@pytest.mark.parametrize(
    "family",
    [
        "boundary",
        "components",
        "distance",
        "flow",
        "geodesic",
        "graph_cut",
        "level_sets",
        "overlap",
        "surface",
        "surface_distance",
    ],
)
def test_a_family_without_a_twin_says_so(family):
    with pytest.raises(InputError, match=f"^no CUDA kernel of {family} yet: pass host arrays"):
        choose_twin(f"maskwright.kernels.{family}", array=DeviceArray(np.zeros(3)))
    assert choose_twin(f"maskwright.kernels.{family}", array=np.zeros(3)).__name__ == f"maskwright.kernels.{family}.cpu"


def test_compare_of_arrays_on_a_device_without_a_twin_says_so():
    array = DeviceArray(np.ones((2, 3), np.uint8))
    with pytest.raises(InputError, match=r"^no CUDA kernel of overlap yet: pass host arrays"):
        mw.compare(array, array, spacing_mm=(1.0, 1.0))


def test_an_error_inside_a_twin_is_not_a_missing_twin(monkeypatch):
    """A module that the twin imports may be missing: the error must name that one."""
    monkeypatch.setitem(sys.modules, "maskwright.kernels.components.cpu", None)
    monkeypatch.setattr("maskwright.kernels.device.import_module", _without_cc3d)
    with pytest.raises(ModuleNotFoundError, match="cc3d"):
        choose_twin("maskwright.kernels.components", array=np.zeros(3))


def _without_cc3d(name):
    raise ModuleNotFoundError("No module named 'cc3d'", name="cc3d")


@pytest.mark.parametrize(
    ("array", "device"),
    [
        (np.zeros(3), "cpu"),
        ([1, 2], "cpu"),
        (Tensor("cpu"), "cpu"),
        (Tensor("cuda", 1), "cuda:1"),
        (Tensor("mps"), "mps"),
        (DeviceArray(np.zeros(3)), "cuda"),
    ],
)
def test_where_an_array_is(array, device):
    assert device_of(array) == device


def test_a_function_for_the_host_refuses_a_device():
    require_host(np.zeros(3), "image")
    with pytest.raises(InputError, match=r"image is on cuda; expected an array in main memory: call .cpu\(\) first"):
        require_host(DeviceArray(np.zeros(3)), "image")


def test_kernels_import_without_the_packages_of_higher_floors():
    """Every family; nothing may be imported but what the ground floor computes with."""
    code = """
import importlib, pkgutil, sys
for name in ("cc3d", "polars", "zarr", "nibabel", "torch", "pydicom", "skimage"):
    sys.modules[name] = None
import maskwright.kernels
for module in pkgutil.walk_packages(maskwright.kernels.__path__, "maskwright.kernels."):
    if module.name != "maskwright.kernels.components.cpu":
        importlib.import_module(module.name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
