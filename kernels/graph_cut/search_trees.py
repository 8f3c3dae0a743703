"""Maximum flow by two breadth-first search trees, which live on from one augmenting path to the next.

Incremental breadth-first search: Goldberg, Hed, Kaplan, Tarjan and Werneck, "Maximum flows by incremental breadth-first
search", ESA 2011. One tree grows from the source and one to the sink, a level at a time. Where they touch, flow is
pushed. Nodes whose edge to their parent is then full are orphans: each takes a parent on the level above its own, or
moves to the first level below where it finds one (its children become orphans), or leaves the tree. A level is thus
the distance to the terminal: paths are shortest, which bounds their number, as it is not bounded for the trees of
Boykov and Kolmogorov (IEEE PAMI 26, 2004). One thread, fixed order: always the same result.

LEVEL is 1 and more in the source's tree, -1 and less in the sink's, 0 in none. PARENT is the slot of the parent or one
of the values below. A ``side`` is 0 for the source and 1 for the sink; what holds for one holds for the other with all
edges turned round.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskwright.kernels.graph_cut.network import EXCESS, LEVEL, PARENT, RESIDUAL, WAITS
from maskwright.kernels.threads import leaf_kernel

_ROOT, _ORPHAN, _NONE = 6, 7, 8
_UNLIMITED = 2**31 - 1


def source_side(nodes: NDArray[np.int32], slots: int) -> NDArray[np.bool_]:
    """Return which nodes the source still reaches when the flow is maximal: the smallest source side of a least cut.

    ``nodes`` is what ``network.build`` returns, and is used up; ``slots`` is 4 in 2-D and 6 in 3-D.
    """
    rows = nodes.shape[0]
    # Stacks of the nodes to grow from, of odd and even level, for each side. WAITS has a bit for each stack that the
    # node lies in. What is on a stack may have moved to another level or tree since.
    stacks, tops = np.empty((4, rows), np.int32), np.zeros(4, np.int64)
    orphans = np.empty(rows, np.int32)
    _send_all(nodes, slots, np.ones(2, np.int64), stacks, tops, orphans)
    reached = np.zeros(rows, np.bool_)
    _mark_reached(nodes, slots, reached, orphans)
    return reached[:-1]


@leaf_kernel
def _send_all(nodes, slots, depths, stacks, tops, orphans):  # type: ignore[no-untyped-def]
    """Push flow until no more fits. ``depths`` is the lowest complete level of either tree, 1 to begin with."""
    for node in range(nodes.shape[0]):
        excess = nodes[node, EXCESS]
        nodes[node, PARENT] = _NONE if excess == 0 else _ROOT
        if excess != 0:
            nodes[node, LEVEL] = 1 if excess > 0 else -1
            _wait(nodes, node, 0 if excess > 0 else 1, np.int64(1), stacks, tops)
    while True:
        source_stack, sink_stack = _stack(np.int64(0), depths[0]), _stack(np.int64(1), depths[1])
        if tops[source_stack] == 0 or tops[sink_stack] == 0:
            break
        side = 0 if tops[source_stack] <= tops[sink_stack] else 1
        stack = sink_stack if side else source_stack
        while tops[stack] > 0:
            tops[stack] -= 1
            node = np.int64(stacks[stack, tops[stack]])
            nodes[node, WAITS] ^= 1 << stack
            _grow(nodes, slots, node, side, depths, stacks, tops, orphans)
        depths[side] += 1


@leaf_kernel
def _stack(side, level):  # type: ignore[no-untyped-def]
    return 2 * side + level % 2


@leaf_kernel
def _wait(nodes, node, side, level, stacks, tops):  # type: ignore[no-untyped-def]
    """Put a node on the stack of its tree and level, unless it lies there."""
    stack = _stack(side, level)
    if not nodes[node, WAITS] >> stack & 1:
        nodes[node, WAITS] |= 1 << stack
        stacks[stack, tops[stack]] = node
        tops[stack] += 1


@leaf_kernel
def _room(nodes, node, slot, side):  # type: ignore[no-untyped-def]
    """Return the residual capacity from a node to its neighbour, or on the sink's side from that to the node."""
    if side == 0:
        return nodes[node, RESIDUAL + slot]
    return nodes[nodes[node, slot], RESIDUAL + (slot ^ 1)]


@leaf_kernel
def _grow(nodes, slots, node, side, depths, stacks, tops, orphans):  # type: ignore[no-untyped-def]
    """Take a node's free neighbours into its tree, on the level below; push flow where the other tree begins.

    Nothing is done for a node that is no longer in the tree on its lowest complete level.
    """
    sign = 1 - 2 * side
    depth = depths[side]
    slot = 0
    while slot < slots and nodes[node, LEVEL] == sign * depth:
        other = np.int64(nodes[node, slot])
        there = nodes[other, LEVEL] * sign
        if there > 0 or _room(nodes, node, slot, side) == 0:
            slot += 1
        elif there == 0:
            nodes[other, LEVEL] = sign * (depth + 1)
            nodes[other, PARENT] = slot ^ 1
            _wait(nodes, other, side, depth + 1, stacks, tops)
            slot += 1
        else:  # the edge is looked at again: it may have room left, and its end may have been set free
            start, edge = (node, slot) if side == 0 else (other, slot ^ 1)
            end = np.int64(nodes[start, edge])
            flow = min(
                nodes[start, RESIDUAL + edge],
                _least_room(nodes, start, np.int64(0)),
                _least_room(nodes, end, np.int64(1)),
            )
            nodes[start, RESIDUAL + edge] -= flow
            nodes[end, RESIDUAL + (edge ^ 1)] += flow
            for tree in range(2):
                waiting = _push(nodes, end if tree else start, tree, flow, orphans)
                if waiting:
                    lowest = depths[tree] + 1 if tree == side else depths[tree]
                    _adopt(nodes, slots, tree, lowest, depths[tree], waiting, stacks, tops, orphans)


@leaf_kernel
def _least_room(nodes, node, side):  # type: ignore[no-untyped-def]
    """Return how much flow fits between a node and its tree's terminal."""
    least = _UNLIMITED
    while nodes[node, PARENT] != _ROOT:
        slot = np.int64(nodes[node, PARENT])
        least = min(least, _room(nodes, node, slot, 1 - side))
        node = np.int64(nodes[node, slot])
    return min(least, abs(nodes[node, EXCESS]))


@leaf_kernel
def _push(nodes, node, side, flow, orphans):  # type: ignore[no-untyped-def]
    """Push flow between a node and its tree's terminal; list the orphans, the nearest to the terminal first."""
    change = flow if side == 0 else -flow
    waiting = 0
    while nodes[node, PARENT] != _ROOT:
        slot = np.int64(nodes[node, PARENT])
        above = np.int64(nodes[node, slot])
        nodes[node, RESIDUAL + slot] += change
        nodes[above, RESIDUAL + (slot ^ 1)] -= change
        if _room(nodes, node, slot, 1 - side) == 0:
            nodes[node, PARENT] = _ORPHAN
            orphans[waiting] = node
            waiting += 1
        node = above
    nodes[node, EXCESS] -= change
    if nodes[node, EXCESS] == 0:
        nodes[node, PARENT] = _ORPHAN
        orphans[waiting] = node
        waiting += 1
    for i in range(waiting // 2):
        orphans[i], orphans[waiting - 1 - i] = orphans[waiting - 1 - i], orphans[i]
    return waiting


@leaf_kernel
def _adopt(nodes, slots, side, lowest, depth, waiting, stacks, tops, orphans):  # type: ignore[no-untyped-def]
    """Give every orphan the parent that is nearest to the terminal, or set it free if that is beyond ``lowest``.

    ``depth`` is the lowest level that is complete: what comes to lie on it or below is still to grow.
    """
    sign = 1 - 2 * side
    first, last = 0, waiting % orphans.size
    while waiting > 0:
        node = np.int64(orphans[first])
        first = first + 1 if first + 1 < orphans.size else 0
        waiting -= 1
        own = nodes[node, LEVEL] * sign
        nearest, parent = lowest, _NONE
        for slot in range(slots):
            level = nodes[nodes[node, slot], LEVEL] * sign
            if 0 < level < nearest and _room(nodes, node, slot, 1 - side) > 0:
                nearest, parent = level, slot
                if level < own:
                    break
        nodes[node, PARENT] = parent
        if nearest < own:
            continue
        for slot in range(slots):
            child = nodes[node, slot]
            if nodes[child, PARENT] == slot ^ 1:
                nodes[child, PARENT] = _ORPHAN
                orphans[last] = child
                last = last + 1 if last + 1 < orphans.size else 0
                waiting += 1
        if parent == _NONE:
            nodes[node, LEVEL] = 0
        else:
            nodes[node, LEVEL] = sign * (nearest + 1)
            if nearest + 1 >= depth:
                _wait(nodes, node, side, nearest + 1, stacks, tops)


@leaf_kernel
def _mark_reached(nodes, slots, reached, stack):  # type: ignore[no-untyped-def]
    """Mark the nodes that edges with room lead to from the source; ``stack`` is scratch."""
    top = 0
    for node in range(reached.size):
        if nodes[node, EXCESS] > 0:
            reached[node] = True
            stack[top] = node
            top += 1
    while top > 0:
        top -= 1
        node = stack[top]
        for slot in range(slots):
            other = nodes[node, slot]
            if nodes[node, RESIDUAL + slot] > 0 and not reached[other]:
                reached[other] = True
                stack[top] = other
                top += 1
