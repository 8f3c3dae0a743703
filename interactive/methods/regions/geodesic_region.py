"""A prompt to a region at full resolution: what the newest prompt adds to the mask, or takes from it.

Prompts are answered one by one. The first one grows into an object; each further one says of a place that it is wrong
there, and what hangs together with that place is added or taken away. All else stays as it was.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from maskwright.interactive.methods.features import Sight, look
from maskwright.interactive.methods.regions.downsampling import Halving
from maskwright.interactive.methods.regions.level_set import Proposal, Wanted, best_level
from maskwright.interactive.methods.regions.scribbles import compete
from maskwright.interactive.methods.task import Task
from maskwright.kernels.components import label_components
from maskwright.kernels.distance import distance_to, distance_transform
from maskwright.kernels.geodesic import geodesic_distance

Mask = NDArray[np.bool_]
Window = tuple[slice, ...]

# A first region has at least so many voxels and at most this share of what is seen, is rather small, and the prompt
# is rather in its middle.
LEAST_VOXELS = 12
MOST_SHARE = 0.4
SMALLNESS, CENTREDNESS = 3.0, 1.0
# How sure the size of a correction is; in 3-D a wrong part is more often a shell than a ball.
# A part that is an island is smaller than its distance to the mask says.
STRICTNESS = {2: 1.0, 3: 0.5}
STRICTNESS_BELOW = 0.25
LEAST_SHARE = 0.02
# So many voxels are looked at around strokes that compete.
STROKE_MARGIN = 32
# A correction is looked for within so many depths of the prompt, and so many voxels more.
REACH, MARGIN = 7.0, 12
# Leaving the wrong part of the mask costs a path as much as the whole range of intensities.
WALL = 1.0
TRUST = 0.5
# A window of more voxels is looked at at half the resolution: an edit should feel immediate.
LARGE = {2: 100_000, 3: 150_000}


def grow_region(task: Task, proposal: Proposal | None = None) -> Mask:
    """Return the object's mask after the newest prompt.

    Parameters
    ----------
    task : Task
        The region, all prompts, and the mask before this prompt (see ``Task``).
    proposal : Proposal, of the region's spatial shape, or None
        What somebody else, a network say, thinks is inside. It counts for the extent; where the border runs, the
        image decides.

    Returns
    -------
    bool, the region's spatial shape
        Positive prompts are inside and negative ones outside. Where the newest prompt agrees with the mask already,
        the mask is as it was. Empty if there is nothing to start from: no positive prompt and no box.

    Notes
    -----
    Two strokes of both senses compete for the image (``compete``). Otherwise a region is a level set of the geodesic
    distance from the prompt, the one with the weakest border for its size (``best_level``). A correction starts from
    a place at some depth inside the wrong part of the mask. An annotator points to the middle of what is wrong, so
    the part is expected to be about a ball of that depth.
    """
    if task.strokes_compete:
        mask = _stroked(task)
    elif task.previous is None or not task.previous.any():
        mask = _begun(task, proposal)
    else:
        mask = _corrected(task, task.previous, proposal)
    return (mask | task.positive) & ~task.negative


def _begun(task: Task, proposal: Proposal | None) -> Mask:
    """Return the first mask. In a large region it is found at half the resolution, and once more where it is small."""
    if task.positive.size <= LARGE[task.positive.ndim]:
        return _first(task, proposal)
    halving = Halving.of(task)
    coarse = halving.task(task)
    cells = _first(coarse, None if proposal is None else halving.proposal(proposal))
    mask = halving.back(cells)
    if not mask.any():
        return mask
    lower, upper = _ends(mask)
    window = _window(lower, upper, [b - a + MARGIN for a, b in zip(lower, upper)], mask.shape)
    if mask[window].size <= LARGE[mask.ndim]:
        mask[window] = _first(_cropped(task, window), _seen_in(proposal, window), size=int(mask.sum()))
        return mask
    return np.asarray(_soft(mask, task.spacing_mm) > 0.5)


def _stroked(task: Task) -> Mask:
    """Let the strokes compete around what was prompted and what was the mask; keep what hangs together with them."""
    shown = task.positive | task.negative
    if task.previous is not None:
        shown |= task.previous
    margins = [math.ceil(STROKE_MARGIN * min(task.spacing_mm) / step) for step in task.spacing_mm]
    window = _window(*_ends(shown), margins, shown.shape)
    sight = look(task.image, window, task.intensity_range, task.spacing_mm, task.noise)
    won = compete(sight, task.positive[window], task.negative[window], task.color)
    mask = np.zeros(shown.shape, np.bool_)
    mask[window] = _connected(won, task.positive[window])
    return mask


def _cropped(task: Task, window: Window) -> Task:
    """Return the task in a window. A box is cut to it."""
    box = None
    if task.box is not None:
        starts = tuple(max(0, a - w.start) for a, w in zip(task.box[0], window))
        stops = tuple(min(w.stop, b) - w.start for b, w in zip(task.box[1], window))
        box = starts, stops
    masks = {name: getattr(task, name)[window] for name in ("positive", "negative", "latest")}
    return replace(task, image=task.image[window], box=box, previous=None, **masks)


def _seen_in(proposal: Proposal | None, window: Window) -> Proposal | None:
    return None if proposal is None else Proposal(proposal.inside[window], proposal.seen[window])


def _first(task: Task, proposal: Proposal | None, size: int | None = None) -> Mask:
    """Grow the positive prompts, or the middle of the box, to a region, of about so many voxels if that is known."""
    shape = task.positive.shape
    seeds, window = task.positive, (slice(None),) * len(shape)
    if task.box is not None:
        window = tuple(slice(a, b) for a, b in zip(*task.box))
        if not seeds[window].any():
            seeds = _middle(shape, task.box)
    mask = np.zeros(shape, np.bool_)
    if not seeds[window].any():
        return mask
    sight = look(task.image, window, task.intensity_range, task.spacing_mm, task.noise)
    seen = seeds[window]
    distance = geodesic_distance(sight.values, seen, task.spacing_mm, contrast=sight.contrast)
    domain = _nearer(sight, distance, task.negative[window], seen)
    unit = sight.voxel_size
    if size is not None:
        wanted = Wanted(size=size * unit)
    elif task.box is None:
        wanted = _of_unknown_size(seen, sight)
    else:  # most objects fill a box by half to three quarters
        wanted = Wanted(size=0.65 * seen.size * unit, strictness=2.0)
    if proposal is not None:
        inside = _connected(proposal.inside[window] & domain, seen)
        wanted = replace(wanted, proposal=Proposal(inside, proposal.seen[window]), trust=TRUST)
    mask[window] = _soft(best_level(distance, domain, sight, wanted), task.spacing_mm) > 0.5
    return mask


def _of_unknown_size(seeds: Mask, sight: Sight) -> Wanted:
    """Return what is wanted of a region of which nothing but its seeds is known."""
    return Wanted(
        least=LEAST_VOXELS * sight.voxel_size,
        most=max(MOST_SHARE * seeds.size, 2 * seeds.sum()) * sight.voxel_size,
        smallness=SMALLNESS,
        middle=tuple(float(i) for i in np.argwhere(seeds).mean(axis=0)),
        centredness=CENTREDNESS,
    )


def _corrected(task: Task, previous: Mask, proposal: Proposal | None) -> Mask:
    """Add the wrong region under the newest prompt to the mask, or take it away.

    Where it is expected to be large it is found at half the resolution.
    """
    wrong = ~previous if task.latest_positive else previous
    seeds = task.latest & wrong
    if not seeds.any():
        return previous
    window, depth_mm = _around(seeds, wrong, task.spacing_mm)
    if previous[window].size <= LARGE[previous.ndim]:
        return _changed(task, previous, proposal, (window, depth_mm))
    halving = Halving.of(task)
    coarse = halving.task(task)
    assert coarse.previous is not None
    change = coarse.previous ^ _corrected(
        coarse, coarse.previous, None if proposal is None else halving.proposal(proposal)
    )
    if not change.any():
        return previous
    turned = halving.back(change) & wrong
    mask = previous ^ turned
    lower, upper = _ends(turned)
    near = _window(lower, upper, [3] * mask.ndim, mask.shape)
    mask[near] = np.where(
        _soft(turned[near], task.spacing_mm) > 0.02, _soft(mask[near], task.spacing_mm) > 0.5, mask[near]
    )
    return mask


def _changed(task: Task, previous: Mask, proposal: Proposal | None, place: tuple[Window, float]) -> Mask:
    """Return the mask with the best region in a window, at a depth in mm, added or taken away."""
    window, depth_mm = place
    wrong = ~previous if task.latest_positive else previous
    seeds = task.latest & wrong
    sight = look(task.image, window, task.intensity_range, task.spacing_mm, task.noise)
    domain, seen = wrong[window], seeds[window]
    distance = geodesic_distance(_walled(sight.values, domain), seen, task.spacing_mm, contrast=sight.contrast)
    against = (task.negative if task.latest_positive else task.positive)[window]
    free = _nearer(sight, distance, against, seen) & domain
    size = _expected_size(seen, depth_mm, sight)
    if task.latest_positive and size > int(np.count_nonzero(previous)) * sight.voxel_size:
        # So far from the mask it is an island: as little is known of its size as of that of a first region.
        wanted = replace(_of_unknown_size(seen, sight), most=size)
    else:
        wanted = Wanted(
            size=size, strictness=STRICTNESS[seen.ndim], strictness_below=STRICTNESS_BELOW, least=LEAST_SHARE * size
        )
    if proposal is not None:
        thought = proposal.inside[window] if task.latest_positive else ~proposal.inside[window]
        change = _connected(thought & free & proposal.seen[window], seen)
        wanted = replace(wanted, proposal=Proposal(change, proposal.seen[window]), trust=TRUST)
    region = best_level(distance, free, sight, wanted)
    mask = previous.copy()
    mask[window] = _merged(previous[window], region, task.latest_positive, sight)
    return mask


def _around(seeds: Mask, wrong: Mask, spacing_mm: tuple[float, ...]) -> tuple[Window, float]:
    """Return the window that a correction can reach, and how deep inside the wrong part it was pointed to, in mm."""
    lower, upper = _ends(seeds)
    half = max(spacing_mm) * 8
    while True:  # the depth in a window is right if it is less than the way to the window's border
        window = _window(lower, upper, [math.ceil(half / step) for step in spacing_mm], seeds.shape)
        depth_mm = _depth(seeds[window], wrong[window], spacing_mm)
        whole = all(w == slice(0, n) for w, n in zip(window, seeds.shape))
        if depth_mm <= half or whole:
            break
        half *= 3
    if not math.isfinite(depth_mm):  # nothing but the wrong part is seen
        depth_mm = 0.25 * min(n * step for n, step in zip(seeds.shape, spacing_mm) if n > 1)
    margins = [math.ceil(REACH * depth_mm / step) + MARGIN for step in spacing_mm]
    return _window(lower, upper, margins, seeds.shape), depth_mm


def _depth(seeds: Mask, wrong: Mask, spacing_mm: tuple[float, ...]) -> float:
    """Return the largest distance of a seed to what is not wrong; infinite where all is wrong."""
    places = np.argwhere(seeds)
    if len(places) > 1:
        return float(distance_transform(wrong, spacing_mm)[seeds].max())
    squares = [((np.arange(n) - i) * step) ** 2 for n, i, step in zip(seeds.shape, places[0], spacing_mm)]
    total = squares[0]
    for more in squares[1:]:  # for a click, quicker than a transform
        total = total[..., None] + more
    right = total[~wrong]
    return math.sqrt(float(right.min())) if right.size else math.inf


def _ends(mask: Mask) -> tuple[list[int], list[int]]:
    """Return the half-open box of a mask that is not empty."""
    lower, upper = [], []
    for axis in range(mask.ndim):
        places = np.flatnonzero(mask.any(axis=tuple(k for k in range(mask.ndim) if k != axis)))
        lower.append(int(places[0]))
        upper.append(int(places[-1]) + 1)
    return lower, upper


def _window(lower: list[int], upper: list[int], margins: list[int], shape: tuple[int, ...]) -> Window:
    return tuple(slice(max(0, a - m), min(n, b + m)) for a, b, m, n in zip(lower, upper, margins, shape))


def _walled(values: NDArray[np.float32], domain: Mask) -> NDArray[np.float32]:
    """Return the values with a channel that makes the border of the domain a wall."""
    channels = values if values.ndim > domain.ndim else values[..., None]
    return np.concatenate([channels, (domain * np.float32(WALL))[..., None]], axis=-1)


def _nearer(sight: Sight, distance: NDArray[np.float32], against: Mask, seeds: Mask) -> Mask:
    """Return where no prompt of the other sense is nearer."""
    others = against & ~seeds
    if not others.any():
        return np.ones(seeds.shape, np.bool_)
    away = geodesic_distance(sight.values, others, sight.spacing_mm, contrast=sight.contrast)
    return np.asarray((distance <= away) & ~others)


def _expected_size(seeds: Mask, depth_mm: float, sight: Sight) -> float:
    """Return the volume, in units, of what lies within ``depth_mm`` of the seeds."""
    radius = max(depth_mm, sight.unit_mm) / sight.unit_mm
    if int(seeds.sum()) == 1:
        return math.pi * radius**2 if seeds.ndim == 2 else 4 / 3 * math.pi * radius**3
    return float((distance_to(seeds, sight.spacing_mm) <= radius * sight.unit_mm).sum()) * sight.voxel_size


def _connected(mask: Mask, seeds: Mask) -> Mask:
    """Return the components of a mask that hold a seed; all of it where none does."""
    parts = label_components(mask)
    wanted = np.zeros(parts.count + 1, np.bool_)
    wanted[parts.labels[seeds]] = True
    wanted[0] = False
    return np.asarray(wanted[parts.labels]) if wanted.any() else mask


def _middle(shape: tuple[int, ...], box: tuple[tuple[int, ...], tuple[int, ...]]) -> Mask:
    """Return the inner fifth of a box along each axis, at least a voxel."""
    seeds = np.zeros(shape, np.bool_)
    starts = [(3 * a + 2 * b) // 5 for a, b in zip(*box)]
    stops = [(2 * a + 3 * b) // 5 for a, b in zip(*box)]
    seeds[tuple(slice(a, max(b, a + 1)) for a, b in zip(starts, stops))] = True
    return seeds


def _soft(mask: Mask, spacing_mm: tuple[float, ...]) -> NDArray[np.float32]:
    """Return the mask blurred by about a voxel of the finest axis."""
    sigmas = [min(spacing_mm) / step for step in spacing_mm]
    soft: NDArray[np.float32] = gaussian_filter(mask.astype(np.float32), sigmas, truncate=3.0)
    return soft


def _merged(previous: Mask, region: Mask, positive: bool, sight: Sight) -> Mask:
    """Return the mask with the region added or taken away, smoothed only near the region."""
    mask = previous | region if positive else previous & ~region
    return np.where(_soft(region, sight.spacing_mm) > 0.02, _soft(mask, sight.spacing_mm) > 0.5, mask)
