"""Every example in a docstring does what it says."""

import doctest
import importlib
import pkgutil

import pytest

from maskwright import engine, interactive, kernels


def modules() -> list[str]:
    packages = (engine, interactive, kernels)
    return [module.name for each in packages for module in pkgutil.walk_packages(each.__path__, each.__name__ + ".")]


@pytest.mark.parametrize("name", modules())
def test_examples(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0


def test_there_are_examples_to_run() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    assert sum(bool(test.examples) for name in modules() for test in finder.find(importlib.import_module(name))) >= 10
