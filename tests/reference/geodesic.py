"""Geodesic distances the plain way: Dijkstra with a heap, in pure Python."""

import heapq
import itertools
import math

import numpy as np


def geodesic_distance(image, seeds, spacing_mm, contrast, limit=math.inf):
    """Length of the shortest path to a seed; infinite beyond the limit."""
    color = image.ndim > seeds.ndim
    steps = [step for step in itertools.product((-1, 0, 1), repeat=seeds.ndim) if any(step)]
    distances = {tuple(map(int, seed)): 0.0 for seed in np.argwhere(seeds)}
    heap = [(0.0, seed) for seed in distances]
    done = set()
    while heap:
        so_far, here = heapq.heappop(heap)
        if here in done:
            continue
        done.add(here)
        for step in steps:
            there = tuple(a + b for a, b in zip(here, step, strict=True))
            if not all(0 <= at < size for at, size in zip(there, seeds.shape, strict=True)):
                continue
            mine, other = (image[at] if color else image[at][None] for at in (here, there))
            changes = [contrast * (float(b) - float(a)) for a, b in zip(mine, other, strict=True)]
            millimetres = [s * mm for s, mm in zip(step, spacing_mm, strict=True)]
            now = so_far + math.sqrt(sum(s * s for s in millimetres) + sum(c * c for c in changes))
            if now <= limit and now < distances.get(there, math.inf):
                distances[there] = now
                heapq.heappush(heap, (now, there))
    found = np.full(seeds.shape, np.inf, np.float32)
    for place, distance in distances.items():
        found[place] = distance
    return found
