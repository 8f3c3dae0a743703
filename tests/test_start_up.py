"""The front door opens quickly: heavy packages are loaded only when they are used."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import maskwright as mw
from maskwright.cli import COMMANDS
from maskwright.engine.volume import LabelMap

HEAVY = (
    "numpy",
    "rich",
    "numba",
    "scipy",
    "torch",
    "monai",
    "ray",
    "polars",
    "matplotlib",
    "nibabel",
    "jinja2",
    "zarr",
    "onnxruntime",
    "PIL",
)


def loaded_after(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the heavy packages it loaded."""
    report = "import sys; print('LOADED', *[name for name in sys.modules if '.' not in name])"
    run = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    line = next(line for line in run.stdout.splitlines() if line.startswith("LOADED"))
    return set(line.split()) & set(HEAVY)


def test_the_check_sees_a_heavy_package() -> None:
    assert "numpy" in loaded_after("import numpy")


@pytest.mark.parametrize(
    "code",
    [
        "import maskwright",
        "import maskwright; maskwright.InputError; maskwright.__version__",
        "import maskwright.cli",
        "from maskwright.cli import main; main(['--help'])",
        *(f"from maskwright.cli import main; main([{name!r}, '--help'])" for name in (*COMMANDS, "audit")),
        "from maskwright.cli import main; main(['doctor'])",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert loaded_after(code) == set()


def test_a_comparison_loads_no_tables(tmp_path: Path) -> None:
    path = tmp_path / "mask.nii.gz"
    mw.write(LabelMap(np.eye(8, dtype=np.uint8)[None], np.eye(4)), path)
    found = loaded_after(f"from maskwright.cli import main; main(['compare', {str(path)!r}, {str(path)!r}])")
    assert "numba" in found
    assert found & {"polars", "torch", "monai", "ray", "matplotlib", "jinja2"} == set()


def test_help_needs_typer_and_the_standard_library_alone() -> None:
    code = (
        "import sys; before = set(sys.modules); from maskwright.cli import main; main(['--help']);"
        "names = {name.split('.')[0] for name in sys.modules.keys() - before};"
        "print('OTHERS', *(names - sys.stdlib_module_names))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    of_typer = {"typer", "click", "annotated_doc", "shellingham", "typing_extensions"}
    assert set(run.stdout.splitlines()[-1].split()) - of_typer == {"OTHERS", "maskwright"}


def test_public_names() -> None:
    for name in mw.__all__:
        assert getattr(mw, name) is not None
    assert set(dir(mw)) == set(mw.__all__)
    with pytest.raises(AttributeError, match="no attribute 'compere'"):
        mw.compere  # noqa: B018
