"""The contract of ``methods/method.py``, which every method in the registry passes. A new row is tested by itself."""

import itertools
from contextlib import contextmanager

import numpy as np
import pytest
from scipy import ndimage

from maskwright.errors import ConfigError, InputError, PromptError
from maskwright.interactive.crop import Crop
from maskwright.interactive.image import Image
from maskwright.interactive.methods import registry
from maskwright.interactive.methods.method import Supports, TaskMethod
from maskwright.interactive.methods.registry import METHODS, load_method
from maskwright.interactive.methods.task import Task
from maskwright.interactive.sessions.session import AssistSession

DRAWN = frozenset({"point", "scribble", "lasso"})
KINDS = {"2-D": ((30, 36), False), "3-D": ((8, 26, 30), False), "2-D colour": ((30, 36), True)}


def image_of(kind, seed=0):
    """Return an image of a bright ball on noise, read-only."""
    shape, color = KINDS[kind]
    rng = np.random.default_rng(seed)
    grid = np.indices(shape)
    radius = np.sqrt(sum(((axis - n / 2) * (30 / n)) ** 2 for axis, n in zip(grid, shape)))
    array = (radius < 8) * 100 + ndimage.gaussian_filter(rng.normal(size=shape), 1) * 10
    array = np.stack([array, array / 2, 120 - array], -1) if color else array
    array = array.astype(np.float32)
    array.flags.writeable = False
    return Image.of(array, (2.0, 1.0, 1.0)[-len(shape) :], color)


def task_on(image, positive=(), negative=(), box=None, previous=None):
    """Return a task on a whole image, all its arrays read-only; the last voxel is the newest prompt."""
    masks = [np.zeros(image.shape, bool) for _ in range(3)]
    for mask, voxels in zip(masks, (positive, negative, [*positive, *negative][-1:])):
        for voxel in voxels:
            mask[voxel] = True
    if box is not None:
        masks[2][tuple(map(slice, *box))] = True
    array = image.crop(Crop((0,) * image.ndim, image.shape))
    for each in (array, *masks, *([] if previous is None else [previous])):
        each.flags.writeable = False
    count = len(positive) + len(negative) + (box is not None) + (previous is not None)
    common = image.color, image.intensity_range, image.spacing_mm
    return Task(array, *common, *masks[:2], box, previous, masks[2], not negative, count)


def tasks_on(image, method):
    """Return the tasks that a method takes, by name: clicks, boxes, and corrections of either sense."""
    middle = tuple(n // 2 for n in image.shape)
    corner = (1,) * image.ndim
    box = tuple(n // 5 for n in image.shape), tuple(n - n // 5 for n in image.shape)
    half = np.zeros(image.shape, bool)
    half[tuple(slice(n // 4, n // 2) for n in image.shape)] = True
    clicks = {
        "a click": task_on(image, [middle]),
        "a click that adds": task_on(image, [middle], previous=half.copy()),
        "a click that takes away": task_on(image, [middle], [corner], previous=half.copy()),
    }
    boxes = {
        "a box": task_on(image, box=box),
        "a box around a mask": task_on(image, box=box, previous=half.copy()),
    }
    draws, takes_boxes = method.supports.prompts & DRAWN, "box" in method.supports.prompts
    both = {"a click in a box": task_on(image, [middle], box=box)}
    return (clicks if draws else {}) | (boxes if takes_boxes else {}) | (both if draws and takes_boxes else {})


@contextmanager
def naming(*names):
    """Let whatever fails say the method, the kind of image and the task."""
    try:
        yield
    except Exception as error:
        error.add_note(f"in the contract of methods: {', '.join(names)}")
        raise


def supported_kinds(method):
    return [kind for kind, (shape, color) in KINDS.items()
            if len(shape) in method.supports.dims and (method.supports.color or not color)]  # fmt: skip


def clicked(task):
    assert task.positive.any() or task.negative.any()
    assert task.box is None
    return task.positive if task.previous is None else (task.positive | task.previous) & ~task.negative


def boxed(task):
    assert not task.positive.any()
    mask = np.zeros(task.positive.shape, bool)
    mask[tuple(map(slice, *task.box))] = True
    return mask


PARTIAL = {
    "clicks": TaskMethod("clicks", clicked, Supports(prompts=frozenset({"point"}))),
    "boxes": TaskMethod("boxes", boxed, Supports(prompts=frozenset({"box"}), dims=frozenset({2}), color=False)),
}
"""Methods that take some prompts and images alone, which the contract honours."""


@pytest.fixture(params=[*METHODS, *PARTIAL])
def method(request):
    return PARTIAL.get(request.param) or load_method(request.param)


def test_a_method_names_itself_and_the_origin_of_its_masks(method):
    provenance = method.provenance()
    assert (method.name, provenance["name"]) == (method.name, method.name)
    assert provenance["version"]
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in provenance.items())


def test_a_method_supports_something(method):
    assert method.supports.dims <= {2, 3}
    assert method.supports.prompts
    assert method.supports.prompts <= {*DRAWN, "box"}
    assert supported_kinds(method)


def test_masks_have_the_shape_of_the_task(method):
    for kind in supported_kinds(method):
        image = image_of(kind)
        segmenter = method.open(image)
        for name, task in tasks_on(image, method).items():
            with naming(method.name, kind, name):
                mask = segmenter.segment(task)
                assert (mask.shape, mask.dtype) == (image.shape, np.bool_)
                assert mask.any()
        segmenter.close()


def test_masks_repeat_and_nothing_is_written_to(method):
    """Images and tasks are read-only here; neither the order of tasks nor another image at once makes a difference."""
    for kind in supported_kinds(method):
        image, other = image_of(kind), image_of(kind, seed=1)
        before = image.array.copy()
        first, second, beside = method.open(image), method.open(image), method.open(other)
        tasks, masks = tasks_on(image, method), {}
        for name, disturbing in tasks_on(other, method).items():
            with naming(method.name, kind, name):
                masks[name] = first.segment(tasks[name]).copy()
                beside.segment(disturbing)
        for name in reversed(tasks):
            with naming(method.name, kind, name):
                np.testing.assert_array_equal(second.segment(tasks[name]), masks[name])
        with naming(method.name, kind):
            np.testing.assert_array_equal(image.array, before)


def test_without_anything_prompted_inside_the_mask_is_empty(method):
    for kind in supported_kinds(method) if method.supports.prompts & DRAWN else ():
        image = image_of(kind)
        task = task_on(image, negative=[(1,) * image.ndim])
        with naming(method.name, kind, "a negative click"):
            assert not method.open(image).segment(task).any()


def test_empty_prompts_are_refused(method):
    for kind in supported_kinds(method):
        image = image_of(kind)
        session = AssistSession(method)
        session.set_image(image)
        nothing = np.zeros(image.shape, bool)
        for add in (session.add_scribble, session.add_lasso):
            with pytest.raises(PromptError, match="empty"):
                add(nothing)
        assert session.events == ()


def test_closing_twice_does_nothing_more(method):
    image = image_of(supported_kinds(method)[0])
    segmenter, other = method.open(image), method.open(image)
    segmenter.close()
    segmenter.close()
    assert other.segment(next(iter(tasks_on(image, method).values()))).any()


def test_a_session_closes_its_segmenter():
    calls = []

    class Counting(TaskMethod):
        def open(self, image):
            calls.append("open")
            return self

        def close(self):
            calls.append("close")

    session = AssistSession(Counting("counting", lambda task: task.positive))
    session.set_image(image_of("2-D"))
    session.clear()
    assert calls == ["open"]
    session.set_image(image_of("2-D"))
    session.close()
    session.close()
    assert calls == ["open", "open", "close", "close"]


def test_a_model_embeds_an_image_once():
    """A model with an embedding and a device: opened with the image, released with the session."""
    released = []

    class Embedded:
        name, supports = "embedded", Supports(prompts=frozenset({"point"}))

        def provenance(self):
            return {"name": self.name, "version": "1", "model": "0" * 16, "provider": "cpu"}

        def open(self, image):
            return EmbeddedSegmenter(image.array > image.array.mean())

    class EmbeddedSegmenter:
        def __init__(self, embedding):
            self.embedding = embedding

        def segment(self, task):
            assert self.embedding.shape == task.positive.shape
            return self.embedding

        def close(self):
            released.append(self.embedding.shape)
            self.embedding = None

    session = AssistSession(Embedded())
    session.set_image(image_of("2-D"))
    assert session.add_point((15, 18)).mask.any()
    session.clear()
    assert session.add_point((15, 18)).mask.any()
    assert session.header().method["model"] == "0" * 16
    session.close()
    assert released == [(30, 36)]


def test_images_that_a_method_does_not_support_are_refused():
    for dims, color in itertools.product(({2}, {3}), (False, True)):
        method = TaskMethod("some", lambda task: task.positive, Supports(dims=frozenset(dims), color=color))
        for kind in KINDS:
            session = AssistSession(method)
            if kind in supported_kinds(method):
                session.set_image(image_of(kind))
            else:
                with pytest.raises(InputError, match=r"some does not work on .*; choose one of: network, geodesic"):
                    session.set_image(image_of(kind))


def test_prompts_that_a_method_does_not_support_are_refused():
    method = TaskMethod("boxes only", lambda task: task.newest, Supports(prompts=frozenset({"box"})))
    session = AssistSession(method)
    session.set_image(image_of("2-D"))
    with pytest.raises(PromptError, match="the method boxes only takes no point; expected box"):
        session.add_point((3, 3))
    session.add_box((3, 3), (6, 6))
    assert session.add_mask(np.ones((30, 36), bool)).mask.all()  # needs no method
    assert len(session.events) == 2


def test_a_name_that_is_not_in_the_registry_is_refused():
    with pytest.raises(ConfigError, match="expected one of network"):
        load_method("magic")


def test_a_row_whose_module_has_no_method_of_that_name_is_refused(monkeypatch):
    monkeypatch.setitem(registry._MODULES, "empty", "features")
    with pytest.raises(ConfigError, match=r"methods\.features has no METHOD; expected METHOD, a Method called 'empty'"):
        load_method("empty")
    monkeypatch.setitem(registry._MODULES, "other", "geodesic")
    with pytest.raises(ConfigError, match=r"methods\.geodesic has the METHOD 'geodesic'; .* called 'other'"):
        load_method("other")


def test_a_failure_says_the_method_the_kind_and_the_task():
    with pytest.raises(AssertionError) as caught, naming("some", "2-D", "a click"):
        raise AssertionError
    assert caught.value.__notes__ == ["in the contract of methods: some, 2-D, a click"]
