"""A session with an event of each kind, and logs made of it."""

import json

import numpy as np

from maskwright.interactive.image import Image
from maskwright.interactive.sessions.events import (
    ObjectAdded,
    ObjectLocked,
    ObjectRenamed,
    ObjectSelected,
    ObjectUnlocked,
    Predicted,
    PromptAdded,
    PromptQueued,
    Redone,
    TargetSet,
    Undone,
)
from maskwright.interactive.sessions.prompts import make_box, make_lasso, make_mask, make_point, make_scribble
from maskwright.interactive.sessions.session import AssistSession
from support.assist_method import Discs, seen_image

SHAPE = (9, 20, 21)
IMAGE = seen_image(SHAPE)


def drawn(*slices):
    mask = np.zeros(SHAPE, bool)
    mask[slices] = True
    return mask


EVENTS_OF_EACH_KIND = [
    PromptAdded(1, make_point((4, 10, 10), SHAPE, True)),
    PromptAdded(1, make_scribble(drawn(4, slice(5, 15), 8), SHAPE, True)),
    PromptAdded(1, make_scribble(drawn(2, slice(5, 15), 8), SHAPE, False)),
    TargetSet("uint8"),
    ObjectLocked(1),
    ObjectAdded("tumour, left"),
    PromptQueued(2, make_box((1, 2, 3), (7, 18, 17), SHAPE)),
    PromptQueued(2, make_lasso(drawn(5, slice(3, 12), slice(3, 12)), SHAPE, True)),
    PromptQueued(2, make_point((0, 0, 0), SHAPE, True)),
    Undone(),
    Predicted(),
    ObjectUnlocked(1),
    ObjectSelected(1),
    PromptAdded(1, make_mask(drawn(slice(2, 6), slice(2, 9), slice(2, 9)), SHAPE)),
    PromptAdded(1, make_mask(drawn(), SHAPE)),
    PromptAdded(1, make_mask(np.zeros(SHAPE, bool), SHAPE)),
    Undone(),
    Undone(),
    Redone(),
    Undone(),
    PromptAdded(1, make_point((3, 3, 3), SHAPE, False)),
    ObjectRenamed(2, "Läsion"),
    ObjectLocked(2),
    Undone(),
]


def made_session(method=None):
    """Return a session with a prompt of each kind, locks, prompts that wait, and edits undone and redone."""
    image = Image.of(IMAGE, (2.5, 0.8, 0.8))
    return AssistSession.replay(image, EVENTS_OF_EACH_KIND, method or Discs())


LINES = made_session().to_log().splitlines()


def log_with(*events, **header):
    """Return the text of a log with these records as events, and these fields of its header changed."""
    lines = [{**json.loads(LINES[0]), **header}, *events]
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def same(one, other):
    return all(np.array_equal(one.mask_of(n), other.mask_of(n)) for n in one.objects)
