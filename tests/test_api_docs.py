"""docs/api.md is made from the docstrings."""

import importlib.util
import inspect
from pathlib import Path

import maskwright as mw

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "api_docs.py"


def load_script():
    spec = importlib.util.spec_from_file_location("api_docs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_is_up_to_date():
    script = load_script()
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "run: python scripts/api_docs.py"


def test_page_has_every_public_name():
    page = load_script().page()
    assert all(f"`mw.{name}`" in page for name in mw.__all__ if name != "__version__")


def test_public_names_have_docstrings():
    assert all(inspect.getdoc(getattr(mw, name)) for name in mw.__all__ if name != "__version__")
