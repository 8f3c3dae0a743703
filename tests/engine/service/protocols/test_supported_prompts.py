"""Clients are told the prompts and images that a method takes."""

import pytest

from maskwright.engine.service.protocols.monailabel import models
from maskwright.engine.service.protocols.nninteractive import app
from maskwright.interactive.methods.method import Supports, TaskMethod


def method_that_takes(**supports):
    return TaskMethod("some", lambda task: task.positive, Supports(**supports))


@pytest.mark.parametrize(
    ("supports", "kind", "dimension", "words"),
    [
        ({}, "deepgrow", 3, "From clicks and a box to the mask of an object (network), on 2-D and 3-D images."),
        (
            {"prompts": frozenset({"point"}), "dims": frozenset({2})},
            "deepgrow",
            2,
            "From clicks to the mask of an object (network), on 2-D images.",
        ),
        (
            {"prompts": frozenset({"box", "lasso"}), "dims": frozenset({3}), "color": False},
            "others",
            3,
            "From a box to the mask of an object (network), on 3-D images, not in colour.",
        ),
    ],
)
def test_models_of_monai_label(monkeypatch, supports, kind, dimension, words):
    monkeypatch.setattr(models, "load_method", lambda name: method_that_takes(**supports))
    described = models.describe_models.__wrapped__()[models.ASSIST]
    assert (described["type"], described["dimension"]) == (kind, dimension)
    assert described["description"].startswith(words)


def test_capabilities_of_nninteractive(monkeypatch):
    monkeypatch.setattr(app, "load_method", lambda: method_that_takes(prompts=frozenset({"point", "scribble"})))
    taken = {name for name, is_taken in app.capabilities()["supported_interactions"].items() if is_taken}
    assert taken == {"points", "scribble"}
