"""What this server can do, in MONAI Label's words."""

from __future__ import annotations

from typing import Any

ASSIST, PROPAGATE = "maskwright", "maskwright-propagate"
LABEL = "object"
MODELS: dict[str, dict[str, Any]] = {
    ASSIST: {
        # The clients show their click panel for models of this type.
        "type": "deepgrow",
        "labels": [LABEL],
        "dimension": 3,
        "description": "Clicks and a box to the mask of an object. Nothing is trained; labels may have any name.",
        "config": {},
    },
    PROPAGATE: {
        "type": "others",
        "labels": [LABEL],
        "dimension": 3,
        "description": "A mask drawn on some slices, sent as 'label', to a mask of all slices.",
        "config": {"axis": 0},
    },
}
NEXT, RANDOM = "next", "random"
STRATEGIES = {
    NEXT: {"description": "What has no label yet; then what was least sure."},
    RANDOM: {"description": "Any image that has no label yet."},  # OHIF asks for it whatever is listed
}
