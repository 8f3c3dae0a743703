"""A session: an image, objects on it, and prompts that turn into masks one edit at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike, NDArray

from maskwright.errors import InputError
from maskwright.interactive.crop import Crop
from maskwright.interactive.image import Image
from maskwright.interactive.methods.method import Method
from maskwright.interactive.methods.registry import METHODS, load_method, methods_on
from maskwright.interactive.sessions import prompts
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
from maskwright.interactive.sessions.log import Header, SessionLog, bits_bytes, header_of, read_log, write_log
from maskwright.interactive.sessions.prompts import MaskPrompt, Prompt
from maskwright.interactive.sessions.state import Edit, SessionState
from maskwright.interactive.sessions.target import Target
from maskwright.kernels.mask import Mask

_NEEDS_NO_IMAGE = (Undone, Redone, Predicted, Cleared)
_NEVER_ALONE = (Undone, Redone, Predicted, MasksHashed)
"""Events that are not in the log unless they edit a mask."""


class AssistSession:
    """Prompts to masks, for one image and any number of objects.

    Objects are numbered from 1; one is active, and prompts are about it. No voxel belongs to two objects. Who gets a
    voxel, in this order:

    1. A locked object keeps its voxels, whatever the prompt.
    2. The newest prompt: a point, scribble or lasso decides on its voxels, a mask on all of the object. A box is drawn
       around the object and decides on no single voxel.
    3. Earlier points, scribbles and lassos, the later winning: a voxel prompted inside the active object is in it,
       one prompted outside is not, and one prompted inside another object that still has it stays there.
       A voxel that another object was given since, or held locked, is not taken back until it is prompted again.
    4. The method's mask; it may take voxels from other open objects. Where the object had a mask before, only changes
       connected to the newest prompt are taken over: the rest stays as it was.

    A session is its event log: `events` replayed on the image give the same masks, bit for bit, for one method, model,
    provider and number of threads. Each public method that changes the session is an event, see `apply`.

    Memory: a bool array of the image's size for each object, of which untouched pages are not occupied, and for each
    edit the bits of the voxels that changed, in their box.

    Parameters
    ----------
    method
        A `Method`, or the name of one (see `METHODS`); by default the embedded network.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((32, 32), np.float32)
    >>> image[8:20, 8:20] = 1
    >>> session = AssistSession("region-growing")
    >>> session.set_image(image, spacing_mm=(1.0, 1.0))
    >>> edit = session.add_point((12, 12), positive=True)
    >>> int(edit.mask.sum()), edit.changed_boxes
    (144, {1: Crop(lower=(8, 8), upper=(20, 20))})
    """

    def __init__(self, method: Method | str | None = None) -> None:
        name_or_method = METHODS[0] if method is None else method
        self.method: Method = load_method(name_or_method) if isinstance(name_or_method, str) else name_or_method
        self._state: SessionState | None = None
        self._events: list[Event] = []

    # --- image and target

    def set_image(self, image: ArrayLike | Image, spacing_mm: Sequence[float] = (), color: bool = False) -> None:
        """Start anew on an image, with one empty object, no history and no target.

        Parameters
        ----------
        image
            (y, x) or (z, y, x), with a last axis of 3 if `color`; any real dtype, finite. It is not copied. Or an
            `Image`, which has its spacing.
        spacing_mm
            One value a spatial axis, in the array's order.

        Raises
        ------
        InputError, GeometryError
            Another number of axes, NaN or infinity, an empty image, a spacing that does not fit, or an image that the
            method does not support. The session is as it was.
        """
        opened = image if isinstance(image, Image) else Image.of(image, spacing_mm, color)
        supports = self.method.supports
        if opened.ndim not in supports.dims or (opened.color and not supports.color):
            kind = f"{opened.ndim}-D{' in colour' if opened.color else ''}"
            others = ", ".join(methods_on(opened.ndim, opened.color)) or "none does"
            raise InputError(f"the method {self.method.name} does not work on {kind} images; choose one of: {others}")
        segmenter = self.method.open(opened)
        self.close()
        self._state = SessionState(opened, segmenter, self.method)

    def close(self) -> None:
        """Give back the image and the memory of the method; `set_image` starts anew. A second call does nothing."""
        if self._state is not None:
            self._state.segmenter.close()
        self._state, self._events = None, []

    def clear(self) -> None:
        """Forget all objects, edits and the target: the session is as `set_image` began it."""
        self.apply(Cleared())

    def set_target(self, target: NDArray[Any]) -> None:
        """Keep an array of the caller's up to date in place: a bool one with the active object, an integer one with
        the number of the object at each voxel. It is filled once; later only changed boxes are written.

        Raises
        ------
        InputError
            It is no writeable array of the image's shape, neither bool nor integer, or too small for the numbers.
        """
        state = self._require_state()
        state.target = Target.of(target, len(self.objects), state.image.shape)
        state.show(*self.objects)

    # --- objects

    @property
    def objects(self) -> tuple[int, ...]:
        """The numbers of the objects."""
        return () if self._state is None else tuple(self._state.objects.masks)

    @property
    def names(self) -> dict[int, str]:
        """The names of the objects, by number."""
        return dict(self._require_state().objects.names)

    @property
    def active(self) -> int:
        """The object prompts are about."""
        return self._require_state().objects.active

    @property
    def locked(self) -> frozenset[int]:
        """The objects that no edit changes."""
        return frozenset(self._require_state().objects.locked)

    def add_object(self, name: str = "") -> int:
        """Begin a new, empty object, make it the active one, and return its number.

        Without a name it is called "object" and its number.
        """
        self.apply(ObjectAdded(name or f"object {len(self.objects) + 1}"))
        return self.active

    def rename(self, object_id: int, name: str) -> None:
        """Give an object another name."""
        self.apply(ObjectRenamed(object_id, name))

    def select(self, object_id: int) -> None:
        """Make an object the active one."""
        self.apply(ObjectSelected(object_id))

    def lock(self, object_id: int) -> None:
        """Keep an object as it is, whatever is edited."""
        self.apply(ObjectLocked(object_id))

    def unlock(self, object_id: int) -> None:
        """Let an object be edited again."""
        self.apply(ObjectUnlocked(object_id))

    def mask_of(self, object_id: int) -> Mask:
        """Return the mask of an object: read-only, kept up to date."""
        return self._require_state().objects.mask_of(object_id)

    def bounds_of(self, object_id: int) -> Crop | None:
        """Return a box that holds an object's mask, not always the smallest; None if the mask is empty."""
        state = self._require_state()
        state.objects.check(object_id)
        return state.history.bounds_of(object_id)

    # --- prompts

    def add_point(self, index: Sequence[float], positive: bool = True) -> Edit:
        """Mark one voxel as inside or outside; `index` in the array's order, whole numbers."""
        return self.add_prompt(prompts.make_point(index, self.image.shape, positive))

    def add_box(self, lower: Sequence[float], upper: Sequence[float]) -> Edit:
        """Draw a half-open box around the object; in 3-D it may be one slice thick."""
        return self.add_prompt(prompts.make_box(lower, upper, self.image.shape))

    def add_scribble(self, mask: ArrayLike, positive: bool = True) -> Edit:
        """Draw a stroke inside or outside: a bool array of the image's shape, not empty."""
        return self.add_prompt(prompts.make_scribble(mask, self.image.shape, positive))

    def add_lasso(self, mask: ArrayLike, positive: bool = True) -> Edit:
        """Draw an outline (closed, or filled already) of a part inside or outside: a bool array, not empty."""
        return self.add_prompt(prompts.make_lasso(mask, self.image.shape, positive))

    def add_mask(self, mask: ArrayLike) -> Edit:
        """Give the object a mask; its earlier prompts no longer count. Locked objects keep their voxels."""
        return self.add_prompt(prompts.make_mask(mask, self.image.shape))

    def reset(self) -> Edit:
        """Empty the active object and forget its prompts; this can be undone like any edit."""
        return self.add_prompt(MaskPrompt(None))

    def add_prompt(self, prompt: Prompt) -> Edit:
        """Carry out a prompt on the active object, after those that wait.

        Raises
        ------
        PromptError
            The object is locked, or the method does not take such prompts. Nothing has changed then, as with any
            prompt that is refused.
        """
        edit = self.apply(PromptAdded(self.active, prompt))
        assert edit is not None  # every prompt that is not refused is an edit
        return edit

    def queue_prompt(self, prompt: Prompt) -> None:
        """Let a prompt of the active object wait until `predict` or the next prompt."""
        self.apply(PromptQueued(self.active, prompt))

    def predict(self) -> Edit | None:
        """Carry out the prompts that wait; None if there is none."""
        return self.apply(Predicted())

    def undo(self) -> Edit | None:
        """Drop the newest prompt that waits, or take the newest edit back, exactly; None if there is neither."""
        return self.apply(Undone())

    def redo(self) -> Edit | None:
        """Do the edit undone last again, exactly; None if there is none."""
        return self.apply(Redone())

    # --- the log

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything that was done since the image was set or the session was cleared, oldest first."""
        return tuple(self._events)

    @property
    def history_bytes(self) -> int:
        """The bytes that undo, redo and the log take."""
        flips = 0 if self._state is None else self._state.history.size_bytes
        return flips + sum(map(bits_bytes, self._events))

    def apply(self, event: Event) -> Edit | None:
        """Carry out an event and append it to the log: the one way in which a session changes.

        Returns
        -------
        Edit or None
            None for events that are no edit of masks, and where there is nothing to undo, redo or predict.

        Raises
        ------
        InputError, PromptError
            The event cannot be carried out; the session and its log are as they were.
        """
        if self._state is None and isinstance(event, _NEEDS_NO_IMAGE):
            return None
        state = self._require_state()
        edit = state.carry_out(event)
        if isinstance(event, Cleared):
            self._state = SessionState(state.image, state.segmenter, self.method)
            targets: list[Event] = [each for each in self._events if isinstance(each, TargetSet)]
            self._events = targets[-1:]
        elif edit is not None or not isinstance(event, _NEVER_ALONE):
            self._events.append(event)
        return edit

    @classmethod
    def replay(cls, image: Image, events: Iterable[Event], method: Method | str | None = None) -> AssistSession:
        """Return the session that these events on an image come to."""
        session = cls(method)
        session.set_image(image)
        for event in events:
            session.apply(event)
        return session

    def header(self, attributes: Mapping[str, str] | None = None, hash_image: bool = True) -> Header:
        """Return the header of the session's log; see `Header`. Hashing a large image takes a second."""
        return header_of(self.image, self.method.provenance(), attributes or {}, hash_image)

    def to_log(self) -> str:
        """Return the session as text, without its image: a header, every event, and the hashes of the masks."""
        hashes = MasksHashed(self._require_state().hashes())
        return write_log(SessionLog(self.header(), (*self._events, hashes)))

    @classmethod
    def from_log(cls, text: str, image: ArrayLike, method: Method | str | None = None) -> AssistSession:
        """Replay a saved session on its image; masks are the same bit for bit.

        Parameters
        ----------
        text
            The text that `to_log` returned, of this version or an earlier one.
        image
            The image of that session: same dtype, shape and content.
        method
            The method, where it is none of `METHODS`.

        Raises
        ------
        LogVersionError
            The log was written by a later version.
        InputError
            The text is no session log; image, method or model are others; or masks differ, because another provider,
            number of threads or version of Maskwright computes them another way.
        """
        log = read_log(text)
        name = log.header.method.get("name", "")
        if method is None and name not in METHODS:
            raise InputError(f"the session was made with the method {name!r}; pass that method")
        session = cls(name if method is None else method)
        log.header.check_method(session.method.provenance())
        session.set_image(image, log.header.spacing_mm, log.header.color)
        log.header.check_image(session.image)
        for event in log.events:
            session.apply(event)
        return session

    # --- inside

    @property
    def image(self) -> Image:
        """The image, with its spacing."""
        return self._require_state().image

    def _require_state(self) -> SessionState:
        if self._state is None:
            raise InputError("there is no image yet; call set_image first")
        return self._state
