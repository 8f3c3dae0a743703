"""A session: an image, objects on it, and prompts that turn into masks one edit at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.errors import InputError, PromptError
from maskwright.interactive.methods import METHODS, make_method
from maskwright.interactive.methods.method import Method
from maskwright.interactive.region import Region
from maskwright.interactive.sessions.edit import propose
from maskwright.interactive.sessions.history import History, Step
from maskwright.interactive.sessions.image import Picture
from maskwright.interactive.sessions.objects import Objects
from maskwright.interactive.sessions.prompts import (
    MaskPrompt,
    Prompt,
    make_box,
    make_lasso,
    make_mask,
    make_point,
    make_scribble,
)
from maskwright.interactive.sessions.target import Target

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Edit:
    """What an edit came to.

    `mask` is the object's mask, bool of the image's spatial shape: read-only, and kept up to date by the session, so
    copy it to keep this state. `changed` is the half-open box (lower, upper) in which it changed, None if nowhere.
    """

    mask: Mask
    changed: tuple[tuple[int, ...], tuple[int, ...]] | None


class AssistSession:
    """Prompts to masks, for one image and any number of objects.

    Objects are numbered from 1; one is active, and prompts are about it. No voxel belongs to two objects. Who gets a
    voxel, in this order:

    1. A locked object keeps its voxels, whatever is said.
    2. The newest prompt: a point, scribble or lasso decides on its voxels, a mask on all of the object. A box is drawn
       around the object and says nothing of single voxels.
    3. Earlier points, scribbles and lassos, the later winning: what is prompted inside the active object is in it,
       what is prompted outside is not, and what is prompted inside another object and still is there stays there.
       A voxel that another object was given since, or held locked, is not taken back until it is prompted again.
    4. What the method proposes; it may take voxels from other open objects. Where the object had a mask before, only
       changes that hang together with the newest prompt are taken over: the rest stays as it was.

    Deterministic: the same prompts give the same masks, bit for bit, for one method, model, provider and number of
    threads. Memory: a bool array of the image's size for each object, of which untouched pages are not occupied, and
    for each edit the bits of what changed, in its box.

    Parameters
    ----------
    method
        A `Method`, or the name of one (see `METHODS`); by default the embedded network.

    Examples
    --------
    >>> image = np.zeros((32, 32), np.float32)
    >>> image[8:20, 8:20] = 1
    >>> session = AssistSession("region-growing")
    >>> session.set_image(image, spacing_mm=(1.0, 1.0))
    >>> edit = session.add_point((12, 12), positive=True)
    >>> int(edit.mask.sum()), edit.changed
    (144, ((8, 8), (20, 20)))
    """

    def __init__(self, method: Method | str | None = None) -> None:
        named = METHODS[0] if method is None else method
        self.method: Method = make_method(named) if isinstance(named, str) else named
        self._picture: Picture | None = None
        self._start()

    def _start(self) -> None:
        self._objects = Objects()
        self._history = History()
        self._target: Target | None = None

    # --- image and target

    def set_image(self, image: ArrayLike, spacing_mm: Sequence[float], color: bool = False) -> None:
        """Start anew on an image, with one empty object, no history and no target.

        Parameters
        ----------
        image
            (y, x) or (z, y, x), with a last axis of 3 if `color`; any real dtype, finite. It is not copied.
        spacing_mm
            One value a spatial axis, in the array's order.

        Raises
        ------
        InputError, GeometryError
            Another number of axes, NaN or infinity, an empty image, a spacing that does not fit.
        """
        picture = Picture.of(image, spacing_mm, color)
        self._start()
        self._picture = picture
        self.add_object()

    def clear(self) -> None:
        """Forget all objects, edits and the target; what is left is what `set_image` began with."""
        if self._picture is not None:
            self._start()
            self.add_object()

    def set_target(self, target: NDArray[Any]) -> None:
        """Keep an array of the caller's up to date in place: a bool one with the active object, an integer one with
        the number of the object at each voxel. It is filled once; later only changed boxes are written.

        Raises
        ------
        InputError
            It is no writeable array of the image's shape, neither bool nor integer, or too small for the numbers.
        """
        self._target = Target.of(target, len(self._objects.masks), self.picture.shape)
        self._show(*self.objects)

    # --- objects

    @property
    def objects(self) -> tuple[int, ...]:
        """The numbers of the objects."""
        return tuple(self._objects.masks)

    @property
    def active(self) -> int:
        """The object prompts are about."""
        return self._objects.active

    @property
    def locked(self) -> frozenset[int]:
        """The objects that no edit changes."""
        return frozenset(self._objects.locked)

    def add_object(self) -> int:
        """Begin a new, empty object, make it the active one, and return its number."""
        if self._target is not None:
            self._target.check_holds(len(self._objects.masks) + 1)
        number = self._objects.add(self.picture.shape)
        self.select(number)
        return number

    def select(self, object_id: int) -> None:
        """Make an object the active one."""
        self._objects.check(object_id)
        before, self._objects.active = self._objects.active, object_id
        if self._target is not None and self._target.shows_active:
            self._show(before, object_id)

    def lock(self, object_id: int) -> None:
        """Keep an object as it is, whatever is edited."""
        self._objects.check(object_id)
        self._objects.locked.add(object_id)

    def unlock(self, object_id: int) -> None:
        """Let an object be edited again."""
        self._objects.check(object_id)
        self._objects.locked.discard(object_id)

    def set_locked(self, object_ids: Iterable[int]) -> None:
        """Lock these objects and no others."""
        wanted = set(object_ids)
        for object_id in wanted:
            self._objects.check(object_id)
        self._objects.locked = wanted

    def mask_of(self, object_id: int) -> Mask:
        """Return the mask of an object: read-only, kept up to date."""
        return self._objects.mask_of(object_id)

    def reach_of(self, object_id: int) -> Region | None:
        """Return a box that holds an object's mask, not always the smallest; None where nothing was ever in it."""
        self._objects.check(object_id)
        return self._history.reach(object_id)

    # --- prompts

    def add_point(self, index: Sequence[float], positive: bool = True) -> Edit:
        """Say of one voxel whether it is inside; `index` in the array's order, whole numbers."""
        return self.add_prompt(make_point(index, self.picture.shape, positive))

    def add_box(self, lower: Sequence[float], upper: Sequence[float]) -> Edit:
        """Draw a half-open box around the object; in 3-D it may be one slice thick."""
        return self.add_prompt(make_box(lower, upper, self.picture.shape))

    def add_scribble(self, mask: ArrayLike, positive: bool = True) -> Edit:
        """Draw a stroke inside or outside: a bool array of the image's shape, not empty."""
        return self.add_prompt(make_scribble(mask, self.picture.shape, positive))

    def add_lasso(self, mask: ArrayLike, positive: bool = True) -> Edit:
        """Draw an outline (closed, or filled already) around what is inside or outside: a bool array, not empty."""
        return self.add_prompt(make_lasso(mask, self.picture.shape, positive))

    def add_mask(self, mask: ArrayLike) -> Edit:
        """Give the object a mask; its earlier prompts no longer count. Locked objects keep their voxels."""
        return self.add_prompt(make_mask(mask, self.picture.shape))

    def reset(self) -> Edit:
        """Empty the active object and forget its prompts; this can be undone like any edit."""
        return self.add_prompt(MaskPrompt(None))

    def add_prompt(self, prompt: Prompt) -> Edit:
        """Carry out a prompt on the active object.

        Raises
        ------
        PromptError
            The active object is locked. Nothing has changed then, as with any prompt that is refused.
        """
        objects = self._objects
        if objects.active in objects.locked:
            raise PromptError(f"object {objects.active} is locked; unlock it, or select another one")
        if isinstance(prompt, MaskPrompt):
            region, mask = self._given(prompt)
        else:
            region, mask = propose(self.picture, self.method, objects, self._history, prompt)
        step = Step(objects.active, prompt, self.locked, objects.turned_by(region, mask))
        self._history.add(step)
        return self._apply(step)

    # --- undo

    def undo(self) -> Edit | None:
        """Take the newest edit back, exactly, whichever object it was of; None if there is none."""
        if not self._history.done:
            return None
        self._check_unlocked(self._history.done[-1])
        step = self._history.done.pop()
        self._history.undone.append(step)
        return self._apply(step)

    def redo(self) -> Edit | None:
        """Do the edit undone last again, exactly; None if there is none."""
        if not self._history.undone:
            return None
        self._check_unlocked(self._history.undone[-1])
        step = self._history.undone.pop()
        self._history.done.append(step)
        return self._apply(step)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The edits, oldest first; those undone follow in the order in which `redo` would do them."""
        return (*self._history.done, *reversed(self._history.undone))

    @property
    def undone_count(self) -> int:
        """How many of the `steps` are undone."""
        return len(self._history.undone)

    @property
    def history_bytes(self) -> int:
        """What undo and redo take, in bytes."""
        return self._history.size_bytes

    # --- inside

    @property
    def picture(self) -> Picture:
        """The image, with its spacing."""
        if self._picture is None:
            raise InputError("there is no image yet; call set_image first")
        return self._picture

    def _check_unlocked(self, step: Step) -> None:
        touched = {object_id for object_id, _ in step.turned} & self._objects.locked
        if touched:
            raise PromptError(f"this would change object {min(touched)}, which is locked; unlock it first")

    def _given(self, prompt: MaskPrompt) -> tuple[Region, Mask]:
        """The region a mask prompt is about, and the mask it asks for."""
        given = None if prompt.area is None else prompt.area.region
        boxes = [box for box in (given, self._history.reach(self.active)) if box is not None]
        region = boxes[0].joined(boxes[-1]) if boxes else Region((0,) * self.picture.ndim, (1,) * self.picture.ndim)
        mask = np.zeros(region.shape, bool)
        if prompt.area is not None:
            prompt.area.paint(mask, region)
        return region, mask

    def _show(self, *object_ids: int) -> None:
        """Bring the target up to date wherever these objects are."""
        for reach in map(self._history.reach, object_ids):
            if self._target is not None and reach is not None:
                self._target.write(self._objects, reach)

    def _apply(self, step: Step) -> Edit:
        self._objects.turn(step.turned)
        changed = step.changed
        if self._target is not None:
            for _, area in step.turned:
                self._target.write(self._objects, area.region)
        return Edit(self.mask_of(step.object_id), None if changed is None else (changed.lower, changed.upper))
