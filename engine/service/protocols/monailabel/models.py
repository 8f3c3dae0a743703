"""The models and strategies of this server, in MONAI Label's words."""

from __future__ import annotations

from functools import cache
from typing import Any

from maskwright.interactive.methods.method import PromptKind
from maskwright.interactive.methods.registry import METHODS, load_method

ASSIST, PROPAGATE = "maskwright", "maskwright-propagate"
LABEL = "object"
METHOD_OF = {ASSIST: METHODS[0]} | {f"{ASSIST}-{method}": method for method in METHODS[1:]}
"""The method of each model that takes clicks; the default first, which is the one that clients choose."""
MODELS = (*METHOD_OF, PROPAGATE)
PROMPTS: dict[PromptKind, str] = {"point": "clicks", "box": "a box"}
"""Those that a client can send, in words."""
NEXT, RANDOM = "next", "random"
STRATEGIES = {
    NEXT: {"description": "An image without a label; then the least confident one."},
    RANDOM: {"description": "Any image without a label."},  # OHIF asks for it whatever is listed
}


@cache
def describe_models() -> dict[str, dict[str, Any]]:
    """Return the models of ``/info/``; on the first call it loads the methods."""
    described = {name: _describe(method) for name, method in METHOD_OF.items()}
    described[PROPAGATE] = {
        "type": "others",
        "labels": [LABEL],
        "dimension": 3,
        "description": "A mask drawn on some slices, sent as 'label', to a mask of all slices.",
        "config": {"axis": 0},
    }
    return described


def _describe(method: str) -> dict[str, Any]:
    supports = load_method(method).supports
    prompts = " and ".join(word for kind, word in PROMPTS.items() if kind in supports.prompts) or "a mask"
    dims = " and ".join(f"{dims}-D" for dims in sorted(supports.dims))
    images = f"{dims} images{'' if supports.color else ', not in colour'}"
    return {
        # The clients show their click panel for models of the type deepgrow.
        "type": "deepgrow" if "point" in supports.prompts else "others",
        "labels": [LABEL],
        "dimension": max(supports.dims),
        "description": f"From {prompts} to the mask of an object ({method}), on {images}. Labels may have any name.",
        "config": {},
    }
