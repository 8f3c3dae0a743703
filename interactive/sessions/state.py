"""The state of a session on one image, and how each event changes it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from maskwright.errors import InputError, PromptError
from maskwright.interactive.crop import Crop, box_of
from maskwright.interactive.image import Image
from maskwright.interactive.methods.method import Method, Segmenter
from maskwright.interactive.sessions.edit import given_mask, segment_prompt
from maskwright.interactive.sessions.events import (
    Cleared,
    Event,
    MasksHashed,
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
from maskwright.interactive.sessions.history import History, Step
from maskwright.interactive.sessions.objects import Objects
from maskwright.interactive.sessions.prompts import MaskPrompt, Prompt
from maskwright.interactive.sessions.records import LONGEST_DTYPE, text_from
from maskwright.interactive.sessions.target import Target
from maskwright.kernels.mask import Mask


@dataclass(frozen=True, eq=False)
class Edit:
    """The masks after an edit, and where they changed.

    Attributes
    ----------
    object_id : int
        The prompted object.
    changed_boxes : mapping of int to Crop
        The half-open box of every object that changed, by number; none changed outside that of the prompted one.
    masks : mapping of int to bool, the image's spatial shape
        The masks of these objects and of the prompted one: read-only, and kept up to date by the session, so copy one
        to keep this state.
    is_cut : bool
        Whether the change was cut at the border of the largest crop that a method works on: the object may go on there,
        and another prompt beyond it takes the mask further. False of an edit that is undone.
    """

    object_id: int
    changed_boxes: Mapping[int, Crop]
    masks: Mapping[int, Mask]
    is_cut: bool = False

    @property
    def mask(self) -> Mask:
        """The mask of the prompted object."""
        return self.masks[self.object_id]

    @property
    def changed_box(self) -> Crop | None:
        """The box in which the prompted object changed; None if it did not."""
        return self.changed_boxes.get(self.object_id)

    def bits_of(self, object_id: int) -> bytes:
        """Return the mask of an object that changed, in its box, as packed bits in C order."""
        return np.packbits(self.masks[object_id][self.changed_boxes[object_id].slices]).tobytes()


@dataclass(eq=False)
class SessionState:
    """Objects and edits on one image; it begins with one empty object. ``waiting_prompts`` run with the next one."""

    image: Image
    segmenter: Segmenter
    method: Method
    objects: Objects = field(default_factory=Objects)
    history: History = field(default_factory=History)
    waiting_prompts: list[PromptQueued] = field(default_factory=list)
    target: Target | None = None

    def __post_init__(self) -> None:
        self.objects.active = self.objects.add(self.image.shape, "object 1")

    def carry_out(self, event: Event) -> Edit | None:
        """Carry out an event, or raise and change nothing; see `AssistSession.apply`."""
        match event:
            case PromptAdded(object_id, prompt):
                return self._run([*self.waiting_prompts, PromptQueued(object_id, prompt)])
            case PromptQueued(object_id, prompt):
                self._check_prompt(object_id, prompt)
                self.waiting_prompts.append(event)
            case Predicted():
                return self._run(list(self.waiting_prompts)) if self.waiting_prompts else None
            case Undone():
                return self._undo()
            case Redone():
                return self._redo()
            case MasksHashed(hashes):
                self._check_hashes(hashes)
            case ObjectAdded(name):
                self._add_object(name)
            case ObjectSelected() | ObjectRenamed() | ObjectLocked() | ObjectUnlocked():
                self._change_object(event)
            case TargetSet(dtype):
                text_from(dtype, LONGEST_DTYPE)
            case Cleared():
                pass  # of the session as a whole, see `AssistSession.apply`
        return None

    def hashes(self) -> tuple[str, ...]:
        """Return a hash of each object's mask, "" of an empty one."""
        return tuple(_hash_mask(mask, self.history.bounds_of(number)) for number, mask in self.objects.masks.items())

    def show(self, *object_ids: int) -> None:
        """Bring the target up to date wherever these objects are."""
        for bounds in map(self.history.bounds_of, object_ids):
            if self.target is not None and bounds is not None:
                self.target.write(self.objects, bounds)

    # --- prompts

    def _check_prompt(self, object_id: int, prompt: Prompt) -> None:
        self.objects.check(object_id)
        if object_id in self.objects.locked:
            raise PromptError(f"object {object_id} is locked; unlock it, or select another one")
        bounds = _bounds_of(prompt)
        if bounds is not None and not bounds.is_inside(self.image.shape):
            raise PromptError(f"the prompt lies outside the image of shape {self.image.shape}")
        kind = type(prompt).__name__.lower()
        taken = self.method.supports.prompts
        if not isinstance(prompt, MaskPrompt) and kind not in taken:
            raise PromptError(f"the method {self.method.name} takes no {kind}; expected {', '.join(sorted(taken))}")

    def _run(self, prompts: Sequence[PromptQueued]) -> Edit:
        """Carry out prompts, oldest first: all of them or none."""
        for each in prompts:
            self._check_prompt(each.object_id, each.prompt)
        active, undone, count = self.objects.active, list(self.history.undone), len(self.history.done)
        try:
            for each in prompts:
                self.objects.active = each.object_id
                self._step(each.prompt)
        except BaseException:
            for step in reversed(self.history.done[count:]):
                self.objects.flip(step.flips)
            self.objects.active = active
            self.history = History(self.history.done[:count], undone)
            raise
        self.waiting_prompts.clear()
        object_id, self.objects.active = self.objects.active, active
        self._activate(object_id)
        steps = self.history.done[count:]
        return self._edit(object_id, steps, any(step.is_cut for step in steps))

    def _step(self, prompt: Prompt) -> None:
        if isinstance(prompt, MaskPrompt):
            proposal = given_mask(self.image, self.objects, self.history, prompt)
        else:
            proposal = segment_prompt(self.image, self.segmenter, self.objects, self.history, prompt)
        flips = self.objects.flips_to(proposal.mask, proposal.crop)
        step = Step(self.objects.active, prompt, flips, proposal.is_cut)
        self.objects.flip(step.flips)
        self.history.add(step)

    # --- undo

    def _undo(self) -> Edit | None:
        if self.waiting_prompts:
            return self._edit(self.waiting_prompts.pop().object_id, ())
        return self._move(self.history.done, self.history.undone)

    def _redo(self) -> Edit | None:
        return self._move(self.history.undone, self.history.done)

    def _move(self, source: list[Step], target: list[Step]) -> Edit | None:
        """Move the last step of one list to another, and flip its voxels."""
        if not source:
            return None
        step = source[-1]
        locked = set(step.flips) & self.objects.locked
        if locked:
            raise PromptError(f"this would change object {min(locked)}, which is locked; unlock it first")
        target.append(source.pop())
        self.objects.flip(step.flips)
        return self._edit(step.object_id, [step], step.is_cut and target is self.history.done)

    def _edit(self, object_id: int, steps: Sequence[Step], is_cut: bool = False) -> Edit:
        boxes: dict[int, Crop] = {}
        for step in steps:
            for number, area in step.flips.items():
                boxes[number] = area.bounds.union(boxes.get(number, area.bounds))
        if self.target is not None:
            for box in boxes.values():
                self.target.write(self.objects, box)
        masks = {number: self.objects.mask_of(number) for number in {object_id, *boxes}}
        return Edit(object_id, dict(sorted(boxes.items())), masks, is_cut)

    # --- objects

    def _add_object(self, name: str) -> None:
        if self.target is not None:
            self.target.check_holds(len(self.objects.masks) + 1)
        self._activate(self.objects.add(self.image.shape, name))

    def _change_object(self, event: ObjectSelected | ObjectRenamed | ObjectLocked | ObjectUnlocked) -> None:
        self.objects.check(event.object_id)
        match event:
            case ObjectSelected(object_id):
                self._activate(object_id)
            case ObjectRenamed(object_id, name):
                self.objects.check_name(name)
                self.objects.names[object_id] = name
            case ObjectLocked(object_id):
                self.objects.locked.add(object_id)
            case ObjectUnlocked(object_id):
                self.objects.locked.discard(object_id)

    def _activate(self, object_id: int) -> None:
        before, self.objects.active = self.objects.active, object_id
        if self.target is not None and self.target.shows_active and before != object_id:
            self.show(before, object_id)

    def _check_hashes(self, hashes: tuple[str, ...]) -> None:
        mine = self.hashes()
        differing = [number for number, (a, b) in enumerate(zip(hashes, mine), 1) if a != b]
        if differing or len(hashes) != len(mine):
            number = differing[0] if differing else min(len(hashes), len(mine)) + 1
            raise InputError(
                f"the replayed mask of object {number} is not the one saved; use the Maskwright, provider and number "
                "of threads of that time"
            )


def _bounds_of(prompt: Prompt) -> Crop | None:
    if isinstance(prompt, MaskPrompt):
        return None if prompt.area is None else prompt.area.bounds
    return prompt.bounds


def _hash_mask(mask: Mask, bounds: Crop | None) -> str:
    """Hash a mask that is empty outside `bounds`; "" if it is empty."""
    if bounds is None or not mask[bounds.slices].any():
        return ""
    box = box_of(mask[bounds.slices])
    lower = [a + b for a, b in zip(bounds.lower, box.lower)]
    digest = hashlib.sha256(f"{lower} {list(box.shape)}".encode())
    digest.update(np.packbits(mask[bounds.slices][box.slices]).tobytes())
    return digest.hexdigest()[:16]
