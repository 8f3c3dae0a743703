"""The front door opens quickly: heavy packages are loaded only when they are used."""

import subprocess
import sys

import pytest

HEAVY = ("numpy", "numba", "scipy", "torch", "monai", "ray", "polars", "matplotlib", "nibabel", "jinja2", "zarr")


def loaded_after(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the heavy packages it loaded."""
    report = "import sys; print('LOADED', *[name for name in sys.modules if '.' not in name])"
    run = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    line = next(line for line in run.stdout.splitlines() if line.startswith("LOADED"))
    return set(line.split()) & set(HEAVY)


def test_the_check_itself_sees_a_heavy_package() -> None:
    assert "numpy" in loaded_after("import numpy")


@pytest.mark.parametrize(
    "code",
    [
        "import maskwright",
        "import maskwright; maskwright.InputError; maskwright.__version__",
        "import maskwright.cli",
        "from maskwright.cli import main; main(['--help'])",
        "from maskwright.cli import main; main(['compare', '--help'])",
        "from maskwright.cli import main; main(['qa', '--help'])",
        "from maskwright.cli import main; main(['doctor'])",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert loaded_after(code) == set()


def test_every_public_name_is_there() -> None:
    import maskwright as mw

    for name in mw.__all__:
        assert getattr(mw, name) is not None
    assert set(dir(mw)) == set(mw.__all__)
    with pytest.raises(AttributeError, match="no attribute 'compere'"):
        mw.compere  # noqa: B018
