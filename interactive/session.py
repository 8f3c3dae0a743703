"""A session: an image, objects on it, and prompts that turn into masks one edit at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskwright.interactive.constraints import hold_prompts, keep_local
from maskwright.interactive.history import History, Step, turn, turned_voxels
from maskwright.interactive.methods import make_method
from maskwright.interactive.methods.method import Method, Task
from maskwright.interactive.picture import Picture
from maskwright.interactive.prompts import (
    Box,
    Drawn,
    MaskPrompt,
    Prompt,
    make_box,
    make_lasso,
    make_mask,
    make_point,
    make_scribble,
)
from maskwright.interactive.region import Region, first_region, grown
from maskwright.kernels.errors import InputError, PromptError

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

    Objects are numbered from 1; one is active, and prompts are about it. No voxel belongs to two objects: an edit
    takes voxels from other objects, but never from a locked one, and none that was prompted positive for another
    object unless the newest prompt says so. Prompted voxels of the active object are what was said of them, the
    newest prompt winning over earlier ones. What hangs together with no voxel of the newest prompt stays as it was.

    Deterministic: the same prompts give the same masks, bit for bit, for one method, model, provider and number of
    threads. Memory: a bool array of the image's size for each object, and for each edit the bits of what changed.

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
        self.method = (
            method if method is not None and not isinstance(method, str) else make_method(*[method] if method else [])
        )
        self._picture: Picture | None = None
        self._start()

    def _start(self) -> None:
        self._masks: dict[int, Mask] = {}
        self._locked: set[int] = set()
        self._history = History()
        self._target: NDArray[Any] | None = None
        self._active = 0

    # --- image and target

    def set_image(self, image: ArrayLike, spacing_mm: Sequence[float], color: bool = False) -> None:
        """Start anew on an image.

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

    def set_target(self, target: NDArray[Any]) -> None:
        """Keep an array of the caller's up to date in place: a bool one with the active object, an integer one with
        the number of the object at each voxel. It is filled once; later only changed boxes are written.
        """
        shape = self.picture.shape
        if not isinstance(target, np.ndarray) or target.shape != shape or not target.flags.writeable:
            raise InputError(f"the target must be a writeable array of the image's shape, {shape}")
        if target.dtype.kind not in "bui":
            raise InputError(f"the target is {target.dtype}; expected bool or an integer")
        self._target = target
        self._write_target(Region((0,) * len(shape), shape))

    # --- objects

    @property
    def objects(self) -> tuple[int, ...]:
        """The numbers of the objects."""
        return tuple(self._masks)

    @property
    def active(self) -> int:
        """The object prompts are about."""
        return self._active

    @property
    def locked(self) -> frozenset[int]:
        """The objects that no edit changes."""
        return frozenset(self._locked)

    def add_object(self) -> int:
        """Begin a new, empty object, make it the active one, and return its number."""
        number = len(self._masks) + 1
        self._masks[number] = np.zeros(self.picture.shape, bool)
        self.select(number)
        return number

    def select(self, object_id: int) -> None:
        """Make an object the active one."""
        self._check_object(object_id)
        before, self._active = self._active, object_id
        if self._target is not None and self._target.dtype.kind == "b":
            for number in {before, object_id}:
                reach = self._reach(number)
                if reach is not None:
                    self._write_target(reach)

    def lock(self, object_id: int) -> None:
        """Keep an object as it is, whatever is edited."""
        self._check_object(object_id)
        self._locked.add(object_id)

    def unlock(self, object_id: int) -> None:
        """Let an object be edited again."""
        self._check_object(object_id)
        self._locked.discard(object_id)

    def set_locked(self, object_ids: Iterable[int]) -> None:
        """Lock these objects and no others."""
        wanted = set(object_ids)
        for object_id in wanted:
            self._check_object(object_id)
        self._locked = wanted

    def mask_of(self, object_id: int) -> Mask:
        """Return the mask of an object: read-only, kept up to date."""
        self._check_object(object_id)
        view = self._masks[object_id].view()
        view.flags.writeable = False
        return view

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
        if self._active in self._locked:
            raise PromptError(f"object {self._active} is locked; unlock it, or select another one")
        region, proposed = self._given(prompt) if isinstance(prompt, MaskPrompt) else self._proposed(prompt)
        step = Step(self._active, prompt, self.locked, self._turned(region, proposed))
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

    def _check_object(self, object_id: int) -> None:
        if object_id not in self._masks:
            raise InputError(f"there is no object {object_id}; expected one of {list(self._masks)}")

    def _check_unlocked(self, step: Step) -> None:
        touched = {object_id for object_id, _ in step.turned} & self._locked
        if touched:
            raise PromptError(f"this would change object {min(touched)}, which is locked; unlock it first")

    def _reach(self, object_id: int) -> Region | None:
        """A box that holds an object's mask."""
        reach: Region | None = None
        for step in self.steps:
            for number, area in step.turned:
                if number == object_id:
                    reach = area.region if reach is None else reach.joined(area.region)
        return reach

    def _given(self, prompt: MaskPrompt) -> tuple[Region, Mask]:
        """The region a mask prompt is about, and the mask it asks for."""
        given = None if prompt.area is None else prompt.area.region
        boxes = [box for box in (given, self._reach(self._active)) if box is not None]
        region = boxes[0].joined(boxes[-1]) if boxes else Region((0,) * self.picture.ndim, (1,) * self.picture.ndim)
        mask = np.zeros(region.shape, bool)
        if prompt.area is not None:
            prompt.area.paint(mask, region)
        return region, mask

    def _proposed(self, prompt: Drawn | Box) -> tuple[Region, Mask]:
        """What the method makes of the prompts, in a region that grows as long as the mask reaches its border."""
        earlier = [s.prompt for s in self._history.of_object(self._active) if not isinstance(s.prompt, MaskPrompt)]
        region = first_region(_box(prompt), [_box(p) for p in earlier] + self._mask_boxes(), self.picture.shape)
        while True:
            task = self._task([*earlier, prompt], region)
            mask = self.method.segment(task)
            larger = grown(region, mask, self.picture.shape)
            if larger is None:
                break
            region = larger
        if task.previous is not None:
            mask = keep_local(task.previous, mask, task.latest)
        hold_prompts(mask, task.positive, task.negative)
        return region, mask & self._free(region, task.latest & task.latest_positive)

    def _mask_boxes(self) -> list[Region]:
        reach = self._reach(self._active)
        return [] if reach is None else [reach]

    def _task(self, prompts: Sequence[Drawn | Box], region: Region) -> Task:
        positive, negative, latest = (np.zeros(region.shape, bool) for _ in range(3))
        box = None
        for prompt in prompts:
            if isinstance(prompt, Box):
                box = prompt.region.common(region)
            else:
                prompt.area.paint(positive, region, prompt.positive)
                prompt.area.paint(negative, region, not prompt.positive)
        newest = prompts[-1]
        newest.paint(latest, region) if isinstance(newest, Box) else newest.area.paint(latest, region)
        previous = self._masks[self._active][region.slices]
        inner = None if box is None else tuple((s.start, s.stop) for s in box.within(region))
        return Task(
            image=self.picture.crop(region),
            color=self.picture.color,
            intensity_range=self.picture.intensity_range,
            spacing_mm=self.picture.spacing_mm,
            positive=positive,
            negative=negative,
            box=None if inner is None else (tuple(a for a, _ in inner), tuple(b for _, b in inner)),
            previous=previous.copy() if previous.any() else None,
            latest=latest,
            latest_positive=isinstance(newest, Box) or newest.positive,
            prompt_count=len(prompts),
        )

    def _free(self, region: Region, said: Mask) -> Mask:
        """Voxels the active object may have: not locked, and not prompted positive elsewhere unless just `said`."""
        free = np.ones(region.shape, bool)
        for number, mask in self._masks.items():
            if number == self._active:
                continue
            if number in self._locked:
                free &= ~mask[region.slices]
            else:
                claimed = np.zeros(region.shape, bool)
                for step in self._history.of_object(number):
                    if not isinstance(step.prompt, Box | MaskPrompt):
                        step.prompt.area.paint(claimed, region, step.prompt.positive)
                free &= ~(claimed & mask[region.slices]) | said
        return free

    def _turned(self, region: Region, proposed: Mask) -> tuple[tuple[int, Any], ...]:
        """What changes, object by object, when the active one gets this mask in this region."""
        for number in self._locked - {self._active}:
            proposed = proposed & ~self._masks[number][region.slices]
        turned = []
        for number, mask in self._masks.items():
            before = mask[region.slices]
            after = proposed if number == self._active else before & ~proposed
            area = turned_voxels(before, after, region)
            if area is not None:
                turned.append((number, area))
        return tuple(turned)

    def _apply(self, step: Step) -> Edit:
        for number, area in step.turned:
            turn(self._masks[number], area)
            self._write_target(area.region)
        changed = step.changed
        return Edit(self.mask_of(step.object_id), None if changed is None else (changed.lower, changed.upper))

    def _write_target(self, region: Region) -> None:
        if self._target is None:
            return
        window = self._target[region.slices]
        if self._target.dtype.kind == "b":
            window[...] = self._masks[self._active][region.slices]
            return
        window[...] = 0
        for number, mask in self._masks.items():
            window[mask[region.slices]] = number


def _box(prompt: Drawn | Box) -> Region:
    return prompt.region if isinstance(prompt, Box) else prompt.area.region
