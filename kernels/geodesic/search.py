"""Exact shortest paths on a voxel grid: Dijkstra's order from buckets instead of a heap.

Voxels wait in buckets of equal key, which is their distance so far divided by the bucket's width. Buckets are emptied
in order of their keys, and a voxel that gets shorter while its bucket is emptied waits there again (delta-stepping;
Meyer and Sanders, J. Algorithms 2003). Each distance ends as the smallest sum over all paths, whatever the width: that
only decides the speed. With the shortest step as the width a voxel is looked at once.

Keys may be far apart, since ``contrast`` has no bound: buckets are the lists of a number with 256 values a digit,
and a list of a higher digit is spread over the lower ones when the search comes to it (Denardo and Fox, Operations
Research 1979). Lists are linked through a pool that grows with the front of the search, not with the image.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.geodesic.grid import Grid
from maskwright.kernels.threads import kernel, leaf_kernel

_BITS = 8
_DIGITS = 1 << _BITS
_LEVELS = 8
_WAITING = _LEVELS * _DIGITS  # the list that is being worked on
_LAST_KEY = 2.0**60  # larger keys share one bucket
_NONE = -1  # the end of a list
_SAMPLES = 4096


def spread(grid: Grid, contrast: float, limit: float) -> NDArray[np.float64]:
    """Return the distances of the grid's inner voxels; those beyond ``limit`` are larger than it."""
    unreached = math.nextafter(limit, math.inf)  # only what is within the limit is smaller
    distances = grid.start(unreached)
    graph = (grid.channels, grid.offsets, grid.squared_steps, float(contrast))
    seeds = grid.seeds.astype(np.int32 if distances.size < 2**31 else np.int64)  # the lists are of this type too
    _search(graph, seeds, distances.reshape(-1), unreached, min(1 / _bucket_width(grid, contrast), 1e300))
    return distances[grid.inner]


def _bucket_width(grid: Grid, contrast: float) -> float:
    """Return the shortest step, or a quarter of a usual one where contrast makes that longer: fastest as measured."""
    shortest = math.sqrt(grid.squared_steps.min())
    voxels = grid.channels.shape[1]
    at = np.arange(0, voxels - 1, max(voxels // _SAMPLES, 1))
    changes = grid.channels[:, at + 1].astype(np.float64) - grid.channels[:, at]
    usual = contrast * math.sqrt(np.median((changes**2).sum(axis=0)))
    return max(shortest, min(usual / 4, 1e300))


@kernel
def _search(graph, seeds, distances, unreached, per_width):  # type: ignore[no-untyped-def]
    """Lower ``distances``, which are 0 on seeds, until no path is shorter."""
    neighbours = graph[1].size
    first = np.full(_WAITING + 1, _NONE, seeds.dtype)
    following = np.empty(2 * (seeds.size + neighbours), seeds.dtype)
    voxels = np.empty(following.size, seeds.dtype)
    pool = np.array([_NONE, 0])  # the list of free entries, and how many were ever used
    front = (first, following, voxels, pool)
    lengths = np.empty(neighbours)
    for i in range(seeds.size):
        _push(np.int64(seeds[i]), np.int64(0), front)
    key = np.int64(0)
    while key >= 0:
        lowest = key & (_DIGITS - 1)
        first[_WAITING], first[lowest] = first[lowest], _NONE
        while not _settle(key, front, graph, distances, unreached, per_width, lengths):
            front = (first, _twice(front[1]), _twice(front[2]), pool)
        key = _next_key(key, front, distances, per_width)


@leaf_kernel
def _settle(key, front, graph, distances, unreached, per_width, lengths):  # type: ignore[no-untyped-def]
    """Go on from each waiting voxel to its neighbours; false when the pool must grow first."""
    first, following, voxels, pool = front
    channels, offsets, squared_steps, contrast = graph
    while first[_WAITING] != _NONE:
        if pool[1] + offsets.size > voxels.size:
            return False
        entry = first[_WAITING]
        here = np.int64(voxels[entry])
        first[_WAITING] = following[entry]
        _free(entry, following, pool)
        if _key(distances[here], per_width) != key:
            continue  # it got shorter since and had its turn
        # The lengths of the paths through here to its neighbours: no branches, so that LLVM vectorises the loops.
        for i in range(offsets.size):
            lengths[i] = squared_steps[i]
        for channel in range(channels.shape[0]):
            values = channels[channel]
            mine = np.float64(values[here])
            for i in range(offsets.size):
                change = contrast * (values[here + offsets[i]] - mine)
                lengths[i] += change * change
        so_far = distances[here]
        for i in range(offsets.size):
            lengths[i] = so_far + math.sqrt(lengths[i])
        for i in range(offsets.size):
            neighbour = here + offsets[i]
            before, now = distances[neighbour], lengths[i]
            if now < before:
                distances[neighbour] = now
                new_key = _key(now, per_width)
                # It waits in a later bucket already if it had this key before.
                if new_key == key or before == unreached or _key(before, per_width) != new_key:
                    _push(neighbour, _slot(new_key, key), front)
    return True


@leaf_kernel
def _next_key(key, front, distances, per_width):  # type: ignore[no-untyped-def]
    """Return the smallest key that has a list, at least ``key``, and see that it is a list of the lowest digit."""
    first = front[0]
    for digit in range(key & (_DIGITS - 1), _DIGITS):
        if first[digit] != _NONE:
            return (key & ~(_DIGITS - 1)) | digit
    for level in range(1, _LEVELS):
        for digit in range(((key >> (_BITS * level)) & (_DIGITS - 1)) + 1, _DIGITS):
            if first[level * _DIGITS + digit] != _NONE:
                lowest_key = _lower(level, digit, key, front, distances, per_width)
                if lowest_key >= 0:
                    return lowest_key
    return np.int64(-1)


@leaf_kernel
def _lower(level, digit, key, front, distances, per_width):  # type: ignore[no-untyped-def]
    """Spread one list over lower levels and return its smallest key, or -1 if all in it had their turn."""
    first, following, voxels, pool = front
    above = _BITS * (level + 1)
    floor = (key >> above << above) | (np.int64(digit) << (_BITS * level))
    smallest = np.int64(-1)
    entry = first[level * _DIGITS + digit]
    while entry != _NONE:
        mine = _key(distances[voxels[entry]], per_width)
        if mine >= floor and (smallest < 0 or mine < smallest):
            smallest = mine
        entry = following[entry]
    entry = first[level * _DIGITS + digit]
    first[level * _DIGITS + digit] = _NONE
    while entry != _NONE:
        after = following[entry]
        mine = _key(distances[voxels[entry]], per_width)
        if mine >= floor:
            slot = _slot(mine, smallest)
            following[entry] = first[slot]
            first[slot] = entry
        else:
            _free(entry, following, pool)
        entry = after
    return smallest


@leaf_kernel
def _key(distance, per_width):  # type: ignore[no-untyped-def]
    return np.int64(min(distance * per_width, _LAST_KEY))


@leaf_kernel
def _slot(key, current):  # type: ignore[no-untyped-def]
    """Return the list of ``key``: the highest digit in which it differs from the current one, and its value."""
    level, differing = 0, key ^ current
    while differing >= _DIGITS:
        differing >>= _BITS
        level += 1
    return level * _DIGITS + ((key >> (_BITS * level)) & (_DIGITS - 1))


@leaf_kernel
def _push(voxel, slot, front):  # type: ignore[no-untyped-def]
    first, following, voxels, pool = front
    entry = pool[0]
    if entry != _NONE:
        pool[0] = following[entry]
    else:
        entry = pool[1]
        pool[1] += 1
    voxels[entry] = voxel
    following[entry] = first[slot]
    first[slot] = entry


@leaf_kernel
def _free(entry, following, pool):  # type: ignore[no-untyped-def]
    following[entry] = pool[0]
    pool[0] = entry


@kernel
def _twice(array):  # type: ignore[no-untyped-def]
    larger = np.empty(2 * array.size, array.dtype)
    for i in range(array.size):  # assigning a slice would take longer to compile than all else here
        larger[i] = array[i]
    return larger
