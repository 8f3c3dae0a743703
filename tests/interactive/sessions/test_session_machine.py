"""Whatever is done to a session, in any order: what it promises holds after every step.

Each machine works on a small image with small crops, so that edits see only a part of it.
"""

from unittest import mock

import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scipy import ndimage

from maskwright.errors import PromptError
from maskwright.interactive import crop
from maskwright.interactive.sessions.prompts import Box, MaskPrompt
from maskwright.interactive.sessions.session import AssistSession
from support.assist_method import Discs, seen_image

# Shrinking a failure of a machine takes minutes; what was done is printed all the same.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
SHAPES = st.sampled_from([(23, 31), (7, 18, 15)])


class SessionMachine(RuleBasedStateMachine):
    """Edits of every kind on one to three objects, with undo, redo, locks and a caller's buffer."""

    def __init__(self):
        super().__init__()
        sides = {2: 10, 3: 8}
        self.patches = [
            mock.patch.dict(crop.START_SIDE, sides),
            mock.patch.dict(crop.LARGEST_SIDE, {2: 18, 3: 12}),
            mock.patch.object(crop, "MARGIN", 2),
        ]
        for patch in self.patches:
            patch.start()

    def teardown(self):
        try:
            if hasattr(self, "session"):
                self.check_replay()
        finally:
            for patch in self.patches:
                patch.stop()

    @initialize(shape=SHAPES, seed=st.integers(0, 50))
    def start(self, shape, seed):
        self.image = seen_image(shape, seed)
        self.session = AssistSession(Discs())
        self.session.set_image(self.image, (1.0,) * len(shape))
        self.session.add_object()
        self.label_target = np.full(shape, 9, np.uint8)
        self.session.set_target(self.label_target)
        self.past = [self.state()]  # states reachable by undo, the present last
        self.future = []  # states reachable by redo, the next last

    # --- what a machine knows of the session

    @property
    def shape(self):
        return self.image.shape

    def state(self):
        return {number: self.session.mask_of(number).copy() for number in self.session.objects}

    def said(self, number):
        """1 where the last word on an object was inside, -1 where it was outside."""
        words = np.zeros(self.shape, np.int8)
        for step in self.session._state.history.done:
            if step.object_id == number and isinstance(step.prompt, MaskPrompt):
                words[...] = 0
            elif step.object_id == number and not isinstance(step.prompt, Box):
                area = step.prompt.area
                words[area.bounds.slices][area.mask()] = 1 if step.prompt.positive else -1
        return words

    def others_locked(self):
        locked = self.session.locked - {self.session.active}
        return np.any([self.session.mask_of(n) for n in locked] or [np.zeros(self.shape, bool)], axis=0)

    def did(self, before, edit, newest=None):
        """Record an edit, after a look at what it may have changed."""
        after = self.state()
        assert set(edit.changed_boxes) == {n for n in after if not np.array_equal(before[n], after[n])}
        for number, box in edit.changed_boxes.items():
            assert edit.bits_of(number) == np.packbits(after[number][box.slices]).tobytes()
        for number in self.session.locked:
            assert np.array_equal(before[number], after[number])
        # Everything that changed, of any object, lies in the box that is told; and the box fits.
        own = before[self.session.active] != after[self.session.active]
        other = np.any([before[n] != after[n] for n in after], axis=0)
        if edit.changed_box is None:
            assert not other.any()
        else:
            box = edit.changed_box.slices
            told = np.zeros(self.shape, bool)
            told[box] = True
            assert not (other & ~told).any()
            for axis in range(own.ndim):
                rest = tuple(a for a in range(own.ndim) if a != axis)
                assert own[box].any(axis=rest)[[0, -1]].all()
        if newest is not None and before[self.session.active].any():
            # An edit changes what hangs together with the newest prompt and nothing else.
            parts, _ = ndimage.label(other, np.ones((3,) * own.ndim))
            touched = parts[ndimage.binary_dilation(newest, np.ones((3,) * own.ndim))]
            assert not (other & ~np.isin(parts, touched)).any()
        self.past.append(after)
        self.future.clear()

    def edit(self, prompt, newest, positive):
        """Carry out a prompt; ``positive`` is None where it says nothing of single voxels."""
        before, active = self.state(), self.session.active
        if active in self.session.locked:
            with pytest.raises(PromptError, match="locked"):
                prompt()
            self.check_same(before)
            return
        locked = self.others_locked()
        claimed = {number: self.said(number) > 0 for number in self.session.objects}
        edit = prompt()
        assert np.array_equal(edit.mask, self.session.mask_of(active))
        for number, kept in claimed.items():
            # Voxels prompted inside an object stay in it, unless the newest prompt decides otherwise.
            decided = newest if positive is (number != active) else np.zeros(self.shape, bool)
            assert self.session.mask_of(number)[kept & before[number] & ~decided].all()
        if positive is True:
            assert edit.mask[newest & ~locked].all()
        if positive is False:
            assert not edit.mask[newest].any()
        self.did(before, edit, newest)

    def check_same(self, expected):
        now = self.state()
        assert all(np.array_equal(now[n], expected.get(n, np.zeros(self.shape, bool))) for n in now)

    # --- what may be done

    def voxel(self, data):
        return data.draw(st.tuples(*[st.integers(0, n - 1) for n in self.shape]))

    def blob(self, data, size=3):
        lower = self.voxel(data)
        mask = np.zeros(self.shape, bool)
        mask[tuple(slice(a, a + data.draw(st.integers(1, size))) for a in lower)] = True
        return mask

    @rule(data=st.data(), positive=st.booleans())
    def point(self, data, positive):
        index = self.voxel(data)
        newest = np.zeros(self.shape, bool)
        newest[index] = True
        self.edit(lambda: self.session.add_point(index, positive), newest, positive)

    @rule(data=st.data(), positive=st.booleans(), lasso=st.booleans())
    def stroke(self, data, positive, lasso):
        mask = self.blob(data, 5)
        add = self.session.add_lasso if lasso else self.session.add_scribble
        self.edit(lambda: add(mask, positive), mask, positive)

    @rule(data=st.data())
    def box(self, data):
        mask = self.blob(data, 6)
        where = np.argwhere(mask)
        self.edit(lambda: self.session.add_box(where.min(0), where.max(0) + 1), mask, None)

    @rule(data=st.data(), empty=st.booleans())
    def mask(self, data, empty):
        mask = np.zeros(self.shape, bool) if empty else self.blob(data, 9) | self.blob(data, 2)
        before, active, locked = self.state(), self.session.active, self.others_locked()
        if active in self.session.locked:
            return
        edit = self.session.add_mask(mask) if not empty else self.session.reset()
        assert np.array_equal(edit.mask, mask & ~locked)
        self.did(before, edit)

    @rule()
    def undo(self):
        touched = len(self.past) > 1 and any(
            not np.array_equal(*(past.get(n, np.zeros(self.shape, bool)) for past in self.past[-2:]))
            for n in self.session.locked
        )
        if touched:
            with pytest.raises(PromptError, match="locked"):
                self.session.undo()
        elif len(self.past) == 1:
            assert self.session.undo() is None
        else:
            self.session.undo()
            self.future.append(self.past.pop())
        self.check_same(self.past[-1])

    @rule()
    def redo(self):
        if not self.future:
            assert self.session.redo() is None
        elif any(
            not np.array_equal(self.future[-1].get(n, np.zeros(self.shape, bool)), self.session.mask_of(n))
            for n in self.session.locked
        ):
            with pytest.raises(PromptError, match="locked"):
                self.session.redo()
        else:
            self.session.redo()
            self.past.append(self.future.pop())
        self.check_same(self.past[-1])

    @precondition(lambda self: len(self.session.objects) < 3)
    @rule()
    def new_object(self):
        assert self.session.add_object() == self.session.active

    @rule(data=st.data())
    def select(self, data):
        self.session.select(data.draw(st.sampled_from(self.session.objects)))

    @rule(data=st.data(), lock=st.booleans())
    def lock(self, data, lock):
        number = data.draw(st.sampled_from(self.session.objects))
        (self.session.lock if lock else self.session.unlock)(number)

    @rule(data=st.data())
    def bad_prompt(self, data):
        before = self.state()
        bad = data.draw(st.sampled_from([(-1,) * len(self.shape), (0,) * 4, (np.nan,) * len(self.shape), self.shape]))
        with pytest.raises(PromptError):
            self.session.add_point(bad)
        self.check_same(before)

    # --- what always holds

    @invariant()
    def the_state_is_the_one_expected(self):
        self.check_same(self.past[-1])

    @invariant()
    def no_voxel_belongs_to_two_objects(self):
        assert np.sum([self.session.mask_of(n) for n in self.session.objects], axis=0).max() <= 1

    @invariant()
    def the_target_shows_the_objects(self):
        expected = np.zeros(self.shape, np.uint8)
        for number in self.session.objects:
            expected[self.session.mask_of(number)] = number
        assert np.array_equal(self.label_target, expected)

    @invariant()
    def what_was_last_said_to_be_outside_is_outside(self):
        for number in self.session.objects:
            assert not self.session.mask_of(number)[self.said(number) < 0].any()

    def check_replay(self):
        text = self.session.to_log()
        again = AssistSession.from_log(text, self.image, Discs())
        assert again.active == self.session.active
        assert again.locked == self.session.locked
        self_state = self.state()
        assert all(np.array_equal(again.mask_of(n), self_state[n]) for n in self.session.objects)
        assert again.to_log() == text
        for number in again.locked:
            again.unlock(number)
        for expected in reversed(self.past[:-1]):
            again.undo()
            now = {n: again.mask_of(n) for n in again.objects}
            assert all(np.array_equal(now[n], expected.get(n, np.zeros(self.shape, bool))) for n in now)
        assert again.undo() is None


SessionMachine.TestCase.settings = settings(deadline=None, max_examples=80, stateful_step_count=20, phases=PHASES)
TestSession = SessionMachine.TestCase
